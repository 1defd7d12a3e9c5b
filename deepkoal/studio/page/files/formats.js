// What downloads are written as: chosen once, and kept for those that follow.

const $ = (id) => document.getElementById(id);
const KEY = "deepkoal-download-format";
const USUAL = 95; // quality, as the command has it by default
const OWN = "That of the photo's file, at its quality. What is not written so, as GIF, becomes PNG.";

const titleOf = (name) => (name === "WEBP" ? "WebP" : name);

export class Formats {
  // `formats` are those that are offered beside the photo's own.
  constructor(formats) {
    this.formats = formats;
    this.size = null; // of the photo that a download would be of
    this.choice = this.#read();
    $("format").replaceChildren(new Option("As it was opened", ""), ...formats.map(({ name }) => new Option(titleOf(name), name)));
    $("format").addEventListener("change", () => this.#choose({ ...this.choice, format: $("format").value || null }));
    $("quality").addEventListener("input", () => this.#choose({ ...this.choice, quality: Number($("quality").value) }));
    $("download-as").addEventListener("click", () => $("formats").showModal());
    $("formats-close").addEventListener("click", () => $("formats").close());
    $("formats").addEventListener("click", (event) => event.target === $("formats") && $("formats").close());
    $("formats-download").addEventListener("click", () => {
      $("formats").close();
      $("download").click();
    });
    this.#show();
  }

  // What the server is asked for: {format, quality}, each null for the photo's own.
  get asked() {
    const format = this.#find();
    return { format: format?.name ?? null, quality: format?.lossy ? this.choice.quality : null };
  }

  // Say what a download would be: of a photo of that width and height.
  describe({ width, height }) {
    this.size = { width, height };
    const { format, quality } = this.asked;
    const as = format ? `, as ${titleOf(format)}${quality ? ` of quality ${quality}` : ""}` : "";
    $("download").title = `Download at full size: ${width} × ${height} pixels${as}`;
  }

  #find() {
    return this.formats.find(({ name }) => name === this.choice.format);
  }

  #choose(choice) {
    this.choice = choice;
    this.#show();
    try {
      localStorage.setItem(KEY, JSON.stringify(choice));
    } catch {
      // it holds as long as the page
    }
  }

  #show() {
    const format = this.#find();
    const { quality } = this.choice;
    $("format").value = format?.name ?? "";
    $("format-facts").textContent = format?.summary ?? OWN;
    $("quality-part").hidden = !format?.lossy;
    $("quality").value = quality;
    $("quality-value").value = quality;
    if (this.size) this.describe(this.size);
  }

  #read() {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(KEY));
    } catch {
      // a browser that keeps nothing, or something else under this name
    }
    const { format = null, quality } = kept ?? {};
    return { format, quality: Number.isInteger(quality) && quality >= 1 && quality <= 100 ? quality : USUAL };
  }
}
