// History keeps the figures of the last minutes, a sample a second, in the form uPlot draws: an array of times and one
// of values for each name, null where there is none.
export const span = 300; // seconds

const gap = 3; // seconds without a sample, after which a line is interrupted rather than drawn on

export class History {
  constructor(...names) {
    this.names = names;
    this.times = [];
    this.values = Object.fromEntries(names.map((name) => [name, []]));
  }

  // add adds a sample taken at a time, in seconds. When the clock was set back, the history begins anew.
  add(time, sample) {
    if (time < this.times.at(-1)) for (const list of this.data(...this.names)) list.length = 0;
    const last = this.times.at(-1);
    if (last !== undefined && time - last > gap) this.#push((last + time) / 2, {});
    this.#push(time, sample);
    while (this.times[0] < time - span) {
      this.times.shift();
      for (const name of this.names) this.values[name].shift();
    }
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
