// The painting of a style's brushwork, which takes tens of seconds: with a bar, and a way out.

import { fail, report } from "../messages.js";
import { server } from "../server.js";

const $ = (id) => document.getElementById(id);
const TELLING = 4; // steps after which the time that is left can be told

const stroke = (photo, { style, restoration, rotation }) => JSON.stringify([photo.id, style, restoration, rotation]);

export class Painting {
  // `stopped` is called when the user stops it.
  constructor(styles, stopped) {
    this.titles = Object.fromEntries(styles.map(({ name, title }) => [name, title]));
    this.current = null; // what is being painted: its stroke, promise and controller
    $("painting-stop").addEventListener("click", () => {
      this.stop();
      stopped();
    });
  }

  // Stop what is painted for another photo or in another manner.
  follow(photo, options) {
    if (this.current && (!photo || this.current.stroke !== stroke(photo, options))) this.stop();
  }

  stop() {
    this.current?.controller.abort();
    this.current = null;
    $("painting").hidden = true;
  }

  // Paint for these options unless that goes on already. Promises whether it was painted.
  async start(photo, options) {
    const name = stroke(photo, options);
    if (this.current?.stroke === name) return false;
    this.stop();
    const mine = { stroke: name, controller: new AbortController() };
    this.current = mine;
    mine.promise = this.#paint(mine, photo, options);
    return mine.promise;
  }

  // Paint for exactly these colors, as a download has them: nothing to do where they are the same.
  async finish(photo, options) {
    if (!options.style) return true;
    if (this.current?.stroke === stroke(photo, options)) await this.current.promise;
    return this.start(photo, options);
  }

  async #paint(mine, photo, options) {
    const title = this.titles[options.style.name] ?? options.style.file;
    const began = performance.now();
    const show = ({ step, of }) => {
      if (this.current !== mine) return;
      $("painting").hidden = !of;
      $("painting-bar").value = of ? step / of : 0;
      const left = Math.ceil(((performance.now() - began) / step / 1000) * (of - step));
      $("painting-text").textContent = step < TELLING ? `Painting: ${title}` : `Painting: ${title}, ${left} s left`;
      if (!step && of) report(`Painting ${photo.name} in the manner of ${title}`);
    };
    try {
      await server.paint(photo.id, options, show, mine.controller.signal);
      if (this.current === mine) report("The style is painted");
      return this.current === mine;
    } catch (error) {
      if (error.name !== "AbortError") fail(error);
      return false;
    } finally {
      if (this.current === mine) this.stop();
    }
  }
}
