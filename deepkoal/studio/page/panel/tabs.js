// Tabs, as the ARIA Authoring Practices describe them.

export class Tabs {
  // `picked` is called with the panel that is shown.
  constructor(list, picked = () => {}) {
    this.tabs = [...list.querySelectorAll("[role=tab]")];
    this.picked = picked;
    for (const tab of this.tabs) tab.addEventListener("click", () => this.pick(tab));
    list.addEventListener("keydown", (event) => {
      const shown = this.tabs.filter((tab) => !tab.hidden);
      const at = shown.indexOf(event.target);
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
      if (at < 0 || to === undefined) return;
      event.preventDefault();
      const next = shown.at(to % shown.length);
      this.pick(next);
      next.focus();
    });
  }

  pick(picked) {
    for (const tab of this.tabs) {
      const isPicked = tab === picked;
      tab.setAttribute("aria-selected", isPicked);
      tab.tabIndex = isPicked ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isPicked;
    }
    this.picked(picked.getAttribute("aria-controls"));
  }
}
