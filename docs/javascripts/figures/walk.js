// Lesson 06: a digit on its way through the network, one layer after another.

"use strict";

/** @type {(root: HTMLElement, helpers: Helpers) => void} */
digitlab.figures.walk = (root, { say, words, still }) => {
  const { element } = digitlab.dom;
  const { lead, row, button, chooseDigit, picture, show } = digitlab.parts;
  const { BLACK_WHITE, BLUE_ORANGE, VIRIDIS, largestMagnitude } = digitlab.colours;
  const { LAYERS, forward } = digitlab.network;
  const weights = digitlab.weightsFile.parse(/** @type {any} */ (window).digitlabWeights);
  const STEPS = /** @type {Layer[]} */ (Object.keys(LAYERS));

  /** What each step does, in one sentence. @type {Record<Layer, string>} */
  const SAYS = {
    input: "784 pixels, made so that MNIST's mean is 0 and its standard deviation 1.",
    conv1: "Ten kernels of 5 × 5, each tried at 24 × 24 places: orange where a stroke is what it looks for.",
    pool1: "The largest of every four, and nothing below zero: half as wide, and the stroke may lie a pixel aside.",
    conv2: "Twenty kernels, each looking at all ten maps at once: how strokes lie to each other.",
    pool2: "Again the largest of four: 20 maps of 4 × 4, in which nobody makes out the digit. 320 numbers are left.",
    fc1: "The 320 numbers in a list, weighed and added up in 50 ways; what is below zero becomes 0.",
    fc2: "And those in ten ways: the scores, which softmax turns into probabilities.",
  };

  let activations = forward(weights, digitlab.tenDigits[5]);
  let digit = 5;
  let shown = still ? STEPS.length : 1; // how many layers have appeared
  let timer = 0;

  const layers = STEPS.map((layer) => {
    const { maps, rows, columns } = LAYERS[layer];
    const canvases = layer === "fc2" ? [] : Array.from({ length: maps }, () => picture("", columns, rows));
    const bars = layer === "fc2" ? Array.from({ length: 10 }, (_, k) => bar(k)) : [];
    const size = layer === "input" ? "28 × 28 pixels" : layer === "fc2" ? "10 probabilities" : digitlab.words.size(layer).join(", ");
    const name = element("p", { class: "live-layer-name" }, element("b", {}, layer), " ", size);
    const faces = element("div", { class: `live-maps live-maps-${layer}` }, ...canvases, ...bars);
    return { layer, canvases, bars, home: element("div", { class: "live-layer" }, name, faces) };
  });

  /** @param {number} k */
  function bar(k) {
    const column = element("span", { class: "live-column" });
    return element("span", { class: "live-probability" }, element("span", { class: "live-well" }, column), String(k));
  }

  function draw() {
    layers.forEach(({ layer, canvases, bars, home }, step) => {
      home.classList.toggle("live-ahead", step >= shown);
      const values = layer === "input" ? digitlab.tenDigits[digit] : activations[layer];
      const area = LAYERS[layer].rows * LAYERS[layer].columns;
      const scale = largestMagnitude(values);
      const colours = layer === "input" ? BLACK_WHITE : layer.startsWith("conv") ? BLUE_ORANGE : VIRIDIS;
      canvases.forEach((canvas, map) => {
        show(canvas, values.subarray(map * area, (map + 1) * area), LAYERS[layer].columns, scale, colours);
      });
      bars.forEach((home, k) => {
        const column = /** @type {HTMLElement} */ (home.firstElementChild?.firstElementChild);
        column.style.height = `${100 * activations.probabilities[k]}%`;
      });
    });
    back.disabled = shown === 1;
    next.disabled = shown === STEPS.length;
    const layer = STEPS[shown - 1];
    const { probabilities } = activations;
    const best = probabilities.indexOf(Math.max(...probabilities));
    const read = `It reads ${best}, with ${digitlab.words.percent(probabilities[best], 1)}.`;
    say(`${layer}: ${SAYS[layer]}${layer === "fc2" ? ` ${read}` : ""}`);
  }

  /** @param {number} change */
  function go(change) {
    shown = Math.max(1, Math.min(STEPS.length, shown + change));
    draw();
  }

  function stop() {
    window.clearInterval(timer);
  }

  const back = button("Back", () => {
    stop();
    go(-1);
  });
  const next = button("Next layer", () => {
    stop();
    go(1);
  });
  const digits = chooseDigit(digit, (chosen) => {
    digit = chosen;
    activations = forward(weights, digitlab.tenDigits[digit]);
    draw();
  });
  const home = element("div", { class: "live-walk" }, ...layers.map((layer) => layer.home));
  root.append(lead("Step through the network. Choose another digit, and all maps change."), row(digits, row(back, next)), words, home);
  draw();
  if (!still) {
    // It walks by itself once it is in sight, until somebody takes over.
    new IntersectionObserver((entries, observer) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      timer = window.setInterval(() => (shown < STEPS.length ? go(1) : stop()), 1500);
    }).observe(next);
  }
};
