"""A figure that carries its own description, so that nobody has to see a picture to know what it shows.

`Picture` is a matplotlib figure with an ``alt_text``. In a notebook it displays as one HTML image with that text;
saved with `save_picture`, the text travels inside the PNG and `read_description` gets it back. What all pictures
share is here too: colours, style, the page that small images are laid out on, the checks and the wording. This
file draws no picture (see `digitlab.plots`), never touches pyplot, and leaves matplotlib's settings as they were.
"""

from __future__ import annotations

import base64
import html
import importlib
import io
import textwrap
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

import matplotlib.style
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from PIL import Image, PngImagePlugin
from torch import Tensor

from digitlab.checks import (
    Shape,
    as_path,
    check_kind,
    check_number,
    described,
    expect,
    has_shape,
    in_words,
)
from digitlab.writing import write_whole

__all__ = ["Picture", "read_description", "save_picture"]

WIDTH = 6.4
"""Inches, for every picture: 640 pixels, which a phone shows at a little over half size."""

MARGIN = 0.1
"""Inches, left and right of what is drawn."""

INK, QUIET, LINE = "#22252b", "#5b616b", "#d5d8de"
"""Text, secondary text, and thin lines."""

BLUE, ORANGE = "#1f5fa8", "#b8500b"
"""The two accents. They differ in every kind of colour vision, and both are dark enough for text on white."""

PALE = "#b9bec7"
"""For what is there but not the point."""

DIGIT_SCALE: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255}
"""Digits as the network gets them: larger numbers are brighter, ink is white."""

BLUE_ORANGE = LinearSegmentedColormap.from_list(
    "blue_orange", ["#0b3d78", "#3b82c4", "#a9cbe8", "#f8f8f8", "#f9c48f", "#e0761b", "#8a3300"]
)
"""For signed values: blue below zero, orange above, as dark at the same distance; near-white at zero."""

# "default" first: a notebook's own style (a dark one, say) must not leak into pictures made for white.
_STYLE: list[str | dict[str, Any]] = [
    "default",
    {
        "font.size": 12,
        "text.color": INK,
        "axes.edgecolor": QUIET,
        "axes.labelcolor": INK,
        "axes.labelsize": 13,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.8,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "legend.frameon": False,
        "lines.linewidth": 2.2,
    },
]

_TITLE: dict[str, Any] = {"fontsize": 14, "fontweight": "bold", "linespacing": 1.3}

Array = npt.NDArray[Any]


def house_style() -> AbstractContextManager[None]:
    """The settings that pictures are drawn with, for a ``with`` block; after it the former ones are back."""
    return matplotlib.style.context(_STYLE)  # type: ignore[arg-type,unused-ignore]


class Picture(Figure):
    """A matplotlib figure, 6.4 inches wide on white, that says what it shows.

    It belongs to no window and no pyplot: it is garbage when the last name for it goes.

    Args:
        height: in inches.
        **options: handed to `matplotlib.figure.Figure`, for example ``layout="constrained"``.

    Attributes:
        alt_text: what the picture shows, with its numbers, in a sentence or a few.

    Examples:
        >>> picture = Picture(2.0)
        >>> picture.alt_text = "An empty page."
        >>> picture
        An empty page.
        >>> picture._repr_html_()[:60]
        '<figure><img alt="An empty page." style="max-width:100%" src'
    """

    def __init__(self, height: float, **options: Any) -> None:
        check_number("height", height)
        expect(height > 0, "height", "inches above 0", height)
        super().__init__(figsize=(WIDTH, height), dpi=100, facecolor="white", **options)
        FigureCanvasAgg(self)
        self.alt_text = ""

    def __repr__(self) -> str:
        return self.alt_text or super().__repr__()

    def savefig(self, fname: Any, **options: Any) -> None:
        """As matplotlib's, but in the house style, whatever the settings around it are."""
        with house_style():
            super().savefig(fname, **options)

    def png(self) -> bytes:
        """The picture as a PNG file's bytes, the alt text in its ``Description``."""
        drawn, packed = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png")
        description = PngImagePlugin.PngInfo()
        description.add_text("Description", self.alt_text)
        # 256 colours, chosen so that the rare ones are kept too, look the same here and make a third of the file.
        full = Image.open(drawn).convert("RGB")
        image = full.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
        image.save(packed, format="png", pnginfo=description, optimize=True)
        return packed.getvalue()

    def _repr_html_(self) -> str:
        encoded = base64.b64encode(self.png()).decode("ascii")
        alt = html.escape(self.alt_text, quote=True)
        source = f"data:image/png;base64,{encoded}"
        return f'<figure><img alt="{alt}" style="max-width:100%" src="{source}"></figure>'

    def _ipython_display_(self) -> None:
        # matplotlib may have taught the notebook to show every Figure as a PNG, which knows no alt text. This
        # method goes before all such formatters, so that one image is shown and not two. IPython need not be
        # installed: it is the caller.
        display = importlib.import_module("IPython.display").display
        display({"text/html": self._repr_html_(), "text/plain": repr(self)}, raw=True)


def save_picture(picture: Picture, path: str | Path) -> None:
    """Write a PNG that carries the picture's alt text. The file is whole or absent, never half-written.

    Raises:
        OSError: the folder is missing or cannot be written to, or the disk is full.

    Examples:
        >>> picture = Picture(1.0)
        >>> picture.alt_text = "Nothing, 640 pixels wide."
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     save_picture(picture, Path(folder) / "nothing.png")
        ...     read_description(Path(folder) / "nothing.png")
        'Nothing, 640 pixels wide.'
    """
    check_kind("picture", picture, Picture, "a Picture")
    write_whole(as_path("path", path), picture.png())


def read_description(path: str | Path) -> str:
    """The alt text of a PNG that `save_picture` wrote.

    Raises:
        OSError: no such file.
        ValueError: not a PNG, or one without a description.
    """
    path = as_path("path", path)
    try:
        with PngImagePlugin.PngImageFile(path) as image:
            description = image.text.get("Description")
    except SyntaxError as error:  # Pillow's way of saying that the bytes are of another kind
        raise ValueError(f"{path} is not a PNG image") from error
    if description is None:
        raise ValueError(f"{path} carries no description: save it with save_picture")
    return str(description)


# --- layout ----------------------------------------------------------------------------------------------------------


def new_chart(height: float, title: str) -> Picture:
    """A picture that arranges the axes that are added to it, below a title."""
    picture = Picture(height, layout="constrained")
    picture.get_layout_engine().set(w_pad=MARGIN, h_pad=0.07)  # type: ignore[union-attr,call-arg]
    picture.suptitle("\n".join(_wrapped(title)), x=MARGIN / WIDTH, ha="left", **_TITLE)
    return picture


def new_page(height: float, title: str | None = None) -> tuple[Picture, Axes]:
    """A blank picture whose one set of axes is measured in inches, y downwards, with y = 0 just below the title.

    Many small images on one set of axes are drawn much faster than on axes of their own, and land where put.
    """
    lines = _wrapped(title or "")
    top = MARGIN + 0.27 * len(lines) + (0.12 if lines else 0.0)
    picture = Picture(top + height)
    page = picture.add_axes((0.0, 0.0, 1.0, 1.0))
    page.set_axis_off()
    page.set_autoscale_on(False)
    page.set_xlim(0, WIDTH)
    page.set_ylim(height, -top)
    page.text(MARGIN, MARGIN - top, "\n".join(lines), va="top", **_TITLE)
    return picture, page


def draw_tile(page: Axes, values: Array, x: float, y: float, side: float, **scale: Any) -> None:
    """Draw an array in the middle of a square of ``side`` inches whose upper left corner is ``(x, y)``."""
    height, width = (side * size / max(values.shape) for size in values.shape)
    x, y = x + (side - width) / 2, y + (side - height) / 2
    page.imshow(values, extent=(x, x + width, y + height, y), aspect="auto", **scale)


def colour_scale(values: Array, *, signed: bool | None = None, spanned: float = 1.0) -> dict[str, Any]:
    """The ``cmap``, ``vmin`` and ``vmax`` that fit: blue to orange around zero, or viridis upwards from zero.

    Args:
        values: what is to be drawn.
        signed: ``None`` takes blue and orange if there are values below zero.
        spanned: the share of the values that the scale has to span; those beyond it take its end colours.

    Examples:
        >>> colour_scale(np.array([-1, 3]))["vmin"], colour_scale(np.array([1, 3]))["vmin"]
        (-3.0, 0.0)
    """
    peak = float(np.quantile(np.abs(values), spanned)) or float(np.abs(values).max()) or 1.0
    if signed or (signed is None and values.min() < 0):
        return {"cmap": BLUE_ORANGE, "vmin": -peak, "vmax": peak}
    low = min(float(values.min()), 0.0)
    return {"cmap": "viridis", "vmin": low, "vmax": peak if low == 0 else max(float(values.max()), low / 1e6)}


def _wrapped(title: str) -> list[str]:
    return textwrap.wrap(title, 54)


# --- checks and words ------------------------------------------------------------------------------------------------


_DTYPE_KINDS = {
    "integers": "iu",
    "numbers": "biuf",
}  # NumPy's letters: bool, signed, unsigned, floating point


def as_array(
    name: str,
    values: object,
    shape: Shape,
    kind: Literal["uint8", "integers", "numbers"] = "numbers",
    *,
    finite: bool = True,
) -> Array:
    """A tensor (or list, or array) from any device as a NumPy array, once its shape and kind are what they should be.

    Args:
        name: what to call it in the error.
        values: the tensor.
        shape: the sizes; a letter is any size but 0.
        kind: real numbers, or narrower.
        finite: refuse NaN and infinity.

    Raises:
        ValueError: another shape, another kind, or nothing in it.
        TypeError: neither a tensor nor a list nor an array.

    Examples:
        >>> as_array("maps", [[1, 2]], ("N", 3))
        Traceback (most recent call last):
        ValueError: maps: expected numbers (N, 3), got int64 (1, 2)
    """
    expected = in_words(kind, shape)
    check_kind(name, values, (Tensor, np.ndarray, list, tuple, range), f"a tensor, {expected}")
    try:
        array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
    except (TypeError, ValueError, RuntimeError):  # rows of different lengths, or bfloat16
        raise ValueError(f"{name}: expected {expected}, got {described(values)}") from None
    is_kind = array.dtype == np.uint8 if kind == "uint8" else array.dtype.kind in _DTYPE_KINDS[kind]
    expect(is_kind and has_shape(array.shape, shape), name, expected, described(array))
    expect(array.size > 0, name, "at least one", described(array))
    expect(not finite or bool(np.isfinite(array).all()), name, "finite numbers", "NaN or infinity")
    return array


def check_title(title: str | None) -> None:
    """Refuse a title that is neither text nor ``None``."""
    check_kind("title", title, str | None, "text or None")


def signed_text(value: float) -> str:
    """A number in few digits, with a true minus sign.

    Examples:
        >>> signed_text(-0.1234), signed_text(1234.5)
        ('−0.123', '1,230')
    """
    rounded = float(f"{value:.3g}")
    text = f"{rounded:,.0f}" if 100 <= abs(rounded) < 1e6 else f"{rounded:.3g}"
    return text.replace("-", "−")


def value_range(values: Array) -> str:
    """From the least to the greatest value.

    Examples:
        >>> value_range(np.array([0.5, -1, 0.1234]))
        '−1 to 0.5'
    """
    return f"{signed_text(values.min())} to {signed_text(values.max())}"


def sentence(title: str | None, what: str) -> str:
    """A description that begins with the picture's title, where it has one.

    Examples:
        >>> sentence("Ten digits", "a grid"), sentence("Which?", "a grid"), sentence(None, "a grid")
        ('Ten digits: a grid.', 'Which? A grid.', 'A grid.')
    """
    if title and title[-1] not in ".?!":
        return f"{title}: {what}."
    return f"{title or ''} {what[0].upper()}{what[1:]}.".lstrip()


def counted(n: int, noun: str) -> str:
    """The number with its noun.

    Examples:
        >>> counted(1, "digit"), counted(2000, "digit")
        ('1 digit', '2,000 digits')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def percent(share: float, decimals: int = 1) -> str:
    """A share 0..1 as a percentage. Never rounds to all or nothing what is neither.

    Examples:
        >>> percent(0.9812), percent(0.99999), percent(1.0), percent(0.0001), percent(0.99684, decimals=2)
        ('98.1 %', '> 99.9 %', '100 %', '< 0.1 %', '99.68 %')
    """
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    rounded, step = round(100 * share, decimals), 10.0**-decimals
    if rounded in (0.0, 100.0):
        return f"< {step:g} %" if rounded == 0.0 else f"> {100 - step:g} %"
    return f"{100 * share:.{decimals}f} %"


def listing(items: Iterable[str], limit: int = 30) -> str:
    """The items with commas between them, the first ``limit`` of them: a description should end some time.

    Examples:
        >>> listing(["1", "2", "3"], limit=2)
        '1, 2 and 1 more'
    """
    all_items: Sequence[str] = list(items)
    rest = len(all_items) - limit
    return ", ".join(all_items[:limit]) + (f" and {rest:,} more" if rest > 0 else "")
