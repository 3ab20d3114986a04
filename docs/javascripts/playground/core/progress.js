// What the page knows of a network that learns: how far it is, how well it does, and how to say so.

"use strict";

/** @typedef {ReturnType<(typeof digitlab)["progress"]["begin"]>} Progress */

digitlab.progress = (() => {
  const { BATCH } = digitlab.learning;
  const { percent } = digitlab.words;

  /** The loss of one who gives each of ten digits the same probability. */
  const GUESSING = Math.log(10);

  /** A run that has not begun. @param {Settings} settings */
  function begin(settings) {
    return {
      settings,
      seen: 0,
      seconds: 0,
      losses: /** @type {number[]} */ ([]), // of each batch
      smooth: /** @type {number[]} */ ([]), // their running mean
      right: /** @type {{seen: number, share: number}[]} */ ([]), // of the digits kept apart
      read: /** @type {Uint8Array} */ (new Uint8Array(0)), // as what they were read
      tensors: /** @type {Tensors | null} */ (null),
      working: false,
      silent: false,
    };
  }

  /** What news adds. @type {(progress: Progress, news: News, labels: Uint8Array) => void} */
  function add(progress, { seen, seconds, working, silent, tensors, losses, read, readAt }, labels) {
    Object.assign(progress, { seen, seconds, working, silent, tensors });
    for (const loss of losses) {
      const n = progress.losses.push(loss);
      const share = Math.max(1 / n, 0.1); // of the newest; the first few are averaged plainly
      const before = n > 1 ? progress.smooth[n - 2] : 0;
      progress.smooth.push(before + share * (loss - before));
    }
    if (readAt < 0 || readAt === progress.right[progress.right.length - 1]?.seen) return;
    progress.read = read;
    progress.right.push({ seen: readAt, share: labels.filter((label, i) => label === read[i]).length / labels.length });
  }

  /** @param {Progress} progress */
  function share({ right }) {
    return right.length ? right[right.length - 1].share : NaN;
  }

  /** The state of things in two or three sentences. @param {Progress} progress */
  function words(progress) {
    const { seen, losses, smooth, silent, working } = progress;
    if (!progress.right.length) return "Its weights are random. It has seen no digit yet.";
    const score = `${percent(share(progress), 1)} of the 500`;
    if (seen === 0) return `Its weights are random, and it reads ${score} right. Guessing gets about 10 %.`;
    const again = "Nothing is lost: choose a smaller rate, and start again.";
    if (!Number.isFinite(losses[losses.length - 1])) {
      return `It broke. The steps were so large that the loss is no number any more. ${again}`;
    }
    if (silent && !working) {
      return (
        "It is stuck. Steps this large have pushed all units of a layer below zero, where the ReLU cuts them off. " +
        `No gradient comes back through them, so it can only guess. ${again}`
      );
    }
    const loss = smooth[smooth.length - 1];
    const wild = loss > 1.1 * GUESSING ? " That is worse than guessing: the steps are too large." : "";
    const digits = `${number(seen)} digits, ${losses.length} ${losses.length === 1 ? "step" : "steps"}`;
    return `After ${digits}: it reads ${score} right. Loss ${loss.toFixed(2)}.${wild}`;
  }

  /** @param {number} value */
  function number(value) {
    return value.toLocaleString("en");
  }

  return { GUESSING, BATCH, begin, add, share, words, number };
})();
