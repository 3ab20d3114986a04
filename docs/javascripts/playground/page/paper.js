// The paper: shows the ink, and listens to the mouse, the finger, the pen and the keys.

"use strict";

digitlab.paper = (() => {
  const { find, paint, onPen, onKey, write } = digitlab.dom;
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
    let frame = 0;
    onPen(paper, SIDE, {
      down(at) {
        state.drawing = true;
        state.keyboard.shown = false;
        stroke(state, at, at);
        changed();
      },
      move(from, to) {
        if (!state.drawing) return; // something else was put on the paper meanwhile
        stroke(state, from, to);
        frame ||= requestAnimationFrame(() => {
          frame = 0; // many moves, one picture
          changed();
        });
      },
      up() {
        state.drawing = false;
        changed();
      },
    });
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
