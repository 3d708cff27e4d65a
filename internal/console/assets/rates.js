// Rates turns the counters of GET /v1/stats into rates: the difference of two samples over their time.

// The names of the figures. Times are in ms, memory is in MiB, allocation in MB/s, traffic in Mbit/s, cpu in % of all cores.
const perSecond = ['frames', 'failed', 'delivered', 'sent', 'allocated', 'objects', 'gets', 'misses', 'cpu', 'in', 'out'];
const lately = ['p50', 'p99', 'collections', 'pause']; // of batches in 10 s; how many and the longest, in a minute
const present = ['inUse', 'held', 'budget', 'resident', 'heap', 'queue', 'running', 'open', 'viewers', 'cores'];
const kinds = ['encode', 'publish', 'mel']; // of open requests
export const names = [...perSecond, ...lately, ...present, ...kinds];

const MiB = 2 ** 20;
const windows = { batches: 10, collections: 60 }; // seconds: one is too short for these

// quantile returns the quantile q, in seconds, of the durations counted between two histograms; null without any. The
// histograms are cumulative, and begin and end with a count above zero.
export function quantile(before, after, q) {
  const total = after.count - before.count;
  if (total <= 0) return null;
  let i = 0;
  let counted = 0;
  for (let k = 0; k < after.le.length; k++) {
    while (i < before.le.length && before.le[i] <= after.le[k]) counted = before.counts[i++];
    if (after.counts[k] - counted >= q * total) return after.le[k];
  }
  return after.le.at(-1) ?? null;
}

export class Rates {
  #past = []; // statistics of the last minute, oldest first

  // add notes the newest statistics and returns the current figures. They are null when the server has just started.
  add(stats) {
    const last = this.#past.at(-1);
    if (last && (stats.uptime_s < last.uptime_s || stats.time <= last.time)) this.#past = [];
    this.#past.push(stats);
    while (this.#past.length > 2 && this.#past[1].time <= stats.time - windows.collections) this.#past.shift();
    const then = this.#past.at(-2);
    return { ...this.#state(stats), ...(then ? this.#flow(then, stats) : {}), ...this.#windowed(stats) };
  }

  #state({ pool, rss_bytes: resident, heap, queue_depth: queue, running, open_requests, open, live, cores }) {
    return {
      inUse: pool.in_use / MiB,
      held: pool.held / MiB,
      budget: pool.budget / MiB,
      resident: resident > 0 ? resident / MiB : null,
      heap: heap.live_bytes / MiB,
      queue,
      running,
      open: open_requests,
      viewers: live.viewers,
      cores,
      encode: open.encode,
      publish: open.publish,
      mel: open.mel,
    };
  }

  #flow(then, now) {
    const rate = (read) => (read(now) - read(then)) / (now.time - then.time);
    return {
      frames: rate((s) => s.frames.ok),
      failed: rate((s) => s.frames.failed),
      delivered: rate((s) => s.live.delivered),
      sent: (rate((s) => s.live.bytes) * 8) / 1e6,
      allocated: rate((s) => s.heap.allocs_bytes) / 1e6,
      objects: rate((s) => s.heap.allocs_objects),
      gets: rate((s) => s.pool.gets),
      misses: rate((s) => s.pool.misses),
      cpu: now.cpu_seconds > 0 ? (100 * rate((s) => s.cpu_seconds)) / now.cores : null,
      in: (rate((s) => s.network.in_bytes) * 8) / 1e6,
      out: (rate((s) => s.network.out_bytes) * 8) / 1e6,
    };
  }

  #windowed(now) {
    const since = (seconds) => this.#past.find((s) => s.time >= now.time - seconds - 0.5);
    const batches = since(windows.batches).batch_seconds;
    const minute = since(windows.collections);
    const milliseconds = (seconds) => (seconds === null ? null : seconds * 1e3);
    return {
      p50: milliseconds(quantile(batches, now.batch_seconds, 0.5)),
      p99: milliseconds(quantile(batches, now.batch_seconds, 0.99)),
      collections: now === minute ? null : now.gc.cycles - minute.gc.cycles,
      pause: milliseconds(quantile(minute.gc.pauses, now.gc.pauses, 1)),
    };
  }
}

// classRates returns the gets and misses a second of each size class, by size.
export function classRates(then, now) {
  const rates = new Map();
  const seconds = now.time - then.time;
  const before = new Map(then.pool.classes.map((c) => [c.size, c]));
  for (const c of now.pool.classes) {
    const b = before.get(c.size) ?? { gets: 0, misses: 0 };
    if (seconds > 0) rates.set(c.size, { gets: (c.gets - b.gets) / seconds, misses: (c.misses - b.misses) / seconds });
  }
  return rates;
}
