// Is it a digit at all? What the library's `digitlab.unlikeness` measures, and a reason in words. Lesson 08.
//
// The ten answers never say. A second network of the same shape does: it was also shown letters, signs, scribbles and
// pairs, and taught to answer those with one tenth for each digit.

"use strict";

digitlab.doubt = (() => {
  /** `digitlab.doubt.UNLIKE`: of a hundred digits of the sample, one is above. */
  const UNLIKE = 0.5;
  let doubter = /** @type {Weights | null} */ (null);
  let activations = /** @type {Activations | undefined} */ (undefined);

  /** 0 for an ordinary digit, 1 where each digit is as likely as the others. @param {Uint8Array} image */
  function unlikeness(image) {
    const { digitlabDoubter } = /** @type {{digitlabDoubter: string}} */ (/** @type {unknown} */ (globalThis));
    doubter ??= digitlab.weightsFile.parse(digitlabDoubter);
    activations = digitlab.network.forward(doubter, image, activations);
    return (1 - Math.max(...activations.probabilities)) / 0.9;
  }

  /** What speaks against the reading; empty if nothing does. @param {Pick<State, "normalized">} state */
  function remark({ normalized: { box, boxed, image } }) {
    if (!box || !boxed) return ""; // an empty page says so; a digit that is not centred is not what it learnt
    const unlike = unlikeness(image);
    if (unlike <= UNLIKE) return "";
    return `That may be no digit: ${reason(boxed)} It has to answer all the same.`;
  }

  /** What is odd about it, by its shape. @param {Picture} ink */
  function reason({ pixels, width, height }) {
    const inked = pixels.reduce((sum, value) => sum + value, 0) / (255 * pixels.length);
    if (inked > 0.6 && width > 10 && height > 10) return "it is a blot, with no stroke to follow.";
    if (width > 1.6 * height && inked > 0.6) return "it is one stroke that lies.";
    if (gaps(pixels, width, height)) return "there are two pieces side by side, and it reads one digit at a time.";
    return "it is unlike all that it has learnt.";
  }

  /** Whether a column without ink parts the ink. @type {(pixels: Uint8Array, width: number, height: number) => boolean} */
  function gaps(pixels, width, height) {
    for (let x = 1; x < width - 1; x++) {
      let ink = 0;
      for (let y = 0; y < height; y++) ink += pixels[y * width + x];
      if (ink < 32) return true;
    }
    return false;
  }

  return { UNLIKE, unlikeness, remark };
})();
