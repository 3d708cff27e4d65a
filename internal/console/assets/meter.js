// Meter counts what reaches the screen of one stream. sample returns the figures since the sample before.
export class Meter {
  #since = performance.now();
  #painted = 0;
  #late = 0;
  #bytes = 0;
  #lag = 0; // the sum, ms
  #measured = 0; // pictures that have a lag: repeats are old by nature

  painted(lag) {
    this.#painted++;
    if (lag === null) return;
    this.#lag += lag;
    this.#measured++;
  }

  // late counts a picture that a newer one came before.
  late() {
    this.#late++;
  }

  received(bytes) {
    this.#bytes += bytes;
  }

  // sample returns pictures painted and bits received a second, the mean lag from capture to screen in ms, and the
  // number of late pictures. Where nothing was measured, a figure is null.
  sample() {
    const now = performance.now();
    const seconds = (now - this.#since) / 1000;
    const perSecond = (n) => (seconds > 0.1 ? n / seconds : null);
    const sample = {
      fps: perSecond(this.#painted),
      bits: perSecond(this.#bytes * 8),
      lag: this.#measured > 0 ? this.#lag / this.#measured : null,
      late: this.#late,
    };
    this.#since = now;
    this.#painted = this.#late = this.#bytes = this.#lag = this.#measured = 0;
    return sample;
  }
}
