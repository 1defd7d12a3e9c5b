// The browser's own store, in which photos and what was done to them outlive the page. Where a
// browser has none, as in some private windows, they last as long as the page does.

const NAME = "deepkoal-studio";
const KINDS = ["photos", "references"];

const finished = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = request.onabort = () => reject(request.error);
  });

export class Database {
  static async open() {
    const opened = new Database();
    try {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        for (const kind of KINDS) request.result.createObjectStore(kind, { keyPath: "id" });
      };
      opened.store = await finished(request);
      opened.store.onversionchange = () => opened.store.close();
    } catch {
      opened.store = null;
    }
    return opened;
  }

  // Whether something was put that only lasts as long as the page.
  isShortLived = false;

  async list(kind) {
    return this.store ? finished(this.#begin(kind, "readonly").getAll()) : [];
  }

  async put(kind, item) {
    try {
      if (!this.store) throw new Error("no store");
      await finished(this.#begin(kind, "readwrite").put(item));
    } catch {
      this.isShortLived = true;
    }
  }

  async remove(kind, id) {
    if (this.store) await finished(this.#begin(kind, "readwrite").delete(id));
  }

  #begin(kind, mode) {
    return this.store.transaction(kind, mode).objectStore(kind);
  }
}
