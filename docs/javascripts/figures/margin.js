// Lesson 09: the digits with the smallest margins go to a person. How many must be read to catch how many mistakes?

"use strict";

/**
 * @typedef {{n: number, mistakes: number[], shown: {margin: number, label: number, read: number, image: string}[]}} Margins
 *   `n` digits in order of their margins, the places of the `mistakes` among them, and the first few as pictures.
 */

/** @type {(root: HTMLElement, helpers: Helpers) => void} */
digitlab.figures.margin = (root, { say }) => {
  const { element } = digitlab.dom;
  const { lead, row, slider, picture, show, bytes } = digitlab.parts;
  const { n, mistakes, shown } = /** @type {Margins} */ (digitlab.margins);
  const most = n / 10;

  /** How many mistakes are among the first so many digits. @param {number} handed */
  const caught = (handed) => mistakes.filter((place) => place < handed).length;
  const percent = (/** @type {number} */ share, decimals = 2) => `${(100 * share).toFixed(decimals)} %`;

  const tiles = shown.map(({ margin, label, read, image }) => {
    const canvas = picture("", 28);
    show(canvas, bytes(image), 28, 255, digitlab.colours.BLACK_WHITE);
    const wrong = label !== read;
    const words = wrong ? `${label} → ${read}` : String(label);
    return element("div", { class: wrong ? "live-wrong" : "", title: `margin ${margin}` }, canvas, element("span", {}, words));
  });
  const home = element("div", { class: "live-tiles" });
  const more = element("p", { class: "live-note" });

  // The share of the mistakes that is caught, against the share that is read: one step for each mistake.
  const steps = mistakes
    .filter((place) => place < most)
    .map((place, i) => `H${(100 * (place + 1)) / most} V${100 - (100 * (i + 1)) / mistakes.length}`);
  const chart = element("div", { class: "live-steps", "aria-hidden": "true" });
  chart.innerHTML = `<svg viewBox="0 0 100 100" preserveAspectRatio="none"><path d="M0 100 ${steps.join(" ")} H100"/></svg><i></i>`;

  /** @param {number} handed */
  function draw(handed) {
    home.replaceChildren(...tiles.slice(0, handed));
    more.textContent = handed > tiles.length ? `and ${handed - tiles.length} more` : handed ? "" : "Nobody reads anything yet.";
    chart.style.setProperty("--at", String(handed / most));
    const left = mistakes.length - caught(handed);
    const machine = percent((n - handed - left) / (n - handed));
    say(
      `A person reads ${handed} of ${n.toLocaleString("en")} digits (${percent(handed / n)}) and meets ${caught(handed)} of ` +
        `the ${mistakes.length} mistakes. The machine reads ${machine} of the others.`,
    );
  }

  const range = { min: 0, max: most, step: 1, value: 10 };
  root.append(
    lead("Move the slider: how many of the least certain digits should a person read?"),
    row(slider("digits for the person", range, String, draw)),
    chart,
    element("p", { class: "live-axis", "aria-hidden": "true" }, element("span", {}, "0 % read, up: mistakes caught"), element("span", {}, "10 %")),
    home,
    more,
  );
  draw(range.value);
};
