// The photos that are open, in a row below the one that is worked on.

const $ = (id) => document.getElementById(id);

export class Filmstrip {
  // `on` holds what to do when a photo is picked or removed.
  constructor(on) {
    this.on = on;
  }

  draw(photos, current) {
    $("film").hidden = photos.length < 2;
    const items = photos.map((photo) => this.#makeItem(photo, photo.id === current?.id));
    $("photos").replaceChildren(...items);
    $("photos").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #makeItem(photo, isCurrent) {
    const [item, pick, remove, picture] = ["li", "button", "button", "img"].map((tag) => document.createElement(tag));
    for (const button of [pick, remove]) button.type = "button";
    pick.className = "photo";
    pick.title = photo.name;
    pick.setAttribute("aria-label", photo.name);
    if (isCurrent) pick.setAttribute("aria-current", "true");
    picture.alt = "";
    if (photo.thumbnail) picture.src = photo.thumbnail;
    pick.append(picture);
    pick.addEventListener("click", () => this.on.pick(photo));
    remove.className = "bare remove";
    remove.textContent = "×";
    remove.title = `Close ${photo.name}`;
    remove.setAttribute("aria-label", `Close ${photo.name}`);
    remove.addEventListener("click", () => this.on.remove(photo));
    item.append(pick, remove);
    return item;
  }
}
