// What comes in: photos and samples, reference photos, pictures for styles, and saved sessions.

import { Failure } from "../asking.js";
import { attempt, fail, report } from "../messages.js";
import { giveStyle, ofPicture } from "../panel/styles.js";
import { server } from "../server.js";
import { isSession, readSession } from "./sessions.js";

const $ = (id) => document.getElementById(id);

export class Opening {
  // `go` shows a photo.
  constructor(about, workspace, editing, go) {
    Object.assign(this, { about, workspace, editing, go });
  }

  async takeAll(files) {
    const photos = files.filter((file) => !isSession(file));
    let first = null;
    for (const [index, file] of photos.entries()) {
      const place = photos.length > 1 ? `${index + 1} of ${photos.length}: ` : "";
      const photo = await this.#openFile(file, `Opening ${place}${file.name || "what was pasted"}`);
      first ??= photo;
    }
    if (first) this.go(first);
    for (const file of files.filter(isSession)) await this.#openSession(file);
  }

  async openSample({ file, what }) {
    const photo = await attempt(async () => this.workspace.add(await server.openSample(file)), `Opening ${what}`);
    if (photo) this.go(photo);
  }

  async openReference(file) {
    const reference = await attempt(async () => this.workspace.addReference(await server.openReference(file, file.name), file));
    if (reference) this.editing.change({ reference });
  }

  async openStyle(file) {
    const picture = await attempt(async () => this.workspace.addReference(await server.openStyle(file, file.name), file));
    if (picture) this.editing.change({ style: giveStyle(this.editing.options.style, ofPicture(picture)) });
  }

  async #openFile(file, meanwhile) {
    const { maxBytes } = this.about;
    if (file.size > maxBytes) {
      const [size, most] = [file.size, maxBytes].map((bytes) => Math.round(bytes / 1e6));
      fail(new Failure(`${file.name} has ${size} MB, the studio takes ${most}; save it smaller.`));
      return null;
    }
    return attempt(async () => {
      const photo = await this.workspace.add(await server.open(file, file.name), file);
      photo.thumbnail ??= (await server.thumbnails(photo.id, photo.history.options, [{}])).pictures[0];
      return photo;
    }, meanwhile);
  }

  async #openSession(file) {
    const { editing, workspace } = this;
    const session = await readSession(file, workspace, $("work").hidden ? null : editing.photo);
    if (!session) return;
    if (session.photo === editing.photo) editing.change(session.options);
    else {
      session.photo.history.push(session.options);
      workspace.save(session.photo, true);
    }
    this.go(session.photo);
    report(`${file.name} is applied`);
  }
}
