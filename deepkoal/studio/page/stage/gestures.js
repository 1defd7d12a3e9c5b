// What fingers, mouse and wheel do to the photo: zoom, pan, or work with the tool in hand.

const WHEEL = 0.0022; // zoom for a pixel of the wheel, as a power of e
const PINCHED_WHEEL = 0.012; // on a trackpad, whose pinches browsers report as a wheel with Ctrl
const LINE = 24; // pixels of a wheel that counts lines

const isControl = (element) => element.closest("button, .split") !== null;

export class Gestures {
  // `tool` takes start, move, end and cancel of what is drawn; `canDraw` tells whether it draws.
  constructor(view, tool) {
    this.view = view;
    this.tool = tool;
    this.pointers = new Map();
    this.mode = null; // "tool", "pan" or "pinch"
    this.hasSpace = false;
    const { viewport } = view;
    viewport.addEventListener("wheel", (event) => this.#turn(event), { passive: false });
    viewport.addEventListener("pointerdown", (event) => this.#press(event));
    viewport.addEventListener("pointermove", (event) => this.#move(event));
    viewport.addEventListener("pointerup", (event) => this.#release(event));
    viewport.addEventListener("pointercancel", (event) => this.#release(event, true));
    viewport.addEventListener("dblclick", (event) => {
      if (this.tool.isHand && view.photo && !isControl(event.target)) view.toggle(event);
    });
    viewport.addEventListener("auxclick", (event) => event.preventDefault());
    viewport.addEventListener("dragstart", (event) => event.preventDefault());
    document.addEventListener("keydown", (event) => {
      if (event.key === " " && !event.target.closest("button, input, select, summary, .split, dialog")) {
        event.preventDefault(); // it would scroll
        this.#holdSpace(true);
      }
    });
    document.addEventListener("keyup", (event) => event.key === " " && this.#holdSpace(false));
    addEventListener("blur", () => this.#holdSpace(false));
  }

  #holdSpace(isHeld) {
    this.hasSpace = isHeld;
    this.view.viewport.classList.toggle("panning", isHeld);
  }

  #turn(event) {
    if (!this.view.photo) return;
    event.preventDefault();
    const unit = event.deltaMode === 1 ? LINE : 1;
    if (event.shiftKey) return this.view.pan(-(event.deltaX || event.deltaY) * unit, 0);
    const power = event.ctrlKey ? PINCHED_WHEEL : WHEEL;
    this.view.zoomTo(this.view.scale * Math.exp(-event.deltaY * unit * power), event.clientX, event.clientY);
  }

  #press(event) {
    if (!this.view.photo || isControl(event.target)) return;
    if (event.button > 1) return;
    this.pointers.set(event.pointerId, event);
    this.view.viewport.setPointerCapture(event.pointerId);
    if (this.pointers.size === 2) {
      if (this.mode === "tool") this.tool.cancel();
      this.mode = "pinch";
    } else if (this.pointers.size === 1) {
      const pans = event.button === 1 || this.hasSpace || this.tool.isHand;
      this.mode = pans ? "pan" : "tool";
      if (pans) this.view.viewport.classList.add("grabbing");
      else this.tool.start(event);
    }
  }

  #move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return this.tool.hover(event);
    const old = this.#measure();
    this.pointers.set(event.pointerId, event);
    if (this.mode === "tool") {
      if (this.tool.move(event)) return;
      this.mode = "pan"; // a drag with the point in hand
      this.view.viewport.classList.add("grabbing");
    }
    const now = this.#measure();
    this.view.pan(now.x - old.x, now.y - old.y);
    if (this.mode === "pinch" && old.apart) this.view.zoomTo((this.view.scale * now.apart) / old.apart, now.x, now.y);
  }

  #release(event, isCancelled = false) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.mode === "tool") {
      if (isCancelled) this.tool.cancel();
      else this.tool.end(event);
    }
    if (!this.pointers.size) {
      this.mode = null;
      this.view.viewport.classList.remove("grabbing");
    }
  }

  // The middle of what touches the photo, and how far two fingers are apart.
  #measure() {
    const [one, other = one] = [...this.pointers.values()];
    return {
      x: (one.clientX + other.clientX) / 2,
      y: (one.clientY + other.clientY) / 2,
      apart: Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY),
    };
  }
}
