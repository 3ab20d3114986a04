// Where one number of the network came from: the sum that made it, taken apart. Lessons 05 and 06 do these sums by
// hand. Nothing is drawn here; page/inspector.js does.

"use strict";

/**
 * @typedef {{layer: Layer, map: number, row: number, column: number}} Unit one number of the network.
 * @typedef {{value: number, scale: number, chosen: boolean, decimals?: number}} Cell a number on its colour.
 * @typedef {{name: string, side: number, cells: Cell[]}} Square
 * @typedef {{name: string, heads: string[], rows: {head: string, cells: (string | Cell)[]}[]}} Table
 * @typedef {{text: string} | {total: string} | {squares: (string | Square)[]} | {table: Table}} Part
 * @typedef {{sentence: string, parts: Part[]}} Sum a line that says it, and the numbers.
 * @typedef {{score: number, parts: Part[]}} Weighed
 */

digitlab.sums = (() => {
  const { shortNumber, percent } = digitlab.words;
  const { largestMagnitude } = digitlab.colours;
  const { LAYERS, MEAN, STD } = digitlab.network;

  /** The sum of the chosen unit. @type {(state: State) => Sum} */
  function explain(state) {
    const { layer } = state.unit;
    if (layer === "input") return explainPixel(state);
    if (layer.startsWith("conv")) return explainConvolution(state);
    if (layer.startsWith("pool")) return explainPool(state);
    return layer === "fc1" ? explainHidden(state) : explainScore(state);
  }

  /** @type {(state: State) => Sum} */
  function explainPixel({ unit: { row, column }, activations, normalized }) {
    const ink = normalized.image[row * 28 + column];
    const value = shortNumber(activations.input[row * 28 + column]);
    return {
      sentence: `Pixel in row ${row}, column ${column}: ${ink} of 255. The network gets ${value}.`,
      parts: [
        { text: `${MEAN} is the mean of all MNIST's pixels, ${STD} their standard deviation.` },
        { total: `(${ink} / 255 − ${MEAN}) / ${STD} = ${value}` },
      ],
    };
  }

  /** @type {(state: State) => Sum} */
  function explainConvolution(state) {
    const { unit, weights, activations } = state;
    const { layer, map, row, column } = unit;
    const source = activations[LAYERS[layer].from];
    const size = LAYERS[LAYERS[layer].from].rows;
    const kernels = weights.tensors[`${layer}.weight`];
    const bias = shortNumber(weights.tensors[`${layer}.bias`][map]);
    const channels = source.length / (size * size);
    const looks = Array.from({ length: channels }, (_, c) => {
      const start = (c * size + row) * size + column;
      const patch = Array.from({ length: 25 }, (_, i) => source[start + Math.floor(i / 5) * size + (i % 5)]);
      const kernel = Array.from(kernels.slice((map * channels + c) * 25, (map * channels + c + 1) * 25));
      return { patch, kernel, products: patch.map((pixel, i) => pixel * kernel[i]) };
    });
    const sums = looks.map(({ products }) => add(products));
    const largest = largestMagnitude(sums);
    const channel = channels > 1 && state.channel >= 0 ? state.channel : sums.map(Math.abs).indexOf(largest);
    const { patch, kernel, products } = looks[channel];
    const all = shortNumber(add(sums));
    const value = shortNumber(valueOf(unit, activations));
    const seen = square(channels > 1 ? `patch of map ${channel}` : "patch", 5, patch);
    /** @type {Part[]} */
    const parts = [
      { squares: [seen, "×", square("kernel", 5, kernel), "=", square("products", 5, products)] },
      { total: `sum ${all} + bias ${bias} = ${value}` },
    ];
    if (channels > 1) {
      const cells = sums.map((sum, c) => ({ value: sum, scale: largest, chosen: c === channel }));
      const heads = ["map", ...sums.keys()].map(String);
      parts.unshift(
        { text: "Ten patches of 25 numbers, one in each map of the layer before, each under its own kernel:" },
        { table: { name: "What each map contributes", heads, rows: [{ head: "sum", cells }] } },
      );
    }
    return {
      sentence: `${name(unit)} is ${value}: ${25 * channels} products add up to ${all}, and the bias adds ${bias}.`,
      parts,
    };
  }

  /** @type {(state: State) => Sum} */
  function explainPool({ unit, activations }) {
    const before = LAYERS[unit.layer].from;
    const size = LAYERS[before].rows;
    const source = activations[before];
    const at = (unit.map * size + 2 * unit.row) * size + 2 * unit.column;
    const four = [source[at], source[at + 1], source[at + size], source[at + size + 1]];
    const largest = Math.max(...four);
    const value = shortNumber(valueOf(unit, activations));
    return {
      sentence:
        `${name(unit)} is ${value}: the largest of four neighbours in ${before} is ` +
        `${shortNumber(largest)}${largest < 0 ? ", and below zero nothing passes" : ""}.`,
      parts: [
        { squares: [square(`${before}, map ${unit.map}`, 2, four, four.indexOf(largest))] },
        { total: `max(${four.map((each) => shortNumber(each)).join(", ")}) = ${shortNumber(largest)}` },
        { total: `ReLU: max(0, ${shortNumber(largest)}) = ${value}` },
      ],
    };
  }

  /** @type {(state: State) => Sum} */
  function explainHidden(state) {
    const { unit, activations } = state;
    const index = unit.row * 10 + unit.column;
    const from = (/** @type {number} */ i) =>
      name({ layer: "pool2", map: Math.floor(i / 16), row: Math.floor((i % 16) / 4), column: i % 4 });
    const { score, parts } = weigh(state, index, from);
    const value = shortNumber(activations.fc1[index]);
    parts.push({ total: `ReLU: max(0, ${shortNumber(score)}) = ${value}` });
    return {
      sentence:
        `fc1, unit ${index} is ${value}: 320 products and the bias add up to ${shortNumber(score)}` +
        `${score < 0 ? ", and below zero nothing passes" : ""}.`,
      parts,
    };
  }

  /** @type {(state: State) => Sum} */
  function explainScore(state) {
    const digit = state.unit.column;
    const { score, parts } = weigh(state, digit, (i) => `fc1, unit ${i}`);
    const share = percent(state.activations.probabilities[digit], 1);
    parts.push({ total: `softmax: e^${shortNumber(score)} / sum of all ten = ${share}` });
    return { sentence: `The score of ${digit} is ${shortNumber(score)}, which softmax turns into ${share}.`, parts };
  }

  /**
   * The weighted sum of a linear layer's unit, with its largest products. `from` names a value of the layer before.
   *
   * @type {(state: State, index: number, from: (i: number) => string) => Weighed}
   */
  function weigh({ unit: { layer }, weights, activations }, index, from) {
    const source = activations[LAYERS[layer].from];
    const n = source.length;
    const row = weights.tensors[`${layer}.weight`].slice(index * n, (index + 1) * n);
    const bias = weights.tensors[`${layer}.bias`][index];
    const products = Array.from(source, (value, i) => value * row[i]);
    const order = [...products.keys()].sort((a, b) => Math.abs(products[b]) - Math.abs(products[a])).slice(0, 8);
    const score = add(products) + bias;
    const largest = add(order.map((i) => products[i]));
    const rest = add(products) - largest;
    const rows = order.map((i) => {
      const product = { value: products[i], scale: Math.abs(products[order[0]]), chosen: false };
      return { head: from(i), cells: [shortNumber(source[i]), shortNumber(row[i]), product] };
    });
    const shown = [largest, rest, bias, score].map((value) => shortNumber(value));
    return {
      score,
      parts: [
        { text: `The eight largest of ${n} products:` },
        { table: { name: "The largest contributions", heads: ["from", "value", "weight", "product"], rows } },
        { total: `${shown[0]} + ${shown[1]} (the other ${n - 8}) + ${shown[2]} (bias) = ${shown[3]}` },
      ],
    };
  }

  /** On a scale of their own. @type {(name: string, side: number, values: number[], chosen?: number) => Square} */
  function square(name, side, values, chosen = -1) {
    const scale = largestMagnitude(values);
    return { name, side, cells: values.map((value, i) => ({ value, scale, chosen: i === chosen, decimals: 2 })) };
  }

  /** @type {(unit: Unit, activations: Activations) => number} */
  function valueOf({ layer, map, row, column }, activations) {
    const { rows, columns } = LAYERS[layer];
    return activations[layer][(map * rows + row) * columns + column];
  }

  /** @param {Unit} unit */
  function name({ layer, map, row, column }) {
    return `${layer}, map ${map}, row ${row}, column ${column}`;
  }

  /** @param {number[]} values */
  function add(values) {
    return values.reduce((a, b) => a + b, 0);
  }

  return { explain };
})();
