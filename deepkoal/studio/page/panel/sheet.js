// All strengths of detail and vibrance side by side, to choose among by eye.

const $ = (id) => document.getElementById(id);
export const VIBRANCES = [0.6, 0.8, 1, 1.3, 1.7];

export class Sheet {
  // `draw(looks)` promises pictures of options; `pick` takes the look that was chosen.
  constructor(details, draw, pick) {
    this.details = ["auto", ...details];
    this.draw = draw;
    this.pick = pick;
    $("sheet-close").addEventListener("click", () => $("sheet").close());
    $("sheet").addEventListener("click", (event) => event.target === $("sheet") && $("sheet").close());
  }

  async open(photo, options) {
    $("sheet-tiles").style.setProperty("--columns", VIBRANCES.length);
    $("sheet-tiles").style.setProperty("--shape", photo.width / photo.height);
    const looks = this.details.flatMap((detail) => VIBRANCES.map((vibrance) => ({ detail, vibrance })));
    const tiles = looks.map((look) => this.#makeTile(look, options));
    $("sheet-tiles").replaceChildren(...tiles);
    $("sheet").showModal();
    for (let row = 0; row < this.details.length && $("sheet").open; row += 1) {
      const from = row * VIBRANCES.length;
      const pictures = await this.draw(looks.slice(from, from + VIBRANCES.length));
      if (!pictures) return $("sheet").close();
      pictures.forEach((picture, column) => (tiles[from + column].firstChild.src = picture));
    }
    return undefined;
  }

  #makeTile(look, options) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "tile";
    const image = document.createElement("img");
    image.alt = "";
    const detail = look.detail === "auto" ? "automatic" : look.detail;
    button.append(image, `${detail} · ${look.vibrance.toFixed(2)}`);
    button.setAttribute("aria-label", `Detail ${detail}, vibrance ${look.vibrance.toFixed(2)}`);
    button.setAttribute("aria-pressed", look.detail === options.detail && look.vibrance === options.vibrance);
    button.addEventListener("click", () => {
      $("sheet").close();
      this.pick(look);
    });
    return button;
  }
}
