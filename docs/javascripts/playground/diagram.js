// @ts-check
// The network as a picture: every map on a small canvas, and for any one unit the sum that made it.
//
// `Diagram.build` makes the buttons once, `Diagram.draw` paints what one forward pass computed, `Diagram.explain` says
// where one number came from. It computes nothing that the engine has not computed: it only takes its sums apart. It
// knows nothing of the pen, the files and the links: those are in page.js. Lessons 04 and 05 do these sums by hand.

"use strict";

/**
 * @typedef {"input" | "conv1" | "pool1" | "conv2" | "pool2" | "fc1" | "logits"} Layer
 * @typedef {{layer: Layer, map: number, row: number, column: number}} Unit
 *   One number of the network. The vectors fc1 (50) and logits (10) are taken as one map, 5 x 10 and 1 x 10.
 * @typedef {{name: string, what: string, maps: number, rows: number, columns: number, colours: "ink" | "viridis" | "signed"}} LayerInfo
 */

var Diagram = (() => {
  /** @type {Record<Layer, LayerInfo>} */
  const LAYERS = {
    input: { name: "input", what: "28 × 28 pixels", maps: 1, rows: 28, columns: 28, colours: "ink" },
    conv1: { name: "conv1", what: "10 maps, 24 × 24", maps: 10, rows: 24, columns: 24, colours: "signed" },
    pool1: { name: "pool1", what: "10 maps, 12 × 12", maps: 10, rows: 12, columns: 12, colours: "viridis" },
    conv2: { name: "conv2", what: "20 maps, 8 × 8", maps: 20, rows: 8, columns: 8, colours: "signed" },
    pool2: { name: "pool2", what: "20 maps, 4 × 4", maps: 20, rows: 4, columns: 4, colours: "viridis" },
    fc1: { name: "fc1", what: "50 units", maps: 1, rows: 5, columns: 10, colours: "viridis" },
    logits: { name: "fc2, softmax", what: "10 probabilities", maps: 1, rows: 1, columns: 10, colours: "signed" },
  };

  // --- numbers and colours -----------------------------------------------------------------------------------------

  /**
   * A number in three digits, with a true minus sign.
   *
   * @param {number} value
   * @param {number} [decimals] no more than these after the point.
   */
  function shortNumber(value, decimals = 3) {
    const rounded = Number(value.toPrecision(3));
    const text = Math.abs(rounded) >= 100 ? rounded.toFixed(0) : String(Number(rounded.toFixed(decimals)) + 0);
    return text.replace("-", "−");
  }

  /**
   * A probability in percent. Never rounds to all or nothing what is neither.
   *
   * @param {number} share 0..1
   * @param {number} [decimals]
   */
  function percent(share, decimals = 0) {
    const step = 10 ** -decimals;
    const text = (100 * share).toFixed(decimals);
    if (Number(text) === 0) return `< ${step} %`;
    return Number(text) === 100 ? `> ${100 - step} %` : `${text} %`;
  }

  /** matplotlib's viridis at 17 places, and the blue-orange of `digitlab.picture`. */
  const VIRIDIS = palette(
    "440154 48186a 472d7b 424086 3b528b 33638d 2c728e 26828e 21918c 1fa088 28ae80 3fbc73 5ec962 84d44b addc30 d8e219 fde725",
  );
  const BLUE_ORANGE = palette("0b3d78 3b82c4 a9cbe8 f8f8f8 f9c48f e0761b 8a3300");
  const BLACK_WHITE = palette("000000 ffffff");

  /**
   * 256 colours between the given ones, as red, green, blue, one after another.
   *
   * @param {string} stops hexadecimal colours with spaces between them.
   */
  function palette(stops) {
    const anchors = stops.split(" ").map((hex) => [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
    return Uint8ClampedArray.from({ length: 768 }, (_, i) => {
      const place = (Math.floor(i / 3) / 255) * (anchors.length - 1);
      const low = Math.min(Math.floor(place), anchors.length - 2);
      return anchors[low][i % 3] + (place - low) * (anchors[low + 1][i % 3] - anchors[low][i % 3]);
    });
  }

  /**
   * Where a value lies among 256 colours.
   *
   * @param {number} value
   * @param {number} scale the largest magnitude.
   * @param {boolean} signed zero is in the middle, and not at the start.
   */
  function level(value, scale, signed) {
    const share = scale > 0 ? value / scale : 0;
    return Math.max(0, Math.min(255, Math.round(255 * (signed ? (share + 1) / 2 : share))));
  }

  /** @param {ArrayLike<number>} values */
  function largestMagnitude(values) {
    let largest = 0;
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
    return largest;
  }

  /**
   * Paint numbers as pixels, one each, on a canvas of just that size.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {ArrayLike<number>} values of which rows * columns are painted,
   * @param {number} from from this one on.
   * @param {number} scale
   * @param {"ink" | "viridis" | "signed"} colours
   */
  function paint(canvas, values, from, scale, colours) {
    const context = context2d(canvas);
    const image = context.createImageData(canvas.width, canvas.height);
    const chosen = { ink: BLACK_WHITE, viridis: VIRIDIS, signed: BLUE_ORANGE }[colours];
    for (let i = 0; i < canvas.width * canvas.height; i++) {
      const at = 3 * level(values[from + i], scale, colours === "signed");
      image.data[4 * i] = chosen[at];
      image.data[4 * i + 1] = chosen[at + 1];
      image.data[4 * i + 2] = chosen[at + 2];
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {CanvasRenderingContext2DSettings} [settings]
   */
  function context2d(canvas, settings) {
    const context = canvas.getContext("2d", settings);
    if (!context) throw new Error("This browser has no canvas.");
    return context;
  }

  /**
   * A new element with attributes, text and children.
   *
   * @template {keyof HTMLElementTagNameMap} K
   * @param {K} tag
   * @param {Record<string, string>} [attributes]
   * @param {...(Node | string)} children
   * @returns {HTMLElementTagNameMap[K]}
   */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  // --- the diagram -------------------------------------------------------------------------------------------------

  /** @type {Record<string, HTMLCanvasElement[]>} */
  const canvases = {};
  /** @type {{bar: HTMLElement, share: HTMLElement, row: HTMLElement}[]} */
  const bars = [];
  const field = element("span", { class: "play-field", hidden: "" });

  /**
   * Make the diagram, once.
   *
   * @param {HTMLElement} home
   * @param {(layer: Layer, map: number, button: HTMLElement) => void} choose called when a map is chosen; for the ten
   *   probabilities `map` is the digit.
   */
  function build(home, choose) {
    for (const layer of /** @type {Layer[]} */ (Object.keys(LAYERS))) {
      const info = LAYERS[layer];
      const title = `play-step-${layer}`;
      const step = element("section", { class: `play-step play-step-${layer}`, "aria-labelledby": title });
      step.append(element("h3", { id: title }, info.name), element("p", {}, info.what));
      step.append(layer === "logits" ? buildBars(choose) : buildMaps(layer, choose));
      home.append(step);
    }
  }

  /**
   * @param {Layer} layer
   * @param {(layer: Layer, map: number, button: HTMLElement) => void} choose
   */
  function buildMaps(layer, choose) {
    const { maps, rows, columns } = LAYERS[layer];
    const box = element("div", { class: "play-maps" });
    canvases[layer] = [];
    for (let map = 0; map < maps; map++) {
      const canvas = element("canvas", { width: String(columns), height: String(rows), "aria-hidden": "true" });
      const button = element("button", { type: "button", "aria-label": mapName(layer, map) }, canvas);
      button.dataset.layer = layer;
      button.dataset.map = String(map);
      button.addEventListener("click", () => choose(layer, map, button));
      if (layer === "input") button.append(field);
      canvases[layer].push(canvas);
      box.append(button);
    }
    return box;
  }

  /** @param {(layer: Layer, map: number, button: HTMLElement) => void} choose */
  function buildBars(choose) {
    const body = element("tbody");
    for (let digit = 0; digit < 10; digit++) {
      const button = element("button", { type: "button", "aria-label": `${digit}: where does its score come from?` }, String(digit));
      button.dataset.layer = "logits";
      button.dataset.map = String(digit);
      button.addEventListener("click", () => choose("logits", digit, button));
      const bar = element("span", { class: "play-bar" });
      const share = element("td");
      const row = element("tr", {}, element("th", { scope: "row" }, button), element("td", { "aria-hidden": "true" }, bar), share);
      bars.push({ bar, share, row });
      body.append(row);
    }
    const caption = element("caption", { class: "play-hidden" }, "The probability of each digit");
    const head = ["digit", "bar", "probability"].map((name) => element("th", { scope: "col" }, name));
    return element("table", { class: "play-bars" }, caption, element("thead", { class: "play-hidden" }, element("tr", {}, ...head)), body);
  }

  /**
   * @param {Layer} layer
   * @param {number} map
   */
  function mapName(layer, map) {
    if (layer === "input") return "input, 28 by 28 pixels";
    if (layer === "fc1") return "fc1, all 50 units";
    if (layer === "logits") return "the ten scores";
    return `${layer}, map ${map}`;
  }

  /**
   * The numbers of a layer. Those of the input are ink, 0..255: what a person sees.
   *
   * @param {Layer} layer
   * @param {Activations} activations
   * @param {Uint8Array} pixels
   */
  function valuesOf(layer, activations, pixels) {
    return layer === "input" ? pixels : activations[layer];
  }

  /**
   * Paint one forward pass.
   *
   * @param {Activations} activations
   * @param {Uint8Array} pixels
   * @param {boolean} empty no ink: the probabilities are there, but they are no reading.
   */
  function draw(activations, pixels, empty) {
    for (const layer of /** @type {Layer[]} */ (Object.keys(canvases))) {
      const { rows, columns, colours } = LAYERS[layer];
      const values = valuesOf(layer, activations, pixels);
      const scale = layer === "input" ? 255 : largestMagnitude(values);
      canvases[layer].forEach((canvas, map) => paint(canvas, values, map * rows * columns, scale, colours));
    }
    const best = activations.probabilities.indexOf(Math.max(...activations.probabilities));
    bars.forEach(({ bar, share, row }, digit) => {
      bar.style.width = `${100 * activations.probabilities[digit]}%`;
      share.textContent = percent(activations.probabilities[digit], 1);
      row.classList.toggle("play-best", digit === best && !empty);
    });
  }

  /**
   * Mark the chosen map, and what the chosen unit sees of the input.
   *
   * @param {Unit} unit
   */
  function mark(unit) {
    for (const button of document.querySelectorAll("#play-network button")) {
      if (!(button instanceof HTMLElement)) continue;
      const chosen = button.dataset.layer === unit.layer && Number(button.dataset.map) === (unit.layer === "logits" ? unit.column : unit.map);
      button.setAttribute("aria-pressed", String(chosen));
    }
    const { top, left, size } = seen(unit);
    field.hidden = size === 28;
    for (const [side, length] of Object.entries({ top, left, width: size, height: size })) {
      field.style.setProperty(side, `${(100 * length) / 28}%`);
    }
  }

  /**
   * The part of the input that a unit sees.
   *
   * @param {Unit} unit
   */
  function seen({ layer, row, column }) {
    if (layer === "input") return { top: row, left: column, size: 1 };
    if (layer === "fc1" || layer === "logits") return { top: 0, left: 0, size: 28 };
    return Engine.receptiveField(layer, row, column);
  }

  /**
   * One map, large, with the chosen unit outlined.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {Unit} unit
   * @param {Activations} activations
   * @param {Uint8Array} pixels
   */
  function drawLarge(canvas, unit, activations, pixels) {
    const { rows, columns, colours } = LAYERS[unit.layer];
    const cell = canvas.width / columns;
    if (canvas.height !== cell * rows) canvas.height = cell * rows;
    const values = valuesOf(unit.layer, activations, pixels);
    const small = element("canvas", { width: String(columns), height: String(rows) });
    paint(small, values, unit.map * rows * columns, unit.layer === "input" ? 255 : largestMagnitude(values), colours);
    enlarge(canvas, small);
    outline(context2d(canvas), unit.column * cell, unit.row * cell, cell);
  }

  /**
   * The input, with a frame around what the unit sees.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {Unit} unit
   * @param {Uint8Array} pixels
   */
  function drawField(canvas, unit, pixels) {
    const small = element("canvas", { width: "28", height: "28" });
    paint(small, pixels, 0, 255, "ink");
    enlarge(canvas, small);
    const { top, left, size } = seen(unit);
    const cell = canvas.width / 28;
    const context = context2d(canvas);
    context.fillStyle = "rgba(60, 66, 78, 0.55)"; // what it does not see steps back
    for (const [x, y, w, h] of [
      [0, 0, 28, top],
      [0, top + size, 28, 28 - top - size],
      [0, top, left, size],
      [left + size, top, 28 - left - size, size],
    ]) {
      context.fillRect(x * cell, y * cell, w * cell, h * cell);
    }
    outline(context, left * cell, top * cell, size * cell);
  }

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLCanvasElement} small
   */
  function enlarge(canvas, small) {
    const context = context2d(canvas);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  }

  /**
   * A frame that shows on light and on dark.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {number} x
   * @param {number} y
   * @param {number} size
   */
  function outline(context, x, y, size) {
    const inset = size < 12 ? -3 : 2; // around a small thing, within a large one
    for (const [colour, width] of /** @type {[string, number][]} */ ([["#fff", 7], ["#b8500b", 4]])) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(x + inset, y + inset, size - 2 * inset, size - 2 * inset);
    }
  }

  // --- where a number came from ------------------------------------------------------------------------------------

  /**
   * The sum that made one number.
   *
   * @param {Unit} unit
   * @param {Weights} weights
   * @param {Activations} activations
   * @param {Uint8Array} pixels
   * @param {number} channel for conv2, the input map whose numbers are shown; -1 for the one that adds most.
   * @returns {{sentence: string, details: HTMLElement}} a line that says it, and the numbers.
   */
  function explain(unit, weights, activations, pixels, channel) {
    const { layer, row, column } = unit;
    if (layer === "input") return explainPixel(unit, activations, pixels);
    if (layer === "conv1") return explainConvolution(unit, weights, activations.input, 28, activations.conv1, 0);
    if (layer === "conv2") return explainConvolution(unit, weights, activations.pool1, 12, activations.conv2, channel);
    if (layer === "pool1") return explainPool(unit, activations.conv1, 24, activations.pool1);
    if (layer === "pool2") return explainPool(unit, activations.conv2, 8, activations.pool2);
    if (layer === "fc1") return explainLinear(unit, row * 10 + column, weights, "fc1", activations.pool2, activations);
    return explainLinear(unit, column, weights, "fc2", activations.fc1, activations);
  }

  /**
   * @param {Unit} unit
   * @param {Activations} activations
   * @param {Uint8Array} pixels
   */
  function explainPixel({ row, column }, activations, pixels) {
    const ink = pixels[row * 28 + column];
    const value = activations.input[row * 28 + column];
    const sum = `(${ink} / 255 − ${Engine.MEAN}) / ${Engine.STD} = ${shortNumber(value)}`;
    return {
      sentence: `Pixel in row ${row}, column ${column}: ${ink} of 255. The network gets ${shortNumber(value)}.`,
      details: element(
        "div",
        {},
        element("p", {}, `${Engine.MEAN} is the mean of all MNIST's pixels, ${Engine.STD} their standard deviation.`),
        total(sum),
      ),
    };
  }

  /**
   * @param {Unit} unit
   * @param {Weights} weights
   * @param {Float32Array} source the maps that it looks at.
   * @param {number} size their side.
   * @param {Float32Array} maps what came out.
   * @param {number} channel
   */
  function explainConvolution({ layer, map, row, column }, weights, source, size, maps, channel) {
    const kernels = weights.tensors[`${layer}.weight`];
    const bias = weights.tensors[`${layer}.bias`][map];
    const channels = source.length / (size * size);
    const value = maps[(map * (size - 4) + row) * (size - 4) + column];
    const parts = Array.from({ length: channels }, (_, c) => {
      const patch = Array.from({ length: 25 }, (_, i) => source[(c * size + row + Math.floor(i / 5)) * size + column + (i % 5)]);
      const kernel = Array.from(kernels.slice((map * channels + c) * 25, (map * channels + c + 1) * 25));
      return { patch, kernel, products: patch.map((pixel, i) => pixel * kernel[i]) };
    });
    const sums = parts.map(({ products }) => products.reduce((a, b) => a + b, 0));
    if (channel < 0) channel = sums.map(Math.abs).indexOf(largestMagnitude(sums));
    const { patch, kernel, products } = parts[channel];
    const all = sums.reduce((a, b) => a + b, 0);
    const details = element("div");
    if (channels > 1) {
      const cells = sums.map((sum, c) => colourCell(sum, largestMagnitude(sums), c === channel ? "play-chosen" : ""));
      const heads = sums.map((_, c) => element("th", { scope: "col" }, String(c)));
      details.append(
        element("p", {}, "Ten patches of 25 numbers, one in each map of the layer before, each under its own kernel:"),
        scrolling(
          element(
            "table",
            { class: "play-numbers" },
            element("caption", { class: "play-hidden" }, "What each map contributes"),
            element("thead", {}, element("tr", {}, element("th", { scope: "row" }, "map"), ...heads)),
            element("tbody", {}, element("tr", {}, element("th", { scope: "row" }, "sum"), ...cells)),
          ),
        ),
      );
    }
    const times = element("span", { class: "play-sign" }, "×");
    const equals = element("span", { class: "play-sign" }, "=");
    details.append(
      element(
        "div",
        { class: "play-grids" },
        grid(channels > 1 ? `patch of map ${channel}` : "patch", patch, 5),
        times,
        grid("kernel", kernel, 5),
        equals,
        grid("products", products, 5),
      ),
      total(`sum ${shortNumber(all)} + bias ${shortNumber(bias)} = ${shortNumber(value)}`),
    );
    const sentence =
      `${place(layer, map, row, column)} is ${shortNumber(value)}: ${25 * channels} products add up to ` +
      `${shortNumber(all)}, and the bias adds ${shortNumber(bias)}.`;
    return { sentence, details };
  }

  /**
   * @param {Unit} unit
   * @param {Float32Array} source
   * @param {number} size
   * @param {Float32Array} maps
   */
  function explainPool({ layer, map, row, column }, source, size, maps) {
    const at = (map * size + 2 * row) * size + 2 * column;
    const four = [source[at], source[at + 1], source[at + size], source[at + size + 1]];
    const value = maps[(map * (size / 2) + row) * (size / 2) + column];
    const largest = Math.max(...four);
    const before = layer === "pool1" ? "conv1" : "conv2";
    return {
      sentence:
        `${place(layer, map, row, column)} is ${shortNumber(value)}: the largest of four neighbours in ${before} is ` +
        `${shortNumber(largest)}${largest < 0 ? ", and below zero nothing passes" : ""}.`,
      details: element(
        "div",
        {},
        element("div", { class: "play-grids" }, grid(`${before}, map ${map}`, four, 2, four.indexOf(largest))),
        total(`max(${four.map(shortNumber).join(", ")}) = ${shortNumber(largest)}`),
        total(`ReLU: max(0, ${shortNumber(largest)}) = ${shortNumber(value)}`),
      ),
    };
  }

  /**
   * @param {Unit} unit
   * @param {number} index which unit of the layer.
   * @param {Weights} weights
   * @param {"fc1" | "fc2"} name
   * @param {Float32Array} source
   * @param {Activations} activations
   */
  function explainLinear(unit, index, weights, name, source, activations) {
    const n = source.length;
    const matrix = weights.tensors[`${name}.weight`];
    const bias = weights.tensors[`${name}.bias`][index];
    const products = Array.from(source, (value, i) => value * matrix[index * n + i]);
    const all = products.reduce((a, b) => a + b, 0);
    const order = products.map((_, i) => i).sort((a, b) => Math.abs(products[b]) - Math.abs(products[a]));
    const shown = order.slice(0, 8);
    const rest = all - shown.reduce((sum, i) => sum + products[i], 0);
    const scale = Math.abs(products[order[0]]);
    const from = (/** @type {number} */ i) =>
      name === "fc2" ? `fc1, unit ${i}` : `pool2, map ${Math.floor(i / 16)}, row ${Math.floor((i % 16) / 4)}, column ${i % 4}`;
    const rows = shown.map((i) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, from(i)),
        element("td", {}, shortNumber(source[i])),
        element("td", {}, shortNumber(matrix[index * n + i])),
        colourCell(products[i], scale),
      ),
    );
    const heads = ["from", "value", "weight", "product"].map((head) => element("th", { scope: "col" }, head));
    const table = element(
      "table",
      { class: "play-numbers" },
      element("caption", { class: "play-hidden" }, "The largest contributions"),
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...rows),
    );
    const score = all + bias;
    const details = element(
      "div",
      {},
      element("p", {}, `The eight largest of ${n} products:`),
      scrolling(table),
      total(
        `${shortNumber(all - rest)} + ${shortNumber(rest)} (the other ${n - 8}) + ${shortNumber(bias)} (bias) = ${shortNumber(score)}`,
      ),
    );
    if (name === "fc1") {
      const value = activations.fc1[index];
      details.append(total(`ReLU: max(0, ${shortNumber(score)}) = ${shortNumber(value)}`));
      const sentence = `fc1, unit ${index} is ${shortNumber(value)}: ${n} products and the bias add up to ${shortNumber(score)}.`;
      return { sentence: score < 0 ? sentence.replace(/\.$/, ", and below zero nothing passes.") : sentence, details };
    }
    const share = percent(activations.probabilities[index], 1);
    details.append(total(`softmax: e^${shortNumber(score)} / sum of all ten = ${share}`));
    return {
      sentence: `The score of ${index} is ${shortNumber(score)}, which softmax turns into ${share}.`,
      details,
    };
  }

  /**
   * @param {Layer} layer
   * @param {number} map
   * @param {number} row
   * @param {number} column
   */
  function place(layer, map, row, column) {
    return `${layer}, map ${map}, row ${row}, column ${column}`;
  }

  /** @param {string} text */
  function total(text) {
    return element("p", { class: "play-total" }, text);
  }

  /** @param {HTMLElement} table which may be wider than a phone. */
  function scrolling(table) {
    return element("div", { class: "play-scroll", tabindex: "0", role: "group", "aria-label": "Table of numbers" }, table);
  }

  /**
   * A square of numbers, each on its colour.
   *
   * @param {string} name
   * @param {ArrayLike<number>} values
   * @param {number} side
   * @param {number} [chosen]
   */
  function grid(name, values, side, chosen = -1) {
    const body = element("tbody");
    const scale = largestMagnitude(values);
    for (let row = 0; row < side; row++) {
      const cells = Array.from({ length: side }, (_, column) =>
        colourCell(values[row * side + column], scale, row * side + column === chosen ? "play-chosen" : "", 2),
      );
      body.append(element("tr", {}, ...cells));
    }
    return element("table", { class: "play-numbers play-square" }, element("caption", {}, name), body);
  }

  /**
   * A number in a table, on its colour, in black or white: whichever can be read.
   *
   * @param {number} value
   * @param {number} scale
   * @param {string} [chosen]
   * @param {number} [decimals]
   */
  function colourCell(value, scale, chosen = "", decimals = 3) {
    const at = 3 * level(value, scale, true);
    const [red, green, blue] = BLUE_ORANGE.slice(at, at + 3);
    const light = [red, green, blue].map((c) => (c / 255) ** 2.2);
    const luminance = 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
    const cell = element("td", { class: chosen }, shortNumber(value, decimals));
    cell.style.background = `rgb(${red}, ${green}, ${blue})`;
    cell.style.color = luminance > 0.179 ? "#000" : "#fff"; // where black and white stand out equally
    return cell;
  }

  return {
    ...{ LAYERS, BLUE_ORANGE, element, context2d, paint, enlarge, level, largestMagnitude, percent, shortNumber },
    ...{ build, draw, mark, drawLarge, drawField, seen, explain, mapName, valuesOf },
  };
})();
