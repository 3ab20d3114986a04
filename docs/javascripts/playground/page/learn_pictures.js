// The pictures of a network that learns: two curves, the digits kept apart, and the filters.

"use strict";

digitlab.learnPictures = (() => {
  const { find, element, paint, write } = digitlab.dom;
  const { GUESSING, BATCH, share, number } = digitlab.progress;
  const { colours } = digitlab;
  /** The top of the loss's picture; what is higher is cut off. */
  const HIGHEST = 3;
  /** Digits in a row of the wall. */
  const ACROSS = 25;

  /** Both curves, that of the run before dashed below. @type {(now: Progress, before: Progress | null) => void} */
  function drawCurves(now, before) {
    const end = niceEnd(Math.max(now.seen, before ? before.seen : 0));
    const loss = (/** @type {number} */ value) => 100 * (1 - Math.min(value, HIGHEST) / HIGHEST);
    const lossPath = (/** @type {number[]} */ losses) => path(thinned(losses).map(([i, l]) => [(i + 1) * BATCH, loss(l)]));
    const rightPath = (/** @type {Progress} */ run) => path(run.right.map((r) => [r.seen, 100 * (1 - r.share)]));
    /** @param {number[][]} points of digits seen, and percent from the top */
    function path(points) {
      const shown = points.filter(([, y]) => Number.isFinite(y));
      return shown.map(([x, y], i) => `${i ? "L" : "M"}${((100 * x) / end).toFixed(2)} ${y.toFixed(2)}`).join("");
    }
    const line = (/** @type {string} */ name, /** @type {string} */ d) =>
      document.querySelector(`#play-learn .${name}`)?.setAttribute("d", d);
    line("learn-guess", `M0 ${loss(GUESSING)}H100`);
    line("learn-each", lossPath(now.losses));
    line("learn-loss", lossPath(now.smooth));
    line("learn-right", rightPath(now));
    line("learn-loss-before", before ? lossPath(before.smooth) : "");
    line("learn-right-before", before ? rightPath(before) : "");
    for (const home of document.querySelectorAll("#play-learn .learn-end")) write(home, `${number(end)} digits`);
    const { rate, momentum } = before ? before.settings : now.settings;
    write(find("learn-before", "p"), before ? `Dashed: the run before, with rate ${rate} and momentum ${momentum}.` : "");
  }

  /** The right end of the curves: a round number that holds what was seen. @param {number} seen */
  function niceEnd(seen) {
    let end = 2000;
    for (let i = 0; end < seen; i++) end *= [2.5, 2, 2][i % 3];
    return end;
  }

  /** Not more points than can be told apart, each with its place. @type {(values: number[]) => [number, number][]} */
  function thinned(values) {
    const every = Math.ceil((values.length + 1) / 300);
    /** @type {[number, number][]} */
    const points = [];
    for (let i = every - 1; i < values.length; i += every) points.push([i, values[i]]);
    return points;
  }

  /**
   * All digits kept apart as one picture; those that are misread stand on orange.
   *
   * @type {(progress: Progress, kept: Digits) => void}
   */
  function drawWall({ read, right }, { images, labels }) {
    const width = 28 * ACROSS;
    const pixels = new Uint8ClampedArray(4 * images.length);
    for (let n = 0; n < labels.length; n++) {
      const wrong = read[n] !== labels[n];
      const ground = wrong ? [249, 178, 106] : [255, 255, 255];
      const ink = wrong ? [90, 30, 0] : [120, 130, 145];
      for (let i = 0; i < 784; i++) {
        const row = 28 * Math.floor(n / ACROSS) + Math.floor(i / 28);
        const at = 4 * (row * width + 28 * (n % ACROSS) + (i % 28));
        const share = images[784 * n + i] / 255;
        for (let c = 0; c < 3; c++) pixels[at + c] = ground[c] + share * (ink[c] - ground[c]);
        pixels[at + 3] = 255;
      }
    }
    const canvas = find("learn-wall", "canvas");
    paint(canvas, pixels, width);
    find("learn-empty", "span").hidden = true;
    const misread = labels.filter((label, n) => label !== read[n]).length;
    const seen = number(right[right.length - 1].seen);
    canvas.setAttribute("aria-label", `${labels.length} digits kept apart, ${misread} of them misread after ${seen} digits`);
  }

  /** The ten filters of conv1, on one scale. @type {(home: HTMLElement, filters: Float32Array) => void} */
  function drawFilters(home, filters) {
    const scale = colours.largestMagnitude(filters);
    for (let i = 0; i < 10; i++) {
      const own = filters.subarray(25 * i, 25 * (i + 1));
      if (!home.children[i]) home.append(element("canvas", { width: "5", height: "5", "aria-hidden": "true" }));
      const canvas = /** @type {HTMLCanvasElement} */ (home.children[i]);
      paint(canvas, colours.pixels(own, scale, colours.BLUE_ORANGE), 5);
    }
  }

  /** The score, large. @param {Progress} progress */
  function drawScore(progress) {
    const now = share(progress);
    write(find("learn-score", "strong"), Number.isNaN(now) ? "–" : `${(100 * now).toFixed(1)} %`);
  }

  return { drawCurves, drawWall, drawFilters, drawScore };
})();
