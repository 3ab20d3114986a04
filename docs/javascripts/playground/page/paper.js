// The paper: shows the ink, and listens to the mouse, the finger, the pen and the keys.

"use strict";

digitlab.paper = (() => {
  const { find, paint, onKey } = digitlab.dom;
  const { SIDE } = digitlab.ink;
  const { stroke, moveKeyboard, toggleKeyboard, clear } = digitlab.changes;

  /** @param {State} state */
  function draw({ ink, penWidth, keyboard, normalized }) {
    const pixels = new Uint8ClampedArray(4 * ink.length); // black: only the ink's alpha differs
    for (let i = 0; i < ink.length; i++) pixels[4 * i + 3] = ink[i];
    paint(find("canvas", "canvas"), pixels, SIDE, true);
    find("pen", "select").value = String(penWidth);
    find("hint", "span").hidden = normalized.box !== null;
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
    find("clear", "button").addEventListener("click", () => {
      clear(state);
      changed();
    });
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
