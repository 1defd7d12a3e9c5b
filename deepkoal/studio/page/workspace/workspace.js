// All photos that were opened, each with its file and every step of what was done to it. The
// server keeps a few of them ready; the browser keeps all, and gives back what the server let go.

import { server } from "../server.js";
import { Database } from "./database.js";
import { History } from "./history.js";

export const PLAIN = {
  hints: [], vibrance: 1, detail: "auto", cleanup: true, palette: null, reference: null, variation: null,
};
const CALM = 250; // ms without a change after which it is written

export const isPlain = (options) =>
  Object.keys(PLAIN).every((key) => options[key] === PLAIN[key] || options[key]?.length === 0);

export class Workspace {
  static async open() {
    const workspace = new Workspace();
    workspace.database = await Database.open();
    const [photos, references] = await Promise.all(["photos", "references"].map((kind) => workspace.database.list(kind)));
    photos.sort((one, other) => one.opened - other.opened);
    for (const each of photos) workspace.photos.set(each.id, { ...each, history: new History(each.steps, each.at) });
    for (const each of references) workspace.references.set(each.id, each);
    server.restore = (id, options) => workspace.restore(id, options);
    return workspace;
  }

  photos = new Map();
  references = new Map();
  #timers = new Map();

  get list() {
    return [...this.photos.values()];
  }

  // Keep a photo that the server opened; one that was here before goes on where it was.
  async add(opened, file = null) {
    const known = this.photos.get(opened.id);
    if (known) {
      known.name = opened.name;
      return known;
    }
    const photo = {
      ...opened,
      file: file ?? (await server.source(opened.id)),
      opened: Date.now(),
      thumbnail: null,
      history: new History([PLAIN]),
    };
    this.photos.set(photo.id, photo);
    await this.#write(photo);
    return photo;
  }

  async addReference(opened, file) {
    const reference = { ...opened, file };
    this.references.set(reference.id, reference);
    await this.database.put("references", reference);
    return { id: opened.id, name: opened.name, picture: opened.picture };
  }

  // Keep what was done to a photo, a little later or at once.
  save(photo, isUrgent = false) {
    clearTimeout(this.#timers.get(photo.id));
    this.#timers.delete(photo.id);
    if (isUrgent) return this.#write(photo);
    this.#timers.set(photo.id, setTimeout(() => this.save(photo, true), CALM));
    return undefined;
  }

  // Write what waits to be, as when the page goes.
  flush() {
    for (const id of [...this.#timers.keys()]) this.save(this.photos.get(id), true);
  }

  async remove(id) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.photos.delete(id);
    await this.database.remove("photos", id);
  }

  async putBack(photo) {
    this.photos.set(photo.id, photo);
    await this.#write(photo);
  }

  async clear() {
    for (const id of [...this.photos.keys()]) await this.remove(id);
    for (const id of [...this.references.keys()]) await this.database.remove("references", id);
    this.references.clear();
  }

  // Give the server files that it let go; false where they are not here either.
  async restore(id, options) {
    const photo = this.photos.get(id);
    if (!photo) return false;
    await server.open(photo.file, photo.name);
    const reference = this.references.get(options?.reference?.id);
    if (reference) await server.openReference(reference.file, reference.name);
    return true;
  }

  #write({ history, ...photo }) {
    return this.database.put("photos", { ...photo, steps: history.steps, at: history.at });
  }
}
