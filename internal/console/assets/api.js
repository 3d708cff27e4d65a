// The server's HTTP API, by URLs relative to the page's own: a proxy may have put a path in front.

const key = 'steadyframe.token';
const patience = 5000; // ms, for a response

// The token, when the server needs one, lasts as long as the tab.
export const token = {
  get: () => sessionStorage.getItem(key) ?? '',
  set: (value) => sessionStorage.setItem(key, value),
};

// url returns the address of a path of the server, for the address bar, commands and fetch.
export function url(path, params = {}) {
  const u = new URL(path, document.baseURI);
  u.hash = '';
  for (const [name, value] of Object.entries(params)) u.searchParams.set(name, value);
  return u;
}

// The link in the page's own address, if it has one: it shows some streams, for a while, without a token.
const link = new URLSearchParams(location.search).get('link');

// loadable is url for images and the WebSocket, which the browser loads without the page's headers: the token, or the link, is
// a parameter.
export function loadable(path, params = {}) {
  if (token.get()) return url(path, { ...params, access_token: token.get() });
  return url(path, link ? { ...params, link } : params);
}

export const paths = {
  mjpeg: (name) => `stream/${encodeURIComponent(name)}.mjpg`,
  snapshot: (name) => `snapshot/${encodeURIComponent(name)}.jpg`,
  publish: (name) => `v1/streams/${encodeURIComponent(name)}`,
};

// StatusError is a response with an error status.
export class StatusError extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

// getJSON returns the JSON that the server serves at path, with parameters. It throws a StatusError, or fetch's error when there is no
// server.
export async function getJSON(path, params = {}) {
  const headers = token.get() ? { Authorization: `Bearer ${token.get()}` } : {};
  const address = token.get() ? url(path, params) : loadable(path, params);
  const response = await fetch(address, { headers, cache: 'no-store', signal: AbortSignal.timeout(patience) });
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    throw new StatusError(response.status, problem.detail ?? response.statusText);
  }
  return response.json();
}
