// Trains with the playground's own scripts on what test_learn.py has put into a folder, and leaves the answers there.
// node learn_parity.js TASK FOLDER
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const docs = path.join(__dirname, "..", "docs");
const names = /javascripts\/playground\/(?:digitlab|core\/\w+)\.js/g; // in the order in which the page loads them
for (const name of fs.readFileSync(path.join(docs, "playground.md"), "utf8").match(names)) {
  vm.runInThisContext(fs.readFileSync(path.join(docs, name), "utf8"), { filename: name });
}
const { learning, network, gradients, progress } = digitlab;

const [task, folder] = process.argv.slice(2);
const readJson = (name) => JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));
const write = (name, tensors) => {
  for (const [key, values] of Object.entries(tensors)) {
    fs.writeFileSync(path.join(folder, `${name}.${key}.bin`), new Uint8Array(values.buffer));
  }
};
const digits = () => {
  const bytes = new Uint8Array(fs.readFileSync(path.join(folder, "digits.bin")));
  const count = bytes.length / 785;
  return { images: bytes.subarray(0, 784 * count), labels: bytes.subarray(784 * count) };
};

const tasks = {
  // The sum of the gradients of all digits' losses, and the losses.
  gradients() {
    const learner = learning.createLearner(readJson("job.json").seed);
    const { images, labels } = digits();
    write("weights", learner.weights.tensors);
    const losses = Array.from(labels, (label, i) => {
      const activations = network.forward(learner.weights, images.subarray(784 * i, 784 * (i + 1)));
      gradients.backward(learner.weights, activations, label, learner.gradients);
      return gradients.crossEntropy(activations.fc2, label);
    });
    write("gradients", learner.gradients);
    return losses;
  },

  // Some steps, and which digits each of them saw.
  steps() {
    const { seed, steps, settings } = readJson("job.json");
    const learner = learning.createLearner(seed);
    write("before", learner.weights.tensors);
    const made = Array.from({ length: steps }, () => {
      const loss = learning.step(learner, digits(), settings);
      const last = learner.seen % learner.order.length || learner.order.length;
      return { loss, batch: Array.from(learner.order.subarray(last - learning.BATCH, last)) };
    });
    write("after", learner.weights.tensors);
    return made;
  },

  // What the page would say after each list of orders to a trainer, once it rests.
  async orders() {
    const { packed, orders } = readJson("job.json");
    let rest = () => {};
    let kept = null;
    let latest = null;
    let now = progress.begin({});
    const trainer = digitlab.createTrainer((news) => {
      kept = news.kept ?? kept;
      if (kept && !news.error) progress.add(now, news, kept.labels);
      latest = news;
      if (!news.working) rest();
    }, 50);
    const answers = [];
    for (const order of orders) {
      if ("restart" in order) now = progress.begin({});
      const rested = new Promise((done) => (rest = done));
      await trainer(order);
      if (!("settings" in order)) await Promise.race([rested, new Promise((done) => setTimeout(done, "load" in order ? 0 : 250_000))]);
      answers.push({
        error: latest?.error,
        words: progress.words(now),
        seen: now.seen,
        steps: now.losses.length,
        loss: now.smooth[now.smooth.length - 1],
        right: now.right,
        filters: latest ? Array.from(latest.tensors["conv1.weight"]) : [],
      });
    }
    if (kept) fs.writeFileSync(path.join(folder, "kept.bin"), Buffer.concat([kept.images, kept.labels]));
    return answers;
  },
};

Promise.resolve(tasks[task]()).then((answer) => {
  fs.writeFileSync(path.join(folder, "answer.json"), JSON.stringify(answer));
  process.exit(0);
});
