// Where digits and networks come from, other than the pen and the course: test digits, links, files. And where they go.

"use strict";

/** @typedef {{label: number, pixels: string, read?: number, source: string}} Digit */

digitlab.sources = (() => {
  const { find, element, paintInk, write } = digitlab.dom;
  const { put, readLink, useWeights } = digitlab.changes;
  const { parse, decodeBase64 } = digitlab.weightsFile;

  /** @param {State} state */
  function draw({ copied, copyText, weights, courseWeights, modelError }) {
    write(find("copied", "p"), copied);
    find("copy-text", "textarea").value = copyText;
    find("copy-text", "textarea").hidden = copyText === "";
    write(find("model-name", "strong"), weights.name);
    write(find("model-measured", "span"), weights.measured);
    find("course-model", "button").hidden = weights === courseWeights;
    write(find("model-error", "p"), modelError);
  }

  /** @type {Listen} */
  function listen(state, changed) {
    const { digitlabDigits } = /** @type {{digitlabDigits: Digit[]}} */ (/** @type {unknown} */ (window));
    listenToDigits(digitlabDigits, state, changed);
    listenToCopies(state, changed);
    listenToModel(state, changed);
  }

  /** @type {(digits: Digit[], state: State, changed: () => void) => void} */
  function listenToDigits(digits, state, changed) {
    for (const digit of digits) {
      const pixels = decodeBase64(digit.pixels);
      const canvas = element("canvas", { width: "28", height: "28", "aria-hidden": "true" });
      paintInk(canvas, pixels, 28);
      const wrong = digit.read !== undefined;
      const name = `Test digit ${digit.label}${wrong ? `, misread as ${digit.read}` : ""}`;
      const short = `${digit.label}${wrong ? `, read ${digit.read}` : ""}`;
      const caption = element("span", { "aria-hidden": "true" }, short);
      const button = element("button", { type: "button", "aria-label": name, title: digit.source }, canvas, caption);
      button.addEventListener("click", () => {
        put(state, pixels);
        changed();
        find("reading", "p").scrollIntoView({ block: "nearest" }); // on a phone it may be far above
      });
      find(wrong ? "misread" : "presets", "div").append(button);
    }
    find("misread-note", "p").hidden = !digits.some((digit) => digit.read !== undefined);
  }

  /** @type {Listen} */
  function listenToCopies(state, changed) {
    /** Copy, or where the browser does not allow that, show what is to be copied. */
    const copy = async (/** @type {string} */ text, /** @type {string} */ done) => {
      try {
        await navigator.clipboard.writeText(text);
        [state.copied, state.copyText] = [done, ""];
      } catch {
        [state.copied, state.copyText] = ["The browser does not let the page copy. Here it is, selected:", text];
      }
      state.announcement = state.copied;
      changed();
      if (state.copyText) find("copy-text", "textarea").select();
    };
    find("link", "button").addEventListener("click", () => {
      if (state.normalized.box === null) {
        state.copied = "Draw a digit first.";
        return changed();
      }
      history.replaceState(null, "", digitlab.share.toLink(state.normalized.image));
      copy(location.href, "The link is copied. It holds the digit, and nothing is stored anywhere.");
    });
    find("tensor", "button").addEventListener("click", () => {
      copy(digitlab.share.toTensor(state.normalized.image), "Copied: paste it into Python.");
    });
    window.addEventListener("hashchange", () => {
      readLink(state, location.hash);
      changed();
    });
  }

  /** @type {Listen} */
  function listenToModel(state, changed) {
    const file = find("file", "input");
    file.addEventListener("change", async () => {
      const chosen = file.files?.[0];
      if (!chosen) return;
      try {
        if (chosen.size > 1_000_000) throw new Error("This file is too large: weights of this network take 60 KB.");
        useWeights(state, parse(await chosen.text()));
      } catch (error) {
        const reason = error instanceof Error ? error.message : "The file cannot be read.";
        state.modelError = `${chosen.name} was not loaded. ${reason} The page still runs: ${state.weights.name}.`;
      }
      file.value = ""; // the same file, mended, can be chosen again
      changed();
    });
    find("course-model", "button").addEventListener("click", () => {
      useWeights(state, state.courseWeights);
      changed();
      file.focus();
    });
  }

  return { draw, listen };
})();
