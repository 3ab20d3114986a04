// How should each weight change? The gradient of the loss by every weight: what `loss.backward()` computes in PyTorch.
//
// The way back through the maps is in core/layers.js, as for saliency. Here each layer also says what that means for
// its own weights: a weight that was multiplied by a large number, on the way to a unit that should change, has a large
// share in it. Lesson 03 does this by hand for one layer, lesson 06 lets PyTorch do it for this network.

"use strict";

/** @typedef {Weights["tensors"]} Tensors one array for each name in `WEIGHT_SHAPES`. */

digitlab.gradients = (() => {
  const { convolveBackward, poolAndReluBackward, linearBackward } = digitlab.layers;

  /**
   * Cross-entropy: minus the logarithm of the probability that the right digit got. Taken from the logits, as in
   * PyTorch: a probability may be too small for its number.
   *
   * @type {(logits: Float32Array, label: number) => number}
   */
  function crossEntropy(logits, label) {
    const largest = Math.max(...logits);
    let sum = 0;
    for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - largest);
    return Math.log(sum) + largest - logits[label];
  }

  /**
   * Adds to `gradients` those of one digit's loss; `activations` are those of its forward pass. Each step undoes one
   * line of `forward`, from the last to the first, as in `saliency`.
   *
   * @type {(weights: Weights, activations: Activations, label: number, gradients: Tensors) => void}
   */
  function backward(weights, activations, label, gradients) {
    const w = weights.tensors;
    const g = gradients;
    const a = activations;
    const fc2 = a.probabilities.slice(); // by the logits: what was said ...
    fc2[label] -= 1; // ... minus what should have been said
    linearWeights(fc2, a.fc1, g["fc2.weight"], g["fc2.bias"]);
    const fc1 = linearBackward(fc2, w["fc2.weight"]);
    for (let i = 0; i < 50; i++) if (a.fc1[i] <= 0) fc1[i] = 0; // ReLU: what was cut off has no say
    linearWeights(fc1, a.pool2, g["fc1.weight"], g["fc1.bias"]);
    const pool2 = linearBackward(fc1, w["fc1.weight"]);
    const conv2 = poolAndReluBackward(pool2, a.conv2, 8);
    convolveWeights(conv2, a.pool1, 12, g["conv2.weight"], g["conv2.bias"]);
    const pool1 = convolveBackward(conv2, w["conv2.weight"], 12);
    const conv1 = poolAndReluBackward(pool1, a.conv1, 24);
    convolveWeights(conv1, a.input, 28, g["conv1.weight"], g["conv1.bias"]);
  }

  /**
   * output = matrix @ vector + bias: the weight in (row, i) was multiplied by vector[i], on the way to output[row].
   *
   * @type {(gradient: Float32Array, vector: Float32Array, matrix: Float32Array, bias: Float32Array) => void}
   */
  function linearWeights(gradient, vector, matrix, bias) {
    const n = vector.length;
    for (let row = 0; row < gradient.length; row++) {
      if (gradient[row] === 0) continue;
      bias[row] += gradient[row];
      for (let i = 0; i < n; i++) matrix[row * n + i] += gradient[row] * vector[i];
    }
  }

  /**
   * A kernel is used at every place of the maps, so its gradient is a sum over them: each unit adds the 25 C values
   * that it was made from, times its own gradient. After pooling three of four are zero, and cost nothing.
   *
   * @type {(gradient: Float32Array, maps: Float32Array, size: number, kernels: Float32Array, bias: Float32Array) => void}
   */
  function convolveWeights(gradient, maps, size, kernels, bias) {
    const outSize = size - 4;
    const channels = maps.length / (size * size);
    let at = 0;
    for (let o = 0; o < bias.length; o++) {
      for (let y = 0; y < outSize; y++) {
        for (let x = 0; x < outSize; x++, at++) {
          const own = gradient[at];
          if (own === 0) continue;
          bias[o] += own;
          for (let c = 0; c < channels; c++) {
            for (let i = 0; i < 5; i++) {
              const k = ((o * channels + c) * 5 + i) * 5;
              const from = (c * size + y + i) * size + x;
              for (let j = 0; j < 5; j++) kernels[k + j] += own * maps[from + j];
            }
          }
        }
      }
    }
  }

  return { backward, crossEntropy };
})();
