// What the filmstrip and the first page show of a photo.

const [WIDTH, HEIGHT] = [200, 150];

// A picture, small, as data.
export function drawThumbnail(picture) {
  const canvas = document.createElement("canvas");
  const share = Math.min(1, WIDTH / picture.width, HEIGHT / picture.height);
  [canvas.width, canvas.height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * share)));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.8);
}
