// The network and all guidance, as ONNX graphs on WebAssembly: what it said of a photo, and the
// fields of chroma that come of that. The graphs are described in deepkoal/export/guidance_graphs.py.

import * as ort from "./runtime/ort.wasm.min.mjs";
import { Failure } from "../asking.js";
import { arrangeHints } from "./hints.js";
import { mirror, readColors } from "./references.js";
import { lightness, Resizing, toInput } from "./pixels.js";

const LOOKED_AT = 256; // pixels a side, at most, at which a photo is searched for a border
const MOST_STRETCH = 8;
const [ROUND_TO, LEAST_SIDE] = [8, 32];
const BAND = 256; // rows of a photo at a time
const [BLOCK, MATCHES] = [256, 7]; // places that are looked for in a reference at a time, and what is found

const round = (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x)); // half to even, as NumPy's

// The file at an address; `progress` is called with its bytes as they come.
async function fetchFile(path, progress) {
  const answer = await fetch(new URL(path, import.meta.url)).catch(() => null);
  if (!answer?.ok) throw new Failure(`A part of this page is missing (${path}). Is its folder whole, and are you connected?`);
  const parts = [];
  for (const reader = answer.body.getReader(); ; ) {
    const { value, done } = await reader.read();
    if (done) break;
    parts.push(value);
    progress(value.length);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

export class Engine {
  // `model` says what site.json says of the network; `progress` is called with the share that is here.
  static async load(model, progress) {
    if (typeof WebAssembly !== "object") throw new Failure("This browser has no WebAssembly, which coloring needs; use another, or allow it.");
    let bytes = 0;
    const add = (count) => progress(Math.min(1, (bytes += count) / model.bytes));
    const names = ["network", "border", "share", "match", "colors", "hints"];
    const paths = ["./runtime/ort-wasm-simd-threaded.wasm", ...names.map((name) => `./models/${name}.onnx`)];
    const [wasm, ...files] = await Promise.all(paths.map((path) => fetchFile(path, add)));
    ort.env.wasm.wasmBinary = wasm;
    ort.env.wasm.numThreads = 1; // more need headers that plain hosts do not send
    ort.env.logLevel = "error";
    const engine = new Engine();
    engine.model = model;
    engine.graphs = {};
    try {
      for (const [index, name] of names.entries()) engine.graphs[name] = await ort.InferenceSession.create(files[index]);
    } catch (error) {
      throw new Failure(`The network could not be started in this browser (${error.message ?? error}); a newer one may do.`);
    }
    return engine;
  }

  async #run(name, inputs) {
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([key, value]) => [key, value instanceof ort.Tensor ? value : toTensor(value)]),
    );
    return this.graphs[name].run(feeds);
  }

  // What the network says of a photo: {photo, inside, shares, count, features, placeL, told, grid, l};
  // `placeL` is the lightness of the features' places, `told` is what it tells of things, {things} or nothing.
  // `photo` has height, width and readRows(top, count), which gives RGBA. `detail` is a working
  // size, or "auto".
  async see(photo, detail) {
    const { height, width } = photo;
    const [small] = readPlanes(photo, { left: 0, top: 0, height, width }, [[Math.min(height, LOOKED_AT), Math.min(width, LOOKED_AT)]]);
    const { border } = await this.#run("border", { l: [small.data, small.height, small.width] });
    const [top, bottom, left, right] = [...border.data].map((share, index) => round(share * (index < 2 ? height : width)));
    const inside = { left, top, width: right - left, height: bottom - top };
    const sizes = (detail === "auto" ? this.model.sizes : [detail]).map((size) => fitWorkingSize(inside, size));
    const seen = [];
    for (const plane of readPlanes(photo, inside, sizes)) seen.push(await this.#predict(plane));
    const last = seen.at(-1);
    const [rows, columns] = last.logits.dims;
    const shares = new Float32Array(rows * columns * last.logits.dims[2]);
    for (const { logits } of seen) {
      const { share } = await this.#run("share", { logits, grid: [[rows, columns], 2] });
      share.data.forEach((value, index) => (shares[index] += value));
    }
    const finer = 1 + 2 * Math.floor(last.features.dims[0] / rows);
    const [fine, places] = readPlanes(photo, inside, [[finer * rows, finer * columns], last.features.dims.slice(0, 2)]);
    return {
      photo,
      inside,
      count: seen.length,
      shares: toTensor([shares, ...last.logits.dims]),
      features: last.features,
      placeL: places.data,
      told: last.things ? { things: last.things } : {},
      grid: { height: fine.height, width: fine.width },
      l: toTensor([fine.data, fine.height, fine.width]),
    };
  }

  // The network's outputs of a plane of L, without what it was filled up by.
  async #predict(plane) {
    const input = toInput(plane, this.model.stride);
    const outputs = await this.#run("network", { l_norm: [input.data, 1, input.height, input.width, 1] });
    const crop = ({ data, dims: [, rows, columns, depth] }) => {
      const factor = Math.floor(input.height / rows);
      const [height, width] = [Math.floor(plane.height / factor), Math.floor(plane.width / factor)];
      const cropped = new Float32Array(height * width * depth);
      for (let y = 0; y < height; y += 1) cropped.set(data.subarray(y * columns * depth, (y * columns + width) * depth), y * width * depth);
      return toTensor([cropped, height, width, depth]);
    };
    const { logits, features, things } = outputs;
    return { logits: crop(logits), features: crop(features), things: things && crop(things) };
  }

  // A color photo as others take its colors, also mirrored: what the graph `match` is given of it.
  async readReference(photo) {
    const parts = [];
    for (const view of [photo, mirror(photo)]) {
      const { inside, features, placeL } = await this.see(view, "auto");
      parts.push({ features: features.data, l: placeL, ab: readColors(view, inside, features.dims[0], features.dims[1], photo.name) });
    }
    const join = (name) => parts.flatMap((part) => [...part[name]]);
    const [l, features] = [join("l"), join("features")];
    return {
      reference_features: toTensor([features, l.length, features.length / l.length]),
      reference_l: toTensor([l, l.length]),
      reference_ab: toTensor([join("ab"), l.length, 2]),
    };
  }

  // What each place of a photo finds in a reference.
  async match({ features, placeL }, reference) {
    const depth = features.dims[2];
    const found = new Float32Array(MATCHES * placeL.length);
    for (let start = 0; start < placeL.length; start += BLOCK) {
      const l = placeL.subarray(start, start + BLOCK);
      const own = features.data.subarray(start * depth, (start + l.length) * depth);
      const { matches } = await this.#run("match", { features: [own, l.length, depth], l: [l, l.length], ...reference });
      found.set(matches.data, MATCHES * start);
    }
    return found;
  }

  // The field of chroma of a photo under options: {data, height, width}; `matches` of a reference.
  async color(seen, options, matches = new Float32Array(MATCHES)) {
    const { shares, count, features, l } = seen;
    const palette = this.model.palettes.find(({ name }) => name === options.palette);
    const warmth = this.model.warmth.at(Math.round(((options.warmth + 1) / 2) * (this.model.warmth.length - 1)));
    const { chroma, deviation, field } = await this.#run("colors", {
      shares,
      features,
      l,
      count: [[count]],
      palette: [palette?.probabilities ?? new Float32Array(shares.dims[2]), shares.dims[2]],
      lead: [palette ? [palette.strength, palette.smoothing] : [0, 1], 2],
      vibrance: [[options.vibrance]],
      cleanup: [[Number(options.cleanup)]],
      matches: [matches, matches.length / MATCHES, MATCHES],
      warmth: [warmth, 2],
      saturation: [this.model.hues.map((hue) => options.saturation[hue] ?? 1), this.model.hues.length],
    });
    if (!options.hints.length) return toField(field);
    const arrays = arrangeHints(options.hints, seen.photo, seen.inside, seen.grid, (x, y) => lightness(seen.photo.readPixel(x, y))[0]);
    const counted = Object.entries(arrays).map(([name, [data, depth]]) => [name, depth ? [data, data.length / depth, depth] : [data, data.length]]);
    return toField((await this.#run("hints", { chroma, deviation, features, ...seen.told, l, ...Object.fromEntries(counted) })).field);
  }
}

const toField = ({ data, dims: [height, width] }) => ({ data, height, width });

function toTensor([values, ...dims]) {
  const isScalar = !dims.length && values.length === 1;
  return new ort.Tensor("float32", Float32Array.from(values), isScalar ? [] : dims);
}

function fitWorkingSize({ height, width }, size) {
  return [height / width, width / height].map((aspect) => {
    const stretch = Math.min(Math.max(aspect, 1 / MOST_STRETCH), MOST_STRETCH);
    return Math.max(ROUND_TO * round((size * Math.sqrt(stretch)) / ROUND_TO), LEAST_SIDE);
  });
}

// L of a part of a photo at several sizes, [height, width] each.
function readPlanes(photo, part, sizes) {
  const resizing = new Resizing(part.height, part.width, sizes);
  for (let top = 0; top < part.height; top += BAND) {
    const rows = Math.min(BAND, part.height - top);
    resizing.add(top, lightness(photo.readPixels(part.left, part.top + top, part.width, rows)));
  }
  return resizing.targets;
}
