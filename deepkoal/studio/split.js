// The line between before and after.

const REVEAL_TIME = 1300; // ms, a little longer than the style sheet's
const [STEP, FAR] = [2, 10]; // percent

export class Split {
  constructor(frame) {
    this.frame = frame;
    this.line = document.getElementById("split");
    this.line.addEventListener("pointerdown", (event) => {
      if (event.button === 0) this.line.setPointerCapture(event.pointerId);
    });
    this.line.addEventListener("pointermove", (event) => {
      if (!this.line.hasPointerCapture(event.pointerId)) return;
      const box = this.frame.getBoundingClientRect();
      this.put((100 * (event.clientX - box.left)) / box.width);
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

  // So much of the photo, in percent, is shown as it was.
  put(percent) {
    const rounded = Math.round(Math.min(Math.max(percent, 0), 100));
    this.frame.style.setProperty("--split", `${rounded}%`);
    this.frame.classList.toggle("whole", rounded === 0 || rounded === 100);
    this.line.setAttribute("aria-valuenow", rounded);
    this.line.setAttribute("aria-valuetext", `${rounded} % before, ${100 - rounded} % after`);
  }

  // Let the colors flow in from the right.
  reveal() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.put(0);
    this.put(100);
    this.frame.getBoundingClientRect(); // the line stands there before it is let go
    this.frame.classList.add("revealing");
    this.put(0);
    setTimeout(() => this.frame.classList.remove("revealing"), REVEAL_TIME);
  }
}
