// The one WebSocket: any number of streams, watched and unwatched by messages, so that the browser's few connections to
// a host are enough for a wall of them. Images are acknowledged once painted or thrown away; the server sends at most
// two more than that, always its newest, so a slow page gets fewer images, never old ones.
import { loadable } from './api.js';

const protocol = 'steadyframe.v1';
const version = 1; // of the images' header
const flags = { offline: 1, repeat: 2, alpha: 4, sound: 8 };
const headBytes = 32;
const backOff = { first: 250, most: 5000 }; // ms
// So many connections that fail while the server responds over HTTP mean that WebSockets are blocked on the way.
const refusals = 3;

const askAgain = 5000; // ms, after the server could not give a stream

// Watch is a stream that a view shows.
class Watch {
  listens = false;

  constructor(socket, id, stream, fps, viewer) {
    Object.assign(this, { socket, id, stream, fps, viewer });
  }

  close() {
    this.socket.leave(this);
  }

  // listen asks for the stream's sound, whenever it has some, or for no more of it. viewer.hear is called with each piece.
  listen(on) {
    if (on === this.listens) return;
    this.listens = on;
    this.socket.listen(this);
  }
}

// Socket keeps one connection open for as long as there are watches, and makes it again when it is lost. It dispatches
// 'status' when connected or refused changes.
export class Socket extends EventTarget {
  #alive; // () => whether the server responds over HTTP
  #address; // () => the URL to connect to
  #ws = null;
  #watches = new Map(); // by id
  #lastID = 0;
  #delay = backOff.first;
  #timer = 0;
  #failures = 0;

  constructor(alive, address = () => loadable('ws')) {
    super();
    this.#alive = alive;
    this.#address = address;
  }

  get connected() {
    return this.#ws?.readyState === WebSocket.OPEN;
  }

  get refused() {
    return this.#failures >= refusals;
  }

  // watch begins a stream, with at most fps images a second (0: all), and returns a Watch to close. viewer.take is
  // called with each image, and calls its acknowledge once it is painted or thrown away. viewer.fail is called with the
  // reason when the server cannot give it the stream; the socket will ask again. viewer.state, if there is one, is called
  // with the stream's state.
  watch(stream, fps, viewer) {
    this.#lastID++;
    const watch = new Watch(this, this.#lastID, stream, fps, viewer);
    this.#watches.set(watch.id, watch);
    if (this.connected) this.#ask(watch);
    else if (!this.#ws && !this.#timer) this.#connect();
    return watch;
  }

  leave(watch) {
    if (this.#watches.delete(watch.id) && this.connected) this.#tell({ op: 'unwatch', id: watch.id });
  }

  listen({ id, listens }) {
    if (this.connected && this.#watches.has(id)) this.#tell({ op: listens ? 'listen' : 'mute', id });
  }

  // retry connects now instead of later, after a change.
  retry() {
    this.#delay = backOff.first;
    if (!this.connected) this.#failures = 0;
    if (!this.#timer) return;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#connect();
  }

  #connect() {
    const address = this.#address();
    address.protocol = address.protocol.replace('http', 'ws');
    const ws = new WebSocket(address, protocol);
    this.#ws = ws;
    ws.binaryType = 'arraybuffer';
    ws.onopen = () => {
      this.#failures = 0;
      for (const watch of this.#watches.values()) this.#ask(watch);
      this.#changed();
    };
    ws.onmessage = ({ data }) => {
      this.#delay = backOff.first; // not when it opens: a full server may close it at once
      if (typeof data === 'string') this.#heard(JSON.parse(data));
      else this.#received(data);
    };
    ws.onclose = ({ reason }) => this.#lost(reason);
  }

  #lost(reason) {
    this.#ws = null;
    if (reason) for (const watch of this.#watches.values()) watch.viewer.fail(reason);
    this.#failures = this.#alive() ? this.#failures + 1 : 0;
    if (this.#watches.size > 0) {
      // Partly random, so that not all pages reconnect at once to a server that restarts.
      const delay = this.#delay * (0.8 + 0.4 * Math.random());
      this.#timer = setTimeout(() => {
        this.#timer = 0;
        this.#connect();
      }, delay);
      this.#delay = Math.min(this.#delay * 2, backOff.most);
    }
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('status'));
  }

  #ask(watch) {
    const { id, stream, fps } = watch;
    this.#tell(fps > 0 ? { op: 'watch', stream, id, fps } : { op: 'watch', stream, id });
    if (watch.listens) this.listen(watch);
  }

  #tell(message) {
    this.#ws.send(JSON.stringify(message));
  }

  // heard handles a text message.
  #heard({ op, id, reason, state }) {
    const watch = this.#watches.get(id);
    if (op === 'state') watch?.viewer.state?.(state);
    if (op !== 'error' || !watch) return;
    watch.viewer.fail(reason);
    setTimeout(() => this.connected && this.#watches.has(id) && this.#ask(watch), askAgain);
  }

  // received handles a message with an image or sound: its header is all numbers, big endian.
  #received(data) {
    const view = new DataView(data);
    if (data.byteLength < headBytes || view.getUint8(0) !== version) return;
    const watch = this.#watches.get(view.getUint32(4));
    if (!watch) return; // closed a moment ago
    const ws = this.#ws;
    const seq = view.getBigUint64(8);
    const has = (flag) => (view.getUint8(1) & flag) !== 0;
    const begin = view.getUint16(2);
    // ms since the epoch, by the server's clock
    const captured = Number(view.getBigUint64(16)) / 1000;
    const sent = Number(view.getBigUint64(24)) / 1000;
    if (has(flags.sound)) {
      const samples = new Int16Array(data, begin); // little endian, as every processor that has a browser
      const [rate, channels] = [view.getUint32(headBytes), view.getUint16(headBytes + 4)];
      if (watch.listens) watch.viewer.hear({ samples, rate, channels, captured, sent }); // else muted a moment ago
      return;
    }
    const end = has(flags.alpha) ? begin + view.getUint32(headBytes) : data.byteLength;
    watch.viewer.take({
      jpeg: new Uint8Array(data, begin, end - begin), // color, multiplied by alpha where there is alpha
      alpha: has(flags.alpha) ? new Uint8Array(data, end) : null, // a gray JPEG
      seq,
      captured,
      sent,
      offline: has(flags.offline),
      repeat: has(flags.repeat),
      acknowledge: () => this.#acknowledge(ws, watch, seq),
    });
  }

  #acknowledge(ws, watch, seq) {
    if (ws !== this.#ws || !this.connected || !this.#watches.has(watch.id)) return;
    const message = new DataView(new ArrayBuffer(12));
    message.setUint32(0, watch.id);
    message.setBigUint64(4, seq);
    ws.send(message.buffer);
  }
}
