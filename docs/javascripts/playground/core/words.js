// What the page says of a reading and of its parts, in words.

"use strict";

digitlab.words = (() => {
  /**
   * A number in three digits, no more than some of them after the point, with a true minus sign.
   *
   * @type {(value: number, decimals?: number) => string}
   */
  function shortNumber(value, decimals = 3) {
    const rounded = Number(value.toPrecision(3));
    const text = Math.abs(rounded) >= 100 ? rounded.toFixed(0) : String(Number(rounded.toFixed(decimals)) + 0);
    return text.replace("-", "−");
  }

  /**
   * A share, 0..1, in percent. Never rounds to all or nothing what is neither.
   *
   * @type {(share: number, decimals?: number) => string}
   */
  function percent(share, decimals = 0) {
    const step = 10 ** -decimals;
    const text = (100 * share).toFixed(decimals);
    if (Number(text) === 0) return `< ${step} %`;
    return Number(text) === 100 ? `> ${100 - step} %` : `${text} %`;
  }

  /** @type {(layer: Layer, map: number) => string} */
  function mapName(layer, map) {
    if (layer === "input") return "input, 28 by 28 pixels";
    if (layer === "fc1") return "fc1, all 50 units";
    if (layer === "fc2") return "the ten scores";
    return `${layer}, map ${map}`;
  }

  /** @param {Unit} unit */
  function unitName({ layer, map, row, column }) {
    if (layer === "input") return `pixel, row ${row}, column ${column}`;
    if (layer === "fc1") return `fc1, unit ${5 * row + column}`;
    return layer === "fc2" ? `the score of ${column}` : `${layer}, map ${map}, row ${row}, column ${column}`;
  }

  /** Where there is little room. @param {Unit} unit */
  function shortName({ layer, map, row, column }) {
    if (layer === "fc2") return String(column);
    return layer === "fc1" ? `fc1 ${5 * row + column}` : `${layer} ${map} (${row}, ${column})`;
  }

  /** What is under a layer's name, in lines. @param {Layer} layer */
  function size(layer) {
    const { maps, rows, columns } = digitlab.network.LAYERS[layer];
    return layer === "fc1" ? ["50 units"] : [`${maps} maps`, `${rows} × ${columns}`];
  }

  /** What was read, and a remark on it. @param {State} state */
  function reading({ normalized, activations, ink }) {
    if (normalized.box === null) return { title: "Draw a digit", remark: "Nothing to read yet." };
    const shares = activations.probabilities;
    const order = [...shares.keys()].sort((a, b) => shares[b] - shares[a]);
    const [first, second, third] = order.map((digit) => percent(shares[digit]));
    const inked = ink.reduce((sum, value) => sum + value, 0) / (255 * ink.length);
    return {
      title: `Looks like ${order[0]}, ${first}`,
      remark:
        inked > 0.6
          ? "Almost everything is ink. The network has to answer with a digit all the same."
          : `Next come ${order[1]} with ${second} and ${order[2]} with ${third}.`,
    };
  }

  /** What a unit sees. @param {Unit} unit */
  function field({ layer, row, column }) {
    const { top, left, size } = digitlab.network.receptiveField(layer, row, column);
    if (size === 28) return "It sees the whole input.";
    if (size === 1) return "One pixel of the input.";
    const rows = `rows ${top} to ${top + size - 1}`;
    return `It sees ${size} × ${size} pixels of the input: ${rows}, columns ${left} to ${left + size - 1}.`;
  }

  return { shortNumber, percent, mapName, unitName, shortName, size, reading, field };
})();
