// Commands to copy: how to push a stream to this server, and how to pull one from it.
import { paths, token, url } from './api.js';
import { el, icon } from './dom.js';

// command returns a line that can be copied, below its title.
export function command(title, line) {
  const code = el('code', {}, line);
  const button = el(
    'button',
    { class: 'plain', type: 'button', 'aria-label': `Copy: ${title}`, title: 'Copy' },
    icon('copy'),
  );
  button.addEventListener('click', async () => {
    button.replaceChildren(icon((await copied(line, code)) ? 'check' : 'copy'));
    setTimeout(() => button.replaceChildren(icon('copy')), 1500);
  });
  return el('div', { class: 'command' }, el('p', {}, title), el('div', {}, el('pre', {}, code), button));
}

// copied reports whether line is on the clipboard. Browsers give it to pages of https and localhost alone: elsewhere
// the line is selected, for Ctrl-C.
async function copied(line, code) {
  try {
    await navigator.clipboard.writeText(line);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}

// quoted returns a URL that is safe in a shell.
const quoted = (u) => (/[?&]/.test(u) ? `'${u}'` : `${u}`);

// pushing returns two commands that push a stream: with steadyframe, and with ffmpeg alone.
export function pushing() {
  const root = url('.').href.replace(/\/$/, '');
  const option = token.get() ? '--token TOKEN ' : '';
  const header = token.get() ? `-headers 'Authorization: Bearer TOKEN' ` : '';
  return [
    ['A video or a camera, with steadyframe', `steadyframe push --loop ${option}clip.mp4 ${root}`],
    ['With ffmpeg alone', `ffmpeg -re -i clip.mp4 -c:v mjpeg -q:v 4 -f mpjpeg ${header}${url(paths.publish('clip'))}`],
  ];
}

// pulling returns commands and URLs to watch a stream elsewhere.
export function pulling(name) {
  const add = token.get() ? { access_token: 'TOKEN' } : {};
  const mjpeg = url(paths.mjpeg(name), add);
  const snapshot = url(paths.snapshot(name), add);
  const root = url('.').href.replace(/\/$/, '');
  const secret = token.get() ? ', token="TOKEN"' : '';
  return [
    ['MJPEG, for browsers and camera viewers', `${mjpeg}`],
    ['Newest image', `${snapshot}`],
    ['Python', `for jpeg in steadyframe.watch("${name}", url="${root}"${secret}): ...`],
    ['OpenCV', `capture = cv2.VideoCapture("${mjpeg}")`],
    ['ffmpeg, into a file at the true speed', `ffmpeg -use_wallclock_as_timestamps 1 -i ${quoted(mjpeg)} -c copy ${name}.mkv`],
    ['ffplay', `ffplay -fflags nobuffer ${quoted(mjpeg)}`],
    ['HTML', `<img src="${mjpeg}" alt="${name}">`],
    [
      'HTML, over WebSocket: the newest image always, with its alpha',
      `<script type="module" src="${url('assets/view.js')}"></script>\n<steadyframe-view stream="${name}"${token.get() ? ' token="TOKEN"' : ''}></steadyframe-view>`,
    ],
    ['Home Assistant: add the integration MJPEG IP Camera', `MJPEG URL: ${mjpeg}\nStill image URL: ${snapshot}`],
    [
      'GStreamer',
      `gst-launch-1.0 souphttpsrc location=${quoted(mjpeg)} is-live=true ! multipartdemux ! jpegdec ! autovideosink`,
    ],
    ['curl', `curl -o ${name}.jpg ${quoted(snapshot)}`],
  ];
}
