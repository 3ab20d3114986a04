"""metrics: against scikit-learn and SciPy on random predictions, and against values worked out by hand."""

from __future__ import annotations

import math

import pytest
import scipy.stats
import sklearn.metrics
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from digitlab import metrics

few = settings(derandomize=True, deadline=None, max_examples=25)
seeds = st.integers(0, 10_000)


def random_logits(seed: int, n: int = 200, skill: float = 1.5) -> tuple[Tensor, Tensor]:
    """Logits of a reader who is right more often than not, with their labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (n,), generator=generator)
    return torch.randn(n, 10, generator=generator) + skill * F.one_hot(labels, 10), labels


def random_probabilities(seed: int, n: int = 200) -> tuple[Tensor, Tensor]:
    logits, labels = random_logits(seed, n)
    return logits.softmax(dim=1), labels


# --- accuracy -----------------------------------------------------------------------------------------------


@few
@given(seed=seeds, k=st.integers(1, 10))
def test_accuracy_is_scikit_learns(seed: int, k: int) -> None:
    logits, labels = random_logits(seed)
    expected = sklearn.metrics.top_k_accuracy_score(labels, logits, k=k, labels=range(10))
    assert metrics.accuracy(logits, labels, k) == pytest.approx(expected, abs=1e-12)


def test_accuracy_is_the_same_for_logits_and_probabilities() -> None:
    logits, labels = random_logits(0)
    assert metrics.accuracy(logits, labels, 2) == metrics.accuracy(logits.softmax(dim=1), labels, 2)


def test_equal_scores_do_not_count_as_right() -> None:
    labels = torch.arange(10)
    assert metrics.accuracy(torch.zeros(10, 10), labels) == 0.1
    assert metrics.accuracy(torch.zeros(10, 10), labels, k=3) == 0.3


def test_accuracy_takes_minus_infinity_but_not_nan() -> None:
    scores = torch.tensor([[0.0, -math.inf], [-math.inf, 0.0]])
    assert metrics.accuracy(scores, torch.tensor([0, 0])) == 0.5
    scores[0, 0] = math.nan
    with pytest.raises(ValueError, match="scores: expected numbers, got NaN"):
        metrics.accuracy(scores, torch.tensor([0, 0]))


# --- confusion matrix and per class -------------------------------------------------------------------------


@few
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=60))
def test_confusion_matrix_and_per_class_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = torch.tensor(pairs).T  # short lists: many classes are absent or never predicted
    matrix = metrics.confusion_matrix(labels, predictions)
    assert matrix.dtype == torch.int64
    assert matrix.tolist() == sklearn.metrics.confusion_matrix(labels, predictions, labels=range(10)).tolist()

    result = metrics.per_class(matrix)
    expected = sklearn.metrics.precision_recall_fscore_support(
        labels, predictions, labels=range(10), zero_division=0
    )
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert getattr(result, name).tolist() == pytest.approx(values.tolist(), abs=1e-6), name


def test_confusion_matrix_rows_are_true_classes() -> None:
    matrix = metrics.confusion_matrix(torch.tensor([4, 4, 4]), torch.tensor([9, 9, 4]))
    assert matrix.shape == (10, 10)
    assert matrix[4, 9] == 2 and matrix[4, 4] == 1 and matrix.sum() == 3


def test_confusion_matrices_of_batches_add_up() -> None:
    logits, labels = random_logits(3)
    predictions = logits.argmax(dim=1)
    parts = [
        metrics.confusion_matrix(labels[part], predictions[part]) for part in (slice(70), slice(70, None))
    ]
    assert torch.equal(parts[0] + parts[1], metrics.confusion_matrix(labels, predictions))
    assert not metrics.confusion_matrix(labels[:0], predictions[:0]).any()


# --- calibration --------------------------------------------------------------------------------------------


def test_calibration_by_hand() -> None:
    confidences = torch.tensor([0.6, 0.7, 0.8, 0.9, 0.95])
    probabilities = torch.stack([confidences, 1 - confidences], dim=1)
    labels = torch.tensor([0, 1, 0, 0, 1])  # the reader says 0 every time: right, wrong, right, right, wrong
    result = metrics.calibration(probabilities, labels, n_bins=4)
    # (0.5, 0.75]: 0.6 and 0.7, one of two right; (0.75, 1]: 0.8, 0.9 and 0.95, two of three right.
    assert result.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert result.counts.tolist() == [0, 0, 2, 3]
    assert result.confidences[2:].tolist() == pytest.approx([0.65, 2.65 / 3])
    assert result.accuracies[2:].tolist() == pytest.approx([1 / 2, 2 / 3])
    assert result.confidences[:2].isnan().all() and result.accuracies[:2].isnan().all()
    assert result.expected_error == pytest.approx(2 / 5 * 0.15 + 3 / 5 * (2.65 / 3 - 2 / 3))
    assert result.overconfidence == pytest.approx(3.95 / 5 - 3 / 5)


def test_bins_include_their_upper_edge() -> None:
    probabilities = torch.tensor(
        [[0.5, 0.5], [0.75, 0.25], [1.0, 0.0], [1.0000002, 0.0]]
    )  # the last was rounded
    result = metrics.calibration(probabilities, torch.zeros(4, dtype=torch.int64), n_bins=4)
    assert result.counts.tolist() == [0, 1, 1, 2]


@few
@given(seed=seeds, n_bins=st.integers(1, 40))
def test_calibration_bin_by_bin(seed: int, n_bins: int) -> None:
    probabilities, labels = random_probabilities(seed)
    result = metrics.calibration(probabilities, labels, n_bins)
    confidences, predictions = probabilities.max(dim=1)
    hits = (predictions == labels).float()
    error = 0.0
    for i in range(n_bins):
        inside = (confidences > i / n_bins) & (confidences <= (i + 1) / n_bins)
        assert result.counts[i] == inside.sum()
        if inside.any():
            assert result.accuracies[i] == pytest.approx(hits[inside].mean().item(), abs=1e-6)
            error += (
                inside.sum().item() / 200 * abs((hits[inside].mean() - confidences[inside].mean()).item())
            )
    assert result.expected_error == pytest.approx(error, abs=1e-6)
    assert abs(result.overconfidence) <= result.expected_error + 1e-6


def test_sure_and_always_wrong_is_the_largest_error_and_doubt_has_the_other_sign() -> None:
    sure = F.one_hot(torch.zeros(8, dtype=torch.int64), 10).float()
    result = metrics.calibration(sure, torch.ones(8, dtype=torch.int64))
    assert result.expected_error == result.overconfidence == 1.0
    doubtful = torch.tensor([[0.4, 0.3, 0.3]])
    assert metrics.calibration(doubtful, torch.tensor([0])).overconfidence == pytest.approx(-0.6)


# --- Wilson interval ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_correct", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_as_published(n_correct: int, n: int, low: float, high: float) -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3."""
    assert metrics.wilson_interval(n_correct, n) == pytest.approx((low, high), abs=5e-5)


@few
@given(st.integers(1, 20_000), st.floats(0, 1), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_wilson_interval_is_scipys(n: int, share: float, confidence: float) -> None:
    n_correct = round(share * n)
    low, high = metrics.wilson_interval(n_correct, n, confidence)
    expected = scipy.stats.binomtest(n_correct, n).proportion_ci(confidence, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
    assert 0 <= low <= n_correct / n + 1e-12 and n_correct / n - 1e-12 <= high <= 1


@pytest.mark.parametrize("n_correct", [0, 1, 19, 20])
def test_wilson_interval_stays_inside_and_mirrors(n_correct: int) -> None:
    low, high = metrics.wilson_interval(n_correct, 20)
    assert 0 <= low < high <= 1
    assert metrics.wilson_interval(20 - n_correct, 20) == pytest.approx((1 - high, 1 - low))


# --- cross-entropy and ranking ------------------------------------------------------------------------------


@few
@given(seed=seeds)
def test_cross_entropy_is_pytorchs_and_scikit_learns(seed: int) -> None:
    logits, labels = random_logits(seed)
    losses = metrics.cross_entropy(logits.softmax(dim=1), labels)
    torch.testing.assert_close(
        losses, F.cross_entropy(logits, labels, reduction="none"), atol=1e-5, rtol=1e-5
    )
    probabilities = logits.double().softmax(dim=1)
    expected = sklearn.metrics.log_loss(labels, probabilities, labels=range(10))
    assert metrics.cross_entropy(probabilities, labels).mean().item() == pytest.approx(expected, abs=1e-9)


def test_cross_entropy_is_finite_and_not_negative() -> None:
    probabilities = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0000002, 0.0]])
    losses = metrics.cross_entropy(probabilities, torch.tensor([1, 0, 0]))
    assert losses.tolist() == pytest.approx([87.336, 0, 0], abs=1e-3)
    assert not losses.signbit().any()  # "-0.0000" would be an odd thing to print


def test_misclassified_by_hand() -> None:
    probabilities = torch.tensor(
        [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.9, 0.02, 0.08], [0.5, 0.4, 0.1], [0.1, 0.1, 0.8]]
    )
    result = metrics.misclassified(probabilities, torch.tensor([0, 2, 1, 1, 2]))
    assert result.indices.tolist() == [2, 1, 3]
    assert result.labels.tolist() == [1, 2, 1]
    assert result.predictions.tolist() == [0, 1, 0]
    assert result.confidences.tolist() == pytest.approx([0.9, 0.6, 0.5])
    assert result.losses.tolist() == pytest.approx([-math.log(0.02), -math.log(0.1), -math.log(0.4)])


@few
@given(seed=seeds)
def test_misclassified_is_every_mistake_once_in_order(seed: int) -> None:
    probabilities, labels = random_probabilities(seed)
    result = metrics.misclassified(probabilities, labels)
    wrong = (probabilities.argmax(dim=1) != labels).nonzero().flatten()
    assert result.indices.sort().values.tolist() == wrong.tolist()
    assert (result.losses.diff() <= 0).all()
    assert torch.equal(result.losses, metrics.cross_entropy(probabilities, labels)[result.indices])
    assert 1 - len(wrong) / len(labels) == pytest.approx(metrics.accuracy(probabilities, labels))


def test_misclassified_keeps_the_order_of_equals_and_may_be_empty() -> None:
    probabilities = torch.tensor([[0.8, 0.2]]).repeat(50, 1)
    result = metrics.misclassified(probabilities, torch.ones(50, dtype=torch.int64))
    assert result.indices.tolist() == list(range(50))
    assert metrics.misclassified(probabilities, torch.zeros(50, dtype=torch.int64)).losses.shape == (0,)


# --- wrong input --------------------------------------------------------------------------------------------

GOOD, LABELS = torch.tensor([[0.9, 0.1], [0.2, 0.8]]), torch.tensor([0, 1])


@pytest.mark.parametrize("function", [metrics.calibration, metrics.cross_entropy, metrics.misclassified])
@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        (torch.tensor([[2.0, -1.0], [0.2, 0.8]]), "probabilities: .*softmax.* smallest value of -1"),
        (torch.tensor([[3.0, 1.0], [0.2, 0.8]]), "probabilities: .*sums from 1 to 4"),
        (GOOD.log(), "probabilities: .*smallest value of -2.303"),
        (torch.tensor([[math.nan, 1.0], [0.2, 0.8]]), "probabilities: expected numbers, got NaN"),
        (torch.tensor([[1, 0], [0, 1]]), "probabilities: expected Float.* got torch.int64"),
        (torch.tensor([0.9, 0.1]), r"probabilities: expected Float.* got torch.float32 \(2,\)"),
    ],
)
def test_what_is_not_probabilities(function: object, probabilities: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        function(probabilities, LABELS)  # type: ignore[operator]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "function", [metrics.accuracy, metrics.calibration, metrics.cross_entropy, metrics.misclassified]
)
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 2]), "labels: expected 0 to 1, got 2"),
        (torch.tensor([-1, 1]), "labels: expected 0 to 1, got -1"),
        (torch.tensor([0]), r"labels: expected Int64.* got torch.int64 \(1,\)"),
        (torch.tensor([0.0, 1.0]), "labels: expected Int64.* got torch.float32"),
        (torch.tensor([[1, 0], [0, 1]]), r"labels: expected Int64.* got torch.int64 \(2, 2\)"),
        (torch.tensor(1), "labels: expected Int64"),
    ],
)
def test_labels_that_do_not_fit(function: object, labels: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(GOOD, labels)  # type: ignore[operator]


def test_other_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="k: expected 1 to 2, got 0"):
        metrics.accuracy(GOOD, LABELS, k=0)
    with pytest.raises(ValueError, match="k: expected 1 to 2, got 3"):
        metrics.accuracy(GOOD, LABELS, k=3)
    with pytest.raises(ValueError, match="n_bins: expected 1 or more, got 0"):
        metrics.calibration(GOOD, LABELS, n_bins=0)
    with pytest.raises(ValueError, match="predictions: expected 0 to 9, got 10"):
        metrics.confusion_matrix(LABELS, torch.tensor([0, 10]))
    with pytest.raises(ValueError, match=r"predictions: expected Int64.* got torch.int64 \(3,\)"):
        metrics.confusion_matrix(LABELS, torch.tensor([0, 1, 1]))
    with pytest.raises(ValueError, match=r"matrix: expected Int64.* got torch.int64 \(2, 3\)"):
        metrics.per_class(torch.ones(2, 3, dtype=torch.int64))
    with pytest.raises(ValueError, match="matrix: expected Int64"):
        metrics.per_class(torch.ones(2, 2))
    with pytest.raises(ValueError, match="matrix: expected counts"):
        metrics.per_class(torch.tensor([[1, -1], [0, 1]]))


@pytest.mark.parametrize("n", [1, 20, 400, 2000, 10_000])
def test_wilson_interval_holds_the_share_at_both_ends(n: int) -> None:
    assert metrics.wilson_interval(0, n)[0] == 0.0
    assert metrics.wilson_interval(n, n)[1] == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0), "n: expected 1 or more, got 0"),
        ((-1, 10), "n_correct: expected 0 to 10, got -1"),
        ((11, 10), "n_correct: expected 0 to 10, got 11"),
        ((5, 10, 95), "confidence: expected a share between 0 and 1, got 95"),
        ((5, 10, 1.0), "confidence"),
        ((5, 10, 0.0), "confidence"),
    ],
)
def test_wilson_interval_refuses(arguments: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.wilson_interval(*arguments)


def test_inputs_are_left_alone_and_gradients_do_not_leak() -> None:
    logits, labels = random_logits(1)
    probabilities = logits.requires_grad_().softmax(dim=1)
    before = probabilities.detach().clone(), labels.clone()
    assert not metrics.cross_entropy(probabilities, labels).requires_grad
    assert not metrics.misclassified(probabilities, labels).confidences.requires_grad
    assert metrics.calibration(probabilities, labels).expected_error >= 0
    assert torch.equal(probabilities, before[0]) and torch.equal(labels, before[1])
