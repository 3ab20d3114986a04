"""How good is it, really? Scores and labels in; numbers out, on the CPU, with their uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from digitlab.checks import check_range, checked


@checked
def accuracy(scores: Float[Tensor, "N C"], labels: Int64[Tensor, " N"], k: int = 1) -> float:
    """The share of images, 0..1, whose label is among the ``k`` highest scores, equal ones by class. Lesson 07.

    Examples:
        >>> scores = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]])
        >>> labels = torch.tensor([0, 1])
        >>> accuracy(scores, labels), accuracy(scores, labels, k=2)
        (0.5, 1.0)
    """
    scores, labels = _on_cpu("scores", scores), _classes("labels", labels, scores.shape[1])
    check_range("k", k, 1, scores.shape[1])
    best = scores.argsort(dim=1, descending=True, stable=True)[:, :k]
    return int((best == labels[:, None]).sum()) / len(labels)


@checked
def confusion_matrix(
    labels: Int64[Tensor, " N"], predictions: Int64[Tensor, " N"], n_classes: int = 10
) -> Int64[Tensor, "C C"]:
    """How often each class was taken for each other: row = true class, column = predicted class. Lesson 08.

    Examples:
        >>> confusion_matrix(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), n_classes=2)
        tensor([[1, 1],
                [0, 1]])
    """
    check_range("n_classes", n_classes, 1)
    labels = _classes("labels", labels, n_classes)
    predictions = _classes("predictions", predictions, n_classes)
    return torch.bincount(labels * n_classes + predictions, minlength=n_classes**2).view(n_classes, n_classes)


@checked
@dataclass(frozen=True)
class PerClass:
    """Precision: of the images called a 3, the share that are. Recall: of the 3s, the share found.

    ``f1`` is the harmonic mean of the two, ``support`` the number of images of each class.
    """

    precision: Float[Tensor, " C"]
    recall: Float[Tensor, " C"]
    f1: Float[Tensor, " C"]
    support: Int64[Tensor, " C"]


@checked
def per_class(matrix: Int64[Tensor, "C C"]) -> PerClass:
    """Precision, recall and F1 of each class, from a `confusion_matrix`. Lesson 08.

    What would be 0 / 0 is 0.0, like the precision of a class that was never predicted.

    Examples:
        >>> result = per_class(torch.tensor([[1, 1], [0, 2]]))
        >>> result.precision, result.recall
        (tensor([1.0000, 0.6667]), tensor([0.5000, 1.0000]))
    """
    matrix = matrix.cpu()
    if (matrix < 0).any():
        raise ValueError("matrix: expected counts of 0 or more, got a negative one")
    hits, predicted, support = matrix.diagonal(), matrix.sum(dim=0), matrix.sum(dim=1)
    return PerClass(
        precision=hits / predicted.clamp(min=1),
        recall=hits / support.clamp(min=1),
        f1=2 * hits / (predicted + support).clamp(min=1),
        support=support,
    )


@checked
@dataclass(frozen=True)
class Calibration:
    """A reliability diagram in numbers. Bin ``i`` is ``(edges[i], edges[i + 1]]``; an empty one has means of NaN."""

    edges: Float[Tensor, " edges"]
    counts: Int64[Tensor, " bins"]
    confidences: Float[Tensor, " bins"]
    accuracies: Float[Tensor, " bins"]
    expected_error: float

    @property
    def overconfidence(self) -> float:
        """Mean confidence minus accuracy over all images, -1..1: above 0, it promises more than it keeps."""
        return float((self.counts * (self.confidences - self.accuracies)).nansum() / self.counts.sum())


@checked
def calibration(
    probabilities: Float[Tensor, "N C"], labels: Int64[Tensor, " N"], n_bins: int = 15
) -> Calibration:
    """Does "90 % sure" mean right nine times in ten? Built by hand in lesson 08.

    Images are grouped by their largest probability into bins of equal width. The expected calibration error is
    the mean distance from confidence to accuracy, weighted by the bin's share of the images: Guo et al., "On
    Calibration of Modern Neural Networks" (2017), equation 3. Compare only errors of equally many bins.

    Examples:
        >>> probabilities = torch.tensor([[0.75, 0.25]]).expand(4, 2)
        >>> calibration(probabilities, torch.tensor([0, 0, 0, 1])).expected_error
        0.0
    """
    probabilities, labels = _probabilities(probabilities, labels)
    check_range("n_bins", n_bins, 1)
    confidences, predictions = probabilities.max(dim=1)
    edges = torch.linspace(0, 1, n_bins + 1, dtype=confidences.dtype, device="cpu")
    bins = torch.bucketize(confidences, edges[1:-1])
    # In double precision: ten thousand small numbers lose digits in single.
    confidence_sums = torch.bincount(bins, weights=confidences.double(), minlength=n_bins)
    hits = torch.bincount(bins, weights=(predictions == labels).double(), minlength=n_bins)
    counts = torch.bincount(bins, minlength=n_bins)
    return Calibration(
        edges=edges.float(),
        counts=counts,
        confidences=(confidence_sums / counts).float(),
        accuracies=(hits / counts).float(),
        expected_error=float((hits - confidence_sums).abs().sum() / len(labels)),
    )


@checked
def wilson_interval(n_correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Where the true accuracy may lie, low and high, if ``n_correct`` of ``n`` images were right. Lesson 07.

    Wilson's score interval (1927), which holds near 100 %, too, unlike "± 1.96 standard errors". It covers the
    luck of the test images, not that of the training seed.

    Examples:
        >>> low, high = wilson_interval(9_900, 10_000)
        >>> f"{low:.4f} to {high:.4f}"
        '0.9879 to 0.9918'
    """
    check_range("n", n, 1)
    check_range("n_correct", n_correct, 0, n)
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a share between 0 and 1, got {confidence}")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = n_correct / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half_width = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # Rounding must not push an end past the share itself, as it would at 400 of 400.
    return max(0.0, min(share, centre - half_width)), min(1.0, max(share, centre + half_width))


@checked
def cross_entropy(probabilities: Float[Tensor, "N C"], labels: Int64[Tensor, " N"]) -> Float[Tensor, " N"]:
    """The loss of each image in nats: minus the log of the probability of its label. Built by hand in lesson 02.

    A probability of zero counts as the smallest normal number, so a ``float32`` loss is at most 87.3.

    Examples:
        >>> cross_entropy(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), torch.tensor([0, 1]))
        tensor([0.0000, 0.6931])
    """
    probabilities, labels = _probabilities(probabilities, labels)
    of_label = probabilities.gather(1, labels[:, None]).squeeze(1)
    # Rounding may leave a probability a hair above one; its loss is zero, not negative.
    return of_label.clamp(torch.finfo(of_label.dtype).tiny, 1.0).log().abs()


@checked
@dataclass(frozen=True)
class Misclassified:
    """The M images that were read wrongly, the largest loss first."""

    indices: Int64[Tensor, " M"]
    labels: Int64[Tensor, " M"]
    predictions: Int64[Tensor, " M"]
    confidences: Float[Tensor, " M"]
    losses: Float[Tensor, " M"]


@checked
def misclassified(probabilities: Float[Tensor, "N C"], labels: Int64[Tensor, " N"]) -> Misclassified:
    """The mistakes, ranked by loss: first those the network was surest of. Explained in lesson 09.

    Examples:
        >>> probabilities = torch.tensor([[0.6, 0.4], [0.1, 0.9], [0.2, 0.8]])
        >>> misclassified(probabilities, torch.tensor([1, 0, 1])).indices
        tensor([1, 0])
    """
    losses = cross_entropy(probabilities, labels)
    confidences, predictions = probabilities.detach().cpu().max(dim=1)
    labels = labels.cpu()
    wrong = (predictions != labels).nonzero().squeeze(1)
    indices = wrong[losses[wrong].argsort(descending=True, stable=True)]
    return Misclassified(indices, *(each[indices] for each in (labels, predictions, confidences, losses)))


def _on_cpu(name: str, scores: Tensor) -> Tensor:
    if scores.numel() == 0 or scores.isnan().any():
        raise ValueError(f"{name}: expected numbers, got {'none' if scores.numel() == 0 else 'NaN'}")
    return scores.detach().cpu()


def _probabilities(probabilities: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    probabilities = _on_cpu("probabilities", probabilities)
    low, sums = float(probabilities.min()), probabilities.double().sum(dim=1)
    if low < 0 or (sums - 1).abs().max() > 1e-3:
        got = f"a smallest value of {low:.4g} and sums from {sums.min():.4g} to {sums.max():.4g}"
        raise ValueError(f"probabilities: expected rows that sum to 1 (the softmax of logits), got {got}")
    return probabilities, _classes("labels", labels, probabilities.shape[1])


def _classes(name: str, classes: Tensor, n_classes: int) -> Tensor:
    for value in (classes.min(), classes.max()) if len(classes) else ():
        check_range(name, int(value), 0, n_classes - 1)
    return classes.cpu()
