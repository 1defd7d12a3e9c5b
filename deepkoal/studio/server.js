// What the page asks of the server, and in which order answers count.

export class Failure extends Error {}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Failure("The studio does not answer. Does it still run in its terminal?");
  }
  if (answer.ok) return answer;
  let message;
  try {
    message = (await answer.json()).error;
  } catch {
    message = `The studio answered ${answer.status}.`;
  }
  throw new Failure(message);
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

// Options without what only the page needs.
const strip = (options) => ({
  hints: options.hints.map(({ x, y, color }) => ({ x, y, color })),
  vibrance: options.vibrance,
  palette: options.palette,
  reference: options.reference?.id ?? null,
  variation: options.variation,
});

const named = (path, file) => `${path}?name=${encodeURIComponent(file.name || "pasted photo")}`;

export const server = {
  about: () => askJson("/api/about"),
  describe: (id) => askJson(`/api/photos/${id}`),
  open: (file) => askJson(named("/api/photos", file), asFile(file)),
  openSample: (file) => askJson(`/api/samples/${file}`, { method: "POST" }),
  openReference: (file) => askJson(named("/api/references", file), asFile(file)),
  before: async (id) => (await ask(`/api/photos/${id}/before`)).blob(),
  sample: (file) => `/api/samples/${file}`,
  color: async (id, options) => (await ask(`/api/photos/${id}/preview`, asJson(strip(options)))).blob(),
  thumbnails: (id, options, variations) =>
    askJson(`/api/photos/${id}/thumbnails`, asJson({ options: strip(options), variations })),
  doubt: (id, options) =>
    askJson(`/api/photos/${id}/doubt`, asJson({ hints: strip(options).hints })),
  colors: (id, x, y) => askJson(`/api/photos/${id}/colors?x=${x}&y=${y}`),
  finish: async (id, options) => {
    const answer = await ask(`/api/photos/${id}/file`, asJson(strip(options)));
    const name = /filename\*=UTF-8''(\S+)/.exec(answer.headers.get("content-disposition"))[1];
    return { name: decodeURIComponent(name), blob: await answer.blob() };
  },
};

// Run `work` with the newest arguments, once at a time: what came between is never asked for, so
// that dragging feels live however long an answer takes.
export function keepNewest(work) {
  let running = false;
  let next = null;
  return async (...given) => {
    next = given;
    if (running) return;
    running = true;
    try {
      while (next) {
        const now = next;
        next = null;
        await work(...now);
      }
    } finally {
      running = false;
    }
  };
}
