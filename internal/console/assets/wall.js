// The wall: all streams, live, so many at a time. Tiles out of sight, and all of them while the page is hidden, stop.
import { command, pushing } from './commands.js';
import { el, setText } from './dom.js';
import { count, plural } from './format.js';
import { pageSize } from './server.js';
import { Tile } from './tile.js';

// How much a page decodes at most, so that a wall of many streams does not use up a machine: with more in sight, each
// is shown less often.
const mostImages = 240; // a second
const caps = [15, 12, 10, 8, 5]; // in steps, since each change begins the streams anew

const aspect = 16 / 9;
const captionHeight = 47; // px, as in wall.css
const gap = 10;
const narrowest = 230; // a tile, when not all fit on the screen

// What the reader chose of the wall, kept in this browser.
const sizes = { fit: 'Fit the window', small: 'Small', medium: 'Medium', large: 'Large' };
const widths = { small: 160, medium: 320, large: 640 }; // px, of a tile at least
const orders = { name: 'By name', state: 'Lost ones first', viewers: 'Most viewers first', fps: 'Fastest first' };
const key = (name) => `steadyframe.wall.${name}`;
const remembered = (name, choices) => {
  const value = localStorage.getItem(key(name));
  return value in choices ? value : Object.keys(choices)[0];
};

// sizedLayout is layout for tiles of a size that was chosen.
export function sizedLayout(size, width) {
  const columns = Math.max(1, Math.floor((width + gap) / (widths[size] + gap)));
  return { columns, tile: Math.floor((width - gap * (columns - 1)) / columns) };
}

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
  #filter = el('input', {
    type: 'search',
    placeholder: 'Search',
    'aria-label': 'Search streams by name',
    oninput: () => this.#choose('filter', this.#filter.value),
  });
  #order = select('Order', orders, remembered('order', orders), (value) => this.#choose('order', value));
  #size = select('Size of the tiles', sizes, remembered('size', sizes), (value) => this.#choose('size', value));
  #controls = el('div', { class: 'controls', hidden: true }, this.#filter, this.#order, this.#size);
  #none = el('p', { class: 'none', hidden: true });
  #grid = el('div', { class: 'grid', role: 'group', tabindex: '-1', 'aria-label': 'Live streams' });
  #pages = ['above', 'below'].map((place) => new Pages(place, (offset) => this.#turn(offset)));
  #empty = null;
  #onUpdate = () => this.#update();
  #onVisibility = () => this.#run();
  #onResize = () => this.#layOut();
  #observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: '50px' });

  title = 'Streams';

  constructor({ server, socket }) {
    this.#server = server;
    this.#socket = socket;
    this.#filter.value = localStorage.getItem(key('filter')) ?? '';
    this.element = el(
      'section',
      { class: 'wall', 'aria-label': 'Streams' },
      el('h1', { class: 'unseen' }, 'Streams'),
      el('div', { class: 'head' }, this.#summary, this.#controls),
      this.#none,
      this.#pages[0].element,
      this.#grid,
      this.#pages[1].element,
    );
  }

  open() {
    this.#server.addEventListener('update', this.#onUpdate);
    document.addEventListener('visibilitychange', this.#onVisibility);
    window.addEventListener('resize', this.#onResize);
    this.#want();
    if (this.#server.stats) this.#update();
  }

  close() {
    this.#server.removeEventListener('update', this.#onUpdate);
    document.removeEventListener('visibilitychange', this.#onVisibility);
    window.removeEventListener('resize', this.#onResize);
    this.#observer.disconnect();
    for (const tile of this.#tiles.values()) tile.close();
  }

  // focus returns the focus to the tile of a stream that was open. It reports whether there is one.
  focus(name) {
    const tile = this.#tiles.get(name);
    tile?.element.focus();
    return tile !== undefined;
  }

  // key moves the focus among the tiles, and to the filter.
  key({ key }) {
    if (key === '/' && !this.#controls.hidden) {
      this.#filter.focus();
      return true;
    }
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
    const { list, totals, matching } = this.#server;
    this.#want();
    if (list.length === 0 && matching > 0) this.#server.wantList({ offset: lastPage(matching) }); // there were more
    const streams = new Map(list.map((stream) => [stream.name, stream]));
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
    this.#sort([...streams.keys()]);
    this.#summarize();
    const all = totals.streams;
    this.#controls.hidden = all < 2;
    this.#none.hidden = streams.size > 0 || all === 0 || !this.#server.current;
    for (const pages of this.#pages) pages.update(this.#server);
    setText(this.#none, `No name of ${plural(all, 'stream')} has “${this.#filter.value}” in it.`);
    this.#showEmpty(all === 0);
    this.#layOut(); // each time: notices above come and go, too
  }

  // want asks for the streams that the filter lets pass, in the order that was chosen. A filter is shown, and counts, where there are
  // several.
  #want() {
    const { totals } = this.#server;
    this.#server.wantList({
      search: totals?.streams < 2 ? '' : this.#filter.value,
      order: this.#order.querySelector('select').value,
    });
  }

  // turn shows the streams from an offset on.
  #turn(offset) {
    this.#server.wantList({ offset });
    window.scrollTo(0, 0);
    this.#grid.focus({ preventScroll: true });
  }

  #choose(name, value) {
    localStorage.setItem(key(name), value);
    if (this.#server.stats) this.#update();
  }

  #add(name, stream) {
    const tile = new Tile(stream, this.#socket, this.#server.clock);
    this.#tiles.set(name, tile);
    this.#grid.append(tile.element);
    this.#observer.observe(tile.element);
  }

  // sort puts the tiles in order. One that is in its place is not touched: it may have the focus.
  #sort(names) {
    let at = this.#grid.firstElementChild;
    for (const name of names) {
      const { element } = this.#tiles.get(name);
      if (element === at) at = at.nextElementSibling;
      else this.#grid.insertBefore(element, at);
    }
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
    const size = this.#size.querySelector('select').value;
    const width = this.#grid.clientWidth;
    const { columns, tile } =
      size === 'fit'
        ? layout(this.#tiles.size, width, window.innerHeight - top - below)
        : sizedLayout(size, width);
    this.#grid.style.setProperty('--columns', columns);
    this.#grid.style.setProperty('--tile', `${tile}px`);
  }

  #summarize() {
    const { streams, online, fps_out: made, viewers, remote, nodes } = this.#server.totals;
    const parts = [
      plural(streams, 'stream'),
      remote > 0 && `${remote === streams ? 'all' : count(remote)} from ${plural(nodes, 'other node')}`,
      online === streams ? 'all online' : `${count(online)} online`,
      `${count(made)} images/s`,
      `${plural(viewers, 'viewer')}, those of this page counted`,
    ];
    setText(this.#summary, streams > 0 ? parts.filter(Boolean).join(' · ') : '');
  }

  #showEmpty(empty) {
    if (empty === (this.#empty !== null)) return;
    this.#empty?.remove();
    this.#empty = empty ? emptyWall() : null;
    if (empty) this.element.append(this.#empty);
  }
}

// lastPage returns the offset of the last page of n streams.
const lastPage = (n) => Math.floor((n - 1) / pageSize) * pageSize;

// Pages says which of the streams are shown, and turns to others.
class Pages {
  #offset = 0;
  #text = el('span');
  #before;
  #after;

  // place is where it is, above or below them. onTurn(offset) is called to show the streams from there on.
  constructor(place, onTurn) {
    const button = (name, step) =>
      el('button', { class: 'button', type: 'button', onclick: () => onTurn(Math.max(0, this.#offset + step * pageSize)) }, name);
    this.#before = button('Previous', -1);
    this.#after = button('Next', 1);
    this.element = el('nav', { class: 'pages', 'aria-label': `Pages of the streams ${place}`, hidden: true }, this.#before, this.#text, this.#after);
  }

  update({ list, offset, matching, totals }) {
    this.#offset = offset;
    this.element.hidden = matching <= list.length;
    this.#before.disabled = offset === 0;
    this.#after.disabled = offset + list.length >= matching;
    const of = matching < totals.streams ? `${count(matching)} with that name` : count(matching);
    setText(this.#text, `${count(offset + 1)} to ${count(offset + list.length)} of ${of}`);
  }
}

// select returns a menu of choices, given as values with their names.
function select(label, choices, chosen, onChoice) {
  const menu = el(
    'select',
    { 'aria-label': label, onchange: () => onChoice(menu.value) },
    ...Object.entries(choices).map(([value, name]) => el('option', { value, selected: value === chosen }, name)),
  );
  return el('span', { class: 'menu' }, menu);
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
