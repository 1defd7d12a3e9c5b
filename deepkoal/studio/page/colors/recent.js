// The colors chosen lately, of all photos.

const KEY = "deepkoal-recent-colors";
const MOST = 8;

export function listRecent() {
  try {
    const colors = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return colors.filter((color) => /^#[0-9a-f]{6}$/.test(color)).slice(0, MOST);
  } catch {
    return []; // a browser that keeps nothing, or something else under this name
  }
}

export function addRecent(color) {
  if (!color.startsWith("#")) return;
  try {
    localStorage.setItem(KEY, JSON.stringify([color, ...listRecent().filter((each) => each !== color)].slice(0, MOST)));
  } catch {
    // then there are no recent ones
  }
}
