// What can be done to a photo: the options of one that is untouched.

export const PLAIN = {
  hints: [], vibrance: 1, warmth: 0, saturation: {}, detail: "auto", cleanup: true, palette: null, reference: null, variation: null,
  restoration: null, style: null,
};

export const isPlain = (options) => Object.keys(PLAIN).every((key) => JSON.stringify(options[key]) === JSON.stringify(PLAIN[key]));
