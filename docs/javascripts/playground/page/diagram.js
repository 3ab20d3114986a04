// The network as a picture: every map on a small canvas, which is a button, and the ten probabilities as bars.

"use strict";

digitlab.diagram = (() => {
  const { find, element, paint } = digitlab.dom;
  const { LAYERS, receptiveField } = digitlab.network;
  const { ofMap } = digitlab.colours;
  const { mapName, size, percent } = digitlab.words;
  const layers = /** @type {Layer[]} */ (Object.keys(LAYERS));

  /** The frame on the input around what the chosen unit sees. */
  const field = element("span", { class: "play-field", hidden: "" });

  /** Makes the diagram, and listens to its buttons. @type {Listen} */
  function listen(state, changed) {
    const home = find("network", "div");
    for (const layer of layers) {
      const title = `play-step-${layer}`;
      home.append(
        element(
          "section",
          { class: `play-step play-step-${layer}`, "aria-labelledby": title },
          element("h3", { id: title }, layer === "fc2" ? "fc2, softmax" : layer),
          element("p", {}, size(layer)),
          layer === "fc2" ? makeBars() : makeMaps(layer),
        ),
      );
    }
    for (const button of buttons()) {
      button.addEventListener("click", () => {
        digitlab.changes.openMap(state, /** @type {Layer} */ (button.dataset.layer), Number(button.dataset.map));
        changed();
        digitlab.inspector.enter(button);
      });
    }
  }

  function buttons() {
    return find("network", "div").querySelectorAll("button");
  }

  /** @type {(layer: Layer, map: number, name: string, content: Node | string) => HTMLButtonElement} */
  function makeButton(layer, map, name, content) {
    const attributes = { type: "button", "aria-label": name, "data-layer": layer, "data-map": String(map) };
    return element("button", attributes, content);
  }

  /** @param {Layer} layer */
  function makeMaps(layer) {
    const { maps, rows, columns } = LAYERS[layer];
    const box = element("div", { class: "play-maps" });
    for (let map = 0; map < maps; map++) {
      const canvas = element("canvas", { width: String(columns), height: String(rows), "aria-hidden": "true" });
      const button = makeButton(layer, map, mapName(layer, map), canvas);
      if (layer === "input") button.append(field);
      box.append(button);
    }
    return box;
  }

  function makeBars() {
    const body = element("tbody");
    for (let digit = 0; digit < 10; digit++) {
      const button = makeButton("fc2", digit, `${digit}: where does its score come from?`, String(digit));
      const bar = element("td", { "aria-hidden": "true" }, element("span", { class: "play-bar" }));
      body.append(element("tr", {}, element("th", { scope: "row" }, button), bar, element("td")));
    }
    const heads = ["digit", "bar", "probability"].map((name) => element("th", { scope: "col" }, name));
    return element(
      "table",
      { class: "play-bars", id: "play-bars" },
      element("caption", { class: "play-hidden" }, "The probability of each digit"),
      element("thead", { class: "play-hidden" }, element("tr", {}, ...heads)),
      body,
    );
  }

  /** @param {State} state */
  function draw(state) {
    const { unit } = state;
    for (const layer of layers) {
      find("network", "div").querySelectorAll(`[data-layer=${layer}] canvas`).forEach((canvas, map) => {
        paint(/** @type {HTMLCanvasElement} */ (canvas), ofMap(state, layer, map), LAYERS[layer].columns);
      });
    }
    drawBars(state);
    const chosen = String(unit.layer === "fc2" ? unit.column : unit.map);
    for (const button of buttons()) {
      button.setAttribute("aria-pressed", String(button.dataset.layer === unit.layer && button.dataset.map === chosen));
    }
    const seen = receptiveField(unit.layer, unit.row, unit.column);
    field.hidden = seen.size === 28;
    const share = (/** @type {number} */ pixels) => `${(100 * pixels) / 28}%`;
    field.style.top = share(seen.top);
    field.style.left = share(seen.left);
    field.style.width = field.style.height = share(seen.size);
  }

  /** @param {State} state */
  function drawBars({ normalized, activations: { probabilities } }) {
    const best = normalized.box === null ? -1 : probabilities.indexOf(Math.max(...probabilities));
    [...find("bars", "table").tBodies[0].rows].forEach((row, digit) => {
      const bar = /** @type {HTMLElement} */ (row.cells[1].firstElementChild);
      bar.style.width = `${100 * probabilities[digit]}%`;
      row.cells[2].textContent = percent(probabilities[digit], 1);
      row.classList.toggle("play-best", digit === best);
    });
  }

  return { draw, listen };
})();
