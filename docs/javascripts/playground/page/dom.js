// Elements of the page and pictures on its canvases: found, made, painted.

"use strict";

/** @typedef {(state: State, changed: () => void) => void} Listen what sets up the events of a part of the page. */

digitlab.dom = (() => {
  /**
   * The element of an id, which must be of this kind.
   *
   * @template {keyof HTMLElementTagNameMap} K
   * @param {string} id
   * @param {K} tag
   * @returns {HTMLElementTagNameMap[K]}
   */
  function find(id, tag) {
    const found = document.getElementById(`play-${id}`);
    if (!found || found.localName !== tag) throw new Error(`The page has no ${tag} named play-${id}.`);
    return /** @type {HTMLElementTagNameMap[K]} */ (found);
  }

  /**
   * A new element with attributes, text and children.
   *
   * @template {keyof HTMLElementTagNameMap} K
   * @param {K} tag
   * @param {Record<string, string>} [attributes]
   * @param {...(Node | string)} children
   * @returns {HTMLElementTagNameMap[K]}
   */
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  /** A text that stays is left alone, or it would be read out anew. @type {(home: Element, text: string) => void} */
  function write(home, text) {
    if (home.textContent !== text) home.textContent = text;
  }

  /** @param {HTMLCanvasElement} canvas */
  function context2d(canvas) {
    const context = canvas.getContext("2d");
    if (!context) throw new Error("This browser has no canvas.");
    return context;
  }

  /**
   * Paint rows of pixels (red, green, blue, alpha) over a whole canvas, each as a rectangle, or smoothly.
   *
   * @type {(canvas: HTMLCanvasElement, pixels: Pixels, columns: number, smooth?: boolean) => void}
   */
  function paint(canvas, pixels, columns, smooth = false) {
    const rows = pixels.length / 4 / columns;
    const image = new ImageData(pixels, columns, rows);
    const context = context2d(canvas);
    if (canvas.width === columns) return context.putImageData(image, 0, 0);
    const small = element("canvas", { width: String(columns), height: String(rows) });
    context2d(small).putImageData(image, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = smooth;
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  }

  /** Grey pixels, as ink on a canvas. @type {(canvas: HTMLCanvasElement, ink: Uint8Array, columns: number) => void} */
  function paintInk(canvas, ink, columns) {
    paint(canvas, digitlab.colours.pixels(ink, 255, digitlab.colours.BLACK_WHITE), columns);
  }

  /**
   * A frame that shows on light and on dark.
   *
   * @type {(context: CanvasRenderingContext2D, x: number, y: number, size: number) => void}
   */
  function outline(context, x, y, size) {
    const inset = size < 12 ? -3 : 2; // around a small thing, within a large one
    for (const [colour, width] of /** @type {[string, number][]} */ ([["#fff", 7], ["#b8500b", 4]])) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(x + inset, y + inset, size - 2 * inset, size - 2 * inset);
    }
  }

  /** Whether the reader wants no motion: then there are stills. */
  function calm() {
    return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  /** @type {Record<string, Point>} */
  const ARROWS = {
    ArrowLeft: { x: -1, y: 0 },
    ArrowRight: { x: 1, y: 0 },
    ArrowUp: { x: 0, y: -1 },
    ArrowDown: { x: 0, y: 1 },
  };

  /**
   * Listen to the keys while an element has the focus. What `press` says it has used goes no further.
   *
   * @type {(home: HTMLElement, press: (key: string, arrow: Point | undefined, shift: boolean) => boolean) => void}
   */
  function onKey(home, press) {
    home.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (!press(event.key, ARROWS[event.key], event.shiftKey)) return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /**
   * Listen to the mouse, a finger or a pen on a canvas, one of them at a time: where it sets down, each way it goes, and
   * when it is lifted. Places are in pixels of a drawing that is `side` wide, whatever size the page shows it in.
   *
   * @type {(paper: HTMLCanvasElement, side: number, pen: {down: (at: Point) => void,
   *   move: (from: Point, to: Point) => void, up: () => void}) => void}
   */
  function onPen(paper, side, { down, move, up }) {
    let pointer = /** @type {number | null} */ (null);
    let last = { x: 0, y: 0 };
    // The page may be scrolled or resized at any time, so the paper is asked each time where it is.
    const place = (/** @type {PointerEvent} */ event) => {
      const { left, top, width, height } = paper.getBoundingClientRect();
      return { x: ((event.clientX - left) / width) * side, y: ((event.clientY - top) / height) * side };
    };
    const end = () => {
      if (pointer === null) return;
      pointer = null;
      up();
    };
    // Without this a browser that takes a quick stroke for a flick swallows the next tap.
    paper.addEventListener("touchstart", (event) => event.preventDefault(), { passive: false });
    paper.addEventListener("pointerdown", (event) => {
      if (pointer !== null || event.button !== 0) return;
      pointer = event.pointerId;
      try {
        paper.setPointerCapture(pointer);
      } catch {
        // It is gone already: the stroke is a dot.
      }
      last = place(event);
      down(last);
    });
    paper.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      if (event.buttons === 0) return end(); // it was let go where nobody saw it
      const steps = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const step of steps.length ? steps : [event]) {
        const next = place(step);
        if (next.x === last.x && next.y === last.y) continue;
        move(last, next);
        last = next;
      }
    });
    for (const name of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
      paper.addEventListener(name, (event) => {
        if (event.pointerId === pointer) end();
      });
    }
    window.addEventListener("blur", end);
  }

  return { find, element, write, context2d, paint, paintInk, outline, calm, onPen, onKey };
})();
