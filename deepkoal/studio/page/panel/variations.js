// Other colorings that the network holds for possible, large enough to be judged.

const $ = (id) => document.getElementById(id);
const [NARROWEST, WIDEST] = [0.7, 1.6]; // width over height of a picture
const INTENT = 90; // ms that the mouse rests on one before it is shown large

const same = (one, other) => one?.seed === other?.seed && one?.index === other?.index;

export class Variations {
  // `on` takes the one that is picked (pick), and one to be shown meanwhile or null (peek).
  constructor(count, on) {
    this.count = count;
    this.on = on;
    this.seed = 0;
    this.row = [];
    this.timer = 0;
  }

  open(photo) {
    this.seed = 0;
    const shape = Math.min(Math.max(photo.width / photo.height, NARROWEST), WIDEST);
    $("variations").style.setProperty("--shape", shape);
    $("variations").replaceChildren();
  }

  more() {
    this.seed += 1;
  }

  // Which ones are shown: the automatic colors, the one picked, and others.
  list(options) {
    const others = Array.from({ length: this.count - 1 }, (_, index) => ({ seed: this.seed, index: index + 1 }));
    const picked = options.variation;
    const isThere = picked === null || others.some((each) => same(each, picked));
    this.row = isThere ? [null, ...others] : [null, picked, ...others.slice(0, -1)];
    return this.row;
  }

  show(pictures, options) {
    const old = [...$("variations").children];
    const buttons = pictures.map((picture, index) => {
      const button = old[index] ?? this.#make(index);
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
  }

  #make(index) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "variation";
    button.append(document.createElement("img"));
    button.firstChild.alt = "";
    button.setAttribute("aria-label", index ? `Variation ${index}` : "Automatic colors");
    button.title = index ? `Variation ${index}` : "Automatic";
    button.addEventListener("click", () => {
      clearTimeout(this.timer);
      this.on.pick(this.row[index]);
    });
    const peek = (wait) => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.on.peek({ variation: this.row[index] }), wait);
    };
    const leave = () => {
      clearTimeout(this.timer);
      this.on.peek(null);
    };
    button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && peek(INTENT));
    button.addEventListener("pointerleave", leave);
    button.addEventListener("focus", () => button.matches(":focus-visible") && peek(INTENT));
    button.addEventListener("blur", leave);
    return button;
  }
}
