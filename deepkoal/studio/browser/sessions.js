// Sessions as files, written and read as the program does: deepkoal/inference/options_file/.

import { Failure } from "../asking.js";
import { rotateSize } from "../stage/rotating.js";

const ASPECT_TOLERANCE = 0.05; // part by which a rescan's aspect may differ
const ELSEWHERE = ["variation", "restoration", "style"]; // what this page has no part of

const isNumber = (value, low, high) => typeof value === "number" && value >= low && value <= high;
const isFile = (value) => typeof value?.file === "string" && typeof value.sha256 === "string";
const isColor = (value) => typeof value === "string" && /^(#[0-9a-f]{6}|grey|own)$/i.test(value);

export function writeSession({ id, name, width, height }, { hints, reference, vibrance, warmth, saturation, detail, cleanup, palette, rotation }, about) {
  const named = reference && { file: reference.name, sha256: reference.id };
  const content = {
    deepkoal: about.version,
    photo: { ...rotateSize({ width, height }, rotation), sha256: id },
    network: about.network,
    options: { vibrance, warmth, saturation, detail, cleanup, palette, reference: named, variation: null, ...(rotation && { rotation }) },
    hints,
  };
  const blob = new Blob([`${JSON.stringify(content, null, 1)}\n`], { type: "application/json" });
  return { name: `${name.replace(/\.[^.]*$/, "")}.deepkoal.json`, blob };
}

function parse(text, name) {
  try {
    const content = JSON.parse(text);
    if (typeof content.deepkoal === "string" && typeof content.options === "object" && Array.isArray(content.hints ?? [])) return content;
  } catch {
    // said below
  }
  throw new Failure(`${name}: this is no saved session, or it is damaged.`);
}

export function readSession(text, name) {
  return { photo: parse(text, name).photo ?? null };
}

// A session's options for a photo, as the page keeps them.
export function applySession(text, name, photo, about) {
  const { options: given, hints = [], photo: former } = parse(text, name);
  const refuse = (what) => {
    throw new Failure(`${name}: ${what}`);
  };
  const options = { vibrance: 1, warmth: 0, saturation: {}, detail: "auto", cleanup: true, palette: null, rotation: 0 };
  for (const key of Object.keys(options)) if (key in given) options[key] = given[key];
  const [low, high] = about.vibrance;
  const { sizes, hues, palettes } = about.model;
  if (!isNumber(options.vibrance, low, high)) refuse(`expected vibrance in ${low}…${high}.`);
  if (!isNumber(options.warmth, -1, 1)) refuse("expected warmth in −1…1.");
  if (![0, 90, 180, 270].includes(options.rotation)) refuse("expected rotation as 0, 90, 180 or 270 degrees.");
  if (typeof options.cleanup !== "boolean") refuse("expected cleanup as true or false.");
  if (options.detail !== "auto" && !isNumber(options.detail, Math.min(...sizes, 32), 1024)) refuse("expected detail as auto or a size in pixels.");
  if (!Object.entries(options.saturation).every(([hue, factor]) => hues.includes(hue) && isNumber(factor, 0, 3))) refuse("expected saturation as factors by hue.");
  if (options.palette !== null && !palettes.some((palette) => palette.name === options.palette)) refuse("its palette is not among those of this page.");
  const reference = given.reference ?? null;
  if (reference && ![reference].flat().every(isFile)) refuse("its reference photo is not named.");
  const lost = ELSEWHERE.filter((key) => given[key]);
  if (lost.length) refuse(`it has a ${lost.join(" and a ")}, which this page lacks. Open it in deepkoal studio.`);
  const size = rotateSize(photo, options.rotation);
  return { ...options, reference, variation: null, restoration: null, style: null, hints: hints.map((hint) => place(hint, former, size, refuse)) };
}

function place(hint, former, { width, height }, refuse) {
  const [before, after] = [hint.relative ? [1, 1] : former ? [former.width, former.height] : [width, height], [width, height]];
  const change = (width * before[1]) / (height * before[0]);
  if (!hint.relative && Math.abs(Math.log(change)) > Math.log(1 + ASPECT_TOLERANCE)) refuse("its colors were placed on a photo of another shape.");
  const move = (place) => {
    if (!Array.isArray(place) || place.length !== 2 || !place.every((at) => isNumber(at, 0, 1e6))) refuse("a color lies nowhere on the photo.");
    return place.map((at, axis) => Math.min((at * after[axis]) / before[axis], after[axis] * (1 - 2 ** -24)));
  };
  if (!isColor(hint.color)) refuse("a color is none.");
  const kind = ["stroke", "region"].find((each) => each in hint);
  if (!kind) {
    const [x, y] = move([hint.x, hint.y]);
    return { x, y, color: hint.color };
  }
  return { [kind]: hint[kind].map(move), color: hint.color };
}
