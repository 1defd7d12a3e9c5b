// The line between before and after. It stays where it is on the screen while the photo moves.

import { clamp, distance } from "./geometry.js";

const REVEAL_TIME = 1300; // ms, a little longer than the style sheet's
const [STEP, FAR] = [2, 10]; // percent
const HALF = 50; // percent, where the line goes when its handle is clicked
const STILL = 4; // screen pixels that a click may slip by

export class Split {
  constructor(view) {
    this.view = view;
    this.line = document.getElementById("split");
    this.percent = 0; // of what is seen, shown as it was
    this.former = 0; // where the line stood before it was flipped
    this.pressed = null; // where the pointer went down on the handle, null once it was dragged
    this.line.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.line.setPointerCapture(event.pointerId);
      this.pressed = event.target.closest(".grip") && [event.clientX, event.clientY];
    });
    this.line.addEventListener("pointerup", () => {
      if (this.pressed) this.put(this.percent === HALF ? 0 : HALF);
      this.pressed = null;
    });
    this.line.addEventListener("pointermove", (event) => {
      if (!this.line.hasPointerCapture(event.pointerId)) return;
      if (this.pressed && distance(this.pressed, [event.clientX, event.clientY]) <= STILL) return;
      this.pressed = null;
      const frame = view.frame.getBoundingClientRect();
      const left = Math.max(view.box.left, frame.left);
      this.put((100 * (event.clientX - left)) / (Math.min(view.box.right, frame.right) - left));
    });
    this.line.addEventListener("keydown", (event) => {
      const now = this.percent;
      const step = event.shiftKey ? FAR : STEP;
      const places = {
        ArrowLeft: now - step, ArrowDown: now - step, ArrowRight: now + step, ArrowUp: now + step,
        PageDown: now - FAR, PageUp: now + FAR, Home: 0, End: 100,
      };
      if (!(event.key in places)) return;
      event.preventDefault();
      this.put(places[event.key]);
    });
  }

  // So much of what is seen, in percent, is shown as it was.
  put(percent) {
    const rounded = Math.round(clamp(percent, 0, 100));
    this.percent = rounded;
    this.view.viewport.style.setProperty("--split", rounded);
    this.view.viewport.classList.toggle("whole", rounded === 0 || rounded === 100);
    this.line.setAttribute("aria-valuenow", rounded);
    this.line.setAttribute("aria-valuetext", `${rounded} % before, ${100 - rounded} % after`);
  }

  // Show all of it as it was, or put the line back: seen in one place, differences jump to the eye.
  flip() {
    if (this.percent === 100) return this.put(this.former === 100 ? 0 : this.former);
    this.former = this.percent;
    return this.put(100);
  }

  // Let the colors flow in from the right.
  reveal() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.put(0);
    this.put(100);
    this.line.getBoundingClientRect(); // it stands there before it is let go
    this.view.viewport.classList.add("revealing");
    this.put(0);
    setTimeout(() => this.view.viewport.classList.remove("revealing"), REVEAL_TIME);
  }
}
