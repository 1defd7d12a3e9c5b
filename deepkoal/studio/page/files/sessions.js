// Sessions as files: everything that was done to a photo, in the form of the command's options.

import { attempt, fail, notice, question, save } from "../messages.js";
import { Failure } from "../asking.js";
import { PLAIN } from "../editing/options.js";
import { ofPicture } from "../panel/styles.js";
import { server } from "../server.js";

const MOST_BYTES = 10e6;

export const isSession = (file) => file.type === "application/json" || /\.json$/i.test(file.name);

export async function saveSession(photo, options) {
  const file = await attempt(() => server.saveSession(photo.id, options, photo));
  if (!file) return;
  save(file);
  notice(`${file.name} is saved.`);
}

const toHint = (entry, index) => {
  const kind = ["stroke", "region"].find((each) => each in entry) ?? "point";
  return { id: index + 1, kind, points: entry[kind] ?? [[entry.x, entry.y]], color: entry.color };
};

// Read a session and decide which photo it goes on: the one it was made on, if it is here, or the
// one that is open. The result is the photo and its options, null where there are none.
export async function readSession(file, workspace, current) {
  if (file.size > MOST_BYTES) {
    fail(new Failure(`${file.name} is too large for a session.`));
    return null;
  }
  const text = await file.text();
  const session = await attempt(() => server.readSession(text, file.name));
  if (!session) return null;
  const own = session.photo && workspace.photos.get(session.photo.sha256);
  const photo = own || current;
  if (!photo) {
    fail(new Failure(`Open the photo first that ${file.name} was made on, then ${file.name} again.`));
    return null;
  }
  if (session.photo && !own && !(await askWhether(photo, file))) return null;
  const options = await attempt(() => server.applySession(photo.id, text, file.name, photo));
  if (!options) return null;
  const [reference, ofReference] = findReference(options.reference, workspace);
  const [style, ofStyle] = findStyle(options.style, workspace);
  const notes = [ofReference, ofStyle].filter(Boolean);
  if (notes.length) notice(notes.join(" "));
  return { photo, options: { ...PLAIN, ...options, hints: options.hints.map(toHint), reference, style } };
}

const askWhether = (photo, file) =>
  question(`${file.name} was made on another photo, which is not open. Color ${photo.name} in its way?`, [
    ["Color it so", true],
    ["Leave it", false],
  ]);

// The reference photo, or the first of several that is here, and what is to be said of it.
function findReference(wanted, workspace) {
  const files = wanted ? [wanted].flat() : [];
  if (!files.length) return [null, ""];
  const known = files.map((file) => workspace.references.get(file.sha256)).find(Boolean);
  if (!known) return [null, `Its reference photo, ${files[0].file}, is not here. Choose it under Palette.`];
  const others = files.length > 1 ? `Of its ${files.length} reference photos the studio takes one, ${known.name}.` : "";
  return [{ id: known.id, name: known.name, picture: known.picture }, others];
}

// The style, if it came along or its picture is here, and what is to be said of it.
function findStyle(wanted, workspace) {
  if (!wanted) return [null, ""];
  const { name, file, sha256, ...how } = wanted;
  if (name) return [{ name, ...how }, ""];
  const known = workspace.references.get(sha256);
  if (!known) return [null, `Its style is a picture, ${file}, which is not here. Choose it under Style.`];
  return [{ ...ofPicture(known), ...how }, ""];
}
