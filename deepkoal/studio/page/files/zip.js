// A ZIP file of files that are compressed already: stored as they are (PKWARE's APPNOTE 6.3.10).

const FOLDER = 0x02014b50;
const END = 0x06054b50;
const FILE = 0x04034b50;
const VERSION = 20;
const UTF8 = 0x0800;
export const MOST_BYTES = 0xffffffff; // more would take another form, ZIP64

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function crc32(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

// Little-endian numbers, [value, bytes] each.
function pack(...numbers) {
  const view = new DataView(new ArrayBuffer(numbers.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of numbers) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return view.buffer;
}

// Names of which no two are the same: "a.jpg", "a (2).jpg".
export function makeUnique(names) {
  const taken = new Set();
  return names.map((name) => {
    const [, stem, suffix] = /^(.*?)(\.[^.]*)?$/s.exec(name);
    let unique = name;
    for (let count = 2; taken.has(unique.toLowerCase()); count += 1) unique = `${stem} (${count})${suffix ?? ""}`;
    taken.add(unique.toLowerCase());
    return unique;
  });
}

// `files` are {name, blob}, named differently; the result is a blob.
export async function zip(files, now = new Date()) {
  const time = (now.getHours() << 11) | (now.getMinutes() << 5) | (now.getSeconds() >> 1);
  const date = ((now.getFullYear() - 1980) << 9) | ((now.getMonth() + 1) << 5) | now.getDate();
  const [parts, folder] = [[], []];
  let offset = 0;
  for (const { name, blob } of files) {
    const encoded = new TextEncoder().encode(name);
    const crc = crc32(new Uint8Array(await blob.arrayBuffer()));
    const same = [[VERSION, 2], [UTF8, 2], [0, 2], [time, 2], [date, 2], [crc, 4], [blob.size, 4], [blob.size, 4], [encoded.length, 2], [0, 2]];
    parts.push(pack([FILE, 4], ...same), encoded, blob);
    folder.push(pack([FOLDER, 4], [VERSION, 2], ...same, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]), encoded);
    offset += 30 + encoded.length + blob.size;
  }
  const size = folder.reduce((sum, part) => sum + part.byteLength, 0);
  const end = pack([END, 4], [0, 2], [0, 2], [files.length, 2], [files.length, 2], [size, 4], [offset, 4], [0, 2]);
  return new Blob([...parts, ...folder, end], { type: "application/zip" });
}
