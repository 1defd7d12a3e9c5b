// Photos in the worker: decoded by the browser, held as pixels while they are worked on.

import { Failure } from "../asking.js";
import { drawRotated, rotateSize } from "../stage/rotating.js";
import { compose } from "./composing.js";
import { lightness } from "./pixels.js";

const MOST_SIDE = 16384; // of what browsers draw on
const MOST_PIXELS = 100e6;
const PREVIEW_PIXELS = 1.5e6;
const DRAFT_PIXELS = 0.25e6;
const THUMBNAIL_PIXELS = 110000;
const BAND = 256;
const QUALITY = 0.95;
const TYPES = { JPEG: "image/jpeg", PNG: "image/png", WEBP: "image/webp" };
const SIZES = { preview: PREVIEW_PIXELS, draft: DRAFT_PIXELS, thumbnail: THUMBNAIL_PIXELS };

// Make pixels opaque, for a format without transparency; whether they were.
function fill(rgba) {
  let wereOpaque = true;
  for (let at = 3; at < rgba.length; at += 4) {
    wereOpaque &&= rgba[at] === 255;
    rgba[at] = 255;
  }
  return wereOpaque;
}

function makeCanvas(width, height) {
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  return context;
}

// The file's pixels, upright, as browsers turn them by what the file says, and then rotated.
async function decode(file, name, rotation) {
  const picture = await createImageBitmap(file).catch(() => null);
  if (!picture) throw new Failure(`${name} is no photo that this browser can read. JPEG, PNG and WebP are read by all; save it as one of them.`);
  const { width, height } = picture;
  try {
    if (Math.max(width, height) > MOST_SIDE || width * height > MOST_PIXELS) {
      throw new Failure(`${name} has ${width} × ${height} pixels; this page takes ${MOST_SIDE} a side and 100 megapixels. Scale it down, or use the program.`);
    }
    const size = rotateSize(picture, rotation);
    const context = makeCanvas(size.width, size.height);
    drawRotated(context, picture, rotation);
    context.getImageData(0, 0, 1, 1); // where there is no room for all of it, it fails here
    return context;
  } catch (error) {
    throw error instanceof Failure ? error : new Failure(`${name} is too large for this browser (${width} × ${height} pixels); scale it down.`);
  } finally {
    picture.close();
  }
}

export class OpenPhoto {
  static async open(id, file, name, rotation = 0) {
    const photo = new OpenPhoto();
    Object.assign(photo, { id, file, name, rotation, seen: new Map(), small: new Map(), other: null });
    await photo.#hold();
    const { width, height } = photo.full.canvas;
    Object.assign(photo, { width, height });
    return photo;
  }

  // Have all pixels at hand, decoded again where they were let go.
  async #hold() {
    this.full ??= await decode(this.file, this.name, this.rotation);
    return this.full;
  }

  letGo() {
    this.full = null;
    this.other?.letGo();
  }

  // The same photo, rotated; the last one is kept. Of the two one has its pixels at hand.
  async rotate(rotation) {
    if (!rotation) {
      this.other?.letGo();
      return this;
    }
    this.full = null;
    const { id, file, name } = this;
    if (this.other?.rotation !== rotation) this.other = await OpenPhoto.open(id, file, name, rotation);
    return Object.assign(this.other, { name });
  }

  readPixels(left, top, width, height) {
    return this.full.getImageData(left, top, width, height).data;
  }

  readPixel(x, y) {
    return this.readPixels(Math.min(x, this.width - 1), Math.min(y, this.height - 1), 1, 1);
  }

  async lightnessAt(x, y) {
    await this.#hold();
    return lightness(this.readPixel(Math.max(Math.floor(x), 0), Math.max(Math.floor(y), 0)));
  }

  // What the engine says of it at a working size; the last two are kept.
  async see(engine, detail) {
    await this.#hold();
    if (!this.seen.has(detail)) {
      const found = await engine.see(this, detail);
      if (this.seen.size > 1) this.seen.delete([...this.seen.keys()].find((key) => key !== "auto"));
      this.seen.set(detail, found);
    }
    return this.seen.get(detail);
  }

  async field(engine, options) {
    const [seen, { reference }] = [await this.see(engine, options.detail), options];
    if (!reference) return engine.color(seen, options);
    if (seen.matched?.reference !== reference) seen.matched = { reference, matches: await engine.match(seen, reference) };
    return engine.color(seen, options, seen.matched.matches);
  }

  // Its pixels at the size of the screen or smaller.
  async before(kind) {
    if (!this.small.has(kind)) {
      const full = await this.#hold();
      const share = Math.min(1, Math.sqrt(SIZES[kind] / (this.width * this.height)));
      const [width, height] = [this.width, this.height].map((side) => Math.max(1, Math.floor(side * share)));
      const context = makeCanvas(width, height);
      context.drawImage(full.canvas, 0, 0, width, height);
      this.small.set(kind, context);
    }
    return this.small.get(kind).canvas;
  }

  // The same at that size, to be read as this is.
  async reduce(kind) {
    const { width, height } = await this.before(kind);
    const context = this.small.get(kind);
    return { name: this.name, width, height, readPixels: (...part) => context.getImageData(...part).data };
  }

  async draw(engine, options, kind) {
    const source = await this.before(kind);
    const { width, height } = source;
    const image = this.small.get(kind).getImageData(0, 0, width, height);
    await this.#color(engine, options, image, { left: 0, top: 0, width: this.width, height: this.height });
    const context = makeCanvas(width, height);
    context.putImageData(image, 0, 0);
    return context.canvas;
  }

  // A part of it, as it was and colored, `scale` pixels for one of its own along a side.
  async window(engine, options, part, scale) {
    const full = await this.#hold();
    const [width, height] = [part.width, part.height].map((side) => Math.max(1, Math.round(side * scale)));
    const [before, after] = [makeCanvas(width, height), makeCanvas(width, height)];
    before.drawImage(full.canvas, part.left, part.top, part.width, part.height, 0, 0, width, height);
    const image = before.getImageData(0, 0, width, height);
    await this.#color(engine, options, image, part);
    after.putImageData(image, 0, 0);
    return [before.canvas, after.canvas];
  }

  async #color(engine, options, image, part) {
    const field = await this.field(engine, options);
    compose(image.data, image.height, image.width, field, part, (await this.see(engine, options.detail)).inside);
  }

  // The colored photo's file, at its full size, in the format and quality that are asked for: where
  // they are null, JPEG and WebP as they were, all else as PNG.
  async finish(engine, options, { format, quality }) {
    const full = await this.#hold();
    const field = await this.field(engine, options);
    const { inside } = await this.see(engine, options.detail);
    const own = Object.values(TYPES).includes(this.file.type) ? this.file.type : TYPES.PNG;
    const type = TYPES[format] ?? own;
    const context = makeCanvas(this.width, this.height);
    let isOpaque = true;
    for (let top = 0; top < this.height; top += BAND) {
      const rows = Math.min(BAND, this.height - top);
      const image = full.getImageData(0, top, this.width, rows);
      compose(image.data, rows, this.width, field, { left: 0, top, width: this.width, height: rows }, inside);
      if (type === TYPES.JPEG) isOpaque = fill(image.data) && isOpaque;
      context.putImageData(image, 0, top);
    }
    const blob = await context.canvas.convertToBlob({ type, quality: quality ? quality / 100 : QUALITY });
    const suffix = { [TYPES.JPEG]: "jpg", [TYPES.WEBP]: "webp" }[blob.type] ?? "png"; // what a browser does not write is PNG
    return { name: `${this.name.replace(/\.[^.]*$/, "")}.colored.${suffix}`, blob, lost: isOpaque ? "" : "alpha" };
  }
}
