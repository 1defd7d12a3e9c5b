// Lines and outlines: points are [x, y], in any one unit.

export const clamp = (x, low, high) => Math.min(Math.max(x, low), high);

export const distance = ([x, y], [u, v]) => Math.hypot(x - u, y - v);

// How far a point is from the piece of line between two others.
export function distanceToSegment(point, from, to) {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const length2 = dx * dx + dy * dy;
  const share = length2 ? ((point[0] - from[0]) * dx + (point[1] - from[1]) * dy) / length2 : 0;
  const at = clamp(share, 0, 1);
  return distance(point, [from[0] + at * dx, from[1] + at * dy]);
}

// A line of fewer points, nowhere further than `tolerance` from the given one: Ramer 1972,
// Douglas and Peucker 1973.
export function simplify(points, tolerance) {
  if (points.length < 3) return points;
  const last = points.length - 1;
  let [worst, most] = [0, tolerance];
  for (let index = 1; index < last; index += 1) {
    const apart = distanceToSegment(points[index], points[0], points[last]);
    if (apart > most) [worst, most] = [index, apart];
  }
  if (!worst) return [points[0], points[last]];
  return [
    ...simplify(points.slice(0, worst + 1), tolerance),
    ...simplify(points.slice(worst), tolerance).slice(1),
  ];
}

export function isInside([x, y], polygon) {
  let inside = false;
  polygon.forEach(([u, v], index) => {
    const [s, t] = polygon.at(index - 1);
    if (v > y !== t > y && x < u + ((s - u) * (y - v)) / (t - v)) inside = !inside;
  });
  return inside;
}

export function area(polygon) {
  return Math.abs(
    polygon.reduce((sum, [x, y], index) => {
      const [u, v] = polygon.at(index - 1);
      return sum + u * y - x * v;
    }, 0) / 2,
  );
}

// A place on a mark for its handle: the point, the line's middle, or well inside the outline.
export function anchorOf({ kind, points }) {
  if (kind !== "region") return points[Math.floor(points.length / 2)];
  const ys = points.map(([, y]) => y);
  const y = (Math.min(...ys) + Math.max(...ys)) / 2 + 1e-6;
  const crossings = points.flatMap(([u, v], index) => {
    const [s, t] = points.at(index - 1);
    return v > y !== t > y ? [u + ((s - u) * (y - v)) / (t - v)] : [];
  });
  if (crossings.length < 2) return points[0];
  crossings.sort((one, other) => one - other);
  let [from, to] = crossings;
  for (let index = 2; index + 1 < crossings.length; index += 2) {
    if (crossings[index + 1] - crossings[index] > to - from) [from, to] = crossings.slice(index, index + 2);
  }
  return [(from + to) / 2, y];
}

// What an eraser leaves of a mark: the mark itself, pieces of it, or nothing.
export function erase(mark, place, radius) {
  if (mark.kind === "point") return distance(mark.points[0], place) <= radius ? [] : [mark];
  if (mark.kind === "region") {
    const atEdge = mark.points.some((each, index) => distanceToSegment(place, mark.points.at(index - 1), each) <= radius);
    return atEdge || isInside(place, mark.points) ? [] : [mark];
  }
  const isNear = mark.points.some((each, index) => index && distanceToSegment(place, mark.points[index - 1], each) <= radius);
  if (!isNear) return [mark];
  const pieces = [[]];
  for (const each of spacedOut(mark.points, radius / 2)) {
    if (distance(each, place) > radius) pieces.at(-1).push(each);
    else if (pieces.at(-1).length) pieces.push([]);
  }
  return pieces
    .map((points) => simplify(points, radius / 20))
    .filter((points) => points.length > 1)
    .map((points) => ({ ...mark, points }));
}

// The same line with points at most `step` apart.
function spacedOut(points, step) {
  const dense = [points[0]];
  points.slice(1).forEach(([x, y], index) => {
    const [u, v] = points[index];
    const count = Math.max(1, Math.ceil(distance([x, y], [u, v]) / step));
    for (let part = 1; part <= count; part += 1) {
      dense.push([u + ((x - u) * part) / count, v + ((y - v) * part) / count]);
    }
  });
  return dense;
}
