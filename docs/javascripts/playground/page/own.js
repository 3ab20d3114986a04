// One's own test set on the page: keep a drawing under its label, see which are misread, save them, open them again.

"use strict";

(() => {
  const { find, element, write, paintInk, onKey } = digitlab.dom;
  const { MOST, MAX_TEXT, toText, parse, fresh, readAll, score } = digitlab.own;
  const { state, changed, parts } = digitlab.playground;
  const KEY = "digitlab digits";
  const GONE = "This browser keeps nothing for this page: save your digits as a file before you leave.";

  let kept = /** @type {OwnDigit[]} */ ([]);
  let shown = /** @type {{kept: OwnDigit[], reader: Weights} | null} */ (null);
  let sure = false; // "Remove all" was pressed once

  /** Say what was done, to the eye and to those who hear the page. @param {string} text */
  function say(text) {
    write(find("own-said", "p"), text);
  }

  /** The digit on the paper as MNIST would have it, whatever the switch says. @param {State} state */
  function prepared({ ink, centre, normalized }) {
    return centre ? normalized : digitlab.ink.normalize(ink, digitlab.ink.SIDE, digitlab.ink.SIDE);
  }

  /** @type {(digits: OwnDigit[], text: string) => void} */
  function set(digits, text) {
    kept = digits;
    sure = false;
    try {
      localStorage.setItem(KEY, toText(kept));
    } catch {
      text += ` ${GONE}`; // not allowed, or no room
    }
    say(text);
    changed();
  }

  /** @param {number} label */
  function keep(label) {
    const { box, image } = prepared(state);
    if (box === null || state.example) return say("First draw a digit on the paper.");
    const [digit] = fresh(kept, [{ label, pixels: image.slice() }]);
    if (!digit) return say(kept.length < MOST ? `This very ${label} is kept already.` : `${MOST} digits are the most.`);
    digitlab.changes.clear(state);
    readAll([digit], state.weights);
    const verdict = digit.read === label ? "It is read right." : `The network takes it for a ${digit.read}.`;
    set([...kept, digit], `Kept as ${label}. ${verdict}`);
  }

  /** Off the list, and back on the paper: there it can be changed, or kept under another label. @param {OwnDigit} digit */
  function takeBack(digit) {
    digitlab.changes.put(state, digit.pixels);
    set(kept.filter((each) => each !== digit), `This ${digit.label} is back on the paper, and no longer kept.`);
    (find("own-kept", "div").querySelector("button") ?? find("own-h", "h2")).focus();
  }

  /** @param {string} text */
  function open(text) {
    try {
      const found = parse(text);
      const added = fresh(kept, found);
      const rest = found.length - added.length;
      set([...kept, ...added], `${added.length} added${rest ? `; ${rest} are here already, or too many` : ""}.`);
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
  }

  function save() {
    const url = URL.createObjectURL(new Blob([toText(kept)], { type: "application/json" }));
    element("a", { href: url, download: "my-digits.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
    say("Saved as my-digits.json, where your browser puts downloads.");
  }

  function load() {
    let text = null;
    try {
      text = localStorage.getItem(KEY);
    } catch {
      return say(GONE);
    }
    try {
      kept = text === null ? [] : parse(text);
    } catch {
      say("What this browser kept of your digits is damaged: open the file that you saved, or begin anew.");
    }
  }

  /** @param {State} state */
  function draw(state) {
    paintInk(find("own-digit", "canvas"), prepared(state).image, 28);
    const { weights: reader } = state;
    for (const id of /** @type {const} */ (["own-save", "own-clear"])) find(id, "button").hidden = !kept.length;
    write(find("own-clear", "button"), sure ? `Really remove all ${kept.length}` : "Remove all");
    if (shown?.kept === kept && shown.reader === reader) return;
    shown = { kept, reader };
    readAll(kept, reader);
    write(find("own-score", "p"), score(kept));
    const home = find("own-kept", "div");
    home.replaceChildren(...kept.map(picture));
    digitlab.roving.settle(home, "button");
  }

  /** @param {OwnDigit} digit */
  function picture(digit) {
    const { label, read, pixels } = digit;
    const wrong = read !== label;
    const canvas = element("canvas", { width: "28", height: "28", "aria-hidden": "true" });
    paintInk(canvas, pixels, 28);
    const name = `Your ${label}, ${wrong ? `misread as ${read}` : "read right"}: take it back to the paper`;
    const caption = element("span", { "aria-hidden": "true" }, wrong ? `${label}, not ${read}` : String(label));
    const attributes = { type: "button", "aria-label": name, title: name, class: wrong ? "play-wrong" : "" };
    const button = element("button", attributes, canvas, caption);
    button.addEventListener("click", () => takeBack(digit));
    return button;
  }

  /** @type {Listen} */
  function listen(state, changed) {
    for (let label = 0; label <= 9; label++) {
      const button = element("button", { type: "button", "aria-label": `Keep it as ${label}` }, String(label));
      button.addEventListener("click", () => keep(label));
      find("own-labels", "div").append(button);
    }
    digitlab.roving.group(find("own-labels", "div"), "button");
    digitlab.roving.group(find("own-kept", "div"), "button");
    onKey(find("canvas", "canvas"), (key) => {
      if (!/^[0-9]$/.test(key)) return false;
      keep(Number(key));
      state.announcement = find("own-said", "p").textContent ?? "";
      return true;
    });
    find("own-save", "button").addEventListener("click", save);
    const clear = find("own-clear", "button");
    clear.addEventListener("click", () => {
      if (sure) return set([], "All are removed.");
      sure = true;
      changed();
    });
    clear.addEventListener("blur", () => {
      sure = false;
      changed();
    });
    const file = find("own-file", "input");
    file.addEventListener("change", async () => {
      const [chosen] = file.files ?? [];
      if (!chosen) return;
      if (chosen.size > MAX_TEXT) say("This file is larger than 4 MB.");
      else open(await chosen.text());
      file.value = ""; // so that the same file can be chosen again
    });
    window.addEventListener("storage", (event) => {
      if (event.key !== KEY) return;
      load(); // another tab has kept or removed some
      changed();
    });
  }

  load();
  listen(state, changed);
  parts.push({ draw, listen });
  changed();
})();
