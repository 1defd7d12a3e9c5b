// The little window in which a mark on the photo is given its color.

import { FAMILIES } from "./families.js";
import { addRecent, listRecent } from "./recent.js";

const $ = (id) => document.getElementById(id);
const GAP = 18; // pixels between a mark and the window
const SETTLED = 600; // ms after which a mixed color counts as chosen

export class Editor {
  // `on` holds what to do when a color is chosen (color), the mark removed (remove), the window
  // closed (close), or when new marks are to get a color without asking (stick).
  constructor(on) {
    this.on = on;
    this.hint = null;
    this.sticky = null; // the color of new marks; null asks each time
    this.box = $("editor");
    this.timer = 0;
    $("family").replaceChildren(...Object.entries(FAMILIES).map(([name, { title }]) => new Option(title, name)));
    $("family").addEventListener("change", () => this.#showFamily());
    this.#showFamily();
    $("any").addEventListener("input", () => {
      const [color, id] = [$("any").value, this.hint.id];
      this.on.color(id, color, `color ${id}`);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => addRecent(color), SETTLED);
    });
    for (const id of ["keep-grey", "keep-own"]) $(id).addEventListener("click", () => this.#choose($(id).dataset.color));
    $("remove").addEventListener("click", () => this.on.remove(this.hint.id));
    $("editor-close").addEventListener("click", () => this.on.close());
    $("stick").addEventListener("click", () => this.#stick(this.sticky === this.hint.color ? null : this.hint.color));
    $("well").addEventListener("click", () => this.#stick(this.sticky ? null : (listRecent()[0] ?? null)));
    this.#stick(null);
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Delete") this.on.remove(this.hint.id);
    });
  }

  // Open for a mark beside its handle; `colors` promises those that are likely there.
  async open(hint, handle, colors) {
    this.hint = hint;
    this.box.hidden = false;
    this.showNearest(null);
    $("likely").replaceChildren();
    this.#showRecent();
    this.update(hint);
    this.#place(handle);
    $("common").firstElementChild.focus({ preventScroll: true });
    const likely = await colors;
    if (this.hint?.id !== hint.id) return; // another one was opened meanwhile
    $("likely-row").hidden = likely.length === 0;
    const hadFocus = this.box.contains(document.activeElement);
    $("likely").replaceChildren(...likely.map((color, index) => this.#makeSwatch(`likely color ${index + 1}`, color)));
    this.update(this.hint);
    this.#place(handle);
    if (hadFocus) $("likely").firstElementChild?.focus({ preventScroll: true });
  }

  // Show which color the mark has now.
  update(hint) {
    this.hint = hint;
    if (hint.color.startsWith("#")) $("any").value = hint.color;
    for (const each of this.box.querySelectorAll("[data-color]")) {
      each.setAttribute("aria-pressed", each.dataset.color === hint.color);
    }
    $("stick").setAttribute("aria-pressed", this.sticky === hint.color);
  }

  // Say that the place cannot show the mark's color, and what it shows; null where it can.
  showNearest(color) {
    $("nearest").replaceChildren();
    if (!color) return;
    const chip = document.createElement("span");
    chip.style.setProperty("--color", color);
    $("nearest").append(chip, `This place is too light or too dark for that color. The nearest that it can show is ${color}.`);
  }

  close() {
    this.hint = null;
    this.box.hidden = true;
  }

  #choose(color) {
    addRecent(color);
    this.on.color(this.hint.id, color, null);
  }

  // Give new marks this color; null asks each time.
  #stick(color) {
    this.sticky = color;
    const says = color ? `Color of new marks: ${color}. Press to be asked each time` : "Color of new marks: asked each time";
    $("well").setAttribute("aria-label", says);
    $("well").setAttribute("aria-pressed", color !== null);
    $("well").title = says;
    $("well").style.setProperty("--color", color?.startsWith("#") ? color : "transparent");
    $("well").textContent = color?.startsWith("#") ? "" : { grey: "grey", own: "own" }[color] ?? "ask";
    if (this.hint) $("stick").setAttribute("aria-pressed", color !== null);
  }

  #showFamily() {
    const colors = Object.entries(FAMILIES[$("family").value].colors);
    $("common").replaceChildren(...colors.map((entry) => this.#makeSwatch(...entry)));
    if (this.hint) this.update(this.hint);
  }

  #showRecent() {
    const recent = listRecent();
    $("recent-row").hidden = !recent.length;
    $("recent").replaceChildren(...recent.map((color) => this.#makeSwatch("chosen lately", color)));
  }

  #makeSwatch(name, color) {
    const swatch = document.createElement("button");
    swatch.type = "button";
    swatch.className = "swatch";
    swatch.dataset.color = color;
    swatch.title = name;
    swatch.setAttribute("aria-label", `${name}, ${color}`);
    swatch.style.setProperty("--color", color);
    swatch.addEventListener("click", () => this.#choose(color));
    return swatch;
  }

  // Beside the mark, within the window; on a phone the style sheet puts it at the lower edge.
  #place(handle) {
    const [at, own] = [handle.getBoundingClientRect(), this.box.getBoundingClientRect()];
    const stage = this.box.parentElement.getBoundingClientRect();
    const middle = at.left + at.width / 2;
    const fitsRight = middle + GAP + own.width < stage.right - 8;
    const left = fitsRight ? middle + GAP : Math.max(8, middle - GAP - own.width);
    const top = Math.max(8, Math.min(at.top - own.height / 3, innerHeight - own.height - 8));
    this.box.style.left = `${left - stage.left}px`;
    this.box.style.top = `${top - stage.top}px`;
  }
}
