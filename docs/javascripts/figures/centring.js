// Lesson 13: ink, box, fit, centre of mass: a drawing on its way to 28x28, with the numbers.

"use strict";

digitlab.centring = (() => {
  /**
   * The centre of mass of a picture, (row, column) counted from 0 as in exercise 13.4.
   *
   * @type {(pixels: Uint8Array, columns: number) => {row: number, column: number}}
   */
  function centreOfMass(pixels, columns) {
    let mass = 0, row = 0, column = 0;
    pixels.forEach((value, i) => {
      mass += value;
      row += value * Math.floor(i / columns);
      column += value * (i % columns);
    });
    return { row: row / mass, column: column / mass };
  }

  return { centreOfMass };
})();

/** @type {(root: HTMLElement, helpers: Helpers) => void} */
digitlab.figures.centring = (root, { say }) => {
  const { element, context2d } = digitlab.dom;
  const { lead, row, captioned, picture, show } = digitlab.parts;
  const { BLACK_WHITE } = digitlab.colours;
  const { shortNumber } = digitlab.words;
  const { SIDE, normalize } = digitlab.ink;
  const weights = digitlab.weightsFile.parse(/** @type {any} */ (window).digitlabWeights);

  const names = ["1. Ink, and its box", "2. Fitted into 20 × 20", "3. Centred in 28 × 28"];
  const canvases = [picture(names[0], SIDE), picture(names[1], SIDE), picture(names[2], SIDE)];
  const captions = names.map(() => element("span"));

  /** A frame of whole cells, in the accent's colour on both grounds.
   * @type {(canvas: HTMLCanvasElement, left: number, top: number, width: number, height: number) => void} */
  function box(canvas, left, top, width, height) {
    const context = context2d(canvas);
    context.strokeStyle = "#f5a25d";
    context.lineWidth = 3;
    context.strokeRect(left + 1.5, top + 1.5, width - 3, height - 3);
  }

  /** @type {(canvas: HTMLCanvasElement, x: number, y: number, colour: string, reach: number) => void} */
  function cross(canvas, x, y, colour, reach) {
    const context = context2d(canvas);
    for (const [style, width] of /** @type {[string, number][]} */ ([["#000", 7], [colour, 3]])) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x - reach, y);
      context.lineTo(x + reach, y);
      context.moveTo(x, y - reach);
      context.lineTo(x, y + reach);
      context.stroke();
    }
  }

  /** @param {Uint8Array} image */
  function read(image) {
    const { probabilities } = digitlab.network.forward(weights, image);
    const digit = probabilities.indexOf(Math.max(...probabilities));
    return `${digit} (${digitlab.words.percent(probabilities[digit])})`;
  }

  /** @param {Uint8Array} ink */
  function draw(ink) {
    const { box: found, boxed, image } = normalize(ink, SIDE, SIDE);
    show(canvases[0], ink, SIDE, 255, BLACK_WHITE);
    show(canvases[2], image, 28, 255, BLACK_WHITE);
    if (!found || !boxed) {
      show(canvases[1], new Uint8Array(400), 20, 255, BLACK_WHITE);
      for (const home of captions) home.textContent = "–";
      return say("No ink yet.");
    }
    const { pixels, width, height } = boxed;
    box(canvases[0], found.left, found.top, found.width, found.height);
    const fitted = new Uint8Array(400);
    pixels.forEach((value, i) => (fitted[20 * Math.floor(i / width) + (i % width)] = value));
    show(canvases[1], fitted, 20, 255, BLACK_WHITE);
    const cell = SIDE / 20;
    box(canvases[1], 0, 0, width * cell, height * cell);
    const mass = digitlab.centring.centreOfMass(pixels, width);
    cross(canvases[1], (mass.column + 0.5) * cell, (mass.row + 0.5) * cell, "#f5a25d", 12);
    const moved = digitlab.centring.centreOfMass(image, 28);
    const large = SIDE / 28;
    cross(canvases[2], 14.5 * large, 14.5 * large, "#8fbef0", SIDE);
    cross(canvases[2], (moved.column + 0.5) * large, (moved.row + 0.5) * large, "#f5a25d", 12);
    const at = (/** @type {{row: number, column: number}} */ { row, column }) =>
      `row ${shortNumber(row, 1)}, column ${shortNumber(column, 1)}`;
    captions[0].textContent = `${found.height} × ${found.width}, from row ${found.top}, column ${found.left}`;
    captions[1].textContent = `${height} × ${width}, centre of mass at ${at(mass)}`;
    captions[2].textContent = `centre of mass at ${at(moved)}`;
    const asItIs = read(normalize(ink, SIDE, SIDE, false).image);
    const prepared = read(image);
    say(`Only made small, the sheet is read as ${asItIs}. Prepared, it is read as ${prepared}.`);
  }

  const paper = digitlab.paper(draw);
  root.append(
    lead("Draw small, in a corner, and watch what preparation makes of it."),
    row(
      paper.home,
      ...canvases.map((canvas, i) => captioned(canvas, element("span", {}, element("b", {}, names[i]), element("br"), captions[i]))),
    ),
  );
  paper.put(digitlab.tenDigits[5], 130, 12, 140);
};
