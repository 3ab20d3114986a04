"""Exercises of lesson 09, learning from mistakes: a ranking, the margin, a committee's verdict, the hunt for wrong labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

import digitlab as dl
from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake, call


def probabilities_and_labels() -> list[tuple[Tensor, Tensor]]:
    """A network that is right about half of the time, with large and small losses among its mistakes."""
    generator = torch.Generator().manual_seed(7)
    logits = 2 * torch.randn(40, 10, generator=generator)
    labels = torch.randint(0, 10, (40,), generator=generator)
    labels[::2] = logits[::2].argmax(dim=1)
    # Read correctly with 0.3, and misread with 0.45 for the label: the larger loss is no mistake.
    hesitant = torch.full((3, 10), 0.7 / 9)
    hesitant[0, 4] = 0.3
    hesitant[1:] = torch.tensor([0.45, 0.55] + 8 * [0.0])
    probabilities = logits.softmax(dim=1)
    return [(probabilities, labels), (hesitant, torch.tensor([4, 0, 1])), (probabilities.flip(0), labels.flip(0))]


# 09.1
def rank_mistakes(probabilities: Tensor, labels: Tensor) -> Tensor:
    losses = -probabilities[torch.arange(len(labels)), labels].log()
    wrong = (probabilities.argmax(dim=1) != labels).nonzero().flatten()
    return wrong[losses[wrong].argsort(descending=True)]


# 09.2
def only_probabilities() -> list[tuple[Tensor]]:
    """Ordinary probabilities, and rows in which two digits are equally likely."""
    ties = torch.zeros(2, 10)
    ties[0, [4, 9]] = 0.5
    ties[1, [2, 3]] = 0.5
    return [(probabilities_and_labels()[0][0],), (ties,)]


def margin(probabilities: Tensor) -> Tensor:
    best, second = probabilities.topk(2, dim=1).values.unbind(dim=1)
    return best - second


# 09.3
def committees() -> list[tuple[list[tuple[list[int], int]]]]:
    """Agreement with the label and against it, majorities, ties, votes that are scattered, and other sizes than five."""
    of_a_three = ("33333", "55555", "55533", "35353", "38888", "11113", "55389", "33589", "85902", "383", "5553379")
    others = (("99994", 9), ("99944", 4), ("4994", 4), ("9944", 4), ("11377", 3), ("0006", 6))
    shown = [*((votes, 3) for votes in of_a_three), *others]
    return [([([int(digit) for digit in votes], label) for votes, label in shown],)]


def all_verdicts(answer: Any, committees: list[tuple[list[int], int]]) -> list[Any]:
    """What the answer says of each, all in one: of three words, one alone would fit many a mistake."""
    said = [call(answer, readings, label) for readings, label in committees]
    if odd := [word for word in said if isinstance(word, str) and word not in ("model", "ambiguous", "label")]:
        raise Mistake(f"{odd[0]!r:.60} is none of the three words, 'model', 'ambiguous' and 'label', in small letters")
    return said


def about_each() -> tuple[str, ...]:
    """Who read what, and what the rule looks at."""
    about = []
    for readings, label in committees()[0][0]:
        winners = [digit for digit in range(10) if 2 * readings.count(digit) > len(readings)]
        told = f"more than half read {winners[0]}" if winners else "no digit has more than half"
        about.append(f"for {readings} and the label {label}, where {told}")
    return tuple(about)


def verdict(readings: list[int], label: int) -> str:
    for digit in range(10):
        if readings.count(digit) > len(readings) / 2:
            return "model" if digit == label else "label"
    return "ambiguous"


# 09.4
def losses_and_plants() -> list[tuple[Tensor, Tensor, int]]:
    """Two hundred losses of which thirteen are planted, nearly all large, and one the smallest of all."""
    generator = torch.Generator().manual_seed(9)
    losses = torch.rand(200, generator=generator)
    planted = torch.zeros(200, dtype=torch.bool)
    planted[torch.randperm(200, generator=generator)[:12]] = True
    losses = losses + 0.6 * planted
    planted[losses.argmin()] = True
    return [(losses, planted, 10), (losses.flip(0), planted.flip(0), 31)]


def precision_at(losses: Tensor, planted: Tensor, k: int) -> float:
    suspects = losses.argsort(descending=True)[:k]
    return planted[suspects].float().mean().item()


# 09.5
def read_by_neighbours(digits: dl.Digits, images: Tensor) -> Tensor:
    """A reader that learns by heart: a digit is likely if a known image of it is near. Stands in for a network."""
    nearness = -torch.cdist(images.flatten(1).float(), digits.images.flatten(1).float()) / 500
    scores = [nearness[:, digits.labels == digit].logsumexp(dim=1) for digit in range(10)]
    return torch.stack(scores, dim=1).softmax(dim=1)


def read_pale(digits: dl.Digits, images: Tensor) -> Tensor:
    """Another reader: the same, with half of the ink."""
    return read_by_neighbours(digits, images // 2)


def small_sets() -> list[tuple[dl.Digits, Tensor, Callable[[dl.Digits, Tensor], Tensor]]]:
    """Thirty made-up images of three kinds, a wrong label among them, in five folds in turn; then 25, mixed."""
    generator = torch.Generator().manual_seed(10)
    labels = torch.arange(30) % 3
    ink = 60 * labels[:, None, None] + torch.randint(0, 90, (30, 28, 28), generator=generator)
    labels[7] = 0
    digits = dl.Digits(ink.to(torch.uint8), labels, "made up", "train")
    order = torch.randperm(30, generator=generator)
    return [(digits, torch.arange(30) % 5, read_by_neighbours), (digits[:25], order[:25] % 5, read_pale)]


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
                "the order is turned round: argsort sorts upwards unless it is told descending=True."),
            edit("-probabilities[torch.arange(len(labels)), labels].log()", "probabilities.max(dim=1).values",
                "this ranks by the probability of the answer that was given. The loss looks at that of the label: a "
                "network may be 60 % sure of a wrong answer and still give the label 39 %, or next to nothing."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "losses[wrong].argsort(descending=True)",
                "these are places in the list of mistakes, not in the set: images[0] would be the set's first image. "
                "Index the places of the mistakes with this order."),
            edit("-probabilities[torch.arange(len(labels)), labels].log()",
                'torch.nn.functional.cross_entropy(probabilities, labels, reduction="none")',
                "the mistakes are right, their order is not. F.cross_entropy expects logits and applies a softmax of "
                "its own; these are probabilities already. Take -log of the label's probability."),
            edit("wrong[losses[wrong].argsort(descending=True)]",
                "losses.topk(int((probabilities.argmax(dim=1) != labels).sum())).indices",
                "digits that were read correctly are among these. Pick the mistakes first, then sort those."),
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
            edit("best - second", "torch.sub(*probabilities.sort(dim=1).values[:, :2].unbind(dim=1))",
                "these are the two smallest of each row, subtracted: sort goes upwards. Take the last two columns, "
                "values[:, -1] - values[:, -2]."),
            edit("best - second", "best",
                "this is the confidence. "
                "0.5 may be 0.5 against 0.49, or against nine small ones; subtract the second largest."),
            edit("best - second", "best - torch.where(probabilities == best[:, None], 0.0, probabilities).amax(dim=1)",
                "right, except where two digits are equally likely: you take both of them out, and compare with the "
                "third. Take out one, or sort."),
            edit("probabilities.topk(2, dim=1).values.unbind(dim=1)", "probabilities.sort(dim=1)[:, -1]",
                "your code stopped: sort and topk give two tensors, the values and their places. "
                "Take .values of what they return."),
            edit("probabilities.topk", "probabilities.softmax(dim=1).topk",
                "these are probabilities already: a softmax makes them nearly equal. Leave it out."),
            edit("best - second", "best - probabilities.min(dim=1).values",
                "this is the largest minus the smallest, nearly the confidence itself. Take the second largest."),
            edit("best - second", "1 - best",
                "this is one minus the confidence, the share of the nine others together. There is one rival only."),
        ),
    ),
    Exercise(
        number="09.3", title="The verdict", name="verdict", minutes=10, difficulty="medium",
        starter="def verdict(readings, label):\n"
        '    """Digits that the networks read, a list of integers, and the label: "model", "ambiguous" or "label"."""\n    ...',
        answer=verdict, cases=committees, observe=all_verdicts, results=about_each(),
        praise="a rule that can say 'nobody knows' is worth more than one that always decides: it leaves the doubtful cases to somebody who can look.",
        hints=(
            "`readings.count(digit)` says how many read that digit. More than half means: greater than len(readings) / 2.",
            "At most one digit can have more than half. If there is one, compare it with the label; if there is none, it is ambiguous.",
        ),
        wrong=(
            edit('return "ambiguous"', 'return "label"',
                "you never say 'ambiguous': you say 'label' whenever the label has no majority. "
                "To overturn it, more than half must agree on one other digit."),
            edit('"model" if digit == label else "label"', '"label" if digit == label else "model"',
                "the two are exchanged. "
                "If the others can read what the label says, the network that could not is at fault: 'model'."),
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
                "you look at the smallest losses: argsort sorts upwards unless it is told descending=True."),
            edit("planted[suspects].float().mean().item()", "float(planted[suspects].sum() / planted.sum())",
                "this is the recall, the share of all planted labels. You are asked about the suspects: divide by k."),
            edit("planted[suspects]", "planted[:k]",
                "these are the first k digits of the set, not those with the largest losses."),
            edit("planted[suspects].float().mean().item()", "int(planted[suspects].sum()) / len(planted)",
                "you divided the guilty by the number of all digits. You are asked about the suspects: k."),
            edit("[:k]", "", "you looked at all digits. The suspects are the first k of the order: [:k]."),
            edit("[:k]", "[: k + 1]", "you looked at one suspect too many: [:k] are k places."),
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
                "the roles are exchanged: you train on one fold and read the others. Train on all *but* the fold."),
            edit("dl.cross_entropy(probabilities, digits[inside].labels)",
                "torch.nn.functional.cross_entropy(probabilities, digits[inside].labels)",
                "each fold has one number for all its digits: F.cross_entropy takes the mean. It also applies a softmax "
                "of its own, though these are probabilities. Use dl.cross_entropy(probabilities, labels)."),
            edit("dl.cross", "torch.nn.functional.cross", "labels)\n", 'labels, reduction="none")\n',
                "F.cross_entropy applies a softmax of its own, and these are probabilities already. Use "
                "dl.cross_entropy(probabilities, labels), or take minus the logarithm of the label's probability."),
            edit("digits[inside].images", "digits[inside]",
                "train_and_read wants images as its second argument, and got Digits. Hand over digits[inside].images."),
            edit("digits[inside].labels)", "digits[inside].labels).mean()",
                "each fold has one number for all its digits. Leave the mean out: every digit has its own loss."),
            edit("dl.cross_entropy(probabilities, digits[inside].labels)", "-probabilities.amax(dim=1).log()",
                "this is -log of the largest probability. The loss is -log of the probability of the *label*."),
            edit("dl.cross_entropy(probabilities, digits[inside].labels)",
                "dl.cross_entropy(probabilities, digits[inside].labels).neg().exp()",
                "these are the probabilities of the labels. The loss is minus their logarithm."),
            edit("    return losses", "        return losses",
                "all folds but the first are still 0: the return stands inside the loop."),
            edit("digits[inside].images)", "digits.images)",
                "losses[inside] = dl.cross_entropy(probabilities, digits[inside].labels)",
                "losses = dl.cross_entropy(probabilities, digits.labels)",
                "right for the last fold only: its losses replace all. Keep those of the fold: losses[inside] = ..."),
        ),
    ),
]
