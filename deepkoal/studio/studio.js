// The studio's page: what is open, how it looks now, and what follows from a change.

import { Editor } from "./editor.js";
import { History } from "./history.js";
import { showSamples, takeFiles } from "./files.js";
import { attempt, fail, hideError, tell } from "./messages.js";
import { Panel } from "./panel.js";
import { Failure, keepNewest, server } from "./server.js";
import { Stage } from "./stage.js";

const $ = (id) => document.getElementById(id);
const PLAIN = { hints: [], vibrance: 1, palette: null, reference: null, variation: null };
const CALM = 250; // ms without a change after which thumbnails follow

let about = null;
let photo = null;
let options = PLAIN; // as it is shown, also halfway through a drag
let history = new History(PLAIN);
let selected = null; // id of the hint whose color is being chosen
let showsDoubt = false;
let lastId = 0;

const stage = new Stage({
  place: placeHint,
  move: (id, place, isDone, kind) => {
    closeEditor();
    changeHint(id, place, isDone, kind);
  },
  select: selectHint,
  remove: removeHint,
  tell,
});
const editor = new Editor({
  color: (id, color, kind) => changeHint(id, { color }, true, kind),
  remove: removeHint,
  close: () => {
    const id = selected;
    closeEditor();
    stage.focus(id);
  },
});
let panel = null;

// ------------------------------------------------------------------ photos

function openFile(file) {
  if (file.size > about.maxBytes) {
    const [size, most] = [file.size, about.maxBytes].map((bytes) => Math.round(bytes / 1e6));
    return fail(new Failure(`${file.name} has ${size} MB, the studio takes ${most}; save it smaller.`));
  }
  return openPhoto(() => server.open(file), file.name);
}

async function openPhoto(ask, name) {
  tell(`Opening ${name || "photo"}`);
  await attempt(async () => {
    const opened = await ask();
    const pictures = await Promise.all([server.before(opened.id), server.color(opened.id, PLAIN)]);
    showPhoto(opened, ...(await Promise.all(pictures.map((blob) => createImageBitmap(blob)))));
  });
}

// All at once, so that nothing that the user does falls between two photos.
function showPhoto(opened, before, after) {
  closeEditor();
  hideError();
  photo = opened;
  history = new History(PLAIN);
  $("welcome").hidden = true;
  $("work").hidden = false;
  $("name").textContent = photo.name;
  document.title = `${photo.name} – deepkoal studio`;
  scrollTo(0, 0);
  panel.open(photo);
  stage.open(photo, before, after);
  showState(PLAIN);
  stage.focus(null);
  tell(`${photo.name}, ${photo.width} by ${photo.height} pixels, is colored`);
}

async function openReference(file) {
  const reference = await attempt(() => server.openReference(file));
  if (reference) change({ reference });
}

async function download() {
  $("download").disabled = true;
  tell("Coloring at full size");
  const result = await attempt(() => server.finish(photo.id, options));
  $("download").disabled = false;
  if (!result) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(result.blob);
  link.download = result.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  tell(`${result.name} is downloaded`);
}

// ------------------------------------------------------------------ the options

// Change some of the options; as a step to undo where `isDone`.
function change(part, kind = null, isDone = true) {
  const next = { ...options, ...part };
  if (isDone) history.push(next, kind);
  showOptions(next);
}

function showOptions(next) {
  showState(next);
  color(photo, options);
}

// Show all of the options but the photo's colors.
function showState(next) {
  options = next;
  const hint = options.hints.find((each) => each.id === selected);
  if (selected !== null && !hint) closeEditor();
  if (hint) editor.update(hint);
  stage.drawHints(options.hints, selected);
  panel.update(options);
  $("undo").disabled = !history.canUndo;
  $("redo").disabled = !history.canRedo;
  $("reset").disabled = Object.keys(PLAIN).every((key) => options[key] === PLAIN[key] || options[key]?.length === 0);
  $("download").disabled = false;
  followUp();
}

const color = keepNewest(async (of, as) => {
  const blob = await attempt(() => server.color(of.id, as));
  const picture = blob && (await createImageBitmap(blob));
  if (picture && of === photo) stage.show(picture);
});

let calmTimer = 0;
function followUp() {
  clearTimeout(calmTimer);
  calmTimer = setTimeout(() => {
    if (about.distribution) drawThumbnails(photo, options);
    if (showsDoubt) drawDoubt(photo, options);
  }, CALM);
}

const drawThumbnails = keepNewest(async (of, as) => {
  const wanted = panel.listVariations(as);
  const { pictures } = (await attempt(() => server.thumbnails(of.id, as, wanted))) ?? {};
  if (pictures && of === photo) panel.showVariations(pictures, options);
});

const drawDoubt = keepNewest(async (of, as) => {
  const doubt = await attempt(() => server.doubt(of.id, as));
  if (doubt && of === photo && showsDoubt) stage.showDoubt(doubt);
});

function travel(steps) {
  if (!photo) return;
  history.move(steps);
  showOptions(history.options);
  tell(steps < 0 ? "Undone" : "Redone");
}

// ------------------------------------------------------------------ hints

function placeHint(x, y) {
  const hint = { id: ++lastId, x, y, color: stage.colorAt(x, y) };
  change({ hints: [...options.hints, hint] });
  selectHint(hint.id);
}

function selectHint(id) {
  selected = id;
  const hint = options.hints.find((each) => each.id === id);
  stage.drawHints(options.hints, selected);
  const colors = about.distribution
    ? attempt(() => server.colors(photo.id, hint.x, hint.y)).then((answer) => answer?.colors ?? [])
    : Promise.resolve([]);
  editor.open(hint, stage.markOf(id), colors);
}

function changeHint(id, part, isDone, kind = null) {
  const hints = options.hints.map((hint) => (hint.id === id ? { ...hint, ...part } : hint));
  change({ hints }, kind, isDone);
}

function removeHint(id) {
  closeEditor();
  change({ hints: options.hints.filter((hint) => hint.id !== id) });
  stage.focus(null);
  tell("Color removed");
}

function closeEditor() {
  selected = null;
  editor.close();
  if (photo) stage.drawHints(options.hints, null);
}

// ------------------------------------------------------------------ controls

function listen() {
  $("download").addEventListener("click", download);
  $("undo").addEventListener("click", () => travel(-1));
  $("redo").addEventListener("click", () => travel(1));
  $("reset").addEventListener("click", () => change(PLAIN));
  $("more").addEventListener("click", () => {
    panel.seed += 1;
    drawThumbnails(photo, options);
  });
  $("doubt-toggle").addEventListener("click", () => {
    showsDoubt = !showsDoubt;
    $("doubt-toggle").setAttribute("aria-pressed", showsDoubt);
    if (showsDoubt) drawDoubt(photo, options);
    else stage.showDoubt(null);
  });
  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (key === "escape") selected === null ? hideError() : editor.on.close();
    if (!(event.ctrlKey || event.metaKey) || !["z", "y"].includes(key)) return;
    event.preventDefault();
    travel(key === "y" || event.shiftKey ? 1 : -1);
  });
  document.addEventListener("pointerdown", (event) => {
    if (selected !== null && !event.target.closest(".editor, .frame")) closeEditor();
  });
  takeFiles({ photo: openFile, reference: openReference, isOpen: () => photo !== null });
}

async function start() {
  about = await server.about();
  if (!about.distribution) $("doubt-toggle").hidden = true;
  panel = new Panel(about, change);
  listen();
  showSamples(about.samples, (sample) => openPhoto(() => server.openSample(sample.file), sample.what));
  $("welcome").hidden = false;
  if (about.photo) await openPhoto(() => server.describe(about.photo));
}

start().catch(fail);
