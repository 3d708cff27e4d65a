// History keeps the figures of the last minutes, a sample a second, in the form uPlot draws: an array of times and one
// of values for each name, null where there is none.
export const span = 300; // seconds

export const gap = 3; // seconds without a sample, after which a line is interrupted rather than drawn on

export class History {
  constructor(...names) {
    this.names = names;
    this.times = [];
    this.values = Object.fromEntries(names.map((name) => [name, []]));
  }

  // add adds a sample taken at a time, in seconds, to a line that is drawn on from one at most a gap before. When the clock
  // was set back, the history begins anew.
  add(time, sample, most = gap) {
    if (time < this.times.at(-1)) this.clear();
    const last = this.times.at(-1);
    if (last !== undefined && time - last > most) this.#push((last + time) / 2, {});
    this.#push(time, sample);
    while (this.times[0] < time - span) {
      this.times.shift();
      for (const name of this.names) this.values[name].shift();
    }
  }

  clear() {
    for (const list of this.data(...this.names)) list.length = 0;
  }

  #push(time, sample) {
    this.times.push(time);
    for (const name of this.names) this.values[name].push(sample[name] ?? null);
  }

  // at returns the sample at index i, the last without one.
  at(i = this.times.length - 1) {
    return Object.fromEntries(this.names.map((name) => [name, this.values[name][i] ?? null]));
  }

  // data returns the arrays of some names, as uPlot wants them. They are the History's own.
  data(...names) {
    return [this.times, ...names.map((name) => this.values[name])];
  }
}
