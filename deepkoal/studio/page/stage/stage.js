// The photo: before and after, and what lies on it.

import { readArrow } from "./arrows.js";
import { Gestures } from "./gestures.js";
import { Marks } from "./marks.js";
import { rotatePicture } from "./rotating.js";
import { Split } from "./split.js";
import { Tools } from "./tools.js";
import { View } from "./view.js";
import { Windows } from "./windows.js";

const $ = (id) => document.getElementById(id);
const NEAR = 0.04; // of a side, at which Delete finds a mark

export function paint(context, picture) {
  const { canvas } = context;
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  context.clearRect(0, 0, picture.width, picture.height); // it may be transparent
  context.drawImage(picture, 0, 0);
}

export class Stage {
  // `on` holds what to do with marks, see `Marks` and `Tools`, what to report, and what gives a
  // sharp window of the photo, see `Windows`.
  constructor(on) {
    this.on = on;
    this.photo = null;
    this.cross = null; // the crosshair's place
    this.frame = $("frame");
    this.view = new View($("viewport"), this.frame, () => this.#followView());
    this.marks = new Marks(this.view, on);
    this.tools = new Tools(this.view, this.marks, on);
    this.gestures = new Gestures(this.view, this.tools);
    this.split = new Split(this.view);
    this.windows = new Windows(this.view, on.window);
    this.context = $("after").getContext("2d", { willReadFrequently: true });
    this.#listenToKeys();
    for (const [button, act] of [
      ["zoom-out", () => this.view.zoomIn(-1)],
      ["zoom-in", () => this.view.zoomIn(1)],
      ["zoom-full", () => this.view.full()],
      ["zoom-fit", () => this.view.fit()],
    ]) $(button).addEventListener("click", act);
    this.#listenToZoom();
  }

  // Show another photo, of that width and height, as it was and colored.
  open(photo, before, after) {
    this.#put(photo, before, after);
    this.split.reveal();
  }

  // Rotate what is shown by some degrees, until there is a picture of the photo as it is seen then.
  rotate(photo, degrees) {
    this.#put(photo, ...["before", "after"].map((id) => rotatePicture($(id), degrees)));
  }

  #put(photo, before, after) {
    this.tools.cancel();
    this.photo = photo;
    this.view.open(photo);
    this.windows.open(photo, before.width / photo.width);
    this.showDoubt(null);
    this.marks.draw([], null);
    this.cross = [photo.width / 2, photo.height / 2];
    paint($("before").getContext("2d"), before);
    this.show(after);
  }

  show(picture) {
    paint(this.context, picture);
    this.windows.update();
  }

  // The color now shown at a place of the photo, #rrggbb.
  colorAt([x, y]) {
    const { width, height } = this.context.canvas;
    const column = Math.min(Math.floor((x / this.photo.width) * width), width - 1);
    const row = Math.min(Math.floor((y / this.photo.height) * height), height - 1);
    const parts = this.context.getImageData(column, row, 1, 1).data.slice(0, 3);
    return "#" + [...parts].map((part) => part.toString(16).padStart(2, "0")).join("");
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
      this.marks.put(mark, place);
      mark.addEventListener("click", () => this.on.add({ kind: "point", points: [[place.x, place.y]] }));
      return mark;
    });
    $("suggestions").replaceChildren(...marks);
  }

  focus(id) {
    (this.marks.handleOf(id) ?? this.frame).focus({ preventScroll: true });
  }

  #followView() {
    this.#showZoom();
    $("zoom-fit").setAttribute("aria-pressed", this.view.isFitted);
    this.view.viewport.classList.toggle("pannable", this.view.canPan);
    this.view.viewport.classList.toggle("magnified", this.view.scale > 4);
    this.windows?.update();
  }

  #showZoom() {
    $("zoom-value").value = `${Math.round((100 * this.view.scale) / this.view.fullScale)} %`;
  }

  // A typed zoom, in percent; what is none is replaced by what is shown.
  #listenToZoom() {
    const field = $("zoom-value");
    field.addEventListener("focus", () => field.select());
    field.addEventListener("change", () => {
      const percent = parseFloat(field.value.replace(",", "."));
      if (percent > 0) this.view.zoomAt((percent / 100) * this.view.fullScale);
      this.#showZoom();
      field.select();
    });
  }

  #listenToKeys() {
    this.frame.addEventListener("keydown", (event) => {
      if (event.target !== this.frame || event.ctrlKey || event.metaKey || event.altKey) return;
      const arrow = readArrow(event);
      if (arrow) this.#moveCross(arrow);
      else if (event.key === "Enter") {
        if (event.shiftKey) this.tools.finish();
        else this.tools.corner(this.cross);
      } else if (event.key === "Delete" || event.key === "Backspace") this.#removeNearest();
      else return;
      event.preventDefault();
    });
    this.frame.addEventListener("focusout", () => ($("crosshair").hidden = true));
  }

  #moveCross([right, down]) {
    const { width, height } = this.photo;
    this.cross = this.view.inside([this.cross[0] + right * width, this.cross[1] + down * height]);
    this.view.reveal(this.cross);
    const [x, y] = this.cross;
    this.marks.put($("crosshair"), { x, y });
    $("crosshair").hidden = false;
    this.on.report(`${Math.round((100 * x) / width)} % from the left, ${Math.round((100 * y) / height)} % from the top`);
  }

  #removeNearest() {
    const { width, height } = this.photo;
    const nearest = this.marks.nearest({ place: this.cross }, NEAR * Math.max(width, height));
    if (nearest !== null) this.on.remove(nearest);
  }
}
