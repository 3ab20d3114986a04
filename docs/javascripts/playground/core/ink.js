// From a pen to 28x28 pixels: strokes on a drawing, and the drawing prepared as MNIST's digits were (lesson 13).

"use strict";

/**
 * @typedef {{x: number, y: number}} Point in pixels of the drawing.
 * @typedef {{left: number, top: number, width: number, height: number}} Box
 * @typedef {{pixels: Uint8Array, width: number, height: number}} Picture
 * @typedef {{box: Box | null, boxed: Picture | null, image: Uint8Array}} Normalized
 *   `box` is where the ink is on the drawing, null where there is none. `boxed` is the ink fitted into 20x20, null
 *   where that was not done. `image` is what the network gets, 28x28.
 */

digitlab.ink = (() => {
  /** The side of the page's drawing in its own pixels, whatever size the page shows it in. */
  const SIDE = 280;

  // A drawing is bytes, row by row: 0 paper to 255 ink. The page's has SIDE * SIDE of them.

  /**
   * A stroke of a round pen from one point to another. Each pixel gets as much ink as the pen covers of it.
   *
   * @type {(ink: Uint8Array, from: Point, to: Point, width: number) => void}
   */
  function draw(ink, from, to, width) {
    const clip = (/** @type {number} */ value, /** @type {number} */ most) => Math.max(0, Math.min(most, value));
    const reach = width / 2 + 0.5;
    const dx = to.x - from.x;
    const dy = to.y - from.y;
    const square = dx * dx + dy * dy || 1; // a dot has no length
    const left = clip(Math.floor(Math.min(from.x, to.x) - reach), SIDE);
    const right = clip(Math.ceil(Math.max(from.x, to.x) + reach), SIDE);
    const top = clip(Math.floor(Math.min(from.y, to.y) - reach), SIDE);
    const bottom = clip(Math.ceil(Math.max(from.y, to.y) + reach), SIDE);
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        // From the pixel's middle to the nearest place on the line.
        const px = x + 0.5 - from.x;
        const py = y + 0.5 - from.y;
        const along = clip((px * dx + py * dy) / square, 1);
        const distance = Math.sqrt((px - along * dx) ** 2 + (py - along * dy) ** 2);
        const value = Math.round(255 * clip(reach - distance, 1));
        if (value > ink[y * SIDE + x]) ink[y * SIDE + x] = value;
      }
    }
  }

  /** Put 28x28 pixels on the drawing, each as a square. @type {(ink: Uint8Array, pixels: Uint8Array) => void} */
  function put(ink, pixels) {
    const cell = SIDE / 28;
    for (let i = 0; i < ink.length; i++) {
      ink[i] = pixels[28 * Math.floor(i / SIDE / cell) + Math.floor((i % SIDE) / cell)];
    }
  }

  /**
   * Fit a drawing into 20x20 and centre its mass in 28x28, by the rule of `digitlab.photo.normalize_ink`:
   *
   * 1. Crop to the pixels above 0; say h x w, and s = max(h, w) / 20.
   * 2. Reduce to max(1, floor(h / s + 1/2)) x ..., each new pixel the mean of the area that becomes it.
   * 3. Round to whole grey levels.
   * 4. Paste with whole-pixel steps so that the centre of mass comes to lie in [13.5, 14.5), counting from 0.
   *
   * Without `centre` the whole drawing is scaled to 28x28 as it is.
   *
   * @type {(ink: Uint8Array, width: number, height: number, centre?: boolean) => Normalized}
   */
  function normalize(ink, width, height, centre = true) {
    const image = new Uint8Array(784);
    const box = findBox(ink, width, height);
    if (box === null) return { box, boxed: null, image };
    if (!centre) return { box, boxed: null, image: reduce(ink, width, { left: 0, top: 0, width, height }, 28, 28) };
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

  /** @type {(ink: Uint8Array, width: number, height: number) => Box | null} */
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
   * @type {(ink: Uint8Array, width: number, box: Box, w: number, h: number) => Uint8Array}
   */
  function reduce(ink, width, box, w, h) {
    const rows = new Float64Array(h * box.width);
    forEachShare(box.height, h, (from, to, share) => {
      const start = (box.top + from) * width + box.left;
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
   * @type {(nIn: number, nOut: number, callback: (from: number, to: number, share: number) => void) => void}
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

  return { SIDE, draw, put, normalize };
})();
