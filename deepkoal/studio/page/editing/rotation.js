// The photo brought upright: what is shown of it, and what of its options goes with it.

import { report } from "../messages.js";
import { rotatePlace } from "../stage/rotating.js";

// A place as shares of width and height, in the rotated photo.
function rotateShares([x, y], degrees) {
  const fine = (share) => Number((1 - share).toFixed(5));
  return { 90: [fine(y), x], 180: [fine(x), fine(y)], 270: [y, fine(x)] }[degrees] ?? [x, y];
}

// Degrees from one rotation to another, clockwise: 0, 90, 180 or 270.
const findTurn = (from, to) => (((to - from) % 360) + 360) % 360;

// What is different once a photo that now has that size is rotated by so many degrees more: colors
// and missing pieces stay on their things.
function rotateOptions({ rotation, hints, restoration }, size, by) {
  const degrees = findTurn(0, by);
  const part = {
    rotation: findTurn(0, rotation + degrees),
    hints: hints.map((hint) => ({ ...hint, points: hint.points.map((place) => rotatePlace(place, size, degrees)) })),
  };
  const { holes } = restoration ?? {};
  if (!Array.isArray(holes)) return part;
  const rotated = holes.map((outline) => outline.map((corner) => rotateShares(corner, degrees)));
  return { ...part, restoration: { ...restoration, holes: rotated } };
}

export class Rotation {
  // `rotated` is called with the photo's new width and height.
  constructor(stage, editing, rotated) {
    Object.assign(this, { stage, editing, rotated });
    this.shown = 0; // rotation of what is seen
  }

  // Another photo is shown, as it is rotated.
  open() {
    this.shown = this.editing.options.rotation;
  }

  // As a step to undo.
  rotate(degrees) {
    this.editing.change(rotateOptions(this.editing.options, this.editing.size, degrees));
    report(degrees > 0 ? "Rotated to the right" : "Rotated to the left");
  }

  // Rotate all that is seen where the options say so, however that came: at once, while the network
  // sees the photo anew, which takes a moment.
  follow() {
    const degrees = findTurn(this.shown, this.editing.options.rotation);
    if (!degrees) return;
    this.open();
    this.rotated(this.editing.size);
    this.stage.rotate(this.editing.size, degrees);
  }
}
