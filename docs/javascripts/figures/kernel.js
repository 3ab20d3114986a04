// Lesson 05: write a kernel, see its map of the five, and the sum behind any number of the map.

"use strict";

digitlab.kernels = (() => {
  /** The lesson's own, and one more. 3 by 3, row by row, with what each asks. */
  const PRESETS = {
    blur: { values: Array(9).fill(1 / 9), says: "A mean of nine pixels: a soft five." },
    "upright edges": { values: [-1, 0, 1, -2, 0, 2, -1, 0, 1], says: "Orange where a stroke begins on its left side." },
    "level edges": { values: [-1, -2, -1, 0, 0, 0, 1, 2, 1], says: "The same, laid on its side." },
    "slanted edges": { values: [-2, -1, 0, -1, 0, 1, 0, 1, 2], says: "The upper left against the lower right." },
    outline: { values: [-1, -1, -1, -1, 8, -1, -1, -1, -1], says: "A pixel against its neighbours." },
    corners: { values: [1, 0, -1, 0, 0, 0, -1, 0, 1], says: "Nothing along upright and level edges: corners are left, and slants." },
  };

  /**
   * The pixels under a kernel that lies centred on a place, row by row; outside the image is paper (padding).
   *
   * @type {(image: ArrayLike<number>, side: number, row: number, column: number) => number[]}
   */
  function patch(image, side, row, column) {
    const reach = (side - 1) / 2;
    return Array.from({ length: side * side }, (_, i) => {
      const y = row + Math.floor(i / side) - reach;
      const x = column + (i % side) - reach;
      return y >= 0 && y < 28 && x >= 0 && x < 28 ? image[y * 28 + x] : 0;
    });
  }

  /** A kernel of `side` squared numbers at each place of a 28x28 image: a map, 28x28. What `F.conv2d` gives with padding.
   * @type {(image: ArrayLike<number>, kernel: number[]) => Float32Array} */
  function slide(image, kernel) {
    const side = Math.sqrt(kernel.length);
    return Float32Array.from({ length: 784 }, (_, at) =>
      patch(image, side, Math.floor(at / 28), at % 28).reduce((sum, pixel, i) => sum + pixel * kernel[i], 0),
    );
  }

  /** The same kernel with a frame of zeros more, or less. @type {(kernel: number[], side: number) => number[]} */
  function resized(kernel, side) {
    const old = Math.sqrt(kernel.length);
    const shift = (old - side) / 2;
    return Array.from({ length: side * side }, (_, i) => {
      const y = Math.floor(i / side) + shift;
      const x = (i % side) + shift;
      return y >= 0 && y < old && x >= 0 && x < old ? kernel[y * old + x] : 0;
    });
  }

  return { PRESETS, patch, slide, resized };
})();

/** @type {(root: HTMLElement, helpers: Helpers) => void} */
digitlab.figures.kernel = (root, { say }) => {
  const { element, paint } = digitlab.dom;
  const { lead, row, captioned, choice, picture, show, frame, chooseCell } = digitlab.parts;
  const { BLACK_WHITE, BLUE_ORANGE, VIRIDIS, largestMagnitude, ground } = digitlab.colours;
  const { shortNumber } = digitlab.words;
  const { PRESETS, patch, slide, resized } = digitlab.kernels;
  const image = Float32Array.from(digitlab.tenDigits[5], (byte) => byte / 255);

  let kernel = PRESETS["upright edges"].values;
  let map = slide(image, kernel);
  let at = { row: 15, column: 16 };

  const digit = picture("The five, with the patch under the kernel", 280);
  const shown = picture("The map. Arrow keys choose a number of it", 280);
  const range = element("span");
  const cells = element("div", { class: "live-kernel", role: "group", "aria-label": "The kernel" });
  const terms = element("table", { class: "live-terms" });
  const total = element("p", { class: "live-total" });

  /** @type {(canvas: HTMLCanvasElement, values: Float32Array) => void} */
  function showMap(canvas, values) {
    show(canvas, values, 28, largestMagnitude(values), Math.min(...values) < 0 ? BLUE_ORANGE : VIRIDIS);
  }

  /** One input for each number of the kernel. */
  function makeCells() {
    const side = Math.sqrt(kernel.length);
    cells.style.setProperty("--live-side", String(side));
    cells.replaceChildren(
      ...kernel.map((value, i) => {
        const name = `Kernel, row ${Math.floor(i / side)}, column ${i % side}`;
        const range = { type: "number", min: "-99", max: "99", step: "any", placeholder: "0" };
        const input = element("input", { ...range, "aria-label": name, value: String(Number(value.toFixed(2))) });
        input.addEventListener("input", () => {
          kernel = kernel.slice();
          kernel[i] = Math.max(-99, Math.min(99, input.valueAsNumber || 0)); // an empty cell shows its 0 faintly
          presets.set("");
          changed();
        });
        return input;
      }),
    );
  }

  function draw() {
    const side = Math.sqrt(kernel.length);
    const reach = (side - 1) / 2;
    show(digit, image, 28, 1, BLACK_WHITE);
    frame(digit, 28, { row: at.row - reach, column: at.column - reach, size: side });
    showMap(shown, map);
    frame(shown, 28, { ...at, size: 1 });
    range.textContent = `the map, ${shortNumber(Math.min(...map))} to ${shortNumber(Math.max(...map))}`;
    const pixels = patch(image, side, at.row, at.column);
    const products = pixels.map((pixel, i) => pixel * kernel[i]);
    const scale = largestMagnitude(products);
    const made = products.map((product, i) => {
      const cell = element("td", {}, element("small", {}, `${shortNumber(pixels[i], 2)} × ${shortNumber(kernel[i], 2)}`));
      cell.append(element("span", { class: "live-hidden" }, " = "), shortNumber(product, 2));
      Object.assign(cell.style, ground(product, scale));
      return cell;
    });
    const rows = Array.from({ length: side }, (_, y) => element("tr", {}, ...made.slice(y * side, (y + 1) * side)));
    terms.replaceChildren(element("caption", {}, "pixel × weight"), element("tbody", {}, ...rows));
    total.textContent = `added up: ${shortNumber(map[28 * at.row + at.column])}`;
  }

  function speak() {
    const value = map[28 * at.row + at.column];
    const place = value === Math.max(...map) ? ", the highest of the map" : value === Math.min(...map) ? ", the lowest" : "";
    say(`Row ${at.row}, column ${at.column}: ${kernel.length} products add up to ${shortNumber(value)}${place}.`);
  }

  function changed() {
    map = slide(image, kernel);
    draw();
    speak();
  }

  const presets = choice(
    "Kernel",
    Object.entries(PRESETS).map(([name, { values }]) => {
      const face = picture("", 28);
      showMap(face, slide(image, values));
      return { value: name, name, face };
    }),
    "upright edges",
    (name) => {
      kernel = resized(PRESETS[/** @type {keyof typeof PRESETS} */ (name)].values, Math.sqrt(kernel.length));
      makeCells();
      changed();
      say(PRESETS[/** @type {keyof typeof PRESETS} */ (name)].says);
    },
  );
  const sizes = ["3", "5"].map((side) => ({ value: side, name: `${side} × ${side}` }));
  const size = choice("Size", sizes, "3", (side) => {
    kernel = resized(kernel, Number(side));
    makeCells();
    changed();
  });
  const move = chooseCell(shown, 28, 28, (row, column) => {
    at = { row, column };
    draw();
    speak();
  });

  makeCells();
  move(at.row, at.column);
  root.append(
    lead("Take a kernel, or write one. Point at the map to see the sum behind a number."),
    presets.home,
    row(captioned(digit, "the five"), captioned(cells, size.home), captioned(shown, range), captioned(terms, total)),
  );
};
