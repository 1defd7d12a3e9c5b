// The page before a photo is open: photos of earlier, and samples.

import { server } from "../server.js";

const $ = (id) => document.getElementById(id);

function makeItem(name, picture, title, open) {
  const [item, button, image] = ["li", "button", "img"].map((tag) => document.createElement(tag));
  button.type = "button";
  button.title = title;
  image.alt = "";
  if (picture) image.src = picture;
  button.append(image, name);
  button.addEventListener("click", open);
  item.append(button);
  return item;
}

export function showSamples(samples, open) {
  $("samples").replaceChildren(
    ...samples.map((sample) => makeItem(sample.what, server.sample(sample.file), sample.credit, () => open(sample))),
  );
}

// The last ones first.
export function showEarlier(photos, open) {
  $("earlier-part").hidden = !photos.length;
  $("earlier").replaceChildren(
    ...[...photos].reverse().map((photo) => makeItem(photo.name, photo.thumbnail, photo.name, () => open(photo))),
  );
}
