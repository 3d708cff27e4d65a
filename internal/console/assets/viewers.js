// Viewers is the table of a stream's viewers: which are slow, and by how much.
import { el, setText } from './dom.js';
import { bytes, count, duration, fps, milliseconds } from './format.js';

const columns = ['Viewer', 'Transport', 'Time', 'fps', 'Lag', 'Dropped', 'Sent'];

export class Viewers {
  #rows = new Map(); // by the viewer's id
  #body = el('tbody');
  #none = el('p', { class: 'none' }, 'No viewers.');
  #table = el(
    'table',
    {},
    el('thead', {}, el('tr', {}, ...columns.map((name) => el('th', { scope: 'col' }, name)))),
    this.#body,
  );

  constructor() {
    this.element = el('div', { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Viewers' }, this.#table, this.#none);
  }

  // update shows the viewers of a stream; the lag of one that is not online means nothing.
  update({ viewers, state }, clock) {
    this.#none.hidden = viewers.length > 0;
    this.#table.hidden = viewers.length === 0;
    const now = new Set(viewers.map((viewer) => viewer.id));
    for (const [id, row] of this.#rows) {
      if (now.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const viewer of viewers) {
      const row = this.#rows.get(viewer.id) ?? this.#add(viewer.id);
      const cells = [
        viewer.peer,
        viewer.transport,
        duration(clock.since(viewer.since)),
        fps(viewer.fps),
        milliseconds(state === 'online' ? viewer.lag_ms : null),
        count(viewer.dropped),
        bytes(viewer.bytes),
      ];
      cells.forEach((text, i) => setText(row.children[i], text));
    }
  }

  #add(id) {
    const row = el('tr', {}, ...columns.map(() => el('td')));
    this.#rows.set(id, row);
    this.#body.append(row);
    return row;
  }
}
