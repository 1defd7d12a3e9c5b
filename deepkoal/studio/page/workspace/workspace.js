// All photos that were opened, each with its file and every step of what was done to it. The
// server keeps a few of them ready; the browser keeps all, and gives back what the server let go.

import { History } from "../editing/history.js";
import { isPlain, PLAIN } from "../editing/options.js";
import { server } from "../server.js";
import { Database } from "./database.js";
import { drafts } from "./drafts.js";

const ALBUM = "deepkoal-album";
const MOST_SOURCES = 10; // photos that others take colors of
const CALM = 250; // ms without a change after which it is written

export class Workspace {
  static async open() {
    const workspace = new Workspace();
    workspace.database = await Database.open();
    const [photos, references] = await Promise.all(["photos", "references"].map((kind) => workspace.database.list(kind)));
    photos.sort((one, other) => one.opened - other.opened);
    for (const each of photos) {
      const draft = drafts.get(each.id);
      const { steps, at } = draft ?? each;
      const whole = steps.map((step) => ({ ...PLAIN, ...step })); // kept by a page that knew fewer options
      const photo = { ...each, history: new History(whole, at) };
      workspace.photos.set(each.id, photo);
      if (draft) workspace.save(photo, true);
    }
    for (const each of references) workspace.references.set(each.id, each);
    server.restore = (id, options) => workspace.restore(id, options);
    return workspace;
  }

  photos = new Map();
  references = new Map();
  #timers = new Map();
  #unwritten = new Map(); // how often each photo was to be saved since it was last written

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

  // A reference photo, or the picture of a style.
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
    this.#unwritten.set(photo.id, (this.#unwritten.get(photo.id) ?? 0) + 1);
    if (isUrgent) return this.#write(photo);
    this.#timers.set(photo.id, setTimeout(() => this.save(photo, true), CALM));
    return undefined;
  }

  // Write what waits to be, as when the page goes: at once, since a page that goes finishes no
  // write to its database.
  flush() {
    for (const id of [...this.#unwritten.keys()]) {
      const photo = this.photos.get(id);
      drafts.put(id, photo.history);
      this.save(photo, true);
    }
  }

  // Have the work outlive the page.
  outlive() {
    addEventListener("pagehide", () => this.flush());
    document.addEventListener("visibilitychange", () => document.hidden && this.flush());
    addEventListener("beforeunload", (event) => {
      const isAtRisk = this.database.isShortLived && this.list.some((photo) => photo.history.canUndo);
      if (isAtRisk) event.preventDefault(); // nothing else keeps it: the browser asks
    });
  }

  async remove(id) {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#unwritten.delete(id);
    drafts.remove(id);
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
    const album = options?.album ?? [];
    for (const each of [id, ...album.map(({ photo }) => photo)]) {
      const photo = this.photos.get(each);
      if (!photo) return false;
      await server.open(photo.file, photo.name);
    }
    for (const each of [options, ...album.map((entry) => entry.options)]) {
      const reference = this.references.get(each?.reference?.id);
      if (reference) await server.openReference(reference.file, reference.name);
      const style = this.references.get(each?.style?.sha256);
      if (style) await server.openStyle(style.file, style.name);
    }
    return true;
  }

  // A photo's options, and with `isAlbum` what the others were given.
  withAlbum(photo, options) {
    if (!this.isAlbum) return options;
    const others = this.list.filter((each) => each !== photo && !isPlain(each.history.options));
    return { ...options, album: others.slice(-MOST_SOURCES).map((each) => ({ photo: each.id, options: each.history.options })) };
  }

  get isAlbum() {
    return localStorage.getItem(ALBUM) === "yes";
  }

  set isAlbum(isOn) {
    localStorage.setItem(ALBUM, isOn ? "yes" : "no");
  }

  async #write({ history, ...photo }) {
    const count = this.#unwritten.get(photo.id);
    await this.database.put("photos", { ...photo, steps: history.steps, at: history.at });
    if (this.#unwritten.get(photo.id) !== count) return; // it went on meanwhile
    this.#unwritten.delete(photo.id);
    drafts.remove(photo.id);
  }
}
