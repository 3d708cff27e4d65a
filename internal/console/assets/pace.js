// Pace keeps images and sound of one stream together: while sound plays, both are due the same time after their capture, which
// is as little as the later of the two needs. All times are in ms.
const most = 1000; // from capture: what comes later than that is not waited for
const margin = 20; // that a piece of sound should come before it is due
const longestPause = 2000; // of the sound, before images are shown as soon as they come again
const slower = 0.005; // of the time that passes, by which the delay shrinks: sound can be played that much faster unnoticed
const remembered = 5000; // how long at least what was needed counts, and twice that at most
const tooMuch = 200; // of delay, more than what is needed: it is cut off

// mean follows values slowly.
const mean = (before, value) => (before === null ? value : before + (value - before) / 16);

export class Pace {
  #delay = null; // from capture to eye and ear
  #needed = [0, 0]; // the delay that would have been enough, since #since and before
  #since = 0;
  #until = 0; // when the sound that came is over
  #at = 0; // of the last piece
  #image = null; // from capture to the screen, that images would need, in the mean
  #painting = null; // from when an image is given to the screen to when it is on the screen
  #seen = null; // from capture to the screen, that images had
  #heard = null; // the same of sound, to the ear

  // active says whether sound plays.
  active(now) {
    if (this.#delay !== null && now > this.#until + longestPause) this.stop();
    return this.#delay !== null;
  }

  stop() {
    this.#delay = this.#heard = null;
  }

  // sound notes a piece of sound that came, captured then, and returns the delay from now on. It grows at once to what is needed,
  // and shrinks as slowly as can be played unnoticed. A silent piece may go, and after a while in which much less was needed, sound.
  sound(captured, length, silent, now) {
    const need = Math.min(Math.max(now - captured + margin, this.#image ?? 0), most);
    if (!this.active(now)) {
      this.#delay = need;
      this.#needed = [need, 0];
      this.#since = now;
    } else {
      if (now - this.#since > remembered) {
        this.#needed = [0, this.#needed[0]];
        this.#since = now;
      }
      this.#needed[0] = Math.max(this.#needed[0], need);
      const needed = Math.max(...this.#needed);
      const spare = this.#delay - needed;
      const less = spare > tooMuch ? spare : silent ? length : Math.max(0, now - this.#at) * slower;
      this.#delay -= Math.min(less, spare);
    }
    this.#at = now;
    this.#until = Math.max(this.#until, captured + this.#delay + length);
    return this.#delay;
  }

  // image notes an image that came, captured then, and returns how long it has to wait.
  image(captured, now) {
    this.#image = mean(this.#image, Math.max(0, now - captured) + (this.#painting ?? 0));
    return this.active(now) ? captured + this.#delay - (this.#painting ?? 0) - now : 0;
  }

  // painted notes an image on the screen, captured then, and how long ago it was given to it.
  painted(captured, took, now) {
    this.#painting = mean(this.#painting, Math.min(took, most));
    this.#seen = mean(this.#seen, now - captured);
  }

  // heard notes that sound is heard so long after its capture.
  heard(lag) {
    this.#heard = mean(this.#heard, lag);
  }

  // offset is how much later than its image sound is heard, in the mean; null while no sound is.
  offset(now) {
    return this.active(now) && this.#heard !== null && this.#seen !== null ? this.#heard - this.#seen : null;
  }
}
