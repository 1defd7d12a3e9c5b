// All open photos, colored each in its own way, as one ZIP file.

import { attempt, fail, notice, save, tell } from "../messages.js";
import { Failure, server } from "../server.js";
import { makeUnique, MOST_BYTES, zip } from "./zip.js";

const NAME = "colored photos.zip";

// `progress` is called with how many of the photos are done. One that fails is named and left out.
export async function downloadAll(photos, progress) {
  const [files, failures] = [[], []];
  let bytes = 0;
  for (const [index, photo] of photos.entries()) {
    progress(index);
    try {
      const file = await server.finish(photo.id, photo.history.options);
      bytes += file.blob.size + 2 * file.name.length + 200;
      if (bytes > MOST_BYTES) throw new Failure("The ZIP file would have more than 4 GB; download the last ones one by one.");
      files.push(file);
    } catch (error) {
      failures.push(`${photo.name}: ${error.message}`);
    }
  }
  progress(photos.length);
  if (files.length) {
    const names = makeUnique(files.map((file) => file.name));
    const blob = await attempt(() => zip(files.map((file, index) => ({ ...file, name: names[index] }))));
    if (blob) save({ name: NAME, blob });
  }
  if (failures.length) fail(new Failure(`Left out: ${failures.join(" ")}`));
  else notice(`${files.length} photos are downloaded.`);
  tell(`${files.length} of ${photos.length} photos are downloaded`);
}
