// Speaker plays the sound of one stream by the clock of WebAudio, in step with its images. Muted it costs nothing: the server
// sends sound to those that ask for it. There is no AudioWorklet: browsers give those to pages of https and localhost alone.
import { Pace } from './pace.js';

const jump = 30; // ms: a piece that is due so much before or after the one before ends is played when it is due; else right behind
const exact = 2; // ms: nothing is done about less
const bend = 0.005; // by which sound is played faster or slower, until it is where it should be
const silence = 32; // the largest sample of what is silent, as the server has it

export class Speaker {
  pace = new Pace();

  #clock;
  #audio = null;
  #on = false;
  #ahead = null; // ms of the audio's clock before performance.now(), at the ear
  #next = 0; // sample of the audio's clock: where what was scheduled is over
  #resume = () => this.#audio?.resume();

  constructor(clock) {
    this.#clock = clock;
  }

  get on() {
    return this.#on;
  }

  // start plays what comes, at first of that rate. Where nobody has used the page yet, browsers play nothing until somebody does.
  start(rate = 48000) {
    this.#on = true;
    this.#open(rate);
    for (const event of ['pointerup', 'keyup']) document.addEventListener(event, this.#resume);
  }

  stop() {
    this.#on = false;
    for (const event of ['pointerup', 'keyup']) document.removeEventListener(event, this.#resume);
    this.#audio?.close();
    this.#audio = null;
    this.pace.stop();
  }

  // take plays a piece of sound: { samples, rate, channels, captured }, captured in ms by the server's clock.
  take({ samples, rate, channels, captured }) {
    if (!this.#on) return;
    if (this.#audio.sampleRate !== rate) this.#open(rate);
    const audio = this.#audio;
    const moments = Math.floor(samples.length / channels);
    if (audio.state !== 'running' || moments === 0) return;
    const length = moments / rate; // s
    const silent = samples.every((sample) => Math.abs(sample) <= silence);
    const due = captured + this.pace.sound(captured, length * 1000, silent, this.#clock.now());
    const at = this.#audioTime(due) * rate;
    const away = ((at - this.#next) / rate) * 1000;
    const now = audio.currentTime * rate;
    // In whole samples: where two pieces meet between samples, browsers add both.
    let start = this.#next;
    let skip = 0; // of its beginning
    let frames = moments; // that it is played for
    if (start <= now || Math.abs(away) >= jump) {
      start = Math.ceil(Math.max(at, now, this.#next));
      skip = Math.floor(start - at);
      if (skip >= moments) return;
      frames = moments - skip;
    } else if (Math.abs(away) > exact) {
      frames = Math.round(moments * (1 + Math.sign(away) * bend));
    }
    const source = new AudioBufferSourceNode(audio, { buffer: toBuffer(audio, samples, channels, skip, frames) });
    source.connect(audio.destination);
    source.start(start / rate);
    this.#next = start + frames;
    this.pace.heard(due - captured + ((start - skip - at) / rate) * 1000);
  }

  // open makes the audio play at the rate of the sound, so that pieces of it fit together to the sample.
  #open(rate) {
    this.#audio?.close();
    this.#audio = new AudioContext({ sampleRate: rate, latencyHint: 'interactive' });
    this.#audio.resume();
    this.#ahead = null;
    this.#next = 0;
  }

  // audioTime returns for which time of the audio's clock sound has to be scheduled to be heard at a time of the server's.
  #audioTime(time) {
    const audio = this.#audio;
    let { contextTime, performanceTime } = audio.getOutputTimestamp();
    if (!contextTime) {
      contextTime = audio.currentTime - (audio.outputLatency || 0);
      performanceTime = performance.now();
    }
    const ahead = contextTime * 1000 - performanceTime;
    if (this.#ahead === null || Math.abs(ahead - this.#ahead) > 100) this.#ahead = ahead;
    this.#ahead += (ahead - this.#ahead) / 16; // browsers say it to some ms
    return (time - this.#clock.now() + performance.now() + this.#ahead) / 1000;
  }
}

// toBuffer returns 16-bit samples as audio wants them, from that moment on, stretched to so many.
function toBuffer(audio, samples, channels, first, frames) {
  const buffer = audio.createBuffer(channels, frames, audio.sampleRate);
  const last = samples.length / channels - 1;
  const step = (last + 1 - first) / frames;
  for (let c = 0; c < channels; c++) {
    const out = buffer.getChannelData(c);
    for (let i = 0; i < frames; i++) {
      const at = first + i * step;
      const before = Math.floor(at);
      const sample = samples[before * channels + c];
      const next = samples[Math.min(before + 1, last) * channels + c];
      out[i] = (sample + (next - sample) * (at - before)) / 32768;
    }
  }
  return buffer;
}
