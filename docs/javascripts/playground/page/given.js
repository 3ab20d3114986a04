// What the network is given: the ink on its way to 28x28.

"use strict";

digitlab.given = (() => {
  const { find, context2d, paintInk, write } = digitlab.dom;
  const { SIDE } = digitlab.ink;

  /** @param {State} state */
  function draw({ normalized: { box, boxed }, centre }) {
    find("normalise", "input").checked = centre;
    const off = "Off: the whole paper is scaled down as it is. Small or off-centre digits now fail.";
    write(find("normalise-note", "p"), centre ? "" : off);
    write(find("input-caption", "span"), centre ? "28 × 28, centred" : "28 × 28, as it is");
    const first = find("stage-ink", "canvas");
    const context = context2d(first);
    context.drawImage(find("canvas", "canvas"), 0, 0, first.width, first.height);
    if (box) {
      const scale = first.width / SIDE;
      const { left, top, width, height } = centre ? box : { left: 0, top: 0, width: SIDE, height: SIDE };
      context.strokeStyle = "#b8500b";
      context.lineWidth = 3;
      context.strokeRect(left * scale + 1.5, top * scale + 1.5, width * scale - 3, height * scale - 3);
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
