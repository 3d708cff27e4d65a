// Chart is a small chart of the last minutes, drawn by uPlot in the page's colours.
import uPlot from './vendor/uplot/uPlot.esm.js';
import { el } from './dom.js';
import { compact } from './format.js';
import { span } from './history.js';

const root = document.documentElement;
const axisFont = '11px system-ui, sans-serif';

// colour returns what a colour of the style sheet is in the present theme.
function colour(name) {
  const probe = el('span', { class: 'probe' });
  probe.style.color = `var(--${name})`;
  root.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// palette returns a function from names to colours that looks them up once for each theme.
function palette() {
  let known = new Map();
  root.addEventListener('themechange', () => (known = new Map()));
  return (name) => {
    if (!known.has(name)) known.set(name, colour(name));
    return known.get(name);
  };
}

const ink = palette();

// thresholds returns a plugin that draws a dashed line at each limit in sight.
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

export class Chart {
  #plot;
  #history;
  #names;
  #observer;
  #onTheme = () => this.#plot?.redraw();

  // lines are { name, label, ink, fill } of a History; format is for the values of the axis; least is the height that the
  // axis shows at least, and limits are { value, ink }. onCursor(i) is called with the index of the sample under the
  // pointer, null when it leaves.
  constructor(history, { lines, label, format = compact, least = 1, limits = [], height = 96, onCursor = () => {} }) {
    this.#history = history;
    this.#names = lines.map((line) => line.name);
    this.element = el('div', { class: 'chart', role: 'img', 'aria-label': `${label}, the last minutes` });
    this.#plot = new uPlot({
      width: 300, height, legend: { show: false }, padding: [6, 6, 0, 0],
      plugins: [limitLines(limits)],
      hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
      cursor: { sync: { key: 'steadyframe', setSeries: false }, drag: { x: false, y: false }, y: false, points: { size: 6 } },
      scales: { x: { range: () => this.#range() }, y: { range: (_, low, high) => [0, Math.max(high ?? 0, least) * 1.12] } },
      axes: [
        { stroke: () => ink('muted'), font: axisFont, size: 20, gap: 3, space: 70, grid: { show: false }, ticks: { show: false },
          incrs: [60, 120, 300], values: (_, times) => times.map(minute) },
        { stroke: () => ink('muted'), font: axisFont, size: 38, gap: 4, space: 28, ticks: { show: false },
          grid: { stroke: () => ink('line'), width: 1 }, values: (_, values) => values.map(format) },
      ],
      series: [{}, ...lines.map((line) => ({
        stroke: () => ink(line.ink), width: 1.5, points: { show: false }, spanGaps: false,
        fill: line.fill ? () => ink(line.fill) : undefined,
      }))],
    }, history.data(...this.#names), this.element);
    this.#observer = new ResizeObserver(([entry]) => this.#plot.setSize({ width: Math.floor(entry.contentRect.width), height }));
    this.#observer.observe(this.element);
    root.addEventListener('themechange', this.#onTheme);
  }

  // update draws what the history has now.
  update() {
    this.#plot.setData(this.#history.data(...this.#names));
  }

  close() {
    this.#observer.disconnect();
    root.removeEventListener('themechange', this.#onTheme);
    this.#plot.destroy();
    this.#plot = null;
  }

  #range() {
    const now = this.#history.times.at(-1) ?? Date.now() / 1000;
    return [now - span, now];
  }
}

const minute = (time) => new Date(time * 1000).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false });
