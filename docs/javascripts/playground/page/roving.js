// Many buttons, one stop of the tab key: within a group the arrow keys go to the next one in their direction.

"use strict";

digitlab.roving = (() => {
  const { onKey } = digitlab.dom;

  /** Make a group of what a selector finds in it, now and later. @type {(home: HTMLElement, selector: string) => void} */
  function group(home, selector) {
    settle(home, selector);
    home.addEventListener("focusin", (event) => {
      const item = event.target instanceof Element ? event.target.closest(selector) : null;
      if (item) stopAt(items(home, selector), item);
    });
    onKey(home, (key, arrow) => {
      const shown = items(home, selector);
      const current = shown.find((item) => item === document.activeElement);
      if (!current || (current instanceof HTMLSelectElement && arrow?.y)) return false; // its own keys
      const next = arrow ? nearest(shown, current, arrow) : { Home: shown[0], End: shown[shown.length - 1] }[key];
      if (!next) return arrow !== undefined;
      next.focus();
      return true;
    });
  }

  /** See that a group whose items have changed has one stop. @type {(home: HTMLElement, selector: string) => void} */
  function settle(home, selector) {
    const shown = items(home, selector);
    stopAt(shown, shown.find((item) => item.tabIndex === 0) ?? shown[0]);
  }

  /** @type {(shown: HTMLElement[], stop: Element | undefined) => void} */
  function stopAt(shown, stop) {
    for (const item of shown) item.tabIndex = item === stop ? 0 : -1;
  }

  /** @type {(home: HTMLElement, selector: string) => HTMLElement[]} */
  function items(home, selector) {
    const found = /** @type {NodeListOf<HTMLElement>} */ (home.querySelectorAll(selector));
    return [...found].filter((item) => item.offsetParent !== null);
  }

  /**
   * The nearest item in a direction, where a step aside counts thrice.
   *
   * @type {(shown: HTMLElement[], current: HTMLElement, arrow: Point) => HTMLElement | undefined}
   */
  function nearest(shown, current, arrow) {
    const middle = (/** @type {HTMLElement} */ item) => {
      const { left, top, width, height } = item.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    };
    const from = middle(current);
    let best;
    let least = Infinity;
    for (const item of shown) {
      const { x, y } = middle(item);
      const along = (x - from.x) * arrow.x + (y - from.y) * arrow.y;
      const aside = Math.abs((x - from.x) * arrow.y) + Math.abs((y - from.y) * arrow.x);
      if (along > 1 && along + 3 * aside < least) [best, least] = [item, along + 3 * aside];
    }
    return best;
  }

  return { group, settle };
})();
