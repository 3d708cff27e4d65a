// Player paints the images of one stream on a canvas: the newest that is decoded, once a frame of the display. While
// one is being decoded the newest that came waits, and older ones are thrown away, so that what is on the screen is
// never old because the page is slow.
const toPaint = new Set(); // players with an image for the display's next frame

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
  #ready = null; // { image, bitmap }, waits for the display
  #shown = -1n; // the seq on the canvas

  // onPainted(image) is called when an image is on the canvas.
  constructor(canvas, clock, meter, onPainted) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { alpha: false });
    this.#clock = clock;
    this.#meter = meter;
    this.#onPainted = onPainted;
  }

  // take accepts an image, which is painted or thrown away, and then acknowledged.
  take(image) {
    this.#meter.received(image.jpeg.byteLength);
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
      const bitmap = await createImageBitmap(new Blob([image.jpeg], { type: 'image/jpeg' }));
      this.#unready();
      this.#ready = { image, bitmap };
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
    const { image, bitmap } = this.#ready;
    this.#ready = null;
    if (this.#canvas.width !== bitmap.width || this.#canvas.height !== bitmap.height) {
      this.#canvas.width = bitmap.width;
      this.#canvas.height = bitmap.height;
    }
    this.#context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#shown = image.seq;
    const lag = Math.max(0, this.#clock.now() - image.captured); // clocks agree to a millisecond or so
    this.#meter.painted(image.repeat || image.offline ? null : lag);
    image.acknowledge();
    this.#onPainted(image);
  }

  #unready() {
    if (!this.#ready) return;
    this.#ready.bitmap.close();
    this.#discard(this.#ready.image);
    this.#ready = null;
  }

  #discard(image) {
    this.#meter.late();
    image.acknowledge();
  }
}
