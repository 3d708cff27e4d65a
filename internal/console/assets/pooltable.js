// PoolTable is the buffer pool by size class, and its memory against the budget.
import { el, setText } from './dom.js';
import { classSize, compact, count, fixed, mebibytes, unknown } from './format.js';
import { classRates } from './rates.js';

const enough = 100; // gets, for a ratio to mean something: the first are always misses

const columns = ['Class', 'In use', 'Idle', 'Gets/s', 'Misses/s', 'Misses', 'Miss ratio'];

export class PoolTable {
  #body = el('tbody');
  #bar = {
    inUse: el('span', { class: 'bar-in-use' }),
    idle: el('span', { class: 'bar-idle' }),
    text: el('p', { class: 'note' }),
  };

  constructor() {
    this.element = el(
      'section',
      { class: 'panel pool' },
      el('h3', {}, 'Pool, by size class'),
      el('div', { class: 'budget', 'aria-hidden': 'true' }, this.#bar.inUse, this.#bar.idle),
      this.#bar.text,
      el(
        'div',
        { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Pool, by size class' },
        el(
          'table',
          {},
          el('thead', {}, el('tr', {}, ...columns.map((name) => el('th', { scope: 'col' }, name)))),
          this.#body,
        ),
      ),
    );
  }

  // update shows the pool of stats; last are those before, or null.
  update(stats, last) {
    const { pool } = stats;
    const share = (bytes) => `${(100 * bytes) / pool.budget}%`;
    this.#bar.inUse.style.width = share(pool.in_use);
    this.#bar.idle.style.width = share(pool.idle);
    setText(
      this.#bar.text,
      `${mebibytes(pool.in_use)} in use, ${mebibytes(pool.idle)} idle, of a budget of ${mebibytes(pool.budget)}; ` +
        `${mebibytes(pool.admitted)} admitted, ${count(pool.waiting)} waiting, ${count(pool.refused)} refused`,
    );
    const rates = last ? classRates(last, stats) : new Map();
    while (this.#body.childElementCount > pool.classes.length) this.#body.lastElementChild.remove();
    const busy = (c) => c.in_use > 0 || rates.get(c.size)?.gets > 0;
    const classes = [...pool.classes.filter(busy), ...pool.classes.filter((c) => !busy(c))];
    classes.forEach((c, i) => {
      const row = this.#body.children[i] ?? this.#add();
      const rate = rates.get(c.size) ?? { gets: null, misses: null };
      const cells = [
        classSize(c.size),
        count(c.in_use),
        count(c.idle),
        compact(rate.gets),
        compact(rate.misses),
        count(c.misses),
        c.gets >= enough ? `${fixed((100 * c.misses) / c.gets, 2)} %` : unknown,
      ];
      cells.forEach((text, k) => setText(row.children[k], text));
    });
  }

  #add() {
    const row = el('tr', {}, ...columns.map(() => el('td')));
    this.#body.append(row);
    return row;
  }
}
