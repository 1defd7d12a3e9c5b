// Results: the photo's file, or those of all open photos as one ZIP file.

import { attempt, fail, formatSize, notice, save } from "../messages.js";
import { Failure } from "../asking.js";
import { server } from "../server.js";
import { makeUnique, MOST_BYTES, zip } from "./zip.js";

const $ = (id) => document.getElementById(id);
const NAME = "colored photos.zip";

// `choice` is what files are written as, see `Formats`.
export async function download({ photo, options, size }, workspace, painting, choice) {
  $("download").disabled = true;
  const all = workspace.withAlbum(photo, options);
  const meanwhile = `Coloring at full size: ${size.width} × ${size.height} pixels`;
  const result = (await painting.finish(photo, all)) && (await attempt(() => server.finish(photo.id, all, choice), meanwhile));
  $("download").disabled = false;
  if (!result) return;
  save(result);
  const lost = result.lost ? ` This format does not keep its ${nameLost(result.lost)}.` : "";
  notice(`${result.name} is downloaded: ${formatSize(result.blob.size)}.${lost}`);
}

const nameLost = (lost) => lost.replace("alpha", "transparency");

// Each photo colored in its own way. One that fails is named and left out.
export async function downloadAll(workspace, painting, choice) {
  const label = $("all").querySelector("span");
  $("all").disabled = true;
  const { files, failures } = await finishAll(workspace, painting, choice, (text) => (label.textContent = text));
  if (files.length) {
    const names = makeUnique(files.map((file) => file.name));
    const blob = await attempt(() => zip(files.map((file, index) => ({ ...file, name: names[index] }))));
    if (blob) {
      save({ name: NAME, blob });
      notice(`${NAME} is downloaded: ${files.length} photos, ${formatSize(blob.size)}.`);
    }
  }
  label.textContent = "Download all";
  $("all").disabled = false;
  if (failures.length) fail(new Failure(`Left out: ${failures.join(" ")}`));
}

async function finishAll(workspace, painting, choice, progress) {
  const photos = workspace.list;
  const [files, failures] = [[], []];
  let bytes = 0;
  for (const [index, photo] of photos.entries()) {
    progress(`${index} of ${photos.length}`);
    try {
      const all = workspace.withAlbum(photo, photo.history.options);
      if (!(await painting.finish(photo, all))) throw new Failure("its style was not painted.");
      const file = await server.finish(photo.id, all, choice);
      bytes += file.blob.size + 6 * file.name.length + 200; // with its entries in the ZIP file
      if (bytes > MOST_BYTES) throw new Failure("The ZIP file would have more than 4 GB; download the last ones one by one.");
      files.push(file);
    } catch (error) {
      failures.push(`${photo.name}: ${error.message}`);
    }
  }
  return { files, failures };
}
