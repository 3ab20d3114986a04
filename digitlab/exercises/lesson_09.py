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
    return [(losses, planted, 10), (losses.flip(0), planted.flip(0), 31), (losses, planted, 1)]


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
                "the order is turned round: the largest loss comes first. The loss is *minus* the logarithm, and "
                "argsort sorts upwards unless it is told descending=True."),
            edit("!= labels", "== labels",
                "these are the digits that were read correctly. A mistake is where prediction and label differ: !=."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "losses.argsort(descending=True)",
                "this ranks all images, those that were read correctly too. Keep the mistakes only."),
            edit("-probabilities[torch.arange(len(labels)), labels].log()", "probabilities.max(dim=1).values",
                "this ranks by the probability of the answer that was given. "
                "The loss looks at the probability of the label: "
                "a network may be 60 % sure of a wrong answer and still give the label 39 %, or next to nothing."),
            edit("wrong[losses[wrong].argsort(descending=True)]",
                "(losses * (probabilities.argmax(dim=1) != labels)).argsort(descending=True)",
                "all images are in this list. With a loss of 0 those that were read correctly stand last, but they are "
                "still there. Keep the mistakes only."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "losses[wrong].argsort(descending=True)",
                "these are places in the list of mistakes, not in the set: images[0] would be the set's first image. "
                "Index the places of the mistakes with this order."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "wrong",
                "the right images, in the order of the set. Sort them by their loss, the largest first."),
            edit("wrong[losses[wrong].argsort(descending=True)]",
                "losses.topk(int((probabilities.argmax(dim=1) != labels).sum())).indices",
                "the number of places is right, but digits that were read correctly are among them: a large loss "
                "does not always mean a mistake. Pick the mistakes first, then sort those."),
            edit("probabilities.argmax(dim=1) != labels", "losses > -torch.tensor(0.5).log()",
                "this takes every label with less than 0.5. A digit is misread when another digit has "
                "more than the label: compare probabilities.argmax(dim=1) with the labels."),
            edit("-probabilities[torch.arange(len(labels)), labels].log()",
                'torch.nn.functional.cross_entropy(probabilities, labels, reduction="none")',
                "the mistakes are right, their order is not. If you used F.cross_entropy: it expects logits and "
                "applies a softmax of its own, but these are probabilities. Take -log of the label's probability."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "losses.mean().argsort(descending=True)",
                "this is a single number: the loss was averaged over the images. Each image has one of its own; "
                "F.cross_entropy would take the mean, and expects logits besides."),
            edit("-probabilities[torch.arange(len(labels)), labels].log()", "-probabilities.amax(dim=1).log()",
                "this ranks by the probability of the answer that was given, the least sure first. The loss is -log "
                "of the *label's* probability."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "wrong[losses[wrong].argsort(descending=True)][:, None]",
                "the places are right, but stand in a column, (M, 1). nonzero() gives one; flatten() makes it (M,)."),
            edit("wrong[losses[wrong].argsort(descending=True)]", "losses[wrong].sort(descending=True).values",
                "these are the losses themselves, in the right order. Asked for are the places of those images: "
                "argsort instead of sort."),
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
            edit("probabilities.topk", "probabilities.softmax(dim=1).topk",
                "these are probabilities already: a softmax on top of them makes all of them nearly equal. Leave it "
                "out."),
            edit("best - second", "best - probabilities.min(dim=1).values",
                "this is the largest minus the smallest, nearly the confidence itself. Take the second largest."),
            edit("best - second", "best - torch.stack([row[(row.argmax() + 1) % 10] for row in probabilities])",
                "this compares the answer with the digit after it. The rival is whichever digit "
                "has the second largest probability: sort the values, do not count on the classes."),
            edit("best - second", "torch.sub(*probabilities.sort(dim=1).values[:, :2].unbind(dim=1))",
                "these are the two smallest of each row, subtracted: sort goes upwards. Take the last two columns, "
                "values[:, -1] - values[:, -2]."),
            edit("best - second", "-torch.sub(*probabilities.sort(dim=1).values[:, :2].unbind(dim=1))",
                "this is the second smallest minus the smallest: sort goes upwards. Take the last two columns, "
                "values[:, -1] - values[:, -2], or sort with descending=True."),
            edit("best - second", "best",
                "this is the confidence. "
                "0.5 may be 0.5 against 0.49, or against nine small ones; subtract the second largest."),
            edit("best - second", "probabilities.amax(dim=0) - probabilities.sort(dim=0).values[-2:][0]",
                "you compared the images of the batch with each other. The ten classes lie along dim=1."),
            edit("best - second", "second - best",
                "the sign is turned round: it is the largest minus the second largest, 0 or more."),
            edit("best - second", "1 - best",
                "this is one minus the confidence, the share of the nine others together. "
                "The margin has one rival only: subtract the second largest from the largest."),
            edit("best - second",
                "best - torch.where(probabilities == best[:, None], 0.0, probabilities).amax(dim=1)",
                "right, except where two digits are equally likely: you take both of them out, and compare with the "
                "third. Their margin is 0: take out one, or sort."),
            edit("best - second", "2 * best - 1",
                "this subtracts all the nine others together. The margin has one rival: the second largest."),
            edit("best - second", "best / second",
                "this is the largest divided by the second largest. A margin is a difference: subtract."),
            edit("best - second", "(best - second)[:, None]",
                "the differences are right, but stand in a column, (N, 1). Take values[:, 0] - values[:, 1]."),
            edit("best - second", "(best - second).mean()",
                "this is the mean over all images. Each image has a margin of its own: leave the mean out."),
            edit("probabilities.topk(2, dim=1).values.unbind(dim=1)", "probabilities.sort(dim=1, descending=True).values[:2]",
                "these are ten numbers, from the first two images: a [0] - [1] subtracts rows. "
                "The ten classes lie along dim=1: write values[:, 0] - values[:, 1]."),
            edit("probabilities.topk(2, dim=1).values.unbind(dim=1)", "probabilities.sort(dim=1)[:, -1]",
                "your code stopped: sort and topk give two tensors, the values and their places. "
                "Take .values of what they return."),
            edit("best - second", "torch.sub(*probabilities.topk(2, dim=1).indices.unbind(dim=1))",
                "this subtracts the two *digits*. Take the .values of topk, not the .indices."),
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
            edit('return "model" if digit == label else "label"', 'return "label"',
                "you say 'label' whenever any digit has a majority, the label itself as well. Ask first whether it "
                "is the label."),
            edit("len(readings) / 2", "2",
                "right for a committee of five, but other sizes may come: three votes are not always more than half. "
                "Compare with > len(readings) / 2."),
            edit("range(10)", "[label, *range(10)]", "> len(readings) / 2", ">= len(readings) // 2",
                "you count half of the votes as enough: for five, len(readings) // 2 is 2. It must be more than half: "
                "> len(readings) / 2."),
            edit("range(10)", "[max(readings, key=readings.count)]", "> len(readings) / 2", ">= len(readings) // 2",
                "two votes of five are enough for you: len(readings) // 2 is 2 there. It must be more than half: "
                "> len(readings) / 2."),
            edit("> len(readings) / 2", ">= len(readings) / 2",
                "two votes of four are enough for you. Half is not more than half, and two digits can have it at once: "
                "> len(readings) / 2."),
            edit("range(10)", "sorted(readings, key=label.__eq__)", "> len(readings) / 2", ">= len(readings) / 2",
                "two votes of four are enough for you, against the label as well. It must be more than half: "
                "> len(readings) / 2."),
            edit("range(10)", "[max(set(readings), key=readings.count)]",
                "readings.count(digit) > len(readings) / 2", "True",
                "you never say 'ambiguous': the digit with the most votes wins, however few they are. To decide, it "
                "needs more than half: > len(readings) / 2."),
            edit("range(10)", "[max(set(readings), key=readings.count)]",
                "> len(readings) / 2", "> len(readings) / 2 or digit == label",
                "for 'model' the most votes are enough for you, two of five even. The label, too, needs more than "
                "half: > len(readings) / 2."),
            edit("range(10)", "[max(set(readings), key=readings.count)]",
                "> len(readings) / 2", "> len(readings) / 2 or digit != label",
                "for 'label' the most votes are enough for you, two of five even. To overturn the label takes more "
                "than half: > len(readings) / 2."),
            edit("range(10)", "readings", "> len(readings) / 2", ">= len(readings) / 2",
                "two votes of four are enough for you, and whichever was read first wins. It must be more than half: "
                "> len(readings) / 2."),
            edit('return "model" if digit == label else "label"', 'return "model" if label in readings else "label"',
                'return "ambiguous"', 'return "model" if label in readings else "ambiguous"',
                "you say 'model' as soon as anybody reads what the label says, even where four of five read another "
                "digit. Ask for more than half."),
            edit('return "ambiguous"', 'return "model" if label in readings else "ambiguous"',
                "where no digit has a majority you say 'model' as soon as anybody reads what the label says. One vote "
                "is not enough: without a majority it is 'ambiguous'."),
            edit('return "ambiguous"', 'return "model" if sorted(readings)[len(readings) // 2] == label else "ambiguous"',
                "for [1, 1, 3, 7, 7] and the label 3 you say 'model', though one network of five reads a 3. The median "
                "is the middle of the numbers, not what most of them say: count the votes."),
            edit('return "ambiguous"', 'return "model" if sorted(readings)[len(readings) // 2] == label else "label"',
                "you never say 'ambiguous': it looks as if the median decides. It is the middle of the numbers, not what "
                "most of them say: count the votes."),
            edit("range(10)", "[label, readings[0]]",
                "you look at the label and at the first reading only. Another digit may have the majority: "
                "count each digit that was read."),
            edit('return "ambiguous"', 'return "ambiguous" if label in readings else "label"',
                'return "model" if digit == label else "label"',
                'return "model" if digit == label else "label" if label not in readings else "ambiguous"',
                "you say 'label' exactly when nobody reads what the label says. A single vote does not save it, and its "
                "absence does not condemn it: ask whether more than half agree on one other digit."),
            edit('    return "ambiguous"', '        return "ambiguous"',
                "you answer after the first digit that was tried. Return 'ambiguous' after the loop, when no digit has "
                "a majority."),
            edit("readings.count(digit) > len(readings) / 2", "(readings == digit).mean() > 0.5",
                "your code stopped: readings is a list, and comparing a list with a number gives one False, nothing to "
                "count. Use readings.count(digit)."),
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
                "you look at the smallest losses. argsort sorts upwards; with descending=True the largest are the first k, [:k]."),
            edit("planted[suspects].float().mean().item()", "float(planted[suspects].sum() / planted.sum())",
                "this is the recall: of all planted labels, the share that was found. "
                "The question is about the suspects: divide by k."),
            edit("planted[suspects].float().mean().item()", "int(planted[suspects].sum())",
                "this is the number of the guilty; divide it by k."),
            edit("planted[suspects]", "planted[:k]",
                "these are the first k digits of the set, not those with the largest losses."),
            edit(".float().mean().item()", ".mean()",
                "your code stopped: there is no mean of True and False. Make numbers of them first: .float()."),
            edit("planted[suspects].float().mean().item()", "int(planted[suspects].sum()) / len(planted)",
                "you divided the guilty by the number of all digits. The question is about the suspects: divide by k."),
            edit("planted[suspects].float().mean().item()", "100 * planted[suspects].float().mean().item()",
                "this is in per cent. A share lies between 0 and 1."),
            edit("planted[suspects].float().mean().item()", "planted[suspects].float()",
                "these are the k suspects, one by one: 1 for guilty. Their mean is the share."),
            edit("losses.argsort(descending=True)[:k]", "(losses > losses.sort(descending=True).values[k - 1])",
                "one suspect is missing: the k-th largest loss itself belongs to the k."),
            edit("[:k]", "", "you looked at all digits. The suspects are the first k of the order: [:k]."),
            edit("[:k]", "[:10]", "right for k = 10 only. Look at k of them and divide by k, whatever k is: [:k]."),
            edit("[:k]", "[: k + 1]", "you looked at one suspect too many: [:k] are k places."),
            edit("[:k]", "[k : k + 1]",
                "this is one digit, the one at place k of the order. The suspects are all before it: [:k]."),
            edit("losses.argsort(descending=True)[:k]", "losses.sort(descending=True).values[:k].long()",
                "you used the losses themselves as places. argsort gives the places: losses.argsort(descending=True)."),
            edit("[:k]", "[: int(planted.sum())]",
                "you looked at as many suspects as there are planted labels. Look at k of them, whatever k is."),
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
            edit("dl.cross_entropy(probabilities, digits[inside].labels)",
                "torch.nn.functional.cross_entropy(probabilities, digits[inside].labels)",
                "each fold has one number for all its digits: F.cross_entropy takes the mean. It also applies a softmax "
                "of its own, though these are probabilities. Use dl.cross_entropy(probabilities, labels)."),
            edit("digits[inside].labels)", "digits[inside].labels).mean()",
                "each fold has one number for all its digits. Leave the mean out: every digit has a loss of its own."),
            edit("dl.cross_entropy(probabilities, digits[inside].labels)", "-probabilities.amax(dim=1).log()",
                "this is -log of the largest probability, so the label plays no part. "
                "The loss is -log of the probability of the *label*."),
            edit("dl.cross_entropy(probabilities, digits[inside].labels)",
                "dl.cross_entropy(probabilities, digits[inside].labels).neg().exp()",
                "these are the probabilities of the labels. The loss is minus their logarithm."),
            edit("    return losses", "        return losses",
                "all folds but the first are still 0: the return stands inside the loop."),
            edit("folds.unique()", "folds.unique()[1:]",
                "the digits of fold 0 still have the loss 0. The folds count from 0: range(5), not range(1, 6)."),
            edit("folds.unique()", "folds.unique()[:-1]",
                "the digits of the last fold still have the loss 0. There are five: range(5), or folds.unique()."),
            edit("digits[inside].images)", "digits.images)",
                "losses[inside] = dl.cross_entropy(probabilities, digits[inside].labels)",
                "losses = dl.cross_entropy(probabilities, digits.labels)",
                "right for the last fold only: each network reads all digits, and its losses replace all that were "
                "there. Keep those of the fold alone: losses[inside] = ..."),
            edit("digits[~inside]", "digits[folds == (fold + 1) % 5]",
                "you trained on one other fold. All the digits outside the fold may be learnt from: "
                "digits[folds != fold]."),
            edit("digits[inside].images", "digits[inside]",
                "your code stopped: train_and_read wants images as its second argument, and got Digits. "
                "Hand over digits[inside].images."),
            edit("probabilities = train_and_read(digits[~inside], digits[inside].images)",
                "probabilities = train_and_read(digits[~inside], digits.images)",
                "losses[inside] = dl.cross_entropy(probabilities, digits[inside].labels)",
                "losses += dl.cross_entropy(probabilities, digits.labels) / 5",
                "you took the mean over all five networks. Four of them have learnt from the digit: only the one that "
                "has not may judge it."),
            edit("probabilities = train_and_read(digits[~inside], digits[inside].images)",
                "probabilities = train_and_read(digits[~inside], digits.images)",
                "losses[inside] = dl.cross_entropy(probabilities, digits[inside].labels)",
                "losses += dl.cross_entropy(probabilities, digits.labels)",
                "you added up what all five networks say. Four of them have learnt from the digit: only the one "
                "that has not may judge it, losses[inside] = ..."),
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
