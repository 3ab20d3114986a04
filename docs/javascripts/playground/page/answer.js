// The answer: what was read, what speaks against it, and the ten probabilities as bars.

"use strict";

digitlab.answer = (() => {
  const { find, element, write } = digitlab.dom;
  const { percent } = digitlab.words;

  /** @param {State} state */
  function draw({ reading, doubt, unit, normalized, activations: { probabilities } }) {
    write(find("reading", "p"), reading.title);
    write(find("remark", "p"), reading.remark);
    write(find("doubt", "p"), doubt);
    const best = normalized.box === null ? -1 : probabilities.indexOf(Math.max(...probabilities));
    [...find("bars", "table").tBodies[0].rows].forEach((row, digit) => {
      row.style.setProperty("--play-share", String(probabilities[digit]));
      write(row.cells[2], percent(probabilities[digit], 1));
      row.classList.toggle("play-best", digit === best);
      const chosen = unit.layer === "fc2" && unit.column === digit;
      row.cells[0].firstElementChild?.setAttribute("aria-pressed", String(chosen));
    });
  }

  /** Makes the bars. @type {Listen} */
  function listen(state, changed) {
    const body = element("tbody");
    for (let digit = 0; digit < 10; digit++) {
      const name = `${digit}: where does its score come from?`;
      const attributes = { type: "button", "aria-label": name, "data-layer": "fc2", "data-map": String(digit) };
      const button = element("button", attributes, String(digit));
      button.addEventListener("click", () => {
        digitlab.changes.openMap(state, "fc2", digit);
        changed();
        digitlab.inspector.show(button);
      });
      const bar = element("td", { "aria-hidden": "true" }, element("span", { class: "play-bar" }));
      body.append(element("tr", {}, element("th", { scope: "row" }, button), bar, element("td")));
    }
    const heads = ["digit", "bar", "probability"].map((name) => element("th", { scope: "col" }, name));
    const table = element(
      "table",
      { class: "play-bars", id: "play-bars" },
      element("caption", { class: "play-hidden" }, "The probability of each digit"),
      element("thead", { class: "play-hidden" }, element("tr", {}, ...heads)),
      body,
    );
    find("scores", "div").append(table);
    digitlab.roving.group(table, "button");
  }

  return { draw, listen };
})();
