// What was done to a photo and not yet written to the database, kept where a page that goes can
// still write: local storage takes it before the call returns.

const name = (id) => `deepkoal-draft-${id}`;

export const drafts = {
  get: (id) => JSON.parse(localStorage.getItem(name(id))),
  remove: (id) => localStorage.removeItem(name(id)),
  put(id, { steps, at }) {
    try {
      localStorage.setItem(name(id), JSON.stringify({ steps, at }));
    } catch {
      // It is full: the database may still be quick enough.
    }
  },
};
