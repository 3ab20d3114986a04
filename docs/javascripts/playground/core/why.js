// Why does the network read this digit? Saliency and occlusion, as in lesson 10.

"use strict";

/**
 * @typedef {Generator<number, Float32Array, void>} Occluding
 * @typedef {{size?: number, stride?: number}} Patches
 */

digitlab.why = (() => {
  const { convolveBackward, poolAndReluBackward, linearBackward } = digitlab.layers;
  const { forward } = digitlab.network;

  /**
   * Saliency: by how much the target's logit would rise if a pixel rose a little. The chain rule, from the logit back
   * to the normalised image (28, 28); each step undoes one line of `forward`.
   *
   * @type {(weights: Weights, activations: Activations, target: number) => Float32Array}
   */
  function saliency(weights, activations, target) {
    const w = weights.tensors;
    const a = activations;
    const logits = new Float32Array(10);
    logits[target] = 1;
    const fc1 = linearBackward(logits, w["fc2.weight"]);
    for (let i = 0; i < 50; i++) if (a.fc1[i] <= 0) fc1[i] = 0; // ReLU: what was cut off has no say
    const pool2 = linearBackward(fc1, w["fc1.weight"]);
    const conv2 = poolAndReluBackward(pool2, a.conv2, 8);
    const pool1 = convolveBackward(conv2, w["conv2.weight"], 12);
    const conv1 = poolAndReluBackward(pool1, a.conv1, 24);
    return convolveBackward(conv1, w["conv1.weight"], 28);
  }

  /**
   * Occlusion: how far the target's logit falls when a patch of the image is wiped out; for each pixel the mean over
   * the patches that cover it. The same numbers as `digitlab.occlusion`.
   *
   * In slices of about 10 milliseconds, so that a page can answer the pen in between. Yields how much is done, 0..1,
   * and returns the map (28, 28), in logits. To give up, just leave the generator. The patches are squares of `size`
   * pixels, `stride` apart: 1 <= stride <= size <= 28.
   *
   * @type {(weights: Weights, pixels: Uint8Array, target: number, patches?: Patches) => Occluding}
   */
  function* occlusion(weights, pixels, target, { size = 5, stride = 1 } = {}) {
    const image = Uint8Array.from(pixels); // the caller may draw on
    const occluded = new Uint8Array(784);
    const activations = forward(weights, image);
    const logit = activations.fc2[target];
    const falls = new Float32Array(784); // the sum over the patches that cover a pixel
    const cover = new Float32Array(784); // how many these are
    const end = 28 - size + stride; // the last patches may be cut off by the edge
    let began = performance.now();
    for (let top = 0; top < end; top += stride) {
      const bottom = Math.min(28, top + size);
      for (let left = 0; left < end; left += stride) {
        const right = Math.min(28, left + size);
        let wiped = 0;
        occluded.set(image);
        for (let y = top; y < bottom; y++) {
          for (let x = left; x < right; x++) {
            wiped += image[y * 28 + x];
            occluded[y * 28 + x] = 0;
          }
        }
        // Where there was no ink nothing changes, and the pass can be saved: about half of them.
        const fall = wiped === 0 ? 0 : logit - forward(weights, occluded, activations).fc2[target];
        for (let y = top; y < bottom; y++) {
          for (let x = left; x < right; x++) {
            falls[y * 28 + x] += fall;
            cover[y * 28 + x] += 1;
          }
        }
        if (performance.now() - began > 10) {
          yield (top + (stride * left) / end) / end;
          began = performance.now();
        }
      }
    }
    return falls.map((fall, i) => fall / cover[i]);
  }

  return { saliency, occlusion };
})();
