// The playground page. Every part of it draws itself from the one state, and listens: an event changes the state, and
// then all is drawn anew. It asks no other host for anything; what comes from outside, a link or a file, is checked.

"use strict";

/** Also for scripts that add to the page: they change `state`, call `changed`, and are drawn with the other `parts`. */
digitlab.playground = (() => {
  const { find, write } = digitlab.dom;
  const { paper, given, answer, diagram, wires, inspector, sum, question, digits, copies, projector } = digitlab;
  const parts = [projector, paper, given, answer, diagram, inspector, sum, question, digits, copies, wires];
  const { digitlabWeights } = /** @type {{digitlabWeights: string}} */ (/** @type {unknown} */ (window));
  const state = digitlab.createState(digitlab.weightsFile.parse(digitlabWeights));

  let announcing = 0;
  let frame = 0;

  /** @param {State} state */
  function render(state) {
    for (const part of parts) part.draw(state);
    // Those who hear the page are told once all has been quiet for a while.
    clearTimeout(announcing);
    announcing = window.setTimeout(() => write(find("say", "p"), state.announcement), 500);
  }

  function changed() {
    digitlab.changes.update(state);
    render(state);
    if (frame || !(state.occlusion.slices || state.replay || state.slide?.playing)) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      digitlab.changes.goOn(state);
      digitlab.replay.goOn(state);
      digitlab.slide.goOn(state);
      changed();
    });
  }

  for (const part of parts) part.listen(state, changed);
  document.getElementById("playground")?.removeAttribute("hidden");
  digitlab.changes.readLink(state, location.hash);
  if (!state.history.length) {
    digitlab.changes.showExample(state, digits.example());
    if (!digitlab.dom.calm()) digitlab.replay.start(state);
  }
  changed();
  return { state, changed, parts };
})();
