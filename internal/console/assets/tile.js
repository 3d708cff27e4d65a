// Tile is one stream of the wall: its image, and below it its main figures.
import { el, icon, setAttribute, setText } from './dom.js';
import { duration, fps, milliseconds, plural, retrying, route, size } from './format.js';
import { Screen } from './screen.js';

export class Tile {
  #name = el('span', { class: 'name' });
  #state = el('span', { class: 'state' });
  #node = el('span');
  #from = el('span', { class: 'from', hidden: true }, icon('node'), this.#node);
  #fps = el('span', { title: 'images a second, on this screen' });
  #lag = el('span', { title: 'from capture to this screen' });
  #detail = el('span', { class: 'optional' });
  #viewers = el('span');
  #figures = el(
    'span',
    { class: 'figures' },
    this.#fps,
    this.#lag,
    this.#detail,
    el('span', { class: 'viewers' }, icon('viewers'), this.#viewers),
  );
  #stream;
  #clock;

  inView = false;

  constructor(stream, socket, clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.screen = new Screen(socket, stream, clock);
    this.element = el(
      'a',
      { class: 'tile', href: `#/stream/${encodeURIComponent(stream.name)}` },
      this.screen.element,
      el('span', { class: 'caption' }, el('span', { class: 'title' }, this.#name, this.#state, this.#from), this.#figures),
    );
    setText(this.#name, stream.name);
    setAttribute(this.#name, 'title', stream.name); // in case it does not fit
    this.update();
  }

  // update shows the stream's newest figures.
  update() {
    const { info, shown } = this.#stream;
    this.element.dataset.state = info.state;
    const online = info.state === 'online';
    setAttribute(this.element, 'data-failing', info.lost && !online ? '' : null);
    setText(this.#state, online ? '' : (retrying(info, this.#clock) ?? info.state));
    setText(
      this.#fps,
      online ? `${fps(shown.fps || info.fps_out)} fps` : `for ${duration(this.#clock.since(info.since))}`,
    );
    setText(this.#lag, online && shown.lag !== null ? milliseconds(shown.lag) : '');
    const detail = online ? size(info.width, info.height) : (info.lost ?? info.format); // why, or what it was
    setText(this.#detail, detail);
    setAttribute(this.#detail, 'title', detail);
    this.#from.hidden = !info.node;
    setText(this.#node, info.node ?? '');
    setAttribute(this.#from, 'title', route(info));
    setText(this.#viewers, `${info.viewers.length}`);
    setAttribute(this.#viewers.parentElement, 'title', `${plural(info.viewers.length, 'viewer')}, this page counted`);
  }

  close() {
    this.screen.close();
    this.element.remove();
  }
}
