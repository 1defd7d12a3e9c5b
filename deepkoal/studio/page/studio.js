// The studio's page: which photo is open, and what follows from what the user does.

import { Editor } from "./colors/editor.js";
import { Editing } from "./editing.js";
import { takeFiles } from "./files.js";
import { attempt, fail, hideError, hideNotice, notice, question, save, tell } from "./messages.js";
import { Panel } from "./panel/panel.js";
import { Sheet } from "./panel/sheet.js";
import { Rendering } from "./rendering.js";
import { Failure, server } from "./server.js";
import { Stage } from "./stage/stage.js";
import { downloadAll } from "./workspace/batch.js";
import { Filmstrip } from "./workspace/filmstrip.js";
import { isSession, readSession, saveSession } from "./workspace/sessions.js";
import { showEarlier, showSamples } from "./workspace/welcome.js";
import { isPlain, PLAIN, Workspace } from "./workspace/workspace.js";
import { listenToKeys } from "./keys.js";

const $ = (id) => document.getElementById(id);
const [THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT] = [200, 150];

let about = null;
let workspace = null;
let panel = null;
let rendering = null;
let selected = null; // id of the mark whose color is being chosen

const editing = new Editing(show);
const stage = new Stage({
  add: addMark,
  draft: drawDraft,
  move: (id, points, isDone, kind) => {
    closeEditor();
    editing.changeHint(id, { points }, isDone, kind);
  },
  select: selectMark,
  remove: removeMark,
  erase: (place, radius) => {
    closeEditor();
    editing.erase(place, radius);
  },
  erased: () => editing.finish(),
  window: (box, scale) => rendering.window(box, scale),
  tell,
});
const editor = new Editor({
  color: (id, color, kind) => editing.changeHint(id, { color }, true, kind),
  remove: removeMark,
  close: () => {
    const id = selected;
    closeEditor();
    stage.focus(id);
  },
});
const filmstrip = new Filmstrip({ pick: (photo) => go(photo), remove: removePhoto });

// ------------------------------------------------------------------ photos

async function takeAll(files) {
  const photos = files.filter((file) => !isSession(file));
  let first = null;
  for (const [index, file] of photos.entries()) {
    if (photos.length > 1) tell(`Opening ${index + 1} of ${photos.length}`);
    const photo = await openFile(file);
    first ??= photo;
  }
  if (first) go(first);
  for (const file of files.filter(isSession)) await openSession(file);
}

async function openFile(file) {
  if (file.size > about.maxBytes) {
    const [size, most] = [file.size, about.maxBytes].map((bytes) => Math.round(bytes / 1e6));
    fail(new Failure(`${file.name} has ${size} MB, the studio takes ${most}; save it smaller.`));
    return null;
  }
  tell(`Opening ${file.name || "photo"}`);
  return attempt(async () => {
    const photo = await workspace.add(await server.open(file, file.name), file);
    photo.thumbnail ??= (await server.thumbnails(photo.id, photo.history.options, [{}])).pictures[0];
    return photo;
  });
}

const openSample = async ({ file }) => {
  const photo = await attempt(async () => workspace.add(await server.openSample(file)));
  if (photo) go(photo);
};

// To a photo, or to the first page. A step of the browser's history.
function go(photo) {
  const hash = photo ? `#${photo.id.slice(0, 16)}` : "";
  if (location.hash === hash) follow();
  else location.hash = hash;
}

async function follow() {
  const wanted = location.hash.slice(1);
  const photo = wanted && workspace.list.find((each) => each.id.startsWith(wanted));
  if (!photo) return showWelcome();
  if (photo === editing.photo && !$("work").hidden) return undefined;
  if (photo === editing.photo) return showWork();
  return attempt(async () => {
    const { options } = photo.history;
    const pictures = await Promise.all([server.before(photo.id), server.color(photo.id, options)]);
    showPhoto(photo, ...(await Promise.all(pictures.map((blob) => createImageBitmap(blob)))));
  });
}

function showWelcome() {
  closeEditor();
  $("work").hidden = true;
  $("welcome").hidden = false;
  $("name").textContent = "";
  document.title = "deepkoal studio";
  showEarlier(workspace.list, go);
}

function showWork() {
  $("welcome").hidden = true;
  $("work").hidden = false;
  $("name").textContent = editing.photo.name;
  document.title = `${editing.photo.name} – deepkoal studio`;
}

// All at once, so that nothing that the user does falls between two photos.
function showPhoto(photo, before, after) {
  closeEditor();
  hideError();
  editing.open(photo);
  showWork();
  scrollTo(0, 0);
  panel.open(photo);
  stage.open(photo, before, after);
  keepThumbnail(after);
  showState();
  rendering.drawThumbnails();
  stage.focus(null);
  tell(`${photo.name}, ${photo.width} by ${photo.height} pixels, is colored`);
}

function removePhoto(photo) {
  const { list } = workspace;
  const at = list.indexOf(photo);
  workspace.remove(photo.id);
  if (photo === editing.photo) {
    editing.photo = null;
    go(list[at + 1] ?? list[at - 1] ?? null);
  } else filmstrip.draw(workspace.list, editing.photo);
  notice(`${photo.name} is closed.`, "Undo", async () => {
    await workspace.putBack(photo);
    go(photo);
  });
}

async function forgetAll() {
  const answer = await question("Forget all photos and what was done to them?", [["Forget them", true], ["Keep them", false]]);
  if (!answer) return;
  editing.photo = null;
  await workspace.clear();
  showWelcome();
}

// What the filmstrip and the first page show of the photo.
function keepThumbnail(picture) {
  const canvas = document.createElement("canvas");
  const share = Math.min(1, THUMBNAIL_WIDTH / picture.width, THUMBNAIL_HEIGHT / picture.height);
  [canvas.width, canvas.height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * share)));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  editing.photo.thumbnail = canvas.toDataURL("image/jpeg", 0.8);
}

async function openReference(file) {
  const reference = await attempt(async () => workspace.addReference(await server.openReference(file, file.name), file));
  if (reference) editing.change({ reference });
}

async function openSession(file) {
  const session = await readSession(file, workspace, $("work").hidden ? null : editing.photo);
  if (!session) return;
  if (session.photo === editing.photo) editing.change(session.options);
  else {
    session.photo.history.push(session.options);
    workspace.save(session.photo, true);
  }
  go(session.photo);
  tell(`${file.name} is applied`);
}

// ------------------------------------------------------------------ what is shown

function show(isDone) {
  showState();
  rendering.update(isDone);
  if (isDone) workspace.save(editing.photo);
}

// Show all of the options but the photo's colors.
function showState() {
  const { options, history } = editing;
  const hint = editing.hint(selected);
  if (selected !== null && !hint) closeEditor();
  if (hint) editor.update(hint);
  stage.marks.draw(options.hints, selected);
  panel.update(options);
  filmstrip.draw(workspace.list, editing.photo);
  $("undo").disabled = !history.canUndo;
  $("redo").disabled = !history.canRedo;
  $("reset").disabled = isPlain(options);
  $("download").disabled = $("save").disabled = false;
}

function travel(steps) {
  if (!editing.photo || $("work").hidden) return;
  if (steps < 0 ? !editing.history.canUndo : !editing.history.canRedo) return;
  editing.travel(steps);
  tell(steps < 0 ? "Undone" : "Redone");
}

// ------------------------------------------------------------------ marks

function addMark(mark) {
  hideNotice();
  const at = mark.points[Math.floor(mark.points.length / 2)];
  const id = editing.add(mark, editor.sticky ?? stage.colorAt(at));
  if (editor.sticky) stage.focus(null);
  else selectMark(id);
}

// A line or an outline on its way. With a color for new marks the photo shows what it will do.
function drawDraft(mark) {
  if (mark) closeEditor();
  stage.marks.drawDraft(mark, editor.sticky ?? "#ffffff");
  if (!editor.sticky || (mark && mark.points.length < 3)) return;
  rendering.peek(mark && { hints: [...editing.options.hints, { ...mark, color: editor.sticky }] }, true);
}

function selectMark(id) {
  selected = id;
  const hint = editing.hint(id);
  stage.marks.draw(editing.options.hints, selected);
  const at = hint.points[Math.floor(hint.points.length / 2)];
  const colors = about.distribution
    ? attempt(() => server.colors(editing.photo.id, at)).then((answer) => answer?.colors ?? [])
    : Promise.resolve([]);
  editor.open(hint, stage.marks.handleOf(id), colors);
}

function removeMark(id) {
  closeEditor();
  editing.remove(id);
  stage.focus(null);
  tell("Color removed");
}

function closeEditor() {
  selected = null;
  editor.close();
  if (editing.photo) stage.marks.draw(editing.options.hints, null);
}

// ------------------------------------------------------------------ controls

async function download() {
  $("download").disabled = true;
  tell("Coloring at full size");
  const result = await attempt(() => server.finish(editing.photo.id, editing.options));
  $("download").disabled = false;
  if (!result) return;
  save(result);
  tell(`${result.name} is downloaded`);
}

async function downloadEverything() {
  const label = $("all").querySelector("span");
  $("all").disabled = true;
  await downloadAll(workspace.list, (done) => (label.textContent = `${done} of ${workspace.list.length}`));
  label.textContent = "Download all";
  $("all").disabled = false;
}

function listen() {
  const clicks = {
    home: () => go(null),
    download,
    all: downloadEverything,
    save: () => saveSession(editing.photo, editing.options),
    undo: () => travel(-1),
    redo: () => travel(1),
    reset: () => editing.change(PLAIN),
    forget: forgetAll,
    more: () => {
      panel.variations.more();
      rendering.drawThumbnails();
    },
    "doubt-toggle": () => $("doubt-toggle").setAttribute("aria-pressed", rendering.toggleDoubt()),
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  const sheet = new Sheet(about.details, (looks) => rendering.draw(looks), (look) => editing.change(look));
  $("grid").addEventListener("click", () => sheet.open(editing.photo, editing.options));
  listenToKeys({
    isOpen: () => editing.photo !== null && !$("work").hidden,
    escape: () => {
      if (stage.tools.isDrawing) stage.tools.cancel();
      else if (selected !== null) editor.on.close();
      else hideError();
    },
    travel,
    save: () => clicks.save(),
    open: () => $("open").click(),
    pick: (tool) => stage.tools.pick(tool),
    view: stage.view,
  });
  document.addEventListener("pointerdown", (event) => {
    if (selected !== null && !event.target.closest(".editor, .viewport, .actions")) closeEditor();
  });
  takeFiles({ files: takeAll, reference: openReference, isOpen: () => editing.photo !== null && !$("work").hidden });
  addEventListener("hashchange", follow);
  addEventListener("pagehide", () => workspace.flush());
  document.addEventListener("visibilitychange", () => document.hidden && workspace.flush());
  addEventListener("beforeunload", (event) => {
    const isAtRisk = workspace.database.isShortLived && workspace.list.some((photo) => photo.history.canUndo);
    if (isAtRisk) event.preventDefault(); // nothing else keeps it: the browser asks
  });
}

async function start() {
  [about, workspace] = await Promise.all([server.about(), Workspace.open()]);
  if (!about.distribution) $("doubt-toggle").hidden = true;
  panel = new Panel(about, (part, kind) => editing.change(part, kind), (part) => rendering.peek(part));
  rendering = new Rendering(stage, panel, editing, about, (picture) => {
    keepThumbnail(picture);
    workspace.save(editing.photo);
  });
  listen();
  showSamples(about.samples, openSample);
  if (about.photo && !location.hash) {
    const photo = await workspace.add(await server.describe(about.photo));
    history.replaceState(null, "", `#${photo.id.slice(0, 16)}`);
  }
  await follow();
}

start().catch(fail);
