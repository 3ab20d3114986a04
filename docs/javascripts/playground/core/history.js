// What was done to the paper, one thing after another: so that the last can be undone, and all of it shown again.

"use strict";

/**
 * @typedef {{width: number, points: Point[]}} Line a pen's way from where it was set down to where it was lifted.
 * @typedef {{pixels: Uint8Array}} Put 28x28 pixels that took the place of what was there; all 0 for a clean paper.
 */

digitlab.history = (() => {
  /** A stroke goes on with the line that ends where it begins. One without length is a dot, and begins a line. */
  /** @type {(state: State, from: Point, to: Point) => void} */
  function stroke({ ink, history, penWidth: width }, from, to) {
    const last = history[history.length - 1];
    const goesOn = last && "points" in last && last.width === width && !same(from, to);
    if (goesOn && same(last.points[last.points.length - 1], from)) last.points.push({ ...to });
    else history.push({ width, points: [{ ...from }, { ...to }] });
    digitlab.ink.draw(ink, from, to, width);
  }

  /** @type {(state: State, pixels: Uint8Array) => void} */
  function put({ ink, history }, pixels) {
    digitlab.ink.put(ink, pixels);
    history.push({ pixels });
  }

  /** Take back the last line, digit or cleaning. Says whether there was one. @param {State} state */
  function undo(state) {
    if (!state.history.pop()) return false;
    state.ink.fill(0);
    for (const entry of sincePut(state)) {
      if ("pixels" in entry) digitlab.ink.put(state.ink, entry.pixels);
      else eachStroke(entry, (from, to) => digitlab.ink.draw(state.ink, from, to, entry.width));
    }
    return true;
  }

  /** What can still be seen: the last digit that was put on the paper, and the lines since. @param {State} state */
  function sincePut({ history }) {
    let start = history.length - 1;
    while (start > 0 && !("pixels" in history[start])) start--;
    return history.slice(Math.max(0, start));
  }

  /** @type {(line: Line, callback: (from: Point, to: Point) => void) => void} */
  function eachStroke({ points }, callback) {
    for (let i = 1; i < points.length; i++) callback(points[i - 1], points[i]);
  }

  /** @type {(a: Point, b: Point) => boolean} */
  function same(a, b) {
    return a.x === b.x && a.y === b.y;
  }

  return { stroke, put, undo, sincePut, eachStroke };
})();
