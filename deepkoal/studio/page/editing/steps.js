// What a step of the history changed, in a word or two: undo and redo say it before they are used.

import { UNTOUCHED } from "../panel/tone.js";

const $ = (id) => document.getElementById(id);

const NAMES = {
  vibrance: "vibrance", warmth: "warmth", saturation: "saturation", detail: "detail", cleanup: "blotches and casts",
  palette: "palette", reference: "reference photo", variation: "variation", style: "style",
};
const REPAIRS = { strength: "repair", denoise: "noise", tone: "faded tones", local_contrast: "local contrast", holes: "missing pieces" };
const KINDS = { point: "color", stroke: "stroke", region: "region" };

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

// The names, of those given, of what differs between two objects.
const listChanged = (names, one, other) => Object.entries(names).flatMap(([key, name]) => (isSame(one[key], other[key]) ? [] : [name]));

const withAll = (restoration) => ({ ...UNTOUCHED, holes: [], ...restoration });

function nameHints(before, after) {
  const [old, now] = [before, after].map((hints) => new Map(hints.map((hint) => [hint.id, hint])));
  const added = after.filter(({ id }) => !old.has(id));
  const removed = before.filter(({ id }) => !now.has(id));
  const changed = after.filter((hint) => old.has(hint.id) && !isSame(hint, old.get(hint.id)));
  if (added.length + removed.length + changed.length > 1) return after.length ? "several colors" : "all colors removed";
  if (added.length) return KINDS[added[0].kind];
  if (removed.length) return `${KINDS[removed[0].kind]} removed`;
  const [{ id, kind, color }] = changed;
  if (color !== old.get(id).color) return kind === "point" ? "another color" : `another color of the ${KINDS[kind]}`;
  return `${KINDS[kind]} moved`;
}

// From one step's options to the next one's.
export function nameStep(before, after) {
  if (before.rotation !== after.rotation) return "rotation";
  const names = [
    ...(isSame(before.hints, after.hints) ? [] : [nameHints(before.hints, after.hints)]),
    ...listChanged(NAMES, before, after),
    ...listChanged(REPAIRS, withAll(before.restoration), withAll(after.restoration)),
  ];
  return names.length > 2 ? "several settings" : names.join(" and ");
}

// What the two buttons would take back and bring again.
export function showSteps(history) {
  for (const [id, verb, keys, step, can] of [
    ["undo", "Undo", "Ctrl+Z", -1, history.canUndo],
    ["redo", "Redo", "Ctrl+Shift+Z", 1, history.canRedo],
  ]) {
    const says = [verb, can && history.name(step)].filter(Boolean).join(": ");
    $(id).disabled = !can;
    $(id).title = `${says} (${keys})`;
    $(id).setAttribute("aria-label", says);
  }
}
