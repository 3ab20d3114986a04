"""What the clinic's trainers are made of, and the healthy one.

The healthy trainer has no docstring and no comments, because learners are shown it as it is.
"""
# ruff: noqa: D103

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.data import DigitLoader, Digits
from digitlab.training import Scores, evaluate

BATCH_SIZE = 50


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
    """Normalised batches with their labels, for several epochs in one loop."""
    loader = DigitLoader(digits, batch_size=BATCH_SIZE, shuffle=shuffle)
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
