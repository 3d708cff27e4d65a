// Card is one figure of the dashboard: its value, its limits, and a chart of the last minutes. While the pointer is on
// a chart, all cards show the values at that time.
import { Chart, legend } from './chart.js';
import { el, setText } from './dom.js';
import { clockTime, compact, count } from './format.js';

export class Card {
  #history;
  #spec;
  #value = el('span', { class: 'value' });
  #verdict = el('span', { class: 'verdict' });
  #note = el('p', { class: 'note' });
  #chart;
  #at; // the sample under the pointer, undefined for the newest

  // spec has title, unit, value (the name of the figure in the History), lines (as Chart has them, each with a label),
  // and may have whole (for what is counted), least, limits ({ target, alert }: what to stay below), note(sample), and
  // none, what to say when there is no value, and wide, for the width of two.
  constructor(history, spec) {
    this.#history = history;
    this.#spec = spec;
    const limits = spec.limits
      ? [
          { value: spec.limits.target, ink: 'warn' },
          { value: spec.limits.alert, ink: 'bad' },
        ]
      : [];
    this.#chart = new Chart(history, {
      lines: spec.lines,
      label: `${spec.title}, ${spec.unit}`,
      least: spec.least,
      limits,
      onCursor: (i) => {
        this.#at = i ?? undefined;
        this.#show();
      },
    });
    this.element = el(
      'section',
      { class: spec.wide ? 'panel card wide' : 'panel card' },
      el('h3', {}, spec.title),
      spec.lines.length > 1 ? legend(spec.lines) : undefined,
      el('p', { class: 'headline' }, this.#value, el('span', { class: 'unit' }, spec.unit), this.#verdict),
      this.#note,
      this.#chart.element,
    );
  }

  update() {
    this.#show();
    this.#chart.update();
  }

  close() {
    this.#chart.close();
  }

  #show() {
    const { value: name, limits, note, none = '' } = this.#spec;
    const sample = this.#history.at(this.#at);
    const value = sample[name];
    const state =
      !limits || value === null ? '' : value > limits.alert ? 'bad' : value > limits.target ? 'warn' : 'good';
    this.element.dataset.state = state;
    setText(this.#value, this.#spec.whole ? count(value) : compact(value));
    setText(this.#verdict, limits ? verdict(state, limits) : '');
    const text = value === null ? none : (note?.(sample) ?? '');
    setText(this.#note, this.#at === undefined ? text : `${clockTime(this.#history.times[this.#at] * 1000)} ${text}`);
  }
}

// verdict says in words what the color means.
function verdict(state, { target, alert }) {
  if (state === 'bad') return `above ${alert}: look into it`;
  return state === 'warn' ? `above the target of ${target}` : `target below ${target}`;
}
