// Lessons 10 and 11: the ten numbers that a network answers with, as bars.

"use strict";

digitlab.ten = (() => {
  const { element } = digitlab.dom;

  /** The digit with the largest value: what is read. @param {ArrayLike<number>} values */
  function best(values) {
    return Array.from(values).indexOf(Math.max(...Array.from(values)));
  }

  /**
   * Ten bars. `from` says where they begin: scores go both ways from the middle, probabilities one way from the left.
   * The digit that is read stands out. `scale` is the value of a bar that fills its side.
   *
   * @type {(label: string, from: "middle" | "left", inWords: (value: number) => string) =>
   *   {home: HTMLElement, show: (values: ArrayLike<number>, scale: number) => void}}
   */
  function bars(label, from, inWords) {
    const bars = Array.from({ length: 10 }, () => element("span", { class: "live-bar" }));
    const numbers = bars.map(() => element("span", { class: "live-number" }));
    const rows = bars.map((bar, digit) => {
      const track = element("span", { class: `live-track live-from-${from}` }, bar);
      return element("div", { class: "live-ten-row" }, element("b", {}, String(digit)), track, numbers[digit]);
    });

    /** @type {(values: ArrayLike<number>, scale: number) => void} */
    function show(values, scale) {
      const read = best(values);
      const [start, whole] = from === "middle" ? [50, 50] : [0, 100];
      bars.forEach((bar, digit) => {
        const share = Math.min(whole, (whole * Math.abs(values[digit])) / scale);
        Object.assign(bar.style, { left: `${values[digit] < 0 ? start - share : start}%`, width: `${share}%` });
        bar.classList.toggle("live-best", digit === read);
        numbers[digit].textContent = inWords(values[digit]);
      });
    }

    return { home: element("div", { class: "live-ten", role: "group", "aria-label": label }, ...rows), show };
  }

  return { best, bars };
})();
