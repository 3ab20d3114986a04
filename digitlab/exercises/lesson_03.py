"""Exercises of lesson 03, the training loop: a step, shuffled batches, an epoch."""

# A parameter's .grad may be None, and `parameter -= ...` makes a Tensor of it in mypy's eyes; learners see neither.
# mypy: disable-error-code="misc, operator, assignment"

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake, names_used


# 03.1
def sgd_step(weights: Tensor, gradient: Tensor, learning_rate: float) -> Tensor:
    return weights - learning_rate * gradient


def weights_and_gradients() -> list[tuple[Tensor, Tensor, float]]:
    generator = torch.Generator().manual_seed(3)
    weights, gradient = torch.randn(2, 5, generator=generator)
    return [(weights, gradient, 0.1), (weights[:4], gradient[:4], 2.0)]


# 03.2
def make_batches(n: int, batch_size: int) -> list[Tensor]:
    order = torch.randperm(n)
    return list(order.split(batch_size))


def describe_batches(make: Any, n: int, batch_size: int) -> str:
    """What matters about two deals in a row; which order came out does not."""
    deals = [make(n, batch_size), make(n, batch_size)]
    if deals[0] is None:
        raise Mistake("your code returns nothing (None): is the `return` missing?")
    if isinstance(deals[0], Tensor) and deals[0].ndim == 1:
        raise Mistake("this is one row of numbers; asked for is a list with one tensor for each batch")
    if isinstance(deals[0], Iterator):
        raise Mistake("this is a generator, used up when it has been gone through once: make it a list")
    try:
        first, second = ([[number_of(number) for number in batch] for batch in deal] for deal in deals)
    except (TypeError, ValueError, RuntimeError):
        raise Mistake("return a list of tensors, one tensor of numbers for each batch") from None
    numbers, sizes = [number for batch in first for number in batch], [len(batch) for batch in first]
    wanted = [len(batch) for batch in torch.arange(n).split(batch_size)]
    is_doubled, is_missing = len(set(numbers)) < len(numbers), not set(range(n)) <= set(numbers)
    overlap = sizes[:1] != [1] and all(a[1:] == b[: len(a) - 1] for a, b in pairwise(first)) and len(first) > 1
    is_old = numbers == sorted(numbers) and first == second
    faults = {  # what matters most comes first, and two are told
        "each batch begins one number after the one before": overlap,
        f"the batches have the sizes {sizes}, and not {wanted}": sizes != wanted,
        f"some numbers are not among 0 to {n - 1}": not set(numbers) <= set(range(n)),
        "some numbers come twice and others never": is_doubled and is_missing,
        "some numbers come twice": is_doubled and not is_missing,
        "some numbers never come": is_missing and not is_doubled,
        "the numbers come in their old order": is_old,
        "each call gives the same order": first == second and not is_old,
        "each batch holds neighbours": all(max(b) - min(b) < len(b) for b in first if b) and not is_old,
    }
    found = [fault for fault, is_there in faults.items() if is_there]
    if found:
        raise Mistake(f"dealing {n} numbers in batches of {batch_size}: {'; '.join(found[:2])}")
    return "each number once, in a new order each time"


def number_of(number: Any) -> int:
    if float(number) != int(number) or (isinstance(number, Tensor) and number.is_floating_point()):
        raise Mistake("the numbers are floats; as indices they have to be whole numbers, of dtype int64")
    return int(number)


# 03.3
def train_by_hand(model: nn.Module, batches: list[tuple[Tensor, Tensor]], learning_rate: float) -> None:
    model.train()
    for images, labels in batches:
        model.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= learning_rate * parameter.grad


def small_batches() -> list[tuple[Tensor, Tensor]]:
    """Three batches, the last one smaller, of small made-up images in three classes."""
    generator = torch.Generator().manual_seed(5)
    images, labels = torch.randn(10, 6, generator=generator), torch.randint(3, (10,), generator=generator)
    return list(zip(images.split(4), labels.split(4), strict=True))


def small_models() -> list[tuple[Any, ...]]:
    """A linear model, and one with dropout that somebody has left in evaluation mode."""
    torch.manual_seed(7)
    linear, dropping = nn.Linear(6, 3), nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 3))
    return [(linear, small_batches(), 0.5), (dropping.eval(), small_batches()[1:], 0.2)]


def compare_with_sgd(answer: Any, model: nn.Module, batches: Any, learning_rate: float) -> str:
    """Train a twin with the reference, on the same random numbers, and say where the two models differ."""
    names = names_used(answer)
    if "normalize" in names:
        raise Mistake("your code normalises the images. They are normalised already: hand them over as they are")
    if names & {"optim", "SGD"}:
        raise Mistake("your code lets an optimiser take the step. Here the step is to be yours: change each parameter")
    twin, untrained = copy.deepcopy(model), copy.deepcopy(model)
    torch.manual_seed(0)
    train_by_hand(twin, batches, learning_rate)
    found: list[Tensor] = []
    for parameter in model.parameters():
        parameter.register_hook(found.append)
    torch.manual_seed(0)
    try:
        answer(model, batches, learning_rate)
    except TypeError as error:
        if "NoneType" not in str(error):
            raise
        backward = "backward() has run" if found else (
            "backward is named but has not run" if "backward" in names else "there is no backward()"
        )
        where = "" if is_same(model, untrained) else ", after some parameters have moved"
        raise Mistake(f"a gradient is missing (.grad is None){where}, and {backward}") from None
    if is_same(model, untrained):
        is_empty = all(each.grad is not None and not each.grad.any() for each in model.parameters())
        raise Mistake(f"the model has not changed at all{'; its gradients are all 0' if is_empty else ''}")
    gaps = {
        name: (one - other).abs().max().item()
        for (name, one), other in zip(model.named_parameters(), twin.parameters(), strict=True)
    }
    name = max(gaps, key=lambda name: gaps[name])
    if gaps[name] > 1e-4:
        raise Mistake(f"after the epoch {name} is not what SGD makes of it: it is off by {gaps[name]:.3f}")
    return "as SGD does it"


def is_same(model: nn.Module, other: nn.Module) -> bool:
    return all(one.equal(two) for one, two in zip(model.parameters(), other.parameters(), strict=True))


EXERCISES = [
    Exercise(
        number="03.1", title="One step downhill", name="sgd_step", minutes=4, difficulty="easy",
        starter="def sgd_step(weights, gradient, learning_rate):\n"
        '    """The weights after one step downhill, as a new tensor."""\n    ...',
        answer=sgd_step, cases=weights_and_gradients,
        praise="that is all of gradient descent. Note that steps get shorter by themselves near the bottom, where the "
        "gradient is small: the learning rate need not change for that.",
        hints=(
            "The gradient points uphill. You want to go the other way.",
            "The length of the step is learning_rate times gradient; take it away from the weights.",
        ),
        wrong=(
            edit("weights -", "weights +",
                "this walks uphill: the gradient points to where the loss grows. Subtract the step."),
            edit("learning_rate * ", "", "the learning rate is missing: this step is as long as the whole gradient."),
            edit("weights -", "",
                "this is the step alone, and it points uphill. Return where the step downhill leads: "
                "weights minus it."),
            edit("weights - learning_rate * gradient", "learning_rate * (weights - gradient)",
                "the learning rate multiplies the weights as well, so they shrink at each step. "
                "It belongs to the gradient only; mind the brackets."),
            edit("* gradient", "* gradient.sign()",
                "each weight moved by the learning rate, up or down: only the gradient's sign was used. "
                "Its size counts as well: learning_rate times gradient."),
            edit("learning_rate * gradient", "learning_rate * weights",
                "all weights have shrunk by the same share, and the gradient has no say. "
                "The step is learning_rate times *gradient*."),
            edit("weights -", "-", "this is the step alone. Return where it leads to: the weights plus that step."),
            edit("* gradient", "* gradient.mean()",
                "all weights moved by the same amount. Each weight has its own gradient: no mean."),
            edit("weights - learning_rate * gradient", "learning_rate * weights - gradient",
                "the learning rate multiplies the weights. It belongs to the gradient."),
            edit("learning_rate * gradient", "gradient / learning_rate",
                "you divided by the learning rate, so a small one makes large steps. Multiply."),
            edit("learning_rate *", "0.1 *",
                "right for a learning rate of 0.1. It is handed to you, and may be another: use learning_rate."),
            edit("learning_rate * gradient", "learning_rate",
                "each weight moved by the learning rate alone. The step is learning_rate times gradient."),
            edit("* gradient", "* gradient / gradient.norm()",
                "the direction is right, but every step has the same length, because you divide "
                "by the gradient's own. Plain gradient descent takes shorter steps where the slope is gentler."),
        ),
    ),
    Exercise(
        number="03.2", title="Deal out the digits", name="make_batches", minutes=7, difficulty="medium",
        starter="def make_batches(n, batch_size):\n"
        '    """A list of index tensors: shuffled anew at each call, each number once, the last may be shorter."""\n'
        "    ...",
        answer=make_batches, cases=lambda: [(10, 4), (12, 6), (9, 4)], observe=describe_batches,
        praise="each number once, in an order that is new every time. So no digit is missed: in an epoch drawn with "
        "replacement more than a third of them never come up.",
        hints=(
            "`torch.randperm(n)` gives the numbers 0 to n - 1 in random order.",
            "A tensor has a method that cuts it into pieces of a given size, the last one shorter: `split`.",
            "`split` returns a tuple: make it a list.",
        ),
        wrong=(
            edit("torch.randperm(n)", "torch.randint(n, (n,))",
                "some numbers come twice and others never: either they are drawn with replacement, or each "
                "batch has a new shuffle. Shuffle all numbers once (torch.randperm), then cut."),
            edit("torch.randperm(n)", "torch.arange(n)",
                "the numbers come in their old order. "
                "If the data is sorted, whole batches are of one class; shuffle first."),
            edit("torch.randperm(n)", "torch.randperm(n, generator=torch.Generator().manual_seed(0))",
                "shuffled, but the same way every time: the seed is set inside. "
                "Each epoch should bring a new order. (A split is made once, so in 01.5 such a seed did no harm.)"),
            edit("order.split(", "order.chunk(",
                "this makes batch_size batches; "
                "it should make batches of batch_size numbers. (`split`, not `chunk`.)"),
            edit("(order", "(part[torch.randperm(len(part))] for part in torch.arange(n)",
                "you cut first and shuffle inside the pieces: the same numbers stay together. Shuffle all, then cut."),
        ),
    ),
    Exercise(
        number="03.3", title="The loop, by hand", name="train_by_hand", minutes=12, difficulty="hard",
        starter="def train_by_hand(model, batches, learning_rate):\n"
        '    """One epoch of SGD: a step after each (images, labels). Returns nothing."""\n    ...',
        answer=train_by_hand, cases=small_models, observe=compare_with_sgd,
        praise="the weights are those of torch.optim.SGD. An optimiser is nothing more than your inner loop, and a "
        "place to keep what it needs to remember.",
        hints=(
            "For each batch: model.zero_grad(), the loss, loss.backward(). Then every parameter has its .grad.",
            "Begin with model.train(): the model may come in evaluation mode, and would learn without its dropout.",
            "Inside `with torch.no_grad():` loop over model.parameters() and write "
            "`parameter -= learning_rate * parameter.grad`.",
        ),
        wrong=(
            edit("        model.zero_grad()\n", "",
                "the gradients are never emptied, so each step repeats all those before it. "
                "backward() adds to .grad: call model.zero_grad() before it."),
            edit("loss.backward()\n", "loss.backward()\n        model.zero_grad()\n",
                "when your step comes, there is no gradient (.grad is None): zero_grad stands between backward and "
                "the step, and throws away what was just found. Call it before backward, or after the step."),
            edit("model(images)", "model(images).softmax(dim=1)",
                "the model learns less than it should: the scores went through a softmax first, and F.cross_entropy "
                "takes its own. Hand it the scores."),
            edit("labels)\n        loss.backward", "labels).item()\n        loss.backward",
                "loss.item() is a bare number, without the notes that backward needs. Call .backward() on the loss "
                "itself."),
            edit("learning_rate * ", "", "the learning rate is missing: each step is as long as the whole gradient."),
            edit("learning_rate * parameter.grad\n", "learning_rate * parameter.grad\n        break\n",
                "only the first batch was used: a `return` or a `break` inside the loop ends it there."),
            edit("with torch.no_grad():", "with torch.enable_grad():",
                "autograd refuses a parameter that is changed while it takes notes. "
                "Put the step inside `with torch.no_grad():`."),
            edit("parameter -= learning", "parameter = parameter - learning",
                "the model has not changed at all. If you wrote a step: `parameter = parameter - ...` makes a new "
                "tensor and gives it the old name. Change the model's own in place: `parameter -= ...`."),
            edit("        model.zero_grad()\n", "", "        with", "    if True:\n        with",
                "there is one step in all, after the loop, with the gradients of all batches added up. "
                "Empty the gradients and take the step inside the loop, once for each batch."),
            edit("        with", "    if True:\n        with",
                "there is one step in all, after the last batch. "
                "The step belongs inside the loop: one after each batch."),
            edit("    model.train()\n", "",
                "right if the model comes in training mode. "
                "It may come in evaluation mode, with dropout switched off: begin with model.train()."),
            edit("parameter -=", "parameter +=", "the loss grows: the step goes with the gradient. Subtract it."),
            edit("learning_rate * parameter.grad", "learning_rate * parameter.grad / len(images)",
                "each step is too short: it was divided by the size of the batch. F.cross_entropy gives the mean, so "
                "that is done already."),
        ),
    ),
]
