// A sharp picture of what is seen, where the zoom goes beyond the pixels that the screen was given.

import { keepNewest } from "../asking.js";

const $ = (id) => document.getElementById(id);
const CALM = 160; // ms without a move after which it is asked for
const SPARE = 1.05; // so much larger may pixels be before they are called blurred

export class Windows {
  // `draw(box, scale)` promises the pictures of a part of the photo, before and after.
  constructor(view, draw) {
    this.view = view;
    this.draw = draw;
    this.share = 1; // pixels at hand for one of the photo, along a side
    this.timer = 0;
    this.version = 0;
    this.canvases = [$("before-window"), $("after-window")];
  }

  open(photo, share) {
    this.photo = photo;
    this.share = share;
    this.#hide();
  }

  // The photo was moved, or has other colors.
  update() {
    this.version += 1;
    clearTimeout(this.timer);
    this.canvases[1].hidden = true; // of colors that may be others by now
    const wanted = Math.min(1, this.view.scale * devicePixelRatio);
    if (!this.photo || wanted <= this.share * SPARE) return this.#hide();
    this.timer = setTimeout(() => this.#fetch(this.version, wanted), CALM);
  }

  #hide() {
    for (const canvas of this.canvases) canvas.hidden = true;
  }

  #fetch = keepNewest(async (version, wanted) => {
    const seen = this.view.seen;
    const box = {
      left: Math.floor(seen.left),
      top: Math.floor(seen.top),
      width: Math.max(1, Math.min(Math.ceil(seen.width) + 1, this.photo.width - Math.floor(seen.left))),
      height: Math.max(1, Math.min(Math.ceil(seen.height) + 1, this.photo.height - Math.floor(seen.top))),
    };
    const photo = this.photo;
    const pictures = await this.draw(box, wanted);
    if (!pictures || version !== this.version || photo !== this.photo) return;
    pictures.forEach((picture, index) => {
      const canvas = this.canvases[index];
      [canvas.width, canvas.height] = [picture.width, picture.height];
      canvas.getContext("2d").drawImage(picture, 0, 0);
      canvas.style.left = `${(100 * box.left) / photo.width}%`;
      canvas.style.top = `${(100 * box.top) / photo.height}%`;
      canvas.style.width = `${(100 * box.width) / photo.width}%`;
      canvas.style.height = `${(100 * box.height) / photo.height}%`;
      canvas.hidden = false;
    });
  });
}
