// What is done to the photo that is open: its options, as they are shown and as steps to undo.

import { erase } from "../stage/geometry.js";
import { rotateSize } from "../stage/rotating.js";
import { PLAIN } from "./options.js";

export class Editing {
  // `shown` is called whenever the options changed: with true where it was a step of its own.
  constructor(shown) {
    this.shown = shown;
    this.photo = null;
    this.options = PLAIN; // as they are shown, also halfway through a drag
    this.lastId = 0;
  }

  get history() {
    return this.photo.history;
  }

  // The photo's width and height as it is rotated.
  get size() {
    return rotateSize(this.photo, this.options.rotation);
  }

  open(photo) {
    this.photo = photo;
    this.options = photo.history.options;
    const ids = photo.history.steps.flatMap((step) => step.hints.map((hint) => hint.id));
    this.lastId = Math.max(0, ...ids);
  }

  // Change some of the options; as a step to undo where `isDone`.
  change(part, kind = null, isDone = true) {
    this.options = { ...this.options, ...part };
    if (isDone) this.history.push(this.options, kind);
    this.shown(isDone);
  }

  travel(steps) {
    this.history.move(steps);
    this.options = this.history.options;
    this.shown(true);
  }

  hint(id) {
    return this.options.hints.find((each) => each.id === id);
  }

  add(mark, color) {
    this.lastId += 1;
    this.change({ hints: [...this.options.hints, { ...mark, id: this.lastId, color }] });
    return this.lastId;
  }

  changeHint(id, part, isDone, kind = null) {
    this.change({ hints: this.options.hints.map((hint) => (hint.id === id ? { ...hint, ...part } : hint)) }, kind, isDone);
  }

  remove(id) {
    this.change({ hints: this.options.hints.filter((hint) => hint.id !== id) });
  }

  // Take away what lies below the eraser; a step to undo is made when it is lifted.
  erase(place, radius) {
    const hints = this.options.hints.flatMap((hint) =>
      erase(hint, place, radius).map((left, index) => (index ? { ...left, id: (this.lastId += 1) } : left)),
    );
    const isSame = hints.length === this.options.hints.length && hints.every((hint, index) => hint === this.options.hints[index]);
    if (!isSame) this.change({ hints }, null, false);
  }

  finish() {
    if (this.options !== this.history.options) this.change({});
  }
}
