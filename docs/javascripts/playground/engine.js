// @ts-check
// The course's network, run by hand: what `digitlab.CNN` computes in PyTorch, here in plain JavaScript.
//
// It reads weights, prepares a drawing as MNIST's digits were prepared, runs the network forwards, and asks it
// "why?" in two ways. It draws nothing, fetches nothing, and keeps no state between calls. Lesson 13 writes the
// same network in NumPy, lesson 04 the convolution, lesson 08 saliency and occlusion, lesson 11 the preparation.
//
// Maps are flat arrays in row-major order: of maps (C, H, W), the value at (c, y, x) is number (c * H + y) * W + x.

"use strict";

/**
 * @typedef {{name: string, measured: string, tensors: Record<string, Float32Array>}} Weights
 *   `name` and `measured` are for people. `tensors` are keyed as in PyTorch, "conv1.weight" to "fc2.bias".
 * @typedef {{
 *   input: Float32Array, conv1: Float32Array, pool1: Float32Array, conv2: Float32Array, pool2: Float32Array,
 *   fc1: Float32Array, logits: Float32Array, probabilities: Float32Array
 * }} Activations
 *   Everything that one forward pass computes, in order. Shapes are in `Engine.SHAPES`.
 * @typedef {{size?: number, stride?: number}} OcclusionOptions
 *   The side of the square patch, and the pixels from one patch to the next: 1 <= stride <= size <= 28.
 * @typedef {{
 *   box: {left: number, top: number, width: number, height: number} | null,
 *   boxed: {pixels: Uint8Array, width: number, height: number} | null,
 *   image: Uint8Array
 * }} Normalized
 *   `box` is where the ink is on the canvas, null where there is none. `boxed` is the ink fitted into 20x20, null
 *   where that was not done. `image` is what the network gets, 28x28.
 */

var Engine = (() => {
  /** Mean and standard deviation of MNIST's pixels, of 0..1: `digitlab.data.MEAN` and `STD`. */
  const MEAN = 0.1307;
  const STD = 0.3081;

  /** The shape of each step. */
  const SHAPES = Object.freeze({
    input: [28, 28],
    conv1: [10, 24, 24],
    pool1: [10, 12, 12],
    conv2: [20, 8, 8],
    pool2: [20, 4, 4],
    fc1: [50],
    logits: [10],
    probabilities: [10],
  });

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

  // --- forwards ------------------------------------------------------------------------------------------------------

  /**
   * One image through the network.
   *
   * @param {Weights} weights
   * @param {Uint8Array} pixels 784 bytes, 0 paper to 255 ink.
   * @param {Activations} [activations] arrays of an earlier pass to write into, where new ones are not wanted.
   * @returns {Activations}
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
    linear(a.fc1, w["fc2.weight"], w["fc2.bias"], a.logits); // (10)
    softmax(a.logits, a.probabilities); // (10)
    return a;
  }

  /** @returns {Activations} */
  function emptyActivations() {
    const of = (/** @type {number[]} */ shape) => new Float32Array(product(shape));
    return {
      input: of(SHAPES.input),
      conv1: of(SHAPES.conv1),
      pool1: of(SHAPES.pool1),
      conv2: of(SHAPES.conv2),
      pool2: of(SHAPES.pool2),
      fc1: of(SHAPES.fc1),
      logits: of(SHAPES.logits),
      probabilities: of(SHAPES.probabilities),
    };
  }

  /**
   * Convolution: maps (C, size, size) under kernels (O, C, 5, 5) to output (O, size - 4, size - 4).
   *
   * The plain way is six loops with one product inside. Here the order of the loops is chosen for speed: one row of
   * one kernel, five numbers, stays at hand while it is slid over a whole map, and five pixels of the map slide
   * through five variables. Each output is still the bias plus the sum of 25 C products.
   *
   * @param {Float32Array} maps
   * @param {number} size
   * @param {Float32Array} kernels
   * @param {Float32Array} bias
   * @param {Float32Array} output
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
   * The largest of each 2x2 block, and 0 where that is negative: (C, size, size) to (C, size / 2, size / 2).
   *
   * @param {Float32Array} maps
   * @param {number} size
   * @param {Float32Array} output
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
   * output = matrix @ vector + bias.
   *
   * @param {Float32Array} vector
   * @param {Float32Array} matrix
   * @param {Float32Array} bias
   * @param {Float32Array} output
   */
  function linear(vector, matrix, bias, output) {
    const n = vector.length;
    for (let row = 0; row < bias.length; row++) {
      let sum = bias[row];
      for (let i = 0; i < n; i++) sum += matrix[row * n + i] * vector[i];
      output[row] = sum;
    }
  }

  /**
   * exp(logit) / sum of all exp(logit). The largest logit is taken off first, so that exp cannot overflow.
   *
   * @param {Float32Array} logits
   * @param {Float32Array} output
   */
  function softmax(logits, output) {
    const largest = Math.max(...logits);
    let sum = 0;
    for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - largest);
    for (let i = 0; i < logits.length; i++) output[i] = Math.exp(logits[i] - largest) / sum;
  }

  /**
   * Which part of the image a unit of a layer can see. No layer pads, so it never leaves the image.
   *
   * @param {"conv1" | "pool1" | "conv2" | "pool2"} layer
   * @param {number} row
   * @param {number} column
   * @returns {{top: number, left: number, size: number}} in pixels of the image.
   */
  function receptiveField(layer, row, column) {
    // Each pooling doubles the step from one unit to the next; each layer adds its reach, in steps of the one before.
    const fields = { conv1: [1, 5], pool1: [2, 6], conv2: [2, 14], pool2: [4, 16] };
    if (!Object.keys(fields).includes(layer)) throw new Error(`no layer of this name: ${shown(layer)}`);
    const [step, size] = fields[layer];
    const side = SHAPES[layer][1];
    if (!(row >= 0 && row < side && column >= 0 && column < side)) {
      throw new Error(`${layer} has rows and columns 0 to ${side - 1}, not ${row} and ${column}`);
    }
    return { top: step * row, left: step * column, size };
  }

  // --- why? ----------------------------------------------------------------------------------------------------------

  /**
   * Saliency: by how much the target's logit would rise if a pixel rose a little. The chain rule, from the logit back
   * to the image; each step undoes one line of `forward`.
   *
   * @param {Weights} weights
   * @param {Activations} activations of the image in question.
   * @param {number} target 0..9, the class whose logit is asked about.
   * @returns {Float32Array} (28, 28), with its sign, by the normalised input.
   */
  function saliency(weights, activations, target) {
    checkTarget(target);
    const w = weights.tensors;
    const a = activations;
    const fc1 = new Float32Array(50);
    const pool2 = new Float32Array(320);
    for (let j = 0; j < 50; j++) {
      if (a.fc1[j] <= 0) continue; // ReLU: what was cut off has no say
      fc1[j] = w["fc2.weight"][target * 50 + j];
      for (let i = 0; i < 320; i++) pool2[i] += fc1[j] * w["fc1.weight"][j * 320 + i];
    }
    const pool1 = new Float32Array(1440);
    const conv2 = poolAndReluBackward(pool2, a.conv2, 8);
    convolveBackward(conv2, w["conv2.weight"], pool1, 12);
    const input = new Float32Array(784);
    const conv1 = poolAndReluBackward(pool1, a.conv1, 24);
    convolveBackward(conv1, w["conv1.weight"], input, 28);
    return input;
  }

  /**
   * The gradient of a block goes to its largest value, the first where several are equal, as in PyTorch; to none where
   * the ReLU cut it off.
   *
   * @param {Float32Array} gradient by the pooled maps.
   * @param {Float32Array} maps what was pooled, (C, size, size).
   * @param {number} size
   * @returns {Float32Array} by `maps`.
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
   * Each unit hands its gradient back to the 25 C values that it was made from, by the weights that it gave them.
   *
   * @param {Float32Array} gradient by the convolution's output (O, size - 4, size - 4): mostly zeros, after pooling.
   * @param {Float32Array} kernels (O, C, 5, 5).
   * @param {Float32Array} output by the convolution's input (C, size, size): added to.
   * @param {number} size
   */
  function convolveBackward(gradient, kernels, output, size) {
    const outSize = size - 4;
    const channels = output.length / (size * size);
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
  }

  /**
   * Occlusion: how far the target's logit falls when a patch of the image is wiped out; for each pixel the mean over
   * the patches that cover it. The same numbers as `digitlab.occlusion`.
   *
   * @param {Weights} weights
   * @param {Uint8Array} pixels
   * @param {number} target
   * @param {OcclusionOptions} [options]
   * @returns {Float32Array} (28, 28), in logits.
   */
  function occlusion(weights, pixels, target, options) {
    const slices = occlusionSlices(weights, pixels, target, options);
    for (;;) {
      const step = slices.next();
      if (step.done) return step.value;
    }
  }

  /**
   * The same in slices of about 10 milliseconds, so that a page can answer the pen in between. Yields how much is
   * done, 0..1, and returns the map. To give up, call the generator's `return`, or just leave it.
   *
   * @param {Weights} weights
   * @param {Uint8Array} pixels
   * @param {number} target
   * @param {OcclusionOptions} [options]
   * @returns {Generator<number, Float32Array, void>}
   */
  function* occlusionSlices(weights, pixels, target, { size = 5, stride = 1 } = {}) {
    checkTarget(target);
    if (!(Number.isInteger(size) && Number.isInteger(stride) && 1 <= stride && stride <= size && size <= 28)) {
      throw new Error(`expected 1 <= stride <= size <= 28, got stride ${stride} and size ${size}`);
    }
    const image = Uint8Array.from(pixels); // the caller may draw on
    const occluded = new Uint8Array(784);
    const activations = forward(weights, image);
    const logit = activations.logits[target];
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
        const fall = wiped === 0 ? 0 : logit - forward(weights, occluded, activations).logits[target];
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

  /** @param {number} target */
  function checkTarget(target) {
    if (!(Number.isInteger(target) && target >= 0 && target <= 9)) {
      throw new Error(`target must be a digit, 0 to 9, not ${shown(target)}`);
    }
  }

  // --- from a drawing to 28x28 ---------------------------------------------------------------------------------------

  /**
   * Fit a drawing into 20x20 and centre its mass in 28x28, by the rule of `digitlab.photo.normalize_ink`:
   *
   * 1. Crop to the pixels above 0; say h x w, and s = max(h, w) / 20.
   * 2. Reduce to max(1, floor(h / s + 1/2)) x ..., each new pixel the mean of the area that becomes it.
   * 3. Round to whole grey levels.
   * 4. Paste with whole-pixel steps so that the centre of mass comes to lie in [13.5, 14.5), counting from 0.
   *
   * @param {Uint8Array | Uint8ClampedArray} ink width * height bytes, 0 paper to 255 ink.
   * @param {number} width
   * @param {number} height
   * @param {{centre?: boolean}} [options] `centre: false` scales the whole canvas to 28x28 as it is instead.
   * @returns {Normalized}
   */
  function normalize(ink, width, height, { centre = true } = {}) {
    if (!(width >= 1 && height >= 1 && ink.length === width * height)) {
      throw new Error(`ink must hold ${width} x ${height} bytes, not ${ink.length}`);
    }
    const image = new Uint8Array(784);
    const box = findBox(ink, width, height);
    if (box === null) return { box, boxed: null, image };
    if (!centre) {
      image.set(reduce(ink, width, { left: 0, top: 0, width, height }, 28, 28));
      return { box, boxed: null, image };
    }
    const scale = Math.max(box.width, box.height) / 20;
    const w = Math.max(1, Math.floor(box.width / scale + 0.5));
    const h = Math.max(1, Math.floor(box.height / scale + 0.5));
    const pixels = reduce(ink, width, box, w, h);

    let mass = 0, massX = 0, massY = 0;
    for (let i = 0; i < pixels.length; i++) {
      mass += pixels[i];
      massX += pixels[i] * (i % w);
      massY += pixels[i] * Math.floor(i / w);
    }
    const left = Math.ceil(13.5 - massX / Math.max(1, mass));
    const top = Math.ceil(13.5 - massY / Math.max(1, mass));
    for (let i = 0; i < pixels.length; i++) {
      const x = left + (i % w);
      const y = top + Math.floor(i / w);
      if (x >= 0 && x < 28 && y >= 0 && y < 28) image[y * 28 + x] = pixels[i];
    }
    return { box, boxed: { pixels, width: w, height: h }, image };
  }

  /**
   * @param {Uint8Array | Uint8ClampedArray} ink
   * @param {number} width
   * @param {number} height
   */
  function findBox(ink, width, height) {
    let left = width, right = -1, top = height, bottom = -1;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (ink[y * width + x] === 0) continue;
        if (x < left) left = x;
        if (x > right) right = x;
        if (y < top) top = y;
        bottom = y;
      }
    }
    return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
  }

  /**
   * Scale a box of the drawing to w x h bytes: first along the columns of pixels, then along the rows.
   *
   * @param {Uint8Array | Uint8ClampedArray} ink
   * @param {number} stride from one row of the drawing to the next.
   * @param {{left: number, top: number, width: number, height: number}} box
   * @param {number} w
   * @param {number} h
   */
  function reduce(ink, stride, box, w, h) {
    const rows = new Float64Array(h * box.width);
    forEachShare(box.height, h, (from, to, share) => {
      const start = (box.top + from) * stride + box.left;
      for (let x = 0; x < box.width; x++) rows[to * box.width + x] += (share * ink[start + x]) / 255;
    });
    const values = new Float64Array(h * w);
    forEachShare(box.width, w, (from, to, share) => {
      for (let y = 0; y < h; y++) values[y * w + to] += share * rows[y * box.width + from];
    });
    return Uint8Array.from(values, (value) => Math.floor(255 * Math.min(1, value) + 0.5));
  }

  /**
   * Pixel `to` of nOut is the mean of the pixels to * nIn / nOut until (to + 1) * nIn / nOut of nIn, parts of pixels
   * counted as parts. Calls back with each pixel `from` in that stretch and its share of the mean.
   *
   * @param {number} nIn
   * @param {number} nOut
   * @param {(from: number, to: number, share: number) => void} callback
   */
  function forEachShare(nIn, nOut, callback) {
    for (let to = 0; to < nOut; to++) {
      const begin = (to * nIn) / nOut;
      const end = ((to + 1) * nIn) / nOut;
      for (let from = Math.floor(begin); from < end; from++) {
        const covered = Math.min(end, from + 1) - Math.max(begin, from);
        callback(from, to, (covered * nOut) / nIn);
      }
    }
  }

  // --- weights from a file -------------------------------------------------------------------------------------------

  /** Characters of the largest file that is looked at; a file of this network's has about 59,000. */
  const MAX_TEXT = 100_000;

  /**
   * Read what `digitlab export --format js` writes. Nothing in the file is run: it is text, and JSON inside.
   *
   * @param {string} text the file's text: the script, or the JSON alone.
   * @returns {Weights}
   * @throws {Error} with one line for people, for a file that is foreign, damaged, too large or hostile.
   */
  function parseWeights(text) {
    if (typeof text !== "string") throw new Error("The weights must be a file's text.");
    if (text.length > MAX_TEXT) {
      throw new Error(`This file is too large: ${text.length} characters; weights for this page have about 59,000.`);
    }
    const script = /^\s*window\.digitlabWeights\s*=\s*'([^'\\\n]*)';?\s*$/.exec(text);
    let content;
    try {
      content = JSON.parse(script ? script[1] : text);
    } catch {
      throw new Error("This is not a weights file, or it is damaged: make one with digitlab export RUN --format js.");
    }
    if (!isObject(content) || content.format !== "digitlab-weights") {
      throw new Error("This is not a weights file: make one with digitlab export RUN --format js.");
    }
    if (content.version !== 1) throw new Error(`This file is of version ${shown(content.version)}; this page reads 1.`);
    if (content.model !== "cnn") throw new Error(`This page runs the model "cnn", not ${shown(content.model)}.`);
    if (content.dtype !== "float16") throw new Error(`The weights must be float16, not ${shown(content.dtype)}.`);
    const name = cleanText(content, "name");
    const measured = cleanText(content, "measured");
    if (!isObject(content.tensors)) throw new Error("The file is damaged: it holds no tensors.");
    const unknown = Object.keys(content.tensors).find((key) => !Object.keys(WEIGHT_SHAPES).includes(key));
    if (unknown !== undefined) throw new Error(`The file holds a tensor that the network has not: ${shown(unknown)}.`);
    /** @type {Record<string, Float32Array>} */
    const tensors = {};
    for (const [key, shape] of Object.entries(WEIGHT_SHAPES)) tensors[key] = readTensor(content.tensors, key, shape);
    return { name, measured, tensors };
  }

  /**
   * @param {Record<string, any>} tensors
   * @param {string} key
   * @param {number[]} shape what it should be.
   */
  function readTensor(tensors, key, shape) {
    if (!Object.keys(tensors).includes(key)) throw new Error(`The file is damaged: ${key} is missing.`);
    const tensor = tensors[key];
    if (!isObject(tensor) || !Array.isArray(tensor.shape) || typeof tensor.data !== "string") {
      throw new Error(`The file is damaged: ${key} has no shape or no data.`);
    }
    const { shape: claimed, data } = tensor;
    if (claimed.length !== shape.length || shape.some((n, i) => claimed[i] !== n)) {
      const found = claimed.slice(0, 6).map(shown).join(" x ");
      throw new Error(`The file is damaged: ${key} should have the shape ${shape.join(" x ")}, not ${found}.`);
    }
    const bytes = decodeBase64(data, key);
    if (bytes.length !== 2 * product(shape)) {
      throw new Error(`The file is damaged: ${key} has ${bytes.length} bytes, not ${2 * product(shape)}.`);
    }
    const values = new Float32Array(product(shape));
    for (let i = 0; i < values.length; i++) values[i] = float16(bytes[2 * i] | (bytes[2 * i + 1] << 8));
    // A finite float16 is at most 65,504, and four layers of those stay far below what a float32 can hold. So the check
    // here is enough: no drawing can make the network answer with something that is not a number.
    if (!values.every(Number.isFinite)) throw new Error(`The file is damaged: ${key} holds a value that is no number.`);
    return values;
  }

  /**
   * @param {string} text
   * @param {string} [name] what it is, for the message.
   */
  function decodeBase64(text, name = "the text") {
    if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
      throw new Error(`The file is damaged: ${name} is not base64.`);
    }
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  /**
   * Half precision: 1 bit sign, 5 bits exponent, 10 bits fraction (IEEE 754, binary16).
   *
   * @param {number} bits
   */
  function float16(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1024 + fraction) * 2 ** (exponent - 25);
  }

  /**
   * A line for people: it goes into the page as text, so it only has to be short and printable.
   *
   * @param {Record<string, any>} content
   * @param {"name" | "measured"} key
   * @returns {string}
   */
  function cleanText(content, key) {
    const text = content[key];
    if (typeof text !== "string" || text.length > 200 || /[\p{C}\p{Zl}\p{Zp}]/u.test(text)) {
      throw new Error(`The file is damaged: its ${key} is not one short line of text.`);
    }
    return text;
  }

  /**
   * @param {unknown} value
   * @returns {value is Record<string, any>}
   */
  function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
  }

  /**
   * What somebody else wrote, short enough and plain enough for a message.
   *
   * @param {unknown} value
   * @returns {string}
   */
  function shown(value) {
    if (typeof value === "string") return JSON.stringify(value.slice(0, 40)).replace(/[^\x20-\x7e]/g, "?");
    if (Array.isArray(value)) return `a list of ${value.length}`;
    return typeof value === "object" && value !== null ? "an object" : String(value);
  }

  /** @param {number[]} shape */
  function product(shape) {
    return shape.reduce((a, b) => a * b, 1);
  }

  return {
    ...{ MEAN, STD, SHAPES, WEIGHT_SHAPES },
    ...{ parseWeights, decodeBase64, forward, saliency, occlusion, occlusionSlices, normalize, receptiveField },
  };
})();

// For `require` in Node, where the tests run; a browser has no `module`. Written so that TypeScript goes on taking this
// file for a script.
// @ts-ignore
if (typeof module === "object") Object.assign(module, { exports: Engine });
