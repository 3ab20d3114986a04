"""Exercises of lesson 09, learning from mistakes: a ranking, the margin, a committee's verdict, the hunt for wrong labels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

import digitlab as dl
from digitlab.exercises import Exercise, edit


def probabilities_and_labels() -> list[tuple[Tensor, Tensor]]:
    """A network that is right about half of the time, with large and small losses among its mistakes."""
    generator = torch.Generator().manual_seed(7)
    logits = 2 * torch.randn(40, 10, generator=generator)
    labels = torch.randint(0, 10, (40,), generator=generator)
    labels[::2] = logits[::2].argmax(dim=1)
    return [(logits.softmax(dim=1), labels), (logits[:9].softmax(dim=1), labels[:9])]


# 09.1
def rank_mistakes(probabilities: Tensor, labels: Tensor) -> Tensor:
    losses = -probabilities[torch.arange(len(labels)), labels].log()
    wrong = (probabilities.argmax(dim=1) != labels).nonzero().flatten()
    return wrong[losses[wrong].argsort(descending=True)]


# 09.2
def only_probabilities() -> list[tuple[Tensor]]:
    """Ordinary probabilities, and a row in which two digits are equally likely."""
    tie = torch.tensor([[0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.5]])
    return [(probabilities_and_labels()[0][0],), (tie,)]


def margin(probabilities: Tensor) -> Tensor:
    best, second = probabilities.topk(2, dim=1).values.unbind(dim=1)
    return best - second


# 09.3
def committees() -> list[tuple[list[int], int]]:
    """Agreement with the label and against it, majorities, ties, and votes that are scattered."""
    of_a_three = ("33333", "55555", "55533", "35353", "55389", "33589", "85902")
    return [([int(digit) for digit in votes], 3) for votes in of_a_three] + [([4, 9, 9, 4], 4), ([9, 9, 4, 4], 4)]


def verdict(readings: list[int], label: int) -> str:
    for digit in range(10):
        if readings.count(digit) > len(readings) / 2:
            return "model" if digit == label else "label"
    return "ambiguous"


# 09.4
def losses_and_plants() -> list[tuple[Tensor, Tensor, int]]:
    """Two hundred losses of which twelve are planted, most of them large; looked at near the top and further down."""
    generator = torch.Generator().manual_seed(9)
    losses = torch.rand(200, generator=generator)
    planted = torch.zeros(200, dtype=torch.bool)
    planted[torch.randperm(200, generator=generator)[:12]] = True
    losses = losses + 0.6 * planted
    return [(losses, planted, 10), (losses, planted, 30), (losses, planted, 1)]


def precision_at(losses: Tensor, planted: Tensor, k: int) -> float:
    suspects = losses.argsort(descending=True)[:k]
    return planted[suspects].float().mean().item()


# 09.5
def read_by_neighbours(digits: dl.Digits, images: Tensor) -> Tensor:
    """A reader that learns by heart: a digit is likely if a known image of it is near. Stands in for a network."""
    nearness = -torch.cdist(images.flatten(1).float(), digits.images.flatten(1).float()) / 500
    scores = [nearness[:, digits.labels == digit].logsumexp(dim=1) for digit in range(10)]
    return torch.stack(scores, dim=1).softmax(dim=1)


def small_sets() -> list[tuple[dl.Digits, Tensor, Callable[[dl.Digits, Tensor], Tensor]]]:
    """Thirty made-up images of three kinds with a wrong label among them, in five folds, in turn and then in mixed order."""
    generator = torch.Generator().manual_seed(10)
    labels = torch.arange(30) % 3
    ink = 60 * labels[:, None, None] + torch.randint(0, 90, (30, 28, 28), generator=generator)
    labels[7] = 0
    digits = dl.Digits(ink.to(torch.uint8), labels, "made up", "train")
    order = torch.randperm(30, generator=generator)
    return [(digits, torch.arange(30) % 5, read_by_neighbours), (digits, order % 5, read_by_neighbours)]


def out_of_fold_losses(
    digits: dl.Digits, folds: Tensor, train_and_read: Callable[[dl.Digits, Tensor], Tensor]
) -> Tensor:
    losses = torch.zeros(len(digits))
    for fold in folds.unique():
        inside = folds == fold
        probabilities = train_and_read(digits[~inside], digits[inside].images)
        losses[inside] = dl.cross_entropy(probabilities, digits[inside].labels)
    return losses


EXERCISES = [
    Exercise(
        number="09.1", title="The worst first", name="rank_mistakes", minutes=8, difficulty="medium",
        starter="def rank_mistakes(probabilities, labels):\n"
        '    """The places of the misread images in the set, int64 (M,), the largest loss first."""\n    ...',
        answer=rank_mistakes, cases=probabilities_and_labels,
        praise="equal to dl.misclassified(...).indices. Looking at the twenty worst is the cheapest quarter of an hour in machine learning: it finds "
        "wrong labels, broken images and forgotten cases, which no average shows.",
        hints=(
            "The loss of an image is -log of the probability of its label: probabilities[torch.arange(len(labels)), labels].",
            "wrong = (probabilities.argmax(dim=1) != labels).nonzero().flatten() are the places of the mistakes in the whole set.",
            "losses[wrong].argsort(descending=True) is an order *within* the mistakes; index `wrong` with it to get places in the set.",
        ),
        wrong=(
            edit("descending=True", "descending=False",
                "the order is turned round: argsort sorts upwards. Pass descending=True."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "losses.argsort(descending=True)",
                "this ranks all images, those that were read correctly too. Keep the mistakes only."),
            edit("-probabilities[torch.arange(len(labels)), labels].log()", "probabilities.max(dim=1).values",
                "this ranks by the probability of the answer that was given. "
                "The loss looks at the probability of the label: "
                "a network may be 60 % sure of a wrong answer and still give the label 39 %, or next to nothing."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "losses[wrong].argsort(descending=True)",
                "these are places in the list of mistakes, not in the set: images[0] would be the set's first image. "
                "Index the places of the mistakes with this order."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "wrong",
                "the right images, in the order of the set. Sort them by their loss, the largest first."),
        ),
    ),
    Exercise(
        number="09.2", title="The margin", name="margin", minutes=5, difficulty="easy",
        starter='def margin(probabilities):\n    """Largest minus second largest probability of each image, (N,)."""\n    ...',
        answer=margin, cases=only_probabilities,
        praise="and it needs no label, so it can be used on the first day that a network is at work, when nobody knows the answers yet.",
        hints=(
            "`probabilities.topk(2, dim=1).values` has the two largest of each row.",
            "Column 0 minus column 1 of that: values[:, 0] - values[:, 1].",
        ),
        wrong=(
            edit("best - second", "best - probabilities.min(dim=1).values",
                "this is the largest minus the smallest, nearly the confidence itself. Take the second largest."),
            edit("best - second", "best - torch.stack([row[(row.argmax() + 1) % 10] for row in probabilities])",
                "this compares the answer with the digit after it. The rival is whichever digit "
                "has the second largest probability: sort the values, do not count on the classes."),
            edit("best - second", "best",
                "this is the confidence. "
                "0.5 may be 0.5 against 0.49, or against nine small ones; subtract the second largest."),
            edit("best - second", "probabilities.amax(dim=0) - probabilities.sort(dim=0).values[-2:][0]",
                "you compared the images of the batch with each other. The ten classes lie along dim=1."),
            edit("best - second", "second - best",
                "the sign is turned round: it is the largest minus the second largest, 0 or more."),
        ),
    ),
    Exercise(
        number="09.3", title="The verdict", name="verdict", minutes=10, difficulty="medium",
        starter="def verdict(readings, label):\n"
        '    """Digits that the networks read, a list of integers, and the label: "model", "ambiguous" or "label"."""\n    ...',
        answer=verdict, cases=committees,
        praise="a rule that can say 'nobody knows' is worth more than one that always decides: it leaves the doubtful cases to somebody who can look.",
        hints=(
            "`readings.count(digit)` says how many read that digit. More than half means: greater than len(readings) / 2.",
            "At most one digit can have more than half. If there is one, compare it with the label; if there is none, it is ambiguous.",
        ),
        wrong=(
            edit('"model" if digit == label else "label"', '"label" if digit == label else "model"',
                "the two are exchanged. "
                "If the others can read what the label says, the network that could not is at fault: 'model'."),
            edit("> len(readings) / 2", "> max(readings.count(other) for other in range(10) if other != digit)",
                "two votes of five are the most, yet not more than half. "
                "When the others say three different things, nobody knows: 'ambiguous'."),
            edit('return "ambiguous"', 'return "model" if max(readings, key=readings.count) == label else "label"',
                "you never say 'ambiguous': the most common reading wins however few read it. "
                "Ask for more than half of the votes."),
            edit("> len(readings) / 2", "== len(readings)",
                "you ask for all votes; "
                "more than half is enough. One careless network should not be able to block a verdict."),
            edit('return "ambiguous"', 'return "ambiguous" if 2 * readings.count(label) == len(readings) else "label"',
                "five networks that all read something *different* disagree with the label, and with each other. "
                "That is an ambiguous digit, not a wrong label: "
                "to overturn a label, more than half must agree on one other digit."),
        ),
    ),
    Exercise(
        number="09.4", title="How many suspects are guilty?", name="precision_at", minutes=6, difficulty="easy",
        starter="def precision_at(losses, planted, k):\n"
        '    """Of the k digits with the largest loss, the share that is planted; losses (N,), planted bool (N,)."""\n    ...',
        answer=precision_at, cases=losses_and_plants,
        praise="compare it with chance: suspects drawn by lot would have the share of planted labels in the whole set.",
        hints=(
            "losses.argsort(descending=True)[:k] are the places of the k suspects.",
            "planted[suspects] is True for the guilty; the mean of the float version is their share.",
        ),
        wrong=(
            edit("descending=True", "descending=False",
                "you look at the smallest losses; argsort sorts upwards. Pass descending=True."),
            edit("planted[suspects].float().mean().item()", "float(planted[suspects].sum() / planted.sum())",
                "this is the recall: of all planted labels, the share that was found. "
                "The question is about the suspects: divide by k."),
            edit("planted[suspects].float().mean().item()", "int(planted[suspects].sum())",
                "this is the number of the guilty; divide it by k."),
            edit("planted[suspects]", "planted[:k]",
                "these are the first k digits of the set, not those with the largest losses."),
        ),
    ),
    Exercise(
        number="09.5", title="Never ask a network about what it has learnt",
        name="out_of_fold_losses", minutes=12, difficulty="hard",
        starter="def out_of_fold_losses(digits, folds, train_and_read):\n"
        '    """The loss of each digit, (N,), from a network that was trained on the other folds."""\n    ...',
        answer=out_of_fold_losses, cases=small_sets,
        praise="every digit was judged by a stranger. The same ten lines give an honest accuracy where there are too few digits to set any aside.",
        hints=(
            "For each fold: inside = folds == fold. Train on digits[~inside], read digits[inside].images.",
            "dl.cross_entropy(probabilities, labels) gives one loss for each image.",
            "Put the results back where they belong: losses = torch.zeros(len(digits)), then losses[inside] = ...",
        ),
        wrong=(
            edit("digits[~inside]", "digits",
                "you trained on all digits and asked about the same ones. What is learnt by heart has a small loss, "
                "wrong labels included. Leave out the fold that is being read."),
            edit("digits[~inside]", "digits[inside]",
                "each network reads the fold that it was trained on, "
                "so it has learnt the very labels it should judge. Train on digits[folds != fold]."),
            edit("folds == fold", "folds != fold",
                "the roles are exchanged: you train on one fold and read the others, so each network learns "
                "from few digits and later folds overwrite earlier losses. Train on all *but* the fold."),
            edit("return losses", "return torch.cat([losses[folds == fold] for fold in folds.unique()])",
                "the losses are right but stand fold after fold. "
                "Digit 1's loss belongs in place 1: write losses[folds == fold] = ..."),
            edit("dl.cross", "torch.nn.functional.cross", "labels)\n", 'labels, reduction="none")\n',
                "F.cross_entropy expects logits and applies a softmax of its own; "
                "these are probabilities already. Use dl.cross_entropy(probabilities, labels), "
                "or take minus the logarithm of the label's probability."),
            edit("zeros(len(digits))", "zeros(len(digits), 10)",
                "dl.cross_entropy(probabilities, digits[inside].labels)", "probabilities",
                "these are the probabilities, (N, 10). "
                "One step is missing: the loss of each digit, dl.cross_entropy(probabilities, labels)."),
        ),
    ),
]
