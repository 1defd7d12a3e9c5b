// Photos as numbers: lightness, and planes at other sizes. As deepkoal/rendering has it.

// The matrix of sRGB; its row sums are the white point, so that greys are a = b = 0 exactly.
export const RGB_TO_XYZ = [
  [0.4124564, 0.3575761, 0.1804375],
  [0.2126729, 0.7151522, 0.072175],
  [0.0193339, 0.119192, 0.9503041],
];
export const DELTA = 6 / 29; // CIE 15: below it f is linear
export const FULL = 65535; // linear light in these units indexes a table

export const toLinear = (level) => (level <= 0.04045 ? level / 12.92 : ((level + 0.055) / 1.055) ** 2.4);
export const toLightness = (y) => (y > DELTA ** 3 ? 116 * Math.cbrt(y) - 16 : y * (29 / 3) ** 3);

// a and b of red, green and blue in 0…1.
export function toAb(levels) {
  const linear = levels.map(toLinear);
  const [fx, fy, fz] = RGB_TO_XYZ.map((row) => {
    const white = row[0] + row[1] + row[2];
    return (toLightness((row[0] * linear[0] + row[1] * linear[1] + row[2] * linear[2]) / white) + 16) / 116;
  });
  return [500 * (fx - fy), 200 * (fy - fz)];
}

const LINEAR = Float64Array.from({ length: 256 }, (_, level) => toLinear(level / 255));
const L_OF_GREY = Float32Array.from(LINEAR, toLightness);
const L_OF_Y = Float32Array.from({ length: FULL + 1 }, (_, y) => toLightness(y / FULL));
const [Y_OF_RED, Y_OF_GREEN, Y_OF_BLUE] = RGB_TO_XYZ[1].map((weight) => LINEAR.map((light) => FULL * weight * light));

// L, 0…100, of pixels in RGBA; exact of those without color.
export function lightness(rgba) {
  const l = new Float32Array(rgba.length / 4);
  for (let index = 0, at = 0; index < l.length; index += 1, at += 4) {
    const [red, green, blue] = [rgba[at], rgba[at + 1], rgba[at + 2]];
    l[index] = red === green && green === blue ? L_OF_GREY[red] : L_OF_Y[(Y_OF_RED[red] + Y_OF_GREEN[green] + Y_OF_BLUE[blue] + 0.5) | 0];
  }
  return l;
}

// How much of `source` pixels goes into each of `size`: by area where it shrinks, else bilinear.
// [first, weights] of each.
function weigh(source, size) {
  return Array.from({ length: size }, (_, index) => {
    if (size < source) {
      const [start, end] = [index * source, (index + 1) * source]; // in 1 / size of an old pixel
      const first = Math.floor(start / size);
      const count = Math.ceil(end / size) - first;
      const part = (pixel) => (Math.min((pixel + 1) * size, end) - Math.max(pixel * size, start)) / source;
      return [first, Array.from({ length: count }, (__, number) => part(first + number))];
    }
    const center = Math.min(Math.max(((2 * index + 1) * source - size) / (2 * size), 0), source - 1);
    const first = Math.min(Math.floor(center), Math.max(source - 2, 0));
    return [first, source > 1 ? [1 - (center - first), center - first] : [1]];
  });
}

// A plane that comes by bands of rows, at several sizes at once: so a large one is never whole.
export class Resizing {
  // `sizes` are [height, width] each.
  constructor(height, width, sizes) {
    this.width = width;
    this.targets = sizes.map(([rows, columns]) => {
      const uses = Array.from({ length: height }, () => []);
      weigh(height, rows).forEach(([first, weights], row) => weights.forEach((weight, number) => uses[first + number].push([row, weight])));
      return { height: rows, width: columns, uses, across: weigh(width, columns), data: new Float32Array(rows * columns) };
    });
  }

  // Take the rows from `top` on.
  add(top, plane) {
    const rows = plane.length / this.width;
    for (const { width, uses, across, data } of this.targets) {
      for (let y = 0; y < rows; y += 1) {
        for (let x = 0; x < width; x += 1) {
          const [first, weights] = across[x];
          let sum = 0;
          for (let number = 0, at = y * this.width + first; number < weights.length; number += 1, at += 1) sum += weights[number] * plane[at];
          for (const [row, weight] of uses[top + y]) data[row * width + x] += weight * sum;
        }
      }
    }
  }
}

// Sides mirrored at their ends to the next multiples of the stride, and in the network's units.
export function toInput({ data, height, width }, stride) {
  const [rows, columns] = [height, width].map((side) => Math.ceil(side / stride) * stride);
  const mirror = (at, side) => Math.min(at, 2 * (side - 1) - at);
  const input = new Float32Array(rows * columns);
  for (let y = 0; y < rows; y += 1) {
    for (let x = 0; x < columns; x += 1) input[y * columns + x] = data[mirror(y, height) * width + mirror(x, width)] / 50 - 1;
  }
  return { data: input, height: rows, width: columns };
}
