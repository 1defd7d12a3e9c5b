// Photos on their way in: chosen, dropped, pasted, or a sample.

import { server } from "./server.js";

const $ = (id) => document.getElementById(id);

const findPicture = (files) =>
  [...(files ?? [])].find((file) => file.type.startsWith("image/")) ?? files?.[0] ?? null;

// `to` holds what takes a photo, what takes a reference photo, and whether a photo is open.
export function takeFiles(to) {
  for (const [button, input, take] of [
    ["open", "file", to.photo],
    ["choose", "file", to.photo],
    ["reference", "reference-file", to.reference],
  ]) {
    $(button).addEventListener("click", () => {
      $(input).onchange = () => {
        const file = $(input).files[0];
        $(input).value = ""; // so that the same file can be chosen again
        if (file) take(file);
      };
      $(input).click();
    });
  }
  document.addEventListener("paste", (event) => {
    const file = findPicture(event.clipboardData?.files);
    if (file) to.photo(file);
  });
  listenToDrops(to);
}

function listenToDrops(to) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    $("dropping").hidden = false;
    const onReference = to.isOpen() && event.target.closest?.(".reference");
    $("dropping").firstElementChild.textContent = onReference ? "Drop the reference photo" : "Drop the photo";
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("dropping").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    $("dropping").hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    const file = findPicture(event.dataTransfer.files);
    if (!file) return;
    if (to.isOpen() && event.target.closest?.(".reference")) to.reference(file);
    else to.photo(file);
  });
}

export function showSamples(samples, open) {
  const items = samples.map((sample) => {
    const [item, button, picture] = ["li", "button", "img"].map((tag) => document.createElement(tag));
    button.type = "button";
    button.title = sample.credit;
    picture.src = server.sample(sample.file);
    picture.alt = "";
    button.append(picture, sample.what);
    button.addEventListener("click", () => open(sample));
    item.append(button);
    return item;
  });
  $("samples").replaceChildren(...items);
}
