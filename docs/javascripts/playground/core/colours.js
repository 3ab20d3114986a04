// Numbers as colours: viridis for magnitudes, blue and orange for signed values, as in the library's pictures.

"use strict";

/** @typedef {Uint8ClampedArray<ArrayBuffer>} Pixels red, green, blue, alpha, one after another. */

digitlab.colours = (() => {
  const BLACK_WHITE = palette("000000 ffffff");
  const WHITE_BLACK = palette("ffffff 000000");
  /** matplotlib's viridis at 9 places. */
  const VIRIDIS = palette("440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725");
  const BLUE_ORANGE = palette("0b3d78 3b82c4 a9cbe8 f8f8f8 f9c48f e0761b 8a3300");

  /** 256 colours between the given hexadecimal ones, as red, green, blue, one after another. @param {string} stops */
  function palette(stops) {
    const anchors = stops.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    return Uint8ClampedArray.from({ length: 768 }, (_, i) => {
      const place = (Math.floor(i / 3) / 255) * (anchors.length - 1);
      const low = Math.min(Math.floor(place), anchors.length - 2);
      return anchors[low][i % 3] + (place - low) * (anchors[low + 1][i % 3] - anchors[low][i % 3]);
    });
  }

  /** @param {ArrayLike<number>} values */
  function largestMagnitude(values) {
    let largest = 0;
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
    return largest;
  }

  /**
   * Where the colour of a value begins in a palette: zero in the middle of blue and orange, else at the start.
   *
   * @type {(value: number, scale: number, colours: Uint8ClampedArray) => number}
   */
  function place(value, scale, colours) {
    const share = scale > 0 ? value / scale : 0;
    return 3 * Math.max(0, Math.min(255, Math.round(255 * (colours === BLUE_ORANGE ? (share + 1) / 2 : share))));
  }

  /**
   * Numbers as opaque pixels. `scale` is the largest magnitude.
   *
   * @type {(values: ArrayLike<number>, scale: number, colours: Uint8ClampedArray) => Pixels}
   */
  function pixels(values, scale, colours) {
    const made = new Uint8ClampedArray(4 * values.length);
    for (let i = 0; i < values.length; i++) {
      const at = place(values[i], scale, colours);
      for (let c = 0; c < 3; c++) made[4 * i + c] = colours[at + c];
      made[4 * i + 3] = 255;
    }
    return made;
  }

  /** Signed numbers over an image, whose ink darkens them. @type {(heat: Float32Array, image: Uint8Array) => Pixels} */
  function over(heat, image) {
    const made = pixels(heat, largestMagnitude(heat), BLUE_ORANGE);
    return made.map((value, at) => (at % 4 === 3 ? value : value * (1 - (0.5 * image[at >> 2]) / 255)));
  }

  /**
   * One map as pixels. A layer has one scale. The input is shown as ink, 0..255: what a person sees.
   *
   * @type {(state: Pick<State, "activations" | "normalized">, layer: Layer, map: number) => Pixels}
   */
  function ofMap({ activations, normalized }, layer, map) {
    const { rows, columns } = digitlab.network.LAYERS[layer];
    const values = layer === "input" ? normalized.image : activations[layer];
    const own = values.subarray(map * rows * columns, (map + 1) * rows * columns);
    if (layer === "input") return pixels(own, 255, BLACK_WHITE);
    const signed = layer.startsWith("conv") || layer === "fc2"; // the others have been through a ReLU
    return pixels(own, largestMagnitude(values), signed ? BLUE_ORANGE : VIRIDIS);
  }

  /**
   * The ground for a signed number, and black or white for the number: whichever can be read on it.
   *
   * @type {(value: number, scale: number) => {background: string, color: string}}
   */
  function ground(value, scale) {
    const at = place(value, scale, BLUE_ORANGE);
    const [red, green, blue] = BLUE_ORANGE.slice(at, at + 3);
    const light = [red, green, blue].map((c) => (c / 255) ** 2.2);
    const luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
    // At 0.179 black and white stand out equally.
    return { background: `rgb(${red}, ${green}, ${blue})`, color: luminance > 0.179 ? "#000" : "#fff" };
  }

  return { BLACK_WHITE, WHITE_BLACK, VIRIDIS, BLUE_ORANGE, largestMagnitude, pixels, ofMap, over, ground };
})();
