"""Exercises of lesson 06, how good is it: an interval, a paired test, the confusion matrix, calibration, a temperature."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from digitlab.exercises import Exercise, edit


# 06.1
def interval(n_correct: int, n: int) -> tuple[float, float]:
    share, z = n_correct / n, 1.96
    # (share - p)^2 = z^2 p (1 - p) / n is a quadratic equation in p; these are the middle and half the distance of its roots.
    pull = z**2 / n  # towards one half: the fewer digits, the stronger
    middle = (share + pull / 2) / (1 + pull)
    half = z * math.sqrt(share * (1 - share) / n + pull / (4 * n)) / (1 + pull)
    return middle - half, middle + half


# 06.2
def pairs_of_networks() -> list[tuple[Tensor, Tensor]]:
    """A alone right, B alone right, both, neither: 20 to 10, the same turned round, a tie, full agreement, 6 to 0."""
    counts = [(20, 10, 300, 5), (10, 20, 300, 5), (4, 4, 50, 2), (0, 0, 40, 3), (6, 0, 30, 0)]
    kinds = torch.tensor([(True, False, True, False), (False, True, True, False)])
    cases = []
    for each in counts:
        order = torch.randperm(sum(each), generator=torch.Generator().manual_seed(0))
        right_a, right_b = kinds.repeat_interleave(torch.tensor(each), dim=1)[:, order]
        cases.append((right_a, right_b))
    return cases


def paired_p_value(right_a: Tensor, right_b: Tensor) -> float:
    only_a = int((right_a & ~right_b).sum())
    only_b = int((right_b & ~right_a).sum())
    n, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    return min(1.0, 2 * tail)  # a tie counts the middle twice


# 06.3
def labels_and_predictions() -> list[tuple[Tensor, Tensor]]:
    """A few hundred digits with some confusions, of which one goes one way only; and three digits, all classes but two absent."""
    generator = torch.Generator().manual_seed(6)
    labels = torch.randint(0, 10, (300,), generator=generator)
    predictions = torch.where(torch.rand(300, generator=generator) < 0.8, labels, (labels + 5) % 10)
    predictions = torch.where(labels == 4, torch.full_like(labels, 9), predictions)
    return [(labels, predictions), (torch.tensor([4, 4, 9]), torch.tensor([4, 9, 9]))]


def confusion_matrix(labels: Tensor, predictions: Tensor) -> Tensor:
    matrix = torch.zeros(10, 10, dtype=torch.int64)
    for label, prediction in zip(labels.tolist(), predictions.tolist(), strict=True):
        matrix[label, prediction] += 1
    return matrix


# 06.4
def probabilities_and_labels() -> list[tuple[Tensor, Tensor]]:
    """Networks that are too sure, and not sure enough, and one whose confidences lie on the edges of bins."""
    generator = torch.Generator().manual_seed(7)
    logits = 2 * torch.randn(400, 10, generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).squeeze(1)
    edges = torch.full((8, 10), 0.5 / 9)
    edges[:, 3] = 0.5
    cases = [((factor * logits).softmax(dim=1), labels) for factor in (3, 0.5, 1)]
    return [*cases, (edges, torch.tensor([3, 3, 3, 3, 3, 3, 1, 2]))]


def calibration_error(probabilities: Tensor, labels: Tensor) -> float:
    confidences, predictions = probabilities.max(dim=1)
    right = (predictions == labels).float()
    error = 0.0
    for i in range(10):
        inside = (confidences > i / 10) & (confidences <= (i + 1) / 10)
        if inside.any():
            gap = confidences[inside].mean() - right[inside].mean()
            error += float(inside.float().mean() * gap.abs())
    return error


# 06.5
def overconfident_logits() -> list[tuple[Tensor, Tensor, list[float]]]:
    """Logits three times too large, then half as large as they should be, with labels drawn from the right ones."""
    generator = torch.Generator().manual_seed(8)
    logits = 2 * torch.randn(500, 10, generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).squeeze(1)
    candidates = [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    return [(3 * logits, labels, candidates), (logits / 2, labels, candidates), (3 * logits, labels, candidates[::-1])]


def best_temperature(logits: Tensor, labels: Tensor, candidates: list[float]) -> float:
    losses = [F.cross_entropy(logits / temperature, labels).item() for temperature in candidates]
    return candidates[losses.index(min(losses))]


EXERCISES = [
    Exercise(
        number="06.1", title="Which truths are plausible?", name="interval", minutes=12, difficulty="hard",
        starter='def interval(n_correct, n):\n    """(low, high): the true accuracies within 1.96 standard errors of n_correct / n."""\n    ...',
        answer=interval, cases=lambda: [(9_920, 10_000), (180, 200), (20, 20), (0, 7), (3, 4)],
        praise="equal to dl.wilson_interval. Note what it says for 20 of 20: not 100 %, but anything above about 84 %. "
        "A perfect score on few digits is weak evidence.",
        hints=(
            "The standard error belongs to the truth p that is being tried, not to the measured share: sqrt(p * (1 - p) / n).",
            "By trial: p = torch.linspace(0, 1, 200_001, dtype=torch.float64); keep those with "
            "(share - p).abs() <= 1.96 * (p * (1 - p) / n).sqrt(); return the smallest and the largest as numbers.",
            "On paper, square both sides: (share - p)^2 = 1.96^2 * p * (1 - p) / n is quadratic in p. With z = 1.96 the middle of "
            "its roots is (share + z**2 / (2 * n)) / (1 + z**2 / n).",
        ),
        wrong=(
            edit("z**2 / n", "0",
                "this is share ± 1.96 standard errors, with the standard error of the measured share. For 20 "
                "of 20 it is 0, so the interval claims exactly 100 %. Use the standard error of each p that you try."),
            edit("z**2 / n", "0", "middle - half, middle + half", "max(middle - half, 0), min(middle + half, 1)",
                "cutting at 0 and 1 hides the trouble but does not cure it: for 20 of 20 both ends are still 100 %. "
                "The standard error should be that of each candidate p, not that of the measured share."),
            edit("z**2 / n", "0", "(1 - share) / n", "(1 - share)",
                "this is the scatter of single digits; "
                "a mean over n digits scatters less. Divide p * (1 - p) by n under the root."),
            edit("1.96", "1",
                "these are the truths within one standard error: "
                "such intervals miss the truth one time in three. For 95 % take 1.96."),
            edit("middle - half, middle + half", "(middle - half) * n, (middle + half) * n",
                "right, but counted in digits. Return shares: leave out the factor n."),
        ),
    ),
    Exercise(
        number="06.2", title="McNemar's coin", name="paired_p_value", minutes=12, difficulty="medium",
        starter="def paired_p_value(right_a, right_b):\n"
        '    """How often equal networks would differ this much or more; bool tensors (N,) in, a number out."""\n    ...',
        answer=paired_p_value, cases=pairs_of_networks,
        praise="exact, with no tables and no approximation. Note that the number of digits on which both agree never entered: "
        "a thousand more easy digits would not change the p-value.",
        hints=(
            "Count the digits where only A is right, `(right_a & ~right_b).sum()`, and where only B is. The rest does not matter.",
            "With n such digits and `fewer` on the smaller side: the chance of `fewer` or less heads is "
            "sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n.",
            "'Either way' means both ends of the scale, so double it. A tie would give more than 1: return min(1.0, ...).",
        ),
        wrong=(
            edit("min(1.0, 2 * tail)", "tail",
                "this is one end only: 'A wins by this much or more'. Nobody said beforehand which would win, "
                "so B winning by as much is as surprising. Double it, up to 1."),
            edit("min(1.0, 2 * tail)", "2 * tail",
                "right except for a tie: there both ends contain the middle, and the sum exceeds 1. "
                "A p-value is a probability; take min(1.0, ...)."),
            edit("min(1.0, 2 * tail)", "math.comb(n, fewer) / 2**n",
                "this is the chance of exactly this split. With many digits every single split is rare, "
                "even the most ordinary one. Add up all splits that are this uneven or more."),
            edit("only_a + only_b, min(only_a, only_b)", "len(right_a), min(int(right_a.sum()), int(right_b.sum()))",
                "you toss a coin for every digit, but digits that both read correctly, "
                "or both wrongly, say nothing about who is better. Count only those where exactly one is right."),
            edit("right_a & ~right_b", "right_a", "right_b & ~right_a", "right_b",
                "you counted all that A got right and all that B got right. What both got right "
                "cannot tell them apart: count the digits where A is right and B is not, and the other way round."),
            edit("return min(1.0, 2 * tail)",
                "both = torch.cat([right_a, right_b]).float()\n"
                "    return math.erfc(abs(only_a - only_b) / math.sqrt(2 * len(both) * both.var(correction=0)))",
                "this compares two accuracies as if they came from different digits. "
                "It throws away that the digits are the same; count where exactly one of the two is right."),
        ),
    ),
    Exercise(
        number="06.3", title="The confusion matrix", name="confusion_matrix", minutes=8, difficulty="easy",
        starter="def confusion_matrix(labels, predictions):\n"
        '    """Counts (10, 10), int64: row = label, column = prediction."""\n    ...',
        answer=confusion_matrix, cases=labels_and_predictions,
        praise="equal to dl.confusion_matrix, which gets there without a loop: it counts the numbers 10 * label + prediction with "
        "torch.bincount and folds the 100 counts into a square.",
        hints=(
            "Start with torch.zeros(10, 10, dtype=torch.int64), and add 1 to one cell for each digit.",
            "A plain loop will do: for label, prediction in zip(labels, predictions): matrix[label, prediction] += 1.",
        ),
        wrong=(
            edit("matrix[label, prediction]", "matrix[prediction, label]",
                "rows and columns are exchanged. The label is the row: a 4 read as a 9 belongs in matrix[4, 9]."),
            edit("zip(labels.tolist(), predictions.tolist(), strict=True)", "[(labels, predictions)]",
                "no count is above 1. `matrix[labels, predictions] += 1` reads all cells, "
                "adds, and writes each back once, however often it was named. Use a loop, or torch.bincount."),
            edit("return matrix", "return matrix.float()",
                "the numbers are right, but counts are whole: make it dtype=torch.int64."),
            edit("return matrix", "return matrix / matrix.sum(dim=1, keepdim=True).clamp(min=1)",
                "these are shares of each row. "
                "Keep the counts: 1 of 2 and 500 of 1,000 are the same share and not the same evidence."),
            edit("+= 1", "+= label != prediction",
                "the diagonal is empty: digits that were read correctly count as well."),
        ),
    ),
    Exercise(
        number="06.4", title="Expected calibration error", name="calibration_error", minutes=12, difficulty="hard",
        starter="def calibration_error(probabilities, labels):\n"
        '    """The expected calibration error with ten bins: probabilities (N, 10), labels (N,), a number out."""\n    ...',
        answer=calibration_error, cases=probabilities_and_labels,
        praise="equal to dl.calibration(..., n_bins=10).expected_error. Mind the limits of the number: a network that says 'one tenth each' "
        "about everything is calibrated, and useless.",
        hints=(
            "probabilities.max(dim=1) gives the confidences and the predictions at once. A digit is right where prediction == label.",
            "For bin i of ten: inside = (confidences > i / 10) & (confidences <= (i + 1) / 10). An empty bin counts nothing.",
            "Each bin adds (its share of all digits) * |mean confidence - share right in it|.",
        ),
        wrong=(
            edit("inside.float().mean() * gap.abs()", "gap.abs() / len((confidences * 10).ceil().unique())",
                "every bin counts the same here, whether it holds two digits or two thousand. "
                "Weigh each gap by the bin's share of the digits."),
            edit("inside.float().mean() * gap.abs()", "gap.abs() / 10",
                "this is the plain average over ten bins. "
                "Weigh each gap by the bin's share of the digits: a bin of two digits says little."),
            edit("gap.abs()", "gap",
                "gaps of different sign cancel here: a network that is too sure in one bin "
                "and too modest in another would look perfect. Take the absolute value of each bin's gap."),
            edit("return error", "return float((confidences.mean() - right.mean()).abs())",
                "this is mean confidence against accuracy over all digits, one big bin. "
                "Gaps in different places cancel; take the absolute value bin by bin, then add."),
            edit("error = 0.0", "error, confidences = 0.0, probabilities[torch.arange(len(labels)), labels]",
                "you binned by the probability of the label. "
                "A reader does not know the label; the confidence is the probability of the answer, the largest one."),
        ),
    ),
    Exercise(
        number="06.5", title="One temperature", name="best_temperature", minutes=8, difficulty="medium",
        starter="def best_temperature(logits, labels, candidates):\n"
        '    """The one among the candidates, a list of numbers, with which the loss is smallest."""\n    ...',
        answer=best_temperature, cases=overconfident_logits,
        praise="that is all of temperature scaling. It can only turn one knob for all digits alike, which is why a few hundred validation "
        "digits suffice and nothing can be memorised.",
        hints=(
            "For each candidate t, compute F.cross_entropy(logits / t, labels); return the candidate whose loss is smallest.",
            "Python's min takes a key: min(candidates, key=lambda t: ...), where the key gives the loss as a number (.item()).",
        ),
        wrong=(
            edit("F.cross_entropy(logits / temperature, labels)", "((logits / temperature).argmax(1) != labels).sum()",
                "dividing all ten logits by the same number leaves their order alone, "
                "so the accuracy is the same for every candidate and cannot choose: you return whichever comes first. "
                "The loss sees the probabilities."),
            edit("logits / temperature", "logits * temperature",
                "this multiplies the logits. A temperature divides them: hot means soft."),
            edit("logits / temperature", "(logits / temperature).softmax(dim=1)",
                "a double softmax: F.cross_entropy applies its own, so give it logits / t as they are."),
            edit("min(losses)", "max(losses)", "this one has the largest loss. Take the smallest."),
            edit("candidates[losses.index(min(losses))]", "losses.index(min(losses))",
                "this is the place of the best candidate in the list; return the candidate itself."),
            edit("candidates[losses.index(min(losses))]", "min(losses)",
                "this is the smallest loss itself; return the temperature that gives it."),
        ),
    ),
]
