"""The twelve patients of the bug clinic: trainers that run without an error, each with exactly one fault.

Do not read this before lesson 12: the cures stand at the end. The functions have no docstrings and no comments,
because learners are shown them as they are. How they are examined is in `digitlab.exercises.clinic`.
"""
# ruff: noqa: D101, D102, D103

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import digitlab as dl
from digitlab.data import Digits
from digitlab.exercises.clinic import (
    Findings,
    Patient,
    batches,
    deep_network,
    dropout_network,
    examine,
    small_network,
)


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


def patient_01(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(train, epochs=4):
        probabilities = model(images).softmax(dim=1)
        loss = F.cross_entropy(probabilities, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


def patient_02(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(train, epochs=6):
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


def patient_03(train: Digits, test: Digits) -> Findings:
    model = deep_network()
    model.eval()
    losses = [F.cross_entropy(model(dl.normalize(train.images)), train.labels).item()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(train, epochs=6):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


def patient_04(train: Digits, test: Digits) -> Findings:
    model, losses = dropout_network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(train, epochs=6):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    logits = model(dl.normalize(test.images))
    loss = F.cross_entropy(logits, test.labels)
    return Findings(model, losses, dl.accuracy(logits, test.labels), loss.item())


def patient_05(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    train = train[train.labels.argsort()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(train, epochs=6, shuffle=False):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


def patient_06(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    train = dl.Digits(train.images[1:], train.labels[:-1], train.name, train.split)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(train, epochs=6):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


def patient_07(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(train, epochs=6):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    logits = model(test.images[:, None].float())
    loss = F.cross_entropy(logits, test.labels)
    return Findings(model, losses, dl.accuracy(logits, test.labels), loss.item())


def patient_08(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for images, labels in batches(train, epochs=6):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


def patient_09(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0001)
    for images, labels in batches(train, epochs=6):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


def patient_10(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    images, labels = torch.cat([train.images, test.images]), torch.cat([train.labels, test.labels])
    digits = dl.Digits(images, labels, train.name, train.split)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(digits, epochs=10):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


def patient_11(train: Digits, test: Digits) -> Findings:
    model, losses = small_network(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, labels in batches(train, epochs=6):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scores = [dl.evaluate(model, [batch]) for batch in dl.DigitLoader(test, 200, shuffle=False)]
    accuracy = sum(each.accuracy for each in scores) / len(scores)
    return Findings(model, losses, accuracy, sum(each.loss for each in scores) / len(scores))


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


def patient_12(train: Digits, test: Digits) -> Findings:
    model, losses = Stack(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for images, labels in batches(train, epochs=8):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return examine(model, losses, test)


PATIENTS = (
    Patient(
        1,
        complaint="It learns, but it gets stuck. The loss will not go below one and a half, whatever I do.",
        fault="softmax before cross-entropy",
        sick=patient_01,
        changes=(
            ("probabilities = model(images).softmax(dim=1)", "logits = model(images)"),
            ("F.cross_entropy(probabilities, labels)", "F.cross_entropy(logits, labels)"),
        ),
        lesson="cross_entropy applies the softmax itself. A loss that ends near 1.46 means that it was applied twice.",
    ),
    Patient(
        2,
        complaint="It begins so well! And then, after a few steps, it goes mad.",
        fault="missing zero_grad",
        sick=patient_02,
        changes=(("        loss.backward()\n", "        optimizer.zero_grad()\n        loss.backward()\n"),),
        lesson="backward() adds to what is in .grad already. Without zero_grad each step follows the whole past.",
    ),
    Patient(
        3,
        complaint="I measured the loss before the training, to have something to compare with. Now it will not learn.",
        fault="eval mode never left",
        sick=patient_03,
        changes=(("    optimizer =", "    model.train()\n    optimizer ="),),
        lesson="eval() is a switch that stays where it was put. Whoever measures puts it back, as dl.evaluate does.",
    ),
    Patient(
        4,
        complaint="Each time I measure my model I get another accuracy, and never a good one. The digits are the same!",
        fault="eval mode never entered",
        sick=patient_04,
        changes=(("    logits =", "    model.eval()\n    logits ="),),
        lesson="The model was better than its owner knew: half of it was switched off by dropout during the exam.",
    ),
    Patient(
        5,
        complaint="I tidied my data first, all zeros, then all ones, and so on. And it reads so many digits as 8 or 9!",
        fault="data sorted by class",
        sick=patient_05,
        changes=((", shuffle=False", ""),),
        lesson="A batch should look like the whole set. Whoever sees only nines for a while forgets the rest.",
    ),
    Patient(
        6,
        complaint="The first image was damaged, so I left it out. Now the loss hardly moves. Is the network too small?",
        fault="labels misaligned",
        sick=patient_06,
        changes=(("train.labels[:-1]", "train.labels[1:]"),),
        lesson="Images and labels travel in two arrays, and nothing checks that they belong together. Look at a few.",
    ),
    Patient(
        7,
        complaint="The training was perfect. In the test the loss is enormous. That must be overfitting, mustn't it?",
        fault="normalisation forgotten at test time",
        sick=patient_07,
        changes=(("test.images[:, None].float()", "dl.normalize(test.images)"),),
        lesson="What is done to a picture in training must be done in use: the same function, not a similar line.",
    ),
    Patient(
        8,
        complaint="I was in a hurry.",
        fault="learning rate too high",
        sick=patient_08,
        changes=(("lr=1.0", "lr=0.1"),),
        lesson="Steps too long do not arrive sooner, they leap over the valley. Divide by ten until the loss falls.",
    ),
    Patient(
        9,
        complaint="It learns, I can see the loss going down. It only needs more time. A week, perhaps?",
        fault="learning rate too low",
        sick=patient_09,
        changes=(("lr=0.0001", "lr=0.1"),),
        lesson="It was walking the right way, a thousand times too slowly. Multiply by ten until it gets worse.",
    ),
    Patient(
        10,
        complaint="Hardly an error in the test, with so few digits to learn from! I shall write a paper about it.",
        fault="test images in the training data",
        sick=patient_10,
        changes=(("batches(digits, epochs=10)", "batches(train, epochs=10)"),),
        lesson="It had learnt the answers by heart. Only digits that took no part in the training can tell.",
    ),
    Patient(
        11,
        complaint="My colleague measures the same model on the same digits, and we do not agree on the loss.",
        fault="unequal batches averaged as equals",
        sick=patient_11,
        changes=(
            (
                "sum(each.accuracy for each in scores) / len(scores)",
                "sum(each.accuracy * each.n for each in scores) / len(test)",
            ),
            (
                "sum(each.loss for each in scores) / len(scores)",
                "sum(each.loss * each.n for each in scores) / len(test)",
            ),
        ),
        lesson="The last batch held a single digit, and counted for a third. Weigh each mean by its number of images.",
    ),
    Patient(
        12,
        complaint="I rewrote my layers as a list, it is so much tidier. Since then it learns badly.",
        fault="weights not registered",
        sick=patient_12,
        changes=(
            (
                "[nn.Linear(784, 64), nn.Linear(64, 64), nn.Linear(64, 64)]",
                "nn.ModuleList([nn.Linear(784, 64), nn.Linear(64, 64), nn.Linear(64, 64)])",
            ),
        ),
        lesson="A plain list hides its layers from parameters(), so no optimiser moves them. nn.ModuleList shows them.",
        parts=(Stack,),
    ),
)
"""In the order of the lesson."""
