// The looks beside the photo: variations, tone, reference photo, palettes and styles.

import { Styles } from "./styles.js";
import { Tabs } from "./tabs.js";
import { Tone } from "./tone.js";
import { Variations } from "./variations.js";

const $ = (id) => document.getElementById(id);

function makePalette(palette, title, choose) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "palette";
  button.dataset.palette = palette?.name ?? "";
  if (palette) button.title = palette.summary;
  const strip = document.createElement("span");
  strip.className = "strip";
  for (const color of palette?.colors ?? []) {
    const part = document.createElement("i");
    part.style.setProperty("--color", color);
    strip.append(part);
  }
  button.append(strip, title);
  button.addEventListener("click", choose);
  return button;
}

export class Panel {
  // `change(part, kind)` is called with the options that the user changed, `peek(part)` with what
  // is to be shown meanwhile, null for nothing.
  constructor(about, change, peek) {
    this.about = about;
    this.variations = new Variations(about.variations, {
      pick: (variation) => change({ variation }),
      peek,
    });
    this.tabs = new Tabs(document.querySelector(".tabs"));
    if (!about.distribution) $("tab-variations").hidden = $("palettes-part").hidden = true;
    if ($("tab-variations").hidden) this.tabs.pick($("tab-tone"));
    this.tone = new Tone(about, change);
    this.styles = new Styles(about.styles, change);
    const palettes = [[null, "As it is"], ...about.palettes.map((each) => [each, each.title])];
    $("palettes").replaceChildren(
      ...palettes.map(([palette, title]) =>
        makePalette(palette, title, () => change({ palette: palette?.name ?? null })),
      ),
    );
    $("reference-remove").addEventListener("click", () => {
      change({ reference: null });
      $("reference").focus();
    });
  }

  open(photo) {
    this.variations.open(photo);
  }

  update(options) {
    this.variations.update(options);
    for (const button of $("palettes").children) {
      button.setAttribute("aria-pressed", button.dataset.palette === (options.palette ?? ""));
    }
    this.tone.update(options);
    this.styles.update(options);
    $("reference-picture").hidden = $("reference-remove").hidden = !options.reference;
    $("reference").textContent = options.reference ? "Change…" : "Choose…";
    if (options.reference) {
      $("reference-picture").src = options.reference.picture;
      $("reference-picture").alt = options.reference.name;
    }
  }
}
