// What can be done to a photo: the options of one that is untouched.

export const PLAIN = {
  hints: [], vibrance: 1, warmth: 0, saturation: {}, detail: "auto", cleanup: true, palette: null, reference: null, variation: null,
  restoration: null, style: null, rotation: 0,
};

// Whether a photo is as it was but for its rotation, which is no look.
export const isPlain = (options) =>
  Object.keys(PLAIN).every((key) => key === "rotation" || JSON.stringify(options[key]) === JSON.stringify(PLAIN[key]));
