// "Why?": the way of asking, and the answer as heat over the digit.

"use strict";

digitlab.question = (() => {
  const { find, element, paint, write } = digitlab.dom;
  const choices = () => /** @type {NodeListOf<HTMLInputElement>} */ (document.getElementsByName("play-why"));

  /** @param {State} state */
  function draw({ why: { heat, text }, way, target, normalized: { image } }) {
    paint(find("why", "canvas"), digitlab.colours.over(heat, image), 28);
    write(find("why-text", "p"), text);
    for (const choice of choices()) choice.checked = choice.value === way;
    find("target", "select").value = String(target);
  }

  /** @type {Listen} */
  function listen(state, changed) {
    for (const choice of choices()) {
      choice.addEventListener("change", () => {
        state.way = /** @type {State["way"]} */ (choice.value);
        changed();
      });
    }
    const other = find("target", "select");
    for (let digit = 0; digit < 10; digit++) other.append(element("option", { value: String(digit) }, String(digit)));
    other.addEventListener("change", () => {
      state.target = Number(other.value);
      state.way = "towards"; // whoever names a digit asks about it
      changed();
    });
  }

  return { draw, listen };
})();
