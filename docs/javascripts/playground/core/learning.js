// Learning: random weights, and small steps against the gradient. What `torch.optim.SGD` and the loop of lesson 03 do.

"use strict";

/**
 * @typedef {{images: Uint8Array, labels: Uint8Array}} Digits 784 bytes an image, one a label.
 * @typedef {{rate: number, momentum: number}} Settings
 * @typedef {ReturnType<(typeof digitlab)["learning"]["createLearner"]>} Learner
 */

digitlab.learning = (() => {
  const { WEIGHT_SHAPES, forward } = digitlab.network;
  const { backward, crossEntropy } = digitlab.gradients;
  const BATCH = 32;

  /** Random numbers, 0 <= x < 1: mulberry32, by Tommy Ettinger. @type {(seed: number) => () => number} */
  function createRandom(seed) {
    return () => {
      seed = (seed + 0x6d2b79f5) | 0;
      let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  /** A tensor for each name, each filled by `value`. @type {(value?: (name: string) => number) => Tensors} */
  function tensors(value = () => 0) {
    const made = Object.entries(WEIGHT_SHAPES).map(([name, shape]) => {
      const size = shape.reduce((a, b) => a * b, 1);
      return [name, Float32Array.from({ length: size }, () => value(name))];
    });
    return Object.fromEntries(made);
  }

  /**
   * A network that has seen nothing. PyTorch's start: weights and biases even between -1 and 1, divided by the square
   * root of the number of values that a unit adds up. So its sum is neither tiny nor huge.
   *
   * @param {number} seed
   */
  function createLearner(seed) {
    const random = createRandom(seed);
    const reach = (/** @type {string} */ name) => {
      const [, ...inputs] = WEIGHT_SHAPES[name.replace("bias", "weight")];
      return 1 / Math.sqrt(inputs.reduce((a, b) => a * b, 1));
    };
    const weights = { name: "", measured: "", tensors: tensors((name) => (2 * random() - 1) * reach(name)) };
    return {
      weights,
      velocities: tensors(),
      gradients: tensors(),
      activations: forward(weights, new Uint8Array(784)), // to be written over
      random,
      order: new Uint16Array(0), // in which the digits are shown
      seen: 0,
    };
  }

  /**
   * One batch: the mean gradient of its digits, then one step. Returns their mean loss, from before the step.
   *
   * @type {(learner: Learner, digits: Digits, settings: Settings) => number}
   */
  function step(learner, digits, settings) {
    const { weights, gradients, activations } = learner;
    for (const gradient of Object.values(gradients)) gradient.fill(0);
    let loss = 0;
    for (let i = 0; i < BATCH; i++) {
      const at = nextDigit(learner, digits);
      forward(weights, digits.images.subarray(784 * at, 784 * (at + 1)), activations);
      loss += crossEntropy(activations.fc2, digits.labels[at]) / BATCH;
      backward(weights, activations, digits.labels[at], gradients);
    }
    descend(learner, settings);
    return loss;
  }

  /**
   * Against the gradient, downhill. With momentum a weight keeps a share of the speed that it has.
   *
   * @type {(learner: Learner, settings: Settings) => void}
   */
  function descend({ weights, velocities, gradients }, { rate, momentum }) {
    for (const [name, weight] of Object.entries(weights.tensors)) {
      const velocity = velocities[name];
      const gradient = gradients[name];
      for (let i = 0; i < weight.length; i++) {
        velocity[i] = momentum * velocity[i] + gradient[i] / BATCH;
        weight[i] -= rate * velocity[i];
      }
    }
  }

  /** Every digit once in each round, each round in a new order. @type {(learner: Learner, digits: Digits) => number} */
  function nextDigit(learner, { labels }) {
    const place = learner.seen++ % labels.length;
    if (place === 0) {
      const order = (learner.order = Uint16Array.from(labels.keys()));
      for (let i = order.length - 1; i > 0; i--) {
        const j = Math.floor(learner.random() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
    }
    return learner.order[place];
  }

  /** As what the network reads one digit. @type {(learner: Learner, digits: Digits, at: number) => number} */
  function read({ weights, activations }, { images }, at) {
    const logits = forward(weights, images.subarray(784 * at, 784 * (at + 1)), activations).fc2;
    let best = 0;
    for (let digit = 1; digit < 10; digit++) if (logits[digit] > logits[best]) best = digit;
    return best;
  }

  return { BATCH, createLearner, step, read };
})();
