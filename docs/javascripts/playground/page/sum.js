// The sum that made the chosen unit, in coloured numbers. Each number that comes from a unit is a button that goes there.

"use strict";

digitlab.sum = (() => {
  const { find, element } = digitlab.dom;
  const { ground } = digitlab.colours;
  const { shortNumber, unitName } = digitlab.words;

  /** @param {State} state */
  function draw(state) {
    const home = find("sum", "div");
    const { parts } = digitlab.sums.explain(state);
    const totals = parts.flatMap((part) => ("total" in part ? [element("p", { class: "play-total" }, part.total)] : []));
    const others = parts.flatMap((part) => ("total" in part ? [] : [show(part)]));
    const made = element("div", {}, ...others, element("div", { class: "play-totals" }, ...totals));
    if (home.firstChild?.isEqualNode(made)) return;
    // Whoever is on a button stays there, though the button is a new one.
    const place = buttons().findIndex((button) => button === document.activeElement);
    home.replaceChildren(made);
    digitlab.roving.settle(home, "button");
    if (place >= 0) buttons()[place]?.focus({ preventScroll: true });
  }

  function buttons() {
    return [...find("sum", "div").querySelectorAll("button")];
  }

  /** @param {Exclude<Part, {total: string}>} part */
  function show(part) {
    if ("text" in part) return element("p", { class: "play-note" }, part.text);
    if ("table" in part) return showTable(part.table);
    if ("maps" in part) return showMaps(part.maps);
    const made = element("div", { class: "play-grids" });
    for (const square of part.squares) {
      // A sign stays with what follows it.
      if (typeof square === "string") made.append(element("div", { class: "play-pair" }, square));
      else if (made.lastElementChild?.childElementCount === 0) made.lastElementChild.append(showSquare(square));
      else made.append(showSquare(square));
    }
    return made;
  }

  /** @param {Cell[]} maps */
  function showMaps(maps) {
    const shown = maps.map((cell, map) => {
      const value = shortNumber(cell.value, cell.decimals);
      const name = { "aria-label": `map ${map} adds ${value}`, "aria-pressed": String(cell.chosen) };
      const number = element("span", {}, value);
      Object.assign(number.style, ground(cell.value, cell.scale));
      return element("button", { type: "button", "data-channel": String(map), ...name }, `map ${map}`, number);
    });
    return element("div", { class: "play-adds", role: "group", "aria-label": "What each map adds" }, ...shown);
  }

  /** @param {Square} square */
  function showSquare({ name, side, cells }) {
    const body = element("tbody");
    for (let at = 0; at < cells.length; at += side) {
      body.append(element("tr", {}, ...cells.slice(at, at + side).map(showCell)));
    }
    return element("table", { class: `play-numbers play-square play-square-${side}` }, element("caption", {}, name), body);
  }

  /** @param {Table} table */
  function showTable({ name, heads, rows }) {
    const lines = rows.map(({ head, unit, cells }) => {
      const button = element("button", goTo(unit, head), head);
      return element("tr", {}, element("th", { scope: "row" }, button), ...cells.map(showCell));
    });
    return element(
      "table",
      { class: "play-numbers play-rows" },
      element("caption", { class: "play-hidden" }, name),
      element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
      element("tbody", {}, ...lines),
    );
  }

  /** @param {string | Cell} cell */
  function showCell(cell) {
    if (typeof cell === "string") return element("td", {}, cell);
    const { value, scale, chosen, decimals, unit } = cell;
    const text = shortNumber(value, decimals);
    const name = unit ? `${text}: ${unitName(unit)}` : "";
    const shown = element("td", { class: chosen ? "play-chosen" : "" }, unit ? element("button", goTo(unit, name), text) : text);
    Object.assign(shown.style, ground(value, scale));
    return shown;
  }

  /** @type {(unit: Unit, name: string) => Record<string, string>} */
  function goTo(unit, name) {
    return { type: "button", "aria-label": name, title: name, "data-unit": JSON.stringify(unit) };
  }

  /** Onto the source that adds most, so that one key pressed again and again leads to the pixels. @param {State} state */
  function focusStrongest(state) {
    const [link] = digitlab.links.lit(state);
    const strongest = link && JSON.stringify(link.from);
    const button = buttons().find((each) => each.dataset.unit === strongest);
    (button ?? find("back", "button")).focus({ preventScroll: true });
  }

  /** @type {Listen} */
  function listen(state, changed) {
    const home = find("sum", "div");
    home.addEventListener("click", (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      if (!button) return;
      if (button.dataset.channel) state.channel = Number(button.dataset.channel);
      else if (button.dataset.unit) digitlab.changes.follow(state, JSON.parse(button.dataset.unit));
      changed();
      if (button.dataset.unit) focusStrongest(state);
    });
    digitlab.roving.group(home, "button");
  }

  return { draw, listen, focusStrongest };
})();
