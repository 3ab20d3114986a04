// Which lines light up when a unit is chosen: those from its strongest sources, and the strongest way on to the pixels.

"use strict";

/**
 * @typedef {{from: Unit, to: Unit, share: number}} Link
 *   `share` is what it adds, -1..1, as a part of the most that any of the unit's links adds.
 */

digitlab.links = (() => {
  const { of, largestFirst, add } = digitlab.contributions;

  /** @param {State} state */
  function lit(state) {
    const made = linksTo(state, state.unit, 12);
    let next = made[0];
    while (next && next.from.layer !== "input") {
      const deeper = linksTo(state, next.from, 4);
      made.push(...deeper);
      next = deeper[0];
    }
    return made;
  }

  /** The `most` strongest links of a unit, the strongest first; at most one from each map. */
  /** @type {(running: Running, unit: Unit, most: number) => Link[]} */
  function linksTo(running, unit, most) {
    const sources = summed(of(running, unit), unit).slice(0, most);
    const largest = sources.length ? Math.abs(sources[0].product) || 1 : 1;
    return sources.map(({ unit: from, product }) => ({ from, to: unit, share: product / largest }));
  }

  /** A convolution's 25 products of one map are one link, from the place that adds most. */
  /** @type {(contributions: Contribution[], unit: Unit) => Contribution[]} */
  function summed(contributions, { layer }) {
    if (layer.startsWith("pool")) return largestFirst(contributions).slice(0, 1);
    if (!layer.startsWith("conv")) return largestFirst(contributions);
    const maps = Array.from({ length: contributions.length / 25 }, (_, map) => contributions.slice(25 * map, 25 * map + 25));
    return largestFirst(maps.map((own) => ({ ...largestFirst(own)[0], product: add(own) })));
  }

  return { lit };
})();
