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
  #ready = null; // { picture, bitmap }, waits for the display
  #shown = -1n; // the seq on the canvas

  // onPainted(picture) is called when an image is on the canvas.
  constructor(canvas, clock, meter, onPainted) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { alpha: false });
    this.#clock = clock;
    this.#meter = meter;
    this.#onPainted = onPainted;
  }

  // take takes an image, to be painted or thrown away, and acknowledged then.
  take(picture) {
    this.#meter.received(picture.jpeg.byteLength);
    if (picture.repeat && picture.seq === this.#shown) {
      picture.acknowledge();
    } else if (this.#decoding) {
      if (this.#next) this.#discard(this.#next);
      this.#next = picture;
    } else {
      this.#decode(picture);
    }
  }

  // stop throws away what is not painted yet. The canvas keeps its image.
  stop() {
    if (this.#next) this.#discard(this.#next);
    this.#next = null;
    this.#unready();
    this.#shown = -1n; // the next watch may count anew
  }

  async #decode(picture) {
    this.#decoding = true;
    try {
      const bitmap = await createImageBitmap(new Blob([picture.jpeg], { type: 'image/jpeg' }));
      this.#unready();
      this.#ready = { picture, bitmap };
      if (toPaint.size === 0) requestAnimationFrame(paintAll);
      toPaint.add(this);
    } catch {
      this.#discard(picture); // no JPEG that this browser reads
    }
    this.#decoding = false;
    const next = this.#next;
    this.#next = null;
    if (next) this.#decode(next);
  }

  paint() {
    if (!this.#ready) return;
    const { picture, bitmap } = this.#ready;
    this.#ready = null;
    if (this.#canvas.width !== bitmap.width || this.#canvas.height !== bitmap.height) {
      this.#canvas.width = bitmap.width;
      this.#canvas.height = bitmap.height;
    }
    this.#context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#shown = picture.seq;
    const lag = Math.max(0, this.#clock.now() - picture.captured); // clocks agree to a millisecond or so
    this.#meter.painted(picture.repeat || picture.offline ? null : lag);
    picture.acknowledge();
    this.#onPainted(picture);
  }

  #unready() {
    if (!this.#ready) return;
    this.#ready.bitmap.close();
    this.#discard(this.#ready.picture);
    this.#ready = null;
  }

  #discard(picture) {
    this.#meter.late();
    picture.acknowledge();
  }
}
