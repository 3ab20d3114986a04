// Lesson 03: a walker on the loss surface of two weights: choose how it steps, put it anywhere, let it walk.

"use strict";

/**
 * @typedef {{x: number, y: number}} Weights2 the weights of the left and the right window
 * @typedef {{ink: Float64Array, fives: number}} Windows
 *   The ink in the left and the right window of each digit, one after another: first the fives, then the threes.
 */

digitlab.surface = (() => {
  /** @type {(made: {ink: string, fives: number}) => Windows} */
  function unpack({ ink, fives }) {
    const sums = new Uint16Array(digitlab.parts.bytes(ink).buffer); // of 24 bytes each
    return { ink: Float64Array.from(sums, (sum) => sum / 24 / 255 * 4), fives };
  }

  /**
   * Binary cross-entropy with logits, the mean over all digits, and its gradient by the two weights.
   *
   * @type {(windows: Windows, weights: Weights2) => {loss: number, gradient: Weights2}}
   */
  function lossAt({ ink, fives }, { x, y }) {
    const count = ink.length / 2;
    let loss = 0, dx = 0, dy = 0;
    for (let i = 0; i < count; i++) {
      const left = ink[2 * i], right = ink[2 * i + 1];
      const score = x * left + y * right;
      const isFive = i < fives ? 1 : 0;
      // -log(sigmoid) and -log(1 - sigmoid), written so that exp cannot overflow.
      loss += Math.max(score, 0) - score * isFive + Math.log1p(Math.exp(-Math.abs(score)));
      const off = 1 / (1 + Math.exp(-score)) - isFive;
      dx += off * left;
      dy += off * right;
    }
    return { loss: loss / count, gradient: { x: dx / count, y: dy / count } };
  }

  /**
   * One step of SGD as in PyTorch: what is left of the last step's direction, and the gradient.
   *
   * @type {(windows: Windows, weights: Weights2, direction: Weights2, rate: number, momentum: number) =>
   *   {weights: Weights2, direction: Weights2}}
   */
  function step(windows, weights, direction, rate, momentum) {
    const { gradient } = lossAt(windows, weights);
    const next = { x: momentum * direction.x + gradient.x, y: momentum * direction.y + gradient.y };
    return { weights: { x: weights.x - rate * next.x, y: weights.y - rate * next.y }, direction: next };
  }

  /** @type {(windows: Windows, rate: number, momentum: number, steps: number) => Weights2[]} from (0, 0) */
  function walk(windows, rate, momentum, steps) {
    let at = { weights: { x: 0, y: 0 }, direction: { x: 0, y: 0 } };
    const path = [at.weights];
    for (let i = 0; i < steps; i++) {
      at = step(windows, at.weights, at.direction, rate, momentum);
      path.push(at.weights);
    }
    return path;
  }

  return { unpack, lossAt, step, walk };
})();

/** @type {(root: HTMLElement, helpers: Helpers) => void} */
digitlab.figures.surface = (root, { say, words, still }) => {
  const { element, onKey, context2d } = digitlab.dom;
  const { lead, row, button, slider, picture } = digitlab.parts;
  const { shortNumber } = digitlab.words;
  const { LEFT, RIGHT, low, high, makeMap, drawWalk } = digitlab.relief;
  const RATES = [0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 6, 8]; // evenly spaced as logarithms, nearly
  const BATCH = 20; // steps, at once for whom nothing should move
  const PAUSE = 500; // and after so many it rests
  const windows = digitlab.surface.unpack(digitlab.lossSurface);

  let rate = 1, momentum = 0;
  let path = [{ x: 0, y: 0 }];
  let direction = { x: 0, y: 0 };
  let timer = 0;
  const former = [0.1, 1, 4].map((rate) => ({ rate, path: digitlab.surface.walk(windows, rate, 0, 20) })); // the lesson's

  const keys = "A click or the arrow keys put the walker elsewhere.";
  const map = picture(`The loss surface, darker where the loss is lower. ${keys}`, 560);
  map.tabIndex = 0;
  map.setAttribute("role", "application");
  map.classList.add("live-choosing", "live-smooth");

  const ground = makeMap(map.width);

  function draw() {
    context2d(map).drawImage(ground, 0, 0);
    for (const { path, rate } of former) drawWalk(map, path, shortNumber(rate));
    drawWalk(map, path);
  }

  function speak() {
    const at = path[path.length - 1];
    const { loss, gradient } = digitlab.surface.lossAt(windows, at);
    const outside = at.x < LEFT[0] || at.x > LEFT[1] || at.y < RIGHT[0] || at.y > RIGHT[1];
    const flat = Math.hypot(gradient.x, gradient.y) < 0.001 && Math.hypot(direction.x, direction.y) < 0.001;
    say(
      `Step ${path.length - 1}: left weight ${at.x.toFixed(2)}, right weight ${at.y.toFixed(2)}, loss ${loss.toFixed(3)}.`
        .replace(/-/g, "−") +
        (outside ? " It has left the map, and walks on out there." : flat ? " Here the ground is level." : ""),
    );
    return flat;
  }

  /** @param {number} steps */
  function go(steps) {
    for (let i = 0; i < steps; i++) {
      const next = digitlab.surface.step(windows, path[path.length - 1], direction, rate, momentum);
      path.push(next.weights);
      direction = next.direction;
    }
    draw();
    const rest = (path.length - 1) % PAUSE === 0; // a walk that finds no level ground
    if (speak() || rest) stop();
  }

  /** @type {(weights: Weights2) => void} */
  function put(weights) {
    stop();
    path = [weights];
    direction = { x: 0, y: 0 };
    draw();
    speak();
  }

  function stop() {
    if (!timer) return;
    window.clearInterval(timer);
    timer = 0;
    walk.textContent = "Walk";
    words.setAttribute("aria-live", "polite");
    speak();
  }

  const walk = button(still ? `${BATCH} steps` : "Walk", () => {
    if (still) return go(BATCH);
    if (timer) return stop();
    walk.textContent = "Pause";
    words.setAttribute("aria-live", "off"); // ten sentences a second are for the eye
    timer = window.setInterval(() => document.hidden || go(1), 100);
  });

  map.addEventListener("click", (event) => {
    const { left, top, width, height } = map.getBoundingClientRect();
    const across = (event.clientX - left) / width, down = (event.clientY - top) / height;
    put({ x: LEFT[0] + across * (LEFT[1] - LEFT[0]), y: RIGHT[1] - down * (RIGHT[1] - RIGHT[0]) });
  });
  onKey(map, (_, arrow) => {
    if (!arrow) return false;
    const from = path[path.length - 1];
    const within = (/** @type {number} */ value, /** @type {number[]} */ [low, high]) => Math.max(low, Math.min(high, value));
    put({ x: within(from.x + arrow.x / 4, LEFT), y: within(from.y - arrow.y / 4, RIGHT) });
    return true;
  });

  const end = (/** @type {number} */ value) => element("span", {}, shortNumber(value));
  const framed = element(
    "div",
    { class: "live-framed" },
    element("div", { class: "live-upwards" }, end(RIGHT[0]), element("span", {}, "right weight"), end(RIGHT[1])),
    map,
    element("div", { class: "live-across" }, end(LEFT[0]), element("span", {}, "left weight"), end(LEFT[1])),
  );
  const legend =
    `The darker, the lower: the loss is ${shortNumber(low)} at the cross and ${shortNumber(high)} at most. ` +
    "Thin: the last three walks, with their learning rates; at first the lesson's.";
  const ratesPlace = { min: 0, max: RATES.length - 1, step: 1, value: RATES.indexOf(rate) };
  const controls = element(
    "div",
    { class: "live-controls" },
    slider("learning rate", ratesPlace, (at) => String(RATES[at]), (at) => (rate = RATES[at])),
    slider("momentum", { min: 0, max: 0.95, step: 0.05, value: 0 }, (value) => value.toFixed(2), (value) => (momentum = value)),
    row(
      button("Step", () => (stop(), go(1))),
      walk,
      button("Start again", () => {
        if (path.length > 1) former.push({ rate, path });
        if (former.length > 3) former.shift();
        put({ x: 0, y: 0 });
      }),
    ),
    words,
    element("p", { class: "live-note" }, legend),
  );
  root.append(lead("Choose a learning rate, and let the walker go. Click on the map to put it elsewhere."), row(framed, controls));
  draw();
  speak();
};
