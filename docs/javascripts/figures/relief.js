// Lesson 03: the loss surface as a map, with contour lines, and a walk on it.

"use strict";

digitlab.relief = (() => {
  const { context2d, paint, element } = digitlab.dom;
  const { pixels, VIRIDIS } = digitlab.colours;
  const LINES = 15;
  /** What the map shows of the two weights. The heights are a square grid: rows from low to high, as columns. */
  const LEFT = [-3, 6];
  const RIGHT = [-6, 3];
  const { low, high, steps } = digitlab.lossSurface;
  // The root, so that lines and colours lie closer together near the bottom, or a flat valley would show none.
  const depth = Float64Array.from(new Uint16Array(digitlab.parts.bytes(steps).buffer), (step) => Math.sqrt(step / 65535));
  const side = Math.sqrt(depth.length);

  /** @typedef {[number, number]} Place on a canvas */

  /** @type {(canvas: HTMLCanvasElement, weights: Weights2) => Place} */
  function place({ width, height }, { x, y }) {
    return [(width * (x - LEFT[0])) / (LEFT[1] - LEFT[0]), (height * (RIGHT[1] - y)) / (RIGHT[1] - RIGHT[0])];
  }

  /** Where a line of this depth runs: in each cell of the grid, between the edges that it crosses.
   * @type {(level: number) => [Weights2, Weights2][]} */
  function contour(level) {
    const weights = (/** @type {number} */ row, /** @type {number} */ column) => ({
      x: LEFT[0] + (column / (side - 1)) * (LEFT[1] - LEFT[0]),
      y: RIGHT[0] + (row / (side - 1)) * (RIGHT[1] - RIGHT[0]),
    });
    const found = /** @type {[Weights2, Weights2][]} */ ([]);
    for (let row = 0; row < side - 1; row++) {
      for (let column = 0; column < side - 1; column++) {
        const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
        const crossed = corners.flatMap(([r, c], i) => {
          const [r2, c2] = corners[(i + 1) % 4];
          const from = depth[r * side + c], to = depth[r2 * side + c2];
          if (from < level === to < level) return [];
          const share = (level - from) / (to - from);
          return [weights(r + share * (r2 - r), c + share * (c2 - c))];
        });
        if (crossed.length >= 2) found.push([crossed[0], crossed[1]]);
      }
    }
    return found;
  }

  /** A picture of the map, to lay under the walks. @type {(width: number) => HTMLCanvasElement} */
  function makeMap(width) {
    const upright = Float64Array.from(depth, (_, i) => depth[(side - 1 - Math.floor(i / side)) * side + (i % side)]);
    const small = element("canvas", { width: String(side), height: String(side) });
    paint(small, pixels(upright, 1, VIRIDIS), side);
    const map = element("canvas", { width: String(width), height: String(width) });
    const context = context2d(map);
    // Enlarged so that the outermost numbers lie on the edges, as the lines do.
    context.drawImage(small, 0.5, 0.5, side - 1, side - 1, 0, 0, width, width);
    context.strokeStyle = "rgba(255, 255, 255, 0.5)";
    context.lineWidth = 1.5;
    context.beginPath();
    for (let line = 1; line < LINES - 1; line++) {
      for (const [from, to] of contour(line / (LINES - 1))) {
        context.moveTo(...place(map, from));
        context.lineTo(...place(map, to));
      }
    }
    context.stroke();
    cross(map);
    return map;
  }

  /** A line on dark and on light. @type {(context: CanvasRenderingContext2D, colour: string, width: number) => void} */
  function stroke(context, colour, width) {
    context.lineJoin = "round";
    for (const [style, lineWidth] of /** @type {[string, number][]} */ ([["#000", 1.5 * width + 2], [colour, width]])) {
      Object.assign(context, { strokeStyle: style, lineWidth });
      context.stroke();
    }
  }

  /** A walk, the walker at its end; one with a name is of old, and thin.
   * @type {(canvas: HTMLCanvasElement, path: Weights2[], name?: string) => void} */
  function drawWalk(canvas, path, name) {
    const context = context2d(canvas);
    const places = path.map((weights) => place(canvas, weights));
    context.beginPath();
    for (const at of places) context.lineTo(...at);
    stroke(context, name ? "#fff" : "#f5a25d", name ? 1.5 : 5);
    const [x, y] = places[places.length - 1];
    if (name) {
      const within = (/** @type {number} */ value) => Math.max(14, Math.min(canvas.width - 50, value));
      Object.assign(context, { font: "bold 22px sans-serif", lineWidth: 5, strokeStyle: "#000", fillStyle: "#fff" });
      context.strokeText(name, within(x + 9), within(y - 10));
      return context.fillText(name, within(x + 9), within(y - 10));
    }
    for (const at of places) {
      context.beginPath();
      context.arc(...at, 3.5, 0, 7);
      Object.assign(context, { fillStyle: "#000" });
      context.fill();
    }
    context.beginPath();
    context.arc(x, y, 11, 0, 7);
    Object.assign(context, { fillStyle: "#f5a25d", strokeStyle: "#000", lineWidth: 3 });
    context.fill();
    context.stroke();
  }

  /** A cross on the lowest place of the grid. @param {HTMLCanvasElement} canvas */
  function cross(canvas) {
    const lowest = depth.indexOf(Math.min(...depth));
    const share = (/** @type {number} */ at) => (at / (side - 1)) * 9;
    const [x, y] = place(canvas, { x: LEFT[0] + share(lowest % side), y: RIGHT[0] + share(Math.floor(lowest / side)) });
    const context = context2d(canvas);
    context.beginPath();
    for (const way of [1, -1]) {
      context.moveTo(x - 11, y - 11 * way);
      context.lineTo(x + 11, y + 11 * way);
    }
    stroke(context, "#fff", 5);
  }

  return { ENDS: [LEFT, RIGHT], LEFT, RIGHT, low, high, depth, contour, makeMap, drawWalk };
})();
