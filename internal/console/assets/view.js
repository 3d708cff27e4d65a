// <steadyframe-view> shows a live stream on anybody's page, with alpha over whatever is below it:
//
//	<script type="module" src="SERVER/assets/view.js"></script>
//	<steadyframe-view stream="anna"></steadyframe-view>
//
// Attributes, which may change at any time: stream, its name; fps, the most images a second (all by default); token, when
// the server needs one; server, the server's address (that of this file by default). Pages of other origins must be listed
// in the server's http.cors_origins.
//
// It is as large as its image, unless CSS says otherwise, and dispatches 'image' for each one that it shows, with detail.seq,
// detail.captured (ms since the epoch, by the server's clock) and detail.offline; 'state' with detail.state when that
// changes: online, offline, or unknown while there is no such stream; and 'error' with detail.reason when the server does
// not give it. It goes on trying.
import { Player } from './player.js';
import { Socket } from './socket.js';

const sockets = new Map(); // by address: one connection for all views of a server
const clock = { now: () => Date.now() };
const unmeasured = { received() {}, painted() {}, late() {} };

const style = new CSSStyleSheet();
style.replaceSync(':host { display: inline-block } canvas { display: block; width: 100%; height: 100% }');

// socketOf returns the connection to a server, given by the address of its WebSocket.
function socketOf(address) {
  if (!sockets.has(address.href)) sockets.set(address.href, new Socket(() => false, () => new URL(address)));
  return sockets.get(address.href);
}

class View extends HTMLElement {
  static observedAttributes = ['stream', 'fps', 'token', 'server'];

  #player;
  #watch = null;

  constructor() {
    super();
    const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 9 });
    canvas.setAttribute('part', 'canvas');
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [style]; // which a policy against inline styles lets pass
    root.append(canvas);
    this.#player = new Player(canvas, clock, unmeasured, ({ seq, captured, offline }) =>
      this.#tell('image', { seq, captured, offline }),
    );
  }

  connectedCallback() {
    this.#begin();
  }

  disconnectedCallback() {
    this.#end();
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#begin();
  }

  #begin() {
    this.#end();
    const stream = this.getAttribute('stream');
    if (!stream) return;
    const server = this.getAttribute('server') ?? new URL('..', import.meta.url);
    const address = new URL('ws', new URL(server, document.baseURI));
    const token = this.getAttribute('token');
    if (token) address.searchParams.set('access_token', token);
    this.#watch = socketOf(address).watch(stream, Number(this.getAttribute('fps')) || 0, {
      take: (image) => this.#player.take(image),
      state: (state) => this.#tell('state', { state }),
      fail: (reason) => this.#tell('error', { reason }),
    });
  }

  #end() {
    this.#watch?.close();
    this.#watch = null;
    this.#player.stop();
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// A page may have it from several servers.
if (!customElements.get('steadyframe-view')) customElements.define('steadyframe-view', View);
