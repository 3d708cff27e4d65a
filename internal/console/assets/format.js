// Figures as text. Unknown ones are a dash.

export const unknown = '–';

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

// fixed returns value with as many decimals.
export function fixed(value, decimals) {
  return known(value) ? value.toFixed(decimals) : unknown;
}

// compact returns value with three digits or so: 0.25, 7.3, 128.
export function compact(value) {
  if (!known(value)) return unknown;
  const size = Math.abs(value);
  return value.toFixed(size === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

// tick returns a round number in its shortest form: 20, 0.5.
export const tick = (value) => `${+value.toPrecision(6)}`;

export const fps = (value) => fixed(value, 1);

// count returns a whole number with spaces between thousands: 12 345 678.
export function count(value) {
  return known(value)
    ? Math.round(value)
        .toString()
        .replace(/\B(?=(\d{3})+$)/g, '\u2009')
    : unknown;
}

// milliseconds returns a number of them with its unit.
export function milliseconds(value) {
  if (!known(value)) return unknown;
  return value >= 995 ? `${(value / 1000).toFixed(1)} s` : `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ms`;
}

// kilobytes is for images, in thousands as networks count; mebibytes for memory, in powers of two as budgets are set.
export const kilobytes = (bytes) => (known(bytes) ? `${compact(bytes / 1e3)} kB` : unknown);
export const mebibytes = (bytes) => (known(bytes) ? `${compact(bytes / 2 ** 20)} MiB` : unknown);

// bytes returns an amount of traffic.
export function bytes(value) {
  if (!known(value)) return unknown;
  for (const [unit, size] of [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
  ]) {
    if (value >= size * 0.9995) return `${compact(value / size)} ${unit}`;
  }
  return kilobytes(value);
}

// classSize names a size class of the pool.
export function classSize(size) {
  return size >= 2 ** 20 ? `${+(size / 2 ** 20).toFixed(2)} MiB` : `${+(size / 2 ** 10).toFixed(2)} KiB`;
}

// duration returns a number of seconds as its two largest units.
export function duration(seconds) {
  if (!known(seconds)) return unknown;
  const s = Math.max(0, Math.floor(seconds));
  const units = [
    [86400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const first = units.findIndex(([size]) => s >= size);
  if (first < 0) return '0 s';
  const parts = [];
  let rest = s;
  for (const [size, unit] of units.slice(first, first + 2)) {
    const n = Math.floor(rest / size);
    if (n > 0) parts.push(`${n} ${unit}`);
    rest %= size;
  }
  return parts.join(' ');
}

// clockTime returns the time of day of milliseconds since the epoch.
export function clockTime(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
}

// retrying says when a stream's source, which is lost, is tried again; undefined when it is not lost.
export function retrying(info, clock) {
  if (!info.lost) return undefined;
  const seconds = Math.ceil(-clock.since(info.retry_at));
  return seconds > 0 ? `source lost, retry in ${seconds} s` : 'source lost, retrying';
}

// route says over which nodes of its cluster a stream comes here; empty when it is from this one.
export function route({ node, hops, via }) {
  if (!node) return '';
  if (!hops) return `from node ${node}, while somebody watches`;
  const way = via && via !== node ? `, by way of ${via}` : '';
  return `from node ${node}, ${plural(hops, 'hop')}${way}`;
}

// size returns width and height, a dash before the first image.
export const size = (width, height) => (width > 0 ? `${width}×${height}` : unknown);

// plural returns n with the singular or plural.
export const plural = (n, one, more = `${one}s`) => `${count(n)} ${n === 1 ? one : more}`;
