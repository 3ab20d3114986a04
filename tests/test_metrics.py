"""metrics: against scikit-learn, SciPy and PyTorch on random predictions, and what is at the edges."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import scipy.stats
import sklearn.metrics
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from torch import Tensor

from digitlab import metrics

few = settings(derandomize=True, deadline=None, max_examples=25)
seeds = st.integers(0, 10_000)
Call = Callable[..., Any]


def random_logits(seed: int) -> tuple[Tensor, Tensor]:
    """Logits of a reader who is right more often than not, with their labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (200,), generator=generator)
    return torch.randn(200, 10, generator=generator) + 1.5 * F.one_hot(labels, 10), labels


@few
@given(seed=seeds, k=st.integers(1, 9))  # scikit-learn warns of ten
def test_accuracy_is_scikit_learns(seed: int, k: int) -> None:
    logits, labels = random_logits(seed)
    expected = sklearn.metrics.top_k_accuracy_score(labels, logits, k=k, labels=range(10))
    assert metrics.accuracy(logits, labels, k) == pytest.approx(expected, abs=1e-12)


def test_equal_scores_do_not_count_as_right_and_minus_infinity_is_one() -> None:
    assert metrics.accuracy(torch.zeros(10, 10), torch.arange(10)) == 0.1
    assert metrics.accuracy(torch.zeros(10, 10), torch.arange(10), k=3) == 0.3
    scores = torch.tensor([[0.0, -math.inf], [-math.inf, 0.0]])
    assert metrics.accuracy(scores, torch.tensor([0, 0])) == 0.5


@few
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60))
def test_confusion_matrix_and_per_class_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = torch.tensor(pairs).T  # short lists: many classes are absent or never predicted
    classes: Any = {"labels": range(10)}
    matrix = metrics.confusion_matrix(labels, predictions)
    assert matrix.dtype == torch.int64
    assert matrix.tolist() == sklearn.metrics.confusion_matrix(labels, predictions, **classes).tolist()
    expected = sklearn.metrics.precision_recall_fscore_support(
        labels, predictions, **classes, zero_division=0
    )
    for (name, ours), theirs in zip(vars(metrics.per_class(matrix)).items(), expected, strict=True):
        assert ours.tolist() == pytest.approx(theirs.tolist(), abs=1e-6), name


def test_bins_include_their_upper_edge() -> None:
    probabilities = torch.tensor([[0.5, 0.5], [0.75, 0.25], [1.0, 0.0], [1.0000002, 0.0]])  # rounded
    result = metrics.calibration(probabilities, torch.zeros(4, dtype=torch.int64), n_bins=4)
    assert result.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert result.counts.tolist() == [0, 1, 1, 2]


@few
@given(seed=seeds, n_bins=st.integers(1, 40))
def test_calibration_is_scikit_learns(seed: int, n_bins: int) -> None:
    logits, labels = random_logits(seed)
    probabilities = logits.softmax(dim=1)
    confidences, predictions = probabilities.max(dim=1)
    hits = predictions == labels
    result = metrics.calibration(probabilities, labels, n_bins)
    filled = result.counts > 0
    shares = result.counts[filled].numpy() / 200
    right, sure = calibration_curve(hits, confidences, n_bins=n_bins)
    assert result.accuracies[filled].tolist() == pytest.approx(right, abs=1e-6)
    assert result.confidences[filled].tolist() == pytest.approx(sure, abs=1e-6)
    assert result.accuracies[~filled].isnan().all() and result.confidences[~filled].isnan().all()
    assert shares @ sure == pytest.approx(confidences.mean().item(), abs=1e-6)
    assert result.expected_error == pytest.approx(shares @ abs(right - sure), abs=1e-6)
    assert result.overconfidence == pytest.approx(float(confidences.mean() - hits.float().mean()), abs=1e-6)


@few
@given(st.integers(1, 20_000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_wilson_interval_is_scipys(n: int, share: float, confidence: float) -> None:
    n_correct = round(share * n)
    low, high = metrics.wilson_interval(n_correct, n, confidence)
    expected = scipy.stats.binomtest(n_correct, n).proportion_ci(confidence, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= n_correct / n <= high <= 1
    assert metrics.wilson_interval(0, n)[0] == 0.0 and metrics.wilson_interval(n, n)[1] == 1.0


def test_cross_entropy_is_finite_and_not_negative() -> None:
    probabilities = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0000002, 0.0]], requires_grad=True)
    losses = metrics.cross_entropy(probabilities, torch.tensor([1, 0, 0]))
    assert losses.tolist() == pytest.approx([87.336, 0, 0], abs=1e-3)
    assert not losses.signbit().any()  # "-0.0000" would be an odd thing to print
    assert not losses.requires_grad


@few
@given(seed=seeds)
def test_misclassified_is_what_is_wrong_by_pytorchs_cross_entropy(seed: int) -> None:
    logits, labels = random_logits(seed)
    probabilities = (4 * logits.softmax(dim=1)).ceil() / 4  # many are equal: they keep their order
    probabilities /= probabilities.sum(dim=1, keepdim=True)
    confidences, predictions = probabilities.max(dim=1)
    losses = F.nll_loss(probabilities.log(), labels, reduction="none")
    assert torch.equal(metrics.cross_entropy(probabilities, labels), losses)
    wrong = sorted((predictions != labels).nonzero()[:, 0].tolist(), key=lambda i: -losses[i])
    indices, *columns = vars(metrics.misclassified(probabilities, labels)).values()
    assert indices.tolist() == wrong
    assert all(
        map(torch.equal, columns, (each[wrong] for each in (labels, predictions, confidences, losses)))
    )
    assert metrics.misclassified(probabilities, predictions).losses.shape == (0,)


GOOD, LABELS = torch.tensor([[0.9, 0.1], [0.2, 0.8]]), torch.tensor([0, 1])
PROBABLE = [metrics.calibration, metrics.cross_entropy, metrics.misclassified]


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        *((each, (3 * GOOD - 1, LABELS), "softmax.* smallest value of -0.7 ") for each in PROBABLE),
        *((each, (2 * GOOD, LABELS), "probabilities: .*sums from 2 to 2") for each in PROBABLE),
        *((each, (GOOD * math.nan, LABELS), "probabilities: .* got NaN") for each in PROBABLE),
        *(
            (each, (GOOD, LABELS - 1), "labels: expected 0 to 1, got -1")
            for each in (metrics.accuracy, *PROBABLE)
        ),
        *(
            (each, (GOOD, LABELS + 1), "labels: expected 0 to 1, got 2")
            for each in (metrics.accuracy, *PROBABLE)
        ),
        (metrics.accuracy, (GOOD, LABELS, 3), "k: expected 1 to 2, got 3"),
        (metrics.calibration, (GOOD, LABELS, 0), "n_bins: expected 1 or more, got 0"),
        (metrics.confusion_matrix, (LABELS, LABELS + 9), "predictions: expected 0 to 9, got 10"),
        (metrics.per_class, (torch.tensor([[1, -1], [0, 1]]),), "matrix: expected counts"),
        (metrics.wilson_interval, (0, 0), "n: expected 1 or more, got 0"),
        (metrics.wilson_interval, (11, 10), "n_correct: expected 0 to 10, got 11"),
        (metrics.wilson_interval, (5, 10, 95), "confidence: expected a share between 0 and 1, got 95"),
        (metrics.wilson_interval, (5, 10, 0.0), "confidence"),
    ],
)
def test_wrong_arguments(function: Call, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(*arguments)
