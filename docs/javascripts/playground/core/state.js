// The one state of the page: all that it knows. core/changes.js changes it, and page/ draws it.

"use strict";

/** A new state, with empty paper. @param {Weights} courseWeights */
digitlab.createState = (courseWeights) => {
  const { SIDE } = digitlab.ink;
  const ink = new Uint8Array(SIDE * SIDE);
  const normalized = digitlab.ink.normalize(ink, SIDE, SIDE);
  const heat = /** @type {Float32Array} */ (new Float32Array(784));
  return {
    // The paper: 0 paper .. 255 ink.
    ink,
    penWidth: 20,
    drawing: false, // a mouse, finger or pen is down
    history: /** @type {(Line | Put)[]} */ ([]),
    example: false, // the paper shows the page's own digit, which the first stroke clears away
    replay: /** @type {{steps: (() => void)[], done: number, pace: number} | null} */ (null), // while it is drawn anew
    keyboard: { x: SIDE / 2, y: SIDE / 2, down: false, shown: false }, // the pen that the keys move
    // The network, and what it reads.
    courseWeights,
    weights: courseWeights, // those that run
    modelError: "", // why the last file was not taken
    centre: true, // fit and centre the ink, as MNIST did
    normalized,
    activations: digitlab.network.forward(courseWeights, normalized.image),
    reading: { title: "", remark: "" },
    doubt: "", // what speaks against the reading, if anything does
    // The unit that is explained. For conv2 with the numbers of one input map; -1 for the one that adds most.
    unit: /** @type {Unit} */ ({ layer: "fc2", map: 0, row: 0, column: 0 }),
    channel: -1,
    following: true, // until a unit is chosen, the score of what is read is explained
    trail: /** @type {Unit[]} */ ([]), // the units from which one came to this one, each a layer on
    slide: /** @type {{playing: boolean, pictures: number} | null} */ (null), // while its map fills up
    // The question why. `slices` is an occlusion that is being worked out, of which the share `done` is.
    way: /** @type {"saliency" | "occlusion" | "towards"} */ ("saliency"),
    target: 3, // the other digit, for "towards"
    why: { heat, text: "" },
    occlusion: { question: "", answer: heat, slices: /** @type {Occluding | null} */ (null), done: 0 },
    projector: false, // large, and nothing but what is needed
    // What is said of copies and links, and to those who hear the page.
    copied: "",
    copyText: "", // what the browser did not let the page copy
    heard: "", // the reading that was last announced
    announcement: "",
  };
};

/** @typedef {ReturnType<(typeof digitlab)["createState"]>} State */
