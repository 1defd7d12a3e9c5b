// The colors on the photo: a handle for each, and the lines and outlines that were drawn.

import { anchorOf } from "./geometry.js";
import { readArrow } from "./arrows.js";

const $ = (id) => document.getElementById(id);
const STILL = 4; // screen pixels that a click may slip by
const REACH = 18; // screen pixels from a handle, within which a click means it
const NAMES = { point: "Color", stroke: "Stroke", region: "Region" };
const KEPT = { grey: "kept grey", own: "kept as it is" };

export const paintOf = (color) => ({ grey: "#808080", own: "transparent" })[color] ?? color;

export class Marks {
  // `on` takes a moved mark (move), and what is to be opened (select) or removed (remove).
  constructor(view, on) {
    this.view = view;
    this.on = on;
    this.hints = [];
    this.handles = new Map();
    this.shapes = $("shapes");
    this.draft = this.#makeShape("draft");
  }

  draw(hints, selected) {
    this.hints = hints;
    const kept = new Set(hints.map((hint) => hint.id));
    for (const [id, { handle, shape }] of this.handles) {
      if (kept.has(id)) continue;
      handle.remove();
      shape.remove();
      this.handles.delete(id);
    }
    hints.forEach((hint, index) => {
      const { handle, shape } = this.handles.get(hint.id) ?? this.#add(hint.id);
      this.#outline(shape, hint);
      const [x, y] = anchorOf(hint);
      this.put(handle, { x, y });
      handle.className = `hint ${hint.kind} ${hint.color in KEPT ? hint.color : ""}`;
      shape.classList.toggle("selected", hint.id === selected);
      handle.classList.toggle("selected", hint.id === selected);
      handle.style.setProperty("--color", paintOf(hint.color));
      const { width, height } = this.view.photo;
      handle.setAttribute(
        "aria-label",
        `${NAMES[hint.kind]} ${index + 1}, ${KEPT[hint.color] ?? hint.color}, ` +
          `${Math.round((100 * x) / width)} % from the left, ${Math.round((100 * y) / height)} % from the top`,
      );
    });
  }

  // A line or an outline as it is being drawn; null for none.
  drawDraft(mark, color) {
    this.draft.removeAttribute("points");
    if (mark) this.#outline(this.draft, { ...mark, color });
  }

  put(element, { x, y }) {
    element.style.left = `${(100 * x) / this.view.photo.width}%`;
    element.style.top = `${(100 * y) / this.view.photo.height}%`;
  }

  handleOf(id) {
    return this.handles.get(id)?.handle;
  }

  // The id of the mark whose handle is below a place or a pointer, null where there is none.
  nearest(event, reach = REACH / this.view.scale) {
    const [x, y] = event.place ?? this.view.placeOf(event);
    let [nearest, least] = [null, reach];
    for (const hint of this.hints) {
      const [u, v] = anchorOf(hint);
      const apart = Math.hypot(u - x, v - y);
      if (apart <= least) [nearest, least] = [hint.id, apart];
    }
    return nearest;
  }

  #makeShape(name) {
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
    shape.setAttribute("class", name);
    this.shapes.append(shape);
    return shape;
  }

  #outline(shape, { kind, points, color }) {
    const { width, height } = this.view.photo;
    this.shapes.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const closed = kind === "region" ? [...points, points[0]] : points;
    shape.setAttribute("points", kind === "point" ? "" : closed.map((each) => each.join(",")).join(" "));
    shape.style.setProperty("--color", paintOf(color));
    for (const each of ["region", "stroke"]) shape.classList.toggle(each, kind === each);
  }

  #add(id) {
    const handle = document.createElement("button");
    handle.type = "button";
    $("hints").append(handle);
    const added = { handle, shape: this.#makeShape("shape") };
    this.handles.set(id, added);
    this.#listen(id, handle);
    return added;
  }

  #listen(id, handle) {
    let start = null;
    let dragged = false;
    const move = (right, down, isDone, kind = null) => {
      const { points } = this.hints.find((hint) => hint.id === id);
      this.on.move(id, this.#shift(start?.points ?? points, right, down), isDone, kind);
    };
    const drag = (event, isDone) =>
      move((event.clientX - start.x) / this.view.scale, (event.clientY - start.y) / this.view.scale, isDone);
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      start = { x: event.clientX, y: event.clientY, points: this.hints.find((hint) => hint.id === id).points };
      dragged = false;
    });
    handle.addEventListener("pointermove", (event) => {
      if (!start) return;
      dragged ||= Math.hypot(event.clientX - start.x, event.clientY - start.y) > STILL;
      if (dragged) drag(event, false);
    });
    const finish = (event) => {
      if (start && dragged) drag(event, true);
      start = null;
    };
    handle.addEventListener("pointerup", finish);
    handle.addEventListener("pointercancel", finish);
    handle.addEventListener("click", () => {
      if (!dragged) this.on.select(id);
      dragged = false;
    });
    handle.addEventListener("keydown", (event) => {
      const arrow = readArrow(event);
      if (arrow) {
        event.preventDefault();
        const { width, height } = this.view.photo;
        move(arrow[0] * width, arrow[1] * height, true, `move ${id}`);
        this.view.reveal(anchorOf(this.hints.find((hint) => hint.id === id)));
      } else if (event.key === "Delete" || event.key === "Backspace") {
        event.preventDefault();
        this.on.remove(id);
      }
    });
  }

  // Points moved together, as far as all of them stay on the photo.
  #shift(points, right, down) {
    const hold = (axis, by, size) => {
      const values = points.map((point) => point[axis]);
      return Math.min(Math.max(by, -Math.min(...values)), size - 0.01 - Math.max(...values));
    };
    const { width, height } = this.view.photo;
    const [across, below] = [hold(0, right, width), hold(1, down, height)];
    return points.map(([x, y]) => [x + across, y + below]);
  }
}
