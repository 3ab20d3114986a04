// Runs those of the playground's scripts that need no browser on what test_engine.py has put into a folder, and leaves
// the answers there. node engine_parity.js TASK FOLDER
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const docs = path.join(__dirname, "..", "docs");
const names = /javascripts\/playground\/(?:digitlab|core\/\w+)\.js/g; // in the order in which the page loads them
for (const name of fs.readFileSync(path.join(docs, "playground.md"), "utf8").match(names)) {
  vm.runInThisContext(fs.readFileSync(path.join(docs, name), "utf8"), { filename: name });
}
const { network, why, ink, weightsFile, sums, words, share, changes, slide, links, contributions } = digitlab;

const [task, folder] = process.argv.slice(2);
const read = (name) => new Uint8Array(fs.readFileSync(path.join(folder, name)));
const readJson = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));
const write = (name, arrays) => fs.writeFileSync(path.join(folder, name), Buffer.concat(arrays.map(bytesOf)));
const bytesOf = (array) => Buffer.from(array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength));
// Any network will do as the one that doubts: what it says is in test_doubt.
Object.defineProperty(globalThis, "digitlabDoubter", { get: () => fs.readFileSync(path.join(folder, "weights.js"), "utf8") });
const weights = () => weightsFile.parse(fs.readFileSync(path.join(folder, "weights.js"), "utf8"));

function images() {
  const all = read("images.bin");
  return Array.from({ length: all.length / 784 }, (_, i) => all.slice(784 * i, 784 * (i + 1)));
}

function finish(slices) {
  for (;;) {
    const step = slices.next();
    if (step.done) return step.value;
  }
}

const tasks = {
  activations() {
    const w = weights();
    const all = images().map((image) => network.forward(w, image));
    for (const name of Object.keys(all[0])) write(`${name}.bin`, all.map((activations) => activations[name]));
    return { name: w.name, measured: w.measured, layers: network.LAYERS };
  },

  saliency() {
    const w = weights();
    const targets = readJson("targets.json");
    write("saliency.bin", images().map((image, i) => why.saliency(w, network.forward(w, image), targets[i])));
  },

  occlusion() {
    const w = weights();
    const { targets, options } = readJson("targets.json");
    write("occlusion.bin", images().map((image, i) => finish(why.occlusion(w, image, targets[i], options))));
  },

  // A clock that goes 4 milliseconds on whenever it is looked at: what would be slow is slow in the same way always.
  slices() {
    let now = 0;
    Object.defineProperty(globalThis, "performance", { value: { now: () => (now += 4) } });
    const w = weights();
    const [image] = images();
    const whole = finish(why.occlusion(w, image, 7));
    const progress = [], lengths = [];
    const slices = why.occlusion(w, image, 7);
    for (let began = now; ; began = now) {
      const step = slices.next();
      lengths.push(now - began);
      if (step.done) return { progress, lengths, equal: bytesOf(step.value).equals(bytesOf(whole)) };
      progress.push(step.value);
      image.fill(255); // the pen goes on drawing
    }
  },

  normalize() {
    const all = read("ink.bin");
    let at = 0;
    return readJson("drawings.json").map(({ width, height }) => {
      const drawing = all.subarray(at, (at += width * height));
      const plain = (array) => Array.from(array);
      const { box, boxed, image } = ink.normalize(drawing, width, height);
      const off = ink.normalize(drawing, width, height, false);
      return {
        box,
        boxed: boxed && { ...boxed, pixels: plain(boxed.pixels) },
        image: plain(image),
        off: { ...off, image: plain(off.image) },
      };
    });
  },

  fields() {
    const layers = ["conv1", "pool1", "conv2", "pool2"];
    return Object.fromEntries(
      layers.map((layer) => {
        const side = network.LAYERS[layer].rows;
        const units = Array.from({ length: side * side }, (_, i) => [Math.floor(i / side), i % side]);
        return [layer, units.map(([row, column]) => network.receptiveField(layer, row, column))];
      }),
    );
  },

  // What each text does: null where it is taken, else the error.
  texts() {
    return readJson("texts.json").map((text) => {
      try {
        weightsFile.parse(text);
        return null;
      } catch (error) {
        return { kind: error.constructor.name, message: error.message };
      }
    });
  },

  // The page without a page. Each step is a list: the name of a function of `changes`, or of another script ("slide
  // step"), with its arguments, or of a value with what it becomes. Answers with what the page knows after each step.
  play() {
    const state = digitlab.createState(weights());
    return readJson("steps.json").map((step) => {
      for (const [name, ...given] of step) {
        const [script, own] = name.split(" ");
        if (own) digitlab[script][own](state, ...given);
        else if (name in state) state[name] = given[0];
        else changes[name](state, ...given);
      }
      changes.update(state);
      return {
        ...state.reading,
        image: Array.from(state.normalized.image),
        inked: state.ink.reduce((sum, value) => sum + value, 0) / 255,
        unit: state.unit,
        trail: state.trail,
        filled: slide.filled(state),
        running: state.replay !== null || Boolean(state.slide?.playing),
        links: links.lit(state),
        sources: contributions.of(state, state.unit),
        sum: sums.explain(state),
        field: words.field(state.unit),
        why: state.why.text,
        working: state.occlusion.slices !== null,
        heat: Array.from(state.why.heat),
        announcement: state.announcement,
        copied: state.copied,
        link: share.toLink(state.normalized.image),
        tensor: share.toTensor(state.normalized.image),
      };
    });
  },
};

fs.writeFileSync(path.join(folder, "answer.json"), JSON.stringify(tasks[task]() ?? null));
