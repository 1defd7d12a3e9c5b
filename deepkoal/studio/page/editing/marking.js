// Marks on the photo as the user puts, changes and removes them, and the window for their color.

import { keepNewest } from "../asking.js";
import { Editor } from "../colors/editor.js";
import { attempt, hideNotice, report } from "../messages.js";
import { repairWith } from "../panel/tone.js";
import { server } from "../server.js";

const middleOf = ({ points }) => points[Math.floor(points.length / 2)];

export class Marking {
  // `peek` shows other options meanwhile, null the photo's own.
  constructor(stage, editing, peek) {
    Object.assign(this, { stage, editing, peek });
    this.knowsColors = false; // whether the network tells likely colors
    this.selected = null; // id of the mark whose color is being chosen
    this.checked = null; // that mark, as its place was last looked at
    this.editor = new Editor({
      color: (id, color, kind) => editing.changeHint(id, { color }, true, kind),
      remove: (id) => this.remove(id),
      close: () => this.leave(),
    });
  }

  get isOpen() {
    return this.selected !== null;
  }

  add(mark) {
    hideNotice();
    if (mark.kind === "hole") return this.#fill(mark.points);
    const { sticky } = this.editor;
    const id = this.editing.add(mark, sticky ?? this.stage.colorAt(middleOf(mark)));
    if (sticky) this.stage.focus(null);
    else this.select(id);
  }

  // What lies within an outline is missing: the photo is repaired there.
  #fill(points) {
    const { size, options } = this.editing;
    const share = (value, side) => Number(Math.min(Math.max(value / side, 0), 1).toFixed(5));
    const outline = points.map(([x, y]) => [share(x, size.width), share(y, size.height)]);
    const { holes } = options.restoration ?? {};
    const drawn = Array.isArray(holes) ? holes : []; // rather than looked for
    this.stage.marks.drawDraft(null);
    this.editing.change({ restoration: repairWith(options.restoration, { holes: [...drawn, outline] }) });
    report("Filled from around");
  }

  // A line or an outline on its way. With a color for new marks the photo shows what it will do.
  draft(mark) {
    if (mark) this.close();
    if (mark?.kind === "hole") return this.stage.marks.drawDraft({ ...mark, kind: "region" }, "#ffffff");
    const { sticky } = this.editor;
    this.stage.marks.drawDraft(mark, sticky ?? "#ffffff");
    if (!sticky || (mark && mark.points.length < 3)) return;
    this.peek(mark && { hints: [...this.editing.options.hints, { ...mark, color: sticky }] });
  }

  move(id, points, isDone, kind) {
    this.close();
    this.editing.changeHint(id, { points }, isDone, kind);
  }

  erase(place, radius) {
    this.close();
    this.editing.erase(place, radius);
  }

  select(id) {
    this.selected = id;
    const hint = this.editing.hint(id);
    this.stage.marks.draw(this.editing.options.hints, id);
    const colors = this.knowsColors
      ? attempt(() => server.colors(this.editing.photo.id, middleOf(hint), this.editing.options.rotation)).then((answer) => answer?.colors ?? [])
      : Promise.resolve([]);
    this.editor.open(hint, this.stage.marks.handleOf(id), colors);
    this.#check(hint);
  }

  // Look whether a mark's place can show its color.
  #check(hint) {
    if (hint === this.checked) return;
    this.checked = hint;
    this.#ask(hint);
  }

  #ask = keepNewest(async (hint) => {
    const { photo, options } = this.editing;
    const { restoration, rotation } = options;
    const answer = await attempt(() => server.nearest(photo.id, { hints: [hint], restoration, rotation }));
    if (answer && this.checked === hint) this.editor.showNearest(answer[0]);
  });

  remove(id) {
    this.close();
    this.editing.remove(id);
    this.stage.focus(null);
    report("Color removed");
  }

  // Show the marks as they are now.
  update() {
    const hint = this.editing.hint(this.selected);
    if (this.isOpen && !hint) this.close();
    if (hint) {
      this.editor.update(hint);
      this.#check(hint);
    }
    this.stage.marks.draw(this.editing.options.hints, this.selected);
  }

  close() {
    this.selected = null;
    this.checked = null;
    this.editor.close();
    if (this.editing.photo) this.stage.marks.draw(this.editing.options.hints, null);
  }

  // Close, and go back to the mark.
  leave() {
    const id = this.selected;
    this.close();
    this.stage.focus(id);
  }
}
