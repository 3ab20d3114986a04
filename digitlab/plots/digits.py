"""Every picture of the course: tensors in, one `Picture` out, which says in words and numbers what it shows.

The pictures made of small images are written here, those with axes in `digitlab.plots.charts`, the walk through a
network in `digitlab.plots.walk`; all are to be had from here. Nothing is computed that belongs in
`digitlab.metrics` or `digitlab.interpret`, and nothing is shown or saved on its own: the last line of a notebook
cell displays a picture, `save_picture` writes it. Magnitudes are viridis, signed values blue to orange, digits
white on black as the network gets them: brighter is more.

Lessons: 01 (`plot_digits`), 02 (`plot_filters`), 07 (`plot_misclassified`), 08 (`plot_feature_maps`,
`plot_heatmaps`), 11 (`plot_photo_stages`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from digitlab.checks import check_kind, check_named, check_whole_number, described, expect
from digitlab.metrics import Misclassified
from digitlab.plots.style import (
    DIGIT_SCALE,
    INK,
    MARGIN,
    ORANGE,
    QUIET,
    WIDTH,
    Array,
    Picture,
    as_array,
    check_title,
    colour_scale,
    counted,
    draw_tile,
    house_style,
    listing,
    new_page,
    percent,
    sentence,
    signed_text,
    value_range,
)

__all__ = [
    "plot_digits",
    "plot_feature_maps",
    "plot_filters",
    "plot_heatmaps",
    "plot_misclassified",
    "plot_photo_stages",
]


# --- digits ----------------------------------------------------------------------------------------------------------


def plot_digits(
    images: Tensor,
    labels: Tensor | None = None,
    *,
    predictions: Tensor | None = None,
    columns: int = 10,
    title: str | None = None,
) -> Picture:
    """A grid of digits, row by row. Lesson 01.

    With predictions, each misread digit is framed, and captioned ``4 → 9`` where a 4 was read as a 9.

    Args:
        images: ``uint8`` ``(N, 28, 28)``.
        labels: integers ``(N,)``, written below.
        predictions: integers ``(N,)``; they need labels.
        columns: digits in a row.
        title: a line above.

    Raises:
        ValueError: another shape or dtype, nothing to draw, or predictions without labels.

    Examples:
        >>> from digitlab.data import load_sample
        >>> digits = load_sample("test")[:3]
        >>> plot_digits(digits.images, digits.labels)
        3 handwritten digits in 1 row: 5, 7, 7.
    """
    pixels = as_array("images", images, ("N", 28, 28), "uint8")
    check_title(title)
    n = len(pixels)
    expect(predictions is None or labels is not None, "labels", "one for each prediction", None)
    truth = None if labels is None else as_array("labels", labels, (n,), "integers").tolist()
    read = truth if predictions is None else as_array("predictions", predictions, (n,), "integers").tolist()

    with house_style():
        grid = _Grid("images", n, columns, caption=0.27 if truth else 0.0, title=title)
        for i, image in enumerate(pixels):
            grid.tile(i, image, **DIGIT_SCALE)
            if truth and read and truth[i] != read[i]:
                grid.frame(i, ORANGE)
                grid.caption(i, f"{truth[i]} → {read[i]}", color=ORANGE, weight="bold")
            elif truth:
                grid.caption(i, f"{truth[i]}", color=QUIET)

    what = f"{counted(n, 'handwritten digit')} in {counted(grid.rows, 'row')}"
    if truth and predictions is None:
        what += f": {listing(map(str, truth))}"
    elif truth and read:
        wrong = [
            f"{label} read as {other}" for label, other in zip(truth, read, strict=True) if label != other
        ]
        what += f", {n - len(wrong):,} read correctly" + (f"; wrong: {listing(wrong)}" if wrong else "")
    grid.picture.alt_text = sentence(title, what)
    return grid.picture


def plot_misclassified(images: Tensor, mistakes: Misclassified, *, count: int = 20) -> Picture:
    """The worst mistakes, each with its label, what it was read as, and how sure the network was. Lesson 07.

    Args:
        images: ``uint8`` ``(N, 28, 28)``: all the images that were tested.
        mistakes: from `digitlab.metrics`, the worst first: ``indices`` into the images, ``labels``, ``predictions``,
            ``confidences``. Without any, the picture says so.
        count: how many to draw, at most.

    Raises:
        ValueError: another shape or dtype, or an index outside ``images``.
    """
    pixels = as_array("images", images, ("N", 28, 28), "uint8")
    check_kind("mistakes", mistakes, Misclassified, "a Misclassified")
    check_whole_number("count", count, 1)
    n = len(mistakes.indices)
    if n == 0:
        with house_style():
            picture, _ = new_page(0.1, f"No mistakes: all {counted(len(pixels), 'digit')} read correctly")
        picture.alt_text = f"No mistakes: all {counted(len(pixels), 'digit')} read correctly."
        return picture
    indices = as_array("mistakes.indices", mistakes.indices, (n,), "integers")[:count]
    in_range = bool(indices.min() >= 0 and indices.max() < len(pixels))
    expect(in_range, "images", "all that were tested", f"{len(pixels)}, and the mistake {indices.max()}")
    labels = as_array("mistakes.labels", mistakes.labels, (n,), "integers")
    predictions = as_array("mistakes.predictions", mistakes.predictions, (n,), "integers")
    confidences = as_array("mistakes.confidences", mistakes.confidences, (n,))
    title = f"{counted(n, 'mistake')} in {counted(len(pixels), 'digit')}"
    if n > len(indices):
        title += f", the {len(indices)} worst" if len(indices) > 1 else ", the worst"

    with house_style():
        grid = _Grid("count", len(indices), 5, caption=0.54, title=title)
        said = []
        for i, index in enumerate(indices):
            grid.tile(i, pixels[index], **DIGIT_SCALE)
            grid.caption(i, f"{labels[i]} → {predictions[i]}", color=ORANGE, weight="bold", size=14)
            grid.caption(i, percent(confidences[i]), line=1, color=QUIET)
            said.append(f"{labels[i]} read as {predictions[i]} ({percent(confidences[i])} sure)")

    grid.picture.alt_text = f"{title}: {listing(said)}."
    return grid.picture


def plot_photo_stages(stages: Sequence[tuple[str, Array | Tensor]], *, title: str | None = None) -> Picture:
    """The stages of a photograph on its way to a 28x28 digit, in reading order. Lesson 11.

    Args:
        stages: names and 2-D arrays of any size, from 0 to 255 if they are bytes, else from 0 to 1.
        title: a line above.

    Raises:
        ValueError: no stages, or an array that is not 2-D.
    """
    check_kind("stages", stages, list | tuple, "pairs of a name and an array")
    check_title(title)
    expect(len(stages) > 0, "stages", "at least one", "none")
    for stage in stages:
        is_pair = isinstance(stage, tuple | list) and len(stage) == 2 and isinstance(stage[0], str)
        expect(is_pair, "stages", "pairs of a name and an array", described(stage))
    named = [(name, as_array(f"stages[{name!r}]", array, ("H", "W"))) for name, array in stages]
    n = len(named)

    with house_style():
        grid = _Grid("stages", n, math.ceil(n / math.ceil(n / 4)), caption=0.54, title=title, largest=2.0)
        said = []
        for i, (name, array) in enumerate(named):
            grid.tile(i, array, cmap="gray", vmin=0, vmax=255 if array.dtype == np.uint8 else 1)
            size = f"{array.shape[1]} × {array.shape[0]}"
            grid.caption(i, name, weight="bold")
            grid.caption(i, size, line=1, color=QUIET)
            said.append(f"{name} ({size})")

    what = f"from photograph to digit in {counted(n, 'stage')}, width × height: {listing(said)}"
    grid.picture.alt_text = sentence(title, what)
    return grid.picture


# --- looking inside --------------------------------------------------------------------------------------------------


def plot_filters(filters: Tensor, *, title: str | None = None) -> Picture:
    """A layer's weights as small images: orange counts ink for, blue against. Lessons 02, 04 and 08.

    Args:
        filters: ``(C, kh, kw)``, signed; one scale for all, as far below zero as above it.
        title: a line above; ``None`` states the shape.

    Raises:
        ValueError: another shape, nothing to draw, or a value that is not finite.

    Examples:
        >>> import torch
        >>> plot_filters(torch.linspace(-1, 0.5, 18).view(2, 3, 3))
        2 filters of 3 × 3 weights, from −1 to 0.5.
    """
    weights = as_array("filters", filters, ("C", "H", "W"))
    check_title(title)
    n, height, width = weights.shape
    what = f"{counted(n, 'filter')} of {height} × {width} weights"

    with house_style():
        grid = _Grid("filters", n, 5 if n <= 20 else 8, caption=0.27, title=title or what, foot=0.85)
        scale = colour_scale(weights, signed=True)
        for i, channel in enumerate(weights):
            grid.tile(i, channel, **scale)
            grid.caption(i, f"{i}", color=QUIET)
        grid.colour_bar(scale, "weight")

    grid.picture.alt_text = sentence(title, f"{what}, from {value_range(weights)}")
    return grid.picture


def plot_feature_maps(maps: Tensor, *, columns: int | None = None, title: str | None = None) -> Picture:
    """The maps that a layer makes of one image, numbered by channel, on one scale. Lessons 05 and 08.

    Args:
        maps: ``(C, H, W)``.
        columns: maps in a row; ``None`` chooses.
        title: a line above; ``None`` states the shape.

    Raises:
        ValueError: another shape, nothing to draw, or a value that is not finite.

    Examples:
        >>> import torch
        >>> plot_feature_maps(torch.arange(12.0).view(3, 2, 2) - 4)
        3 feature maps of 2 × 2, values from −4 to 7, the highest in channel 2; 0 of 3 all zero.
    """
    values = as_array("maps", maps, ("C", "H", "W"))
    check_title(title)
    n, height, width = values.shape
    columns = columns if columns is not None else 5 if n <= 20 else 8
    what = f"{counted(n, 'feature map')} of {height} × {width}"

    with house_style():
        grid = _Grid("maps", n, columns, caption=0.27, title=title or what, foot=0.85)
        scale = colour_scale(values, signed=False)
        for i, channel in enumerate(values):
            grid.tile(i, channel, **scale)
            grid.caption(i, f"{i}", color=QUIET)
        grid.colour_bar(scale, "activation")

    silent = int((values == 0).all(axis=(1, 2)).sum())
    highest = int(values.max(axis=(1, 2)).argmax())
    what += f", values from {value_range(values)}, the highest in channel {highest}"
    grid.picture.alt_text = sentence(title, f"{what}; {silent} of {n} all zero")
    return grid.picture


def plot_heatmaps(image: Tensor, heats: Mapping[str, Tensor], *, title: str | None = None) -> Picture:
    """A digit, then each heat map with the digit's outline on it: which pixels mattered. Lesson 08.

    Each map has its own scale, written below it. One with values below zero is blue to orange, any other viridis.

    Args:
        image: ``uint8`` ``(28, 28)``.
        heats: names to maps ``(28, 28)``, for example ``{"saliency": heat}``.
        title: a line above.

    Raises:
        ValueError: another shape or dtype, no maps, or a value that is not finite.
    """
    digit = as_array("image", image, (28, 28), "uint8")
    check_named("heats", heats, "names to maps")
    check_title(title)
    expect(len(heats) > 0, "heats", "at least one", "none")
    maps = {name: as_array(f"heats[{name!r}]", heat, (28, 28)).astype(float) for name, heat in heats.items()}
    n = 1 + len(maps)

    with house_style():
        grid = _Grid("heats", n, 2 if n in (2, 4) else 3, caption=0.54, title=title, largest=3.0)
        grid.tile(0, digit, **DIGIT_SCALE)
        grid.caption(0, "the digit", weight="bold")
        said = []
        for i, (name, heat) in enumerate(maps.items(), start=1):
            signed = bool(heat.min() < 0)
            scale = colour_scale(heat, signed=signed)
            grid.tile(i, heat, **scale)
            grid.outline(i, digit, INK if signed else "white")
            grid.caption(i, name, weight="bold")
            grid.caption(
                i, f"{signed_text(scale['vmin'])} to {signed_text(scale['vmax'])}", line=1, color=QUIET
            )
            row, column = np.unravel_index(int(np.abs(heat).argmax()), heat.shape)
            said.append(f"{name} from {value_range(heat)}, strongest at row {row}, column {column}")

    what = f"a digit and {counted(len(maps), 'heat map')} of it: {'; '.join(said)}"
    grid.picture.alt_text = sentence(title, what)
    return grid.picture


# --- layout ----------------------------------------------------------------------------------------------------------

_MOST_TILES = 500  # more would be a file of megabytes in which nobody finds anything


class _Grid:
    """Square tiles in rows on a page, each with room for a caption below it.

    Args:
        name: the argument that the tiles are from.
        n: how many tiles.
        columns: tiles in a row.
        caption: inches below each tile.
        title: a line above them all.
        foot: inches below them all.
        largest: no tile gets wider than this, in inches.
    """

    def __init__(
        self,
        name: str,
        n: int,
        columns: int,
        *,
        caption: float = 0.0,
        title: str | None = None,
        foot: float = 0.0,
        largest: float = 1.5,
    ) -> None:
        expect(n <= _MOST_TILES, name, f"{_MOST_TILES} at most for one picture", n)
        check_whole_number("columns", columns, 1)
        columns = min(columns, n)
        gap = 0.08 if columns > 6 else 0.14
        self.side = min(largest, (WIDTH - 2 * MARGIN + gap) / columns - gap)
        self.rows = math.ceil(n / columns)
        self._columns, self._across, self._down = columns, self.side + gap, self.side + 0.1 + caption
        self._foot = self.rows * self._down
        self.picture, self.page = new_page(self._foot + foot, title)

    def corner(self, i: int) -> tuple[float, float]:
        """The upper left corner of tile ``i``, in inches."""
        row, column = divmod(i, self._columns)
        return MARGIN + column * self._across, row * self._down

    def tile(self, i: int, values: Array, **scale: Any) -> None:
        """Draw an array; ``scale`` is ``cmap``, ``vmin`` and ``vmax``."""
        draw_tile(self.page, values, *self.corner(i), self.side, **scale)

    def frame(self, i: int, colour: str) -> None:
        """Draw a coloured edge around tile ``i``."""
        edge = Rectangle(self.corner(i), self.side, self.side, fill=False, edgecolor=colour, linewidth=3)
        self.page.add_patch(edge)

    def outline(self, i: int, image: Array, colour: str) -> None:
        """Draw the border between ink and paper of a square image over tile ``i``."""
        x, y = self.corner(i)
        centres = (np.arange(len(image)) + 0.5) * self.side / len(image)
        self.page.contour(x + centres, y + centres, image, levels=[100], colors=[colour], linewidths=1.6)

    def caption(self, i: int, text: str, *, line: int = 0, **style: Any) -> None:
        """Write below tile ``i``; ``line`` 0 or 1."""
        x, y = self.corner(i)
        y += self.side + 0.05 + 0.22 * line
        self.page.text(x + self.side / 2, y, text, ha="center", va="top", **style)

    def colour_bar(self, scale: dict[str, Any], name: str) -> None:
        """Draw the scale in the foot of the page, which has to be 0.75 inches."""
        height = self.picture.get_figheight()
        axes = self.picture.add_axes((0.25, 0.52 / height, 0.5, 0.14 / height))
        colours = ScalarMappable(Normalize(scale["vmin"], scale["vmax"]), scale["cmap"])
        bar = self.picture.colorbar(colours, cax=axes, orientation="horizontal")
        bar.outline.set_visible(False)  # type: ignore[operator,unused-ignore]
        bar.ax.xaxis.set_major_locator(MaxNLocator(5))
        bar.set_label(name)
