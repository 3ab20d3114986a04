"""The twelve patients of the bug clinic: for each, the edits that made the healthy trainer ill.

Do not read this before lesson 14: it holds the cures. `Stack` has no docstring, because learners are shown it as it
is. How patients are examined is in `digitlab.exercises.clinic`.
"""
# ruff: noqa: D101, D102

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


class Stack(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden = [nn.Linear(784, 64), nn.Linear(64, 64), nn.Linear(64, 64)]
        self.last = nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = images.flatten(1)
        for layer in self.hidden:
            x = layer(x).relu()
        logits: Tensor = self.last(x)
        return logits


@dataclass(frozen=True, kw_only=True)
class Case:
    """One sick trainer. What was changed is given as texts to replace, ``old, new, old, new``."""

    complaint: str  # what its owner says
    fault: str  # its name in clinic_signs.FAULTS
    sick: tuple[str, ...]  # what was changed in the healthy trainer's code
    remedy: tuple[str, ...]  # the reference cure: what should be changed in the sick code
    lesson: str  # what to remember, said when it is cured
    measure: str  # the first hint
    look: str  # the second
    change: str  # the third
    parts: tuple[type, ...] = ()  # classes that belong to the trainer's code


_MEASURED_BY_HAND = (
    "return examine(model, losses, test)",
    "logits = model(dl.normalize(test.images))\n"
    "    loss = F.cross_entropy(logits, test.labels)\n"
    "    return Findings(model, losses, dl.accuracy(logits, test.labels), loss.item())",
)

CASES = {
    1: Case(
        complaint="It learns, and then it gets stuck, high up. Is the network too small?",
        fault="softmax before cross-entropy",
        sick=(
            *("epochs=6", "epochs=4"),
            "loss = F.cross_entropy(model(images)",
            "probabilities = model(images).softmax(dim=1)\n        loss = F.cross_entropy(probabilities",
        ),
        remedy=(".softmax(dim=1)", "", "probabilities =", "logits =", "(probabilities", "(logits"),
        lesson="cross_entropy applies the softmax itself. Applied twice, it keeps the loss above 1.46.",
        measure="Where does its loss level off? Compare with -log(e / (e + 9)), the least that it can reach.",
        look="What does cross_entropy expect: logits or probabilities? Look at what it is given.",
        change="Give the model's logits to cross_entropy as they are: the softmax is in it already.",
    ),
    2: Case(
        complaint="It begins so well! And then, after a few steps, it goes mad.",
        fault="missing zero_grad",
        sick=("        optimizer.zero_grad()\n", ""),
        remedy=("loss.backward()\n", "optimizer.zero_grad()\n        loss.backward()\n"),
        lesson="backward() adds to what is in .grad already. Without zero_grad each step follows the whole past.",
        measure="Print the size of a gradient, model[1].weight.grad.norm(), for the first ten steps.",
        look="What does backward() do with the numbers that are in .grad already?",
        change="The gradients of the last step must be cleared before the next backward().",
    ),
    3: Case(
        complaint="It will not learn at all, and I have built it with such care.",
        fault="eval mode never left",
        sick=(
            "model, losses = small_network(), []",
            "model = deep_network()\n"
            "    model.eval()\n"
            "    losses = [F.cross_entropy(model(dl.normalize(train.images)), train.labels).item()]",
        ),
        remedy=("optimizer =", "model.train()\n    optimizer ="),
        lesson="eval() is a switch that stays where it was put. Whoever measures puts it back, as dl.evaluate does.",
        measure="Print model.training inside the loop.",
        look="Which line changes how batch normalisation works? Which line changes it back?",
        change="Put the model into training mode again before the first step, or do not take it out.",
    ),
    4: Case(
        complaint="A good network, as far as I can see, and my test result is poor. I must have overfitted.",
        fault="eval mode never entered",
        sick=("small_network", "dropout_network", *_MEASURED_BY_HAND),
        remedy=("logits =", "model.eval()\n    logits ="),
        lesson="The model was better than its owner knew: half of it was switched off by dropout during the exam.",
        measure="Measure its model twice on the same digits. Then measure a healthy one twice.",
        look="What does dropout do while the test digits are read? Look below the loop.",
        change="Put the model into evaluation mode before its logits for the test are computed.",
    ),
    5: Case(
        complaint="Up and down it goes, and it reads so many digits as 8 or 9! Are those the easiest ones?",
        fault="data sorted by class",
        sick=(
            *("optimizer =", "train = train[train.labels.argsort()]\n    optimizer ="),
            *("epochs=6", "epochs=6, shuffle=False"),
        ),
        remedy=(", shuffle=False", ""),
        lesson="A batch should look like the whole set. Whoever sees only nines for a while forgets the rest. (In the "
        "order in which they were, unshuffled, these digits do no harm: they come mixed. Files need not be.)",
        measure="Print the labels of the first three batches.",
        look="In which order do the digits come, and which lines decide on that?",
        change="Let the batches be shuffled again, or leave the digits in the order in which they were.",
    ),
    6: Case(
        complaint="The loss hardly moves. Is the network too small?",
        fault="labels misaligned",
        sick=(
            "optimizer =",
            "train = dl.Digits(train.images[1:], train.labels[:-1], train.name, train.split)\n    optimizer =",
        ),
        remedy=("train.labels[:-1]", "train.labels[1:]"),
        lesson="Images and labels travel in two arrays, and nothing checks that they belong together. Look at a few.",
        measure="Show twelve of its training images with their labels.",
        look="How many images were left out, and how many labels? At which end?",
        change="Leave out the label of the same digit: the first one.",
    ),
    7: Case(
        complaint="The training was perfect. In the test the loss is enormous. That must be overfitting, mustn't it?",
        fault="normalisation forgotten at test time",
        sick=(*_MEASURED_BY_HAND, "dl.normalize(test.images)", "test.images[:, None].float()"),
        remedy=("test.images[:, None].float()", "dl.normalize(test.images)"),
        lesson="What is done to a picture in training must be done in use: the same function, not a similar line.",
        measure="Compare the mean and the spread of the images in a batch with those of its test images.",
        look="What do `batches` do to an image before the model sees it? Does the test do the same?",
        change="Give dl.normalize(test.images) to the model.",
    ),
    8: Case(
        complaint="It does not learn. I shall need a larger network, and a faster computer.",
        fault="learning rate too high",
        sick=("lr=0.1", "lr=1.0"),
        remedy=("lr=1.0", "lr=0.1"),
        lesson="Steps too long do not arrive sooner, they leap over the valley. Divide by ten until the loss falls.",
        measure="Print the first ten losses. Where do they go?",
        look="The network, the data and the loss are in order. What else is there in a step?",
        change="Divide the learning rate by ten.",
    ),
    9: Case(
        complaint="It learns, I can see the loss going down. It only needs more time. A week, perhaps?",
        fault="learning rate too low",
        sick=("lr=0.1", "lr=0.0001"),
        remedy=("lr=0.0001", "lr=0.1"),
        lesson="It was walking the right way, a thousand times too slowly. Multiply by ten until it gets worse.",
        measure="How far does the loss fall in one epoch? And how many epochs would it need to come to 0.2?",
        look="The network, the data and the loss are in order. What else is there in a step?",
        change="Multiply the learning rate by ten, and again, until it learns as a healthy one does.",
    ),
    10: Case(
        complaint="Hardly an error in the test, with so few digits to learn from! I shall write a paper about it.",
        fault="test images in the training data",
        sick=(
            "optimizer =",
            "images, labels = torch.cat([train.images, test.images]), torch.cat([train.labels, test.labels])\n"
            "    digits = dl.Digits(images, labels, train.name, train.split)\n"
            "    optimizer =",
            *("batches(train, epochs=6)", "batches(digits, epochs=10)"),
        ),
        remedy=("batches(digits", "batches(train"),
        lesson="It had learnt the answers by heart. Only digits that took no part in the training can tell.",
        measure="How many digits does it learn from? How many were given to it to learn from?",
        look="Compare the digits that it measures on with those that are in its batches.",
        change="Let the batches be made of the training digits alone.",
    ),
    11: Case(
        complaint="My colleague measures the same model on the same digits, and we do not agree on the loss.",
        fault="unequal batches averaged as equals",
        sick=(
            "return examine(model, losses, test)",
            "scores = [dl.evaluate(model, [batch]) for batch in dl.DigitLoader(test, 200, shuffle=False)]\n"
            "    accuracy = sum(each.accuracy for each in scores) / len(scores)\n"
            "    return Findings(model, losses, accuracy, sum(each.loss for each in scores) / len(scores))",
        ),
        remedy=(
            *("accuracy for", "accuracy * each.n for", "len(scores)\n", "len(test)\n"),
            *("loss for", "loss * each.n for", "len(scores))", "len(test))"),
        ),
        lesson="The last batch held a single digit, and counted for a third. Weigh each mean by its number of images.",
        measure="Measure with batches of 100 and with batches of 401. Do the two agree?",
        look="How many images are in each batch of the test, and how much does each batch count?",
        change="Multiply each batch's mean by its number of images, each.n, and divide the sum by len(test).",
    ),
    12: Case(
        complaint="My colleague has the same layers and the same rate as I, and hers learns. Is it bad luck?",
        fault="weights not registered",
        sick=("small_network", "Stack", "lr=0.1", "lr=0.05", "epochs=6", "epochs=8"),
        remedy=("[nn.Linear(784, 64), ", "nn.ModuleList([nn.Linear(784, 64), ", ", 64)]", ", 64)])"),
        lesson="A plain list hides its layers from parameters(), so no optimiser moves them. nn.ModuleList shows them.",
        measure="Count the parameters that the model says it has, and those that its layers should have.",
        look="How does a module come to know of its layers? Look at __init__.",
        change="Keep the layers in an nn.ModuleList instead of a plain list.",
        parts=(Stack,),
    ),
}
"""In the order of the lesson."""
