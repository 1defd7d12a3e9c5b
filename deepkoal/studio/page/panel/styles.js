// Paintings whose manner the colored photo takes: those that came along, or a picture of one's own.

import { server } from "../server.js";

const $ = (id) => document.getElementById(id);
const [STRENGTH, SCOPE] = [0.7, "both"]; // as the command has it by default
const ABOUT = "The finished photo in the manner of a painting. Brushwork is painted anew for each photo, which takes up to a minute.";

// Another style, given as the former one was.
export function giveStyle(former, style) {
  const { name, file, sha256, picture, ...how } = former ?? {};
  return style && { scope: SCOPE, strength: STRENGTH, ...how, ...style };
}

// The style of a picture of one's own, as the command keeps it, and its thumbnail.
export const ofPicture = ({ id, name, picture }) => ({ file: name, sha256: id, picture });

export class Styles {
  // `change(part)` is called with the style that the user chose.
  constructor(styles, change) {
    this.styles = styles;
    this.options = null;
    const pick = (name) => change({ style: giveStyle(this.options.style, name && { name }) });
    $("styles").replaceChildren(makeTile(null, () => pick(null)), ...styles.map((style) => makeTile(style, () => pick(style.name))));
    for (const radio of this.#radios) {
      radio.addEventListener("change", () => change({ style: { ...this.options.style, scope: radio.value } }));
    }
    $("strength").addEventListener("input", () => showStrength(Number($("strength").value)));
    // Another strength is another painting: when the slider is let go.
    $("strength").addEventListener("change", () => change({ style: { ...this.options.style, strength: Number($("strength").value) } }));
  }

  get #radios() {
    return document.querySelectorAll("input[name=scope]");
  }

  update(options) {
    this.options = options;
    const { style } = options;
    for (const button of $("styles").children) button.setAttribute("aria-pressed", button.dataset.style === (style ? (style.name ?? null) : ""));
    const own = $("own-style-picture");
    own.hidden = !style?.picture;
    if (style?.picture) Object.assign(own, { src: style.picture, alt: style.file });
    $("own-style").textContent = style?.picture ? "Change…" : "Choose…";
    $("style-how").hidden = !style;
    $("style-facts").textContent = this.styles.find(({ name }) => name === style?.name)?.facts ?? ABOUT;
    for (const radio of this.#radios) radio.checked = radio.value === (style?.scope ?? SCOPE);
    showStrength(style?.strength ?? STRENGTH);
  }
}

function showStrength(value) {
  const text = `${Math.round(100 * value)} %`;
  $("strength").value = value;
  $("strength-value").value = text;
  $("strength").setAttribute("aria-valuetext", text);
}

function makeTile(style, choose) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "style";
  button.dataset.style = style?.name ?? "";
  if (style) {
    const picture = document.createElement("img");
    Object.assign(picture, { alt: "", loading: "lazy", src: server.style(style.name) });
    button.append(picture, style.title);
  } else {
    button.classList.add("plain");
    button.append("No style");
  }
  button.addEventListener("click", choose);
  return button;
}
