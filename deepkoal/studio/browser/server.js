// What the page asks of its server, in a page that has none: a worker colors, on this device.

import { describeHint, Failure } from "./asking.js";
import { applySession, readSession, writeSession } from "./browser/sessions.js";

const waiting = new Map(); // what is to be done with each answer
let count = 0;
let worker = null;
let about = null;
let loading = null;
let isKept = false; // whether the page was asked to open without a network, too
let shown = 0; // the share of the network that was said to be here

// In large steps: they are read out, too.
function showProgress(share) {
  if (share < 1 && share < shown + 0.1) return;
  shown = share;
  server.progress?.(share);
}

function start() {
  worker = new Worker(new URL("./browser/worker.js", import.meta.url), { type: "module" });
  worker.addEventListener("message", ({ data: { number, value, error, gone, share } }) => {
    if (share !== undefined) return showProgress(share);
    const { resolve, reject } = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) return resolve(value);
    return reject(new Failure(error, { gone }));
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    for (const { reject } of waiting.values()) reject(new Failure("This browser cannot run the page's worker; use a newer one."));
    waiting.clear();
    worker = null;
    loading = null;
  });
}

function call(name, ...given) {
  if (!worker) start();
  count += 1;
  const number = count;
  return new Promise((resolve, reject) => {
    waiting.set(number, { resolve, reject });
    worker.postMessage({ number, name, given });
  });
}

// From the first photo on, as the files that weigh most were loaded for it.
function keepForOffline() {
  if (isKept || !navigator.serviceWorker) return;
  isKept = true;
  const script = new URL(`./offline.js?build=${about.build}`, import.meta.url);
  navigator.serviceWorker.register(script).catch(() => {}); // a browser that forbids it does without
}

// After the network is there; a load that failed is tried again.
async function ask(name, ...given) {
  loading ??= call("load", about.model);
  try {
    await loading;
  } catch (error) {
    loading = null;
    throw error;
  }
  keepForOffline();
  return call(name, ...given);
}

// Ask something of a photo. What was let go meanwhile is given again, unseen: it, and what its
// options name.
async function of(id, name, given = [], options = null) {
  try {
    return await ask(name, id, ...given);
  } catch (failure) {
    if (!failure.gone || !server.restore || !(await server.restore(id, options))) throw failure;
    return ask(name, id, ...given);
  }
}

// Options without what only the page needs, or has no part here.
const strip = ({ hints, vibrance, warmth, saturation, detail, cleanup, palette, reference, rotation }) => ({
  hints: hints.map(({ kind, points, color }) => ({ kind, points, color })),
  vibrance, warmth, saturation, detail, cleanup, palette, reference: reference?.id ?? null, rotation,
});

export const server = {
  restore: null,
  progress: null, // called with the share of the network that is here

  about: async () => {
    const answer = await fetch(new URL("./site.json", import.meta.url)).catch(() => null);
    if (!answer?.ok) throw new Failure("A part of this page is missing (site.json). Is its folder whole, and served over http?");
    about = await answer.json();
    ask("load", about.model).catch(() => {}); // said again when something is asked for
    return about;
  },
  open: (file, name) => ask("open", file, name || "pasted photo"),
  openReference: (file, name) => ask("openReference", file, name || "photo"),
  before: (id) => of(id, "before"),
  color: async (id, options, isDraft = false) => ({ blob: await of(id, "color", [strip(options), isDraft], options), isWhole: true }),
  window: (id, options, box, scale) => of(id, "window", [strip(options), box, scale], options),
  thumbnails: (id, options, looks) => of(id, "thumbnails", [strip(options), looks], options),
  colors: (id, place, rotation) => of(id, "colors", [place, rotation]),
  nearest: (id, { hints, rotation }) => of(id, "nearest", [hints.map(({ points, color }) => ({ points, color })), rotation]),
  finish: (id, options, choice) => of(id, "finish", [strip(options), choice], options),
  saveSession: async (id, options, photo) => writeSession(photo, { ...options, hints: options.hints.map(describeHint) }, about),
  readSession: async (text, name) => readSession(text, name),
  applySession: async (id, text, name, photo) => applySession(text, name, photo, about),
};
