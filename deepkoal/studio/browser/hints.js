// Marks on a photo as the arrays that the graph of hints takes, as deepkoal/hints/layout.py.

import { clamp, simplify } from "../stage/geometry.js";
import { nameColor } from "./composing.js";
import { toAb } from "./pixels.js";

const SAMPLES = 8; // places that stand for each straight part of a stroke
const FINE = 1 / 256; // of the photo's side: how far a stroke may be from what was drawn
const BELOW_ONE = 1 - 2 ** -24;
const TOLERANCE = 10; // ab units from which another color is shown than the one asked for

// a and b of #rrggbb.
export function readColor(color) {
  if (!color.startsWith("#")) return [0, 0]; // grey, and own, whose color is not looked at
  return toAb([1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255));
}

// The nearest color that places of this lightness, the middle of some, can show; null where that is
// the one asked for. As deepkoal/inference/hint_gamut.py.
export function findNearest(color, lights) {
  if (color === "own") return null;
  const sorted = [...lights].sort((one, other) => one - other);
  const [asked, half] = [readColor(color), (sorted.length - 1) / 2];
  const shown = nameColor((sorted[Math.floor(half)] + sorted[Math.ceil(half)]) / 2, ...asked);
  const [a, b] = readColor(shown);
  return Math.hypot(a - asked[0], b - asked[1]) > TOLERANCE ? shown : null;
}

// The places along a stroke.
function sample(points) {
  const parts = points.length > 1 ? points.slice(1).map((to, index) => [points[index], to]) : [[points[0], points[0]]];
  return parts.flatMap(([[x, y], [u, v]]) =>
    Array.from({ length: SAMPLES }, (_, number) => number / (SAMPLES - 1)).map((share) => [x + share * (u - x), y + share * (v - y)]),
  );
}

// Hints in pixels of a photo as arrays.
//   inside: {left, top, width, height} of what the network saw of the photo
//   grid: {height, width} of the lightness that the graph is given
//   lightnessAt: (x, y) to L of the photo's pixel there
export function arrangeHints(hints, { width, height }, inside, grid, lightnessAt) {
  const [far, bottom] = [width * BELOW_ONE, height * BELOW_ONE];
  const [right, end] = [inside.width * BELOW_ONE, inside.height * BELOW_ONE];
  const move = ([x, y]) => [clamp(x - inside.left, 0, right), clamp(y - inside.top, 0, end)];
  const singles = hints.filter(({ kind }) => kind === "point");
  const isAgain = ([x, y]) => ({ points: [[u, v]] }) => Math.floor(x) === Math.floor(u) && Math.floor(y) === Math.floor(v);
  const lasting = singles.filter(({ points: [point] }, index) => !singles.slice(index + 1).some(isAgain(point)));
  const points = lasting.map(({ points: [point], color }) => ({ point, color, isExact: color !== "own" }));
  for (const { points: line, color } of hints.filter(({ kind }) => kind === "stroke")) {
    for (const point of sample(simplify(line, FINE * Math.sqrt(width * height)))) points.push({ point, color, isExact: false });
  }
  // Of points and of regions the graph wants one: these change nothing.
  if (!points.length) points.push({ point: [0, 0], color: "own", isExact: false });
  const placed = points.map(({ point: [x, y] }) => move([clamp(x, 0, far), clamp(y, 0, bottom)]));
  const pixels = placed.map((place) => place.map(Math.floor));
  const regions = hints.filter(({ kind }) => kind === "region");
  if (!regions.length) regions.push({ points: [[0, 0]], color: "own" });
  const [down, across] = [grid.height / inside.height, grid.width / inside.width];
  const edges = regions.flatMap(({ points: ring }, region) =>
    ring.map((from, index) => {
      const to = ring[(index + 1) % ring.length];
      const ends = [from, to].flatMap(([x, y]) => [(x - inside.left) * across, (y - inside.top) * down]);
      return { ends, region };
    }),
  );
  const isOwn = ({ color }) => Number(color === "own");
  return {
    places: [pixels.flatMap(([x, y]) => [(y + 0.5) / inside.height, (x + 0.5) / inside.width]), 2],
    place_l: [pixels.map(([x, y]) => lightnessAt(x + inside.left, y + inside.top))],
    points: [placed.flatMap(([x, y]) => [x * across, y * down]), 2],
    ab: [points.flatMap(({ color }) => readColor(color)), 2],
    own: [points.map(isOwn)],
    exact: [points.map(({ isExact }) => Number(isExact))],
    edges: [edges.flatMap(({ ends }) => ends), 4],
    sides: [edges.flatMap(({ region }) => regions.map((_, index) => Number(index === region))), regions.length],
    region_ab: [regions.flatMap(({ color }) => readColor(color)), 2],
    region_own: [regions.map(isOwn)],
  };
}
