// The layers of the network, each with the way back: what `torch.nn.functional` computes, here as plain loops.
//
// Maps are flat arrays in row-major order: of maps (C, H, W), the value at (c, y, x) is number (c * H + y) * W + x.
// Lesson 05 writes the convolution by hand, lesson 10 the way back.

"use strict";

digitlab.layers = (() => {
  /**
   * Convolution: maps (C, size, size) under kernels (O, C, 5, 5) to output (O, size - 4, size - 4).
   *
   * The plain way is six loops with one product inside. Here the order of the loops is chosen for speed: one row of
   * one kernel, five numbers, stays at hand while it is slid over a whole map, and five pixels of the map slide
   * through five variables. Each output is still the bias plus the sum of 25 C products.
   *
   * @type {(maps: Float32Array, size: number, kernels: Float32Array, bias: Float32Array, output: Float32Array) => void}
   */
  function convolve(maps, size, kernels, bias, output) {
    const channels = maps.length / (size * size);
    const outSize = size - 4;
    const area = outSize * outSize;
    for (let o = 0; o < bias.length; o++) {
      output.fill(bias[o], o * area, (o + 1) * area);
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < 5; i++) {
          const k = ((o * channels + c) * 5 + i) * 5;
          const k0 = kernels[k], k1 = kernels[k + 1], k2 = kernels[k + 2], k3 = kernels[k + 3], k4 = kernels[k + 4];
          for (let y = 0; y < outSize; y++) {
            const from = (c * size + y + i) * size;
            const to = o * area + y * outSize;
            let p0 = maps[from], p1 = maps[from + 1], p2 = maps[from + 2], p3 = maps[from + 3];
            for (let x = 0; x < outSize; x++) {
              const p4 = maps[from + x + 4];
              output[to + x] += k0 * p0 + k1 * p1 + k2 * p2 + k3 * p3 + k4 * p4;
              p0 = p1;
              p1 = p2;
              p2 = p3;
              p3 = p4;
            }
          }
        }
      }
    }
  }

  /**
   * From the gradient by the output (O, size - 4, size - 4), mostly zeros after pooling, that by the maps (C, size,
   * size): each unit hands its own back to the 25 C values that it was made from, by the weights that it gave them.
   *
   * @type {(gradient: Float32Array, kernels: Float32Array, size: number) => Float32Array}
   */
  function convolveBackward(gradient, kernels, size) {
    const outSize = size - 4;
    const channels = (kernels.length * outSize * outSize) / (gradient.length * 25);
    const output = new Float32Array(channels * size * size);
    for (let at = 0; at < gradient.length; at++) {
      if (gradient[at] === 0) continue;
      const x = at % outSize;
      const y = Math.floor(at / outSize) % outSize;
      const o = Math.floor(at / (outSize * outSize));
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < 5; i++) {
          for (let j = 0; j < 5; j++) {
            output[(c * size + y + i) * size + x + j] += gradient[at] * kernels[((o * channels + c) * 5 + i) * 5 + j];
          }
        }
      }
    }
    return output;
  }

  /**
   * The largest of each 2x2 block, and 0 where that is negative: (C, size, size) to (C, size / 2, size / 2).
   *
   * @type {(maps: Float32Array, size: number, output: Float32Array) => void}
   */
  function poolAndRelu(maps, size, output) {
    const half = size / 2;
    // The maps lie under one another, so all of them together are one map that is C times as high.
    for (let y = 0; y < maps.length / size / 2; y++) {
      for (let x = 0; x < half; x++) {
        const at = 2 * y * size + 2 * x;
        output[y * half + x] = Math.max(0, maps[at], maps[at + 1], maps[at + size], maps[at + size + 1]);
      }
    }
  }

  /**
   * The gradient of a block goes to its largest value, the first where several are equal, as in PyTorch; to none where
   * the ReLU cut it off.
   *
   * @type {(gradient: Float32Array, maps: Float32Array, size: number) => Float32Array}
   */
  function poolAndReluBackward(gradient, maps, size) {
    const output = new Float32Array(maps.length);
    const half = size / 2;
    for (let i = 0; i < gradient.length; i++) {
      const first = 2 * Math.floor(i / half) * size + 2 * (i % half);
      let best = first;
      for (const at of [first + 1, first + size, first + size + 1]) if (maps[at] > maps[best]) best = at;
      if (maps[best] > 0) output[best] = gradient[i];
    }
    return output;
  }

  /**
   * output = matrix @ vector + bias.
   *
   * @type {(vector: Float32Array, matrix: Float32Array, bias: Float32Array, output: Float32Array) => void}
   */
  function linear(vector, matrix, bias, output) {
    const n = vector.length;
    for (let row = 0; row < bias.length; row++) {
      let sum = bias[row];
      for (let i = 0; i < n; i++) sum += matrix[row * n + i] * vector[i];
      output[row] = sum;
    }
  }

  /** The transposed matrix @ gradient. @type {(gradient: Float32Array, matrix: Float32Array) => Float32Array} */
  function linearBackward(gradient, matrix) {
    const n = matrix.length / gradient.length;
    const output = new Float32Array(n);
    for (let row = 0; row < gradient.length; row++) {
      if (gradient[row] === 0) continue;
      for (let i = 0; i < n; i++) output[i] += gradient[row] * matrix[row * n + i];
    }
    return output;
  }

  /**
   * exp(logit) / sum of all exp(logit). The largest logit is taken off first, so that exp cannot overflow.
   *
   * @type {(logits: Float32Array, output: Float32Array) => void}
   */
  function softmax(logits, output) {
    const largest = Math.max(...logits);
    let sum = 0;
    for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - largest);
    for (let i = 0; i < logits.length; i++) output[i] = Math.exp(logits[i] - largest) / sum;
  }

  return { convolve, convolveBackward, poolAndRelu, poolAndReluBackward, linear, linearBackward, softmax };
})();
