// The studio's page: which photo is open, and what follows from what the user does.

import { Editing } from "./editing/editing.js";
import { Marking } from "./editing/marking.js";
import { isPlain, PLAIN } from "./editing/options.js";
import { Rotation } from "./editing/rotation.js";
import { showSteps } from "./editing/steps.js";
import { Painting } from "./editing/painting.js";
import { Rendering } from "./editing/rendering.js";
import { download, downloadAll } from "./files/downloads.js";
import { Formats } from "./files/formats.js";
import { takeFiles } from "./files/incoming.js";
import { Opening } from "./files/opening.js";
import { saveSession } from "./files/sessions.js";
import { listenToKeys } from "./keys.js";
import { attempt, fail, hideError, hideNotice, notice, question, report } from "./messages.js";
import { Panel } from "./panel/panel.js";
import { Sheet } from "./panel/sheet.js";
import { server } from "./server.js";
import { rotatePicture } from "./stage/rotating.js";
import { Stage } from "./stage/stage.js";
import { showAlbum, toggleAlbum } from "./workspace/album.js";
import { Filmstrip } from "./workspace/filmstrip.js";
import { drawThumbnail } from "./workspace/thumbnails.js";
import { showEarlier, showSamples } from "./workspace/welcome.js";
import { Workspace } from "./workspace/workspace.js";

const $ = (id) => document.getElementById(id);

let about = null;
let workspace = null;
let panel = null;
let rendering = null;
let painting = null;
let opening = null;
let formats = null;

const editing = new Editing(show);
const stage = new Stage({
  add: (mark) => marking.add(mark),
  draft: (mark) => marking.draft(mark),
  move: (id, points, isDone, kind) => marking.move(id, points, isDone, kind),
  select: (id) => marking.select(id),
  remove: (id) => marking.remove(id),
  erase: (place, radius) => marking.erase(place, radius),
  erased: () => editing.finish(),
  window: (box, scale) => rendering.window(box, scale),
  report,
});
const marking = new Marking(stage, editing, (part) => rendering.peek(part, true));
const rotation = new Rotation(stage, editing, (size) => {
  panel.open(size);
  formats.describe(size);
});
const filmstrip = new Filmstrip({ pick: (photo) => go(photo), remove: removePhoto });

// ------------------------------------------------------------------ photos

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
  if (photo === editing.photo) return showWork(); // perhaps under another name
  return attempt(async () => {
    const { options } = photo.history;
    const [before, { blob, isWhole }] = await Promise.all([server.before(photo.id), server.color(photo.id, workspace.withAlbum(photo, options))]);
    const [was, after] = await Promise.all([before, blob].map((each) => createImageBitmap(each)));
    showPhoto(photo, rotatePicture(was, options.rotation), after);
    rendering.settle(isWhole);
  });
}

function showWelcome() {
  marking.close();
  painting.stop();
  $("work").hidden = true;
  $("welcome").hidden = false;
  $("name").textContent = "";
  document.title = "deepkoal studio";
  showEarlier(workspace.list, go);
}

function showWork() {
  $("welcome").hidden = true;
  $("work").hidden = false;
  const { name } = editing.photo;
  $("name").textContent = name;
  document.title = `${name} – deepkoal studio`;
  formats.describe(editing.size);
}

// All at once, so that nothing that the user does falls between two photos.
function showPhoto(photo, before, after) {
  marking.close();
  hideError();
  editing.open(photo);
  painting.follow(photo, editing.options);
  showWork();
  scrollTo(0, 0);
  rotation.open();
  panel.open(editing.size);
  stage.open(editing.size, before, after);
  photo.thumbnail = drawThumbnail(after);
  showState();
  rendering.drawThumbnails();
  stage.focus(null);
  report(`${photo.name}, ${editing.size.width} by ${editing.size.height} pixels, is colored`);
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

// ------------------------------------------------------------------ what is shown

function show(isDone) {
  rotation.follow();
  showState();
  rendering.update(isDone);
  if (isDone) workspace.save(editing.photo);
}

// Show all of the options but the photo's colors.
function showState() {
  const { options, history } = editing;
  marking.update();
  panel.update(options);
  filmstrip.draw(workspace.list, editing.photo);
  showSteps(history);
  $("reset").disabled = isPlain(options);
  $("download").disabled = $("download-as").disabled = $("save").disabled = false;
}

function travel(steps) {
  if (!editing.photo || $("work").hidden) return;
  if (steps < 0 ? !editing.history.canUndo : !editing.history.canRedo) return;
  const name = editing.history.name(steps);
  editing.travel(steps);
  report([steps < 0 ? "Undone" : "Redone", name].filter(Boolean).join(": "));
}

function rotate(degrees) {
  marking.close();
  rotation.rotate(degrees);
}

// ------------------------------------------------------------------ controls

function listen() {
  const clicks = {
    home: () => go(null),
    download: () => download(editing, workspace, painting, formats.asked),
    all: () => downloadAll(workspace, painting, formats.asked),
    album: () => toggleAlbum(editing, workspace, () => rendering.update(true)),
    save: () => saveSession(editing.photo, editing.options),
    undo: () => travel(-1),
    redo: () => travel(1),
    reset: () => editing.change({ ...PLAIN, rotation: editing.options.rotation }),
    "rotate-left": () => rotate(-90),
    "rotate-right": () => rotate(90),
    forget: forgetAll,
    more: () => {
      panel.variations.more();
      rendering.drawThumbnails();
    },
    "doubt-toggle": () => $("doubt-toggle").setAttribute("aria-pressed", rendering.toggleDoubt()),
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  const sheet = new Sheet(about.details, (looks) => rendering.draw(looks), (look) => editing.change(look));
  $("grid").addEventListener("click", () => sheet.open(editing.size, editing.options));
  listenToKeys({
    isOpen: () => editing.photo !== null && !$("work").hidden,
    escape: () => {
      if (stage.tools.isDrawing) stage.tools.cancel();
      else if (marking.isOpen) marking.leave();
      else hideError();
    },
    travel,
    save: () => clicks.save(),
    open: () => $("open").click(),
    pick: (tool) => stage.tools.pick(tool),
    view: stage.view,
    rotate,
    flip: () => {
      stage.split.flip();
      report(stage.split.percent === 100 ? "As it was" : "Colored");
    },
  });
  document.addEventListener("pointerdown", (event) => {
    if (marking.isOpen && !event.target.closest(".editor, .viewport, .actions")) marking.close();
  });
  takeFiles({ files: (files) => opening.takeAll(files), reference: (file) => opening.openReference(file), style: (file) => opening.openStyle(file), isOpen: () => editing.photo !== null && !$("work").hidden });
  addEventListener("hashchange", follow);
  workspace.outlive();
}

async function start() {
  server.progress = (share) => (share < 1 ? notice(`Loading the network: ${Math.round(100 * share)} %`) : hideNotice());
  [about, workspace] = await Promise.all([server.about(), Workspace.open()]);
  for (const id of about.missing) $(id).hidden = true;
  if (!about.distribution) $("doubt-toggle").hidden = true;
  marking.knowsColors = about.distribution;
  panel = new Panel(about, (part, kind) => editing.change(part, kind), (part) => rendering.peek(part));
  painting = new Painting(about.styles, () => rendering.leaveStyle());
  rendering = new Rendering(stage, panel, editing, about, workspace, painting, (picture) => {
    editing.photo.thumbnail = drawThumbnail(picture);
    workspace.save(editing.photo);
  });
  formats = new Formats(about.formats);
  opening = new Opening(about, workspace, editing, go);
  listen();
  showAlbum(workspace);
  showSamples(about.samples, (sample) => opening.openSample(sample));
  if (about.photo && !location.hash) {
    const photo = await workspace.add(await server.describe(about.photo));
    history.replaceState(null, "", `#${photo.id.slice(0, 16)}`);
  }
  await follow();
}

start().catch(fail);
