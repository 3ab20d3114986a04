// Reads the weights that `digitlab export --format js` writes. A file is somebody else's: nothing in it is run.

"use strict";

digitlab.weightsFile = (() => {
  /** Characters of the largest file that is looked at; a file of this network's has about 59,000. */
  const MAX_TEXT = 100_000;

  /**
   * From a file's text: the script, or the JSON alone. One that is foreign, damaged, too large or hostile is an Error
   * with one line for people.
   *
   * @type {(text: string) => Weights}
   */
  function parse(text) {
    if (text.length > MAX_TEXT) {
      throw new Error(`This file is too large: ${text.length} characters; weights for this page have about 59,000.`);
    }
    const script = /^\s*window\.digitlabWeights\s*=\s*'([^'\\\n]*)';?\s*$/.exec(text);
    let content = null;
    try {
      content = JSON.parse(script ? script[1] : text);
    } catch {
      // Said below.
    }
    if (!isObject(content) || content.format !== "digitlab-weights") {
      throw new Error("This is not a weights file, or it is damaged: make one with digitlab export RUN --format js.");
    }
    if (content.version !== 1) throw new Error(`This file is of version ${shown(content.version)}; this page reads 1.`);
    if (content.model !== "cnn") throw new Error(`This page runs the model "cnn", not ${shown(content.model)}.`);
    if (content.dtype !== "float16") throw new Error(`The weights must be float16, not ${shown(content.dtype)}.`);
    const name = cleanText(content, "name");
    const measured = cleanText(content, "measured");
    if (!isObject(content.tensors)) throw damaged("it holds no tensors");
    const shapes = Object.entries(digitlab.network.WEIGHT_SHAPES);
    const unknown = Object.keys(content.tensors).find((key) => !shapes.some(([known]) => key === known));
    if (unknown !== undefined) throw new Error(`The file holds a tensor that the network has not: ${shown(unknown)}.`);
    /** @type {Record<string, Float32Array>} */
    const tensors = {};
    for (const [key, shape] of shapes) tensors[key] = readTensor(content.tensors, key, shape);
    return { name, measured, tensors };
  }

  /** @type {(tensors: Record<string, any>, key: string, shape: number[]) => Float32Array} */
  function readTensor(tensors, key, shape) {
    if (!Object.keys(tensors).includes(key)) throw damaged(`${key} is missing`);
    const tensor = tensors[key];
    if (!isObject(tensor) || !Array.isArray(tensor.shape) || typeof tensor.data !== "string") {
      throw damaged(`${key} has no shape or no data`);
    }
    const { shape: claimed, data } = tensor;
    if (claimed.length !== shape.length || shape.some((n, i) => claimed[i] !== n)) {
      const found = claimed.slice(0, 6).map(shown).join(" x ");
      throw damaged(`${key} should have the shape ${shape.join(" x ")}, not ${found}`);
    }
    const count = shape.reduce((a, b) => a * b, 1);
    const bytes = decodeBase64(data, key);
    if (bytes.length !== 2 * count) throw damaged(`${key} has ${bytes.length} bytes, not ${2 * count}`);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = float16(bytes[2 * i] | (bytes[2 * i + 1] << 8));
    // A finite float16 is at most 65,504, and four layers of those stay far below what a float32 can hold. So the check
    // here is enough: no drawing can make the network answer with something that is not a number.
    if (!values.every(Number.isFinite)) throw damaged(`${key} holds a value that is no number`);
    return values;
  }

  /** The bytes of a text, of which `name` says what it is. @type {(text: string, name?: string) => Uint8Array} */
  function decodeBase64(text, name = "the text") {
    if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw damaged(`${name} is not base64`);
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  /** IEEE 754, binary16: 1 bit sign, 5 bits exponent, 10 bits fraction. @type {(bits: number) => number} */
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
   * @type {(content: Record<string, any>, key: "name" | "measured") => string}
   */
  function cleanText(content, key) {
    const text = content[key];
    if (typeof text !== "string" || text.length > 200 || /[\p{C}\p{Zl}\p{Zp}]/u.test(text)) {
      throw damaged(`its ${key} is not one short line of text`);
    }
    return text;
  }

  /** @param {string} how */
  function damaged(how) {
    return new Error(`The file is damaged: ${how}.`);
  }

  /** @type {(value: unknown) => value is Record<string, any>} */
  function isObject(value) {
    return typeof value === "object" && value !== null && !Array.isArray(value);
  }

  /** What somebody else wrote, short enough and plain enough for a message. @type {(value: unknown) => string} */
  function shown(value) {
    if (typeof value === "string") return JSON.stringify(value.slice(0, 40)).replace(/[^\x20-\x7e]/g, "?");
    if (Array.isArray(value)) return `a list of ${value.length}`;
    return typeof value === "object" && value !== null ? "an object" : String(value);
  }

  return { parse, decodeBase64 };
})();
