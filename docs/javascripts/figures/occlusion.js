// Lesson 10: a patch of the five is wiped out, wherever one points, and the scores answer.

"use strict";

digitlab.occluding = (() => {
  const { forward } = digitlab.network;
  const SIZE = 5; // pixels, as in digitlab.occlusion
  const PLACES = 28 - SIZE + 1; // of the patch, each way

  /** @type {(image: Uint8Array, top: number, left: number) => Uint8Array} a copy with empty paper there */
  function wiped(image, top, left) {
    return image.map((value, i) => {
      const y = Math.floor(i / 28) - top, x = (i % 28) - left;
      return y >= 0 && y < SIZE && x >= 0 && x < SIZE ? 0 : value;
    });
  }

  /**
   * The map of the places that were visited so far: for each pixel the mean fall of the target's score over those
   * patches that cover it. Once all were visited it is what `digitlab.occlusion` gives.
   *
   * @type {(weights: Weights, image: Uint8Array, target: number) => {visit: (top: number, left: number) =>
   *   {fall: number, scores: Float32Array, probabilities: Float32Array}, heat: Float32Array, cover: Uint8Array,
   *   visited: () => number, next: () => [number, number] | undefined}}
   */
  function start(weights, image, target) {
    const activations = forward(weights, image);
    const before = activations.fc2[target];
    const falls = new Float32Array(784), heat = new Float32Array(784), cover = new Uint8Array(784);
    const seen = /** @type {Set<number>} */ (new Set());

    /** @type {(top: number, left: number) => {fall: number, scores: Float32Array, probabilities: Float32Array}} */
    function visit(top, left) {
      const { fc2, probabilities } = forward(weights, wiped(image, top, left), activations);
      const fall = before - fc2[target];
      if (!seen.has(top * PLACES + left)) {
        seen.add(top * PLACES + left);
        for (let i = 0; i < SIZE * SIZE; i++) {
          const at = 28 * (top + Math.floor(i / SIZE)) + left + (i % SIZE);
          falls[at] += fall;
          cover[at] += 1;
          heat[at] = falls[at] / cover[at];
        }
      }
      return { fall, scores: fc2, probabilities };
    }

    /** The first place that is still to be visited. @returns {[number, number] | undefined} */
    function next() {
      for (let at = 0; at < PLACES * PLACES; at++) {
        if (!seen.has(at)) return [Math.floor(at / PLACES), at % PLACES];
      }
    }

    return { visit, heat, cover, visited: () => seen.size, next };
  }

  return { SIZE, PLACES, wiped, start };
})();

/** @type {(root: HTMLElement, helpers: Helpers) => void} */
digitlab.figures.occlusion = (root, { say }) => {
  const { element, paint } = digitlab.dom;
  const { lead, row, captioned, button, picture, show, frame, chooseCell } = digitlab.parts;
  const { BLACK_WHITE, largestMagnitude, over, pixels } = digitlab.colours;
  const { shortNumber, percent } = digitlab.words;
  const { SIZE, PLACES, wiped, start } = digitlab.occluding;
  const FIVE = 5;
  const image = /** @type {Uint8Array} */ (digitlab.tenDigits[FIVE]);
  const weights = digitlab.weightsFile.parse(/** @type {any} */ (window).digitlabWeights);
  const scale = 1.2 * largestMagnitude(digitlab.network.forward(weights, image).fc2);

  let map = start(weights, image, FIVE);
  let at = { row: 8, column: 8 }; // the middle of the patch that the lesson's code wipes out
  let filling = 0;

  const digit = picture("The five, with the patch wiped out. Arrow keys move the patch", 280);
  const shown = picture("The map: where the score of 5 falls, and how far", 280);
  const range = element("span");
  const bars = digitlab.ten.bars("The ten scores", "middle", (score) => score.toFixed(1).replace("-", "−"));

  /** Where the patch has not been there is the plain digit, dimmed. */
  function drawMap() {
    const unseen = pixels(image, 500, BLACK_WHITE);
    const heat = over(map.heat, image);
    paint(shown, heat.map((value, i) => (map.cover[i >> 2] ? value : unseen[i])), 28);
    range.textContent = `orange: the score of 5 falls, by up to ${shortNumber(Math.max(0, ...map.heat), 1)}; blue: it rises`;
    fill.disabled = map.next() === undefined;
  }

  function look() {
    const { fall, scores, probabilities } = map.visit(at.row, at.column);
    show(digit, wiped(image, at.row, at.column), 28, 255, BLACK_WHITE);
    frame(digit, 28, { ...at, size: SIZE });
    bars.show(scores, scale);
    drawMap();
    frame(shown, 28, { ...at, size: SIZE });
    const read = digitlab.ten.best(scores);
    const way = fall > 0 ? "falls" : "rises";
    const change =
      fall === 0 ? "nothing to miss here, the score of 5 stays" : `the score of 5 ${way} by ${shortNumber(Math.abs(fall), 2)}`;
    say(
      `Rows ${at.row} to ${at.row + SIZE - 1}, columns ${at.column} to ${at.column + SIZE - 1} wiped out: ${change}. ` +
        `It ${read === FIVE ? "still " : ""}reads ${read}, with ${percent(probabilities[read])}.`,
    );
  }

  /** As many places as fit into a moment, then a pause, so that the page can answer. */
  function fillOn() {
    const began = performance.now();
    for (let place = map.next(); place && performance.now() - began < 10; place = map.next()) map.visit(...place);
    drawMap();
    if (map.next()) filling = requestAnimationFrame(fillOn);
    else {
      say(
        `The map is full: ${PLACES * PLACES} places. At its darkest orange the score of 5 falls by ` +
          `${shortNumber(Math.max(...map.heat), 2)}, the mean over all patches that cover the pixel.`,
      );
    }
  }

  const fill = button("Fill the map", () => {
    cancelAnimationFrame(filling);
    fillOn();
  });
  const clear = button("Empty the map", () => {
    cancelAnimationFrame(filling);
    map = start(weights, image, FIVE);
    look();
  });
  const middle = (SIZE - 1) / 2; // the pointer holds the patch by its middle
  const within = (/** @type {number} */ place) => Math.max(0, Math.min(PLACES - 1, place));
  const move = chooseCell(digit, 28, 28, (row, column) => {
    const to = { row: within(row - middle), column: within(column - middle) };
    if (row - middle !== to.row || column - middle !== to.column) return move(to.row + middle, to.column + middle);
    at = to;
    look();
  });
  root.append(
    lead("Move over the five, and wipe out what is there. The map keeps what each place has cost."),
    row(captioned(digit, "the five, without a patch"), captioned(shown, range), bars.home),
    row(fill, clear),
  );
  move(at.row + middle, at.column + middle);
};
