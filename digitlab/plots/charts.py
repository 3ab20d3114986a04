"""The pictures with axes: how the training went, how good the network is, how sure, and what it holds for alike.

Each function checks what it was given, draws it, and says it in words. Import them from `digitlab.plots`, where
the pictures made of small images are. Nothing here computes what belongs in `digitlab.metrics`.

Lessons: 03 (`plot_training_curves`), 05 (`plot_probabilities`), 06 (`plot_confusion_matrix`, `plot_reliability`,
`plot_intervals`), 08 (`plot_embedding`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from digitlab.checks import check_kind, check_whole_number, expect
from digitlab.metrics import Calibration
from digitlab.plots.style import (
    BLUE,
    DIGIT_SCALE,
    INK,
    LINE,
    ORANGE,
    PALE,
    QUIET,
    Picture,
    as_array,
    counted,
    house_style,
    listing,
    new_chart,
    percent,
    signed_text,
)
from digitlab.training import History

__all__ = [
    "plot_confusion_matrix",
    "plot_embedding",
    "plot_intervals",
    "plot_probabilities",
    "plot_reliability",
    "plot_training_curves",
]

# Ten colours that colour-blind readers tell apart best, from M. Petroff, "Accessible Color Sequences for Data
# Visualization", arXiv:2107.02270. The digits are written on the picture as well: colour is never the only sign.
CLASS_COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)

# Light enough at both ends for dark numbers on top.
_ERRORS = LinearSegmentedColormap.from_list("errors", ["#fdf0e3", "#f2a65a"])


def plot_training_curves(history: History) -> Picture:
    """Loss and accuracy after each epoch, for training and, where it was measured, validation. Lesson 03.

    Raises:
        ValueError: a history without epochs.
    """
    check_kind("history", history, History, "a History")
    rows = list(history.rows)
    expect(len(rows) > 0, "history", "at least one epoch", "none")
    validated = [row for row in rows if row.val_accuracy is not None]
    kind, share = "training", rows[-1].train_accuracy
    if validated:
        kind, share = "validation", validated[-1].val_accuracy or 0.0
    title = f"{percent(share)} of the {kind} digits right after {counted(len(rows), 'epoch')}"

    with house_style():
        picture = new_chart(6.4, title)
        loss, accuracy = picture.subplots(2, 1, sharex=True)
        for axes, name, scale in ((loss, "loss", 1.0), (accuracy, "accuracy", 100.0)):
            train = [scale * getattr(row, f"train_{name}") for row in rows]
            axes.plot([row.epoch for row in rows], train, "o--", color=BLUE, mfc="white", label="training")
            if validated:
                val = [scale * getattr(row, f"val_{name}") for row in validated]
                axes.plot([row.epoch for row in validated], val, "s-", color=ORANGE, label="validation")
            axes.grid(axis="y")
            axes.margins(x=0.04, y=0.1)
        loss.set_ylabel("loss (nats)")
        loss.set_ylim(bottom=0)
        loss.legend(fontsize=13)
        accuracy.set_ylabel("accuracy")
        accuracy.set_xlabel("epoch")
        accuracy.yaxis.set_major_formatter(_percent_tick)
        accuracy.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(rows) == 1:
            accuracy.set_xticks([rows[0].epoch])
        picture.align_ylabels()

    said = []
    for word, prefix, some in (("training", "train", rows), ("validation", "val", validated)):
        if some:
            losses = [getattr(row, f"{prefix}_loss") for row in some]
            accuracies = [getattr(row, f"{prefix}_accuracy") for row in some]
            best = int(np.argmax(accuracies))
            said += [
                f"{word} loss from {losses[0]:.3g} to {losses[-1]:.3g}",
                f"{word} accuracy from {percent(accuracies[0])} to {percent(accuracies[-1])}, "
                f"best {percent(accuracies[best])} in epoch {some[best].epoch}",
            ]
    picture.alt_text = f"Training curves over {counted(len(rows), 'epoch')}: {'; '.join(said)}."
    return picture


def plot_confusion_matrix(matrix: Tensor) -> Picture:
    """How often each digit was read as each other one. Lesson 06.

    The colour shows the errors only: beside the diagonal, a hundred times larger, all would look like zero.

    Args:
        matrix: counts ``(10, 10)``; rows are the labels, columns the predictions.

    Raises:
        ValueError: another shape, a negative count, or no digits at all.

    Examples:
        >>> import torch
        >>> matrix = torch.eye(10, dtype=torch.int64) * 100
        >>> matrix[4, 9] = 3
        >>> plot_confusion_matrix(matrix)
        Confusion matrix of 1,003 digits: 1,000 on the diagonal (99.7 %); most frequent confusion: 4 read as 9, 3 times.
    """
    counts = as_array("matrix", matrix, (10, 10), "integers")
    total, right = int(counts.sum()), int(counts.trace())
    expect(bool(counts.min() >= 0) and total > 0, "matrix", "counts with a sum above 0", f"sum {total}")
    errors = counts - np.diag(np.diag(counts))
    worst = int(errors.max())
    times = "once" if worst == 1 else f"{worst:,} times"
    (label, prediction), *others = np.argwhere(errors == worst).tolist()
    confusion = f"{label} read as {prediction}, {times}" if worst else "none"
    title = f"{right:,} of {total:,} right ({percent(right / total)})"
    if worst and not others:
        title += f"; most frequent confusion: {confusion}"

    with house_style():
        picture = new_chart(7.0, title)
        axes = picture.add_subplot()
        # The square root, so that a single mistake is seen beside the most frequent one.
        norm = PowerNorm(0.5, vmin=0, vmax=max(worst, 1))
        axes.imshow(np.ma.masked_equal(errors, 0), cmap=_ERRORS, norm=norm)
        for i in range(10):
            axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, facecolor="#e6eef8", edgecolor="none"))
        for (i, j), n in np.ndenumerate(counts):
            if n:
                text = f"{n:,}" if n < 10_000 else f"{n / 1000:.0f}k"
                colour, weight = (BLUE, "normal") if i == j else (INK, "bold")
                axes.text(j, i, text, ha="center", va="center", size=13, color=colour, weight=weight)
        axes.set(xticks=range(10), yticks=range(10), xlabel="read as", ylabel="label")
        axes.xaxis.set_label_position("top")
        axes.tick_params(length=0, labelsize=14, labeltop=True, labelbottom=False)
        axes.set_xticks(np.arange(-0.5, 10), minor=True)
        axes.set_yticks(np.arange(-0.5, 10), minor=True)
        axes.grid(which="minor", linewidth=1.0)
        axes.tick_params(which="minor", length=0)
        axes.spines[:].set_visible(False)

    also = f" (and {counted(len(others), 'other pair')} as often)" if worst and others else ""
    picture.alt_text = (
        f"Confusion matrix of {counted(total, 'digit')}: {right:,} on the diagonal ({percent(right / total)}); "
        f"most frequent confusion: {confusion}{also}."
    )
    return picture


def plot_reliability(calibration: Calibration) -> Picture:
    """Is it right as often as it is sure? Accuracy against confidence, bin by bin. Lesson 06.

    Below it, how many digits lie in each bin, on a logarithmic scale. Bins without digits are left out.

    Args:
        calibration: from `digitlab.metrics.calibration`.

    Raises:
        ValueError: no digits at all.
    """
    check_kind("calibration", calibration, Calibration, "a Calibration")
    edges = as_array("calibration.edges", calibration.edges, ("N",))
    n_bins = len(edges) - 1
    all_counts = as_array("calibration.counts", calibration.counts, (n_bins,), "integers")
    filled = all_counts > 0
    total = int(all_counts.sum())
    expect(total > 0, "calibration", "at least one digit", "none")
    counts, left, widths = all_counts[filled], 100 * edges[:-1][filled], 100 * np.diff(edges)[filled]
    confidences, accuracies = (
        as_array("calibration", shares, (n_bins,), finite=False)[filled]
        for shares in (calibration.confidences, calibration.accuracies)
    )
    error = float(calibration.expected_error)

    with house_style():
        picture = new_chart(6.6, f"Confidence is {100 * error:.2g} percentage points off on average")
        above, below = picture.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        bar = {"align": "edge", "edgecolor": "white", "linewidth": 1.5}
        above.bar(left, 100 * accuracies, widths, color="#bcd2ea", label="accuracy in the bin", **bar)
        above.plot([0, 100], [0, 100], "--", color=QUIET, linewidth=1.5, label="as right as sure")
        gap = 100 * confidences, 100 * accuracies, 100 * confidences
        above.vlines(*gap, color=ORANGE, linewidth=3, label="gap")
        above.plot(100 * confidences, 100 * accuracies, "o", color=BLUE, markersize=8, clip_on=False)
        above.set(ylabel="accuracy", xlim=(0, 100), ylim=(0, 103))
        above.legend(loc="upper left")
        below.bar(left, counts, widths, color=PALE, **bar)
        below.set(xlabel="confidence", ylabel="digits", yscale="log", ylim=(0.7, 3 * counts.max()))
        below.set_yticks([10**power for power in range(len(str(counts.max())))])
        below.minorticks_off()
        below.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        for axis in (above.yaxis, below.xaxis):
            axis.set_major_formatter(_percent_tick)
        above.grid(axis="y")
        below.grid(axis="y")

    bins = (
        f"{percent(sure)} sure and {percent(right)} right ({counted(int(n), 'digit')})"
        for sure, right, n in zip(confidences, accuracies, counts, strict=True)
    )
    picture.alt_text = (
        f"Reliability diagram of {counted(total, 'digit')}: expected calibration error {percent(error)}. "
        f"Bins, from the least sure: {listing(bins, limit=20)}."
    )
    return picture


def plot_intervals(
    names: Sequence[str], values: Sequence[float] | Tensor, intervals: Sequence[Sequence[float]] | Tensor
) -> Picture:
    """Accuracies with their intervals, one below the other, so that overlap is seen at once. Lesson 06.

    The highest is orange; narrow intervals get a second decimal.

    Args:
        names: one for each row: models, seeds, settings.
        values: accuracies 0..1, ``(N,)``.
        intervals: their lower and upper ends, ``(N, 2)``.

    Raises:
        ValueError: different lengths, nothing to draw, or a value outside its interval.

    Examples:
        >>> plot_intervals(["cnn", "deep"], [0.991, 0.996], [[0.989, 0.993], [0.994, 0.997]])
        Accuracies with their intervals: cnn 99.10 % (98.90 % to 99.30 %), deep 99.60 % (99.40 % to 99.70 %).
    """
    check_kind("names", names, list | tuple, "a list of names")
    for name in names:
        check_kind("names", name, str, "text")
    middle = as_array("values", values, ("N",))
    n = len(middle)
    ends = as_array("intervals", intervals, (n, 2))
    expect(len(names) == n, "names", f"{n}, as many as values", len(names))
    inside = (ends[:, 0] <= middle) & (middle <= ends[:, 1])
    expect(bool(inside.all()), "intervals", "ends below and above each value", ends[~inside][:1].tolist())
    best = int(middle.argmax())
    decimals = 2 if (ends[:, 1] - ends[:, 0]).min() < 0.01 else 1

    with house_style():
        title = f"Highest: {names[best]}, {percent(middle[best], decimals)} right"
        picture = new_chart(1.4 + 0.5 * n, title)
        axes = picture.add_subplot()
        colours = [ORANGE if row == best else BLUE for row in range(n)]
        axes.hlines(range(n), 100 * ends[:, 0], 100 * ends[:, 1], color=colours, linewidth=3)
        axes.scatter(100 * middle, range(n), s=90, color=colours, zorder=3)
        for row, value in enumerate(middle):
            place = (100 * value, row)
            axes.annotate(percent(value, decimals), place, (0, 9), textcoords="offset points", ha="center")
        axes.set_yticks(range(n), names, fontsize=13)
        axes.set_ylim(n - 0.5, -0.8)
        axes.margins(x=0.1)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_xlabel("accuracy")
        axes.xaxis.set_major_formatter(_percent_tick)
        axes.xaxis.set_major_locator(MaxNLocator(5))

    rows = (
        f"{name} {percent(value, decimals)} ({percent(low, decimals)} to {percent(high, decimals)})"
        for name, value, (low, high) in zip(names, middle, ends, strict=True)
    )
    picture.alt_text = f"Accuracies with their intervals: {listing(rows)}."
    return picture


def plot_probabilities(
    probabilities: Tensor, *, image: Tensor | None = None, label: int | None = None
) -> Picture:
    """How likely each digit is, in the network's opinion, beside the image. Lesson 05.

    Args:
        probabilities: ``(10,)``, each 0..1, with the sum 1.
        image: the ``uint8`` ``(28, 28)`` digit itself.
        label: the right answer.

    Raises:
        ValueError: another shape, or numbers that are no probabilities.

    Examples:
        >>> import torch
        >>> plot_probabilities(torch.tensor([0, 0, 0.2, 0, 0, 0, 0, 0.8, 0, 0]), label=7)
        Probabilities of the ten digits: 7 with 80.0 %, 2 with 20.0 %. The label is 7.
    """
    shares = as_array("probabilities", probabilities, (10,)).astype(float)
    fits = shares.min() >= 0 and abs(shares.sum() - 1) < 1e-3
    expect(
        bool(fits), "probabilities", "ten numbers from 0 to 1 with the sum 1", f"the sum {shares.sum():.4g}"
    )
    if label is not None:
        check_whole_number("label", label, 0, 9)
    digit = None if image is None else as_array("image", image, (28, 28), "uint8")
    read = int(shares.argmax())
    title = f"Read as {read}, {percent(shares[read])} sure"
    if label is not None:
        title += ", and right" if read == label else f", but the label is {label}"

    with house_style():
        picture = new_chart(4.2, title)
        if digit is None:
            axes = picture.add_subplot()
        else:
            left, axes = picture.subplots(1, 2, width_ratios=(1, 1.5))
            left.imshow(digit, **DIGIT_SCALE)
            left.set_axis_off()
        colour = BLUE if label in (None, read) else ORANGE
        axes.barh(
            range(10), 100 * shares, color=[colour if k == read else PALE for k in range(10)], height=0.74
        )
        for k, share in enumerate(shares):
            if share >= 0.0005:
                axes.text(
                    100 * share + 2, k, percent(share), va="center", weight="bold" if k == read else "normal"
                )
        axes.set_yticks(range(10), [f"label {k}" if k == label else f"{k}" for k in range(10)], fontsize=13)
        axes.set(xlim=(0, 135), ylim=(9.6, -0.6), xticks=[])
        axes.tick_params(axis="y", length=0)
        axes.spines["bottom"].set_visible(False)

    order = [k for k in np.argsort(-shares, kind="stable") if shares[k] >= 0.0005]
    answer = "" if label is None else f" The label is {label}."
    said = listing(f"{k} with {percent(shares[k])}" for k in order)
    picture.alt_text = f"Probabilities of the ten digits: {said}.{answer}"
    return picture


def plot_embedding(points: Tensor, labels: Tensor) -> Picture:
    """Digits as points in two dimensions, where near means alike to the network. Lesson 08.

    Each class has its colour, and its digit stands at the median of its points.

    Args:
        points: ``(N, 2)``.
        labels: integers 0..9, ``(N,)``.

    Raises:
        ValueError: another shape, nothing to draw, or a label outside 0..9.
    """
    places = as_array("points", points, ("N", 2))
    n = len(places)
    classes = as_array("labels", labels, (n,), "integers")
    in_range = bool(classes.min() >= 0 and classes.max() <= 9)
    expect(in_range, "labels", "0 to 9", f"{classes.min()} to {classes.max()}")
    medians = {int(k): np.median(places[classes == k], axis=0) for k in np.unique(classes)}

    with house_style():
        picture = new_chart(6.6, f"{counted(n, 'digit')}: near means alike to the network")
        axes = picture.add_subplot()
        # Mixed, or the last class would cover the others; seeded, so that the same data makes the same picture.
        mixed = np.random.default_rng(0).permutation(n)
        size = float(np.clip(40_000 / n, 6, 40))
        colours = np.array(CLASS_COLOURS)[classes[mixed]]
        axes.scatter(places[mixed, 0], places[mixed, 1], s=size, c=colours, alpha=0.75, linewidths=0)
        halo = [withStroke(linewidth=5, foreground="white")]
        for k, (x, y) in medians.items():
            axes.text(x, y, f"{k}", ha="center", va="center", size=26, weight="bold", path_effects=halo)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=LINE)

    said = listing(f"{k} at ({signed_text(x)}, {signed_text(y)})" for k, (x, y) in medians.items())
    picture.alt_text = f"{counted(n, 'digit')} as points in two dimensions. Medians of the classes: {said}."
    return picture


def _percent_tick(value: float, _position: float) -> str:
    return f"{value:g} %"
