// Lesson 11: the five turned, shifted, made larger or smaller; what is still read, and where that changes.

"use strict";

/**
 * @typedef {{turn: number, right: number, down: number, size: number}} Change
 *   degrees counter-clockwise, pixels, pixels, times as large
 */

digitlab.affine = (() => {
  /**
   * The 2x3 matrix of the lesson, row by row: where each place of the new picture looks in the old one. The digit is
   * turned and made larger about the middle, then shifted.
   *
   * @type {(change: Change) => number[]}
   */
  function matrix({ turn, right, down, size }) {
    const cos = Math.cos((turn * Math.PI) / 180) / size;
    const sin = Math.sin((turn * Math.PI) / 180) / size;
    const x = right / 14, y = down / 14; // a picture is 2 wide
    return [cos, -sin, sin * y - cos * x, sin, cos, -sin * x - cos * y];
  }

  /**
   * A picture (28, 28) as seen through such a matrix, like PyTorch's `affine_grid` and `grid_sample`: the four pixels
   * around each place are blended; outside is paper.
   *
   * @type {(image: Uint8Array, matrix: number[]) => Uint8Array}
   */
  function look(image, [a, b, c, d, e, f]) {
    const pixel = (/** @type {number} */ row, /** @type {number} */ column) =>
      row >= 0 && row < 28 && column >= 0 && column < 28 ? image[28 * row + column] : 0;
    return Uint8Array.from(image, (_, i) => {
      const x = (2 * (i % 28) + 1) / 28 - 1, y = (2 * Math.floor(i / 28) + 1) / 28 - 1; // -1 to 1
      const column = 14 * (a * x + b * y + c + 1) - 0.5, row = 14 * (d * x + e * y + f + 1) - 0.5;
      const left = Math.floor(column), top = Math.floor(row);
      const across = column - left, down = row - top;
      const above = (1 - across) * pixel(top, left) + across * pixel(top, left + 1);
      const below = (1 - across) * pixel(top + 1, left) + across * pixel(top + 1, left + 1);
      return Math.round((1 - down) * above + down * below);
    });
  }

  /**
   * Neighbours of equal value, as runs.
   *
   * @type {(values: number[]) => {value: number, from: number, to: number}[]}
   */
  function runs(values) {
    const found = /** @type {{value: number, from: number, to: number}[]} */ ([]);
    values.forEach((value, i) => {
      const last = found[found.length - 1];
      if (last?.value === value) last.to = i;
      else found.push({ value, from: i, to: i });
    });
    return found;
  }

  return { matrix, look, runs };
})();

/** @type {(root: HTMLElement, helpers: Helpers) => void} */
digitlab.figures.turn = (root, { say, words }) => {
  const { element } = digitlab.dom;
  const { lead, row, captioned, button, slider, picture, show } = digitlab.parts;
  const { percent } = digitlab.words;
  const { matrix, look, runs } = digitlab.affine;
  const FIVE = 5;
  const image = /** @type {Uint8Array} */ (digitlab.tenDigits[FIVE]);
  const weights = digitlab.weightsFile.parse(/** @type {any} */ (window).digitlabWeights);
  const activations = digitlab.network.forward(weights, image);

  /** What can be changed. Along its range the strip is read at each `every`.
   * @type {Record<keyof Change, {name: string, low: number, high: number, step: number, every: number, unit: string}>} */
  const SLIDERS = {
    turn: { name: "turn", low: -90, high: 90, step: 1, every: 2, unit: "°" },
    right: { name: "shift right", low: -8, high: 8, step: 0.5, every: 0.5, unit: " pixels" },
    down: { name: "shift down", low: -8, high: 8, step: 0.5, every: 0.5, unit: " pixels" },
    size: { name: "size", low: 0.4, high: 1.6, step: 0.02, every: 0.02, unit: " ×" },
  };
  const names = /** @type {(keyof Change)[]} */ (Object.keys(SLIDERS));
  const PLAIN = { turn: 0, right: 0, down: 0, size: 1 };

  let change = { ...PLAIN };
  let moved = /** @type {keyof Change} */ ("turn");
  let strip = /** @type {{value: number, from: number, to: number}[]} */ ([]);

  const shown = picture("The five, changed", 280);
  const bars = digitlab.ten.bars("The ten probabilities", "left", (share) => percent(share));
  const track = element("div", { class: "live-strip", "aria-hidden": "true" }); // the words below say the same
  const caption = element("p", { class: "live-note" });

  const plainly = (/** @type {number} */ value) => String(Number(value.toFixed(2))).replace("-", "−");

  /** @param {Change} change */
  function read(change) {
    const changed = look(image, matrix(change));
    const { probabilities } = digitlab.network.forward(weights, changed, activations);
    return { changed, probabilities, digit: digitlab.ten.best(probabilities) };
  }

  /** What is read along the range of the slider that was moved last, the others as they are. */
  function makeStrip() {
    const { name, low, high, every, unit } = SLIDERS[moved];
    const count = Math.round((high - low) / every) + 1;
    const digits = Array.from({ length: count }, (_, i) => read({ ...change, [moved]: low + i * every }).digit);
    strip = runs(digits);
    const segments = strip.map(({ value, from, to }) => {
      const segment = element("span", value === FIVE ? { class: "live-right" } : {}, to - from > 0.03 * count ? String(value) : "");
      segment.style.width = `${(100 * (to - from + 1)) / count}%`;
      return segment;
    });
    track.replaceChildren(...segments, here);
    caption.textContent = `${name}, from ${plainly(low)} to ${plainly(high)}${unit}: the digit that is read`;
  }
  const here = element("span", { class: "live-here" });

  /** Where the strip's runs of fives begin and end, in words. */
  function fives() {
    const { name, low, every, unit } = SLIDERS[moved];
    const at = (/** @type {number} */ i) => plainly(low + i * every);
    const found = strip
      .filter(({ value }) => value === FIVE)
      .map(({ from, to }) => (from === to ? `at ${at(from)}` : `from ${at(from)} to ${at(to)}`));
    return `Along “${name}” it is read as 5 ${found.length ? found.join(", and ") + unit : "nowhere"}.`;
  }

  function draw() {
    const { changed, probabilities, digit } = read(change);
    show(shown, changed, 28, 255, digitlab.colours.BLACK_WHITE);
    bars.show(probabilities, 1);
    const { low, high, every } = SLIDERS[moved];
    here.style.left = `${(100 * (change[moved] - low + every / 2)) / (high - low + every)}%`;
    say(`Read as ${digit}, with ${percent(probabilities[digit])}. ${fives()}`);
  }

  const sliders = names.map((name) => {
    const { low, high, step, unit } = SLIDERS[name];
    const range = { min: low, max: high, step, value: PLAIN[name] };
    return slider(SLIDERS[name].name, range, (value) => plainly(value) + unit, (value) => {
      const other = moved !== name;
      moved = name;
      change = { ...change, [name]: value };
      if (other) makeStrip(); // it depends on the other sliders only
      draw();
    });
  });
  const back = button("As it was", () => {
    change = { ...PLAIN };
    sliders.forEach((home, i) => {
      const input = /** @type {HTMLInputElement} */ (home.querySelector("input"));
      if (Number(input.value) === PLAIN[names[i]]) return;
      input.value = String(PLAIN[names[i]]);
      input.dispatchEvent(new Event("input"));
    });
  });
  root.append(
    lead("Turn the five, shift it, change its size. How far does the network that comes with digitlab follow?"),
    row(captioned(shown, "the changed five"), element("div", { class: "live-controls" }, ...sliders, row(back)), bars.home),
    element("div", { class: "live-along" }, track, caption),
    words,
  );
  makeStrip();
  draw();
};
