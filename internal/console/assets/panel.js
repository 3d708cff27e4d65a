// Panels: content in a frame below a title.
import { el, setText } from './dom.js';
import { unknown } from './format.js';

// panel returns a panel.
export function panel(title, ...children) {
  return el('section', { class: 'panel' }, el('h2', {}, title), ...children);
}

// Figures is a list of named values. Its argument maps keys to names.
export class Figures {
  #values = new Map();

  constructor(names) {
    this.element = el('dl', { class: 'values' });
    for (const [key, name] of Object.entries(names)) {
      const value = el('dd', {}, unknown);
      this.#values.set(key, value);
      this.element.append(el('div', {}, el('dt', {}, name), value));
    }
  }

  // set shows a value; null hides its name, too.
  set(key, text) {
    const value = this.#values.get(key);
    value.parentElement.hidden = text === null;
    setText(value, text ?? '');
  }
}
