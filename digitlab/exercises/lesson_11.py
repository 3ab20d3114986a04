"""Exercises of lesson 11, making it generalise: early stopping, the matrices of a shift and a turn, and dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import CHANGED_ITS_INPUT, Mistake


# 11.1
def keep_epoch(val_losses: list[float], patience: int) -> int:
    best = 0
    for epoch in range(len(val_losses)):
        if val_losses[epoch] < val_losses[best]:
            best = epoch
        if epoch - best >= patience:
            break
    return best + 1


def losses_and_patience() -> list[tuple[list[float], int]]:
    """Some turn, zigzag, or stay level; one only rises, one begins far above 1."""
    return [
        ([0.3, 0.4, 0.2], 2),
        ([0.9, 0.5, 0.4, 0.45, 0.5, 0.6], 2),
        ([0.9, 0.5, 0.7, 0.4, 0.6, 0.5, 0.55, 0.3, 0.35], 3),
        ([0.9, 0.5, 0.6, 0.7, 0.4, 0.45], 3),
        ([0.9, 0.6, 0.7, 0.5, 0.6, 0.4, 0.45, 0.5], 2),
        ([0.5, 0.5, 0.5, 0.3], 2),
        ([3.1, 2.4, 1.9, 2.0, 2.2, 1.8, 1.9, 2.0, 2.1, 0.4], 2),
        ([0.3, 0.4, 0.5], 5),
    ]


# 11.2
def shift_matrix(right: float, down: float) -> Tensor:
    pixel = 2 / 28
    return torch.tensor([[1, 0, -right * pixel], [0, 1, -down * pixel]])


# 11.3
def turn_matrix(degrees: float, scale: float) -> Tensor:
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    return torch.tensor([[cos, -sin, 0], [sin, cos, 0]]) / scale


# 11.4
def dropout(numbers: Tensor, p: float, training: bool) -> Tensor:
    if not training:
        return numbers
    kept = torch.rand(numbers.shape) >= p
    return numbers * kept / (1 - p)


def numbers_to_drop() -> list[tuple[Tensor, float, bool]]:
    """Few enough for a loop over all of them; contiguous, so that view() works."""
    numbers = torch.rand(100, 120, generator=torch.Generator().manual_seed(5)) + 1
    numbers[:, ::3] *= -1
    turned = numbers.T.contiguous()
    return [(numbers, 0.5, True), (turned, 0.2, True), (-numbers, 0.5, False), (turned, 0.2, False)]


def statistics_of(answer: Any, numbers: Tensor, p: float, training: bool) -> Any:
    """What can be compared although the lots differ: the share dropped, the rest's factor, and what shares its lot.

    The share is rounded to twentieths: over 12,000 numbers its standard deviation is below 0.005.
    """
    before = numbers.clone()
    results = [answer(numbers, p, training) for _ in range(3)]
    if not all(isinstance(each, Tensor | np.ndarray | list) for each in results):
        return results[0]
    if not torch.equal(numbers, before):
        raise Mistake(CHANGED_ITS_INPUT)
    results = [torch.as_tensor(each) for each in results]
    if results[0].shape != before.shape:
        raise Mistake(f"the shape is {tuple(results[0].shape)}, but should be {tuple(before.shape)}, as it came in")
    dropped = [each == 0 for each in results]
    one, *others = dropped
    share = f"{round(float(one.double().mean()) * 20) * 5}% dropped"
    if one.any() and not one.all():  # with few lots the share would be chance
        for dim, name in ((1, "rows"), (0, "columns")):
            if bool((one == one.narrow(dim, 0, 1)).all()):
                share = f"whole {name} dropped"
        if any(torch.equal(one, other) for other in others):
            share += ", the same ones at each call"
        elif len({int(each.sum()) for each in dropped}) == 1:
            share += ", exactly as many at each call"
    factors = (results[0] / before)[~one]
    factor = f"the rest times {factors.mean():.2f}" if len(factors) else "nothing kept"
    if len(factors) and factors.max() - factors.min() >= 1e-3:
        factor = "the rest by different factors"
    return f"{'training' if training else 'in use'}, p = {p}: {share}, {factor}"


EXERCISES = [
    Exercise(
        number="11.1", title="Early stopping", name="keep_epoch", minutes=8, difficulty="medium",
        starter="def keep_epoch(val_losses, patience):\n"
        '    """The best epoch, from 1. Stop after `patience` epochs in a row without a better one."""\n    ...',
        answer=keep_epoch, cases=losses_and_patience,
        praise="and mind what it costs: the epoch was *chosen* by the validation digits, so its validation loss is a "
        "little too good. That is what the test set is kept for.",
        hints=(
            "Go through the losses one by one, and remember the place of the best so far.",
            "Each time: is this loss below the best one's? Then it is the new best. Otherwise count how many epochs "
            "lie between.",
            "Stop when epoch - best >= patience. Return the best, not where you stopped, and count from 1.",
        ),
        wrong=(
            edit("return best + 1", "return epoch + 1",
                "this is the epoch at which the training stops. By then it is `patience` epochs past the best one: "
                "return that."),
            edit("epoch - best >= patience", "False",
                "this is the best of *all* epochs, but those after the stop never happen. You cannot look into the "
                "future: stop when `patience` epochs in a row have not beaten the best so far."),
            edit("epoch - best >= patience", "epoch - best > patience",
                "you wait one epoch too long: after `patience` epochs that did not beat the best one, it is over. Is "
                "there a > that should be >=?"),
            edit(">= patience", ">= patience - 1",
                "you stop too early. Look first whether this epoch is the best; stop only when `patience` epochs have "
                "passed since the best one, which does not count itself, even if it is the first."),
            edit(">= patience", ">= patience or epoch >= patience",
                "you stop after `patience` epochs whatever happened. Count from the last best one."),
            edit("    best = 0\n", "    best, waited = 0, 0\n", "if val_losses", "if epoch == 0 or val_losses",
                "        if epoch - best >=", "        else:\n            waited += 1\n        if waited >=",
                "you stop too early where the losses go up and down: epochs from before the best one still count. If "
                "you keep a counter, set it to 0 at each new best: `patience` epochs *in a row*."),
            edit("< val_losses[best]", "<= val_losses[best]",
                "an equal loss counts as better for you. It has not beaten the best one: < instead of <=."),
            edit("return best + 1", "return 0",
                "0 comes back each time: no loss was ever below your best one. If it starts at 0, start it at "
                "float('inf'), or at the first loss."),
            edit("best = 0", "best = -1", "val_losses[best]", "(val_losses[best] if best >= 0 else 1.0)",
                "right while the losses are below 1. A loss may begin above that: start the best one from "
                "float('inf'), or from the first loss."),
            edit("return best + 1", "return best + 1 if epoch - best >= patience else epoch + 1",
                "right when the patience runs out. When all epochs are over before that, you return the last one: "
                "return the best so far."),
            edit("< val_losses[best]", "< float('inf')",
                "this is the last epoch each time: every loss counts as a new best. Keep the best loss, too, and "
                "update it."),
            edit("< val_losses[best]", "< val_losses[max(0, epoch - 1)]",
                "for you, an epoch is the best one if it beats the one before it. It must beat the best so far: after "
                "0.4, 0.6 the loss 0.5 is no new best."),
        ),
    ),
    Exercise(
        number="11.2", title="Move a picture", name="shift_matrix", minutes=6, difficulty="easy",
        starter="def shift_matrix(right, down):\n"
        '    """The 2x3 matrix that moves a 28x28 picture by pixels to the right and down."""\n    ...',
        answer=shift_matrix, cases=lambda: [(3.0, 1.0), (-2.0, 4.0), (0.0, 5.0)],
        praise="to move a picture to the right, look to the left. Anything but whole pixels works as well: then the "
        "neighbours are blended.",
        hints=(
            "A matrix that changes nothing is [[1, 0, 0], [0, 1, 0]]. The last column is added to every place.",
            "28 pixels are 2 units, so one pixel is 2 / 28.",
            "The picture moves against the look: to move it right, look further left, which is minus.",
        ),
        wrong=(
            edit("2 / 28", "-2 / 28",
                "this moves the picture to the left and up. The matrix says where to *look*: to move the picture "
                "right, look further left."),
            edit("2 / 28", "1.0",
                "this moves by so many *units*, and the whole picture is 2 units wide: it is out of sight. One pixel "
                "is 2 / 28."),
            edit("2 / 28", "1 / 28",
                "this moves half as far: from -1 to 1 the picture is 2 units wide, not 1. One pixel is 2 / 28."),
            edit("2 / 28", "1 / 13.5",
                "you took 27 steps for the 2 units, from the first pixel's centre to the last one's. But -1 and 1 are "
                "the outer edges of the picture, and 28 pixels lie between them: one pixel is 2 / 28."),
            edit("-down * pixel", "down * pixel", "up and down are exchanged: y grows from top to bottom here."),
            edit("[[1, 0, -right * pixel], [0, 1, -down * pixel]]", "[[0, 0, -right * pixel], [0, 0, -down * pixel]]",
                "the last column is right, but every place looks at the same point. The rest must leave x and y as "
                "they are: [[1, 0, ...], [0, 1, ...]]."),
            edit("2 / 28", "2.0",
                "this moves by twice as many *units*, and the whole picture is 2 units wide. Divide by 28: one pixel is "
                "2 / 28."),
            edit("-right * pixel", "right * pixel",
                "left and right are exchanged: to move the picture to the right, look further left."),
        ),
    ),
    Exercise(
        number="11.3", title="Turn a picture", name="turn_matrix", minutes=8, difficulty="medium",
        starter="def turn_matrix(degrees, scale):\n"
        '    """The 2x3 matrix that turns a picture counter-clockwise and makes it `scale` times '
        'as large."""\n    ...',
        answer=turn_matrix, cases=lambda: [(90, 1.0), (30, 1.25), (-10, 0.8)],
        praise="this is what dl.RandomAffine builds for each image. To turn about another point than the middle, the "
        "last column would be needed, too.",
        hints=(
            "math.cos and math.sin want radians: math.radians(degrees).",
            "With 90 degrees, (0, -1) must go to (1, 0) and (1, 0) to (0, 1). That settles the signs: cos, -sin in "
            "the first row, sin, cos in the second.",
            "A larger picture means to look closer to the middle: divide cos and sin by scale.",
        ),
        wrong=(
            edit("[[cos, -sin, 0], [sin, cos, 0]]", "[[cos, sin, 0], [-sin, cos, 0]]",
                "this turns the picture clockwise. Try (0, -1), the top, with 90 degrees: it must look at the right, "
                "(1, 0)."),
            edit("-sin", "sin",
                "both sines have the same sign: that squeezes the picture along one diagonal instead of turning it. "
                "One of the two is minus."),
            edit("[[cos, -sin, 0], [sin, cos, 0]]", "[[sin, -cos, 0], [cos, sin, 0]]",
                "sine and cosine are exchanged. With 0 degrees nothing must turn: 1 stands where x meets x, and "
                "cos(0) is 1."),
            edit("math.radians(degrees)", "degrees",
                "math.cos and math.sin want radians; 90 of those are more than fourteen turns. Use "
                "math.radians(degrees)."),
            edit("math.radians(degrees)", "math.degrees(degrees)",
                "math.degrees turns radians into degrees. You have degrees and want radians: math.radians."),
            edit("math.radians(degrees)", "degrees / 180",
                "the angle is too small: 180 degrees are pi radians. Use math.radians(degrees)."),
            edit("/ scale", "* scale",
                "the turn is right, but scale = 2 makes the picture half as large: to look further out brings more of "
                "it in. Divide by scale."),
            edit("[[cos, -sin, 0], [sin, cos, 0]]) / scale", "[[cos / scale, -sin, 0], [sin, cos / scale, 0]])",
                "only the cosines are divided by the scale. Divide the sines, too."),
            edit("[sin, cos, 0]", "[-sin, cos, 0]",
                "both sines are minus: that squeezes the picture along one diagonal instead of turning it. One of the "
                "two is plus."),
        ),
    ),
    Exercise(
        number="11.4", title="Dropout", name="dropout", minutes=8, difficulty="medium",
        starter="def dropout(numbers, p, training):\n"
        '    """In training: each number 0 with probability p, else scaled so that the average stays. '
        'Else unchanged."""\n    ...',
        answer=dropout, cases=numbers_to_drop, observe=statistics_of,
        praise="the lots differ from PyTorch's, the statistics agree. Because the survivors are scaled while "
        "training, a network in use needs no dropout code at all.",
        hints=(
            "`torch.rand(numbers.shape) >= p` is True with probability 1 - p, for each number by itself.",
            "Multiply by that: True counts 1, False counts 0. Then a share of 1 - p is left of the average.",
            "So divide by (1 - p). And if not training: return the numbers as they are.",
        ),
        wrong=(
            edit(" / (1 - p)", "",
                "the right share is dropped, but the survivors are not scaled: the average falls to 1 - p of what it "
                "was, and in use the next layer gets larger sums than it has learnt with. Divide by (1 - p)."),
            edit(">= p", "< p",
                "p is the probability to *drop*; you keep with probability p. With 0.5 nobody notices; with 0.2 you "
                "drop four fifths, and the average shrinks to a quarter."),
            edit("torch.rand(", "torch.randn(",
                "too many are dropped, with 0.5 seven of ten. If you used randn: those numbers are normal, not spread "
                "evenly from 0 to 1. Use torch.rand."),
            edit("torch.rand(numbers.shape)", "torch.rand(1)",
                "all numbers share one lot: they go together or stay together. Every number has its own: "
                "torch.rand(numbers.shape)."),
            edit("    kept =", "    torch.manual_seed(0)\n    kept =",
                "the same numbers are dropped at every call. If you set a seed inside, each call draws the same lots: "
                "leave it out, so that no unit can rely on another."),
        ),
    ),
]
