// Files on their way in: chosen, dropped or pasted.

import { Failure } from "../asking.js";
import { attempt } from "../messages.js";

const $ = (id) => document.getElementById(id);

const FIELDS = { reference: "Drop the reference photo", style: "Drop the style's picture" };

const PASTE = navigator.clipboard?.read && (() => navigator.clipboard.read());

// The picture that was copied, as a file.
async function readCopied() {
  let items;
  try {
    items = await PASTE();
  } catch {
    throw new Failure("The browser keeps what was copied to itself. Allow this page to see it, or choose the file.");
  }
  for (const item of items) {
    const type = item.types.find((each) => each.startsWith("image/"));
    if (type) return new File([await item.getType(type)], "", { type });
  }
  throw new Failure("What was copied is no picture. Copy a photo, or choose its file.");
}

// `to` holds what takes photos and saved sessions, a reference photo and a style's picture, and
// whether a photo is open.
export function takeFiles(to) {
  for (const [button, input, take] of [
    ["open", "file", (files) => to.files(files)],
    ["choose", "file", (files) => to.files(files)],
    ["reference", "reference-file", ([file]) => to.reference(file)],
    ["own-style", "style-file", ([file]) => to.style(file)],
  ]) {
    $(button).addEventListener("click", () => {
      $(input).onchange = () => {
        const files = [...$(input).files];
        $(input).value = ""; // so that the same file can be chosen again
        if (files.length) take(files);
      };
      $(input).click();
    });
  }
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) to.files(files);
  });
  $("paste").hidden = !PASTE;
  $("paste").addEventListener("click", async () => {
    const file = await attempt(readCopied);
    if (file) to.files([file]);
  });
  listenToDrops(to);
}

function listenToDrops(to) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const findField = (event) => to.isOpen() && event.target.closest?.("[data-takes]")?.dataset.takes;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    $("dropping").hidden = false;
    $("dropping").firstElementChild.textContent = FIELDS[findField(event)] ?? "Drop the photos";
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) $("dropping").hidden = true;
  });
  document.addEventListener("drop", (event) => {
    $("dropping").hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    const files = [...event.dataTransfer.files];
    if (!files.length) return;
    const field = findField(event);
    if (field) to[field](files[0]);
    else to.files(files);
  });
}
