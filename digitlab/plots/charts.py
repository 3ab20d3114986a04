"""How the training went, how good the network is, how sure, and what it holds for alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Integer, Real, UInt8
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from digitlab.checks import check_range, described
from digitlab.metrics import Calibration
from digitlab.plots.colours import BLUE, DIGIT_SCALE, INK, LINE, ORANGE, PALE, QUIET
from digitlab.plots.style import Picture, as_array, draws, new_chart
from digitlab.wording import counted, listing, percent, sentence, signed_text

# From M. Petroff, "Accessible Color Sequences for Data Visualization", arXiv:2107.02270.
CLASS_COLOURS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)

_ERRORS = LinearSegmentedColormap.from_list("errors", ["#fdf0e3", "#f2a65a"])


@draws
def plot_training_curves(history: Any) -> Picture:
    """Loss and accuracy after each epoch of a `History`, for training and, where measured, validation. Lesson 03."""
    rows = getattr(history, "rows", None)
    if not rows:
        raise ValueError(f"history: expected one with at least one epoch, got {described(history)}")
    curves = {"training": [(row.epoch, row.train_loss, row.train_accuracy) for row in rows]}
    validated = [(row.epoch, row.val_loss, row.val_accuracy) for row in rows if row.val_accuracy is not None]
    if validated:
        curves["validation"] = validated
    kind = list(curves)[-1]
    title = f"{percent(curves[kind][-1][2])} of the {kind} digits right after {counted(len(rows), 'epoch')}"
    picture, (loss, accuracy) = new_chart(6.4, title, nrows=2, sharex=True)
    said = []
    looks = ({"linestyle": "--", "marker": "o", "color": BLUE}, {"marker": "s", "color": ORANGE})
    for (kind, points), look in zip(curves.items(), looks, strict=False):
        epochs, losses, shares = zip(*points, strict=True)
        loss.plot(epochs, losses, label=kind, **look)
        accuracy.plot(epochs, [100 * share for share in shares], **look)
        said.append(
            f"{kind} loss from {losses[0]:.3g} to {losses[-1]:.3g}; "
            f"{kind} accuracy from {percent(shares[0])} to {percent(shares[-1])}"
        )
    for axes in (loss, accuracy):
        axes.grid(axis="y")
        axes.margins(y=0.1)
    loss.set(ylabel="loss (nats)", ylim=(0, None))
    loss.legend(fontsize=13)
    accuracy.set(xlabel="epoch", ylabel="accuracy", xlim=(rows[0].epoch - 0.5, rows[-1].epoch + 0.5))
    accuracy.yaxis.set_major_formatter("{x:g} %")
    accuracy.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    picture.align_ylabels()
    return picture.saying(f"Training curves over {counted(len(rows), 'epoch')}: {'; '.join(said)}.")


@draws
def plot_confusion_matrix(matrix: Integer[Tensor, "10 10"]) -> Picture:
    """How often each digit (a row) was read as each other one (a column). Lesson 08.

    The colour shows the errors only: beside the diagonal they would all look like zero.

    Examples:
        >>> import torch
        >>> matrix = torch.eye(10, dtype=torch.int64) * 100
        >>> matrix[4, 9] = 3
        >>> plot_confusion_matrix(matrix)
        Confusion matrix: 1,000 of 1,003 digits right (99.7 %); most frequent confusion: 4 read as 9, 3 times.
    """
    counts = as_array("matrix", matrix)
    total, right = int(counts.sum()), int(counts.trace())
    if counts.min() < 0 or total == 0:
        raise ValueError(f"matrix: expected counts of 0 or more with a sum above 0, got the sum {total}")
    errors = counts - np.diag(np.diag(counts))
    label, prediction = divmod(int(errors.argmax()), 10)
    worst = int(errors.max())
    title = f"{right:,} of {counted(total, 'digit')} right ({percent(right / total)})"
    picture, axes = new_chart(7.0, title)
    # The square root, so that a single mistake is seen beside the most frequent one.
    norm = PowerNorm(0.5, vmin=0, vmax=max(worst, 1))
    axes.imshow(np.ma.masked_equal(errors, 0), cmap=_ERRORS, norm=norm)
    for (i, j), n in np.ndenumerate(counts):
        colour, weight, face = (BLUE, "normal", "#e6eef8") if i == j else (INK, "bold", "none")
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=face, edgecolor=LINE))
        if n:
            axes.text(j, i, f"{n}", ha="center", va="center", size=13, color=colour, weight=weight)
    axes.set(xticks=range(10), yticks=range(10), xlabel="read as", ylabel="label")
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0, labelsize=14, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    confusion = f"{label} read as {prediction}, {counted(worst, 'time')}" if worst else "none"
    return picture.saying(f"Confusion matrix: {title}; most frequent confusion: {confusion}.")


@draws
def plot_reliability(calibration: Calibration) -> Picture:
    """Is it right as often as it is sure? Accuracy against confidence in each bin, and the digits in it. Lesson 08."""
    counts = as_array("calibration.counts", calibration.counts)
    filled = counts > 0
    if not filled.any():
        raise ValueError("calibration: expected at least one digit, got none")
    counts = counts[filled]
    edges = 100 * as_array("calibration.edges", calibration.edges)
    left, widths = edges[:-1][filled], np.diff(edges)[filled]
    # Where a bin is empty, they are NaN.
    sure = 100 * as_array("confidences", calibration.confidences, finite=False)[filled].astype(float)
    right = 100 * as_array("accuracies", calibration.accuracies, finite=False)[filled].astype(float)
    error = calibration.expected_error
    title = f"Confidence is {100 * error:.2g} percentage points off on average"
    picture, (above, below) = new_chart(6.6, title, nrows=2, sharex=True, height_ratios=(3, 1))
    bar = {"align": "edge", "edgecolor": "white", "linewidth": 1.5}
    above.bar(left, right, widths, color="#bcd2ea", label="accuracy in the bin", **bar)
    above.plot([0, 100], [0, 100], "--", color=QUIET, linewidth=1.5, label="as right as sure")
    above.vlines(sure, right, sure, color=ORANGE, linewidth=3, label="gap")
    above.plot(sure, right, "o", color=BLUE, markersize=8, clip_on=False)
    above.set(ylabel="accuracy", xlim=(0, 100), ylim=(0, 103))
    above.legend(loc="upper left")
    below.bar(left, counts, widths, color=PALE, **bar)
    below.set(xlabel="confidence", ylabel="digits", yscale="log", ylim=(0.7, 3 * counts.max()))
    below.minorticks_off()
    below.yaxis.set_major_formatter("{x:,.0f}")
    for axis in (above.yaxis, below.xaxis):
        axis.set_major_formatter("{x:g} %")

    bins = (
        f"{percent(x / 100)} sure and {percent(y / 100)} right ({counted(int(n), 'digit')})"
        for x, y, n in zip(sure, right, counts, strict=True)
    )
    return picture.saying(
        f"Reliability diagram of {counted(int(counts.sum()), 'digit')}: expected calibration error "
        f"{percent(error)}. Bins, from the least sure: {listing(bins)}."
    )


@draws
def plot_probabilities(
    probabilities: Float[Tensor, " 10"],
    *,
    image: UInt8[Tensor, "28 28"] | None = None,
    label: int | None = None,
) -> Picture:
    """How likely each digit is, in the network's opinion, beside the image. Lesson 06.

    Examples:
        >>> import torch
        >>> plot_probabilities(torch.tensor([0, 0, 0.2, 0, 0, 0, 0, 0.8, 0, 0]), label=7)
        Probabilities of the ten digits: 7 with 80.0 %, 2 with 20.0 %. The label is 7.
    """
    shares = as_array("probabilities", probabilities).astype(float)
    total = shares.sum()
    if shares.min() < 0 or abs(total - 1) > 1e-3:
        raise ValueError(f"probabilities: expected ten numbers 0..1 with the sum 1, got the sum {total:.4g}")
    read = int(shares.argmax())
    title = f"Read as {read}, {percent(shares[read])} sure"
    if label is not None:
        check_range("label", label, 0, 9)
        title += f"; the label is {label}"
    colour = BLUE if label in (None, read) else ORANGE
    likely = [k for k in np.argsort(-shares, kind="stable") if shares[k] >= 0.0005]

    if image is None:
        picture, axes = new_chart(4.2, title)
    else:
        picture, (left, axes) = new_chart(4.2, title, ncols=2, width_ratios=(1, 1.5))
        left.imshow(as_array("image", image), **DIGIT_SCALE)
        left.set_axis_off()
    axes.barh(range(10), 100 * shares, color=[colour if k == read else PALE for k in range(10)], height=0.74)
    for k in likely:
        axes.text(100 * shares[k] + 2, k, percent(shares[k]), va="center")
    axes.set_yticks(range(10), [f"label {k}" if k == label else f"{k}" for k in range(10)], fontsize=13)
    axes.set(xlim=(0, 135), ylim=(9.6, -0.6), xticks=[])
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)

    said = listing(f"{k} with {percent(shares[k])}" for k in likely)
    answer = "" if label is None else f" The label is {label}."
    return picture.saying(f"Probabilities of the ten digits: {said}.{answer}")


@draws
def plot_embedding(
    points: Real[Tensor, "N 2"], labels: Integer[Tensor, " N"], *, title: str | None = None
) -> Picture:
    """Digits as points, where near means alike to the network; a class's name is at its median. Lesson 10."""
    places, classes = as_array("points", points), as_array("labels", labels)
    if not 0 <= classes.min() <= classes.max() <= 9:
        raise ValueError(f"labels: expected 0 to 9, got {classes.min()} to {classes.max()}")
    n = len(places)
    medians = {int(k): np.median(places[classes == k], axis=0) for k in np.unique(classes)}

    picture, axes = new_chart(6.6, title or f"{counted(n, 'digit')}: near means alike to the network")
    # Mixed, or the last class would cover the others; seeded, so that the same data makes the same picture.
    mixed = np.random.default_rng(0).permutation(n)
    colours = np.array(CLASS_COLOURS)[classes[mixed]]
    axes.scatter(*places[mixed].T, s=25, c=colours, alpha=0.75, linewidths=0)
    halo = [withStroke(linewidth=5, foreground="white")]
    for k, (x, y) in medians.items():
        axes.text(x, y, f"{k}", ha="center", va="center", size=26, weight="bold", path_effects=halo)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=LINE)

    said = listing(f"{k} at ({signed_text(x)}, {signed_text(y)})" for k, (x, y) in medians.items())
    what = f"{counted(n, 'digit')} as points in two dimensions. Medians of the classes: {said}"
    return picture.saying(sentence(title, what))
