// Meter counts the images of one stream that reach the screen. sample returns recent figures.
const windowMS = 2000; // of the rate: over one second, 25 images a second would be 24 and 26 by turns

export class Meter {
  #painted = []; // when, of the images in the window
  #since = performance.now(); // of what follows
  #bytes = 0;
  #late = 0;
  #lag = 0; // the sum, ms
  #measured = 0; // images that have a lag: repeats have none

  // painted counts an image on the screen, and its lag in ms, if it is not null.
  painted(lag) {
    this.#painted.push(performance.now());
    if (lag === null) return;
    this.#lag += lag;
    this.#measured++;
  }

  // late counts an image that was replaced by a newer one.
  late() {
    this.#late++;
  }

  received(bytes) {
    this.#bytes += bytes;
  }

  // sample returns images a second; and since the last sample bits received a second, images that were late, and
  // the mean lag from capture to screen in ms, null when nothing was measured.
  sample() {
    const now = performance.now();
    const seconds = (now - this.#since) / 1000;
    const sample = {
      fps: this.#rate(now),
      bits: seconds > 0 ? (this.#bytes * 8) / seconds : 0,
      late: this.#late,
      lag: this.#measured > 0 ? this.#lag / this.#measured : null,
    };
    this.#since = now;
    this.#bytes = this.#late = this.#lag = this.#measured = 0;
    return sample;
  }

  // rate is the number of intervals between images over the time they took, which ends now when images have
  // stopped.
  #rate(now) {
    while (this.#painted[0] < now - windowMS) this.#painted.shift();
    const intervals = this.#painted.length - 1;
    if (intervals < 1) return 0;
    const last = this.#painted.at(-1);
    const mean = (last - this.#painted[0]) / intervals;
    const end = now - last > 3 * mean ? now : last;
    return (intervals * 1000) / (end - this.#painted[0]);
  }
}
