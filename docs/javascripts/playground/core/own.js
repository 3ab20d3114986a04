// One's own test set: digits with the labels that their writer gave them, and the file that `dl.load_drawn` reads.

"use strict";

/** @typedef {{label: number, pixels: Uint8Array, read?: number, reader?: Weights}} OwnDigit */

digitlab.own = (() => {
  const FORMAT = "digitlab digits";
  /** Each takes 1.1 kB, and browsers keep a few megabytes for a site. */
  const MOST = 1000;
  const MAX_TEXT = 4_000_000;

  /** @type {(digits: OwnDigit[]) => string} */
  function toText(digits) {
    const lines = digits.map(({ label, pixels }) => {
      return `{"label": ${label}, "pixels": "${btoa(String.fromCharCode(...pixels))}"}`;
    });
    return `{"format": "${FORMAT}", "version": 1, "digits": [\n${lines.join(",\n")}\n]}\n`;
  }

  /** From a file's text, which may be anything: then it is an Error with one line. @type {(text: string) => OwnDigit[]} */
  function parse(text) {
    if (text.length > MAX_TEXT) throw new Error("This file is larger than 4 MB.");
    let content = null;
    try {
      content = JSON.parse(text);
    } catch {
      // Said below.
    }
    if (content === null || content.format !== FORMAT || content.version !== 1 || !Array.isArray(content.digits)) {
      throw new Error("This file holds no digits that were saved on this page, or it is damaged.");
    }
    return content.digits.map(readDigit);
  }

  /** @type {(saved: any, at: number) => OwnDigit} */
  function readDigit(saved, at) {
    const label = saved?.label;
    const pixels = typeof saved?.pixels === "string" && saved.pixels.length === 1048 ? decode(saved.pixels) : null;
    if (pixels?.length === 784 && Number.isInteger(label) && label >= 0 && label <= 9) return { label, pixels };
    throw new Error(`The file is damaged: digit ${at + 1} needs a label, 0 to 9, and 28 by 28 pixels.`);
  }

  /** @param {string} text */
  function decode(text) {
    try {
      return digitlab.weightsFile.decodeBase64(text);
    } catch {
      return null;
    }
  }

  /** Those of the new ones that are not there yet, as far as there is room. @type {(kept: OwnDigit[], more: OwnDigit[]) => OwnDigit[]} */
  function fresh(kept, more) {
    const name = (/** @type {OwnDigit} */ { label, pixels }) => `${label} ${pixels.join()}`;
    const known = new Set(kept.map(name));
    const added = more.filter((digit) => known.size < known.add(name(digit)).size);
    return added.slice(0, MOST - kept.length);
  }

  /** What the network reads each digit as; asked once for each network. @type {(digits: OwnDigit[], weights: Weights) => void} */
  function readAll(digits, weights) {
    for (const digit of digits) {
      if (digit.reader === weights) continue;
      const { probabilities } = digitlab.network.forward(weights, digit.pixels);
      digit.read = probabilities.indexOf(Math.max(...probabilities));
      digit.reader = weights;
    }
  }

  /** How many it reads, and which it does not. @param {OwnDigit[]} digits once they are read */
  function score(digits) {
    if (!digits.length) return "None yet.";
    const wrong = digits.filter(({ label, read }) => label !== read);
    const right = `The network reads ${digits.length - wrong.length} of your ${digits.length} digits.`;
    if (!wrong.length) return right;
    const pairs = wrong.slice(0, 5).map(({ label, read }) => `a ${label} for a ${read}`);
    return `${right} It takes ${pairs.join(", ")}${wrong.length > 5 ? ", and more" : ""}.`;
  }

  return { MOST, MAX_TEXT, toText, parse, fresh, readAll, score };
})();
