// The dashboard: the state of the server, second by second, over the last five minutes.
import { Card } from './card.js';
import { el, setText } from './dom.js';
import { compact, count, duration, plural } from './format.js';
import { Nodes } from './nodes.js';
import { PoolTable } from './pooltable.js';

// The limits are those of the alert rules for the server's metrics.
const work = [
  {
    title: 'Frames encoded',
    unit: '/s',
    value: 'frames',
    least: 10,
    lines: [
      { name: 'frames', label: 'encoded', ink: 'accent', fill: 'accent-soft' },
      { name: 'failed', label: 'failed', ink: 'bad', rare: true },
    ],
    note: (s) => (s.failed > 0 ? `${compact(s.failed)} a second failed` : 'none failed'),
  },
  {
    title: 'Encoding a batch',
    unit: 'ms',
    value: 'p99',
    least: 20,
    limits: { target: 300, alert: 500 },
    lines: [
      { name: 'p99', label: 'P99', ink: 'accent' },
      { name: 'p50', label: 'P50', ink: 'muted' },
    ],
    note: (s) => `P99 of 10 s, from its turn on; P50 ${compact(s.p50)} ms`,
    none: 'no batch in the last 10 s',
  },
  {
    title: 'Queue',
    unit: 'waiting',
    value: 'queue',
    whole: true,
    least: 4,
    lines: [
      { name: 'queue', label: 'waiting', ink: 'accent', fill: 'accent-soft' },
      { name: 'running', label: 'running', ink: 'muted' },
    ],
    note: (s) => `${plural(s.running, 'batch', 'batches')} running`,
  },
  {
    title: 'Images to viewers',
    unit: '/s',
    value: 'delivered',
    least: 10,
    lines: [{ name: 'delivered', label: 'delivered', ink: 'accent', fill: 'accent-soft' }],
    note: (s) => `${plural(s.viewers, 'viewer')}, ${compact(s.sent)} Mbit/s`,
  },
];

const traffic = [
  {
    title: 'Processor use',
    unit: '%',
    value: 'cpu',
    least: 10,
    limits: { target: 70, alert: 90 },
    lines: [{ name: 'cpu', label: 'used', ink: 'accent', fill: 'accent-soft' }],
    note: (s) => `of ${plural(s.cores, 'processor')}`,
    none: 'not known yet, or not on this system',
  },
  {
    title: 'Received',
    unit: 'Mbit/s',
    value: 'in',
    least: 1,
    lines: [{ name: 'in', label: 'received', ink: 'accent', fill: 'accent-soft' }],
    note: () => 'over the network, without shared memory',
  },
  {
    title: 'Sent',
    unit: 'Mbit/s',
    value: 'out',
    least: 1,
    lines: [{ name: 'out', label: 'sent', ink: 'accent', fill: 'accent-soft' }],
    note: () => 'over the network, without shared memory',
  },
  {
    title: 'Open requests',
    unit: 'open',
    value: 'open',
    whole: true,
    least: 4,
    lines: [
      { name: 'open', label: 'requests', ink: 'accent', fill: 'accent-soft' },
      { name: 'viewers', label: 'viewers', ink: 'muted' },
    ],
    note: (s) =>
      [`${count(s.encode)} encode`, `${count(s.publish)} publish`, s.mel > 0 && `${count(s.mel)} mel`, plural(s.viewers, 'viewer')]
        .filter(Boolean)
        .join(', '),
  },
];

const memory = [
  {
    title: 'Heap allocation',
    unit: 'MB/s',
    value: 'allocated',
    least: 2,
    limits: { target: 20, alert: 100 },
    lines: [{ name: 'allocated', label: 'allocated', ink: 'accent', fill: 'accent-soft' }],
    note: (s) => `${count(s.objects)} objects a second`,
  },
  {
    title: 'Garbage collections',
    unit: 'a minute',
    value: 'collections',
    whole: true,
    least: 4,
    limits: { target: 2, alert: 12 },
    lines: [{ name: 'collections', label: 'collections', ink: 'accent', fill: 'accent-soft' }],
    note: (s) => `live heap ${compact(s.heap)} MiB`,
  },
  {
    title: 'Longest pause',
    unit: 'ms',
    value: 'pause',
    least: 1,
    limits: { target: 10, alert: 50 },
    lines: [{ name: 'pause', label: 'pause', ink: 'accent', fill: 'accent-soft' }],
    note: () => 'of the collector, in a minute',
    none: 'no collection in the last minute',
  },
  {
    title: 'Resident memory',
    unit: 'MiB',
    value: 'resident',
    least: 32,
    lines: [
      { name: 'resident', label: 'resident', ink: 'accent', fill: 'accent-soft' },
      { name: 'held', label: 'pool', ink: 'muted' },
    ],
    note: (s) => `the pool holds ${compact(s.held)} MiB`,
    none: 'not known on this system',
  },
];

const pool = [
  {
    wide: true,
    title: 'Pool in use',
    unit: 'MiB',
    value: 'inUse',
    least: 4,
    lines: [
      { name: 'inUse', label: 'in use', ink: 'accent', fill: 'accent-soft' },
      { name: 'held', label: 'held', ink: 'muted' },
    ],
    note: (s) => `${compact(s.held)} MiB held, of a budget of ${compact(s.budget)} MiB`,
  },
  {
    wide: true,
    title: 'Pool gets',
    unit: '/s',
    value: 'gets',
    least: 10,
    lines: [
      { name: 'gets', label: 'gets', ink: 'accent', fill: 'accent-soft' },
      { name: 'misses', label: 'misses', ink: 'bad', rare: true },
    ],
    note: (s) => (s.misses > 0 ? `${compact(s.misses)} misses a second` : 'no misses'),
  },
];

export class Dashboard {
  #server;
  #about = el('p', { class: 'summary' });
  #cards = [];
  #table = new PoolTable();
  #nodes = new Nodes();
  #onUpdate = () => this.#update();

  title = 'Server';

  constructor({ server }) {
    this.#server = server;
    const group = (name, specs, ...more) => {
      const added = specs.map((spec) => new Card(server.history, spec));
      this.#cards.push(...added);
      return el(
        'section',
        { class: 'cards', 'aria-label': name },
        el('h2', {}, name),
        ...added.map((card) => card.element),
        ...more,
      );
    };
    this.element = el(
      'section',
      { class: 'dashboard', 'aria-label': 'Server' },
      el('h1', { class: 'unseen' }, 'Server'),
      this.#about,
      this.#nodes.element,
      group('Work', work),
      group('Processor, network and requests', traffic),
      group('Memory and collector', memory),
      group('Buffer pool', pool, this.#table.element),
    );
  }

  open() {
    this.#server.addEventListener('update', this.#onUpdate);
    this.#server.wantCluster(true);
    if (this.#server.stats) this.#update();
  }

  close() {
    this.#server.removeEventListener('update', this.#onUpdate);
    this.#server.wantCluster(false);
    for (const card of this.#cards) card.close();
  }

  key() {
    return false;
  }

  #update() {
    const { stats, lastStats } = this.#server;
    const about = [
      `up ${duration(stats.uptime_s)}`,
      stats.node && `node ${stats.node}`,
      stats.version && `version ${stats.version}`,
      stats.go,
      plural(stats.workers, 'worker'),
      stats.kernels && `kernels: ${stats.kernels}`,
      plural(stats.goroutines, 'goroutine'),
    ];
    setText(this.#about, about.filter(Boolean).join(' · '));
    for (const card of this.#cards) card.update();
    this.#table.update(stats, lastStats);
    this.#nodes.update(this.#server.cluster, this.#server.clock);
  }
}
