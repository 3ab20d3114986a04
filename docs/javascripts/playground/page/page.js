// @ts-check
// The playground page. Every part of it draws itself from the one state, and listens: an event changes the state, and
// then all is drawn anew. It asks no other host for anything; what comes from outside, a link or a file, is checked.

"use strict";

digitlab.page = (() => {
  const { find } = digitlab.dom;
  const parts = [
    ...[digitlab.paper, digitlab.reading, digitlab.question],
    ...[digitlab.diagram, digitlab.inspector, digitlab.sources],
  ];
  const { digitlabWeights } = /** @type {{digitlabWeights: string}} */ (/** @type {unknown} */ (window));
  const state = digitlab.state.create(digitlab.weightsFile.parse(digitlabWeights));

  let announcing = 0;
  let frame = 0;

  /** @param {State} state */
  function render(state) {
    for (const part of parts) part.draw(state);
    // Those who hear the page are told once all has been quiet for a while.
    clearTimeout(announcing);
    announcing = window.setTimeout(() => (find("say", "p").textContent = state.announcement), 500);
  }

  function changed() {
    digitlab.state.update(state);
    render(state);
    if (!state.occlusion.slices || frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      digitlab.state.goOn(state);
      changed();
    });
  }

  for (const part of parts) part.listen(state, changed);
  digitlab.state.readLink(state, location.hash);
  changed();
  document.getElementById("playground")?.removeAttribute("hidden");
  return { state, render };
})();
