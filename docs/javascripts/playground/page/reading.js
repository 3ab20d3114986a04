// What was read, and what the network was given: the ink on its way to 28x28.

"use strict";

digitlab.reading = (() => {
  const { find, context2d, paintInk, write } = digitlab.dom;
  const { SIDE } = digitlab.ink;

  /** @param {State} state */
  function draw(state) {
    write(find("reading", "p"), state.reading.title);
    write(find("remark", "p"), state.reading.remark);
    write(find("doubt", "p"), state.doubt);
    find("normalise", "input").checked = state.centre;
    const off = "Off: the whole paper is scaled to 28 × 28 as it is. Small or off-centre digits now fail.";
    write(find("normalise-note", "p"), state.centre ? "" : off);
    drawStages(state);
  }

  /** @param {State} state */
  function drawStages({ normalized: { box, boxed, image }, centre }) {
    const first = find("stage-ink", "canvas");
    const context = context2d(first);
    context.clearRect(0, 0, first.width, first.height);
    context.drawImage(find("canvas", "canvas"), 0, 0, first.width, first.height);
    if (box) {
      const scale = first.width / SIDE;
      const { left, top, width, height } = centre ? box : { left: 0, top: 0, width: SIDE, height: SIDE };
      context.strokeStyle = "#b8500b";
      context.lineWidth = 2;
      context.strokeRect(left * scale + 1, top * scale + 1, width * scale - 2, height * scale - 2);
    }
    const small = new Uint8Array(400);
    if (boxed) {
      const { pixels, width, height } = boxed;
      const start = 20 * ((20 - height) >> 1) + ((20 - width) >> 1);
      pixels.forEach((value, i) => (small[start + 20 * Math.floor(i / width) + (i % width)] = value));
    }
    const second = find("stage-box", "canvas");
    paintInk(second, small, 20);
    second.parentElement?.classList.toggle("play-off", !centre);
    paintInk(find("stage-image", "canvas"), image, 28);
  }

  /** @type {Listen} */
  function listen(state, changed) {
    const normalise = find("normalise", "input");
    normalise.addEventListener("change", () => {
      state.centre = normalise.checked;
      changed();
    });
  }

  return { draw, listen };
})();
