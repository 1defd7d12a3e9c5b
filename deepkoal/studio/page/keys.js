// Keys that work wherever the focus is, but in a field of text.

const $ = (id) => document.getElementById(id);
const TOOLS = { p: "point", b: "stroke", r: "region", m: "hole", e: "eraser", h: "hand" };

// `on` holds what they do.
export function listenToKeys(on) {
  $("keys-open").addEventListener("click", () => $("keys").showModal());
  $("keys-close").addEventListener("click", () => $("keys").close());
  $("keys").addEventListener("click", (event) => event.target === $("keys") && $("keys").close());
  document.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (key === "escape") return on.escape();
    if (event.target.closest?.("dialog")) return undefined;
    if (event.ctrlKey || event.metaKey) return onCommand(event, key);
    if (event.altKey || event.target.closest?.("select, input:not([type=range], [type=checkbox], [type=radio])")) return undefined;
    if (key === "?") return $("keys").showModal();
    if (!on.isOpen()) return undefined;
    const views = {
      c: on.flip,
      ",": () => on.rotate(-90),
      ".": () => on.rotate(90),
      "+": () => on.view.zoomIn(1),
      "=": () => on.view.zoomIn(1),
      "-": () => on.view.zoomIn(-1),
      0: () => on.view.fit(),
      1: () => on.view.full(),
    };
    if (key in TOOLS) on.pick(TOOLS[key]);
    else if (key in views) views[key]();
    else return undefined;
    event.preventDefault();
    return undefined;
  });

  function onCommand(event, key) {
    const commands = {
      z: () => on.travel(event.shiftKey ? 1 : -1),
      y: () => on.travel(1),
      s: () => on.isOpen() && on.save(),
      o: on.open,
    };
    if (!(key in commands)) return;
    event.preventDefault();
    commands[key]();
  }
}
