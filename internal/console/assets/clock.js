// Clock estimates the server's clock: capture times are the server's, and the clocks of two machines may be seconds
// apart, where lags are milliseconds.
const trustFor = 60_000; // ms, after which a worse response replaces the best so far: clocks drift

export class Clock {
  #ahead = 0; // of the browser's clock, ms
  #roundTrip = Infinity;
  #at = 0;

  // heard notes the server's time in a response, in ms, which is from some moment between the request and the response.
  // The middle is wrong by half the round trip at most, so the quickest responses count. When two cannot both be right,
  // one of the clocks has been set.
  heard(time, asked, answered) {
    const roundTrip = answered - asked;
    const ahead = time - (asked + answered) / 2;
    const set = Math.abs(ahead - this.#ahead) > (roundTrip + this.#roundTrip) / 2 + 1;
    if (!set && roundTrip > this.#roundTrip && answered - this.#at < trustFor) return;
    this.#ahead = ahead;
    this.#roundTrip = roundTrip;
    this.#at = answered;
  }

  // now returns ms since the epoch by the server's clock. A difference that the round trip explains counts as none: on
  // one machine there is none.
  now() {
    return Date.now() + (Math.abs(this.#ahead) > this.#roundTrip / 2 + 1 ? this.#ahead : 0);
  }

  // since returns how many seconds ago the server's time was, given as RFC 3339.
  since(time) {
    return (this.now() - Date.parse(time)) / 1000;
  }
}
