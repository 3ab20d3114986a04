"""Exercises of lesson 07, learning from mistakes: a ranking, the margin, a committee's verdict, the hunt for wrong labels."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

import digitlab as dl
from digitlab.exercises import Exercise, WrongAnswer


def probabilities_and_labels() -> list[tuple[Tensor, Tensor]]:
    """A network that is right about half of the time, with large and small losses among its mistakes."""
    generator = torch.Generator().manual_seed(7)
    logits = 2 * torch.randn(40, 10, generator=generator)
    labels = torch.randint(0, 10, (40,), generator=generator)
    labels[::2] = logits[::2].argmax(dim=1)
    return [(logits.softmax(dim=1), labels), (logits[:9].softmax(dim=1), labels[:9])]


# --- 07.1 ---------------------------------------------------------------------------------------


def rank_mistakes(probabilities: Tensor, labels: Tensor) -> Tensor:
    losses = -probabilities[torch.arange(len(labels)), labels].log()
    wrong = (probabilities.argmax(dim=1) != labels).nonzero().flatten()
    return wrong[losses[wrong].argsort(descending=True)]


def rank_smallest_first(probabilities: Tensor, labels: Tensor) -> Tensor:
    return rank_mistakes(probabilities, labels).flip(0)


def rank_everything(probabilities: Tensor, labels: Tensor) -> Tensor:
    return dl.cross_entropy(probabilities, labels).argsort(descending=True)


def rank_by_confidence(probabilities: Tensor, labels: Tensor) -> Tensor:
    confidences, predictions = probabilities.max(dim=1)
    wrong = (predictions != labels).nonzero().flatten()
    return wrong[confidences[wrong].argsort(descending=True)]


def rank_within_the_mistakes(probabilities: Tensor, labels: Tensor) -> Tensor:
    wrong = probabilities.argmax(dim=1) != labels
    return dl.cross_entropy(probabilities, labels)[wrong].argsort(descending=True)


def mistakes_unsorted(probabilities: Tensor, labels: Tensor) -> Tensor:
    return (probabilities.argmax(dim=1) != labels).nonzero().flatten()


# --- 07.2 ---------------------------------------------------------------------------------------


def only_probabilities() -> list[tuple[Tensor]]:
    """Ordinary probabilities, and a row in which two digits are equally likely."""
    ordinary = probabilities_and_labels()[0][0]
    tie = torch.zeros(1, 10)
    tie[0, 4] = tie[0, 9] = 0.5
    return [(ordinary,), (tie,)]


def margin(probabilities: Tensor) -> Tensor:
    best, second = probabilities.topk(2, dim=1).values.unbind(dim=1)
    return best - second


def margin_to_the_smallest(probabilities: Tensor) -> Tensor:
    return probabilities.max(dim=1).values - probabilities.min(dim=1).values


def margin_of_neighbours(probabilities: Tensor) -> Tensor:
    best = probabilities.argmax(dim=1)
    places = torch.arange(len(best))
    return probabilities[places, best] - probabilities[places, (best + 1) % 10]


def largest_alone(probabilities: Tensor) -> Tensor:
    return probabilities.max(dim=1).values


def margin_over_the_batch(probabilities: Tensor) -> Tensor:
    ranked = probabilities.sort(dim=0, descending=True).values
    return ranked[0] - ranked[min(1, len(ranked) - 1)]


def margin_turned_round(probabilities: Tensor) -> Tensor:
    return -margin(probabilities)


# --- 07.3 ---------------------------------------------------------------------------------------


def committees() -> list[tuple[list[int], int]]:
    """Agreement with the label and against it, majorities, ties, and votes that are scattered."""
    return [
        ([3, 3, 3, 3, 3], 3),
        ([5, 5, 5, 5, 5], 3),
        ([5, 5, 5, 3, 3], 3),
        ([3, 5, 3, 5, 3], 3),
        ([5, 5, 3, 8, 9], 3),
        ([3, 3, 5, 8, 9], 3),
        ([8, 5, 9, 0, 2], 3),
        ([4, 9, 9, 4], 4),
        ([9, 9, 4, 4], 4),
    ]


def verdict(readings: list[int], label: int) -> str:
    for digit in range(10):
        if readings.count(digit) > len(readings) / 2:
            return "model" if digit == label else "label"
    return "ambiguous"


def verdict_turned_round(readings: list[int], label: int) -> str:
    return {"model": "label", "label": "model", "ambiguous": "ambiguous"}[verdict(readings, label)]


def verdict_by_plurality(readings: list[int], label: int) -> str:
    favourite = max(sorted(set(readings)), key=readings.count)
    if [readings.count(digit) for digit in set(readings)].count(readings.count(favourite)) > 1:
        return "ambiguous"
    return "model" if favourite == label else "label"


def verdict_of_the_most_common(readings: list[int], label: int) -> str:
    favourite = max(readings, key=readings.count)
    return "model" if favourite == label else "label"


def verdict_if_unanimous(readings: list[int], label: int) -> str:
    if len(set(readings)) > 1:
        return "ambiguous"
    return "model" if readings[0] == label else "label"


def verdict_of_disagreement(readings: list[int], label: int) -> str:
    agreeing = readings.count(label)
    return (
        "model" if 2 * agreeing > len(readings) else "label" if 2 * agreeing < len(readings) else "ambiguous"
    )


# --- 07.4 ---------------------------------------------------------------------------------------


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


def precision_of_the_smallest(losses: Tensor, planted: Tensor, k: int) -> float:
    return planted[losses.argsort()[:k]].float().mean().item()


def recall_at(losses: Tensor, planted: Tensor, k: int) -> float:
    return float(planted[losses.argsort(descending=True)[:k]].sum() / planted.sum())


def hits_at(losses: Tensor, planted: Tensor, k: int) -> int:
    return int(planted[losses.argsort(descending=True)[:k]].sum())


def precision_of_the_first(losses: Tensor, planted: Tensor, k: int) -> float:
    return planted[:k].float().mean().item()


# --- 07.5 ---------------------------------------------------------------------------------------


def read_by_neighbours(digits: dl.Digits, images: Tensor) -> Tensor:
    """A reader that learns by heart: a digit is likely if a known image of it is near. Stands in for a network."""
    distances = torch.cdist(images.flatten(1).float(), digits.images.flatten(1).float()) / 500
    scores = torch.stack(
        [(-distances)[:, digits.labels == digit].logsumexp(dim=1) for digit in range(10)], dim=1
    )
    return scores.softmax(dim=1)


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


def losses_after_training_on_all(
    digits: dl.Digits, folds: Tensor, train_and_read: Callable[[dl.Digits, Tensor], Tensor]
) -> Tensor:
    return dl.cross_entropy(train_and_read(digits, digits.images), digits.labels)


def losses_within_the_fold(
    digits: dl.Digits, folds: Tensor, train_and_read: Callable[[dl.Digits, Tensor], Tensor]
) -> Tensor:
    losses = torch.zeros(len(digits))
    for fold in folds.unique():
        inside = folds == fold
        losses[inside] = dl.cross_entropy(
            train_and_read(digits[inside], digits[inside].images), digits[inside].labels
        )
    return losses


def losses_with_the_roles_exchanged(
    digits: dl.Digits, folds: Tensor, train_and_read: Callable[[dl.Digits, Tensor], Tensor]
) -> Tensor:
    losses = torch.zeros(len(digits))
    for fold in folds.unique():
        inside = folds == fold
        losses[~inside] = dl.cross_entropy(
            train_and_read(digits[inside], digits[~inside].images), digits[~inside].labels
        )
    return losses


def losses_fold_after_fold(
    digits: dl.Digits, folds: Tensor, train_and_read: Callable[[dl.Digits, Tensor], Tensor]
) -> Tensor:
    losses = out_of_fold_losses(digits, folds, train_and_read)
    return torch.cat([losses[folds == fold] for fold in folds.unique()])


def losses_of_probabilities(
    digits: dl.Digits, folds: Tensor, train_and_read: Callable[[dl.Digits, Tensor], Tensor]
) -> Tensor:
    probabilities = probabilities_out_of_fold(digits, folds, train_and_read)
    return F.cross_entropy(probabilities, digits.labels, reduction="none")


def probabilities_out_of_fold(
    digits: dl.Digits, folds: Tensor, train_and_read: Callable[[dl.Digits, Tensor], Tensor]
) -> Tensor:
    probabilities = torch.zeros(len(digits), 10)
    for fold in folds.unique():
        probabilities[folds == fold] = train_and_read(digits[folds != fold], digits.images[folds == fold])
    return probabilities


EXERCISES = [
    Exercise(
        number="07.1",
        title="The worst first",
        name="rank_mistakes",
        minutes=8,
        difficulty="medium",
        starter="def rank_mistakes(probabilities, labels):\n"
        '    """The places of the misread images in the set, int64 (M,), the largest loss first."""\n    ...',
        answer=rank_mistakes,
        praise="equal to dl.misclassified(...).indices. Looking at the twenty worst is the cheapest quarter of an hour in machine learning: it finds "
        "wrong labels, broken images and forgotten cases, which no average shows.",
        hints=(
            "The loss of an image is -log of the probability of its label: probabilities[torch.arange(len(labels)), labels].",
            "wrong = (probabilities.argmax(dim=1) != labels).nonzero().flatten() are the places of the mistakes in the whole set.",
            "losses[wrong].argsort(descending=True) is an order *within* the mistakes; index `wrong` with it to get places in the set.",
        ),
        wrong=(
            WrongAnswer(
                rank_smallest_first, "the order is turned round: argsort sorts upwards. Pass descending=True."
            ),
            WrongAnswer(
                rank_everything,
                "this ranks all images, those that were read correctly too. Keep the mistakes only.",
            ),
            WrongAnswer(
                rank_by_confidence,
                "this ranks by the probability of the answer that was given. The loss looks at the probability of the label: a network may "
                "be 60 % sure of a wrong answer and still give the label 39 %, or next to nothing.",
            ),
            WrongAnswer(
                rank_within_the_mistakes,
                "these are places in the list of mistakes, not in the set: images[0] would be the set's first image. Index the places of "
                "the mistakes with this order.",
            ),
            WrongAnswer(
                mistakes_unsorted,
                "the right images, in the order of the set. Sort them by their loss, the largest first.",
            ),
        ),
        cases=probabilities_and_labels,
    ),
    Exercise(
        number="07.2",
        title="The margin",
        name="margin",
        minutes=5,
        difficulty="easy",
        starter='def margin(probabilities):\n    """Largest minus second largest probability of each image, (N,)."""\n    ...',
        answer=margin,
        praise="and it needs no label, so it can be used on the first day that a network is at work, when nobody knows the answers yet.",
        hints=(
            "`probabilities.topk(2, dim=1).values` has the two largest of each row.",
            "Column 0 minus column 1 of that: values[:, 0] - values[:, 1].",
        ),
        wrong=(
            WrongAnswer(
                margin_to_the_smallest,
                "this is the largest minus the smallest, nearly the confidence itself. Take the second largest.",
            ),
            WrongAnswer(
                margin_of_neighbours,
                "this compares the answer with the digit after it. The rival is whichever digit has the second largest probability: "
                "sort the values, do not count on the classes.",
            ),
            WrongAnswer(
                largest_alone,
                "this is the confidence. 0.5 may be 0.5 against 0.49, or against nine small ones; subtract the second largest.",
            ),
            WrongAnswer(
                margin_over_the_batch,
                "you compared the images of the batch with each other. The ten classes lie along dim=1.",
            ),
            WrongAnswer(
                margin_turned_round,
                "the sign is turned round: it is the largest minus the second largest, 0 or more.",
            ),
        ),
        cases=only_probabilities,
    ),
    Exercise(
        number="07.3",
        title="The verdict",
        name="verdict",
        minutes=10,
        difficulty="medium",
        starter="def verdict(readings, label):\n"
        '    """Digits that the networks read, a list of integers, and the label: "model", "ambiguous" or "label"."""\n    ...',
        answer=verdict,
        praise="a rule that can say 'nobody knows' is worth more than one that always decides: it leaves the doubtful cases to somebody who can look.",
        hints=(
            "`readings.count(digit)` says how many read that digit. More than half means: greater than len(readings) / 2.",
            "At most one digit can have more than half. If there is one, compare it with the label; if there is none, it is ambiguous.",
        ),
        wrong=(
            WrongAnswer(
                verdict_turned_round,
                "the two are exchanged. If the others can read what the label says, the network that could not is at fault: 'model'.",
            ),
            WrongAnswer(
                verdict_by_plurality,
                "two votes of five are the most, yet not more than half. When the others say three different things, nobody knows: 'ambiguous'.",
            ),
            WrongAnswer(
                verdict_of_the_most_common,
                "you never say 'ambiguous': the most common reading wins however few read it. Ask for more than half of the votes.",
            ),
            WrongAnswer(
                verdict_if_unanimous,
                "you ask for all votes; more than half is enough. One careless network should not be able to block a verdict.",
            ),
            WrongAnswer(
                verdict_of_disagreement,
                "five networks that all read something *different* disagree with the label, and with each other. That is an ambiguous digit, not "
                "a wrong label: to overturn a label, more than half must agree on one other digit.",
            ),
        ),
        cases=committees,
    ),
    Exercise(
        number="07.4",
        title="How many suspects are guilty?",
        name="precision_at",
        minutes=6,
        difficulty="easy",
        starter="def precision_at(losses, planted, k):\n"
        '    """Of the k digits with the largest loss, the share that is planted; losses (N,), planted bool (N,)."""\n    ...',
        answer=precision_at,
        praise="compare it with chance: suspects drawn by lot would have the share of planted labels in the whole set.",
        hints=(
            "losses.argsort(descending=True)[:k] are the places of the k suspects.",
            "planted[suspects] is True for the guilty; the mean of the float version is their share.",
        ),
        wrong=(
            WrongAnswer(
                precision_of_the_smallest,
                "you look at the smallest losses; argsort sorts upwards. Pass descending=True.",
            ),
            WrongAnswer(
                recall_at,
                "this is the recall: of all planted labels, the share that was found. The question is about the suspects: divide by k.",
            ),
            WrongAnswer(hits_at, "this is the number of the guilty; divide it by k."),
            WrongAnswer(
                precision_of_the_first,
                "these are the first k digits of the set, not those with the largest losses.",
            ),
        ),
        cases=losses_and_plants,
    ),
    Exercise(
        number="07.5",
        title="Never ask a network about what it has learnt",
        name="out_of_fold_losses",
        minutes=12,
        difficulty="hard",
        starter="def out_of_fold_losses(digits, folds, train_and_read):\n"
        '    """The loss of each digit, (N,), from a network that was trained on the other folds."""\n    ...',
        answer=out_of_fold_losses,
        praise="every digit was judged by a stranger. The same ten lines give an honest accuracy where there are too few digits to set any aside.",
        hints=(
            "For each fold: inside = folds == fold. Train on digits[~inside], read digits[inside].images.",
            "dl.cross_entropy(probabilities, labels) gives one loss for each image.",
            "Put the results back where they belong: losses = torch.zeros(len(digits)), then losses[inside] = ...",
        ),
        wrong=(
            WrongAnswer(
                losses_after_training_on_all,
                "you trained on all digits and asked about the same ones. What is learnt by heart has a small loss, wrong labels included. "
                "Leave out the fold that is being read.",
            ),
            WrongAnswer(
                losses_within_the_fold,
                "each network reads the fold that it was trained on, so it has learnt the very labels it should judge. Train on digits[folds != fold].",
            ),
            WrongAnswer(
                losses_with_the_roles_exchanged,
                "the roles are exchanged: you train on one fold and read the others, so each network learns from few digits and later folds "
                "overwrite earlier losses. Train on all *but* the fold.",
            ),
            WrongAnswer(
                losses_fold_after_fold,
                "the losses are right but stand fold after fold. Digit 1's loss belongs in place 1: write losses[folds == fold] = ...",
            ),
            WrongAnswer(
                losses_of_probabilities,
                "F.cross_entropy expects logits and applies a softmax of its own; these are probabilities already. Use "
                "dl.cross_entropy(probabilities, labels), or take minus the logarithm of the label's probability.",
            ),
            WrongAnswer(
                probabilities_out_of_fold,
                "these are the probabilities, (N, 10). One step is missing: the loss of each digit, dl.cross_entropy(probabilities, labels).",
            ),
        ),
        cases=small_sets,
    ),
]
