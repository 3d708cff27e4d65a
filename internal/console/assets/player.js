// Player paints the images of one stream on a canvas: the newest that is decoded, once a frame of the display. While
// one is being decoded the newest that came waits, and older ones are thrown away, so that what is on the screen is
// never old because the page is slow. While the sound plays, an image waits until it is due with it.
import { compose } from './alpha.js';

const mostHeld = 64; // images that wait until they are due, as JPEGs

const toPaint = new Set(); // players with an image for the display's next frame

const decoded = (jpeg) => createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));

function paintAll() {
  for (const player of toPaint) player.paint();
  toPaint.clear();
}

export class Player {
  pace = null; // a Pace, where there is sound

  #canvas;
  #context;
  #clock;
  #meter;
  #onPainted;
  #held = []; // { image, due } of those that are not due yet, in their order
  #timer = 0;
  #decoding = false;
  #next = null; // waits while another is decoded
  #ready = null; // { image, bitmaps }, waits for the display
  #shown = -1n; // the seq on the canvas

  // onPainted(image) is called when an image is on the canvas.
  constructor(canvas, clock, meter, onPainted) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
    this.#clock = clock;
    this.#meter = meter;
    this.#onPainted = onPainted;
  }

  // take accepts an image, which is painted or thrown away, and then acknowledged.
  take(image) {
    this.#meter.received(image.jpeg.byteLength + (image.alpha?.byteLength ?? 0));
    if (image.repeat && image.seq === this.#shown) {
      image.acknowledge();
      return;
    }
    const now = this.#clock.now();
    const wait = this.pace && !image.repeat && !image.offline ? this.pace.image(image.captured, now) : 0;
    if (wait > 0 || this.#held.length > 0) this.#hold(image, now + wait);
    else this.#accept(image);
  }

  // hold keeps an image until it is due. It is acknowledged before: the server has only so many unacknowledged.
  #hold(image, due) {
    image.acknowledge();
    image.acknowledge = () => {};
    this.#held.push({ image, due });
    if (this.#held.length > mostHeld) this.#discard(this.#held.shift().image);
    if (!this.#timer) this.#release();
  }

  #release() {
    this.#timer = 0;
    while (this.#held.length > 0) {
      const wait = this.#held[0].due - this.#clock.now();
      if (wait > 0.5) {
        this.#timer = setTimeout(() => this.#release(), wait);
        return;
      }
      this.#accept(this.#held.shift().image);
    }
  }

  #accept(image) {
    image.accepted = this.#clock.now();
    if (this.#decoding) {
      if (this.#next) this.#discard(this.#next);
      this.#next = image;
    } else {
      this.#decode(image);
    }
  }

  // stop throws away what is not painted yet. The canvas keeps its image.
  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    for (const { image } of this.#held.splice(0)) this.#discard(image);
    if (this.#next) this.#discard(this.#next);
    this.#next = null;
    this.#unready();
    this.#shown = -1n; // the next watch may begin its numbers anew
  }

  async #decode(image) {
    this.#decoding = true;
    try {
      const layers = image.alpha ? [image.jpeg, image.alpha] : [image.jpeg];
      const bitmaps = await Promise.all(layers.map(decoded));
      this.#unready();
      this.#ready = { image, bitmaps };
      if (toPaint.size === 0) requestAnimationFrame(paintAll);
      toPaint.add(this);
    } catch {
      this.#discard(image); // not a JPEG that this browser reads
    }
    this.#decoding = false;
    const next = this.#next;
    this.#next = null;
    if (next) this.#decode(next);
  }

  paint() {
    if (!this.#ready) return;
    const { image, bitmaps } = this.#ready;
    const [color, alpha] = bitmaps;
    this.#ready = null;
    if (this.#canvas.width !== color.width || this.#canvas.height !== color.height) {
      this.#canvas.width = color.width;
      this.#canvas.height = color.height;
    }
    this.#context.globalCompositeOperation = 'copy'; // Below an image with alpha, nothing of the one before stays.
    this.#context.drawImage(alpha ? compose(color, alpha) : color, 0, 0);
    for (const bitmap of bitmaps) bitmap.close();
    this.#shown = image.seq;
    const now = this.#clock.now();
    const lag = Math.max(0, now - image.captured); // clocks agree to a millisecond or so
    const news = !image.repeat && !image.offline;
    this.#meter.painted(news ? lag : null);
    if (news) this.pace?.painted(image.captured, now - image.accepted, now);
    image.acknowledge();
    this.#onPainted(image);
  }

  #unready() {
    if (!this.#ready) return;
    for (const bitmap of this.#ready.bitmaps) bitmap.close();
    this.#discard(this.#ready.image);
    this.#ready = null;
  }

  #discard(image) {
    this.#meter.late();
    image.acknowledge();
  }
}
