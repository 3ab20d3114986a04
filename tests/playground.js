// What the tests ask of those of the playground's scripts that need no browser; `ask_playground` runs it after them.
"use strict";
globalThis.digitlabDoubter = digitlabWeights; // any network will do as the one that doubts: what it says is in test_doubt
const w = digitlab.weightsFile.parse(digitlabWeights);

/** The activations of each image, image by image. */
function forward(images) {
  return images.map((image) => digitlab.network.forward(w, image));
}

/** What a generator returns in the end. */
function finish(slices) {
  for (;;) {
    const step = slices.next();
    if (step.done) return step.value;
  }
}

/** An occlusion under a clock that goes 4 milliseconds on whenever it is looked at, while the pen goes on drawing. */
function occludeInSlices(image) {
  const whole = finish(digitlab.why.occlusion(w, image, 7));
  let now = 0;
  Object.defineProperty(globalThis, "performance", { value: { now: () => (now += 4) } });
  const progress = [], lengths = [];
  const slices = digitlab.why.occlusion(w, image, 7);
  for (let began = now; ; began = now) {
    const step = slices.next();
    lengths.push(now - began);
    if (step.done) return { progress, lengths, whole, map: step.value };
    progress.push(step.value);
    image.fill(255);
  }
}

/** What each text does as a weights file: the network's name where it is taken, else the error. */
function parseEach(texts) {
  return texts.map((text) => {
    try {
      return digitlab.weightsFile.parse(text).name;
    } catch (error) {
      return { kind: error.constructor.name, message: error.message };
    }
  });
}

/** What can be known of the page. */
const KNOWN = {
  title: (state) => state.reading.title,
  remark: (state) => state.reading.remark,
  image: (state) => state.normalized.image.slice(),
  inked: (state) => state.ink.reduce((sum, value) => sum + value, 0) / 255,
  unit: (state) => state.unit,
  trail: (state) => state.trail,
  filled: (state) => digitlab.slide.filled(state),
  running: (state) => state.replay !== null || Boolean(state.slide?.playing),
  links: (state) => digitlab.links.lit(state),
  sources: (state) => digitlab.contributions.of(state, state.unit),
  sum: (state) => digitlab.sums.explain(state),
  field: (state) => digitlab.words.field(state.unit),
  why: (state) => state.why.text,
  working: (state) => state.occlusion.slices !== null,
  heat: (state) => state.why.heat.slice(),
  announcement: (state) => state.announcement,
  copied: (state) => state.copied,
  link: (state) => digitlab.share.toLink(state.normalized.image),
  tensor: (state) => digitlab.share.toTensor(state.normalized.image),
};

/**
 * The page without a page. Each step is a list: the name of a function of `changes`, or of another script ("slide
 * step"), with its arguments, or of a value with what it becomes. Answers with what the page knows after each step.
 */
function play(steps, names = Object.keys(KNOWN)) {
  const state = digitlab.createState(w);
  return steps.map((step) => {
    for (const [name, ...given] of step) {
      const [script, own] = name.split(" ");
      if (own) digitlab[script][own](state, ...given);
      else if (name in state) state[name] = given[0];
      else digitlab.changes[name](state, ...given);
    }
    digitlab.changes.update(state);
    return structuredClone(Object.fromEntries(names.map((name) => [name, KNOWN[name](state)])));
  });
}

/** Some steps of a learner, with the digits that each of them saw, and the weights before and after. */
function learn({ images, labels }, seed, count, settings) {
  const learner = digitlab.learning.createLearner(seed);
  const before = structuredClone(learner.weights.tensors);
  const digits = { images: Uint8Array.from(images.flat()), labels };
  const steps = Array.from({ length: count }, () => {
    const loss = digitlab.learning.step(learner, digits, settings);
    const last = learner.seen % learner.order.length || learner.order.length;
    return { loss, batch: learner.order.slice(last - digitlab.learning.BATCH, last) };
  });
  return { before, steps, after: learner.weights.tensors };
}

/** What the page would say after each order to a trainer, once it rests. */
async function obey(orders) {
  const { progress } = digitlab;
  let rest = () => {};
  let kept = null;
  let latest = null;
  let now = progress.begin({});
  const trainer = digitlab.createTrainer((news) => {
    kept = news.kept ?? kept;
    if (kept && !news.error) progress.add(now, news, kept.labels);
    latest = news;
    if (!news.working) rest();
  }, 50);
  const answers = [];
  for (const order of orders) {
    if ("restart" in order) now = progress.begin({});
    const rested = new Promise((done) => (rest = done));
    await trainer(order);
    if ("run" in order || "restart" in order) await rested;
    answers.push({
      error: latest?.error,
      words: progress.words(now),
      seen: now.seen,
      steps: now.losses.length,
      loss: now.smooth[now.smooth.length - 1],
      right: [...now.right],
      filters: latest ? latest.tensors["conv1.weight"].slice() : [],
      kept: latest?.kept,
    });
  }
  return answers;
}
