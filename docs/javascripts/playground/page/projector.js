// The projector mode: large text and lines for the last row, and nothing that is not needed.

"use strict";

digitlab.projector = (() => {
  const { find } = digitlab.dom;

  /** @param {State} state */
  function draw({ projector }) {
    document.documentElement.classList.toggle("play-projecting", projector);
    find("projector", "button").setAttribute("aria-pressed", String(projector));
    find("projector", "button").textContent = projector ? "Leave projector" : "Projector";
  }

  /** @type {Listen} */
  function listen(state, changed) {
    const toggle = () => {
      state.projector = !state.projector;
      state.announcement = state.projector ? "Projector mode. F2 leaves it." : "Projector mode left.";
      changed();
      if (state.projector) window.scrollTo(0, 0);
    };
    find("projector", "button").addEventListener("click", toggle);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "F2" || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      toggle();
    });
  }

  return { draw, listen };
})();
