// A color photo as what others take its colors of, as deepkoal/guidance/reference.py.

import { Failure } from "../asking.js";
import { Resizing, toAb } from "./pixels.js";

const FINER = 4; // pixels along a side of a place, of which its color is the mean
const [COLORED, ENOUGH] = [5, 1e-3]; // chroma of a color, and the least share of a photo that has any
const BAND = 256; // rows of a photo at a time

// The same photo, mirrored.
export const mirror = (photo) => ({
  height: photo.height,
  width: photo.width,
  readPixels(left, top, width, height) {
    const rgba = photo.readPixels(photo.width - left - width, top, width, height);
    const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
    for (let row = 0; row < height; row += 1) pixels.subarray(row * width, (row + 1) * width).reverse();
    return rgba;
  },
});

// Mean a and b of each cell of a grid over a part of a photo, in turn.
export function readColors(photo, part, rows, columns, name) {
  const size = [Math.min(part.height, FINER * rows), Math.min(part.width, FINER * columns)];
  const channels = [0, 1, 2].map(() => new Resizing(part.height, part.width, [size]));
  for (let top = 0; top < part.height; top += BAND) {
    const rgba = photo.readPixels(part.left, part.top + top, part.width, Math.min(BAND, part.height - top));
    const pick = (channel) => Float32Array.from({ length: rgba.length / 4 }, (_, index) => rgba[4 * index + channel]);
    channels.forEach((resizing, channel) => resizing.add(top, pick(channel)));
  }
  const levels = channels.map(({ targets: [{ data }] }) => data);
  const colors = Array.from(levels[0], (_, index) => toAb(levels.map((plane) => plane[index] / 255)));
  if (colors.filter((ab) => Math.hypot(...ab) > COLORED).length < ENOUGH * colors.length) {
    throw new Failure(`${name} is in shades of grey; choose a color photo to take colors from.`);
  }
  const planes = [0, 1].map((axis) => {
    const resizing = new Resizing(...size, [[rows, columns]]);
    resizing.add(0, Float32Array.from(colors, (ab) => ab[axis]));
    return resizing.targets[0].data;
  });
  return Float32Array.from({ length: 2 * rows * columns }, (_, index) => planes[index % 2][index >> 1]);
}
