// The server's statistics and streams, polled once a second while the page is visible.
import { getJSON, StatusError } from './api.js';
import { Clock } from './clock.js';
import { History } from './history.js';
import { Meter } from './meter.js';
import { names, Rates } from './rates.js';

const every = 1000; // ms
const keptEvery = 5; // seconds: how often the server keeps statistics

export const pageSize = 200; // streams that the wall has at a time, at most

// Stream is one stream, for as long as it is listed.
class Stream {
  meter = new Meter(); // of the images that reach a screen here
  shown = null; // its last sample
  history = new History('in', 'out', 'shown', 'lag');

  constructor(name) {
    this.name = name;
  }

  update(info, time) {
    this.info = info;
    this.shown = this.meter.sample();
    this.history.add(time, { in: info.fps_in, out: info.fps_out, shown: this.shown.fps, lag: this.shown.lag });
  }
}

// Server dispatches 'update' after each response, and 'status' when status changes: 'asking' before the first response,
// 'ok', 'lost' (since is when it was lost, reason its last error), or 'unauthorized'.
export class Server extends EventTarget {
  status = 'asking';
  since = Date.now();
  reason = '';
  clock = new Clock();
  streams = new Map(); // by name: those of the list, and those near one
  list = []; // the streams that the wall has, in its order
  matching = 0; // how many there are of which those are a part
  offset = 0; // how many of these stand before
  totals = null; // over all streams, as GET /v1/streams has them
  near = []; // the stream that is looked at with those before and after it, by name
  stats = null; // as GET /v1/stats has them; null before the first response
  lastStats = null; // those before
  history = new History(...names);
  cluster = null; // as GET /v1/cluster has it, while it is wanted; null where there is none, or it is not known yet
  #query = { search: '', order: 'name', offset: 0 }; // of the list
  #name = ''; // of the stream that is looked at
  #wanted = 0; // counts changes of what is wanted
  #answered = -1; // #wanted of the newest response
  #clusterWanted = false;
  #clusterHidden = false; // from who has but a link
  #rates = new Rates();
  #filled = false; // and going on, second by second
  #timer = 0;
  #asking = false;

  start() {
    document.addEventListener('visibilitychange', () => this.ask());
    this.ask();
  }

  // ask polls now, and from then on.
  async ask() {
    clearTimeout(this.#timer);
    if (document.hidden || this.#asking) return;
    this.#asking = true;
    const begun = performance.now();
    const wanted = this.#wanted;
    try {
      const [list, near, stats, cluster] = await Promise.all([this.#getList(), this.#getNear(), this.#getStats(), this.#getCluster()]);
      await this.#fill(stats);
      if (wanted === this.#wanted) {
        this.#answered = wanted;
        this.cluster = cluster;
        this.#takeStreams(list, near);
        this.#takeStats(stats);
        this.#turn('ok');
        this.dispatchEvent(new Event('update'));
      }
    } catch (error) {
      const unauthorized = error instanceof StatusError && error.status === 401;
      this.#turn(unauthorized ? 'unauthorized' : 'lost', error instanceof StatusError ? error.message : '');
    }
    this.#asking = false;
    clearTimeout(this.#timer);
    if (document.hidden || this.status === 'unauthorized') return; // until somebody looks, or has a token
    const stale = wanted !== this.#wanted && this.status === 'ok';
    this.#timer = setTimeout(() => this.ask(), stale ? 0 : Math.max(100, every - (performance.now() - begun)));
  }

  // current reports whether the streams are those that are wanted. Otherwise they are about to come.
  get current() {
    return this.#answered === this.#wanted;
  }

  // wantList says which part of the streams the wall shows: those with search in their names, in an order that the server has, from
  // an offset on.
  wantList(query) {
    if (Object.entries(query).every(([name, value]) => this.#query[name] === value)) return;
    this.#query = { ...this.#query, offset: 0, ...query };
    this.#want();
  }

  // wantStream says that a stream is looked at, or with '' that none is.
  wantStream(name) {
    if (this.#name === name) return;
    this.#name = name;
    if (name) this.#want();
  }

  #want() {
    this.#wanted++;
    if (this.stats) this.ask();
  }

  #getList() {
    return getJSON('v1/streams', { ...this.#query, limit: pageSize });
  }

  async #getNear() {
    return this.#name ? (await getJSON('v1/streams', { near: this.#name, limit: 3 })).streams : [];
  }

  // wantCluster says whether the cluster is shown. Each poll asks for it meanwhile.
  wantCluster(wanted) {
    this.#clusterWanted = wanted;
    if (!wanted) this.cluster = null;
    else if (this.stats?.node) this.ask();
  }

  async #getCluster() {
    if (!this.#clusterWanted || !this.stats?.node || this.#clusterHidden) return null;
    return getJSON('v1/cluster', { streams: false }).catch((error) => {
      if (!(error instanceof StatusError)) throw error;
      this.#clusterHidden = error.status === 403;
      return null;
    });
  }

  async #getStats() {
    const asked = Date.now();
    const stats = await getJSON('v1/stats');
    this.clock.heard(stats.time * 1000, asked, Date.now());
    return stats;
  }

  // fill fills a history that has nothing of the last seconds, as that of a page that was just opened, with what the server has
  // kept before stats.
  async #fill(stats) {
    const now = Date.now() / 1000;
    if (now - (this.history.times.at(-1) ?? 0) < 2 * keptEvery) return;
    const { samples } = await getJSON('v1/stats', { history: '' }).catch(() => ({ samples: [] }));
    this.history.clear();
    this.#filled = false;
    this.#rates = new Rates();
    for (const sample of samples) {
      if (sample.time >= stats.time) break;
      this.history.add(now - (stats.time - sample.time), this.#rates.add(sample), 2 * keptEvery);
    }
  }

  #takeStreams({ streams, matching, offset, totals }, near) {
    const time = Date.now() / 1000;
    const before = this.streams;
    this.streams = new Map();
    const take = (info) => {
      if (!this.streams.has(info.name)) {
        const stream = before.get(info.name) ?? new Stream(info.name);
        stream.update(info, time);
        this.streams.set(info.name, stream);
      }
      return this.streams.get(info.name);
    };
    this.list = streams.map(take);
    this.near = near.map(take);
    Object.assign(this, { matching, offset, totals });
  }

  #takeStats(stats) {
    this.lastStats = this.stats;
    this.stats = stats;
    const begun = this.#filled ? undefined : 2 * keptEvery; // after the last of fill
    this.#filled = true;
    this.history.add(Date.now() / 1000, this.#rates.add(stats), begun);
  }

  #turn(status, reason = '') {
    this.reason = reason;
    if (this.status === status) return;
    this.status = status;
    this.since = Date.now();
    this.dispatchEvent(new Event('status'));
  }
}
