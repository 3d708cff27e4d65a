// Notices, above the view, say what is wrong with the connection and what the page does about it.
import { token } from './api.js';
import { el } from './dom.js';
import { clockTime } from './format.js';

export class Notices {
  #server;
  #socket;
  #place;
  #link;
  #shown = '';

  // place is the element for notices, link the short status in the header.
  constructor({ server, socket }, place, link) {
    this.#server = server;
    this.#socket = socket;
    this.#place = place;
    this.#link = link;
    server.addEventListener('status', () => this.#update());
    socket.addEventListener('status', () => this.#update());
    this.#update();
  }

  #update() {
    const { status } = this.#server;
    const refused = status === 'ok' && this.#socket.refused;
    this.#link.dataset.status = refused ? 'refused' : status;
    this.#link.textContent = {
      asking: 'connecting',
      ok: refused ? 'MJPEG' : 'live',
      lost: 'no connection',
      unauthorized: 'token needed',
    }[status];
    const key = refused ? 'refused' : `${status} ${this.#server.since}`;
    if (key === this.#shown) return;
    this.#shown = key;
    this.#place.replaceChildren(...this.#notices(status, refused));
  }

  #notices(status, refused) {
    if (status === 'lost') {
      const why = this.#server.reason ? ` It said: ${this.#server.reason}.` : '';
      return [
        notice(
          'bad',
          `No response from the server since ${clockTime(this.#server.since)}.${why} ` +
            'The page keeps trying to reconnect.',
        ),
      ];
    }
    if (status === 'unauthorized') return [this.#tokenForm()];
    if (refused) {
      return [
        notice(
          'warn',
          'WebSocket connections fail: a proxy must pass on the headers Upgrade, Connection and Host. ' +
            'Meanwhile streams are shown as MJPEG, and most of a wall as snapshots.',
        ),
      ];
    }
    return [];
  }

  #tokenForm() {
    const input = el('input', {
      type: 'password',
      name: 'token',
      autocomplete: 'current-password',
      required: true,
      'aria-label': 'Token',
      'aria-describedby': 'token-hint',
    });
    const form = el(
      'form',
      { class: 'message token' },
      el('h1', {}, 'This server needs a token'),
      el(
        'p',
        { id: 'token-hint' },
        token.get()
          ? 'The token was not accepted.'
          : 'It is the server’s setting auth.token. This page keeps it until the tab is closed.',
      ),
      el('div', {}, input, el('button', { class: 'button primary' }, 'Open')),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      token.set(input.value);
      this.#shown = '';
      this.#server.ask().then(() => this.#update());
      this.#socket.retry();
    });
    queueMicrotask(() => input.focus());
    return form;
  }
}

function notice(kind, text) {
  return el('p', { class: `notice ${kind}`, role: 'alert' }, text);
}
