// Which part of the photo is seen, and how large.

import { clamp } from "./geometry.js";

const LARGEST = 16; // screen pixels for one of the photo
const STEP = 1.25; // of the buttons and keys
const EDGE = 40; // screen pixels beside or above a photo that is seen whole, both sides together

export class View {
  // `changed` is called whenever the photo was moved or resized.
  constructor(viewport, frame, changed) {
    this.viewport = viewport;
    this.frame = frame;
    this.changed = changed;
    this.photo = null;
    this.scale = 1; // screen pixels for one of the photo
    this.left = this.top = 0; // of the photo, in the viewport
    this.isFitted = true;
    new ResizeObserver(() => {
      if (!this.photo) return;
      if (this.isFitted) this.fit();
      else this.#apply();
    }).observe(viewport);
  }

  get box() {
    return this.viewport.getBoundingClientRect();
  }

  get fitScale() {
    const { clientWidth, clientHeight } = this.viewport;
    const edge = clientWidth < 600 ? EDGE / 3 : EDGE;
    const fitting = Math.min((clientWidth - edge) / this.photo.width, (clientHeight - edge) / this.photo.height);
    return Math.max(Math.min(fitting, 3), 1e-4); // small photos are not blown up without being asked
  }

  // One pixel of the photo on one of the screen.
  get fullScale() {
    return 1 / devicePixelRatio;
  }

  open(photo) {
    this.photo = photo;
    this.fit();
  }

  fit() {
    this.scale = this.fitScale;
    this.isFitted = true;
    this.#apply();
  }

  full() {
    this.zoomAt(this.fullScale);
  }

  zoomIn(steps) {
    this.zoomAt(this.scale * STEP ** steps);
  }

  // Zoom about the middle of what is seen.
  zoomAt(scale) {
    const { left, top, width, height } = this.box;
    this.zoomTo(scale, left + width / 2, top + height / 2);
  }

  // From all of the photo to its pixels at a place of the screen, or twice as large where they are
  // no larger; and back.
  toggle({ clientX, clientY }) {
    if (this.isFitted) this.zoomTo(Math.max(this.fullScale, 2 * this.scale), clientX, clientY);
    else this.fit();
  }

  // Zoom so that what is below a place of the screen stays there.
  zoomTo(scale, clientX, clientY) {
    const box = this.box;
    const [x, y] = [clientX - box.left, clientY - box.top];
    const next = clamp(scale, Math.min(this.fitScale, this.fullScale), Math.max(LARGEST * this.fullScale, this.fitScale));
    this.left = x - ((x - this.left) * next) / this.scale;
    this.top = y - ((y - this.top) * next) / this.scale;
    this.scale = next;
    this.isFitted = Math.abs(next - this.fitScale) < 1e-6;
    this.#apply();
  }

  pan(right, down) {
    this.left += right;
    this.top += down;
    this.#apply();
  }

  get canPan() {
    const { clientWidth, clientHeight } = this.viewport;
    return this.photo.width * this.scale > clientWidth + 1 || this.photo.height * this.scale > clientHeight + 1;
  }

  // Move the photo just enough that a place of it, [x, y], is seen.
  reveal([x, y]) {
    const { clientWidth, clientHeight } = this.viewport;
    const [right, down] = [this.left + x * this.scale, this.top + y * this.scale];
    this.pan(clamp(right, EDGE, clientWidth - EDGE) - right, clamp(down, EDGE, clientHeight - EDGE) - down);
  }

  // The place of the photo, [x, y] in its pixels and never outside, below one of the screen.
  placeOf({ clientX, clientY }) {
    const box = this.box;
    return this.inside([(clientX - box.left - this.left) / this.scale, (clientY - box.top - this.top) / this.scale]);
  }

  inside([x, y]) {
    const { width, height } = this.photo;
    return [clamp(x, 0, width - 0.01), clamp(y, 0, height - 0.01)];
  }

  // What is seen of the photo, in its pixels.
  get seen() {
    const { clientWidth, clientHeight } = this.viewport;
    const { width, height } = this.photo;
    const [left, top] = [clamp(-this.left / this.scale, 0, width), clamp(-this.top / this.scale, 0, height)];
    return {
      left,
      top,
      width: clamp((clientWidth - this.left) / this.scale, 0, width) - left,
      height: clamp((clientHeight - this.top) / this.scale, 0, height) - top,
    };
  }

  #apply() {
    const { clientWidth, clientHeight } = this.viewport;
    const [width, height] = [this.photo.width * this.scale, this.photo.height * this.scale];
    const hold = (at, size, room) => (size <= room ? (room - size) / 2 : clamp(at, room - size, 0));
    this.left = hold(this.left, width, clientWidth);
    this.top = hold(this.top, height, clientHeight);
    for (const [name, value] of Object.entries({ left: this.left, top: this.top, width, height })) {
      this.frame.style[name] = `${value}px`;
    }
    const from = Math.max(0, this.left);
    this.viewport.style.setProperty("--frame-left", `${this.left}px`);
    this.viewport.style.setProperty("--seen-left", `${from}px`);
    this.viewport.style.setProperty("--seen-width", `${Math.min(clientWidth, this.left + width) - from}px`);
    this.viewport.style.setProperty("--seen-top", `${Math.max(0, this.top)}px`);
    this.viewport.style.setProperty("--seen-bottom", `${Math.max(0, clientHeight - this.top - height)}px`);
    this.changed();
  }
}
