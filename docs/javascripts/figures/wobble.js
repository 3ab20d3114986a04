// Lesson 07: draw n digits again and again, and watch the accuracy and its interval wobble about a truth that is known.

"use strict";

digitlab.draws = (() => {
  const Z = 1.959963984540054; // 95 % of a normal distribution lie within so many standard deviations

  /**
   * Wilson's 95 % interval, as `digitlab.wilson_interval`.
   *
   * @type {(right: number, n: number) => [number, number]}
   */
  function wilson(right, n) {
    const share = right / n;
    const centre = (share + Z ** 2 / (2 * n)) / (1 + Z ** 2 / n);
    const half = (Z / (1 + Z ** 2 / n)) * Math.sqrt((share * (1 - share)) / n + Z ** 2 / (4 * n ** 2));
    return [Math.max(0, Math.min(share, centre - half)), Math.min(1, Math.max(share, centre + half))];
  }

  /** How many of n digits are read, each with probability p. @type {(n: number, p: number) => number} */
  function draw(n, p) {
    let right = 0;
    for (let i = 0; i < n; i++) if (Math.random() < p) right++;
    return right;
  }

  return { wilson, draw };
})();

/** @type {(root: HTMLElement, helpers: Helpers) => void} */
digitlab.figures.wobble = (root, { say }) => {
  const { element } = digitlab.dom;
  const { lead, row, button, slider } = digitlab.parts;
  const { wilson, draw } = digitlab.draws;
  const SIZES = [25, 50, 100, 200, 400, 1000, 4000, 10000];
  const SHOWN = 16; // the last so many draws

  let n = 200;
  let p = 0.97;
  let draws = /** @type {{share: number, low: number, high: number}[]} */ ([]);
  let count = 0;
  let missed = 0;

  const bars = element("div", { class: "live-draws", "aria-hidden": "true" });
  const axis = element("p", { class: "live-axis", "aria-hidden": "true" });
  const percent = (/** @type {number} */ share, decimals = 1) => `${(100 * share).toFixed(decimals)} %`;

  /** @param {number} times */
  function drawMore(times) {
    for (let i = 0; i < times; i++) {
      const right = draw(n, p);
      const [low, high] = wilson(right, n);
      draws.push({ share: right / n, low, high });
      count++;
      if (p < low || p > high) missed++;
    }
    draws = draws.slice(-SHOWN);
    show();
    const { share, low, high } = draws[draws.length - 1];
    const last = `${n.toLocaleString("en")} digits: ${percent(share, 2)} right, truth between ${percent(low)} and ${percent(high)}.`;
    say(`${last} So far ${missed} of ${count.toLocaleString("en")} intervals miss the truth (${percent(missed / count)}).`);
  }

  function show() {
    // The axis reaches four standard errors to either side, so that the wobble can be seen at any size.
    const reach = Math.max(4 * Math.sqrt((p * (1 - p)) / n), 1e-4);
    const [from, to] = [Math.max(0, p - reach), Math.min(1, p + reach)];
    const place = (/** @type {number} */ share) => `${Math.max(0, Math.min(100, (100 * (share - from)) / (to - from)))}%`;
    bars.replaceChildren(
      ...draws.map(({ share, low, high }) => {
        const line = element("div", { class: p < low || p > high ? "live-missed" : "" }, element("i"), element("b"));
        for (const [name, value] of Object.entries({ low, share, high })) line.style.setProperty(`--${name}`, place(value));
        return line;
      }),
    );
    bars.style.setProperty("--truth", place(p));
    axis.replaceChildren(...[percent(from), `dashed: the truth, ${percent(p)}`, percent(to)].map((text) => element("span", {}, text)));
  }

  function again() {
    draws = [];
    count = missed = 0;
    drawMore(SHOWN);
  }

  const size = { min: 0, max: SIZES.length - 1, step: 1, value: SIZES.indexOf(n) };
  const truth = { min: 0.9, max: 0.999, step: 0.001, value: p };
  root.append(
    lead("A network that reads a known share of all digits takes a test. Give it the test again, with other digits."),
    row(
      slider("digits in a test", size, (i) => SIZES[i].toLocaleString("en"), (i) => ((n = SIZES[i]), again())),
      slider("the truth", truth, (value) => percent(value), (value) => ((p = value), again())),
    ),
    row(button("One more test", () => drawMore(1)), button("A hundred more", () => drawMore(100)), button("Start again", again)),
    bars,
    axis,
  );
  again();
};
