// The drawing drawn anew, step by step, so that one can watch the network follow. A test digit is written as well.

"use strict";

digitlab.replay = (() => {
  /** Steps are shared out over so many pictures: about two seconds. */
  const PICTURES = 100;
  /** A still is shown for so many pictures. */
  const STILL = 40;

  /**
   * Begin with clean paper; `goOn` does the rest. As stills, a whole stroke or digit is one step.
   *
   * @type {(state: State, stills?: boolean) => void}
   */
  function start(state, stills = false) {
    finish(state);
    const entries = digitlab.history.sincePut(state).map((entry) => stepsOf(entry, state.ink));
    const steps = stills ? entries.map((own) => () => own.forEach((step) => step())) : entries.flat();
    if (!steps.length) return;
    state.ink.fill(0);
    // A line of few points is not rushed, and one of thousands does not take a minute.
    state.replay = { steps, done: 0, pace: stills ? 1 / STILL : Math.max(0.5, steps.length / PICTURES) };
  }

  /** @type {(entry: Line | Put, ink: Uint8Array) => (() => void)[]} */
  function stepsOf(entry, ink) {
    /** @type {(() => void)[]} */
    const steps = [];
    if ("points" in entry) {
      digitlab.history.eachStroke(entry, (from, to) => {
        steps.push(() => digitlab.ink.draw(ink, from, to, entry.width));
      });
      return steps;
    }
    const written = new Uint8Array(784);
    for (const wave of waves(entry.pixels)) {
      steps.push(() => {
        for (const i of wave) written[i] = entry.pixels[i];
        digitlab.ink.put(ink, written);
      });
    }
    return steps;
  }

  /** What comes before the next picture. @param {State} state */
  function goOn(state) {
    if (!state.replay) return;
    const { steps, done, pace } = state.replay;
    state.replay.done = Math.min(steps.length, done + pace);
    for (const step of steps.slice(Math.floor(done), Math.floor(state.replay.done))) step();
    if (state.replay.done === steps.length) state.replay = null;
  }

  /** All that is left, at once. @param {State} state */
  function finish(state) {
    while (state.replay) goOn(state);
  }

  /**
   * The pixels of a digit in the order of a pen that starts at the top left: those that are one step through the ink
   * from the start, then those two steps away, and so on. A part that does not hang together is written after it.
   *
   * @param {Uint8Array} pixels
   */
  function waves(pixels) {
    const left = new Set([...pixels.keys()].filter((i) => pixels[i] > 0));
    const made = [];
    while (left.size) {
      const corner = (/** @type {number} */ i) => Math.floor(i / 28) + (i % 28);
      let wave = [[...left].reduce((best, i) => (corner(i) < corner(best) ? i : best))];
      while (wave.length) {
        for (const i of wave) left.delete(i);
        made.push(wave);
        const around = wave.flatMap((i) => [-29, -28, -27, -1, 1, 27, 28, 29].map((step) => i + step));
        wave = [...new Set(around)].filter((i) => left.has(i)); // MNIST's ink keeps four pixels from the edge
      }
    }
    return made;
  }

  return { start, goOn, finish };
})();
