// What changes the state. `update` works out what follows from the ink and the choices.

"use strict";

digitlab.changes = (() => {
  const { SIDE } = digitlab.ink;
  const { LAYERS } = digitlab.network;

  /** Everything that follows from the ink, the switch, the model and the question. @param {State} state */
  function update(state) {
    state.normalized = digitlab.ink.normalize(state.ink, SIDE, SIDE, state.centre);
    digitlab.network.forward(state.weights, state.normalized.image, state.activations);
    if (state.following && state.normalized.box) {
      state.unit.column = state.activations.probabilities.indexOf(Math.max(...state.activations.probabilities));
    }
    state.why = answerWhy(state);
    state.reading = digitlab.words.reading(state);
    const { doubt } = /** @type {{doubt?: {remark: (state: State) => string}}} */ (digitlab); // a page may do without
    state.doubt = doubt ? doubt.remark(state) : "";
    const heard = (state.keyboard.down ? "Pen down. " : "") + state.reading.title;
    if (heard !== state.heard) state.heard = state.announcement = heard;
  }

  /** @type {(state: State, from: Point, to: Point) => void} */
  function stroke(state, from, to) {
    digitlab.replay.finish(state);
    if (state.example) {
      state.example = false;
      state.history = [];
      state.ink.fill(0);
    }
    digitlab.history.stroke(state, from, to);
    state.copied = state.copyText = "";
  }

  /** Move the keyboard's pen, which draws while it is down. @type {(state: State, dx: number, dy: number) => void} */
  function moveKeyboard(state, dx, dy) {
    const { keyboard } = state;
    const from = { x: keyboard.x, y: keyboard.y };
    keyboard.x = Math.max(0, Math.min(SIDE, keyboard.x + dx));
    keyboard.y = Math.max(0, Math.min(SIDE, keyboard.y + dy));
    if (keyboard.down && (from.x !== keyboard.x || from.y !== keyboard.y)) stroke(state, from, keyboard);
  }

  /** @param {State} state */
  function toggleKeyboard(state) {
    state.keyboard.down = !state.keyboard.down;
    if (state.keyboard.down) stroke(state, state.keyboard, state.keyboard);
  }

  /** @param {State} state */
  function clear(state) {
    digitlab.replay.finish(state);
    if (state.ink.some((value) => value > 0)) put(state, new Uint8Array(784));
    liftPen(state);
  }

  /** Put 28x28 pixels on the paper, in place of what is there. @type {(state: State, pixels: Uint8Array) => void} */
  function put(state, pixels) {
    digitlab.replay.finish(state);
    if (state.example) state.history = [];
    state.example = false;
    digitlab.history.put(state, pixels);
    liftPen(state);
  }

  /** Take back the last stroke, digit or cleaning. @param {State} state */
  function undo(state) {
    digitlab.replay.finish(state);
    state.example = false;
    state.announcement = digitlab.history.undo(state) ? "Undone." : "There is nothing to undo.";
    liftPen(state);
  }

  /** @param {State} state */
  function liftPen(state) {
    state.drawing = false;
    state.keyboard.down = false;
    state.copied = state.copyText = "";
  }

  /** What the page shows before anybody has drawn. @type {(state: State, pixels: Uint8Array) => void} */
  function showExample(state, pixels) {
    put(state, pixels);
    state.example = true;
  }

  /** Take the digit from a link, if it is one. @type {(state: State, hash: string) => void} */
  function readLink(state, hash) {
    const pixels = digitlab.share.fromLink(hash);
    if (pixels === undefined) return;
    put(state, pixels || new Uint8Array(784));
    if (!pixels) state.copied = "The link holds no digit that this page can read. It may have been cut off.";
  }

  /** @type {(state: State, weights: Weights) => void} */
  function useWeights(state, weights) {
    state.weights = weights;
    state.modelError = "";
    forget(state);
  }

  /** Choose the strongest unit of a map. @type {(state: State, layer: Layer, map: number) => void} */
  function openMap(state, layer, map) {
    if (layer === "fc2") return chooseUnit(state, { layer, map: 0, row: 0, column: map }); // a digit
    const { rows, columns } = LAYERS[layer];
    const values = state.activations[layer].slice(map * rows * columns, (map + 1) * rows * columns);
    state.channel = -1;
    chooseUnit(state, { ...digitlab.contributions.unitAt(layer, values.indexOf(Math.max(...values))), map });
  }

  /** Choose a unit; the nearest, if it lies outside its map. @type {(state: State, unit: Unit) => void} */
  function chooseUnit(state, unit) {
    const { rows, columns } = LAYERS[unit.layer];
    const row = Math.max(0, Math.min(rows - 1, unit.row));
    const column = Math.max(0, Math.min(columns - 1, unit.column));
    state.unit = { ...unit, row, column };
    state.following = false;
    state.trail = [];
    state.slide = null;
    state.announcement = digitlab.sums.explain(state).sentence;
  }

  /** Go to one of the unit's sources. @type {(state: State, source: Unit) => void} */
  function follow(state, source) {
    const trail = [...state.trail, state.unit];
    state.channel = -1;
    chooseUnit(state, source);
    state.trail = trail;
  }

  /** Back to the unit from which one came. @param {State} state */
  function goBack(state) {
    const trail = [...state.trail];
    const unit = trail.pop();
    if (!unit) return;
    state.channel = -1;
    chooseUnit(state, unit);
    state.trail = trail;
  }

  /** @type {(state: State) => State["why"]} */
  function answerWhy(state) {
    const { weights, activations, normalized, target } = state;
    const empty = normalized.box === null;
    if (state.way !== "occlusion" || empty) forget(state);
    if (empty) return { heat: new Float32Array(784), text: "Draw a digit, and ask." };
    const read = activations.probabilities.indexOf(Math.max(...activations.probabilities));
    if (state.way === "occlusion") return answerOcclusion(state, read);
    const own = digitlab.why.saliency(weights, activations, read);
    if (state.way === "saliency") {
      const text = `Orange: a little more ink here would raise the score of ${read}. Blue: it would lower it.`;
      return { heat: own, text };
    }
    const heat = digitlab.why.saliency(weights, activations, target).map((value, i) => value - own[i]);
    const text =
      target === read
        ? `It is read as a ${read} already. Choose another digit.`
        : `Orange: more ink here would move it from ${read} towards ${target}. Blue: less ink here would.`;
    return { heat, text };
  }

  /**
   * Coarse while the pen is down, full when it is lifted. Begins the work, which `goOn` does.
   *
   * @type {(state: State, read: number) => State["why"]}
   */
  function answerOcclusion({ occlusion, drawing: penDown, keyboard, normalized, weights }, read) {
    const drawing = penDown || keyboard.down;
    const question = `${read} ${drawing} ${normalized.image.join()}`;
    // While one draws, a coarse answer that is on its way is waited for: there would never be one otherwise.
    if (question !== occlusion.question && !(drawing && occlusion.slices)) {
      occlusion.question = question;
      occlusion.slices = digitlab.why.occlusion(weights, normalized.image, read, { stride: drawing ? 4 : 1 });
      occlusion.done = 0;
    }
    const most = digitlab.words.shortNumber(Math.max(...occlusion.answer));
    const text = occlusion.slices
      ? `Wiping out one patch after another: ${Math.round(100 * occlusion.done)} %`
      : `Orange: without what is here, the score of ${read} falls, by ${most} at most. Blue: it rises.`;
    return { heat: occlusion.answer, text };
  }

  /**
   * One slice of an occlusion: for the time before each picture, so that the pen never waits.
   *
   * @param {State} state
   */
  function goOn({ occlusion }) {
    if (!occlusion.slices) return;
    const step = occlusion.slices.next();
    if (!step.done) return void (occlusion.done = step.value);
    occlusion.slices = null;
    occlusion.answer = step.value;
  }

  /** Give up an occlusion. @param {State} state */
  function forget({ occlusion }) {
    occlusion.question = "";
    occlusion.slices = null;
  }

  const paper = { stroke, moveKeyboard, toggleKeyboard, clear, put, undo, showExample, readLink };
  return { ...paper, update, useWeights, openMap, chooseUnit, follow, goBack, goOn };
})();
