"""Exercises of lesson 08, how sure is it: the confusion matrix, calibration, a temperature."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from digitlab.exercises import Exercise, edit


# 08.1
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


# 08.2
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


# 08.3
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
        number="08.1", title="The confusion matrix", name="confusion_matrix", minutes=8, difficulty="easy",
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
        number="08.2", title="Expected calibration error", name="calibration_error", minutes=12, difficulty="hard",
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
        number="08.3", title="One temperature", name="best_temperature", minutes=8, difficulty="medium",
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
