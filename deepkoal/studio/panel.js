// The looks beside the photo: variations, vibrance, reference photo and palettes.

const $ = (id) => document.getElementById(id);
const [NARROWEST, WIDEST] = [0.7, 1.6]; // width over height of a thumbnail

const same = (one, other) => one?.seed === other?.seed && one?.index === other?.index;

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
  // `change(part, kind)` is called with the options that the user changed.
  constructor(about, change) {
    this.about = about;
    this.change = change;
    this.seed = 0;
    this.row = [];
    $("variations-part").hidden = $("palettes-part").hidden = !about.distribution;
    const palettes = [[null, "As it is"], ...about.palettes.map((each) => [each, each.title])];
    $("palettes").replaceChildren(
      ...palettes.map(([palette, title]) =>
        makePalette(palette, title, () => change({ palette: palette?.name ?? null })),
      ),
    );
    $("vibrance").addEventListener("input", () =>
      change({ vibrance: Number($("vibrance").value) }, "vibrance"),
    );
    $("reference-remove").addEventListener("click", () => {
      change({ reference: null });
      $("reference").focus();
    });
  }

  // Make room for another photo.
  open(photo) {
    this.seed = 0;
    const shape = Math.min(Math.max(photo.width / photo.height, NARROWEST), WIDEST);
    $("variations").style.setProperty("--shape", shape);
    $("variations").replaceChildren();
  }

  // Which variations the row shows: the automatic colors, the one picked, and others.
  listVariations(options) {
    const count = this.about.variations - 1;
    const others = Array.from({ length: count }, (_, index) => ({ seed: this.seed, index: index + 1 }));
    const picked = options.variation;
    const isThere = picked === null || others.some((each) => same(each, picked));
    this.row = isThere ? [null, ...others] : [null, picked, ...others.slice(0, -1)];
    return this.row;
  }

  showVariations(pictures, options) {
    const old = [...$("variations").children];
    const buttons = pictures.map((picture, index) => {
      const button = old[index] ?? document.createElement("button");
      if (!old[index]) {
        button.type = "button";
        button.className = "variation";
        button.append(document.createElement("img"));
        button.firstChild.alt = "";
        button.addEventListener("click", () => this.change({ variation: this.row[index] }));
        button.setAttribute("aria-label", index ? `Variation ${index}` : "Automatic colors");
        button.title = index ? `Variation ${index}` : "Automatic";
      }
      button.firstChild.src = picture;
      return button;
    });
    $("variations").replaceChildren(...buttons);
    this.update(options);
  }

  update(options) {
    [...$("variations").children].forEach((button, index) =>
      button.setAttribute("aria-pressed", same(this.row[index] ?? null, options.variation)),
    );
    for (const button of $("palettes").children) {
      button.setAttribute("aria-pressed", button.dataset.palette === (options.palette ?? ""));
    }
    $("vibrance").value = options.vibrance;
    $("vibrance-value").value = options.vibrance.toFixed(2);
    $("vibrance").setAttribute("aria-valuetext", options.vibrance.toFixed(2));
    $("reference-picture").hidden = $("reference-remove").hidden = !options.reference;
    $("reference").textContent = options.reference ? "Change…" : "Choose…";
    if (options.reference) {
      $("reference-picture").src = options.reference.picture;
      $("reference-picture").alt = options.reference.name;
    }
  }
}
