// Runs the playground's engine on what test_engine.py has put into a folder, and leaves the answers there.
// node engine_parity.js ENGINE TASK FOLDER
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const [enginePath, task, folder] = process.argv.slice(2);
const Engine = require(path.resolve(enginePath));
const read = (name) => new Uint8Array(fs.readFileSync(path.join(folder, name)));
const readJson = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));
const write = (name, arrays) => fs.writeFileSync(path.join(folder, name), Buffer.concat(arrays.map(bytesOf)));
const bytesOf = (array) => Buffer.from(array.buffer.slice(array.byteOffset, array.byteOffset + array.byteLength));
const weights = () => Engine.parseWeights(fs.readFileSync(path.join(folder, "weights.js"), "utf8"));

function images() {
  const all = read("images.bin");
  return Array.from({ length: all.length / 784 }, (_, i) => all.slice(784 * i, 784 * (i + 1)));
}

const tasks = {
  activations() {
    const w = weights();
    const all = images().map((image) => Engine.forward(w, image));
    for (const name of Object.keys(Engine.SHAPES)) write(`${name}.bin`, all.map((activations) => activations[name]));
    return { name: w.name, measured: w.measured, shapes: Engine.SHAPES };
  },

  reuse() {
    const w = weights();
    const [first, second] = images();
    const fresh = Engine.forward(w, second);
    const reused = Engine.forward(w, second, Engine.forward(w, first));
    return Object.keys(fresh).every((name) => bytesOf(fresh[name]).equals(bytesOf(reused[name])));
  },

  saliency() {
    const w = weights();
    const targets = readJson("targets.json");
    write("saliency.bin", images().map((image, i) => Engine.saliency(w, Engine.forward(w, image), targets[i])));
  },

  occlusion() {
    const w = weights();
    const { targets, options } = readJson("targets.json");
    write("occlusion.bin", images().map((image, i) => Engine.occlusion(w, image, targets[i], options)));
  },

  // A clock that goes 4 milliseconds on whenever it is looked at: what would be slow is slow in the same way always.
  slices() {
    let now = 0;
    Object.defineProperty(globalThis, "performance", { value: { now: () => (now += 4) } });
    const w = weights();
    const [image] = images();
    const whole = Engine.occlusion(w, image, 7);
    const progress = [], lengths = [];
    const slices = Engine.occlusionSlices(w, image, 7);
    for (let began = now; ; began = now) {
      const step = slices.next();
      lengths.push(now - began);
      if (step.done) return { progress, lengths, equal: bytesOf(step.value).equals(bytesOf(whole)) };
      progress.push(step.value);
      image.fill(255); // the pen goes on drawing
    }
  },

  normalize() {
    const ink = read("ink.bin");
    let at = 0;
    return readJson("drawings.json").map(({ width, height }) => {
      const drawing = ink.subarray(at, (at += width * height));
      const plain = (array) => Array.from(array);
      const { box, boxed, image } = Engine.normalize(drawing, width, height);
      const off = Engine.normalize(drawing, width, height, { centre: false });
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
        const side = Engine.SHAPES[layer][1];
        const units = Array.from({ length: side * side }, (_, i) => [Math.floor(i / side), i % side]);
        return [layer, units.map(([row, column]) => Engine.receptiveField(layer, row, column))];
      }),
    );
  },

  // What each text does: null where it is taken, else the error.
  texts() {
    return readJson("texts.json").map((text) => {
      try {
        Engine.parseWeights(text);
        return null;
      } catch (error) {
        return { kind: error.constructor.name, message: error.message };
      }
    });
  },

  // Wrong arguments. Each must throw an Error of its own.
  misuse() {
    const w = weights();
    const [image] = images();
    const activations = Engine.forward(w, image);
    const calls = [
      () => Engine.saliency(w, activations, 10),
      () => Engine.saliency(w, activations, NaN),
      () => Engine.occlusion(w, image, -1),
      () => Engine.occlusion(w, image, 3, { size: 3, stride: 4 }),
      () => Engine.occlusion(w, image, 3, { stride: 0 }),
      () => Engine.occlusion(w, image, 3, { size: 29 }),
      () => Engine.normalize(new Uint8Array(10), 3, 3),
      () => Engine.normalize(new Uint8Array(0), 0, 0),
      () => Engine.receptiveField("fc1", 0, 0),
      () => Engine.receptiveField("constructor", 0, 0),
      () => Engine.receptiveField("conv2", 8, 0),
    ];
    return calls.map((call) => {
      try {
        call();
        return null;
      } catch (error) {
        return error.constructor === Error ? error.message : `${error}`.toUpperCase();
      }
    });
  },
};

fs.writeFileSync(path.join(folder, "answer.json"), JSON.stringify(tasks[task]() ?? null));
