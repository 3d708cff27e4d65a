// The page: which view is shown, by the address's hash, and the keys that work everywhere.
import { Dashboard } from './dashboard.js';
import { setAttribute } from './dom.js';
import { Notices } from './notices.js';
import { Server } from './server.js';
import { Socket } from './socket.js';
import { StreamView } from './stream.js';
import { bindTheme, toggleTheme } from './theme.js';
import { Wall } from './wall.js';

const byID = (id) => document.getElementById(id);
const main = byID('main');
const help = byID('keys');

const server = new Server();
const socket = new Socket(() => server.status === 'ok');
const page = { server, socket };

// When the server comes back, the socket reconnects at once, not after its back-off.
server.addEventListener('status', () => server.status === 'ok' && socket.retry());

let view = null;

// route returns the view that a hash means, and its place in the header.
function route(hash) {
  const [place, name] = hash.replace(/^#\/?/, '').split('/');
  if (place === 'stream' && name) return { view: new StreamView(page, name), place: 'wall' };
  if (place === 'server') return { view: new Dashboard(page), place: 'server' };
  return { view: new Wall(page), place: 'wall' };
}

function show() {
  help.close();
  const left = view; // null when the page was just opened: then the browser has the focus where it belongs
  view?.close();
  const routed = route(location.hash);
  view = routed.view;
  main.replaceChildren(view.element);
  view.open();
  document.title = `${view.title} · Steadyframe`;
  for (const link of document.querySelectorAll('[data-view]')) {
    setAttribute(link, 'aria-current', link.dataset.view === routed.place ? 'page' : null);
  }
  window.scrollTo(0, 0);
  if (left && !view.focus?.(left.title)) main.focus({ preventScroll: true });
}

// Single letters can be switched off: speech input presses them by accident (WCAG 2.1, 2.1.4).
const singleKeys = byID('single-keys');
singleKeys.checked = localStorage.getItem('steadyframe.keys') !== 'off';
singleKeys.addEventListener('change', () => {
  localStorage.setItem('steadyframe.keys', singleKeys.checked ? 'on' : 'off');
});

const keys = {
  w: () => (location.hash = '#/'),
  d: () => (location.hash = '#/server'),
  t: toggleTheme,
  '?': () => help.showModal(),
};

function pressed(event) {
  if (event.target.closest('.token') || help.open || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === 'Escape' && document.fullscreenElement) return;
  if (event.key.length === 1 && !singleKeys.checked) return;
  if (event.target.closest('input, select')) return;
  if (view.key(event)) event.preventDefault();
  else keys[event.key]?.();
}

addEventListener('hashchange', show);
addEventListener('keydown', pressed);
byID('help').addEventListener('click', () => help.showModal());
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault(); // hashes are views
  main.focus();
});
bindTheme(byID('theme'));
new Notices(page, byID('notices'), byID('link'));
show();
server.start();
