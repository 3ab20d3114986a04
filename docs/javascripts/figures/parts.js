// What the figures in the lessons are put together from. Each is one file beside this one, started by mount.js.

"use strict";

/** Each figure adds itself: `digitlab.figures.NAME = (root, helpers) => ...`, a `Figure` of mount.js. */
digitlab.figures = {};

digitlab.parts = (() => {
  const { element, write, paint, outline, context2d, onKey } = digitlab.dom;
  const { pixels, largestMagnitude, BLACK_WHITE } = digitlab.colours;
  let count = 0;

  /** What to do, in one line above a figure. @param {string} text */
  function lead(text) {
    return element("p", { class: "live-lead" }, text);
  }

  /** Parts side by side, which wrap where there is no room. @param {...(Node | string)} parts */
  function row(...parts) {
    return element("div", { class: "live-row" }, ...parts);
  }

  /** A part with its caption. @type {(part: Node, caption: Node | string) => HTMLElement} */
  function captioned(part, caption) {
    return element("div", { class: "live-part" }, part, element("p", { class: "live-note" }, caption));
  }

  /** @type {(text: string, press: () => void) => HTMLButtonElement} */
  function button(text, press) {
    const made = element("button", { type: "button", class: "live-button" }, text);
    made.addEventListener("click", press);
    return made;
  }

  /**
   * A slider with its value in words.
   *
   * @type {(label: string, range: {min: number, max: number, step: number, value: number},
   *   inWords: (value: number) => string, changed: (value: number) => void) => HTMLElement}
   */
  function slider(label, range, inWords, changed) {
    const input = element("input", { type: "range" });
    Object.assign(input, { min: range.min, max: range.max, step: range.step, value: range.value });
    const shown = element("output", {}, inWords(range.value));
    input.setAttribute("aria-valuetext", inWords(range.value));
    input.addEventListener("input", () => {
      const value = Number(input.value);
      write(shown, inWords(value));
      input.setAttribute("aria-valuetext", inWords(value));
      changed(value);
    });
    return element("label", { class: "live-slider" }, element("span", {}, label), input, shown);
  }

  /**
   * One of several: a group of radio buttons, which look like buttons and may be pictures. `set` chooses one from
   * outside, or none.
   *
   * @type {(label: string, options: {value: string, name: string, face?: Node}[], chosen: string,
   *   changed: (value: string) => void) => {home: HTMLElement, set: (value: string) => void}}
   */
  function choice(label, options, chosen, changed) {
    const group = `live-choice-${count++}`;
    const inputs = options.map(({ value }) => element("input", { type: "radio", name: group, value }));
    const labels = options.map(({ name, face }, i) =>
      face
        ? element("label", {}, inputs[i], element("span", {}, element("span", { class: "live-name" }, name), face))
        : element("label", {}, inputs[i], element("span", {}, name)),
    );
    const home = element("fieldset", { class: "live-choice" }, element("legend", {}, label), ...labels);
    home.addEventListener("change", (event) => changed(/** @type {HTMLInputElement} */ (event.target).value));
    const set = (/** @type {string} */ value) => {
      for (const input of inputs) input.checked = input.value === value;
    };
    set(chosen);
    return { home, set };
  }

  /** One of the ten digits, by its picture. @type {(chosen: number, changed: (digit: number) => void) => HTMLElement} */
  function chooseDigit(chosen, changed) {
    const options = digitlab.tenDigits.map((/** @type {Uint8Array} */ image, /** @type {number} */ digit) => {
      const face = picture("", 28);
      show(face, image, 28, 255, BLACK_WHITE);
      return { value: String(digit), name: String(digit), face };
    });
    const { home } = choice("Digit", options, String(chosen), (value) => changed(Number(value)));
    home.classList.add("live-digits");
    return home;
  }

  /**
   * A canvas of so many pixels, square unless said otherwise. Without a name it is decoration, and left unread.
   *
   * @type {(name: string, width: number, height?: number) => HTMLCanvasElement}
   */
  function picture(name, width, height = width) {
    /** @type {Record<string, string>} */
    const described = name ? { role: "img", "aria-label": name } : { "aria-hidden": "true" };
    return element("canvas", { width: String(width), height: String(height), ...described });
  }

  /**
   * Show an array on a canvas, row by row, in the colours of `digitlab.colours`; the largest magnitude is the scale,
   * unless another is given.
   *
   * @type {(canvas: HTMLCanvasElement, values: ArrayLike<number>, columns: number, scale?: number,
   *   colours?: Uint8ClampedArray) => void}
   */
  function show(canvas, values, columns, scale = largestMagnitude(values), colours = digitlab.colours.BLUE_ORANGE) {
    paint(canvas, pixels(values, scale, colours), columns);
  }

  /** A frame on a shown array, around some of its cells. @type {(canvas: HTMLCanvasElement, columns: number,
   *   frame: {row: number, column: number, size: number}) => void} */
  function frame(canvas, columns, { row, column, size }) {
    const cell = canvas.width / columns;
    outline(context2d(canvas), column * cell, row * cell, size * cell);
  }

  /**
   * Choose a cell of a shown array: with the pointer over it, by touch, or with the arrow keys. Returns what moves the
   * choice from outside.
   *
   * @type {(canvas: HTMLCanvasElement, rows: number, columns: number,
   *   chosen: (row: number, column: number) => void) => (row: number, column: number) => void}
   */
  function chooseCell(canvas, rows, columns, chosen) {
    let at = { row: 0, column: 0 };
    const clip = (/** @type {number} */ value, /** @type {number} */ end) => Math.max(0, Math.min(end - 1, value));
    const move = (/** @type {number} */ row, /** @type {number} */ column) => {
      at = { row: clip(row, rows), column: clip(column, columns) };
      chosen(at.row, at.column);
    };
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.classList.add("live-choosing");
    const point = (/** @type {PointerEvent} */ event) => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      const row = Math.floor((rows * (event.clientY - top)) / height);
      const column = Math.floor((columns * (event.clientX - left)) / width);
      if (row !== at.row || column !== at.column) move(row, column);
    };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    onKey(canvas, (_, arrow) => {
      if (arrow) move(at.row + arrow.y, at.column + arrow.x);
      return arrow !== undefined;
    });
    return move;
  }

  /** The bytes of a base64 text. @param {string} text */
  function bytes(text) {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }

  const controls = { lead, row, captioned, button, slider, choice, chooseDigit };
  return { ...controls, picture, show, frame, chooseCell, bytes };
})();
