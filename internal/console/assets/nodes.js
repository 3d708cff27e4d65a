// Nodes is the cluster as this server knows it: how nodes find each other, and how each of them is.
import { el, setText } from './dom.js';
import { count, duration, milliseconds, plural, unknown } from './format.js';

const columns = ['Node', 'State', 'Streams', 'Viewers', 'Pulls', 'Queue wait', 'Heard', 'Up', 'Version', 'Address'];

const kinds = { embedded: 'embedded NATS', nats: 'external NATS', static: 'a fixed list of servers' };

export class Nodes {
  #rows = new Map(); // by name
  #body = el('tbody');
  #directory = el('p', { class: 'note' });
  #missing = el('p', { class: 'note', hidden: true });

  constructor() {
    this.element = el(
      'section',
      { class: 'cards', 'aria-label': 'Cluster', hidden: true },
      el('h2', {}, 'Cluster'),
      el(
        'section',
        { class: 'panel nodes' },
        el('h3', {}, 'Nodes'),
        this.#directory,
        this.#missing,
        el(
          'div',
          { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': 'Nodes' },
          el(
            'table',
            {},
            el('thead', {}, el('tr', {}, ...columns.map((name) => el('th', { scope: 'col' }, name)))),
            this.#body,
          ),
        ),
      ),
    );
  }

  // update shows a cluster as GET /v1/cluster has it; null hides all.
  update(cluster, clock) {
    this.element.hidden = cluster === null;
    if (cluster === null) return;
    const { directory, nodes } = cluster;
    this.element.dataset.state = directory.state;
    setText(this.#directory, about(cluster, clock));
    const missing = nodes.filter((node) => node.reason);
    this.#missing.hidden = missing.length === 0;
    setText(this.#missing, missing.map((node) => `No response of ${node.name}: ${node.reason}`).join(' · '));
    const names = new Set(nodes.map((node) => node.name));
    for (const [name, row] of this.#rows) {
      if (names.has(name)) continue;
      row.remove();
      this.#rows.delete(name);
    }
    nodes.forEach((node, i) => {
      const row = this.#rows.get(node.name) ?? this.#add(node.name);
      if (this.#body.children[i] !== row) this.#body.insertBefore(row, this.#body.children[i] ?? null);
      row.dataset.state = node.state;
      const cells = [
        node.self ? `${node.name}, this one` : node.name,
        node.state,
        count(node.streams),
        count(node.viewers),
        count(node.pulls),
        milliseconds(node.queue_wait_ms),
        node.self ? unknown : node.age_ms === undefined ? 'never' : `${milliseconds(node.age_ms)} ago`,
        node.started ? duration(clock.since(node.started)) : unknown,
        node.version ?? unknown,
        node.address,
      ];
      cells.forEach((text, k) => setText(row.children[k], text));
    });
  }

  #add(name) {
    const row = el('tr', {}, ...columns.map((_, i) => el('td', i === 1 ? { class: 'state' } : {})));
    this.#rows.set(name, row);
    this.#body.append(row);
    return row;
  }
}

// about says how nodes find each other, and whether they can.
function about({ cluster, directory, nodes }, clock) {
  const { kind, state, since, reason } = directory;
  const parts = [
    cluster,
    plural(nodes.length, 'node'),
    plural(nodes.reduce((sum, node) => sum + node.viewers, 0), 'viewer'),
    `they find each other by ${kinds[kind] ?? kind}`,
  ];
  if (state === 'connected') parts.push(`connected for ${duration(clock.since(since))}`);
  if (state === 'frozen') parts.push(`without a connection for ${duration(clock.since(since))}: what is known of others is from then`);
  if (reason) parts.push(reason);
  return parts.filter(Boolean).join(' · ');
}
