// The looks beside the photo: variations, tone, reference photo and palettes.

import { Tabs } from "./tabs.js";
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

// What the two boxes ask for, in the form of an options file; null for nothing.
function readRestoration() {
  const [repair, tone] = [$("repair").checked, $("tone").checked];
  return repair || tone ? { strength: repair ? 1 : 0, tone: tone ? "auto" : "off" } : null;
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
    if (!about.distribution) {
      $("tab-variations").hidden = $("palettes-part").hidden = true;
      this.tabs.pick($("tab-tone"));
    }
    this.details = ["auto", ...about.details];
    $("detail").max = this.details.length - 1;
    const palettes = [[null, "As it is"], ...about.palettes.map((each) => [each, each.title])];
    $("palettes").replaceChildren(
      ...palettes.map(([palette, title]) =>
        makePalette(palette, title, () => change({ palette: palette?.name ?? null })),
      ),
    );
    $("vibrance").addEventListener("input", () => change({ vibrance: Number($("vibrance").value) }, "vibrance"));
    $("detail").addEventListener("input", () => change({ detail: this.details[$("detail").value] }, "detail"));
    $("cleanup").addEventListener("change", () => change({ cleanup: $("cleanup").checked }));
    for (const id of ["repair", "tone"]) $(id).addEventListener("change", () => change({ restoration: readRestoration() }));
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
    $("vibrance").value = options.vibrance;
    $("vibrance-value").value = options.vibrance.toFixed(2);
    $("vibrance").setAttribute("aria-valuetext", options.vibrance.toFixed(2));
    const detail = this.details.indexOf(options.detail);
    $("detail").value = Math.max(0, detail);
    $("detail-value").value = options.detail === "auto" ? "automatic" : `${options.detail} pixels`;
    $("detail").setAttribute("aria-valuetext", $("detail-value").value);
    $("cleanup").checked = options.cleanup;
    $("repair").checked = options.restoration?.strength > 0;
    $("tone").checked = options.restoration?.tone === "auto";
    $("reference-picture").hidden = $("reference-remove").hidden = !options.reference;
    $("reference").textContent = options.reference ? "Change…" : "Choose…";
    if (options.reference) {
      $("reference-picture").src = options.reference.picture;
      $("reference-picture").alt = options.reference.name;
    }
  }
}
