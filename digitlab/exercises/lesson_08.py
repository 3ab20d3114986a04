"""Exercises of lesson 08, how sure is it: the confusion matrix, calibration, a temperature."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake, call


# 08.1
def labels_and_predictions() -> list[tuple[Tensor, Tensor]]:
    """A few hundred digits with some confusions, of which one goes one way only; and a few digits, most classes absent."""
    generator = torch.Generator().manual_seed(6)
    labels = torch.randint(0, 10, (300,), generator=generator)
    predictions = torch.where(torch.rand(300, generator=generator) < 0.8, labels, (labels + 5) % 10)
    predictions = torch.where(labels == 4, torch.full_like(labels, 9), predictions)
    few = torch.tensor([4, 4, 9, 0]), torch.tensor([4, 9, 9, 0])
    return [(labels, predictions), few, (torch.tensor([4, 4, 7]), torch.tensor([4, 7, 7]))]


def confusion_matrix(labels: Tensor, predictions: Tensor) -> Tensor:
    matrix = torch.zeros(10, 10, dtype=torch.int64)
    for label, prediction in zip(labels.tolist(), predictions.tolist(), strict=True):
        matrix[label, prediction] += 1
    return matrix


# 08.2
def probabilities_and_labels() -> list[tuple[Tensor, Tensor]]:
    """Networks too sure, and not sure enough, and one with confidences on the edges of bins, 0.1 to 1.0."""
    generator = torch.Generator().manual_seed(7)
    logits = 2 * torch.randn(400, 10, generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).squeeze(1)
    confidences = torch.tensor([0.45, 0.45, 0.5, 0.5, 0.5, 0.55, 0.55, 0.95, 1.0, 1.0, 1.0, 1.0])
    edges = ((1 - confidences) / 9)[:, None].repeat(1, 10)
    edges[:, 3] = confidences
    on_edges = torch.tensor([5, 2, 3, 3, 3, 1, 2, 3, 3, 3, 3, 1])
    cases = [((factor * logits).softmax(dim=1), labels) for factor in (3, 0.5, 1)]
    edges[0] = 0.1
    return [*cases, (edges[1:7], on_edges[1:7]), (edges, on_edges)]  # the inner edges first: they show most mistakes


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


def number_or_nan(answer: Any, probabilities: Tensor, labels: Tensor) -> Any:
    """What the answer returns; where it is no number, why."""
    error = call(answer, probabilities, labels)
    if isinstance(error, float | Tensor) and bool(torch.as_tensor(error).isnan().any()):
        raise Mistake("nan comes out: a bin without digits has no mean. Leave out the empty bins")
    return error


# 08.3
def overconfident_logits() -> list[tuple[Tensor, Tensor, list[float]]]:
    """Logits too large, too small, of a network that is sure where it is wrong, and tiny, useless ones."""
    generator = torch.Generator().manual_seed(8)
    logits = 2 * torch.randn(500, 10, generator=generator)
    labels = torch.multinomial(logits.softmax(dim=1), 1, generator=generator).squeeze(1)
    candidates = [0.5, 4.0, 0.25, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]  # neither end is the smallest or the largest
    slips = torch.where(torch.rand(500, generator=generator) < 0.1, (labels + 5) % 10, logits.argmax(dim=1))
    cases = [(3 * logits, labels, candidates), (logits / 2, labels, candidates), (3 * logits, slips, candidates)]
    cases += [(3 * logits, labels, candidates[5:] + candidates[:5])]
    return [*cases, (logits / 20, (labels + 5) % 10, [*candidates, 4.125])]


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
            edit("return matrix", "return torch.bincount(labels * 10 + predictions).view(10, 10)",
                "bincount stops at the largest number that it meets. For a hundred counts say minlength=100."),
            edit("return matrix", "return matrix.sum(dim=0).expand(10, 10)",
                "all ten rows are the same. [[0] * 10] * 10 is one row, named ten times: make ten rows, "
                "[[0] * 10 for _ in range(10)]."),
            edit("return matrix", "return matrix / matrix.sum(dim=1, keepdim=True).clamp(min=1)",
                "these are shares of each row. "
                "Keep the counts: 1 of 2 and 500 of 1,000 are the same share and not the same evidence."),
            edit("    return matrix", "        return matrix",
                "one digit is counted and no more: the return stands inside the loop."),
            edit("+= 1", "+= label != prediction",
                "the diagonal is empty: digits that were read correctly count as well."),
        ),
    ),
    Exercise(
        number="08.2", title="Expected calibration error", name="calibration_error", minutes=12, difficulty="hard",
        starter="def calibration_error(probabilities, labels):\n"
        '    """The expected calibration error with ten bins: probabilities (N, 10), labels (N,), a number out."""\n    ...',
        answer=calibration_error, cases=probabilities_and_labels, observe=number_or_nan,
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
            edit("> i / 10", ">= i / 10", "<= (i + 1) / 10", "< (i + 1) / 10",
                "a confidence on an edge, 0.5 say, goes into the bin above. The upper edge belongs to the bin, the "
                "lower one does not: > i / 10 and <= (i + 1) / 10."),
            edit("return error", "return float((confidences - right).abs().mean())",
                "this is the gap of each digit by itself, and a single digit is right or wrong, never 90 % right. "
                "Put the digits into bins, and compare the means."),
            edit("range(10)", "range(9)", "> i / 10", "> i / 9", "(i + 1) / 10", "(i + 1) / 9",
                "these are nine bins, as linspace(0, 1, 10) has it: ten edges make nine bins, and ten need eleven."),
            edit("confidences[inside].mean()", "(i + 0.5) / 10",
                "you took the middle of each bin for its confidence. Take the mean of the confidences in it."),
            edit("gap.abs()", "gap",
                "gaps of different sign cancel here: a network that is too sure in one bin "
                "and too modest in another would look perfect. Take the absolute value of each bin's gap."),
            edit("return error", "return float((confidences.mean() - right.mean()).abs())",
                "this is mean confidence against accuracy over all digits, one big bin. "
                "Gaps in different places cancel; take the absolute value bin by bin, then add."),
            edit("error = 0.0", "error, confidences = 0.0, probabilities[torch.arange(len(labels)), labels]",
                "you binned by the probability of the label, which a reader does not know. The confidence is the "
                "probability of the answer, the largest one."),
            edit("> i / 10", ">= i / 10",
                "a confidence on an edge, 0.5 say, is in two bins. Only the upper edge belongs to the bin."),
            edit("<= (i + 1) / 10", "< (i + 1) / 10",
                "a confidence on an edge, 0.5 or 1.0 say, is in no bin. The upper edge belongs to it, with <=."),
            edit("error += ", "error = ", "this is what the last bin adds. Add them all up: +=."),
            edit("    return error", "        return error",
                "only the first bin counts: the return stands inside the loop."),
            edit("gap.abs()", "gap.square()", "you squared each gap. Take its absolute value."),
            edit("inside.float().mean() * gap.abs()", "inside.sum() * gap.abs()",
                "each gap is multiplied by the *number* of digits in the bin. Divide by all digits."),
            edit("error += float(inside.float().mean() * gap.abs())", "error = max(error, float(gap.abs()))",
                "this is the largest gap. Take the mean of all, each weighted by the bin's share of the digits."),
            edit("probabilities.max(dim=1)", "probabilities.softmax(dim=1).max(dim=1)",
                "these are probabilities already: a softmax makes them nearly equal. Leave it out."),
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
                "you return the first candidate each time. Is the `return` inside the loop? Or do you choose by "
                "accuracy? That does not change when ten logits are divided by one number."),
            edit("logits / temperature", "logits * temperature",
                "this multiplies the logits. A temperature divides them: hot means soft."),
            edit("logits / temperature", "(logits / temperature).softmax(dim=1)",
                "you nearly always return the smallest candidate. So it goes when the loss is given probabilities: "
                "F.cross_entropy applies a softmax of its own. Give it logits / t as they are."),
            edit("candidates[losses.index(min(losses))]", "candidates[-1]",
                "you return the last candidate each time. Keep the smallest loss so far, and replace both, the loss "
                "and the candidate, only where a loss is below it."),
            edit("logits / temperature", "(logits := logits / temperature)",
                "the first candidate is right, and then the logits are divided again and again: `logits = logits / "
                "t` changes them for the next one. Give the quotient another name."),
            edit("min(losses)", "max(losses)", "this one has the largest loss. Take the smallest."),
            edit("candidates[losses.index(min(losses))]", "losses.index(min(losses))",
                "this is the place of the best candidate in the list; return the candidate itself."),
            edit("candidates[losses.index(min(losses))]", "min(losses)",
                "this is the smallest loss itself; return the temperature that gives it."),
            edit("F.cross_entropy(logits / temperature, labels).item()",
                "calibration_error((logits / temperature).softmax(dim=1), labels)",
                "this is the one with the smallest calibration error: often the same, but the loss is asked for."),
        ),
    ),
]
