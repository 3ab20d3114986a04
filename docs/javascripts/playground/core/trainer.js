// Training as a machine with switches: it is told what to do, works in slices, and reports. It runs in a worker, beside
// the page, or where there can be none, on the page, which can answer the pen between two slices.

"use strict";

/**
 * @typedef {{load: string} | {restart: number} | {run: number} | {settings: Settings}} Order
 *   Unpack the digits; begin anew from a seed; learn from so many digits more (0: pause); change the settings.
 * @typedef {{
 *   kept?: Digits, error?: string, start: number, seen: number, seconds: number, working: boolean, losses: number[],
 *   read: Uint8Array, readAt: number, silent: boolean, tensors: Tensors,
 * }} News
 *   `losses` are those of the batches since the last news. `read` is what the digits that were kept apart were read
 *   as, once `readAt` digits had been seen. `start` counts the restarts:
 *   news may be on its way while one is ordered. `silent`: no gradient reaches the first layer.
 */

/** @type {(report: (news: News) => void, sliceLength: number) => (order: Order) => Promise<void>} */
digitlab.createTrainer = (report, sliceLength) => {
  const { BATCH, createLearner, step, read } = digitlab.learning;
  const KEPT = 500; // the last of the digits are never learned from
  const SILENT = 20; // batches without any gradient in the first layer: there will be none any more

  let digits = /** @type {Digits} */ ({ images: new Uint8Array(0), labels: new Uint8Array(0) });
  let kept = digits;
  let settings = { rate: 0.02, momentum: 0.9 };
  let learner = createLearner(0);
  let start = 0;
  let end = 0; // pause when so many digits have been seen
  let silence = 0;
  let seconds = 0;
  let answers = new Uint8Array(KEPT);
  let readAt = -1;
  let losses = /** @type {number[]} */ ([]);
  let work = /** @type {Generator<void, void, void> | null} */ (null);

  /** All that there is to do until the pause, a batch or a few digits at a time. */
  function* workToDo() {
    if (readAt < 0) yield* readKept();
    while (learner.seen < end) {
      const loss = step(learner, digits, settings);
      losses.push(loss);
      silence = learner.gradients["conv1.weight"].some((value) => value !== 0) ? 0 : silence + 1;
      if (!Number.isFinite(loss) || silence >= SILENT) end = learner.seen; // it broke, or is stuck
      yield;
      // Often at first, when much changes, and then less often: it takes time.
      if (learner.seen >= 1.15 * readAt + 300) yield* readKept();
    }
    if (learner.seen !== readAt) yield* readKept();
  }

  /** How well is it doing, on digits that it has not learned from? */
  function* readKept() {
    const fresh = new Uint8Array(KEPT);
    for (let i = 0; i < KEPT; i++) {
      fresh[i] = read(learner, kept, i);
      if (i % 20 === 19) yield;
    }
    answers = fresh;
    readAt = learner.seen;
  }

  function slice() {
    if (!work) return;
    const began = performance.now();
    let done = false;
    while (!done && performance.now() - began < sliceLength) done = work.next().done === true;
    seconds += (performance.now() - began) / 1000;
    if (done) work = null;
    tell();
    if (work) setTimeout(slice);
  }

  /** @param {Partial<News>} more */
  function tell(more = {}) {
    const { seen, weights } = learner;
    const state = { start, seen, seconds, working: work !== null, silent: silence >= SILENT, tensors: weights.tensors };
    report({ ...state, losses, read: answers, readAt, ...more });
    losses = [];
  }

  function begin() {
    if (work) return;
    work = workToDo();
    setTimeout(slice);
  }

  /** Base64 of gzip: the images, one after another, and then a byte for each label. @param {string} packed */
  async function load(packed) {
    try {
      const { body } = await fetch(`data:application/gzip;base64,${packed}`);
      if (!body) throw new Error("The digits are empty.");
      const bytes = new Uint8Array(await new Response(body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
      const count = bytes.length / 785;
      const part = (/** @type {number} */ from, /** @type {number} */ to) => ({
        images: bytes.subarray(784 * from, 784 * to),
        labels: bytes.subarray(784 * count + from, 784 * count + to),
      });
      digits = part(0, count - KEPT);
      kept = part(count - KEPT, count);
      tell({ kept: { images: kept.images.slice(), labels: kept.labels.slice() } });
    } catch (error) {
      tell({ error: `The digits cannot be unpacked. ${error instanceof Error ? error.message : ""}` });
    }
  }

  /** @param {Order} order */
  async function obey(order) {
    if ("load" in order) await load(order.load);
    else if ("settings" in order) settings = order.settings;
    else if ("run" in order) {
      end = order.run && Math.ceil((learner.seen + order.run) / BATCH) * BATCH;
      begin();
    } else {
      learner = createLearner(order.restart);
      start++;
      [end, silence, seconds, readAt, losses, work] = [0, 0, 0, -1, [], null];
      begin();
    }
  }

  let obeyed = Promise.resolve(); // one order after the other: unpacking takes a while
  return (order) => (obeyed = obeyed.then(() => obey(order)));
};
