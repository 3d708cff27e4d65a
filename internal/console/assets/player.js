// Player paints the images of one stream on a canvas: the newest that is decoded, once a frame of the display. While
// one is being decoded the newest that came waits, and older ones are thrown away, so that what is on the screen is
// never old because the page is slow.
import { compose } from './alpha.js';

const toPaint = new Set(); // players with an image for the display's next frame

const decoded = (jpeg) => createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));

function paintAll() {
  for (const player of toPaint) player.paint();
  toPaint.clear();
}

export class Player {
  #canvas;
  #context;
  #clock;
  #meter;
  #onPainted;
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
    } else if (this.#decoding) {
      if (this.#next) this.#discard(this.#next);
      this.#next = image;
    } else {
      this.#decode(image);
    }
  }

  // stop throws away what is not painted yet. The canvas keeps its image.
  stop() {
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
    const lag = Math.max(0, this.#clock.now() - image.captured); // clocks agree to a millisecond or so
    this.#meter.painted(image.repeat || image.offline ? null : lag);
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
