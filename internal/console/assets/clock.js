// Clock is the server's clock, as far as it can be told from here: capture times are the server's, and the clocks of
// two machines may be seconds apart, where lags are milliseconds.
const trustFor = 60_000; // ms, after which a worse response than the best so far is taken: clocks drift

export class Clock {
  #ahead = 0; // of ours, ms
  #roundTrip = Infinity;
  #at = 0;

  // heard takes the server's time out of a response, in ms, which it gave some time between asked and answered. The
  // middle is wrong by half the round trip at most, so the quickest responses count; when two cannot both be true, one of
  // the clocks has been set.
  heard(time, asked, answered) {
    const roundTrip = answered - asked;
    const ahead = time - (asked + answered) / 2;
    const set = Math.abs(ahead - this.#ahead) > (roundTrip + this.#roundTrip) / 2 + 1;
    if (!set && roundTrip > this.#roundTrip && answered - this.#at < trustFor) return;
    this.#ahead = ahead;
    this.#roundTrip = roundTrip;
    this.#at = answered;
  }

  // now returns ms since the epoch by the server's clock. A difference that the round trip explains counts as none:
  // with both on one machine, there is none.
  now() {
    return Date.now() + (Math.abs(this.#ahead) > this.#roundTrip / 2 + 1 ? this.#ahead : 0);
  }

  // since returns how many seconds ago the server's time was, given as RFC 3339.
  since(time) {
    return (this.now() - Date.parse(time)) / 1000;
  }
}
