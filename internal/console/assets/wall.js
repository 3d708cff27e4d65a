// The wall: all streams, live. Tiles out of sight, and all of them while the page is hidden, stop.
import { command, pushing } from './commands.js';
import { el, setText } from './dom.js';
import { count, plural } from './format.js';
import { Tile } from './tile.js';

// How much a page decodes at most, so that a wall of many streams does not use up a machine: with more in sight, each
// is shown less often.
const mostImages = 240; // a second
const caps = [15, 12, 10, 8, 5]; // in steps, since each change begins the streams anew

const aspect = 16 / 9;
const captionHeight = 47; // px, as in wall.css
const gap = 10;
const narrowest = 230; // a tile, when not all fit on the screen

// cap returns how many images a second each of n streams in sight may have, 0 for all.
export function cap(n) {
  const share = mostImages / n;
  return share >= 25 ? 0 : (caps.find((fps) => fps <= share) ?? caps.at(-1));
}

// layout returns how many columns make n tiles as large as can be with all of them in sight, and how wide a tile is
// then; or as many columns as are not too narrow, when that takes scrolling.
export function layout(n, width, height) {
  let best = { columns: 1, tile: 0 };
  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    const high = (height - gap * (rows - 1)) / rows - captionHeight;
    const tile = Math.floor(Math.min((width - gap * (columns - 1)) / columns, high * aspect));
    if (tile > best.tile) best = { columns, tile };
  }
  if (best.tile >= narrowest) return best;
  const columns = Math.min(n, Math.max(1, Math.floor((width + gap) / (narrowest + gap))));
  return { columns, tile: width };
}

export class Wall {
  #server;
  #socket;
  #tiles = new Map(); // by name
  #summary = el('p', { class: 'summary' });
  #grid = el('div', { class: 'grid', role: 'group', 'aria-label': 'Live streams' });
  #empty = null;
  #onUpdate = () => this.#update();
  #onVisibility = () => this.#run();
  #onResize = () => this.#layOut();
  #observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: '50px' });

  title = 'Streams';

  constructor({ server, socket }) {
    this.#server = server;
    this.#socket = socket;
    this.element = el('section', { class: 'wall', 'aria-label': 'Streams' }, this.#summary, this.#grid);
  }

  open() {
    this.#server.addEventListener('update', this.#onUpdate);
    document.addEventListener('visibilitychange', this.#onVisibility);
    window.addEventListener('resize', this.#onResize);
    if (this.#server.stats) this.#update();
  }

  close() {
    this.#server.removeEventListener('update', this.#onUpdate);
    document.removeEventListener('visibilitychange', this.#onVisibility);
    window.removeEventListener('resize', this.#onResize);
    this.#observer.disconnect();
    for (const tile of this.#tiles.values()) tile.close();
  }

  // key moves the focus among the tiles.
  key({ key }) {
    const tiles = [...this.#grid.children];
    const at = tiles.indexOf(document.activeElement);
    const perRow = Number(this.#grid.style.getPropertyValue('--columns'));
    const to = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - perRow,
      ArrowDown: at + perRow,
      Home: 0,
      End: tiles.length - 1,
    };
    if (!(key in to) || tiles.length === 0) return false;
    tiles[at < 0 ? 0 : to[key]]?.focus();
    return true;
  }

  #update() {
    const { streams } = this.#server;
    for (const [name, tile] of this.#tiles) {
      if (streams.has(name)) continue;
      this.#observer.unobserve(tile.element);
      tile.close();
      this.#tiles.delete(name);
    }
    for (const [name, stream] of streams) {
      if (this.#tiles.has(name)) this.#tiles.get(name).update();
      else this.#add(name, stream);
    }
    this.#summarize();
    this.#showEmpty(streams.size === 0);
    this.#layOut(); // each time: notices above come and go, too
  }

  // add puts a new tile in its place: streams are sorted by name.
  #add(name, stream) {
    const tile = new Tile(stream, this.#socket, this.#server.clock);
    this.#tiles.set(name, tile);
    const names = [...this.#server.streams.keys()];
    const after = names.slice(names.indexOf(name) + 1).find((other) => this.#tiles.has(other));
    this.#grid.insertBefore(tile.element, after ? this.#tiles.get(after).element : null);
    this.#observer.observe(tile.element);
  }

  #seen(entries) {
    const byElement = new Map([...this.#tiles.values()].map((tile) => [tile.element, tile]));
    for (const { target, isIntersecting } of entries) {
      const tile = byElement.get(target);
      if (tile) tile.inView = isIntersecting;
    }
    this.#run();
  }

  // run starts the streams of visible tiles, and stops the others.
  #run() {
    const seen = [...this.#tiles.values()].filter((tile) => tile.inView).length;
    const most = cap(seen);
    for (const tile of this.#tiles.values()) tile.screen.run(tile.inView && !document.hidden, most);
  }

  #layOut() {
    if (this.#tiles.size === 0) return;
    const top = this.#grid.getBoundingClientRect().top + window.scrollY;
    const below = 16; // px, of padding
    const { columns, tile } = layout(this.#tiles.size, this.#grid.clientWidth, window.innerHeight - top - below);
    this.#grid.style.setProperty('--columns', columns);
    this.#grid.style.setProperty('--tile', `${tile}px`);
  }

  #summarize() {
    const infos = [...this.#server.streams.values()].map((stream) => stream.info);
    const online = infos.filter((info) => info.state === 'online');
    const made = online.reduce((sum, info) => sum + info.fps_out, 0);
    const viewers = infos.reduce((sum, info) => sum + info.viewers.length, 0);
    const parts = [
      plural(infos.length, 'stream'),
      online.length === infos.length ? 'all online' : `${online.length} online`,
      `${count(made)} images/s`,
      plural(viewers, 'viewer'),
    ];
    setText(this.#summary, infos.length > 0 ? parts.join(' · ') : '');
  }

  #showEmpty(empty) {
    if (empty === (this.#empty !== null)) return;
    this.#empty?.remove();
    this.#empty = empty ? emptyWall() : null;
    if (empty) this.element.append(this.#empty);
  }
}

// emptyWall says how to push a stream when there are none.
function emptyWall() {
  return el(
    'div',
    { class: 'message' },
    el('h1', {}, 'No streams yet'),
    el('p', {}, 'Push one to this server, and it appears here within a second:'),
    ...pushing().map((line) => command(...line)),
    el(
      'p',
      { class: 'note' },
      'Or start the server with sources of its own, such as ',
      el('code', {}, '--stream door=rtsp://…'),
      ' or ',
      el('code', {}, '--stream test=testsrc'),
      '.',
    ),
  );
}
