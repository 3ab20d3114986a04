// The paper: shows the ink, and listens to the mouse, the finger, the pen and the keys.

"use strict";

digitlab.paper = (() => {
  const { find, paint, onKey, write } = digitlab.dom;
  const { SIDE } = digitlab.ink;
  const { stroke, moveKeyboard, toggleKeyboard, clear, undo } = digitlab.changes;

  /** @param {State} state */
  function draw({ ink, penWidth, keyboard, example, normalized, history }) {
    // The white is painted too: a browser that changes colours for its reader leaves a picture as it is.
    paint(find("canvas", "canvas"), digitlab.colours.pixels(ink, 255, digitlab.colours.WHITE_BLACK), SIDE, true);
    find("pen", "select").value = String(penWidth);
    const hint = example ? "A test digit. Draw your own." : "Draw a digit here";
    write(find("hint", "span"), example || normalized.box === null ? hint : "");
    find("hint", "span").classList.toggle("play-low", example);
    for (const name of ["undo", "replay"]) find(name, "button").setAttribute("aria-disabled", String(!history.length));
    const cursor = find("cursor", "span");
    cursor.hidden = !keyboard.shown;
    cursor.classList.toggle("play-down", keyboard.down);
    cursor.style.left = `${(100 * keyboard.x) / SIDE}%`;
    cursor.style.top = `${(100 * keyboard.y) / SIDE}%`;
  }

  /** @type {Listen} */
  function listen(state, changed) {
    const paper = find("canvas", "canvas");
    listenToPointer(paper, state, changed);
    listenToKeys(paper, state, changed);
    find("pen", "select").addEventListener("change", (event) => {
      state.penWidth = Number(/** @type {HTMLSelectElement} */ (event.target).value);
    });
    const on = (/** @type {string} */ name, /** @type {(state: State) => void} */ change) => {
      find(name, "button").addEventListener("click", () => {
        change(state);
        changed();
      });
    };
    on("clear", clear);
    on("undo", undo);
    on("replay", replay);
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.key.toLowerCase() !== "z") return;
      if (event.target instanceof HTMLInputElement && event.target.type === "text") return; // its own undo
      event.preventDefault();
      undo(state);
      changed();
    });
    digitlab.roving.group(find("tools", "div"), "button, select");
  }

  /** @param {State} state */
  function replay(state) {
    digitlab.replay.start(state, digitlab.dom.calm());
    state.announcement = state.replay ? "The drawing is drawn anew." : "There is nothing to draw anew.";
  }

  /** @type {(paper: HTMLCanvasElement, state: State, changed: () => void) => void} */
  function listenToPointer(paper, state, changed) {
    // The page may be scrolled or resized at any time, so the paper is asked each time where it is.
    const place = (/** @type {PointerEvent} */ event) => {
      const { left, top, width, height } = paper.getBoundingClientRect();
      return { x: ((event.clientX - left) / width) * SIDE, y: ((event.clientY - top) / height) * SIDE };
    };
    let frame = 0;
    const end = () => {
      if (state.pointer === null) return;
      state.pointer = null;
      changed();
    };
    // Without this a browser that takes a quick stroke for a flick swallows the next tap.
    paper.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    paper.addEventListener("pointerdown", (event) => {
      if (state.pointer !== null || event.button !== 0) return;
      state.pointer = event.pointerId;
      try {
        paper.setPointerCapture(event.pointerId);
      } catch {
        // It is gone already: the stroke is a dot.
      }
      state.keyboard.shown = false;
      state.last = place(event);
      stroke(state, state.last, state.last);
      changed();
    });
    paper.addEventListener("pointermove", (event) => {
      if (event.pointerId !== state.pointer) return;
      if (event.buttons === 0) return end(); // it was let go where nobody saw it
      const steps = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const step of steps.length ? steps : [event]) {
        const next = place(step);
        if (next.x === state.last.x && next.y === state.last.y) continue;
        stroke(state, state.last, next);
        state.last = next;
      }
      if (frame) return;
      frame = requestAnimationFrame(() => {
        frame = 0; // many moves, one picture
        changed();
      });
    });
    for (const name of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
      paper.addEventListener(name, (event) => {
        if (event.pointerId === state.pointer) end();
      });
    }
    window.addEventListener("blur", end);
  }

  /** @type {(paper: HTMLCanvasElement, state: State, changed: () => void) => void} */
  function listenToKeys(paper, state, changed) {
    const { keyboard } = state;
    paper.addEventListener("focus", () => {
      keyboard.shown = paper.matches(":focus-visible");
      changed();
    });
    paper.addEventListener("blur", () => {
      keyboard.shown = keyboard.down = false;
      changed();
    });
    onKey(paper, (key, arrow, shift) => {
      const length = shift ? 2 : 10;
      if (arrow) moveKeyboard(state, length * arrow.x, length * arrow.y);
      else if (key === " ") toggleKeyboard(state);
      else if (key === "Delete" || key === "Backspace") clear(state);
      else if (key === "Escape") keyboard.down = false;
      else return false;
      keyboard.shown = true;
      changed();
      return true;
    });
  }

  return { draw, listen };
})();
