// The page's questions, answered on the visitor's device: one after another, away from the page.

import { Failure } from "../asking.js";
import { nameColor } from "./composing.js";
import { Engine } from "./engine.js";
import { findNearest } from "./hints.js";
import { OpenPhoto } from "./photos.js";

const MOST_PHOTOS = 6; // kept seen; of one all pixels
const MOST_REFERENCES = 6;
const [SWATCHES, APART, WINDOW, SPENT] = [6, 18, 5, 1e-6]; // as deepkoal/guidance/uncertainty.py
const SWATCH_L = [35, 80]; // darker or lighter, colors cannot be told apart
const THUMBNAIL_QUALITY = 0.9;

const photos = new Map();
const references = new Map();
let engine = null;

// A photo that was opened, as it is rotated.
async function find(id, rotation = 0) {
  const photo = photos.get(id);
  if (!photo) throw new Failure("This photo is no longer open.", { gone: "photo" });
  photos.delete(id);
  photos.set(id, photo); // the last one is let go last
  for (const other of photos.values()) if (other !== photo) other.letGo();
  return photo.rotate(rotation);
}

// Options with the reference that they name.
function look(options) {
  if (!options.reference) return options;
  const reference = references.get(options.reference);
  if (!reference) throw new Failure("This reference photo is no longer open.", { gone: "reference photo" });
  return { ...options, reference };
}

async function hash(file) {
  if (!crypto.subtle) throw new Failure("This page must be opened by https://, or from this computer: browsers tell files apart only there.");
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function asUrl(canvas) {
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: THUMBNAIL_QUALITY });
  return new FileReaderSync().readAsDataURL(blob);
}

const answers = {
  async load(model) {
    engine ??= await Engine.load(model, (share) => postMessage({ share }));
  },
  async open(file, name) {
    const id = await hash(file);
    if (!photos.has(id)) {
      for (const other of photos.values()) other.letGo();
      photos.set(id, await OpenPhoto.open(id, file, name));
    }
    if (photos.size > MOST_PHOTOS) photos.delete(photos.keys().next().value);
    const photo = await find(id);
    photo.name = name;
    return { id, name, width: photo.width, height: photo.height };
  },
  async openReference(file, name) {
    const id = await hash(file);
    for (const other of photos.values()) other.letGo();
    const photo = await OpenPhoto.open(id, file, name);
    references.delete(id);
    references.set(id, await engine.readReference(await photo.reduce("preview")));
    if (references.size > MOST_REFERENCES) references.delete(references.keys().next().value);
    return { id, name, picture: await asUrl(await photo.before("thumbnail")) };
  },
  before: async (id) => createImageBitmap(await (await find(id)).before("preview")),
  async color(id, options, isDraft) {
    const photo = await find(id, options.rotation);
    return createImageBitmap(await photo.draw(engine, look(options), isDraft ? "draft" : "preview"));
  },
  async window(id, options, box, scale) {
    const photo = await find(id, options.rotation);
    const [before, after] = await photo.window(engine, look(options), box, scale);
    return { before: await asUrl(before), after: await asUrl(after) };
  },
  async thumbnails(id, options, looks) {
    const [photo, pictures] = [await find(id, options.rotation), []];
    for (const change of looks) pictures.push(await asUrl(await photo.draw(engine, { ...look(options), ...change }, "thumbnail")));
    return { pictures };
  },
  async nearest(id, hints, rotation) {
    const photo = await find(id, rotation);
    const found = [];
    for (const { points, color } of hints) {
      const lights = [];
      for (const [x, y] of points) lights.push(...(await photo.lightnessAt(x, y)));
      found.push(findNearest(color, lights));
    }
    return found;
  },
  finish: async (id, options, choice) => (await find(id, options.rotation)).finish(engine, look(options), choice),
  // The likely colors of a place: each where most mass lies, by a narrow window, and its mean.
  async colors(id, [x, y], rotation) {
    const photo = await find(id, rotation);
    const { shares, inside } = await photo.see(engine, "auto");
    const [rows, columns, depth] = shares.dims;
    const cell = (at, side, cells) => Math.min(Math.max(Math.floor((at * cells) / side), 0), cells - 1);
    const first = (cell(y - inside.top, inside.height, rows) * columns + cell(x - inside.left, inside.width, columns)) * depth;
    const mass = Float64Array.from(shares.data.subarray(first, first + depth));
    const total = mass.reduce((sum, value) => sum + value, 0);
    mass.forEach((value, bin) => (mass[bin] = value / total));
    const [light] = await photo.lightnessAt(x, y);
    const l = Math.min(Math.max(light, SWATCH_L[0]), SWATCH_L[1]);
    const colors = listColors(mass, engine.model.bins).map(([a, b]) => nameColor(l, a, b));
    return { colors: [...new Set(colors)] };
  },
};

function listColors(mass, bins) {
  const apart = ([a, b], [c, d]) => Math.hypot(a - c, b - d);
  const window = (one, other) => Math.exp(-0.5 * (apart(one, other) / WINDOW) ** 2);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const found = [];
  while (found.length < SWATCHES && sum(mass) > SPENT) {
    const scores = bins.map((bin) => sum(bins.map((other, index) => mass[index] && window(bin, other) * mass[index])));
    const best = bins[scores.indexOf(Math.max(...scores))];
    const near = bins.map((bin, index) => window(best, bin) * mass[index]);
    found.push([0, 1].map((axis) => sum(near.map((weight, index) => weight * bins[index][axis])) / sum(near)));
    bins.forEach((bin, index) => {
      if (apart(best, bin) <= APART) mass[index] = 0;
    });
  }
  return found;
}

// One at a time: a photo at its full size takes a lot of memory.
let before = Promise.resolve();
addEventListener("message", ({ data: { number, name, given } }) => {
  before = before.then(async () => {
    try {
      const value = await answers[name](...given);
      postMessage({ number, value }, value instanceof ImageBitmap ? [value] : []);
    } catch (error) {
      const isKnown = error instanceof Failure;
      if (!isKnown) console.error(error);
      const message = isKnown ? error.message : `Coloring failed (${error.message ?? error}). Memory may be short: close other pages, or take a smaller photo.`;
      postMessage({ number, error: message, gone: error.gone ?? null });
    }
  });
});
