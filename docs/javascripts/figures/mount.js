// Starts the figures of a page, each when it comes near. Until then, on paper, and where something fails, there is the
// picture that the lesson's code drew.

"use strict";

/**
 * @typedef {{say: (text: string) => void, words: HTMLElement, still: boolean}} Helpers
 *   `say` puts the figure's state into words, where they are read out when they change. They stand under the figure,
 *   unless it puts `words` elsewhere. `still` is true for a reader who wants nothing to move by itself.
 * @typedef {(root: HTMLElement, helpers: Helpers) => void} Figure fills an empty element, which is in no page yet.
 */

(() => {
  const { element, write } = digitlab.dom;

  /** @param {HTMLElement} place */
  function start(place) {
    const figures = /** @type {Record<string, Figure>} */ (digitlab.figures);
    const root = element("div", { class: "live-root" });
    const words = element("p", { class: "live-words" });
    // Nothing is read out to somebody who has not touched the figure.
    for (const event of ["focusin", "pointerdown"]) {
      root.addEventListener(event, () => words.setAttribute("role", "status"), { once: true });
    }
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    figures[String(place.dataset.figure)](root, { say: (text) => write(words, text), words, still });
    if (!root.contains(words)) root.append(words);
    place.append(root);
    place.classList.add("live-running"); // which hides the picture, on the screen
    place.querySelectorAll("img").forEach((image) => (image.loading = "eager")); // or there would be none to print
  }

  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        start(/** @type {HTMLElement} */ (target));
      }
    },
    { rootMargin: "800px" },
  );
  document.querySelectorAll(".live").forEach((place) => near.observe(place));
})();
