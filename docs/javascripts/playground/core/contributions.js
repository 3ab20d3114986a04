// What a number of the network was made from: each value of the layer before that went into it, and with which weight.

"use strict";

/**
 * @typedef {{layer: Layer, map: number, row: number, column: number}} Unit one number of the network.
 * @typedef {{unit: Unit, value: number, weight: number, product: number}} Contribution
 * @typedef {Pick<State, "weights" | "activations">} Running
 */

digitlab.contributions = (() => {
  const { LAYERS } = digitlab.network;

  /** In the order of the weights. A pixel was made from nothing. @type {(running: Running, unit: Unit) => Contribution[]} */
  function of(running, unit) {
    if (unit.layer === "input") return [];
    if (unit.layer.startsWith("conv")) return ofConvolution(running, unit);
    return unit.layer.startsWith("pool") ? ofPool(running, unit) : ofLinear(running, unit);
  }

  /** Map after map, 25 of each. @type {(running: Running, unit: Unit) => Contribution[]} */
  function ofConvolution({ weights, activations }, { layer, map, row, column }) {
    const { from } = LAYERS[layer];
    const channels = LAYERS[from].maps;
    const kernels = weights.tensors[`${layer}.weight`];
    return Array.from({ length: 25 * channels }, (_, i) => {
      const place = { row: row + Math.floor((i % 25) / 5), column: column + (i % 5) };
      const unit = { layer: from, map: Math.floor(i / 25), ...place };
      return contribution(activations, unit, kernels[map * channels * 25 + i]);
    });
  }

  /** Of four only the largest counts, if it is above zero. @type {(running: Running, unit: Unit) => Contribution[]} */
  function ofPool({ activations }, { layer, map, row, column }) {
    const { from } = LAYERS[layer];
    const units = [0, 1, 2, 3].map((i) => ({ layer: from, map, row: 2 * row + (i >> 1), column: 2 * column + (i & 1) }));
    const values = units.map((unit) => valueOf(unit, activations));
    const best = values.indexOf(Math.max(0, ...values));
    return units.map((unit, i) => contribution(activations, unit, Number(i === best)));
  }

  /** @type {(running: Running, unit: Unit) => Contribution[]} */
  function ofLinear({ weights, activations }, unit) {
    const { from } = LAYERS[unit.layer];
    const n = activations[from].length;
    const start = indexOf(unit) * n;
    const row = weights.tensors[`${unit.layer}.weight`];
    return Array.from({ length: n }, (_, i) => contribution(activations, unitAt(from, i), row[start + i]));
  }

  /** @type {(activations: Activations, unit: Unit, weight: number) => Contribution} */
  function contribution(activations, unit, weight) {
    const value = valueOf(unit, activations);
    return { unit, value, weight, product: value * weight };
  }

  /** @type {(contributions: Contribution[]) => Contribution[]} */
  function largestFirst(contributions) {
    return [...contributions].sort((a, b) => Math.abs(b.product) - Math.abs(a.product));
  }

  /** @param {Contribution[]} contributions */
  function add(contributions) {
    return contributions.reduce((sum, { product }) => sum + product, 0);
  }

  /** Which number of its layer a unit is. @param {Unit} unit */
  function indexOf({ layer, map, row, column }) {
    const { rows, columns } = LAYERS[layer];
    return (map * rows + row) * columns + column;
  }

  /** @type {(layer: Layer, index: number) => Unit} */
  function unitAt(layer, index) {
    const { rows, columns } = LAYERS[layer];
    const inMap = index % (rows * columns);
    const map = Math.floor(index / (rows * columns));
    return { layer, map, row: Math.floor(inMap / columns), column: inMap % columns };
  }

  /** @type {(unit: Unit, activations: Activations) => number} */
  function valueOf(unit, activations) {
    return activations[unit.layer][indexOf(unit)];
  }

  return { of, largestFirst, add, indexOf, unitAt, valueOf };
})();
