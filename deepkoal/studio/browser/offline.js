// Opens the page without a network: a service worker that keeps all of the page's files, and gives
// them where the network does not. Lies beside index.html, as it answers for what lies beside it.

const PREFIX = "deepkoal-";
const NAME = PREFIX + new URL(location.href).searchParams.get("build"); // another one for each export

self.addEventListener("install", (event) => event.waitUntil(keepAll()));
self.addEventListener("activate", (event) => event.waitUntil(forgetOthers()));
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method === "GET" && url.startsWith(self.registration.scope)) event.respondWith(answer(event.request));
});

// All or none of them: files of two exports do not fit together.
async function keepAll() {
  const { files } = await (await fetch("site.json", { cache: "no-cache" })).json();
  const cache = await caches.open(NAME);
  await cache.addAll(files.map((file) => new Request(file, { cache: "no-cache" })));
}

async function forgetOthers() {
  const names = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(names.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// The network first, so that a newer page is seen at once.
async function answer(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await (await caches.open(NAME)).match(request);
    if (!kept) throw error;
    return kept;
  }
}
