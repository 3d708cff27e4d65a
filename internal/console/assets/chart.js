// Chart is a small chart of the last minutes, drawn by uPlot in the page's colors.
import uPlot from './vendor/uplot/uPlot.esm.js';
import { el } from './dom.js';
import { tick } from './format.js';
import { span } from './history.js';

const root = document.documentElement;
const axisFont = '11px system-ui, sans-serif';

// color returns a color of the style sheet in the present theme.
function color(name) {
  const probe = el('span', { class: 'probe' });
  probe.style.color = `var(--${name})`;
  root.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// palette returns a function from names to colors that looks them up once for each theme.
function palette() {
  let known = new Map();
  root.addEventListener('themechange', () => (known = new Map()));
  return (name) => {
    if (!known.has(name)) known.set(name, color(name));
    return known.get(name);
  };
}

const ink = palette();

// limitLines returns a plugin that draws a dashed line at each visible limit.
function limitLines(limits) {
  return {
    hooks: {
      drawAxes: (plot) => {
        const { ctx, bbox } = plot;
        ctx.save();
        ctx.lineWidth = devicePixelRatio;
        ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
        for (const { value, ink: name } of limits) {
          const y = Math.round(plot.valToPos(value, 'y', true));
          if (y < bbox.top) continue;
          ctx.strokeStyle = ink(name);
          ctx.beginPath();
          ctx.moveTo(bbox.left, y);
          ctx.lineTo(bbox.left + bbox.width, y);
          ctx.stroke();
        }
        ctx.restore();
      },
    },
  };
}

// roundTop returns a round number above a value, whose half is round too: where the axis ends.
export function roundTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 4, 6, 8, 10].find((step) => step * power >= value * (1 - 1e-9));
}

const xAxis = {
  stroke: () => ink('muted'),
  font: axisFont,
  size: 22,
  gap: 6,
  grid: { show: false },
  ticks: { show: false },
  splits: (plot) => ago(plot.scales.x),
  values: (plot, times) => times.map((time) => howLongAgo(plot.scales.x.max - time)),
};

const yAxis = {
  stroke: () => ink('muted'),
  font: axisFont,
  size: 38,
  gap: 4,
  space: 28,
  ticks: { show: false },
  grid: { stroke: () => ink('line'), width: 1 },
  splits: (plot) => [0, plot.scales.y.max / 2, plot.scales.y.max],
  values: (_, values) => values.map(tick),
};

const cursor = {
  sync: { key: 'steadyframe', setSeries: false }, // all charts of the page show the same time
  drag: { x: false, y: false },
  y: false,
  points: { size: 6 },
};

// seriesOf returns how uPlot draws a line. A rare one (failures) is not drawn while it is zero.
const seriesOf = ({ ink: name, fill, rare }) => ({
  stroke: (plot, i) => (rare && !plot.data[i].some((value) => value > 0) ? 'transparent' : ink(name)),
  fill: fill ? () => ink(fill) : undefined,
  width: 1.5,
  points: { show: false },
});

export class Chart {
  #plot;
  #history;
  #names;
  #observer;
  #onTheme = () => this.#plot.redraw();

  // lines are { name, ink, fill, rare } of a History, the first on top; least is the height that the axis shows at
  // least, and limits are { value, ink }. onCursor(i) is called with the index of the sample under the pointer, null
  // when it leaves.
  constructor(history, { lines, label, least = 1, limits = [], onCursor = () => {} }) {
    const drawn = lines.toReversed();
    this.#history = history;
    this.#names = drawn.map((line) => line.name);
    this.element = el('div', { class: 'chart', role: 'img', 'aria-label': `${label}, the last minutes` });
    const options = {
      width: 300,
      height: 96,
      legend: { show: false },
      padding: [9, 6, 0, 0], // half of the top label above
      plugins: [limitLines(limits)],
      hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
      cursor,
      scales: {
        x: { range: () => this.#range() },
        y: { range: (_, low, high) => [0, roundTop(Math.max(high || 0, least))] },
      },
      axes: [xAxis, yAxis],
      series: [{}, ...drawn.map(seriesOf)],
    };
    this.#plot = new uPlot(options, history.data(...this.#names), this.element);
    this.#observer = new ResizeObserver(
      ([
        {
          contentRect: { width, height },
        },
      ]) => {
        this.#plot.setSize({ width: Math.floor(width), height: Math.floor(height) });
      },
    );
    this.#observer.observe(this.element);
    root.addEventListener('themechange', this.#onTheme);
  }

  // update draws the history.
  update() {
    this.#plot.setData(this.#history.data(...this.#names));
  }

  close() {
    this.#observer.disconnect();
    root.removeEventListener('themechange', this.#onTheme);
    this.#plot.destroy();
  }

  // range is the span of the samples, but a minute at least: a page that was just opened shows more than a corner.
  #range() {
    const now = this.#history.times.at(-1) ?? Date.now() / 1000;
    const first = this.#history.times[0] ?? now;
    return [now - Math.min(Math.max(now - first, 60), span), now];
  }
}

// ago returns the times of the axis's labels, counted from the newest: those do not move.
function ago({ min, max }) {
  const step = [15, 30, 60].find((seconds) => (max - min) / seconds <= 5) ?? 60;
  const labels = Math.floor((0.95 * (max - min)) / step); // none at the corner, where the other axis begins
  return Array.from({ length: labels }, (_, i) => max - (labels - i) * step);
}

function howLongAgo(time) {
  const seconds = Math.round(time);
  return seconds % 60 === 0 ? `−${seconds / 60} min` : `−${seconds} s`;
}

// legend names the lines of a chart.
export function legend(lines) {
  return el(
    'p',
    { class: 'legend' },
    ...lines.flatMap(({ label, ink }) => [el('span', { class: `key ${ink}` }), label]),
  );
}
