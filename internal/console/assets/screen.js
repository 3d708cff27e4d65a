// Screen shows one stream: on a canvas, by the one WebSocket; or where that is refused, as MJPEG in an <img>.
import { loadable, paths } from './api.js';
import { el, setText } from './dom.js';
import { Player } from './player.js';
import { Speaker } from './speaker.js';

// A browser opens six connections to a host over HTTP/1.1, and an MJPEG holds one: beyond these, snapshots at
// intervals, so that the page itself still gets through.
const mostMJPEG = 3;
let openMJPEG = 0;

const loadAgain = 2000; // ms, from snapshot to snapshot, or after an MJPEG has ended

export class Screen {
  #socket;
  #stream;
  #canvas = el('canvas', { width: 16, height: 9 });
  #image = el('img', { alt: '', hidden: true, onerror: () => this.#loadLater(), onload: () => this.#loaded() });
  #note = el('p', { hidden: true }); // why there is no image
  #player;
  #speaker = null; // once somebody has wanted to hear it
  #clock;
  #watch = null;
  #holdsMJPEG = false;
  #timer = 0;
  #active = false;
  #fps = 0;
  #onStatus = () => this.#chooseImage();

  // stream is a Stream of server.js. element holds the image; its data-seq is that of the image on the canvas.
  constructor(socket, stream, clock) {
    this.#socket = socket;
    this.#stream = stream;
    this.#clock = clock;
    this.element = el('div', { class: 'screen' }, this.#canvas, this.#image, this.#note);
    this.#player = new Player(this.#canvas, clock, stream.meter, (image) => this.#painted(image));
    socket.addEventListener('status', this.#onStatus);
  }

  // run starts or stops the images, with at most so many a second (0: all). A screen that stops keeps its last image.
  run(active, fps = 0) {
    if (active === this.#active && fps === this.#fps) return;
    this.#end();
    this.#active = active;
    this.#fps = fps;
    if (!active) return;
    this.#watch = this.#socket.watch(this.#stream.name, fps, {
      take: (image) => this.#player.take(image),
      hear: (piece) => this.#speaker.take(piece),
      fail: (reason) => this.#say(reason),
    });
    this.#watch.listen(this.listening);
    this.#chooseImage();
  }

  // listening says whether the sound is to be heard.
  get listening() {
    return this.#speaker?.on ?? false;
  }

  // soundOffset is how much later than its image sound is heard, in ms; null while none is.
  get soundOffset() {
    return this.#speaker?.pace.offset(this.#clock.now()) ?? null;
  }

  // listen plays the sound, which has that rate, or ends it. Browsers want it to be called by an action of the user.
  listen(on, rate) {
    this.#speaker ??= new Speaker(this.#clock);
    if (on) this.#speaker.start(rate);
    else this.#speaker.stop();
    this.#player.pace = this.#speaker.pace;
    this.#watch?.listen(on);
  }

  // close ends the screen.
  close() {
    this.#speaker?.stop();
    this.#socket.removeEventListener('status', this.#onStatus);
    this.#end();
  }

  #painted(image) {
    this.element.dataset.seq = image.seq;
    this.#canvas.classList.toggle('transparent', image.alpha !== null);
    this.#note.hidden = true;
  }

  #say(reason) {
    setText(this.#note, reason);
    this.#note.hidden = false;
  }

  #end() {
    this.#active = false;
    this.#watch?.close();
    this.#watch = null;
    this.#player.stop();
    this.#note.hidden = true;
    this.#endImage();
  }

  // chooseImage begins or ends the fallback. The watch stays: the socket goes on trying.
  #chooseImage() {
    if (!this.#active || this.#socket.refused === !this.#image.hidden) return;
    if (this.#socket.refused) this.#beginImage();
    else this.#endImage();
  }

  #beginImage() {
    this.#holdsMJPEG = openMJPEG < mostMJPEG;
    if (this.#holdsMJPEG) openMJPEG++;
    this.#image.hidden = false;
    this.#canvas.hidden = true;
    this.#load();
  }

  #load() {
    if (this.#holdsMJPEG)
      this.#image.src = loadable(paths.mjpeg(this.#stream.name), this.#fps > 0 ? { fps: this.#fps } : {});
    else this.#image.src = loadable(paths.snapshot(this.#stream.name), { at: Date.now() });
  }

  // loaded is called for each snapshot, and for the first image of an MJPEG.
  #loaded() {
    if (!this.#holdsMJPEG) this.#loadLater();
  }

  #loadLater() {
    clearTimeout(this.#timer);
    if (!this.#image.hidden) this.#timer = setTimeout(() => this.#load(), loadAgain);
  }

  #endImage() {
    if (this.#image.hidden) return;
    clearTimeout(this.#timer);
    if (this.#holdsMJPEG) openMJPEG--;
    this.#holdsMJPEG = false;
    this.#image.hidden = true;
    this.#canvas.hidden = false;
    this.#image.src = ''; // which ends the connection; removing the element would not
  }
}
