// Lightness of a photo and the field of its chroma to sRGB, as deepkoal/rendering/composition.py.

import { DELTA, FULL, lightness, RGB_TO_XYZ } from "./pixels.js";

const WHITE = RGB_TO_XYZ.map(([red, green, blue]) => red + green + blue);

// The inverse of a 3×3 matrix.
function invert([[a, b, c], [d, e, f], [g, h, i]]) {
  const [p, q, r] = [e * i - f * h, f * g - d * i, d * h - e * g];
  const all = a * p + b * q + c * r;
  return [
    [p, c * h - b * i, b * f - c * e],
    [q, a * i - c * g, c * d - a * f],
    [r, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / all));
}

const [[M00, M01, M02], [M10, M11, M12], [M20, M21, M22]] = invert(RGB_TO_XYZ.map((row, index) => row.map((value) => value / WHITE[index])));
const LEVELS = Uint8Array.from({ length: FULL + 1 }, (_, light) => {
  const v = Math.min((light + 0.5) / FULL, 1);
  return Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
});

// Write the sRGB of f(X), f(Y) and f(Z), each less delta. Where it leaves the gamut, it is mixed
// with the grey of the same luminance, so that lightness stays.
function encode(ex, ey, ez, rgba, at) {
  const x = toLight(ex);
  const y = toLight(ey);
  const z = toLight(ez);
  let red = M00 * x + M01 * y + M02 * z;
  let green = M10 * x + M11 * y + M12 * z;
  let blue = M20 * x + M21 * y + M22 * z;
  const low = Math.min(red, green, blue);
  const high = Math.max(red, green, blue);
  if (low < 0 || high > 1) {
    const grey = Math.min(Math.max(y, 0), 1);
    const above = (1 - grey) / Math.max(high - grey, 1 - grey, 1e-9);
    const below = grey / Math.max(grey - low, grey, 1e-9);
    const share = Math.min(above, below);
    red = Math.min(Math.max(grey + share * (red - grey), 0), 1);
    green = Math.min(Math.max(grey + share * (green - grey), 0), 1);
    blue = Math.min(Math.max(grey + share * (blue - grey), 0), 1);
  }
  rgba[at] = LEVELS[(FULL * red) | 0];
  rgba[at + 1] = LEVELS[(FULL * green) | 0];
  rgba[at + 2] = LEVELS[(FULL * blue) | 0];
}

// A cube above delta and its tangent below, of f less delta.
function toLight(e) {
  const p = e > 0 ? e : 0;
  return DELTA ** 3 + 3 * DELTA ** 2 * e + p * p * (p + 3 * DELTA);
}

// The color of Lab, #rrggbb.
export function nameColor(l, a, b) {
  const f = (l + 16) / 116 - DELTA;
  const rgba = new Uint8Array(4);
  encode(f + a / 500, f, f - b / 200, rgba, 0);
  return `#${[...rgba.subarray(0, 3)].map((level) => level.toString(16).padStart(2, "0")).join("")}`;
}

// Rewrite ab = slope · L + offset as f(X) and f(Z), less delta, linear in f(Y) less delta.
function inUnitsOfF({ data, height, width }) {
  const scale = [1 / 500, -1 / 200];
  const planes = Float32Array.from(data, (value, index) => {
    const part = index % 4;
    const slope = scale[part % 2] * data[index - part + (part % 2)];
    return part < 2 ? 1 + 116 * slope : scale[part - 2] * value + 8 * slope;
  });
  return { data: planes, height, width };
}

// Where `count` pixels from `start` to `end`, in pixels of the inside, lie between the cells of a
// grid: the first of two, and the second's weight.
function place(count, start, end, side, cells) {
  const first = new Int32Array(count);
  const weight = new Float32Array(count);
  for (let index = 0; index < count; index += 1) {
    const pixel = start + ((index + 0.5) * (end - start)) / count;
    const center = Math.min(Math.max((pixel * cells) / side - 0.5, 0), cells - 1);
    first[index] = Math.min(Math.floor(center), Math.max(cells - 2, 0));
    weight[index] = center - first[index];
  }
  return { first, weight };
}

// Color part of a photo in place.
//   rgba: its pixels, of `height` rows and `width` columns
//   field: {data, height, width}, of the inside, four numbers a cell
//   part: {left, top, width, height} of the photo that these pixels show, in the photo's pixels
//   inside: {left, top, width, height} of the photo, what the field is of; the rest becomes grey
export function compose(rgba, height, width, field, part, inside) {
  const l = lightness(rgba);
  const { data, height: rows, width: columns } = inUnitsOfF(field);
  const across = place(width, part.left - inside.left, part.left + part.width - inside.left, inside.width, columns);
  const down = place(height, part.top - inside.top, part.top + part.height - inside.top, inside.height, rows);
  const isOutside = (index, count, start, size, from, length) => {
    const pixel = start + ((index + 0.5) * size) / count;
    return pixel < from || pixel > from + length;
  };
  const outside = Uint8Array.from({ length: width }, (_, x) => isOutside(x, width, part.left, part.width, inside.left, inside.width));
  const line = new Float32Array(4 * columns);
  const next = columns > 1 ? 4 : 0;
  for (let y = 0; y < height; y += 1) {
    const isBorder = isOutside(y, height, part.top, part.height, inside.top, inside.height);
    const [row, share] = [down.first[y], down.weight[y]];
    const below = rows > 1 ? 4 * columns : 0;
    for (let index = 0, at = row * 4 * columns; index < line.length; index += 1, at += 1) {
      line[index] = data[at] + share * (data[at + below] - data[at]);
    }
    for (let x = 0; x < width; x += 1) {
      const index = y * width + x;
      const f = (l[index] + 16) / 116 - DELTA;
      if (isBorder || outside[x]) {
        encode(f, f, f, rgba, 4 * index);
        continue;
      }
      const at = 4 * across.first[x];
      const w = across.weight[x];
      const to = at + next;
      const slopeX = line[at] + w * (line[to] - line[at]);
      const slopeZ = line[at + 1] + w * (line[to + 1] - line[at + 1]);
      const offsetX = line[at + 2] + w * (line[to + 2] - line[at + 2]);
      const offsetZ = line[at + 3] + w * (line[to + 3] - line[at + 3]);
      encode(f * slopeX + offsetX, f, f * slopeZ + offsetZ, rgba, 4 * index);
    }
  }
}
