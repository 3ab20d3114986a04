// "Let it learn": a network of one's own, from random weights, trained in the page, in a worker if there can be one.

"use strict";

digitlab.learn = (() => {
  const { find, element, write } = digitlab.dom;
  const { createLearner } = digitlab.learning;
  const { begin, add, words, share, number } = digitlab.progress;
  const { drawCurves, drawWall, drawFilters, drawScore } = digitlab.learnPictures;
  const { percent } = digitlab.words;
  const { state, changed } = digitlab.playground;

  /** Each start has the same random weights and order: two runs differ in nothing but their settings. */
  const SEED = 1;
  const RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];
  const MOMENTA = [0, 0.5, 0.8, 0.9, 0.95, 0.99];
  const DIGITS = 30_000; // five rounds; then it pauses
  const address = new URL("../training.js", /** @type {HTMLScriptElement} */ (document.currentScript).src).href;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const first = createLearner(SEED).weights.tensors;
  let progress = begin(settings());
  let before = /** @type {Progress | null} */ (null); // the run before
  let kept = /** @type {Digits | null} */ (null);
  let send = /** @type {((order: Order) => void) | null} */ (null);
  let starts = 0; // how many have been ordered
  let asked = 0; // of how many digits it was last asked to learn
  let loading = false;
  let trouble = "";
  let own = /** @type {Weights | null} */ (null); // as the playground runs them
  let due = 0; // when the pictures may be drawn again
  let said = 0; // when it was last said how it goes
  let wall = -1; // how many digits had been seen when the wall was drawn

  /** @returns {Settings} */
  function settings() {
    const chosen = (/** @type {string} */ id) => Number(find(id, "input").value);
    return { rate: RATES[chosen("learn-rate")], momentum: MOMENTA[chosen("learn-momentum")] };
  }

  /** The digits and the worker's program, which nobody pays for who does not ask for them. */
  async function start() {
    trouble = "";
    write(find("learn-now", "p"), "The digits are on their way: 1.4 MB.");
    try {
      await new Promise((done, failed) => {
        const script = element("script", { src: address });
        script.onload = done;
        script.onerror = failed;
        document.head.append(script);
        script.remove(); // it is loaded all the same
      });
    } catch {
      return fail("The digits could not be loaded. Try again.");
    }
    const found = /** @type {{digitlabTraining: {digits: string, program: string}}} */ (/** @type {unknown} */ (window));
    const { digits, program } = found.digitlabTraining;
    const ready = (/** @type {(order: Order) => void} */ made) => {
      send = made;
      starts = 1;
      for (const order of /** @type {Order[]} */ ([{ load: digits }, { restart: SEED }])) send(order);
      sendSettings();
    };
    const here = () => {
      ready(digitlab.createTrainer(hear, 10));
      if (asked && send) send({ run: asked });
    };
    try {
      const run = "const trainer = digitlab.createTrainer(postMessage, 100); onmessage = ({ data }) => trainer(data);";
      const worker = new Worker(URL.createObjectURL(new Blob([program, run], { type: "text/javascript" })));
      worker.onmessage = ({ data }) => hear(data);
      worker.onerror = () => (kept ? fail("The training has stopped with an error. Load the page again.") : here());
      ready((order) => worker.postMessage(order));
    } catch {
      here(); // a browser may forbid workers, at once or when one is to run
    }
  }

  /** @param {string} what */
  function fail(what) {
    trouble = what;
    draw();
  }

  /** @param {News} news */
  function hear(news) {
    trouble = news.error ?? trouble;
    if (news.kept) kept = news.kept;
    if (news.start !== starts) return;
    if (kept) add(progress, news, kept.labels);
    if (news.losses.length) progress.settings = settings(); // those of a run are the last that it learned with
    if (performance.now() < due && news.working) return;
    due = performance.now() + (calm.matches ? 1000 : 100);
    requestAnimationFrame(draw);
  }

  function draw() {
    const text = trouble || words(progress);
    write(find("learn-now", "p"), text);
    write(find("learn-go", "button"), progress.working ? "Pause" : progress.seen ? "Go on" : "Start learning");
    find("learn-step", "button").disabled = progress.working;
    find("learn-again", "button").disabled = progress.seen === 0;
    drawScore(progress);
    drawCurves(progress, before);
    drawFilters(find("learn-filters", "div"), (progress.tensors ?? first)["conv1.weight"]);
    if (kept && progress.right.length && wall !== progress.right[progress.right.length - 1].seen) {
      wall = progress.right[progress.right.length - 1].seen;
      drawWall(progress, kept);
    }
    if (own && state.weights === own && progress.tensors) use();
    drawUse();
    // Those who hear the page are told now and then, and when it pauses.
    if (progress.working && performance.now() < said + 4000) return;
    said = performance.now();
    write(find("learn-say", "p"), text);
  }

  /** Put the weights, as they are now, into the playground. */
  function use() {
    const tensors = Object.entries(progress.tensors ?? first).map(([name, values]) => [name, values.slice()]);
    own = {
      name: "your network",
      measured: `${percent(share(progress), 1)} of 500 digits kept apart, after ${number(progress.seen)} digits`,
      tensors: Object.fromEntries(tensors),
    };
    digitlab.changes.useWeights(state, own);
    changed();
  }

  function drawUse() {
    const used = own !== null && state.weights === own;
    find("learn-use", "button").disabled = !progress.tensors;
    write(find("learn-use", "button"), used ? "Back to the course's network" : "Read my drawing with it");
    const goesOn = progress.working ? " It goes on learning while you draw." : "";
    write(find("learn-used", "p"), used ? `Your network reads the paper now.${goesOn}` : "");
  }

  function sendSettings() {
    const chosen = settings();
    if (send) send({ settings: chosen });
    for (const [id, name] of /** @type {const} */ ([["learn-rate", "rate"], ["learn-momentum", "momentum"]])) {
      const text = String(chosen[name]);
      find(id, "input").setAttribute("aria-valuetext", text);
      write(find(`${id}-value`, "output"), text);
    }
  }

  /** @param {number} digits to learn from; 0 pauses */
  async function run(digits) {
    if (loading) return;
    loading = true;
    if (!send) await start();
    loading = false;
    asked = digits;
    if (send) send({ run: digits });
  }

  find("learn-go", "button").addEventListener("click", () => run(progress.working ? 0 : DIGITS));
  find("learn-step", "button").addEventListener("click", () => run(1));
  find("learn-again", "button").addEventListener("click", () => {
    before = progress;
    progress = begin(settings());
    wall = -1;
    starts++;
    if (send) send({ restart: SEED });
  });
  for (const id of ["learn-rate", "learn-momentum"]) find(id, "input").addEventListener("input", sendSettings);
  find("learn-use", "button").addEventListener("click", () => {
    if (own && state.weights === own) {
      digitlab.changes.useWeights(state, state.courseWeights);
      return changed();
    }
    use();
    find("canvas", "canvas").scrollIntoView({ block: "center", behavior: calm.matches ? "auto" : "smooth" });
  });
  document.getElementById("playground")?.addEventListener("click", drawUse); // another button may have changed it

  sendSettings();
  drawFilters(find("learn-first", "div"), first["conv1.weight"]);
  draw();
})();
