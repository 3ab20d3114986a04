// How a hand writes digits: strokes that are drawn bit by bit, as a person would.

"use strict";

digitlab.writing = (() => {
  /**
   * The strokes of some digits: places that the pen passes, in pixels of the paper. Where a place stands twice, the
   * hand turns sharply.
   *
   * @type {Record<number, [number, number][][]>}
   */
  const STROKES = {
    2: [[[96, 98], [106, 68], [140, 54], [174, 72], [170, 122], [132, 174], [88, 222], [88, 222], [140, 218], [198, 222]]],
    3: [[[98, 74], [138, 54], [174, 74], [162, 112], [126, 132], [126, 132], [174, 146], [188, 184], [154, 222], [88, 206]]],
    4: [[[124, 56], [88, 158], [88, 158], [198, 152]], [[168, 98], [160, 230]]],
    5: [[[186, 60], [108, 60], [108, 60], [98, 130], [98, 130], [142, 114], [186, 138], [184, 196], [134, 226], [88, 206]]],
    7: [[[86, 64], [192, 60], [192, 60], [154, 140], [128, 228]]],
    8: [[[182, 76], [144, 54], [108, 80], [132, 122], [174, 156], [176, 206], [136, 226], [100, 202], [114, 158], [162, 114], [184, 76]]],
  };
  const BETWEEN = 8; // pieces of a curve from one place to the next

  /** @param {number} digit */
  function length(digit) {
    return pieces(digit).reduce((sum, piece) => sum + piece.length, 0);
  }

  /**
   * Draw what lies between two lengths along a digit's strokes.
   *
   * @type {(ink: Uint8Array, digit: number, from: number, to: number, width: number) => void}
   */
  function write(ink, digit, from, to, width) {
    let at = 0;
    for (const { start, end, length } of pieces(digit)) {
      if (at <= to && at + length > from) {
        const share = Math.min(1, (to - at) / length);
        const pen = { x: start.x + share * (end.x - start.x), y: start.y + share * (end.y - start.y) };
        digitlab.ink.draw(ink, start, pen, width);
      }
      at += length;
    }
  }

  /** Short straight pieces along a digit's curves. @type {(digit: number) => {start: Point, end: Point, length: number}[]} */
  function pieces(digit) {
    return STROKES[digit].flatMap((stroke) => {
      const points = curve(stroke);
      return points.slice(1).map((end, i) => {
        return { start: points[i], end, length: Math.hypot(end.x - points[i].x, end.y - points[i].y) };
      });
    });
  }

  /** A smooth curve through all places (Catmull and Rom, 1974). @type {(stroke: [number, number][]) => Point[]} */
  function curve(stroke) {
    const points = [];
    for (let i = 0; i + 1 < stroke.length; i++) {
      const here = stroke[i];
      const there = stroke[i + 1];
      if (here[0] === there[0] && here[1] === there[1]) continue; // the turn itself
      const before = neighbour(stroke, i, -1);
      const after = neighbour(stroke, i + 1, 1);
      for (let t = 0; t < 1; t += 1 / BETWEEN) {
        const at = (/** @type {0 | 1} */ axis) => {
          const [a, b, c, d] = [before[axis], here[axis], there[axis], after[axis]];
          return b + (t / 2) * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
        };
        points.push({ x: at(0), y: at(1) });
      }
    }
    const [x, y] = stroke[stroke.length - 1];
    return [...points, { x, y }];
  }

  /**
   * The place that bends the curve at place i from one side: none but itself at an end and at a sharp turn.
   *
   * @type {(stroke: [number, number][], i: number, side: -1 | 1) => [number, number]}
   */
  function neighbour(stroke, i, side) {
    return stroke[i + side] ?? stroke[i];
  }

  return { DIGITS: Object.keys(STROKES).map(Number), length, write };
})();
