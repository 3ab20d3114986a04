// What goes out of the page and comes into it: links, tensors, and a network of one's own.

"use strict";

digitlab.copies = (() => {
  const { find, write } = digitlab.dom;
  const { readLink, useWeights } = digitlab.changes;
  const { parse } = digitlab.weightsFile;

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
    listenToCopies(state, changed);
    listenToModel(state, changed);
    digitlab.roving.group(find("copies", "div"), "button");
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
