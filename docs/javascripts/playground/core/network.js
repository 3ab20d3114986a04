// The course's network: what `digitlab.CNN` computes in PyTorch. Lesson 15 writes the same in NumPy.

"use strict";

/**
 * @typedef {{name: string, measured: string, tensors: Record<string, Float32Array>}} Weights
 *   `name` and `measured` are for people. `tensors` are keyed as in PyTorch, "conv1.weight" to "fc2.bias".
 * @typedef {"input" | "conv1" | "pool1" | "conv2" | "pool2" | "fc1" | "fc2"} Layer
 * @typedef {Record<Layer | "probabilities", Float32Array>} Activations
 *   Everything that one forward pass computes. What fc2 gives are the logits.
 */

digitlab.network = (() => {
  const { convolve, poolAndRelu, linear, softmax } = digitlab.layers;

  /** Mean and standard deviation of MNIST's pixels, of 0..1: `digitlab.data.MEAN` and `STD`. */
  const MEAN = 0.1307;
  const STD = 0.3081;

  /**
   * What each layer looks at, what it gives, and which square of the image a unit sees: the first one `field` pixels
   * from the corner on, its neighbour the same `step` pixels on. Each pooling doubles the step; each layer adds its
   * reach, in steps of the one before. The vectors fc1 (50) and fc2 (10) are taken as one map, 10 x 5 and 1 x 10.
   *
   * @type {Record<Layer, {from: Layer, maps: number, rows: number, columns: number, step: number, field: number}>}
   */
  const LAYERS = {
    input: { from: "input", maps: 1, rows: 28, columns: 28, step: 1, field: 1 },
    conv1: { from: "input", maps: 10, rows: 24, columns: 24, step: 1, field: 5 },
    pool1: { from: "conv1", maps: 10, rows: 12, columns: 12, step: 2, field: 6 },
    conv2: { from: "pool1", maps: 20, rows: 8, columns: 8, step: 2, field: 14 },
    pool2: { from: "conv2", maps: 20, rows: 4, columns: 4, step: 4, field: 16 },
    fc1: { from: "pool2", maps: 1, rows: 10, columns: 5, step: 0, field: 28 },
    fc2: { from: "fc1", maps: 1, rows: 1, columns: 10, step: 0, field: 28 },
  };

  /** The shape of each tensor of weights. @type {Record<string, number[]>} */
  const WEIGHT_SHAPES = {
    "conv1.weight": [10, 1, 5, 5],
    "conv1.bias": [10],
    "conv2.weight": [20, 10, 5, 5],
    "conv2.bias": [20],
    "fc1.weight": [50, 320],
    "fc1.bias": [50],
    "fc2.weight": [10, 50],
    "fc2.bias": [10],
  };

  /**
   * One image through the network: 784 bytes, 0 paper to 255 ink. Writes into the arrays of an earlier pass, if given.
   *
   * @type {(weights: Weights, pixels: Uint8Array, activations?: Activations) => Activations}
   */
  function forward(weights, pixels, activations = emptyActivations()) {
    const w = weights.tensors;
    const a = activations;
    for (let i = 0; i < 784; i++) a.input[i] = (pixels[i] / 255 - MEAN) / STD; // (28, 28)
    convolve(a.input, 28, w["conv1.weight"], w["conv1.bias"], a.conv1); // (10, 24, 24)
    poolAndRelu(a.conv1, 24, a.pool1); // (10, 12, 12)
    convolve(a.pool1, 12, w["conv2.weight"], w["conv2.bias"], a.conv2); // (20, 8, 8)
    poolAndRelu(a.conv2, 8, a.pool2); // (20, 4, 4), which is also the vector (320)
    linear(a.pool2, w["fc1.weight"], w["fc1.bias"], a.fc1); // (50)
    for (let i = 0; i < 50; i++) a.fc1[i] = Math.max(0, a.fc1[i]); // ReLU
    linear(a.fc1, w["fc2.weight"], w["fc2.bias"], a.fc2); // (10)
    softmax(a.fc2, a.probabilities); // (10)
    return a;
  }

  /** @returns {Activations} */
  function emptyActivations() {
    const empty = { probabilities: new Float32Array(10) };
    for (const [layer, { maps, rows, columns }] of Object.entries(LAYERS)) {
      Object.assign(empty, { [layer]: new Float32Array(maps * rows * columns) });
    }
    return /** @type {Activations} */ (empty);
  }

  /**
   * Which part of the image a unit of a layer can see. No layer pads, so it never leaves the image.
   *
   * @type {(layer: Layer, row: number, column: number) => {top: number, left: number, size: number}}
   */
  function receptiveField(layer, row, column) {
    const { step, field } = LAYERS[layer];
    return { top: step * row, left: step * column, size: field };
  }

  return { MEAN, STD, LAYERS, WEIGHT_SHAPES, forward, receptiveField };
})();
