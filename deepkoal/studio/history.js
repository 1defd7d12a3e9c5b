// Looks in the order they came about, to go back and forth between.

const TOGETHER = 1000; // ms within which changes of one kind are one step

export class History {
  constructor(look) {
    this.looks = [look];
    this.at = 0;
    this.kind = null;
    this.time = 0;
  }

  get look() {
    return this.looks[this.at];
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.looks.length - 1;
  }

  // `kind` tells a row of small changes, such as those of a slider, from steps of their own.
  push(look, kind = null) {
    const now = performance.now();
    const goesOn = kind !== null && kind === this.kind && now - this.time < TOGETHER;
    if (!goesOn || this.at === 0) this.at += 1;
    this.looks.splice(this.at, Infinity, look);
    this.kind = kind;
    this.time = now;
  }

  move(steps) {
    this.at = Math.min(Math.max(this.at + steps, 0), this.looks.length - 1);
    this.kind = null;
  }
}
