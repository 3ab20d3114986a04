// One unit: its map, large; what it sees of the input; and the sum that made it.

"use strict";

digitlab.inspector = (() => {
  const { find, element, context2d, paint, paintInk, outline, onKey, write } = digitlab.dom;
  const { LAYERS, receptiveField } = digitlab.network;
  const { ofMap, ground } = digitlab.colours;
  const { mapName, shortNumber, field } = digitlab.words;

  /** @param {State} state */
  function draw(state) {
    const { unit, channel } = state;
    const { sentence, parts } = digitlab.sums.explain(state);
    write(find("unit", "p"), sentence);
    write(find("field-text", "p"), field(unit));
    find("channel-label", "label").hidden = unit.layer !== "conv2";
    find("channel", "select").value = String(channel);
    drawMap(state);
    drawField(state);
    const sum = find("sum", "div");
    const made = element("div", {}, ...parts.map(show));
    // The same numbers are left in place: the keyboard may be in their table.
    if (!sum.firstChild?.isEqualNode(made)) sum.replaceChildren(made);
  }

  /** @param {State} state */
  function drawMap(state) {
    const { layer, map, row, column } = state.unit;
    const { rows, columns } = LAYERS[layer];
    const canvas = find("map", "canvas");
    const cell = canvas.width / columns;
    if (canvas.height !== cell * rows) canvas.height = cell * rows;
    canvas.setAttribute("aria-label", `${mapName(layer, map)}, large. Arrow keys choose a unit.`);
    paint(canvas, ofMap(state, layer, map), columns);
    outline(context2d(canvas), column * cell, row * cell, cell);
  }

  /** The input, with a frame around what the unit sees. @param {State} state */
  function drawField({ unit, normalized }) {
    const canvas = find("field", "canvas");
    paintInk(canvas, normalized.image, 28);
    const { top, left, size } = receptiveField(unit.layer, unit.row, unit.column);
    const cell = canvas.width / 28;
    const context = context2d(canvas);
    context.fillStyle = "rgba(60, 66, 78, 0.55)"; // what it does not see steps back
    context.beginPath();
    context.rect(0, 0, canvas.width, canvas.height);
    context.rect(left * cell, top * cell, size * cell, size * cell);
    context.fill("evenodd");
    outline(context, left * cell, top * cell, size * cell);
  }

  /** @param {Part} part */
  function show(part) {
    if ("text" in part) return element("p", {}, part.text);
    if ("total" in part) return element("p", { class: "play-total" }, part.total);
    if ("table" in part) return showTable(part.table);
    const signs = part.squares.map((square) =>
      typeof square === "string" ? element("span", { class: "play-sign" }, square) : showSquare(square),
    );
    return element("div", { class: "play-grids" }, ...signs);
  }

  /** @param {Square} square */
  function showSquare({ name, side, cells }) {
    const body = element("tbody");
    for (let at = 0; at < cells.length; at += side) {
      body.append(element("tr", {}, ...cells.slice(at, at + side).map(showCell)));
    }
    return element("table", { class: "play-numbers play-square" }, element("caption", {}, name), body);
  }

  /** @param {Table} table which may be wider than a phone: then it is scrolled. */
  function showTable({ name, heads, rows }) {
    const lines = rows.map(({ head, cells }) =>
      element("tr", {}, element("th", { scope: "row" }, head), ...cells.map(showCell)),
    );
    const table = element(
      "table",
      { class: "play-numbers" },
      element("caption", { class: "play-hidden" }, name),
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      element("tbody", {}, ...lines),
    );
    const attributes = { class: "play-scroll", tabindex: "0", role: "group", "aria-label": "Table of numbers" };
    return element("div", attributes, table);
  }

  /** @param {string | Cell} cell */
  function showCell(cell) {
    if (typeof cell === "string") return element("td", {}, cell);
    const { value, scale, chosen, decimals } = cell;
    const shown = element("td", { class: chosen ? "play-chosen" : "" }, shortNumber(value, decimals));
    Object.assign(shown.style, ground(value, scale));
    return shown;
  }

  /** @type {HTMLElement | null} the button that opened the large map, to go back to. */
  let opener = null;

  /** @param {HTMLElement} button */
  function enter(button) {
    opener = button;
    find("map", "canvas").focus({ preventScroll: true });
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    find("inspector", "section").scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
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
    const channel = find("channel", "select");
    channel.append(element("option", { value: "-1" }, "the map that adds most"));
    for (let i = 0; i < 10; i++) channel.append(element("option", { value: String(i) }, `map ${i}`));
    channel.addEventListener("change", () => {
      state.channel = Number(channel.value);
      changed();
    });
  }

  return { draw, listen, enter };
})();
