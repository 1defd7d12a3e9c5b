// Options in the order they came about, to go back and forth between.

import { nameStep } from "./steps.js";

const TOGETHER = 1000; // ms within which changes of one kind are one step
const MOST = 200; // steps that are kept

export class History {
  constructor(steps, at = steps.length - 1) {
    this.steps = steps;
    this.at = at;
    this.kind = null;
    this.time = 0;
  }

  get options() {
    return this.steps[this.at];
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.steps.length - 1;
  }

  // What a move back or forth would take back or bring again, in a few words.
  name(steps) {
    const [before, after] = steps < 0 ? [this.at - 1, this.at] : [this.at, this.at + 1];
    return nameStep(this.steps[before], this.steps[after]);
  }

  // `kind` tells a row of small changes, such as those of a slider, from steps of their own.
  push(options, kind = null) {
    const now = performance.now();
    const goesOn = kind !== null && kind === this.kind && now - this.time < TOGETHER;
    if (!goesOn || this.at === 0) this.at += 1;
    this.steps.splice(this.at, Infinity, options);
    if (this.steps.length > MOST) {
      this.steps.splice(1, 1); // the first is the photo untouched
      this.at -= 1;
    }
    this.kind = kind;
    this.time = now;
  }

  move(steps) {
    this.at = Math.min(Math.max(this.at + steps, 0), this.steps.length - 1);
    this.kind = null;
  }
}
