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
from digitlab.wording import counted, listing, percent, sentence, value_range

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
            tile.name, tile.note, tile.is_wrong = f"{label} → {other}", "", True
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
    """The ``count`` worst mistakes among all tested ``images``: label → reading, and how sure it was. Lesson 09."""
    n, title = len(mistakes.indices), f"No mistakes in {counted(len(images), 'digit')}"
    if n == 0:
        return new_page(0.1, title)[0].saying(f"{title}.")
    indices = mistakes.indices[:count].tolist()
    if max(indices, default=0) >= len(images):
        raise ValueError(f"images: expected all that were tested, got {len(images)}")
    title = f"{counted(n, 'mistake')} in {counted(len(images), 'digit')}"
    if n > count:
        title += f", the {count} worst"
    tiles, said = [], []
    columns = (mistakes.labels, mistakes.predictions, mistakes.confidences)
    for index, label, prediction, share in zip(indices, *(each.tolist() for each in columns), strict=False):
        name, image = f"{label} → {prediction}", as_array("images", images[index])
        tiles.append(_Tile(image, DIGIT_SCALE, name, percent(share), is_wrong=True))
        said.append(f"{label} read as {prediction} ({percent(share)} sure)")
    return _draw_tiles("mistakes", tiles, 5, title).saying(f"{title}: {listing(said)}.")


@draws
def plot_photo_stages(stages: Sequence[tuple[str, Numbers]], *, title: str | None = None) -> Picture:
    """The stages of a photograph on its way to a 28x28 digit, in reading order. Lesson 13.

    Each is a name and a 2-D array, from 0 to 255 if it is bytes, else from 0 to 1.
    """
    tiles = []
    for name, values in stages:
        array = as_array(f"stages[{name!r}]", values, "_ _")
        scale = {"cmap": "gray", "vmin": 0, "vmax": 255 if array.dtype == np.uint8 else 1}
        tiles.append(_Tile(array, scale, name, f"{array.shape[1]} × {array.shape[0]}"))
    said = listing(f"{tile.name} ({tile.note})" for tile in tiles)
    what = f"from photograph to digit in {counted(len(tiles), 'stage')}, width × height: {said}"
    return _draw_tiles("stages", tiles, 3, title, largest=2.0).saying(sentence(title, what))


@draws
def plot_filters(filters: Real[Tensor, "C kh kw"], *, title: str | None = None) -> Picture:
    """A layer's weights as small images: orange counts ink for, blue against. Lessons 02, 05 and 10.

    Examples:
        >>> import torch
        >>> plot_filters(torch.linspace(-1, 0.5, 18).view(2, 3, 3))
        2 filters of 3 × 3 weights, from −1 to 0.5.
    """
    weights = as_array("filters", filters)
    what = f"{counted(len(weights), 'filter')} of {weights.shape[1]} × {weights.shape[2]} weights"
    scale = colour_scale(weights, signed=True)
    picture = _draw_channels("filters", weights, scale, title or what, "weight")
    return picture.saying(sentence(title, f"{what}, from {value_range(weights)}"))


@draws
def plot_feature_maps(maps: Real[Tensor, "C H W"], *, title: str | None = None) -> Picture:
    """The maps that a layer makes of one image, numbered by channel, on one scale. Lessons 06 and 10.

    Examples:
        >>> import torch
        >>> plot_feature_maps(torch.arange(12.0).view(3, 2, 2) - 4)
        3 feature maps of 2 × 2, values from −4 to 7, the highest in channel 2.
    """
    values = as_array("maps", maps)
    what = f"{counted(len(values), 'feature map')} of {values.shape[1]} × {values.shape[2]}"
    scale = {"cmap": "viridis", "vmin": values.min(), "vmax": values.max()}
    picture = _draw_channels("maps", values, scale, title or what, "activation")
    highest = values.max(axis=(1, 2)).argmax()
    what += f", values from {value_range(values)}, the highest in channel {highest}"
    return picture.saying(sentence(title, what))


@draws
def plot_heatmaps(
    image: UInt8[Tensor, "28 28"], heats: Mapping[str, Numbers], *, title: str | None = None
) -> Picture:
    """A digit, then each heat map ``(28, 28)`` with the digit's outline on it: which pixels mattered. Lesson 10.

    Each has a scale of its own; its range is written below it.
    """
    digit = as_array("image", image)
    tiles, said = [_Tile(digit, DIGIT_SCALE, "the digit")], []
    for name, values in heats.items():
        heat = as_array(f"heats[{name!r}]", values, "28 28").astype(float)
        scale = colour_scale(heat)
        tiles.append(_Tile(heat, scale, name, value_range(heat), outline=digit))
        row, column = np.unravel_index(int(np.abs(heat).argmax()), heat.shape)
        where = f", strongest at row {row}, column {column}" if heat.any() else ""
        said.append(f"{name} from {value_range(heat)}{where}")
    columns = 2 if len(tiles) in (2, 4) else 3
    what = f"a digit and {counted(len(heats), 'heat map')} of it: {'; '.join(said)}"
    return _draw_tiles("heats", tiles, columns, title, largest=3.0).saying(sentence(title, what))


def _draw_channels(name: str, channels: Array, scale: dict[str, Any], title: str, unit: str) -> Picture:
    tiles = [_Tile(channel, scale, note=f"{i}") for i, channel in enumerate(channels)]
    return _draw_tiles(name, tiles, 5 if len(tiles) <= 20 else 8, title, unit=unit)


@dataclass
class _Tile:
    """A small image; its name in bold and a note below it; framed where it is wrong."""

    values: Array
    scale: dict[str, Any]
    name: str = ""
    note: str = ""
    is_wrong: bool = False
    outline: Array | None = None  # an image whose ink's border is drawn over it


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
        if tile.is_wrong:
            page.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor=ORANGE, linewidth=3))
        if tile.outline is not None:
            centres = (np.arange(28) + 0.5) * side / 28
            colour = INK if tile.values.min() < 0 else "white"
            look: dict[str, Any] = {"levels": [100], "colors": [colour], "linewidths": 1.6}
            page.contour(x + centres, y + centres, tile.outline, **look)
        place: dict[str, Any] = {"x": x + side / 2, "ha": "center", "va": "top"}
        below = y + side + 0.05
        page.text(y=below, s=tile.name, weight="bold", color=ORANGE if tile.is_wrong else INK, **place)
        page.text(y=below + 0.22 * bool(tile.name), s=tile.note, color=QUIET, **place)
    if unit:
        height, scale = picture.get_figheight(), tiles[0].scale
        axes = picture.add_axes((0.25, 0.52 / height, 0.5, 0.14 / height))
        colours = ScalarMappable(Normalize(scale["vmin"], scale["vmax"]), scale["cmap"])
        bar = picture.colorbar(colours, cax=axes, orientation="horizontal", label=unit, ticks=MaxNLocator(5))
        bar.outline.set_visible(False)  # type: ignore[operator,unused-ignore]
    return picture
