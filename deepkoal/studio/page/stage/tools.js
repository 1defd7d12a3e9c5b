// The tools that put marks on the photo and take them away: point, brush, region, hole, eraser.

import { area, distance, simplify } from "./geometry.js";

const $ = (id) => document.getElementById(id);
const STILL = 4; // screen pixels that a click may slip by
const FINE = 1.2; // screen pixels that a drawn line may be smoothed by
const SMALLEST = 60; // square screen pixels of a region
const CLOSE = 14; // screen pixels from the first corner, where a click ends an outline
const RADIUS = 14; // of the eraser, in screen pixels

export const TIPS = {
  point: "Click anything and say what color it is. <span>Drag the line to compare.</span>",
  stroke: "Draw along what has one color. <span>A finger or the mouse will do.</span>",
  region: "Draw around it, or click corner by corner. <span>Enter or a double click ends.</span>",
  hole: "Draw around what is torn off or missing: it is filled from around. <span>Enter or a double click ends.</span>",
  eraser: "Drag over the colors that are to go.",
  hand: "Drag the photo. <span>The wheel zooms, a double click goes to its pixels and back.</span>",
};

export class Tools {
  // `on` takes finished marks (add), a mark as it is drawn (draft, null for none), what to erase
  // (erase, and erased at the end) and a click on a mark (select).
  constructor(view, marks, on) {
    this.view = view;
    this.marks = marks;
    this.on = on;
    this.name = "point";
    this.points = []; // of the mark that is being drawn
    this.from = null; // where the pointer went down
    this.hasMoved = false;
    for (const button of document.querySelectorAll(".toolbar [data-tool]")) {
      button.addEventListener("click", () => this.pick(button.dataset.tool));
    }
    this.pick("point");
  }

  get isHand() {
    return this.name === "hand";
  }

  // Whether it draws around things.
  get outlines() {
    return this.name === "region" || this.name === "hole";
  }

  get isDrawing() {
    return this.points.length > 0;
  }

  pick(name) {
    if (document.querySelector(`.toolbar [data-tool="${name}"]`).hidden) return; // this page has it not
    this.cancel();
    this.name = name;
    this.view.viewport.dataset.tool = name;
    $("tip").innerHTML = TIPS[name];
    $("eraser-ring").hidden = true;
    for (const button of document.querySelectorAll(".toolbar [data-tool]")) {
      button.setAttribute("aria-pressed", button.dataset.tool === name);
    }
  }

  start(event) {
    this.from = event;
    this.hasMoved = false;
    if (this.name === "eraser") this.#erase(event);
    if (this.name === "stroke") this.points = [this.view.placeOf(event)];
  }

  // Go on with a press; false where it is none of the tool's.
  move(event) {
    this.hover(event);
    this.hasMoved ||= Math.hypot(event.clientX - this.from.clientX, event.clientY - this.from.clientY) > STILL;
    if (!this.hasMoved) return true;
    if (this.name === "point") return !this.view.canPan;
    if (this.name === "eraser") this.#erase(event);
    else {
      if (!this.isDrawing) this.points = [this.view.placeOf(this.from)];
      const places = event.getCoalescedEvents?.() ?? [];
      for (const each of places.length ? places : [event]) this.points.push(this.view.placeOf(each));
      this.#draft();
    }
    return true;
  }

  hover(event) {
    if (this.name === "eraser") {
      const box = this.view.box;
      const ring = $("eraser-ring");
      ring.hidden = event.pointerType === "touch";
      ring.style.left = `${event.clientX - box.left}px`;
      ring.style.top = `${event.clientY - box.top}px`;
    } else if (this.outlines && this.isDrawing) this.#draft(this.view.placeOf(event));
  }

  end(event) {
    if (!this.from) return;
    const place = this.view.placeOf(event);
    this.from = null;
    if (this.name === "eraser") return this.on.erased();
    if (this.outlines) return this.#endOutline(place, event.detail);
    if (!this.hasMoved) {
      this.points = [];
      const mark = this.marks.nearest(event);
      return mark === null ? this.on.add({ kind: "point", points: [place] }) : this.on.select(mark);
    }
    if (this.name === "stroke") this.finish();
  }

  // A corner at the crosshair, for those without a pointer.
  corner(place) {
    if (this.name === "point") return this.on.add({ kind: "point", points: [place] });
    if (this.name === "eraser") {
      this.on.erase(place, RADIUS / this.view.scale);
      return this.on.erased();
    }
    if (this.isHand) return undefined;
    this.points.push(place);
    return this.#draft();
  }

  // End the line or the outline.
  finish() {
    const kind = this.name;
    const scale = this.view.scale;
    const points = simplify(this.points, FINE / scale);
    this.cancel();
    if (kind === "stroke" && points.length > 1) this.on.add({ kind, points });
    const isOutline = kind === "region" || kind === "hole";
    if (isOutline && points.length > 2 && area(points) * scale * scale >= SMALLEST) this.on.add({ kind, points });
  }

  cancel() {
    this.from = null;
    if (!this.isDrawing) return;
    this.points = [];
    this.on.draft(null);
  }

  #endOutline(place, clicks) {
    if (this.hasMoved) return this.finish();
    if (!this.isDrawing && this.name === "region") {
      const mark = this.marks.nearest({ place });
      if (mark !== null) return this.on.select(mark);
    }
    const closes = this.points.length > 2 && distance(place, this.points[0]) * this.view.scale < CLOSE;
    const isDouble = this.points.length > 2 && distance(place, this.points.at(-1)) * this.view.scale < STILL;
    if (closes || isDouble || clicks > 1) return this.finish();
    this.points.push(place);
    return this.#draft();
  }

  #draft(next = null) {
    this.on.draft({ kind: this.name, points: next ? [...this.points, next] : this.points });
  }

  #erase(event) {
    this.on.erase(this.view.placeOf(event), RADIUS / this.view.scale);
  }
}
