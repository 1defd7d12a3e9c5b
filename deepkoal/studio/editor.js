// The little window in which a place of the photo is given its color.

const $ = (id) => document.getElementById(id);
const COMMON = {
  "light skin": "#d9a07e", "dark skin": "#7a4a32", "blond hair": "#c9a468", "brown hair": "#5c3d28",
  "sky blue": "#7fa8d9", "sea blue": "#2f5f8f", "grass green": "#6d9a3a", "leaf green": "#3f6b35",
  "brick red": "#a3492f", "wood brown": "#8a5a33", "sand": "#cdb486", "gold": "#d9a52b",
  "bright red": "#c8202b", "rose": "#cf7f95", "navy blue": "#27346b", "grey": "#808080",
};
const GAP = 18; // pixels between a hint and the window

export class Editor {
  // `on` holds what to do when a color is chosen, the hint removed or the window closed.
  constructor(on) {
    this.on = on;
    this.hint = null;
    this.box = $("editor");
    $("common").replaceChildren(...Object.entries(COMMON).map((entry) => this.#makeSwatch(...entry)));
    $("any").addEventListener("input", () => this.#choose($("any").value, `color ${this.hint.id}`));
    $("remove").addEventListener("click", () => this.on.remove(this.hint.id));
    $("editor-close").addEventListener("click", () => this.on.close());
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Delete") this.on.remove(this.hint.id);
    });
  }

  // Open for a hint beside its mark; `colors` promises those that are likely there.
  async open(hint, mark, colors) {
    this.hint = hint;
    this.box.hidden = false;
    $("likely").replaceChildren();
    this.update(hint);
    this.#place(mark);
    $("common").firstElementChild.focus({ preventScroll: true });
    const likely = await colors;
    if (this.hint?.id !== hint.id) return; // another one was opened meanwhile
    $("likely-row").hidden = likely.length === 0;
    const hadFocus = this.box.contains(document.activeElement);
    $("likely").replaceChildren(...likely.map((color, index) => this.#makeSwatch(`likely color ${index + 1}`, color)));
    this.update(this.hint);
    this.#place(mark);
    if (hadFocus) $("likely").firstElementChild?.focus({ preventScroll: true });
  }

  // Show which color the hint has now.
  update(hint) {
    this.hint = hint;
    $("any").value = hint.color;
    for (const swatch of this.box.querySelectorAll(".swatch")) {
      swatch.setAttribute("aria-pressed", swatch.dataset.color === hint.color);
    }
  }

  close() {
    this.hint = null;
    this.box.hidden = true;
  }

  #choose(color, kind) {
    this.on.color(this.hint.id, color, kind);
  }

  #makeSwatch(name, color) {
    const swatch = document.createElement("button");
    swatch.type = "button";
    swatch.className = "swatch";
    swatch.dataset.color = color;
    swatch.title = name;
    swatch.setAttribute("aria-label", `${name}, ${color}`);
    swatch.style.setProperty("--color", color);
    swatch.addEventListener("click", () => this.#choose(color, null));
    return swatch;
  }

  // Beside the mark, within the window; on a phone the style sheet puts it at the lower edge.
  #place(mark) {
    const [at, own] = [mark.getBoundingClientRect(), this.box.getBoundingClientRect()];
    const stage = this.box.parentElement.getBoundingClientRect();
    const middle = at.left + at.width / 2;
    const fitsRight = middle + GAP + own.width < stage.right - 8;
    const left = fitsRight ? middle + GAP : Math.max(8, middle - GAP - own.width);
    const top = Math.min(Math.max(at.top - own.height / 3, 8), innerHeight - own.height - 8);
    this.box.style.left = `${left - stage.left}px`;
    this.box.style.top = `${top - stage.top}px`;
  }
}
