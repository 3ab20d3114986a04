// The lines between the layers: all of them faintly, and brightly those that carry the chosen number.

"use strict";

digitlab.wires = (() => {
  const { find, context2d } = digitlab.dom;
  const { LAYERS } = digitlab.network;
  const layers = /** @type {Layer[]} */ (Object.keys(LAYERS));

  /** @param {State} state */
  function draw(state) {
    const canvas = find("wires", "canvas");
    const home = find("top", "div").getBoundingClientRect();
    const sharp = window.devicePixelRatio || 1;
    const [width, height] = [home.width, home.height].map((length) => Math.round(length * sharp));
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = context2d(canvas);
    context.setTransform(sharp, 0, 0, sharp, 0, 0);
    context.clearRect(0, 0, home.width, home.height);
    const boxes = Object.fromEntries(layers.map((layer) => [layer, boxesOf(layer, home)]));
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = 0.6;
    context.globalAlpha = 0.3;
    drawAll(context, boxes);
    context.globalAlpha = 1;
    context.lineCap = "round";
    // The strongest last: on top.
    for (const { from, to, share } of digitlab.links.lit(state).reverse()) {
      context.strokeStyle = share >= 0 ? "#e0761b" : "#3b82c4";
      context.lineWidth = (state.projector ? 2 : 1) * (1 + 2.5 * Math.abs(share));
      context.setLineDash(share >= 0 ? [] : [6, 5]); // told apart by more than the colour
      line(context, end(boxes, from), start(boxes, to));
    }
    context.setLineDash([]);
  }

  /** @type {(layer: Layer, home: DOMRect) => DOMRect[]} */
  function boxesOf(layer, home) {
    return [...digitlab.diagram.buttons(layer)].map((button) => {
      const row = button.closest("tr") ?? button;
      const { left, top, width, height } = row.getBoundingClientRect();
      return new DOMRect(left - home.left, top - home.top, width, height);
    });
  }

  /** Which maps are connected at all. @type {(context: CanvasRenderingContext2D, boxes: Record<string, DOMRect[]>) => void} */
  function drawAll(context, boxes) {
    for (const layer of layers.slice(1)) {
      const { from } = LAYERS[layer];
      const rows = layer === "fc1" ? 10 : boxes[layer].length; // to a row of units
      for (let i = 0; i < rows; i++) {
        const to = start(boxes, layer === "fc1" ? { layer, map: 0, row: i, column: 0 } : unitOf(layer, i));
        const sources = from === "fc1" ? 10 : boxes[from].length;
        for (let j = 0; j < sources; j++) {
          if (layer.startsWith("pool") && i !== j) continue;
          const source = from === "fc1" ? { layer: from, map: 0, row: j, column: 4 } : unitOf(from, j);
          line(context, end(boxes, source), to);
        }
      }
    }
  }

  /** @type {(layer: Layer, i: number) => Unit} */
  function unitOf(layer, i) {
    return layer === "fc2" ? { layer, map: 0, row: 0, column: i } : { layer, map: i, row: 0, column: 0 };
  }

  /** Where lines to a unit end: at the left of its map. @type {(boxes: Record<string, DOMRect[]>, unit: Unit) => Point} */
  function start(boxes, unit) {
    const box = boxOf(boxes, unit);
    return { x: box.left, y: box.top + box.height / 2 };
  }

  /** Where lines from a unit begin: at the right. @type {(boxes: Record<string, DOMRect[]>, unit: Unit) => Point} */
  function end(boxes, unit) {
    const box = boxOf(boxes, unit);
    return { x: box.right, y: box.top + box.height / 2 };
  }

  /** @type {(boxes: Record<string, DOMRect[]>, unit: Unit) => DOMRect} */
  function boxOf(boxes, { layer, map, row, column }) {
    if (layer === "fc2") return boxes.fc2[column];
    const box = boxes[layer][map];
    if (layer !== "fc1") return box;
    const { rows, columns } = LAYERS.fc1;
    const [width, height] = [box.width / columns, box.height / rows];
    return new DOMRect(box.left + column * width, box.top + row * height, width, height);
  }

  /** @type {(context: CanvasRenderingContext2D, from: Point, to: Point) => void} */
  function line(context, from, to) {
    if (to.x <= from.x) return; // on a narrow screen the input and the bars do not stand beside the maps
    const bend = (to.x - from.x) / 2;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.bezierCurveTo(from.x + bend, from.y, to.x - bend, to.y, to.x, to.y);
    context.stroke();
  }

  /** @type {Listen} */
  function listen(state) {
    new ResizeObserver(() => draw(state)).observe(find("top", "div"));
  }

  return { draw, listen };
})();
