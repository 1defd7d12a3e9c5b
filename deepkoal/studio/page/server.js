// What the page asks of the server. A page without one has browser/server.js instead, which
// answers the same.

import { describeHint, Failure } from "./asking.js";

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error; // the user's own wish
    throw new Failure("The studio does not answer. It was ended, or is not started yet; what you did is kept.");
  }
  if (answer.ok) return answer;
  let said = {};
  try {
    said = await answer.json();
  } catch {
    // no words came along
  }
  throw new Failure(said.error ?? `The studio failed (${answer.status}).`, { gone: said.gone, status: answer.status });
}

const askJson = async (path, options) => (await ask(path, options)).json();

const asJson = (value) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(value),
});

const asFile = (file) => ({
  method: "POST",
  headers: { "content-type": "application/octet-stream" },
  body: file,
});

const asText = (body) => ({ method: "POST", headers: { "content-type": "text/plain" }, body });

// Options without what only the page needs.
const strip = ({ album = [], ...options }) => ({
  ...options,
  hints: options.hints.map(describeHint),
  reference: options.reference?.id ?? null,
  style: options.style && { ...options.style, picture: undefined },
  album: album.map((each) => ({ photo: each.photo, options: strip(each.options) })),
});

const named = (path, name) => `${path}?name=${encodeURIComponent(name || "pasted photo")}`;

export const server = {
  // Gives back what the server let go, see `Workspace`: called with what an answer missed.
  restore: null,
  progress: null, // a page without a server has it called while it loads

  about: () => askJson("/api/about"),
  describe: (id) => askJson(`/api/photos/${id}`),
  open: (file, name) => askJson(named("/api/photos", name), asFile(file)),
  openSample: (file) => askJson(`/api/samples/${file}`, { method: "POST" }),
  openReference: (file, name) => askJson(named("/api/references", name), asFile(file)),
  openStyle: (file, name) => askJson(named("/api/styles", name), asFile(file)),
  sample: (file) => `/api/samples/${file}`,
  source: async (id) => (await ask(`/api/photos/${id}/source`)).blob(),
  // The photo as it was opened, not rotated.
  before: (id) => of(id, async (path) => (await ask(`${path}/before`)).blob()),
  // Whether the picture is whole, or lacks a style's texture that is not painted yet, comes along.
  color: (id, options, isDraft = false) =>
    of(id, async (path) => {
      const answer = await ask(`${path}/${isDraft ? "draft" : "preview"}`, asJson(strip(options)));
      return { blob: await answer.blob(), isWhole: answer.headers.get("x-texture") !== "missing" };
    }, options),
  // Paint a style's texture; `progress` is called with each step.
  paint: (id, options, progress, signal) =>
    of(id, async (path) => {
      const answer = await ask(`${path}/texture`, { ...asJson(strip(options)), signal });
      for await (const line of readLines(answer)) {
        if (line.error) throw new Failure(line.error);
        if (line.done) return;
        progress(line);
      }
      throw new Failure("The studio stopped painting. It was ended, or failed; what it printed in its terminal says more.");
    }, options),
  style: (name) => `/api/styles/${name}`,
  window: (id, options, box, scale) =>
    of(id, (path) => askJson(`${path}/window`, asJson({ options: strip(options), box, scale })), options),
  thumbnails: (id, options, looks) =>
    of(id, (path) => askJson(`${path}/thumbnails`, asJson({ options: strip(options), looks })), options),
  doubt: (id, options) => of(id, (path) => askJson(`${path}/doubt`, asJson({ hints: strip(options).hints, rotation: options.rotation })), options),
  carries: (id, options) => of(id, (path) => askJson(`${path}/carries`, asJson(strip(options))), options),
  colors: (id, [x, y], rotation) => of(id, (path) => askJson(`${path}/colors?x=${x}&y=${y}&rotation=${rotation}`)),
  // Of each hint the nearest color that its place can show, null where that is the very color.
  nearest: (id, options) =>
    of(id, async (path) => (await askJson(`${path}/nearest`, asJson(strip(options)))).nearest, options),
  // Its file, as `choice` asks, {format, quality}; `lost` names what of the photo that does not keep.
  finish: (id, options, choice) =>
    of(id, async (path) => {
      const wanted = new URLSearchParams(Object.entries(choice).filter(([, value]) => value !== null));
      const answer = await ask(`${path}/file?${wanted}`, asJson(strip(options)));
      return { name: nameOf(answer), blob: await answer.blob(), lost: answer.headers.get("x-not-kept") };
    }, options),
  saveSession: (id, options) =>
    of(id, async (path) => {
      const body = { options: strip(options), reference: options.reference?.name ?? null };
      const answer = await ask(`${path}/session`, asJson(body));
      return { name: nameOf(answer), blob: await answer.blob() };
    }, options),
  readSession: (text, name) => askJson(named("/api/sessions", name), asText(text)),
  applySession: (id, text, name) => of(id, (path) => askJson(named(`${path}/session/apply`, name), asText(text))),
};

// The values of an answer that has one in JSON on each line, as they come.
async function* readLines(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

function nameOf(answer) {
  return decodeURIComponent(/filename\*=UTF-8''(\S+)/.exec(answer.headers.get("content-disposition"))[1]);
}

// Ask something of a photo. What the server let go meanwhile is given to it again, unseen.
async function of(id, work, options = null) {
  const path = `/api/photos/${id}`;
  try {
    return await work(path);
  } catch (failure) {
    if (!failure.gone || !server.restore || !(await server.restore(id, options))) throw failure;
    return work(path);
  }
}
