// @ts-check
// The playground page: the pen, the reading, the questions, the links and the files. Everything that a person does
// here ends in `update`, which prepares the ink, runs the network once, and shows what came out.
//
// The sums are in engine.js, the picture of the network in diagram.js. This file asks no other host for anything, and
// whatever comes from outside, a link or a file, is checked before it is used.

"use strict";

(() => {
  const { element, context2d, percent } = Diagram;

  /**
   * @template {keyof HTMLElementTagNameMap} K
   * @param {string} id
   * @param {K} tag which kind of element it is.
   * @returns {HTMLElementTagNameMap[K]}
   */
  function find(id, tag) {
    const found = document.getElementById(`play-${id}`);
    if (!found || found.localName !== tag) throw new Error(`The page has no ${tag} named play-${id}.`);
    return /** @type {HTMLElementTagNameMap[K]} */ (found);
  }

  // --- what the page knows -----------------------------------------------------------------------------------------

  /** The side of the drawing in its own pixels, whatever size the page shows it in. */
  const SIDE = 280;
  const given = /** @type {{digitlabWeights: string, digitlabDigits: Digit[]}} */ (/** @type {unknown} */ (window));
  const courseWeights = Engine.parseWeights(given.digitlabWeights);

  let weights = courseWeights;
  const ink = new Uint8Array(SIDE * SIDE); // 0 paper .. 255 ink
  let normalized = Engine.normalize(ink, SIDE, SIDE);
  let activations = Engine.forward(weights, normalized.image);
  /** @type {Float32Array} */
  let occlusionMap = new Float32Array(784);
  /** @type {Unit} */
  let unit = { layer: "conv1", map: 0, row: 12, column: 12 };
  /** @type {HTMLElement | null} the button that opened the large map, to go back to. */
  let opener = null;

  /** @typedef {{label: number, pixels: string, read?: number, source: string}} Digit */

  /** What the network reads: the digit with the largest probability. */
  function reading() {
    return activations.probabilities.indexOf(Math.max(...activations.probabilities));
  }

  function isEmpty() {
    return normalized.box === null;
  }

  let announcement = 0;
  /**
   * Say something to those who hear the page, once it has been true for a while.
   *
   * @param {string} text
   */
  function say(text) {
    clearTimeout(announcement);
    announcement = window.setTimeout(() => (find("say", "p").textContent = text), 500);
  }

  // --- the paper and the pen ---------------------------------------------------------------------------------------

  const paper = find("canvas", "canvas");
  const cursor = find("cursor", "span");
  // Every stroke is drawn twice: large for the eye, and small for the network.
  const inkCanvas = element("canvas", { width: String(SIDE), height: String(SIDE) });
  const pens = [context2d(paper), context2d(inkCanvas, { willReadFrequently: true })];
  pens[0].scale(paper.width / SIDE, paper.height / SIDE);

  /** @typedef {{x: number, y: number}} Point in pixels of the drawing. */
  /** @type {number | null} the finger, pen or mouse that draws; others are not listened to. */
  let pointer = null;
  /** @type {Point} */
  let last = { x: 0, y: 0 };
  const keyboard = { x: SIDE / 2, y: SIDE / 2, down: false };

  /**
   * @param {Point} from
   * @param {Point} to
   */
  function stroke(from, to) {
    for (const pen of pens) {
      pen.lineWidth = Number(find("pen", "select").value);
      pen.lineCap = pen.lineJoin = "round";
      pen.beginPath();
      pen.moveTo(from.x, from.y);
      pen.lineTo(to.x, to.y);
      pen.stroke();
    }
    inkChanged();
  }

  function clear() {
    for (const pen of pens) pen.clearRect(0, 0, SIDE, SIDE);
    setKeyboardPen(false);
    inkChanged();
  }

  /**
   * Put 28x28 pixels on the paper, each as a square of 10x10.
   *
   * @param {Uint8Array} pixels
   */
  function putPixels(pixels) {
    endStroke();
    clear();
    const image = pens[1].createImageData(SIDE, SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      image.data[4 * i + 3] = pixels[28 * Math.floor(i / SIDE / 10) + Math.floor((i % SIDE) / 10)];
    }
    pens[1].putImageData(image, 0, 0);
    pens[0].imageSmoothingEnabled = false;
    pens[0].drawImage(inkCanvas, 0, 0);
  }

  /**
   * Where an event lies on the drawing. The page may be scrolled or resized at any time, so it is asked each time.
   *
   * @param {PointerEvent} event
   * @returns {Point}
   */
  function place(event) {
    const { left, top, width, height } = paper.getBoundingClientRect();
    return { x: ((event.clientX - left) / width) * SIDE, y: ((event.clientY - top) / height) * SIDE };
  }

  function endStroke() {
    if (pointer === null) return;
    pointer = null;
    schedule(); // the full answers are worked out when the pen is lifted
  }

  function listenToPen() {
    paper.addEventListener("pointerdown", (event) => {
      if (pointer !== null || event.button !== 0) return;
      pointer = event.pointerId;
      try {
        paper.setPointerCapture(event.pointerId);
      } catch {
        // It is gone already: the stroke is a dot.
      }
      cursor.hidden = true;
      last = place(event);
      stroke(last, last);
    });
    paper.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      if (event.buttons === 0) return endStroke(); // it was let go where nobody saw it
      const steps = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const step of steps.length ? steps : [event]) {
        const next = place(step);
        stroke(last, next);
        last = next;
      }
    });
    for (const end of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
      paper.addEventListener(end, (event) => {
        if (event.pointerId === pointer) endStroke();
      });
    }
    window.addEventListener("blur", endStroke);
    find("clear", "button").addEventListener("click", clear);
  }

  function listenToKeys() {
    /** @type {Record<string, [number, number]>} */
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    paper.addEventListener("focus", () => {
      if (paper.matches(":focus-visible")) showCursor();
    });
    paper.addEventListener("blur", () => {
      setKeyboardPen(false);
      cursor.hidden = true;
    });
    paper.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key in steps) {
        const length = event.shiftKey ? 2 : 10;
        const from = { x: keyboard.x, y: keyboard.y };
        keyboard.x = Math.max(0, Math.min(SIDE, keyboard.x + length * steps[event.key][0]));
        keyboard.y = Math.max(0, Math.min(SIDE, keyboard.y + length * steps[event.key][1]));
        if (keyboard.down) stroke(from, keyboard);
      } else if (event.key === " ") {
        setKeyboardPen(!keyboard.down);
        if (keyboard.down) stroke(keyboard, keyboard);
      } else if (event.key === "Delete" || event.key === "Backspace") {
        clear();
      } else if (event.key === "Escape") {
        setKeyboardPen(false);
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
      showCursor();
    });
  }

  /** @param {boolean} down */
  function setKeyboardPen(down) {
    if (keyboard.down && !down) schedule();
    keyboard.down = down;
    cursor.classList.toggle("play-down", down);
  }

  function showCursor() {
    cursor.hidden = false;
    cursor.style.left = `${(100 * keyboard.x) / SIDE}%`;
    cursor.style.top = `${(100 * keyboard.y) / SIDE}%`;
  }

  // --- from ink to an answer ---------------------------------------------------------------------------------------

  let inkIsNew = false;
  let scheduled = false;

  function inkChanged() {
    inkIsNew = true;
    find("copied", "p").textContent = "";
    schedule();
  }

  /** Update before the browser draws next: many events, one pass. */
  function schedule() {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      update();
    });
  }

  /** Everything that follows from the ink, the switch and the model. */
  function update() {
    if (inkIsNew) {
      const { data } = pens[1].getImageData(0, 0, SIDE, SIDE);
      for (let i = 0; i < ink.length; i++) ink[i] = data[4 * i + 3];
      inkIsNew = false;
    }
    normalized = Engine.normalize(ink, SIDE, SIDE, { centre: find("normalise", "input").checked });
    Engine.forward(weights, normalized.image, activations);
    showReading();
    showStages();
    Diagram.draw(activations, normalized.image, isEmpty());
    showUnit();
    askWhy();
  }

  function showReading() {
    const box = find("reading", "p");
    const remark = find("remark", "p");
    find("hint", "span").hidden = !isEmpty();
    if (isEmpty()) {
      box.textContent = "Draw a digit";
      remark.textContent = "Nothing to read yet.";
    } else {
      const order = [...activations.probabilities.keys()].sort((a, b) => activations.probabilities[b] - activations.probabilities[a]);
      const share = (/** @type {number} */ digit) => percent(activations.probabilities[digit]);
      box.textContent = `Looks like ${order[0]}, ${share(order[0])}`;
      const inked = ink.reduce((sum, value) => sum + value, 0) / (255 * ink.length);
      remark.textContent =
        inked > 0.6
          ? "Almost everything is ink. The network has to answer with a digit all the same."
          : `Next come ${order[1]} with ${share(order[1])} and ${order[2]} with ${share(order[2])}.`;
    }
    say(keyboard.down ? `Pen down. ${box.textContent}` : box.textContent);
  }

  function showStages() {
    const first = find("stage-ink", "canvas");
    const context = context2d(first);
    context.clearRect(0, 0, first.width, first.height);
    context.drawImage(paper, 0, 0, first.width, first.height);
    const { box, boxed, image } = normalized;
    const on = find("normalise", "input").checked;
    if (box) {
      const scale = first.width / SIDE;
      const shown = on ? box : { left: 0, top: 0, width: SIDE, height: SIDE };
      context.strokeStyle = "#b8500b";
      context.lineWidth = 2;
      context.strokeRect(shown.left * scale + 1, shown.top * scale + 1, shown.width * scale - 2, shown.height * scale - 2);
    }
    const second = find("stage-box", "canvas");
    const small = new Uint8Array(400);
    if (boxed) {
      const left = (20 - boxed.width) >> 1;
      const top = (20 - boxed.height) >> 1;
      boxed.pixels.forEach((value, i) => (small[(top + Math.floor(i / boxed.width)) * 20 + left + (i % boxed.width)] = value));
    }
    Diagram.paint(second, small, 0, 255, "ink");
    second.parentElement?.classList.toggle("play-off", !on);
    Diagram.paint(find("stage-image", "canvas"), image, 0, 255, "ink");
    find("normalise-note", "p").textContent = on ? "" : "Off: the whole paper is scaled to 28 × 28 as it is. Small or off-centre digits now fail.";
  }

  // --- one unit ----------------------------------------------------------------------------------------------------

  /**
   * Open a map, at its strongest unit. For the scores, `map` is the digit.
   *
   * @param {Layer} layer
   * @param {number} map
   * @param {HTMLElement} button
   */
  function openMap(layer, map, button) {
    opener = button;
    if (layer === "logits") {
      unit = { layer, map: 0, row: 0, column: map };
    } else {
      const { rows, columns } = Diagram.LAYERS[layer];
      const values = Diagram.valuesOf(layer, activations, normalized.image).slice(map * rows * columns, (map + 1) * rows * columns);
      let best = 0;
      values.forEach((value, i) => (best = value > values[best] ? i : best));
      unit = { layer, map, row: Math.floor(best / columns), column: best % columns };
    }
    showUnit();
    say(find("unit", "p").textContent || "");
    find("map", "canvas").focus({ preventScroll: true });
    const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById("play-inspector")?.scrollIntoView({ block: "nearest", behavior: calm ? "auto" : "smooth" });
  }

  /**
   * @param {number} row
   * @param {number} column
   */
  function chooseUnit(row, column) {
    const { rows, columns } = Diagram.LAYERS[unit.layer];
    unit.row = Math.max(0, Math.min(rows - 1, row));
    unit.column = Math.max(0, Math.min(columns - 1, column));
    showUnit();
    say(find("unit", "p").textContent || "");
  }

  function showUnit() {
    const channel = find("channel", "select");
    find("channel-label", "label").hidden = unit.layer !== "conv2";
    const { sentence, details } = Diagram.explain(unit, weights, activations, normalized.image, Number(channel.value));
    find("unit", "p").textContent = sentence;
    find("sum", "div").replaceChildren(details);
    const map = find("map", "canvas");
    map.setAttribute("aria-label", `${Diagram.mapName(unit.layer, unit.map)}, large. Arrow keys choose a unit.`);
    Diagram.drawLarge(map, unit, activations, normalized.image);
    Diagram.drawField(find("field", "canvas"), unit, normalized.image);
    Diagram.mark(unit);
    const { top, left, size } = Diagram.seen(unit);
    find("field-text", "p").textContent =
      size === 28
        ? "It sees the whole input."
        : size === 1
          ? "One pixel of the input."
          : `It sees ${size} × ${size} pixels of the input: rows ${top} to ${top + size - 1}, columns ${left} to ${left + size - 1}.`;
  }

  function listenToMap() {
    const map = find("map", "canvas");
    /** @param {PointerEvent} event */
    const choose = (event) => {
      const { rows, columns } = Diagram.LAYERS[unit.layer];
      const { left, top, width, height } = map.getBoundingClientRect();
      chooseUnit(Math.floor(((event.clientY - top) / height) * rows), Math.floor(((event.clientX - left) / width) * columns));
    };
    map.addEventListener("pointerdown", choose);
    map.addEventListener("pointermove", (event) => {
      if (event.buttons === 1) choose(event);
    });
    /** @type {Record<string, [number, number]>} */
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    map.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (event.key in steps) chooseUnit(unit.row + steps[event.key][0], unit.column + steps[event.key][1]);
      else if (event.key === "Escape" && opener) opener.focus();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    const channel = find("channel", "select");
    channel.append(element("option", { value: "-1" }, "the map that adds most"));
    for (let i = 0; i < 10; i++) channel.append(element("option", { value: String(i) }, `map ${i}`));
    channel.addEventListener("change", showUnit);
  }

  // --- why? --------------------------------------------------------------------------------------------------------

  /** @type {Generator<number, Float32Array, void> | null} an occlusion that is being worked out. */
  let working = null;
  /** What the kept occlusion is of: recognises that it is asked for again. */
  let occluded = "";

  function askWhy() {
    const chosen = document.querySelector('input[name="play-why"]:checked');
    const way = chosen instanceof HTMLInputElement ? chosen.value : "saliency";
    const canvas = find("why", "canvas");
    const text = find("why-text", "p");
    if (way !== "occlusion" || isEmpty()) {
      working = null;
      occluded = "";
    }
    if (isEmpty()) {
      text.textContent = "Draw a digit, and ask.";
      return drawHeat(canvas, new Float32Array(784));
    }
    const read = reading();
    if (way === "occlusion") return askOcclusion(read);
    const heat = Engine.saliency(weights, activations, way === "saliency" ? read : target());
    if (way === "saliency") {
      text.textContent = `Orange: a little more ink here would raise the score of ${read}. Blue: it would lower it.`;
    } else if (target() === read) {
      heat.fill(0);
      text.textContent = `It is read as a ${read} already. Choose another digit.`;
    } else {
      const own = Engine.saliency(weights, activations, read);
      heat.forEach((value, i) => (heat[i] = value - own[i]));
      text.textContent = `Orange: more ink here would move it from ${read} towards ${target()}. Blue: less ink here would.`;
    }
    drawHeat(canvas, heat);
  }

  function listenToQuestions() {
    const choices = [...document.querySelectorAll('input[name="play-why"]')];
    for (const choice of choices) choice.addEventListener("change", schedule);
    const other = find("target", "select");
    for (let digit = 0; digit < 10; digit++) other.append(element("option", { value: String(digit) }, String(digit)));
    other.value = "3";
    other.addEventListener("change", () => {
      const towards = choices[choices.length - 1]; // whoever names a digit asks about it
      if (towards instanceof HTMLInputElement) towards.checked = true;
      schedule();
    });
  }

  function target() {
    return Number(find("target", "select").value);
  }

  /**
   * Coarse while the pen is down, full when it is lifted; a slice of the work before each picture, so that the pen
   * never waits.
   *
   * @param {number} digit
   */
  function askOcclusion(digit) {
    const drawing = pointer !== null || keyboard.down;
    const question = `${digit} ${drawing} ${normalized.image.join()} ${weights.name}`;
    drawHeat(find("why", "canvas"), occlusionMap);
    if (question === occluded || (working && drawing)) return; // answered, or a coarse answer is on its way
    occluded = question;
    const slices = Engine.occlusionSlices(weights, normalized.image, digit, { size: 5, stride: drawing ? 4 : 1 });
    working = slices;
    const goOn = () => {
      if (working !== slices) return; // something else has been asked meanwhile
      const step = slices.next();
      if (!step.done) {
        find("why-text", "p").textContent = `Wiping out one patch after another: ${Math.round(100 * step.value)} %`;
        return requestAnimationFrame(goOn);
      }
      working = null;
      occlusionMap = step.value;
      drawHeat(find("why", "canvas"), occlusionMap);
      find("why-text", "p").textContent =
        `Orange: without what is here, the score of ${digit} falls, by ${Diagram.shortNumber(Math.max(...occlusionMap))} at most. Blue: it rises.`;
      if (drawing) schedule(); // the ink may have changed meanwhile
    };
    requestAnimationFrame(goOn);
  }

  /**
   * Blue and orange over the digit, which darkens them.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {Float32Array} heat
   */
  function drawHeat(canvas, heat) {
    const small = element("canvas", { width: "28", height: "28" });
    const context = context2d(small);
    const image = context.createImageData(28, 28);
    const scale = Diagram.largestMagnitude(heat);
    for (let i = 0; i < 784; i++) {
      const at = 3 * Diagram.level(heat[i], scale, true);
      const light = 1 - (0.5 * normalized.image[i]) / 255;
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = Diagram.BLUE_ORANGE[at + c] * light;
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    Diagram.enlarge(canvas, small);
  }

  // --- test digits -------------------------------------------------------------------------------------------------

  function buildDigits() {
    for (const digit of given.digitlabDigits) {
      const pixels = Engine.decodeBase64(digit.pixels);
      const canvas = element("canvas", { width: "28", height: "28", "aria-hidden": "true" });
      Diagram.paint(canvas, pixels, 0, 255, "ink");
      const wrong = digit.read !== undefined;
      const name = wrong ? `Test digit ${digit.label}, misread as ${digit.read}` : `Test digit ${digit.label}`;
      const caption = element("span", { "aria-hidden": "true" }, wrong ? `${digit.label}, read ${digit.read}` : String(digit.label));
      const button = element("button", { type: "button", "aria-label": name, title: digit.source }, canvas, caption);
      button.addEventListener("click", () => {
        putPixels(pixels);
        find("reading", "p").scrollIntoView({ block: "nearest" }); // on a phone it may be far above
      });
      find(wrong ? "misread" : "presets", "div").append(button);
    }
    find("misread-note", "p").hidden = !given.digitlabDigits.some((digit) => digit.read !== undefined);
  }

  // --- links and copies --------------------------------------------------------------------------------------------

  const LINK = "#digit=";

  /**
   * What the network was given, as the end of a link: bytes, where a run of n zeros is a zero and n - 1, in base64 with
   * the two characters that links do not like replaced.
   *
   * @param {Uint8Array} pixels
   */
  function toLink(pixels) {
    let bytes = "";
    for (let i = 0; i < 784; i++) {
      bytes += String.fromCharCode(pixels[i]);
      if (pixels[i] > 0) continue;
      let run = 1;
      while (i + run < 784 && run < 256 && pixels[i + run] === 0) run++;
      bytes += String.fromCharCode(run - 1);
      i += run - 1;
    }
    return LINK + btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  /**
   * The pixels of a link, or null: anybody can write a link.
   *
   * @param {string} hash
   */
  function fromLink(hash) {
    const text = hash.slice(LINK.length);
    if (!hash.startsWith(LINK) || text.length > 2100 || !/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return null;
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const pixels = new Uint8Array(784);
    let filled = 0;
    for (let i = 0; i < bytes.length; i++) {
      const value = bytes.charCodeAt(i);
      const run = value > 0 ? 1 : bytes.charCodeAt(++i) + 1; // NaN where the link is cut off
      if (!(filled + run <= 784)) return null;
      pixels[filled] = value;
      filled += run;
    }
    return filled === 784 ? pixels : null;
  }

  function readLink() {
    if (!location.hash.startsWith(LINK)) return;
    const pixels = fromLink(location.hash);
    if (pixels) return putPixels(pixels);
    clear();
    find("copied", "p").textContent = "The link holds no digit that this page can read. It may have been cut off.";
  }

  /**
   * Copy, or where the browser does not allow that, show what is to be copied.
   *
   * @param {string} text
   * @param {string} done
   */
  async function copy(text, done) {
    const box = find("copy-text", "textarea");
    const note = find("copied", "p");
    box.hidden = true;
    try {
      await navigator.clipboard.writeText(text);
      note.textContent = done;
    } catch {
      box.value = text;
      box.hidden = false;
      box.select();
      note.textContent = "The browser does not let the page copy. Here it is, selected:";
    }
    say(note.textContent);
  }

  /** @param {Uint8Array} pixels */
  function toTensor(pixels) {
    const rows = Array.from({ length: 28 }, (_, row) => `    [${pixels.slice(28 * row, 28 * row + 28).join(", ")}],`);
    return (
      `import torch\n\n# 28 x 28 pixels, 0 paper to 255 ink, as the network gets them.\npixels = torch.tensor([\n${rows.join("\n")}\n], dtype=torch.uint8)\n` +
      `images = ((pixels.float() / 255 - ${Engine.MEAN}) / ${Engine.STD}).view(1, 1, 28, 28)\n`
    );
  }

  function listenToCopies() {
    find("link", "button").addEventListener("click", () => {
      if (isEmpty()) return void (find("copied", "p").textContent = "Draw a digit first.");
      history.replaceState(null, "", toLink(normalized.image));
      copy(location.href, "The link is copied. It holds the digit, and nothing is stored anywhere.");
    });
    find("tensor", "button").addEventListener("click", () => copy(toTensor(normalized.image), "Copied: paste it into Python."));
    window.addEventListener("hashchange", readLink);
  }

  // --- which model -------------------------------------------------------------------------------------------------

  /** @param {Weights} chosen */
  function useModel(chosen) {
    weights = chosen;
    occluded = "";
    find("model-name", "strong").textContent = weights.name;
    find("model-measured", "span").textContent = weights.measured;
    find("course-model", "button").hidden = weights === courseWeights;
    find("model-error", "p").textContent = "";
    schedule();
  }

  function listenToModel() {
    const file = find("file", "input");
    file.addEventListener("change", async () => {
      const chosen = file.files?.[0];
      if (!chosen) return;
      try {
        if (chosen.size > 1_000_000) throw new Error("This file is too large for weights of this network, which take 60 KB.");
        useModel(Engine.parseWeights(await chosen.text()));
      } catch (error) {
        const reason = error instanceof Error ? error.message : "The file cannot be read.";
        find("model-error", "p").textContent = `${chosen.name} was not loaded. ${reason} The page still runs: ${weights.name}.`;
      }
      file.value = ""; // the same file, mended, can be chosen again
    });
    find("course-model", "button").addEventListener("click", () => {
      useModel(courseWeights);
      file.focus();
    });
  }

  // --- begin -------------------------------------------------------------------------------------------------------

  listenToQuestions();
  find("normalise", "input").addEventListener("change", schedule);
  Diagram.build(find("network", "div"), openMap);
  buildDigits();
  listenToPen();
  listenToKeys();
  listenToMap();
  listenToCopies();
  listenToModel();
  useModel(courseWeights);
  readLink();
  document.getElementById("playground")?.removeAttribute("hidden");
})();
