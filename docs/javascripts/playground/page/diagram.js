// The network as a picture: every map on a small canvas, which is a button, in ten rows from the input to the bars.

"use strict";

digitlab.diagram = (() => {
  const { find, element, paint } = digitlab.dom;
  const { LAYERS, receptiveField } = digitlab.network;
  const { ofMap } = digitlab.colours;
  const { mapName, size } = digitlab.words;
  const layers = /** @type {Layer[]} */ (Object.keys(LAYERS)).filter((layer) => layer !== "fc2"); // those are bars

  /** The frame on the input around what the chosen unit sees. */
  const field = element("span", { class: "play-field", hidden: "" });
  /** The place of the chosen unit, on its map. */
  const mark = element("span", { class: "play-field play-mark" });

  /** Makes the diagram, and listens to its buttons. @type {Listen} */
  function listen(state, changed) {
    const home = find("network", "div");
    const input = makeMap("input", 0, state, changed);
    input.append(field);
    find("input", "span").append(input);
    for (const layer of layers.slice(1)) {
      const title = `play-step-${layer}`;
      const maps = Array.from({ length: LAYERS[layer].maps }, (_, map) => makeMap(layer, map, state, changed));
      home.append(
        element(
          "section",
          { class: `play-step play-step-${layer}`, "aria-labelledby": title },
          element("h3", { id: title }, layer),
          element("p", {}, ...size(layer).map((line) => element("span", {}, line, " "))),
          element("div", { class: "play-maps" }, ...maps),
        ),
      );
    }
    // The input and the maps are one group, though they stand apart.
    digitlab.roving.group(find("top", "div"), "button[data-layer]:not([data-layer=fc2])");
  }

  /** @type {(layer: Layer, map: number, state: State, changed: () => void) => HTMLButtonElement} */
  function makeMap(layer, map, state, changed) {
    const { rows, columns } = LAYERS[layer];
    const canvas = element("canvas", { width: String(columns), height: String(rows), "aria-hidden": "true" });
    const name = { "aria-label": mapName(layer, map), "data-layer": layer, "data-map": String(map) };
    const button = element("button", { type: "button", ...name }, canvas);
    button.addEventListener("click", (event) => {
      const unit = layer === "fc1" ? unitUnder(event, canvas) : null; // its units are large enough to be chosen here
      if (unit) digitlab.changes.chooseUnit(state, { layer, map, ...unit });
      else digitlab.changes.openMap(state, layer, map);
      changed();
      digitlab.inspector.enter(button);
    });
    return button;
  }

  /** The place on a map at which a mouse or a finger points; a key points nowhere. */
  /** @type {(event: MouseEvent, canvas: HTMLCanvasElement) => {row: number, column: number} | null} */
  function unitUnder(event, canvas) {
    if (event.detail === 0) return null;
    const { left, top, width, height } = canvas.getBoundingClientRect();
    const row = Math.floor(((event.clientY - top) / height) * canvas.height);
    return { row, column: Math.floor(((event.clientX - left) / width) * canvas.width) };
  }

  /** @param {State} state */
  function draw(state) {
    const { unit } = state;
    const lit = new Set(digitlab.links.lit(state).map(({ from }) => `${from.layer} ${from.map}`));
    for (const layer of layers) {
      buttons(layer).forEach((button, map) => {
        paint(/** @type {HTMLCanvasElement} */ (button.firstElementChild), ofMap(state, layer, map), LAYERS[layer].columns);
        button.setAttribute("aria-pressed", String(unit.layer === layer && unit.map === map));
        button.classList.toggle("play-lit", lit.has(`${layer} ${map}`));
      });
    }
    drawFrames(unit);
  }

  /** @param {Unit} unit */
  function drawFrames(unit) {
    const { rows, columns } = LAYERS[unit.layer];
    buttons(unit.layer)[unit.layer === "fc2" ? unit.column : unit.map].append(mark);
    mark.hidden = unit.layer === "fc2";
    place(mark, unit.row / rows, unit.column / columns, 1 / rows, 1 / columns);
    const seen = receptiveField(unit.layer, unit.row, unit.column);
    field.hidden = seen.size === 28;
    place(field, seen.top / 28, seen.left / 28, seen.size / 28, seen.size / 28);
  }

  /** All as parts of the map. @type {(frame: HTMLElement, ...parts: number[]) => void} */
  function place(frame, ...parts) {
    const [top, left, height, width] = parts.map((part) => `${100 * part}%`);
    Object.assign(frame.style, { top, left, height, width });
  }

  /** @param {Layer} layer */
  function buttons(layer) {
    return /** @type {NodeListOf<HTMLElement>} */ (find("top", "div").querySelectorAll(`button[data-layer=${layer}]`));
  }

  return { draw, listen, buttons };
})();
