// Clock estimates the server's clock: capture times are the server's, and the clocks of two machines may be seconds
// apart, where lags are milliseconds.
const trustFor = 60_000; // ms, after which a worse response replaces the best so far: clocks drift
const stepped = 1000; // ms: a server's clock that is so much further behind than before has been set, or its packets were held up

// HeardClock estimates the server's clock from when it sent what came. It is behind by how long the quickest was on its way.
export class HeardClock {
  #behind = Infinity; // the server's clock, ms

  // heard notes that something came which was sent then.
  heard(sent) {
    const behind = Date.now() - sent;
    const set = Math.abs(behind - this.#behind) > stepped;
    this.#behind = set ? behind : Math.min(this.#behind + 0.002, behind); // forgotten slowly: clocks drift
  }

  now() {
    return Date.now() - (this.#behind === Infinity ? 0 : this.#behind);
  }
}

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
