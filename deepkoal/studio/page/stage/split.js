// The line between before and after. It stays where it is on the screen while the photo moves.

const REVEAL_TIME = 1300; // ms, a little longer than the style sheet's
const [STEP, FAR] = [2, 10]; // percent

export class Split {
  constructor(view) {
    this.view = view;
    this.line = document.getElementById("split");
    this.line.addEventListener("pointerdown", (event) => {
      if (event.button === 0) this.line.setPointerCapture(event.pointerId);
    });
    this.line.addEventListener("pointermove", (event) => {
      if (!this.line.hasPointerCapture(event.pointerId)) return;
      const frame = view.frame.getBoundingClientRect();
      const left = Math.max(view.box.left, frame.left);
      this.put((100 * (event.clientX - left)) / (Math.min(view.box.right, frame.right) - left));
    });
    this.line.addEventListener("keydown", (event) => {
      const now = Number(this.line.getAttribute("aria-valuenow"));
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
    const rounded = Math.round(Math.min(Math.max(percent, 0), 100));
    this.view.viewport.style.setProperty("--split", rounded);
    this.view.viewport.classList.toggle("whole", rounded === 0 || rounded === 100);
    this.line.setAttribute("aria-valuenow", rounded);
    this.line.setAttribute("aria-valuetext", `${rounded} % before, ${100 - rounded} % after`);
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
