// A sheet to draw a digit on, for a figure: with the mouse, a finger, a pen, or the keys.

"use strict";

/**
 * A sheet of `digitlab.ink.SIDE` squared pixels. `changed` is called with its ink after every stroke. `put` lays a digit
 * (28, 28) on it, `size` wide instead of the whole sheet's width, and its corner at (left, top).
 *
 * @type {(changed: (ink: Uint8Array) => void) =>
 *   {home: HTMLElement, put: (image: Uint8Array, size?: number, left?: number, top?: number) => void}}
 */
digitlab.paper = (changed) => {
  const { element, paint, onPen, onKey } = digitlab.dom;
  const { SIDE, draw } = digitlab.ink;
  const WIDTH = 20; // of the pen
  const ink = new Uint8Array(SIDE * SIDE);
  const pen = { x: SIDE / 2, y: SIDE / 2, down: false, shown: false }; // which the keys move
  let frame = 0;
  let fresh = false; // ink that `changed` has not seen

  const keys = "Arrow keys move the pen, Space sets and lifts it, Delete clears.";
  const named = { tabindex: "0", role: "application", "aria-label": `Sheet to draw a digit on. ${keys}` };
  const sheet = element("canvas", { width: String(SIDE), height: String(SIDE), class: "live-sheet", ...named });
  const cursor = element("span", { class: "live-pen", hidden: "" });
  const hint = element("span", { class: "live-hint" }, "Draw a digit here");

  /** Ink as black on white, many changes in one picture. */
  function show() {
    if (frame) return;
    frame = requestAnimationFrame(() => {
      frame = 0;
      showNow();
    });
  }

  function showNow() {
    paint(sheet, digitlab.colours.pixels(ink.map((value) => 255 - value), 255, digitlab.colours.BLACK_WHITE), SIDE);
    hint.hidden = ink.some((value) => value > 0);
    cursor.hidden = !pen.shown;
    cursor.classList.toggle("live-down", pen.down);
    cursor.style.left = `${(100 * pen.x) / SIDE}%`;
    cursor.style.top = `${(100 * pen.y) / SIDE}%`;
    if (fresh) changed(ink);
    fresh = false;
  }

  /** @type {(from: Point, to: Point) => void} */
  function stroke(from, to) {
    draw(ink, from, to, WIDTH);
    fresh = true;
    show();
  }

  function clear() {
    ink.fill(0);
    fresh = true;
    pen.down = false;
    show();
  }

  /** @type {(image: Uint8Array, size?: number, left?: number, top?: number) => void} */
  function put(image, size = SIDE, left = 0, top = 0) {
    for (let i = 0; i < ink.length; i++) {
      const x = Math.floor((28 * ((i % SIDE) - left)) / size);
      const y = Math.floor((28 * (Math.floor(i / SIDE) - top)) / size);
      ink[i] = x >= 0 && x < 28 && y >= 0 && y < 28 ? image[28 * y + x] : 0;
    }
    fresh = true;
    pen.down = false;
    showNow();
  }

  onPen(sheet, SIDE, {
    down(at) {
      pen.shown = false;
      stroke(at, at);
    },
    move: stroke,
    up() {},
  });
  sheet.addEventListener("focus", () => {
    pen.shown = sheet.matches(":focus-visible");
    show();
  });
  sheet.addEventListener("blur", () => {
    pen.shown = pen.down = false;
    show();
  });
  onKey(sheet, (key, arrow, shift) => {
    const length = shift ? 2 : 10;
    const from = { x: pen.x, y: pen.y };
    if (arrow) {
      pen.x = Math.max(0, Math.min(SIDE, pen.x + length * arrow.x));
      pen.y = Math.max(0, Math.min(SIDE, pen.y + length * arrow.y));
    } else if (key === " ") pen.down = !pen.down;
    else if (key === "Delete" || key === "Backspace") clear();
    else return false;
    pen.shown = true;
    if (pen.down) stroke(from, pen);
    show();
    return true;
  });

  const face = element("div", { class: "live-paper" }, sheet, hint, cursor);
  return { home: element("div", { class: "live-part" }, face, digitlab.parts.button("Clear", clear)), put };
};
