// Pictures of the options: the photo on the stage, thumbnails, doubts and sharp windows.

import { attempt, fail, report } from "../messages.js";
import { keepNewest } from "../asking.js";
import { server } from "../server.js";

const CALM = 250; // ms without a change after which thumbnails and doubts follow

async function decode(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  return picture;
}

export class Rendering {
  // `shown` is called with the photo's picture whenever it shows all of its options.
  constructor(stage, panel, editing, about, workspace, painting, shown) {
    Object.assign(this, { stage, panel, editing, about, workspace, painting, shown });
    this.showsDoubt = false;
    this.peeked = null; // options that are shown meanwhile, on top of the photo's
    this.timer = 0;
    this.whole = null; // the photo and the style that were last shown whole
  }

  // Show the photo as its options now are: a draft where they are still moving.
  update(isDone) {
    this.peeked = null;
    this.painting.follow(this.editing.photo, this.editing.options);
    this.#color(this.editing.photo, this.editing.options, !isDone);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.editing.photo) return; // it was closed
      this.drawThumbnails();
      if (this.showsDoubt) this.#drawDoubt(this.editing.photo, this.editing.options);
    }, CALM);
  }

  // Show some other options meanwhile; null shows the photo's own again.
  peek(part, isDraft = false) {
    if (!this.editing.photo || (!part && !this.peeked)) return;
    this.peeked = part;
    const { options } = this.editing;
    this.#color(this.editing.photo, part ? { ...options, ...part } : options, isDraft && part !== null);
  }

  drawThumbnails() {
    if (this.about.distribution && this.about.variations) this.#drawThumbnails(this.editing.photo, this.editing.options);
  }

  toggleDoubt() {
    this.showsDoubt = !this.showsDoubt;
    if (this.showsDoubt) this.#drawDoubt(this.editing.photo, this.editing.options);
    else this.stage.showDoubt(null);
    return this.showsDoubt;
  }

  // Promises pictures of looks, as data.
  async draw(looks) {
    const { photo, options } = this.editing;
    return (await attempt(() => server.thumbnails(photo.id, this.workspace.withAlbum(photo, options), looks)))?.pictures;
  }

  // Promises a part of the photo at the size of the screen, before and after.
  async window(box, scale) {
    const { photo, options } = this.editing;
    try {
      const { before, after } = await server.window(photo.id, this.workspace.withAlbum(photo, { ...options, ...this.peeked }), box, scale);
      return await Promise.all([before, after].map(decode));
    } catch (error) {
      fail(error);
      return null;
    }
  }

  #color = keepNewest(async (photo, options, isDraft) => {
    const answer = await attempt(() => server.color(photo.id, this.workspace.withAlbum(photo, options), isDraft));
    const picture = answer && (await createImageBitmap(answer.blob));
    if (!picture || !this.#isOf(photo, options)) return;
    this.stage.show(picture);
    if (options !== this.editing.options || isDraft) return;
    this.shown(picture);
    this.settle(answer.isWhole);
  });

  // Have painted what the photo's picture lacks, and show it then.
  async settle(isWhole) {
    const { photo, options } = this.editing;
    if (isWhole) this.whole = { photo, style: options.style };
    else if (await this.painting.start(photo, this.workspace.withAlbum(photo, options))) this.update(true);
  }

  // What was not painted is taken off again: as a step, so that undo begins it anew.
  leaveStyle() {
    const { photo, options } = this.editing;
    const former = this.whole?.photo === photo ? this.whole.style : null; // that it was last seen in
    const isSame = JSON.stringify(former) === JSON.stringify(options.style);
    this.editing.change({ style: isSame ? null : former });
    report("Painting is stopped");
  }

  #drawThumbnails = keepNewest(async (photo, options) => {
    const looks = this.panel.variations.list(options).map((variation) => ({ variation }));
    const { pictures } = (await attempt(() => server.thumbnails(photo.id, this.workspace.withAlbum(photo, options), looks))) ?? {};
    if (pictures && this.#isOf(photo, options)) this.panel.variations.show(pictures, this.editing.options);
  });

  // Whether a picture of options is of the photo that is open, and the same way up.
  #isOf(photo, { rotation }) {
    return photo === this.editing.photo && rotation === this.editing.options.rotation;
  }

  #drawDoubt = keepNewest(async (photo, options) => {
    const doubt = await attempt(() => server.doubt(photo.id, options));
    if (doubt && this.#isOf(photo, options) && this.showsDoubt) this.stage.showDoubt(doubt);
  });
}
