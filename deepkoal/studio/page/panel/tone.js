// Levers on colors and light, and at which size the network sees the photo.

const $ = (id) => document.getElementById(id);

export const UNTOUCHED = { strength: 0, denoise: 0, tone: "off", local_contrast: 0 };
const MOST = 3; // times a hue's saturation
const COLORS = { red: "#d4413a", yellow: "#c9a227", green: "#4f9a3c", cyan: "#2f9fa8", blue: "#3b6fd1", magenta: "#b83f98" };

const asTimes = (value) => `${Math.round(100 * value)} %`;
const asSigned = (value) => (value ? `${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}` : "0");

function set(id, value, text) {
  $(id).value = value;
  $(`${id}-value`).value = text;
  $(id).setAttribute("aria-valuetext", text);
}

// Restoration with a part of it changed; null where nothing is asked any more. What a session asks
// for beyond the levers that are here stays as it is.
export function repairWith(restoration, part) {
  const asked = { ...UNTOUCHED, ...restoration, ...part };
  if (!asked.holes?.length) delete asked.holes;
  return "holes" in asked || Object.keys(UNTOUCHED).some((name) => asked[name] !== UNTOUCHED[name]) ? asked : null;
}

export class Tone {
  // `change(part, kind)` is called with the options that the user changed.
  constructor(about, change) {
    this.change = change;
    this.hues = about.hues;
    this.details = ["auto", ...about.details];
    this.options = null;
    $("detail").max = this.details.length - 1;
    $("hues").replaceChildren(...this.hues.map((hue) => this.#makeHue(hue)));
    const inputs = {
      vibrance: (value) => ({ vibrance: value }),
      warmth: (value) => ({ warmth: value }),
      detail: (value) => ({ detail: this.details[value] }),
    };
    for (const [id, read] of Object.entries(inputs)) $(id).addEventListener("input", () => change(read(Number($(id).value)), id));
    $("saturation").addEventListener("input", () => this.#scaleAll(Number($("saturation").value)));
    // The photo is seen anew under other lightness: when the slider is let go.
    $("contrast").addEventListener("input", () => set("contrast", $("contrast").value, asTimes($("contrast").value)));
    $("contrast").addEventListener("change", () => this.#restore({ local_contrast: Number($("contrast").value) }));
    $("cleanup").addEventListener("change", () => change({ cleanup: $("cleanup").checked }));
    $("repair").addEventListener("change", () => this.#restore({ strength: $("repair").checked ? 1 : 0 }));
    $("denoise").addEventListener("change", () => this.#restore({ denoise: $("denoise").checked ? 1 : 0 }));
    $("find-holes").addEventListener("change", () => this.#restore({ holes: $("find-holes").checked ? "auto" : [] }));
    $("holes-clear").addEventListener("click", () => this.#restore({ holes: [] }));
    $("tone").addEventListener("change", () => this.#restore({ tone: $("tone").checked ? "auto" : "off" }));
  }

  update(options) {
    this.options = options;
    const { vibrance, warmth, saturation, detail, restoration } = options;
    const factors = this.hues.map((hue) => saturation[hue] ?? 1);
    const mean = factors.reduce((sum, factor) => sum + factor, 0) / factors.length;
    if (!this.isScaling) this.balance = factors.map((factor) => (mean ? factor / mean : 1));
    set("vibrance", vibrance, vibrance.toFixed(2));
    set("warmth", warmth, asSigned(warmth));
    set("saturation", mean, asTimes(mean));
    this.hues.forEach((hue, index) => set(`hue-${hue}`, factors[index], asTimes(factors[index])));
    set("contrast", restoration?.local_contrast ?? 0, asTimes(restoration?.local_contrast ?? 0));
    set("detail", Math.max(0, this.details.indexOf(detail)), detail === "auto" ? "automatic" : `${detail} pixels`);
    $("cleanup").checked = options.cleanup;
    $("repair").checked = restoration?.strength > 0;
    $("denoise").checked = restoration?.denoise > 0;
    $("tone").checked = restoration?.tone === "auto";
    const holes = restoration?.holes ?? [];
    $("find-holes").checked = holes === "auto";
    $("holes-line").hidden = holes === "auto" || !holes.length;
    $("holes-count").textContent = `${holes.length} missing ${holes.length === 1 ? "piece" : "pieces"} drawn and filled.`;
  }

  // All hues together, each in its proportion to the others.
  #scaleAll(value) {
    this.isScaling = true;
    this.#saturate(this.balance.map((share) => share * value), "saturation");
    this.isScaling = false;
  }

  #saturate(factors, kind) {
    const given = this.hues.map((hue, index) => [hue, Math.min(MOST, Number(factors[index].toFixed(2)))]);
    this.change({ saturation: Object.fromEntries(given.filter(([, factor]) => factor !== 1)) }, kind);
  }

  #restore(part) {
    this.change({ restoration: repairWith(this.options.restoration, part) });
  }

  #makeHue(hue) {
    const [lever, label, input, output] = ["div", "label", "input", "output"].map((tag) => document.createElement(tag));
    lever.className = "lever";
    label.htmlFor = input.id = `hue-${hue}`;
    label.textContent = hue[0].toUpperCase() + hue.slice(1);
    Object.assign(input, { type: "range", min: 0, max: MOST, step: 0.05, className: "hue" });
    input.style.setProperty("--color", COLORS[hue]);
    output.id = `hue-${hue}-value`;
    output.setAttribute("for", input.id);
    input.addEventListener("input", () => {
      const factors = this.hues.map((each) => (each === hue ? Number(input.value) : this.options.saturation[each] ?? 1));
      this.#saturate(factors, input.id);
    });
    lever.append(label, input, output);
    return lever;
  }
}
