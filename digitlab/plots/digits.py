"""The pictures that are made of small images: digits, mistakes, the stages of a photo, filters and maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Integer, Real, UInt8
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from digitlab.checks import check_range
from digitlab.metrics import Misclassified
from digitlab.plots.colours import DIGIT_SCALE, INK, ORANGE, QUIET, colour_scale
from digitlab.plots.style import MARGIN, WIDTH, Array, Numbers, Picture, as_array, draw_tile, draws, new_page
from digitlab.wording import counted, listing, percent, sentence, signed_text, value_range

_MOST_TILES = 500  # more would be a file of megabytes in which nobody finds anything


@draws
def plot_digits(
    images: UInt8[Tensor, "N 28 28"],
    labels: Integer[Tensor, " N"] | None = None,
    *,
    predictions: Integer[Tensor, " N"] | None = None,
    columns: int = 10,
    title: str | None = None,
) -> Picture:
    """A grid of digits, each with its label below it; a 4 misread as a 9 is framed and named ``4 → 9``. Lesson 01.

    Examples:
        >>> from digitlab.data import load_sample
        >>> digits = load_sample("test")[:3]
        >>> plot_digits(digits.images, digits.labels)
        3 handwritten digits in 1 row: 5, 7, 7.
    """
    if predictions is not None and labels is None:
        raise ValueError("labels: expected one for each prediction, got None")
    n = len(images)
    truth = [] if labels is None else labels.tolist()
    read = truth if predictions is None else predictions.tolist()
    tiles = [_Tile(image, DIGIT_SCALE) for image in as_array("images", images)]
    wrong = []
    for tile, label, other in zip(tiles, truth, read, strict=False):
        tile.note = f"{label}"
        if label != other:
            tile.name, tile.note, tile.colour, tile.is_framed = f"{label} → {other}", "", ORANGE, True
            wrong.append(f"{label} read as {other}")
    picture = _draw_tiles("images", tiles, columns, title)
    what = f"{counted(n, 'handwritten digit')} in {counted(math.ceil(n / columns), 'row')}"
    if predictions is not None:
        what += f", {n - len(wrong):,} read correctly" + (f"; wrong: {listing(wrong)}" if wrong else "")
    elif truth:
        what += f": {listing(map(str, truth))}"
    return picture.saying(sentence(title, what))


@draws
def plot_misclassified(
    images: UInt8[Tensor, "N 28 28"], mistakes: Misclassified, *, count: int = 20
) -> Picture:
    """The worst mistakes, ``count`` at most: label, what it was read as, and how sure the network was. Lesson 07.

    ``images`` are all that were tested. No mistakes are said to be none.
    """
    n, n_tested = len(mistakes.indices), counted(len(images), "digit")
    if n == 0:
        title = f"No mistakes: all {n_tested} read correctly"
        return new_page(0.1, title)[0].saying(f"{title}.")
    check_range("count", count, 1)
    indices = mistakes.indices[:count].tolist()
    if max(indices) >= len(images):
        raise ValueError(f"images: expected all that were tested, got {len(images)}")
    title = f"{counted(n, 'mistake')} in {n_tested}"
    if n > len(indices):
        title += f", the {len(indices)} worst" if len(indices) > 1 else ", the worst"
    tiles, said = [], []
    columns = (mistakes.labels, mistakes.predictions, mistakes.confidences)
    for index, label, prediction, share in zip(
        indices, *(column.tolist() for column in columns), strict=False
    ):
        name, image = f"{label} → {prediction}", as_array("images", images[index])
        tiles.append(_Tile(image, DIGIT_SCALE, name, percent(share), colour=ORANGE, size=14))
        said.append(f"{label} read as {prediction} ({percent(share)} sure)")
    return _draw_tiles("mistakes", tiles, 5, title).saying(f"{title}: {listing(said)}.")


@draws
def plot_photo_stages(stages: Sequence[tuple[str, Numbers]], *, title: str | None = None) -> Picture:
    """The stages of a photograph on its way to a 28x28 digit, in reading order. Lesson 11.

    Each is a name and a 2-D array, from 0 to 255 if it is bytes, else from 0 to 1.
    """
    tiles = []
    for name, values in stages:
        array = as_array(f"stages[{name!r}]", values, "_ _")
        scale = {"cmap": "gray", "vmin": 0, "vmax": 255 if array.dtype == np.uint8 else 1}
        tiles.append(_Tile(array, scale, name, f"{array.shape[1]} × {array.shape[0]}"))
    columns = math.ceil(len(tiles) / max(math.ceil(len(tiles) / 4), 1))
    said = listing(f"{tile.name} ({tile.note})" for tile in tiles)
    what = f"from photograph to digit in {counted(len(tiles), 'stage')}, width × height: {said}"
    return _draw_tiles("stages", tiles, columns, title, largest=2.0).saying(sentence(title, what))


@draws
def plot_filters(filters: Real[Tensor, "C kh kw"], *, title: str | None = None) -> Picture:
    """A layer's weights as small images: orange counts ink for, blue against. Lessons 02, 04 and 08.

    Examples:
        >>> import torch
        >>> plot_filters(torch.linspace(-1, 0.5, 18).view(2, 3, 3))
        2 filters of 3 × 3 weights, from −1 to 0.5.
    """
    weights = as_array("filters", filters)
    what = f"{counted(len(weights), 'filter')} of {weights.shape[1]} × {weights.shape[2]} weights"
    picture = _draw_channels("filters", weights, title or what, "weight", signed=True)
    return picture.saying(sentence(title, f"{what}, from {value_range(weights)}"))


@draws
def plot_feature_maps(maps: Real[Tensor, "C H W"], *, title: str | None = None) -> Picture:
    """The maps that a layer makes of one image, numbered by channel, on one scale. Lessons 05 and 08.

    Examples:
        >>> import torch
        >>> plot_feature_maps(torch.arange(12.0).view(3, 2, 2) - 4)
        3 feature maps of 2 × 2, values from −4 to 7, the highest in channel 2; 0 of 3 all zero.
    """
    values = as_array("maps", maps)
    n = len(values)
    what = f"{counted(n, 'feature map')} of {values.shape[1]} × {values.shape[2]}"
    picture = _draw_channels("maps", values, title or what, "activation", signed=False)
    silent = int((values == 0).all(axis=(1, 2)).sum())
    highest = int(values.max(axis=(1, 2)).argmax())
    what += f", values from {value_range(values)}, the highest in channel {highest}; {silent} of {n} all zero"
    return picture.saying(sentence(title, what))


@draws
def plot_heatmaps(
    image: UInt8[Tensor, "28 28"], heats: Mapping[str, Numbers], *, title: str | None = None
) -> Picture:
    """A digit, then each heat map ``(28, 28)`` with the digit's outline on it: which pixels mattered. Lesson 08.

    Each has its own scale, written below it: blue to orange if it has values below zero, else viridis.
    """
    digit = as_array("image", image)
    tiles, said = [_Tile(digit, DIGIT_SCALE, "the digit")], []
    for name, values in heats.items():
        heat = as_array(f"heats[{name!r}]", values, "28 28").astype(float)
        scale = colour_scale(heat)
        note = f"{signed_text(scale['vmin'])} to {signed_text(scale['vmax'])}"
        tiles.append(_Tile(heat, scale, name, note, outline=(digit, INK if heat.min() < 0 else "white")))
        row, column = np.unravel_index(int(np.abs(heat).argmax()), heat.shape)
        said.append(f"{name} from {value_range(heat)}, strongest at row {row}, column {column}")
    columns = 2 if len(tiles) in (2, 4) else 3
    what = f"a digit and {counted(len(heats), 'heat map')} of it: {'; '.join(said)}"
    return _draw_tiles("heats", tiles, columns, title, largest=3.0).saying(sentence(title, what))


def _draw_channels(name: str, channels: Array, title: str, unit: str, *, signed: bool) -> Picture:
    scale = colour_scale(channels, signed=signed)
    tiles = [_Tile(channel, scale, note=f"{i}") for i, channel in enumerate(channels)]
    return _draw_tiles(name, tiles, 5 if len(tiles) <= 20 else 8, title, unit=unit)


@dataclass
class _Tile:
    """A small image; its name in bold and a note below it; what is drawn over it."""

    values: Array
    scale: dict[str, Any]
    name: str = ""
    note: str = ""
    colour: str = INK
    size: int = 12
    is_framed: bool = False
    outline: tuple[Array, str] | None = None  # a square image, and the colour of the border of its ink


def _draw_tiles(
    name: str, tiles: list[_Tile], columns: int, title: str | None, *, largest: float = 1.5, unit: str = ""
) -> Picture:
    """Tiles in rows, none wider than ``largest`` inches, and with a unit their common scale below them."""
    n = len(tiles)
    check_range(f"number of {name}", n, 1, _MOST_TILES)
    check_range("columns", columns, 1)
    columns = min(columns, n)
    gap = 0.08 if columns > 6 else 0.14
    side = min(largest, (WIDTH - 2 * MARGIN + gap) / columns - gap)
    down = side + 0.1 + 0.27 * max(bool(tile.name) + bool(tile.note) for tile in tiles)

    picture, page = new_page(math.ceil(n / columns) * down + (0.85 if unit else 0), title)
    for i, tile in enumerate(tiles):
        row, column = divmod(i, columns)
        x, y = MARGIN + column * (side + gap), row * down
        draw_tile(page, tile.values, x, y, side, **tile.scale)
        if tile.is_framed:
            page.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor=tile.colour, linewidth=3))
        if tile.outline:
            image, colour = tile.outline
            centres = (np.arange(len(image)) + 0.5) * side / len(image)
            page.contour(x + centres, y + centres, image, levels=[100], colors=[colour], linewidths=1.6)
        place: dict[str, Any] = {"x": x + side / 2, "ha": "center", "va": "top"}
        below = y + side + 0.05
        page.text(y=below, s=tile.name, weight="bold", color=tile.colour, size=tile.size, **place)
        page.text(y=below + 0.22 * bool(tile.name), s=tile.note, color=QUIET, **place)
    if unit:
        height, scale = picture.get_figheight(), tiles[0].scale
        axes = picture.add_axes((0.25, 0.52 / height, 0.5, 0.14 / height))
        colours = ScalarMappable(Normalize(scale["vmin"], scale["vmax"]), scale["cmap"])
        bar = picture.colorbar(colours, cax=axes, orientation="horizontal", label=unit, ticks=MaxNLocator(5))
        bar.outline.set_visible(False)  # type: ignore[operator,unused-ignore]
    return picture
