// One unit: its map, large; what it looks at in the layer before; and the ways on, back, and over the whole map.

"use strict";

digitlab.inspector = (() => {
  const { find, context2d, paint, outline, onKey, write } = digitlab.dom;
  const { LAYERS } = digitlab.network;
  const { ofMap, pixels, BLUE_ORANGE, largestMagnitude } = digitlab.colours;
  const { mapName, shortName, field } = digitlab.words;

  /** @param {State} state */
  function draw(state) {
    const { unit, trail, slide } = state;
    write(find("unit", "p"), digitlab.sums.explain(state).sentence);
    write(find("field-text", "p"), field(unit));
    // The way from the first unit to this one stands in the place of the heading.
    write(find("trail", "p"), trail.length ? `${trail.map(shortName).join(" ← ")} ← here` : "");
    find("back", "button").hidden = trail.length === 0;
    find("h-unit", "h2").classList.toggle("play-hidden", trail.length > 0);
    find("slide", "div").hidden = !digitlab.slide.possible(state);
    const play = find("play", "button");
    write(play, slide?.playing ? "Pause" : "Play");
    play.setAttribute("aria-pressed", String(Boolean(slide?.playing)));
    const places = LAYERS[unit.layer].rows * LAYERS[unit.layer].columns;
    write(find("slide-note", "p"), slide ? `${digitlab.slide.filled(state)} of ${places} places` : "");
    drawMap(state);
    drawSource(state);
  }

  /** @param {State} state */
  function drawMap(state) {
    const { layer, map, row, column } = state.unit;
    const { rows, columns } = LAYERS[layer];
    const canvas = find("map", "canvas");
    const cell = 480 / Math.max(rows, columns);
    if (canvas.width !== cell * columns) canvas.width = cell * columns;
    if (canvas.height !== cell * rows) canvas.height = cell * rows;
    canvas.style.width = `${(100 * columns) / Math.max(rows, columns)}%`;
    canvas.setAttribute("aria-label", `${mapName(layer, map)}, large. Arrow keys choose a unit.`);
    const shown = ofMap(state, layer, map);
    for (let i = digitlab.slide.filled(state); i < rows * columns; i++) shown[4 * i + 3] = 0; // not filled yet
    paint(canvas, shown, columns);
    outline(context2d(canvas), column * cell, row * cell, cell);
  }

  /** The map or the image that the unit looks at, with a frame around what it sees of it. @param {State} state */
  function drawSource(state) {
    const { unit, weights } = state;
    const { from } = LAYERS[unit.layer];
    const conv = unit.layer.startsWith("conv");
    const narrow = conv || unit.layer.startsWith("pool"); // the others see all
    const layer = narrow || from === "fc1" ? from : "input";
    const channels = LAYERS[layer].maps;
    const channel = conv ? digitlab.sums.shownChannel(state) : unit.map;
    const canvas = find("field", "canvas");
    paint(canvas, ofMap(state, layer, narrow ? channel : 0), LAYERS[layer].columns);
    canvas.setAttribute("aria-label", `What this unit looks at: ${mapName(layer, channel)}`);
    const cell = canvas.width / LAYERS[layer].columns;
    const context = context2d(canvas);
    if (!narrow) {
      if (unit.layer === "input") outline(context, unit.column * cell, unit.row * cell, cell);
      return;
    }
    const [step, side] = conv ? [1, 5] : [2, 2];
    const [left, top, size] = [unit.column * step * cell, unit.row * step * cell, side * cell];
    context.fillStyle = "rgba(60, 66, 78, 0.55)"; // what it does not see steps back
    context.beginPath();
    context.rect(0, 0, canvas.width, canvas.height);
    context.rect(left, top, size, size);
    context.fill("evenodd");
    if (conv && state.slide) {
      const at = (unit.map * channels + channel) * 25;
      const kernel = weights.tensors[`${unit.layer}.weight`].subarray(at, at + 25);
      const colours = pixels(kernel, largestMagnitude(kernel), BLUE_ORANGE);
      for (let i = 0; i < 25; i++) {
        context.fillStyle = `rgba(${colours[4 * i]}, ${colours[4 * i + 1]}, ${colours[4 * i + 2]}, 0.6)`;
        context.fillRect(left + (i % 5) * cell, top + Math.floor(i / 5) * cell, cell, cell);
      }
    }
    outline(context, left, top, size);
  }

  /** @type {HTMLElement | null} the button that opened the large map, to go back to. */
  let opener = null;

  /** Show what a button has chosen, where it is out of sight. @param {HTMLElement} button */
  function show(button) {
    opener = button;
    const behavior = digitlab.dom.calm() ? "auto" : "smooth";
    find("inspector", "section").scrollIntoView({ block: "nearest", behavior });
  }

  /** Show it, and let the arrow keys go on from there. @param {HTMLElement} button */
  function enter(button) {
    find("map", "canvas").focus({ preventScroll: true });
    show(button);
  }

  /** @type {Listen} */
  function listen(state, changed) {
    const map = find("map", "canvas");
    const choose = (/** @type {number} */ row, /** @type {number} */ column) => {
      digitlab.changes.chooseUnit(state, { ...state.unit, row, column });
      changed();
    };
    const point = (/** @type {PointerEvent} */ event) => {
      const { rows, columns } = LAYERS[state.unit.layer];
      const { left, top, width, height } = map.getBoundingClientRect();
      const row = Math.floor(((event.clientY - top) / height) * rows);
      choose(row, Math.floor(((event.clientX - left) / width) * columns));
    };
    map.addEventListener("pointerdown", point);
    map.addEventListener("pointermove", (event) => {
      if (event.buttons === 1) point(event);
    });
    onKey(map, (key, arrow) => {
      if (arrow) choose(state.unit.row + arrow.y, state.unit.column + arrow.x);
      else if (key === "Escape" && opener) opener.focus();
      else return false;
      return true;
    });
    find("back", "button").addEventListener("click", () => {
      digitlab.changes.goBack(state);
      changed();
      if (!state.trail.length) digitlab.sum.focusStrongest(state);
    });
    find("play", "button").hidden = digitlab.dom.calm(); // then there are stills
    find("play", "button").addEventListener("click", () => {
      if (state.slide?.playing) digitlab.slide.pause(state);
      else digitlab.slide.play(state);
      changed();
    });
    find("step", "button").addEventListener("click", () => {
      digitlab.slide.step(state);
      changed();
    });
    digitlab.roving.group(find("slide", "div"), "button");
  }

  return { draw, listen, enter, show };
})();
