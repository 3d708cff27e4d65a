// The view of one stream: a large image, its figures, its viewers, and how to watch it elsewhere.
import { loadable, paths } from './api.js';
import { Chart, legend } from './chart.js';
import { command, pulling } from './commands.js';
import { el, icon, setAttribute, setText } from './dom.js';
import { count, duration, fixed, fps, kilobytes, milliseconds, retrying, route, size, unknown } from './format.js';
import { Figures, panel } from './panel.js';
import { Screen } from './screen.js';
import { SmallWindow } from './smallwindow.js';
import { Viewers } from './viewers.js';

const dropReasons = {
  newer: 'a newer frame came first',
  capped: 'above the stream’s fps cap',
  unseen: 'nobody watched',
  no_memory: 'no memory',
  failed: 'could not be encoded',
};

const rateLines = [
  { name: 'shown', label: 'on this screen', ink: 'accent' },
  { name: 'out', label: 'encoded', ink: 'muted' },
];
const lagLines = [{ name: 'lag', label: 'lag', ink: 'accent', fill: 'accent-soft' }];

export class StreamView {
  #server;
  #socket;
  #name;
  #heading;
  #stream = null;
  #screen = null;
  #charts = [];
  #state = el('span', { class: 'state' });
  #origin = el('p', { class: 'origin' });
  #stage = el('div', { class: 'stage', role: 'img' });
  #fit = el(
    'button',
    { class: 'button', type: 'button', title: 'Pixel for pixel (1)', onclick: () => this.#toggleFit() },
    '1:1',
  );
  #save = el('a', { class: 'button', title: 'Save the newest image, in full size (s)' }, icon('save'), 'Snapshot');
  #pause = el(
    'button',
    { class: 'button', type: 'button', title: 'Stop the image, or go on (p)', onclick: () => this.#togglePause() },
    'Pause',
  );
  #sound = el(
    'button',
    { class: 'button', type: 'button', hidden: true, title: 'Play the sound, or mute it (m)', onclick: () => this.#toggleSound() },
    icon('sound'),
    'Sound',
  );
  #small = new SmallWindow();
  #tools = el('div', { class: 'tools' });
  #among = el('p', { class: 'note' });
  #live = new Figures({
    in: 'Frames in',
    out: 'Images out',
    shown: 'On this screen',
    lag: 'Capture to screen',
    age: 'Capture to this server',
    size: 'Size',
    bytes: 'Bytes an image',
    bits: 'To this screen',
    sound: 'Sound',
    offset: 'Sound after its image',
  });
  #counts = new Figures({
    arrived: 'Frames',
    published: 'Images',
    same: 'Unchanged',
    ...Object.fromEntries(Object.entries(dropReasons).map(([key, why]) => [key, `Dropped: ${why}`])),
  });
  #viewers = new Viewers();
  #side = el('div', { class: 'side' });
  #body = el('div', { class: 'stream-body' });
  #missing = el(
    'div',
    { class: 'message', hidden: true },
    el('h2', {}, 'No such stream now'),
    el('p', {}, 'The page goes on looking for it. ', el('a', { href: '#/' }, 'All streams')),
  );
  #onUpdate = () => this.#update();
  #paused = false;
  #onVisibility = () => this.#run();

  constructor({ server, socket }, name) {
    this.#server = server;
    this.#socket = socket;
    this.#name = name;
    this.title = name;
    const full = el(
      'button',
      { class: 'button', type: 'button', title: 'Fullscreen (f)', onclick: () => this.#fullscreen() },
      icon('fullscreen'),
      'Fullscreen',
    );
    this.#heading = el('h1', { tabindex: '-1' }, name);
    this.element = el(
      'section',
      { class: 'stream', 'aria-label': `Stream ${name}` },
      el(
        'div',
        { class: 'bar' },
        el('a', { class: 'plain', href: '#/', title: 'All streams (Esc)', 'aria-label': 'All streams' }, icon('back')),
        this.#heading,
        this.#state,
        this.#origin,
        this.#tools,
      ),
      this.#missing,
      this.#body,
    );
    this.#tools.append(this.#sound, this.#pause, this.#fit, full, ...this.#small.buttons(() => this.#stage), this.#save);
    this.#body.append(
      this.#stage,
      this.#side,
      el(
        'div',
        { class: 'below' },
        panel('Viewers', this.#viewers.element, this.#among),
        panel('Watch it elsewhere', ...pulling(name).map((c) => command(...c))),
      ),
    );
  }

  open() {
    this.#server.addEventListener('update', this.#onUpdate);
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.#server.wantStream(this.#name);
    if (this.#server.stats) this.#update();
  }

  close() {
    this.#server.removeEventListener('update', this.#onUpdate);
    document.removeEventListener('visibilitychange', this.#onVisibility);
    this.#server.wantStream('');
    this.#end();
  }

  // focus gives the focus to the heading.
  focus() {
    this.#heading.focus({ preventScroll: true });
    return true;
  }

  key({ key }) {
    const names = this.#server.near.map((stream) => stream.name);
    const at = names.indexOf(this.#name);
    const go = (name) => name !== undefined && (location.hash = `#/stream/${encodeURIComponent(name)}`);
    const actions = {
      Escape: () => (location.hash = '#/'),
      ArrowLeft: () => go(names[at - 1]),
      ArrowRight: () => go(names[at + 1]),
      f: () => this.#fullscreen(),
      1: () => this.#toggleFit(),
      p: () => this.#togglePause(),
      m: () => this.#sound.hidden || this.#toggleSound(),
      s: () => this.#save.click(),
    };
    actions[key]?.();
    return key in actions;
  }

  #begin(stream) {
    this.#stream = stream;
    this.#screen = new Screen(this.#socket, stream, this.#server.clock);
    this.#stage.append(this.#screen.element);
    this.#run();
    this.#save.download = `${this.#name}.jpg`;
    this.#save.href = loadable(paths.snapshot(this.#name));
    const rates = new Chart(stream.history, { label: 'Images a second', lines: rateLines, least: 10 });
    const lag = new Chart(stream.history, { label: 'Capture to screen, ms', lines: lagLines, least: 50 });
    this.#charts = [rates, lag];
    this.#side.append(
      panel('Now', this.#live.element),
      panel('Images a second', legend(rateLines), rates.element),
      panel('Capture to screen, ms', lag.element),
      panel('Totals', this.#counts.element),
    );
  }

  // run shows the images, unless nobody sees or hears the stream. A small window is seen while the page is not.
  #run() {
    this.#screen?.run(!this.#paused && (!document.hidden || this.#small.open || this.#screen.listening));
  }

  #togglePause() {
    this.#paused = !this.#paused;
    setAttribute(this.#pause, 'aria-pressed', `${this.#paused}`);
    this.#run();
  }

  #toggleSound() {
    if (!this.#screen) return;
    const on = !this.#screen.listening;
    this.#screen.listen(on, this.#stream.info.sound?.rate);
    setAttribute(this.#sound, 'aria-pressed', `${on}`);
    this.#showSound(this.#stream.info);
  }

  // showSound shows what there is to hear: nothing of it where there is no sound, or no WebSocket to bring it.
  #showSound({ sound }) {
    const on = this.#screen.listening;
    this.#sound.hidden = (!sound && !on) || this.#socket.refused;
    const format = sound ? `${sound.rate / 1000} kHz, ${sound.channels === 2 ? 'stereo' : 'mono'}` : on ? 'none now' : null;
    this.#live.set('sound', sound && !on ? `${format}, muted` : format);
    const offset = this.#screen.soundOffset;
    this.#live.set('offset', on ? (offset === null ? unknown : `${fixed(offset, 0)} ms`) : null);
  }

  #end() {
    setAttribute(this.#sound, 'aria-pressed', 'false');
    this.#sound.hidden = true;
    this.#small.close();
    this.#screen?.close();
    this.#screen?.element.remove();
    for (const chart of this.#charts) chart.close();
    this.#side.replaceChildren();
    this.#stream = this.#screen = null;
    this.#charts = [];
  }

  #update() {
    const stream = this.#server.streams.get(this.#name) ?? null;
    if (stream === null && !this.#server.current) return; // it may be one that the wall does not have
    if (stream !== this.#stream) {
      this.#end();
      if (stream) this.#begin(stream);
    }
    this.#body.hidden = stream === null;
    this.#missing.hidden = stream !== null;
    this.#tools.hidden = stream === null;
    if (stream === null) {
      setText(this.#state, '');
      setText(this.#origin, '');
      delete this.element.dataset.state;
      setAttribute(this.element, 'data-failing', null);
      return;
    }
    this.#show(stream.info, stream.shown);
    for (const chart of this.#charts) chart.update();
  }

  #show(info, shown) {
    this.element.dataset.state = info.state;
    const failing = info.state === 'online' ? undefined : retrying(info, this.#server.clock);
    setAttribute(this.element, 'data-failing', failing ? '' : null);
    setText(this.#state, failing ?? `${info.state} for ${duration(this.#server.clock.since(info.since))}`);
    setText(this.#origin, [route(info) || info.source, failing ? info.lost : info.format].filter(Boolean).join(' · '));
    const among = this.#paused ? 'This page is paused, and not among them.' : 'This page is among them.';
    setText(this.#among, info.viewers.length > 0 ? among : '');
    const figures = {
      in: `${fps(info.fps_in)} fps`,
      out: `${fps(info.fps_out)} fps`,
      shown: `${fps(shown.fps)} fps`,
      lag: milliseconds(shown.lag),
      age: info.hops > 0 ? milliseconds(info.age_ms) : null,
      size: size(info.width, info.height),
      bytes: info.image_bytes > 0 ? kilobytes(info.image_bytes) : unknown,
      bits: `${fixed(shown.bits / 1e6, 2)} Mbit/s`,
    };
    for (const [key, text] of Object.entries(figures)) this.#live.set(key, text);
    this.#showSound(info);
    for (const key of ['arrived', 'published', 'same']) this.#counts.set(key, count(info[key]));
    for (const reason of Object.keys(dropReasons)) this.#counts.set(reason, count(info.dropped[reason]));
    this.#viewers.update(info, this.#server.clock);
    setAttribute(this.#stage, 'aria-label', `${info.name}, ${info.state}`);
    if (info.width > 0) this.#stage.style.setProperty('--aspect', info.width / info.height);
  }

  #toggleFit() {
    const exact = this.#stage.classList.toggle('exact');
    this.#fit.setAttribute('aria-pressed', exact);
  }

  #fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.#stage.requestFullscreen().catch(() => {}); // not where the browser forbids it
  }
}
