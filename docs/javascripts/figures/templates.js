// Lesson 02: the ten learnt templates over a drawing: which one wins, and by what sum.

"use strict";

digitlab.linear = (() => {
  /**
   * Whole numbers of -127..127 with a step for each class, as docs/hooks/figures.py writes them, to weights (10, 784).
   *
   * @type {(made: {weights: string, steps: number[], bias: number[]}) => {weights: Float32Array[], bias: number[]}}
   */
  function unpack({ weights, steps, bias }) {
    const whole = new Int8Array(digitlab.parts.bytes(weights).buffer);
    const rows = steps.map((step, k) => Float32Array.from(whole.subarray(784 * k, 784 * (k + 1)), (n) => n * step));
    return { weights: rows, bias };
  }

  /**
   * Each weight times its pixel of a digit (28, 28), 0 paper .. 255 ink taken as 0..1; above and below zero added up
   * apart. The score is those two and the bias.
   *
   * @type {(weights: Float32Array, bias: number, image: Uint8Array) =>
   *   {products: Float32Array, gain: number, loss: number, score: number}}
   */
  function weigh(weights, bias, image) {
    const products = weights.map((weight, i) => (weight * image[i]) / 255);
    let gain = 0, loss = 0;
    for (const product of products) {
      if (product > 0) gain += product;
      else loss += product;
    }
    return { products, gain, loss, score: gain + loss + bias };
  }

  return { unpack, weigh };
})();

/** @type {(root: HTMLElement, helpers: Helpers) => void} */
digitlab.figures.templates = (root, { say }) => {
  const { element } = digitlab.dom;
  const { lead, row, captioned, choice, picture, show } = digitlab.parts;
  const { largestMagnitude } = digitlab.colours;
  const fixed = (/** @type {number} */ value) => value.toFixed(2).replace("-", "−");
  const { weights, bias } = digitlab.linear.unpack(digitlab.learntTemplates);
  const scale = Math.max(...weights.map(largestMagnitude));

  let image = /** @type {Uint8Array} */ (digitlab.tenDigits[5]);
  let asked = -1; // the template whose sum is shown; -1 for the winner

  const products = picture("Weight times ink", 280);
  const caption = element("span");
  const bars = weights.map(() => element("span", { class: "live-bar" }));
  const numbers = weights.map(() => element("span", { class: "live-number" }));
  const templates = choice(
    "Template",
    weights.map((values, digit) => {
      const canvas = picture("", 28);
      show(canvas, values, 28, 0.7 * scale);
      const track = element("span", { class: "live-track" }, bars[digit]);
      const face = element("span", { class: "live-score" }, canvas, track, numbers[digit]);
      return { value: String(digit), name: String(digit), face };
    }),
    "",
    (digit) => {
      asked = Number(digit);
      draw();
    },
  );
  templates.home.classList.add("live-scores");

  function draw() {
    const weighed = weights.map((values, digit) => digitlab.linear.weigh(values, bias[digit], image));
    const scores = weighed.map(({ score }) => score);
    const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a]);
    const [first, second] = order;
    const empty = image.every((value) => value === 0);
    const looked = asked < 0 ? first : asked;
    const most = largestMagnitude(scores);
    scores.forEach((score, digit) => {
      const share = (50 * Math.abs(score)) / (most || 1);
      Object.assign(bars[digit].style, { left: `${score < 0 ? 50 - share : 50}%`, width: `${share}%` });
      bars[digit].classList.toggle("live-best", digit === first && !empty);
      numbers[digit].textContent = fixed(score);
    });
    templates.set(String(looked));
    const { gain, loss, score } = weighed[looked];
    const sum = [gain, -loss, Math.abs(bias[looked])].map(fixed);
    const sign = bias[looked] < 0 ? "−" : "+";
    show(products, weighed[looked].products, 28);
    caption.textContent = `weight × ink, template ${looked}`;
    if (empty) return say("No ink: each score is its template's bias alone.");
    say(
      `${first} wins with ${fixed(scores[first])}, then ${second} with ${fixed(scores[second])}. ` +
        `Template ${looked}: ink on orange adds ${sum[0]}, ink on blue takes ${sum[1]}, ` +
        `the bias is ${sign}${sum[2]}; together ${fixed(score)}.`,
    );
  }

  const paper = digitlab.paper((ink) => {
    image = digitlab.ink.normalize(ink, digitlab.ink.SIDE, digitlab.ink.SIDE).image;
    asked = -1;
    draw();
  });
  root.append(
    lead("Draw a digit over the ten learnt templates. Choose one to see where its score comes from."),
    row(paper.home, captioned(products, caption), templates.home),
  );
  paper.put(image);
};
