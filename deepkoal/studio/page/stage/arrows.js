// Arrow keys.

const STEP = 0.01; // of a side
const FAR = 5; // times as far with Shift

// The direction of an arrow key, as a share of the sides; null for any other key.
export function readArrow(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const step = STEP * (event.shiftKey ? FAR : 1);
  const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  return steps[event.key] ?? null;
}
