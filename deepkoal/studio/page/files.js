// Files on their way in: chosen, dropped or pasted.

const $ = (id) => document.getElementById(id);

// `to` holds what takes photos and saved sessions, what takes a reference photo, and whether a
// photo is open.
export function takeFiles(to) {
  for (const [button, input, take] of [
    ["open", "file", (files) => to.files(files)],
    ["choose", "file", (files) => to.files(files)],
    ["reference", "reference-file", ([file]) => to.reference(file)],
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
  listenToDrops(to);
}

function listenToDrops(to) {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const meansReference = (event) => to.isOpen() && event.target.closest?.(".reference");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    $("dropping").hidden = false;
    $("dropping").firstElementChild.textContent = meansReference(event) ? "Drop the reference photo" : "Drop the photos";
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
    if (meansReference(event)) to.reference(files[0]);
    else to.files(files);
  });
}
