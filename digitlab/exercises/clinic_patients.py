"""The twelve patients of the bug clinic: a healthy trainer, and for each patient the edits that made it ill.

Do not read this before lesson 14: it holds the cures. The trainers have no docstrings and no comments, because
learners are shown them as they are. How they are examined is in `digitlab.exercises.clinic`.
"""
# ruff: noqa: D101, D102, D103

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.data import DigitLoader, Digits
from digitlab.training import Scores, evaluate


@dataclass(frozen=True)
class Findings:
    """What a trainer hands over.

    Attributes:
        model: takes normalised images ``(B, 1, 28, 28)`` and returns logits ``(B, 10)``.
        losses: the training loss at each step, in nats.
        reported_accuracy: what the owner says of the model, 0..1.
        reported_loss: the owner's mean loss on the test digits, in nats.
    """

    model: nn.Module
    losses: list[float]
    reported_accuracy: float
    reported_loss: float


def small_network() -> nn.Sequential:
    """784 pixels, 64 units, 10 logits: short to train, and hard to break."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))


def dropout_network() -> nn.Sequential:
    """The same with dropout on the pixels and on the units, explained in lesson 11."""
    flatten, hidden, relu, last = small_network()
    return nn.Sequential(flatten, nn.Dropout(0.5), hidden, relu, nn.Dropout(0.5), last)


def deep_network() -> nn.Sequential:
    """Nine linear layers, batch normalisation after all but the last. Without it, no signal would reach the end."""
    layers: list[nn.Module] = [nn.Flatten()]
    for width in (784, *[32] * 7):
        layers += [nn.Linear(width, 32), nn.BatchNorm1d(32), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(32, 10))


def batches(digits: Digits, epochs: int, *, shuffle: bool = True) -> Iterator[tuple[Tensor, Tensor]]:
    """Normalised batches of 50 with their labels, for several epochs in one loop.

    Examples:
        >>> from digitlab.data import load_sample
        >>> sum(len(labels) for images, labels in batches(load_sample("test"), epochs=2))
        4000
    """
    loader = DigitLoader(digits, batch_size=50, shuffle=shuffle)
    for _ in range(epochs):
        yield from loader


def examine(model: nn.Module, losses: list[float], test: Digits) -> Findings:
    """Measure a trained model as it should be done, and report that."""
    scores = measure(model, test)
    return Findings(model, losses, scores.accuracy, scores.loss)


def measure(model: nn.Module, digits: Digits) -> Scores:
    """Loss and accuracy on some digits."""
    return evaluate(model, DigitLoader(digits, batch_size=500, shuffle=False))


def healthy(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(train, epochs=6):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


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


@dataclass(frozen=True)
class Case:
    """One sick trainer.

    Attributes:
        number: 1..12.
        complaint: what its owner says.
        fault: its name in `digitlab.exercises.clinic.FAULTS`.
        sick: what was changed in the healthy trainer's code: ``old, new, old, new``.
        remedy: the reference cure, what should be changed in the sick code.
        lesson: what to remember, said when it is cured.
        parts: classes that belong to the trainer's code.
    """

    number: int
    complaint: str
    fault: str
    sick: tuple[str, ...]
    remedy: tuple[str, ...]
    lesson: str
    parts: tuple[type, ...] = ()


_MEASURED_BY_HAND = (
    "return examine(model, losses, test)",
    "logits = model(dl.normalize(test.images))\n"
    "    loss = F.cross_entropy(logits, test.labels)\n"
    "    return Findings(model, losses, dl.accuracy(logits, test.labels), loss.item())",
)

CASES = (
    Case(
        1,
        "It learns, but it gets stuck. The loss will not go below one and a half, whatever I do.",
        fault="softmax before cross-entropy",
        sick=(
            *("epochs=6", "epochs=4"),
            "loss = F.cross_entropy(model(images)",
            "probabilities = model(images).softmax(dim=1)\n        loss = F.cross_entropy(probabilities",
        ),
        remedy=(".softmax(dim=1)", "", "probabilities =", "logits =", "(probabilities", "(logits"),
        lesson="cross_entropy applies the softmax itself. A loss that ends near 1.46 means that it was applied twice.",
    ),
    Case(
        2,
        "It begins so well! And then, after a few steps, it goes mad.",
        fault="missing zero_grad",
        sick=("        optimizer.zero_grad()\n", ""),
        remedy=("loss.backward()\n", "optimizer.zero_grad()\n        loss.backward()\n"),
        lesson="backward() adds to what is in .grad already. Without zero_grad each step follows the whole past.",
    ),
    Case(
        3,
        "I measured the loss before the training, to have something to compare with. Now it will not learn.",
        fault="eval mode never left",
        sick=(
            "model, losses = small_network(), []",
            "model = deep_network()\n"
            "    model.eval()\n"
            "    losses = [F.cross_entropy(model(dl.normalize(train.images)), train.labels).item()]",
        ),
        remedy=("optimizer =", "model.train()\n    optimizer ="),
        lesson="eval() is a switch that stays where it was put. Whoever measures puts it back, as dl.evaluate does.",
    ),
    Case(
        4,
        "Each time I measure my model I get another accuracy, and never a good one. The digits are the same!",
        fault="eval mode never entered",
        sick=("small_network", "dropout_network", *_MEASURED_BY_HAND),
        remedy=("logits =", "model.eval()\n    logits ="),
        lesson="The model was better than its owner knew: half of it was switched off by dropout during the exam.",
    ),
    Case(
        5,
        "I tidied my data first, all zeros, then all ones, and so on. And it reads so many digits as 8 or 9!",
        fault="data sorted by class",
        sick=(
            *("optimizer =", "train = train[train.labels.argsort()]\n    optimizer ="),
            *("epochs=6", "epochs=6, shuffle=False"),
        ),
        remedy=(", shuffle=False", ""),
        lesson="A batch should look like the whole set. Whoever sees only nines for a while forgets the rest.",
    ),
    Case(
        6,
        "The first image was damaged, so I left it out. Now the loss hardly moves. Is the network too small?",
        fault="labels misaligned",
        sick=(
            "optimizer =",
            "train = dl.Digits(train.images[1:], train.labels[:-1], train.name, train.split)\n    optimizer =",
        ),
        remedy=("train.labels[:-1]", "train.labels[1:]"),
        lesson="Images and labels travel in two arrays, and nothing checks that they belong together. Look at a few.",
    ),
    Case(
        7,
        "The training was perfect. In the test the loss is enormous. That must be overfitting, mustn't it?",
        fault="normalisation forgotten at test time",
        sick=(*_MEASURED_BY_HAND, "dl.normalize(test.images)", "test.images[:, None].float()"),
        remedy=("test.images[:, None].float()", "dl.normalize(test.images)"),
        lesson="What is done to a picture in training must be done in use: the same function, not a similar line.",
    ),
    Case(
        8,
        "I was in a hurry.",
        fault="learning rate too high",
        sick=("lr=0.1", "lr=1.0"),
        remedy=("lr=1.0", "lr=0.1"),
        lesson="Steps too long do not arrive sooner, they leap over the valley. Divide by ten until the loss falls.",
    ),
    Case(
        9,
        "It learns, I can see the loss going down. It only needs more time. A week, perhaps?",
        fault="learning rate too low",
        sick=("lr=0.1", "lr=0.0001"),
        remedy=("lr=0.0001", "lr=0.1"),
        lesson="It was walking the right way, a thousand times too slowly. Multiply by ten until it gets worse.",
    ),
    Case(
        10,
        "Hardly an error in the test, with so few digits to learn from! I shall write a paper about it.",
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
    ),
    Case(
        11,
        "My colleague measures the same model on the same digits, and we do not agree on the loss.",
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
    ),
    Case(
        12,
        "I rewrote my layers as a list, it is so much tidier. Since then it learns badly.",
        fault="weights not registered",
        sick=("small_network", "Stack", "lr=0.1", "lr=0.05", "epochs=6", "epochs=8"),
        remedy=("[nn.Linear(784, 64), ", "nn.ModuleList([nn.Linear(784, 64), ", ", 64)]", ", 64)])"),
        lesson="A plain list hides its layers from parameters(), so no optimiser moves them. nn.ModuleList shows them.",
        parts=(Stack,),
    ),
)
"""In the order of the lesson."""
