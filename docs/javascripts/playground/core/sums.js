// Where one number of the network came from: the sum that made it, taken apart. Lessons 05 and 06 do these sums by
// hand. Nothing is drawn here; page/sum.js does.

"use strict";

/**
 * @typedef {{value: number, scale: number, chosen: boolean, decimals?: number, unit?: Unit}} Cell
 *   A number on its colour. Where it has a unit, one can go there.
 * @typedef {{name: string, side: number, cells: Cell[]}} Square
 * @typedef {{head: string, unit: Unit, cells: (string | Cell)[]}} Row
 * @typedef {{name: string, heads: string[], rows: Row[]}} Table
 * @typedef {{text: string} | {total: string} | {squares: (string | Square)[]} | {maps: Cell[]} | {table: Table}} Part
 *   `maps` is what each map adds, of which one is chosen.
 * @typedef {{sentence: string, parts: Part[]}} Sum a line that says it, and the numbers.
 * @typedef {{score: number, parts: Part[]}} Weighed
 */

digitlab.sums = (() => {
  const { shortNumber, percent, unitName } = digitlab.words;
  const { largestMagnitude } = digitlab.colours;
  const { MEAN, STD, LAYERS } = digitlab.network;
  const { of, largestFirst, add, indexOf, valueOf } = digitlab.contributions;

  /** The sum of the chosen unit. @type {(state: State) => Sum} */
  function explain(state) {
    const { layer } = state.unit;
    if (layer === "input") return explainPixel(state);
    if (layer.startsWith("conv")) return explainConvolution(state);
    if (layer.startsWith("pool")) return explainPool(state);
    return layer === "fc1" ? explainHidden(state) : explainScore(state);
  }

  /** @type {(state: State) => Sum} */
  function explainPixel({ unit, activations, normalized }) {
    const ink = normalized.image[indexOf(unit)];
    const value = shortNumber(valueOf(unit, activations));
    return {
      sentence: `Pixel in row ${unit.row}, column ${unit.column}: ${ink} of 255. The network gets ${value}.`,
      parts: [
        { text: `${MEAN} is the mean of all MNIST's pixels, ${STD} their standard deviation.` },
        { total: `(${ink} / 255 − ${MEAN}) / ${STD} = ${value}` },
      ],
    };
  }

  /** @type {(state: State) => Sum} */
  function explainConvolution(state) {
    const { unit, weights, activations } = state;
    const { layer, map } = unit;
    const sums = sumOfEachMap(state);
    const channel = shownChannel(state);
    const shown = of(state, unit).slice(25 * channel, 25 * channel + 25);
    const all = sums.reduce((a, b) => a + b, 0);
    const bias = shortNumber(weights.tensors[`${layer}.bias`][map]);
    const value = shortNumber(valueOf(unit, activations));
    const one = sums.length === 1;
    const patch = square(one ? "patch" : `patch of map ${channel}`, 5, shown.map((each) => each.value));
    patch.cells.forEach((cell, i) => (cell.unit = shown[i].unit));
    const kernel = square("kernel", 5, shown.map((each) => each.weight));
    const products = square("products", 5, shown.map((each) => each.product));
    const squares = [patch, "×", kernel, "=", products];
    /** @type {Part[]} */
    const parts = [
      { squares },
      { total: `sum ${shortNumber(all)} + bias ${bias} = ${value}` },
    ];
    if (!one) {
      const scale = largestMagnitude(sums);
      const cells = sums.map((sum, c) => ({ value: sum, scale, chosen: c === channel, decimals: 2 }));
      parts.unshift({ text: "What each of the ten maps adds:" }, { maps: cells });
      parts.splice(3, 0, { total: splitSum(sums[channel], all) });
    }
    const count = 25 * sums.length;
    return {
      sentence: `${unitName(unit)} is ${value}: ${count} products add up to ${shortNumber(all)}, and the bias adds ${bias}.`,
      parts,
    };
  }

  /** Rounded so that what one reads adds up. @type {(own: number, all: number) => string} */
  function splitSum(own, all) {
    const decimals = Math.max(0, 2 - Math.max(-1, Math.floor(Math.log10(Math.abs(all) || 1)))); // three digits of all
    const say = (/** @type {number} */ value) => String(Number(value.toFixed(decimals)) + 0).replace("-", "−");
    const rest = Number(all.toFixed(decimals)) - Number(own.toFixed(decimals));
    return `${say(own)} from this map + ${say(rest)} from the other nine = ${say(all)}`;
  }

  /** What each map of the layer before adds to a convolution's unit. @param {State} state */
  function sumOfEachMap(state) {
    const all = of(state, state.unit);
    return Array.from({ length: all.length / 25 }, (_, map) => add(all.slice(25 * map, 25 * map + 25)));
  }

  /** The map whose products are shown: the chosen one, or that which adds most. @param {State} state */
  function shownChannel(state) {
    const sums = sumOfEachMap(state).map(Math.abs);
    return sums.length > 1 && state.channel >= 0 ? state.channel : sums.indexOf(Math.max(...sums));
  }

  /** @type {(state: State) => Sum} */
  function explainPool(state) {
    const { unit, activations } = state;
    const before = LAYERS[unit.layer].from;
    const sources = of(state, unit);
    const four = sources.map((each) => each.value);
    const largest = Math.max(...four);
    const value = shortNumber(valueOf(unit, activations));
    const block = square(`${before}, map ${unit.map}`, 2, four, four.indexOf(largest));
    block.cells.forEach((cell, i) => (cell.unit = sources[i].unit));
    return {
      sentence:
        `${unitName(unit)} is ${value}: the largest of four neighbours in ${before} is ` +
        `${shortNumber(largest)}${largest < 0 ? ", and below zero nothing passes" : ""}.`,
      parts: [
        { squares: [block] },
        { total: `max(${four.map((each) => shortNumber(each)).join(", ")}) = ${shortNumber(largest)}` },
        { total: `ReLU: max(0, ${shortNumber(largest)}) = ${value}` },
      ],
    };
  }

  /** @type {(state: State) => Sum} */
  function explainHidden(state) {
    const { unit, activations } = state;
    const { score, parts } = weigh(state);
    const value = shortNumber(valueOf(unit, activations));
    parts.push({ total: `ReLU: max(0, ${shortNumber(score)}) = ${value}` });
    return {
      sentence:
        `${unitName(unit)} is ${value}: 320 products and the bias add up to ${shortNumber(score)}` +
        `${score < 0 ? ", and below zero nothing passes" : ""}.`,
      parts,
    };
  }

  /** @type {(state: State) => Sum} */
  function explainScore(state) {
    const digit = state.unit.column;
    const { score, parts } = weigh(state);
    const share = percent(state.activations.probabilities[digit], 1);
    parts.push({ total: `softmax: e^${shortNumber(score)} / sum of all ten = ${share}` });
    return { sentence: `The score of ${digit} is ${shortNumber(score)}, which softmax turns into ${share}.`, parts };
  }

  /** The weighted sum of a linear layer's unit, with its largest products. @type {(state: State) => Weighed} */
  function weigh(state) {
    const { unit, weights } = state;
    const all = of(state, unit);
    const largest = largestFirst(all).slice(0, 8);
    const bias = weights.tensors[`${unit.layer}.bias`][indexOf(unit)];
    const score = add(all) + bias;
    const rows = largest.map(({ unit: source, value, weight, product }) => {
      const cell = { value: product, scale: Math.abs(largest[0].product), chosen: false };
      return { head: unitName(source), unit: source, cells: [shortNumber(value), shortNumber(weight), cell] };
    });
    const shown = [add(largest), add(all) - add(largest), bias, score].map((value) => shortNumber(value));
    return {
      score,
      parts: [
        { text: `The eight largest of ${all.length} products:` },
        { table: { name: "The largest contributions", heads: ["from", "value", "weight", "product"], rows } },
        { total: `${shown[0]} + ${shown[1]} (the other ${all.length - 8}) + ${shown[2]} (bias) = ${shown[3]}` },
      ],
    };
  }

  /** On a scale of their own. @type {(name: string, side: number, values: number[], chosen?: number) => Square} */
  function square(name, side, values, chosen = -1) {
    const scale = largestMagnitude(values);
    return { name, side, cells: values.map((value, i) => ({ value, scale, chosen: i === chosen, decimals: 2 })) };
  }

  return { explain, shownChannel };
})();
