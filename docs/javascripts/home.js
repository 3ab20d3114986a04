// The home page's figure: a hand writes a digit, and each layer of the network shows what it makes of it, a moment
// after the one before. Whoever draws takes over the paper. The network and the ink are the playground's.

"use strict";

(() => {
  const { SIDE } = digitlab.ink;
  const { element, paint, onPen, write } = digitlab.dom;
  const DIGITS = [5, 2, 8, 3, 7, 4];
  const PEN = 20;
  const SPEED = 0.45; // pixels of the paper in a millisecond
  const REST = 2600; // milliseconds that a finished digit stays
  const DELAY = 180; // milliseconds from one layer to the next
  const TICK = 30; // milliseconds in which the network runs once, or is shown once: never both, which would take long
  const LAYERS = /** @type {Layer[]} */ (["conv1", "conv2", "fc1", "fc2"]);

  const home = /** @type {HTMLElement} */ (document.getElementById("home-live"));
  const { digitlabWeights } = /** @type {{digitlabWeights: string}} */ (/** @type {unknown} */ (window));
  const weights = digitlab.weightsFile.parse(digitlabWeights);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const paper = /** @type {HTMLCanvasElement} */ (part("paper"));

  const ink = new Uint8Array(SIDE * SIDE);
  /** What the network was given at the last moments: a later layer still shows an earlier one. */
  const moments = /** @type {{time: number, normalized: Normalized, activations: Activations}[]} */ ([]);
  let turn = 0; // which of the digits is written
  let since = 0; // when that began
  let written = 0; // how far it is, in pixels
  let playing = !still;
  let drawing = false; // the reader does, or has done
  let changed = true; // the ink, since the network's last run
  let ran = false; // at the last tick, rather than was shown
  let tickedAt = -TICK;
  let frame = 0;

  /** @param {string} name */
  function part(name) {
    return /** @type {HTMLElement} */ (home.querySelector(`[data-part="${name}"]`));
  }

  /** Canvases for a layer's maps, and ten bars for the scores. @type {Record<string, HTMLElement[]>} */
  const shown = Object.fromEntries(
    LAYERS.map((layer) => {
      const { maps, rows, columns } = digitlab.network.LAYERS[layer];
      const made =
        layer === "fc2"
          ? [...Array(10).keys()].map((digit) => element("li", {}, element("b", {}, `${digit}`), element("i")))
          : [...Array(maps)].map(() => element("canvas", { width: `${columns}`, height: `${rows}` }));
      part(layer).replaceChildren(...made);
      return [layer, made];
    }),
  );

  /** @param {number} time */
  function step(time) {
    frame = 0;
    if (playing) goOn(time);
    if (time - tickedAt >= TICK) {
      tickedAt = time;
      if (changed && !ran) run(time);
      else if (ran || moments.length > 1) show(time);
    }
    if (playing || changed || ran || moments.length > 1) again();
  }

  function again() {
    frame ||= requestAnimationFrame(step);
  }

  /** The hand goes on; after a rest, to the next digit. @param {number} time */
  function goOn(time) {
    since ||= time;
    const far = SPEED * (time - since);
    const whole = digitlab.writing.length(DIGITS[turn]);
    if (written < whole) put(() => digitlab.writing.write(ink, DIGITS[turn], written, far, PEN));
    written = far;
    if (time - since > whole / SPEED + REST) next();
  }

  /** Change the ink, and let the network see it. @param {() => void} change */
  function put(change) {
    change();
    changed = true;
    again();
  }

  function next() {
    turn = (turn + 1) % DIGITS.length;
    since = written = 0;
    put(() => ink.fill(0));
  }

  /** Let the network see the ink as it is. @param {number} time */
  function run(time) {
    const normalized = digitlab.ink.normalize(ink, SIDE, SIDE);
    moments.push({ time, normalized, activations: digitlab.network.forward(weights, normalized.image) });
    paint(paper, digitlab.colours.pixels(ink, 255, digitlab.colours.WHITE_BLACK), SIDE, true);
    changed = false;
    ran = true;
  }

  /** Show what each layer makes of it by now. @param {number} time */
  function show(time) {
    ran = false;
    // The last of those that all layers have seen is kept: it is what the last layer shows.
    while (moments.length > 1 && moments[1].time <= time - DELAY * LAYERS.length) moments.shift();
    LAYERS.forEach((layer, i) => {
      const seen = still ? time : time - DELAY * (i + 1);
      const { normalized, activations } = moments.findLast((moment) => moment.time <= seen) ?? moments[0];
      if (layer === "fc2") return showBars(activations.probabilities, normalized.box !== null);
      shown[layer].forEach((canvas, map) => {
        const pixels = digitlab.colours.ofMap({ activations, normalized }, layer, map);
        paint(/** @type {HTMLCanvasElement} */ (canvas), pixels, digitlab.network.LAYERS[layer].columns);
      });
    });
  }

  /** @type {(probabilities: Float32Array, inked: boolean) => void} */
  function showBars(probabilities, inked) {
    const best = probabilities.indexOf(Math.max(...probabilities));
    shown.fc2.forEach((row, digit) => {
      row.classList.toggle("home-best", inked && digit === best);
      row.style.setProperty("--share", `${inked ? probabilities[digit] : 0}`);
    });
    const sure = digitlab.words.percent(probabilities[best]);
    write(part("answer"), inked ? `It reads a ${best}, ${sure} sure.` : "The paper is empty.");
  }

  // --- what a reader can do ---

  /** Let the hand write, or stop it. @param {boolean} on */
  function play(on) {
    playing = on;
    if (on && drawing) next();
    drawing = drawing && !on;
    part("hint").hidden = true;
    if (on && since) since = performance.now() - written / SPEED;
    write(part("play"), on ? "Pause" : still ? "Another digit" : "Go on");
    again();
  }

  /** Empty paper for the reader. */
  function takeOver() {
    play(false);
    drawing = true;
    put(() => ink.fill(0));
    part("hint").hidden = false;
  }

  /** For those who want no motion: the next digit at once. */
  function writeWhole() {
    next();
    drawing = false;
    part("hint").hidden = true;
    put(() => digitlab.writing.write(ink, DIGITS[turn], 0, Infinity, PEN));
  }

  part("play").addEventListener("click", () => (still ? writeWhole() : play(!playing)));
  part("draw").addEventListener("click", takeOver);

  const stroke = (/** @type {Point} */ from, /** @type {Point} */ to) =>
    put(() => digitlab.ink.draw(ink, from, to, PEN));
  onPen(paper, SIDE, {
    down(at) {
      if (!drawing) takeOver();
      part("hint").hidden = true;
      stroke(at, at);
    },
    move: stroke,
    up() {},
  });

  home.hidden = false;
  home.parentElement?.classList.add("home-running");
  if (still) {
    turn = DIGITS.length - 1;
    write(part("play"), "Another digit");
    writeWhole();
  }
  again();
})();
