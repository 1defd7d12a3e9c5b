// Marks on the photo as the user puts, changes and removes them, and the window for their color.

import { Editor } from "./colors/editor.js";
import { attempt, hideNotice, tell } from "./messages.js";
import { server } from "./server.js";

const middleOf = ({ points }) => points[Math.floor(points.length / 2)];

export class Marking {
  // `peek` shows other options meanwhile, null the photo's own.
  constructor(stage, editing, peek) {
    Object.assign(this, { stage, editing, peek });
    this.knowsColors = false; // whether the network tells likely colors
    this.selected = null; // id of the mark whose color is being chosen
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
    const { sticky } = this.editor;
    const id = this.editing.add(mark, sticky ?? this.stage.colorAt(middleOf(mark)));
    if (sticky) this.stage.focus(null);
    else this.select(id);
  }

  // A line or an outline on its way. With a color for new marks the photo shows what it will do.
  draft(mark) {
    if (mark) this.close();
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
      ? attempt(() => server.colors(this.editing.photo.id, middleOf(hint))).then((answer) => answer?.colors ?? [])
      : Promise.resolve([]);
    this.editor.open(hint, this.stage.marks.handleOf(id), colors);
  }

  remove(id) {
    this.close();
    this.editing.remove(id);
    this.stage.focus(null);
    tell("Color removed");
  }

  // Show the marks as they are now.
  update() {
    const hint = this.editing.hint(this.selected);
    if (this.isOpen && !hint) this.close();
    if (hint) this.editor.update(hint);
    this.stage.marks.draw(this.editing.options.hints, this.selected);
  }

  close() {
    this.selected = null;
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
