// The kernel slid over its input, place by place, while its map fills up. It is the chosen unit that moves.

"use strict";

digitlab.slide = (() => {
  const { LAYERS } = digitlab.network;
  const { indexOf, unitAt } = digitlab.contributions;

  /** @param {State} state */
  function possible({ unit }) {
    return unit.layer.startsWith("conv");
  }

  /** Begin, go on, or begin anew where the map is full. @param {State} state */
  function play(state) {
    if (!possible(state)) return;
    if (!state.slide || full(state)) moveTo(state, 0);
    state.slide = { playing: true, pictures: 0 };
    state.announcement = "The kernel slides.";
  }

  /** @param {State} state */
  function pause(state) {
    if (!state.slide) return;
    state.slide.playing = false;
    state.announcement = `Paused. ${digitlab.sums.explain(state).sentence}`;
  }

  /** One place on, as a still. @param {State} state */
  function step(state) {
    if (!possible(state)) return;
    moveTo(state, !state.slide || full(state) ? 0 : place(state) + 1);
    state.slide = { playing: false, pictures: 0 };
    state.announcement = digitlab.sums.explain(state).sentence;
  }

  /** What comes before the next picture: conv1 takes ten seconds, conv2, with fewer places, six. @param {State} state */
  function goOn(state) {
    const { slide } = state;
    if (!slide || !slide.playing) return;
    slide.pictures++;
    if (slide.pictures % (state.unit.layer === "conv1" ? 1 : 6) > 0) return;
    if (full(state)) {
      slide.playing = false;
      state.announcement = "The map is full.";
    } else {
      moveTo(state, place(state) + 1);
    }
  }

  /** How many numbers of its map there are up to the chosen unit. @param {State} state */
  function filled(state) {
    return state.slide ? place(state) + 1 : Infinity;
  }

  /** @param {State} state */
  function full({ unit }) {
    const { rows, columns } = LAYERS[unit.layer];
    return unit.row === rows - 1 && unit.column === columns - 1;
  }

  /** The unit's place in its own map. @param {State} state */
  function place({ unit }) {
    return indexOf({ ...unit, map: 0 });
  }

  /** @type {(state: State, place: number) => void} */
  function moveTo(state, place) {
    // Over the numbers of one map: which one adds most may change from place to place.
    if (state.channel < 0) state.channel = digitlab.sums.shownChannel(state);
    state.unit = { ...unitAt(state.unit.layer, place), map: state.unit.map };
    state.following = false;
    state.trail = [];
  }

  return { possible, play, pause, step, goOn, filled };
})();
