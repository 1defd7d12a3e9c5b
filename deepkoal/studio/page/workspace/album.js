// An album: photos that take colors of one another.

import { attempt, notice } from "../messages.js";
import { server } from "../server.js";

const $ = (id) => document.getElementById(id);

// Let the photos take colors of one another, or no more; `changed` is called in between.
export async function toggleAlbum(editing, workspace, changed) {
  workspace.isAlbum = !workspace.isAlbum;
  showAlbum(workspace);
  changed();
  if (!workspace.isAlbum) return notice("Each photo has its own colors again.");
  const { photo, options } = editing;
  const answer = await attempt(() => server.carries(photo.id, workspace.withAlbum(photo, options)));
  if (!answer) return undefined;
  const from = new Set(answer.carries.filter((carry) => carry.taken).map((carry) => carry.source));
  return notice(
    from.size
      ? `${photo.name} takes colors of ${[...from].join(", ")}. Colors given to one photo now go to like things in all.`
      : "Colors given to one photo now go to like things in all. Nothing in this one is alike so far.",
  );
}

export function showAlbum(workspace) {
  $("album").setAttribute("aria-pressed", workspace.isAlbum);
}
