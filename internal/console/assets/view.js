// <steadyframe-view> shows a live stream on anybody's page, with alpha over whatever is below it:
//
//	<script type="module" src="SERVER/assets/view.js"></script>
//	<steadyframe-view stream="anna"></steadyframe-view>
//
// Attributes, which may change at any time: stream, its name; fps, the most images a second (all by default); sound, to play
// its sound; token, or link, when the server needs one; server, the server's address (that of this file by default). Pages of other
// origins must be listed in the server's http.cors_origins. Browsers play no sound before somebody has clicked on the page, or
// pressed a key: from then on it is heard.
//
// It is as large as its image, unless CSS says otherwise, and dispatches 'image' for each one that it shows, with detail.seq,
// detail.captured (ms since the epoch, by the server's clock) and detail.offline; 'state' with detail.state when that
// changes: online, offline, or unknown while there is no such stream; and 'error' with detail.reason when the server does
// not give it. It goes on trying.
import { HeardClock } from './clock.js';
import { Player } from './player.js';
import { Socket } from './socket.js';
import { Speaker } from './speaker.js';

const sockets = new Map(); // by address: one connection for all views of a server
const unmeasured = { received() {}, painted() {}, late() {} };

const style = new CSSStyleSheet();
style.replaceSync(':host { display: inline-block } canvas { display: block; width: 100%; height: 100% }');

// socketOf returns the connection to a server, given by the address of its WebSocket.
function socketOf(address) {
  if (!sockets.has(address.href)) sockets.set(address.href, new Socket(() => false, () => new URL(address)));
  return sockets.get(address.href);
}

class View extends HTMLElement {
  static observedAttributes = ['stream', 'fps', 'token', 'link', 'server', 'sound'];

  #clock = new HeardClock();
  #player;
  #speaker = null; // while it has the attribute sound
  #watch = null;

  constructor() {
    super();
    const canvas = Object.assign(document.createElement('canvas'), { width: 16, height: 9 });
    canvas.setAttribute('part', 'canvas');
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [style]; // which a policy against inline styles lets pass
    root.append(canvas);
    this.#player = new Player(canvas, this.#clock, unmeasured, ({ seq, captured, offline }) =>
      this.#tell('image', { seq, captured, offline }),
    );
  }

  connectedCallback() {
    this.#begin();
  }

  disconnectedCallback() {
    this.#end();
  }

  attributeChangedCallback(name) {
    if (!this.isConnected) return;
    if (name === 'sound') this.#listen();
    else this.#begin();
  }

  #begin() {
    this.#end();
    const stream = this.getAttribute('stream');
    if (!stream) return;
    const server = this.getAttribute('server') ?? new URL('..', import.meta.url);
    const address = new URL('ws', new URL(server, document.baseURI));
    for (const [attribute, parameter] of Object.entries({ token: 'access_token', link: 'link' })) {
      const secret = this.getAttribute(attribute);
      if (secret) address.searchParams.set(parameter, secret);
    }
    this.#watch = socketOf(address).watch(stream, Number(this.getAttribute('fps')) || 0, {
      take: (image) => {
        this.#clock.heard(image.sent);
        this.#player.take(image);
      },
      hear: (piece) => {
        this.#clock.heard(piece.sent);
        this.#speaker.take(piece);
      },
      state: (state) => this.#tell('state', { state }),
      fail: (reason) => this.#tell('error', { reason }),
    });
    this.#listen();
  }

  // listen plays the sound, or ends it, as the attribute says.
  #listen() {
    const on = this.#watch !== null && this.hasAttribute('sound');
    if (on === (this.#speaker !== null)) return;
    if (on) {
      this.#speaker = new Speaker(this.#clock);
      this.#speaker.start();
    } else {
      this.#speaker.stop();
      this.#speaker = null;
    }
    this.#player.pace = this.#speaker?.pace ?? null;
    this.#watch?.listen(on);
  }

  #end() {
    this.#watch?.close();
    this.#watch = null;
    this.#listen();
    this.#player.stop();
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

// A page may have it from several servers.
if (!customElements.get('steadyframe-view')) customElements.define('steadyframe-view', View);
