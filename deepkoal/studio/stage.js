// The photo: before and after, the colors put on it, and where more would help.

import { Split } from "./split.js";

const $ = (id) => document.getElementById(id);
const clamp = (x, low, high) => Math.min(Math.max(x, low), high);
const STEP = 0.01; // of a side, that an arrow key moves by
const FAR = 5; // times as far with Shift
const NEAR = 0.04; // of a side, at which Delete finds a hint
const STILL = 4; // pixels that a click may slip by

// The direction of an arrow key, as a share of the sides; null for any other key.
function readArrow(event) {
  const step = STEP * (event.shiftKey ? FAR : 1);
  const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  return steps[event.key] ?? null;
}

function paint(context, picture) {
  const { canvas } = context;
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  context.clearRect(0, 0, picture.width, picture.height); // it may be transparent
  context.drawImage(picture, 0, 0);
  picture.close();
}

export class Stage {
  // `on` holds what to do when a hint is wanted (place), moved, selected or removed.
  constructor(on) {
    this.on = on;
    this.photo = null;
    this.marks = new Map();
    this.cross = { u: 0.5, v: 0.5 };
    this.frame = $("frame");
    this.split = new Split(this.frame);
    this.context = $("after").getContext("2d", { willReadFrequently: true });
    this.#listenToFrame();
  }

  // Show another photo, as it was and colored.
  open(photo, before, after) {
    this.photo = photo;
    this.frame.style.setProperty("--ratio", photo.width / photo.height);
    this.frame.style.setProperty("--largest", `${3 * photo.width}px`);
    this.showDoubt(null);
    this.drawHints([], null);
    this.cross = { u: 0.5, v: 0.5 };
    paint($("before").getContext("2d"), before);
    this.show(after);
    this.split.reveal();
  }

  show(picture) {
    paint(this.context, picture);
  }

  // The color now shown at a place of the photo, #rrggbb.
  colorAt(x, y) {
    const { width, height } = this.context.canvas;
    const column = clamp(Math.floor((x / this.photo.width) * width), 0, width - 1);
    const row = clamp(Math.floor((y / this.photo.height) * height), 0, height - 1);
    const parts = this.context.getImageData(column, row, 1, 1).data.slice(0, 3);
    return "#" + [...parts].map((part) => part.toString(16).padStart(2, "0")).join("");
  }

  drawHints(hints, selected) {
    const kept = new Set(hints.map((hint) => hint.id));
    for (const [id, mark] of this.marks) {
      if (!kept.has(id)) {
        mark.remove();
        this.marks.delete(id);
      }
    }
    hints.forEach((hint, index) => {
      const mark = this.marks.get(hint.id) ?? this.#addMark(hint.id);
      this.#put(mark, hint);
      mark.style.setProperty("--color", hint.color);
      mark.classList.toggle("selected", hint.id === selected);
      const [right, down] = [hint.x / this.photo.width, hint.y / this.photo.height];
      mark.setAttribute(
        "aria-label",
        `Color ${index + 1}, ${hint.color}, ${Math.round(100 * right)} % from the left, ` +
          `${Math.round(100 * down)} % from the top`,
      );
    });
  }

  // A map of doubt and the points where a color would help; null hides both.
  showDoubt(doubt) {
    $("doubt").hidden = !doubt;
    if (doubt) $("doubt").src = doubt.picture;
    const marks = (doubt?.points ?? []).map((place, index) => {
      const mark = document.createElement("button");
      mark.type = "button";
      mark.className = "suggestion";
      mark.textContent = index + 1;
      mark.setAttribute("aria-label", `Suggested place ${index + 1}: put a color here`);
      this.#put(mark, place);
      mark.addEventListener("click", () => this.on.place(place.x, place.y));
      return mark;
    });
    $("suggestions").replaceChildren(...marks);
  }

  focus(id) {
    (this.marks.get(id) ?? this.frame).focus({ preventScroll: true });
  }

  markOf(id) {
    return this.marks.get(id);
  }

  #put(element, { x, y }) {
    element.style.left = `${(100 * x) / this.photo.width}%`;
    element.style.top = `${(100 * y) / this.photo.height}%`;
  }

  // The place of the photo below a pointer, never outside.
  #placeOf(event) {
    const box = this.frame.getBoundingClientRect();
    return this.#toPixels((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  #toPixels(u, v) {
    const { width, height } = this.photo;
    return { x: clamp(u * width, 0, width - 0.01), y: clamp(v * height, 0, height - 0.01) };
  }

  #addMark(id) {
    const mark = document.createElement("button");
    mark.type = "button";
    mark.className = "hint";
    $("hints").append(mark);
    this.marks.set(id, mark);
    let start = null;
    let dragged = false;
    mark.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      mark.setPointerCapture(event.pointerId);
      start = event;
      dragged = false;
    });
    mark.addEventListener("pointermove", (event) => {
      if (!start) return;
      const apart = Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY);
      dragged ||= apart > STILL;
      if (dragged) this.on.move(id, this.#placeOf(event), false);
    });
    const finish = (event) => {
      if (start && dragged) this.on.move(id, this.#placeOf(event), true);
      start = null;
    };
    mark.addEventListener("pointerup", finish);
    mark.addEventListener("pointercancel", finish);
    mark.addEventListener("click", () => {
      if (!dragged) this.on.select(id);
      dragged = false;
    });
    mark.addEventListener("keydown", (event) => {
      const arrow = readArrow(event);
      if (arrow) {
        event.preventDefault();
        const [u, v] = [parseFloat(mark.style.left) / 100, parseFloat(mark.style.top) / 100];
        this.on.move(id, this.#toPixels(u + arrow[0], v + arrow[1]), true, `move ${id}`);
      } else if (event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        this.on.remove(id);
      }
    });
    return mark;
  }

  #listenToFrame() {
    this.frame.addEventListener("click", (event) => {
      if (!this.photo || event.target.closest("button, .split")) return;
      const { x, y } = this.#placeOf(event);
      this.on.place(x, y);
    });
    this.frame.addEventListener("keydown", (event) => {
      if (event.target !== this.frame) return;
      const arrow = readArrow(event);
      if (arrow) this.#moveCross(...arrow);
      else if (event.key === "Enter" || event.key === " ") {
        const { x, y } = this.#toPixels(this.cross.u, this.cross.v);
        this.on.place(x, y);
      } else if (event.key === "Delete" || event.key === "Backspace") this.#removeNearest();
      else return;
      event.preventDefault();
    });
    this.frame.addEventListener("dragstart", (event) => event.preventDefault()); // of the pictures
    this.frame.addEventListener("focusout", () => ($("crosshair").hidden = true));
  }

  #moveCross(right, down) {
    this.cross = { u: clamp(this.cross.u + right, 0, 1), v: clamp(this.cross.v + down, 0, 1) };
    $("crosshair").hidden = false;
    $("crosshair").style.left = `${100 * this.cross.u}%`;
    $("crosshair").style.top = `${100 * this.cross.v}%`;
    this.on.tell(
      `${Math.round(100 * this.cross.u)} % from the left, ${Math.round(100 * this.cross.v)} % from the top`,
    );
  }

  #removeNearest() {
    let nearest = null;
    let least = NEAR;
    for (const [id, mark] of this.marks) {
      const [u, v] = [parseFloat(mark.style.left) / 100, parseFloat(mark.style.top) / 100];
      const apart = Math.hypot(u - this.cross.u, v - this.cross.v);
      if (apart <= least) [nearest, least] = [id, apart];
    }
    if (nearest !== null) this.on.remove(nearest);
  }
}
