// Rotation by quarters, clockwise, in degrees: of sizes, places and pictures.

// Between a place, [x, y] in pixels, and the far edge, as marks are kept on the photo: so that four
// quarters lead back to the very same place.
const INSIDE = 0.01;

export const rotateSize = ({ width, height }, degrees) => (degrees % 180 ? { width: height, height: width } : { width, height });

// A place of a photo of that size, in the rotated one.
export function rotatePlace([x, y], { width, height }, degrees) {
  const across = Math.max(0, width - INSIDE - x);
  const down = Math.max(0, height - INSIDE - y);
  return { 90: [down, x], 180: [across, down], 270: [y, across] }[degrees] ?? [x, y];
}

// Draw a picture rotated, in a canvas of the rotated size: each pixel onto a pixel.
export function drawRotated(context, picture, degrees) {
  const { width, height } = picture;
  const transforms = { 90: [0, 1, -1, 0, height, 0], 180: [-1, 0, 0, -1, width, height], 270: [0, -1, 1, 0, 0, width] };
  context.setTransform(...(transforms[degrees] ?? [1, 0, 0, 1, 0, 0]));
  context.drawImage(picture, 0, 0);
  context.resetTransform();
}

// A picture, rotated.
export function rotatePicture(picture, degrees) {
  if (!degrees) return picture;
  const canvas = Object.assign(document.createElement("canvas"), rotateSize(picture, degrees));
  drawRotated(canvas.getContext("2d"), picture, degrees);
  return canvas;
}
