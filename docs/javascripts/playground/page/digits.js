// Test digits: the first of each kind that the network reads right, and those that it misreads.

"use strict";

/** @typedef {{label: number, pixels: string, read?: number, source: string}} Digit */

digitlab.digits = (() => {
  const { find, element, paintInk } = digitlab.dom;
  const { decodeBase64 } = digitlab.weightsFile;
  const { digitlabDigits: all } = /** @type {{digitlabDigits: Digit[]}} */ (/** @type {unknown} */ (window));
  const EXAMPLE = 3; // of one stroke, with both a curve and a corner

  /** The digit that the page shows before anybody has drawn. */
  function example() {
    const digit = all.find(({ label, read }) => label === EXAMPLE && read === undefined) ?? all[0];
    return decodeBase64(digit.pixels);
  }

  function draw() {}

  /** @type {Listen} */
  function listen(state, changed) {
    for (const digit of all) {
      const pixels = decodeBase64(digit.pixels);
      const canvas = element("canvas", { width: "28", height: "28", "aria-hidden": "true" });
      paintInk(canvas, pixels, 28);
      const wrong = digit.read !== undefined;
      const name = `Test digit ${digit.label}${wrong ? `, misread as ${digit.read}` : ""}`;
      const button = element("button", { type: "button", "aria-label": name, title: `${name} (${digit.source})` }, canvas);
      button.addEventListener("click", () => {
        digitlab.changes.put(state, pixels);
        changed();
      });
      find(wrong ? "misread" : "presets", "div").append(button);
    }
    find("misread-note", "h2").hidden = !all.some((digit) => digit.read !== undefined);
    digitlab.roving.group(find("tests", "section"), "button");
  }

  return { draw, listen, example };
})();
