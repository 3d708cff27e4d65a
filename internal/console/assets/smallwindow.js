// SmallWindow shows a canvas in a window above all others (picture-in-picture), where the browser can: it takes videos alone,
// so the canvas becomes one.
import { el, icon } from './dom.js';

export class SmallWindow {
  #video = null;

  // open says whether the window is there.
  get open() {
    return this.#video !== null;
  }

  // buttons returns a button that opens and closes the window, none where the browser has no such windows. stage returns the
  // element with the canvas.
  buttons(stage) {
    if (!document.pictureInPictureEnabled) return [];
    return [
      el(
        'button',
        { class: 'button', type: 'button', title: 'In a small window above others', onclick: () => this.#toggle(stage()) },
        icon('window'),
        'Window',
      ),
    ];
  }

  close() {
    if (!this.#video) return;
    for (const track of this.#video.srcObject.getTracks()) track.stop();
    if (document.pictureInPictureElement === this.#video) document.exitPictureInPicture().catch(() => {});
    this.#video = null;
  }

  async #toggle(stage) {
    if (this.#video) return this.close();
    const canvas = stage.querySelector('canvas');
    if (!canvas) return;
    const video = el('video', { muted: true });
    video.srcObject = canvas.captureStream();
    video.addEventListener('leavepictureinpicture', () => this.close());
    this.#video = video;
    try {
      await video.play();
      await video.requestPictureInPicture();
    } catch {
      this.close(); // the browser did not want to
    }
  }
}
