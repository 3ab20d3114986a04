// Exercises that are done: ticked by the reader, remembered by the browser, counted on the course's map. And printing.
// Without this script there are no ticks, and printing leaves the solutions out.

(() => {
  /** @param {string} number of an exercise, as in "05.1" */
  const key = (number) => `digitlab-done-${number}`;

  /** What is ticked while this page is open: a browser may refuse to remember anything. @type {Set<string>} */
  const done = new Set();

  /** @param {string} number @returns {boolean} */
  function isDone(number) {
    try {
      return localStorage.getItem(key(number)) !== null;
    } catch {
      return done.has(number);
    }
  }

  /** @param {string} number @param {boolean} ticked */
  function remember(number, ticked) {
    if (ticked) done.add(number);
    else done.delete(number);
    try {
      if (ticked) localStorage.setItem(key(number), "1");
      else localStorage.removeItem(key(number));
    } catch {
      // It holds for this page, then.
    }
  }

  /** @type {NodeListOf<HTMLInputElement>} */
  const boxes = document.querySelectorAll("input[data-exercise]");
  /** @type {NodeListOf<HTMLElement>} */
  const counts = document.querySelectorAll("[data-exercises]");

  function show() {
    for (const box of boxes) box.checked = isDone(box.dataset.exercise ?? "");
    for (const count of counts) {
      const numbers = (count.dataset.exercises ?? "").split(" ");
      const solved = numbers.filter(isDone).length;
      count.textContent = solved === 0 ? `${numbers.length} exercises` : `${solved} of ${numbers.length} done`;
      count.style.setProperty("--done", `${(100 * solved) / numbers.length}%`);
    }
  }

  for (const box of boxes) {
    box.parentElement?.removeAttribute("hidden");
    box.addEventListener("change", () => {
      remember(box.dataset.exercise ?? "", box.checked);
      show();
    });
  }
  addEventListener("storage", show); // ticked in another tab
  addEventListener("pageshow", show); // or before the reader came back to this page
  show();

  /** Print with everything unfolded, and fold it again. @param {boolean} solutions */
  function printPage(solutions) {
    /** @type {NodeListOf<HTMLDetailsElement>} */
    const all = document.querySelectorAll("details:is(.hints, .solution, .question):not([open])");
    const folded = solutions ? [...all] : [];
    document.documentElement.classList.toggle("with-solutions", solutions);
    for (const each of folded) each.open = true;
    addEventListener(
      "afterprint",
      () => {
        document.documentElement.classList.remove("with-solutions");
        for (const each of folded) each.open = false;
      },
      { once: true },
    );
    print();
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.removeAttribute("hidden");
    button.addEventListener("click", (event) => {
      event.preventDefault(); // the link is for readers without this script
      printPage(button.getAttribute("data-print") === "solutions");
    });
  }
})();
