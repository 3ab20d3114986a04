"""What all pictures share: `Picture`, a figure that says in words what it shows. Nothing here touches pyplot."""

from __future__ import annotations

import base64
import html
import importlib
import io
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import matplotlib.style
import numpy as np
import numpy.typing as npt
from jaxtyping import Real
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, PngImagePlugin
from torch import Tensor

from digitlab.checks import checked, described
from digitlab.plots.colours import INK, LINE, QUIET
from digitlab.writing import write_whole

WIDTH, MARGIN = 6.4, 0.1
"""Inches. A phone shows 640 pixels at a little over half size."""

# "default" first: a notebook's own style (a dark one, say) must not leak into pictures made for white.
_STYLE: Any = [
    "default",
    {
        "font.size": 12,
        "axes.labelsize": 13,
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.8,
        "lines.linewidth": 2.2,
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), INK),
        **dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), QUIET),
        **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    },
]

_LETTERS = 54  # of a title in a line
_TITLE: dict[str, Any] = {"fontsize": 14, "fontweight": "bold", "linespacing": 1.3}

_Callable = TypeVar("_Callable", bound=Callable[..., Any])
Array = npt.NDArray[Any]
Numbers = Sequence[Any] | Array | Tensor
"""Numbers to draw: a list, an array, or a tensor on any device."""


def draws(function: _Callable) -> _Callable:
    """Decorator for what draws: its arguments are checked, and it runs in the house style."""
    return matplotlib.style.context(_STYLE)(checked(function))


class Picture(Figure):
    """A matplotlib figure, 6.4 inches wide on white, whose ``alt_text`` says what it shows, with its numbers."""

    @checked
    def __init__(self, height: float, **options: Any) -> None:
        super().__init__(figsize=(WIDTH, height), dpi=100, facecolor="white", **options)
        FigureCanvasAgg(self)
        self.alt_text = ""

    def saying(self, alt_text: str) -> Self:
        """The same picture, with this alt text."""
        self.alt_text = alt_text
        return self

    def __repr__(self) -> str:
        return self.alt_text or super().__repr__()

    def savefig(self, fname: Any, **options: Any) -> None:
        """As matplotlib's, in the house style."""
        with matplotlib.style.context(_STYLE):
            super().savefig(fname, **options)

    def png(self) -> bytes:
        """The picture as a PNG file's bytes, the alt text in its ``Description``."""
        drawn, packed = io.BytesIO(), io.BytesIO()
        self.savefig(drawn, format="png")
        description = PngImagePlugin.PngInfo()
        description.add_text("Description", self.alt_text)
        # 256 colours, rare ones among them, look the same and make a third of the file.
        image = Image.open(drawn).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=1)
        image.save(packed, format="png", pnginfo=description, optimize=True)
        return packed.getvalue()

    def _repr_html_(self) -> str:
        alt, data = html.escape(self.alt_text), base64.b64encode(self.png()).decode("ascii")
        return f'<figure><img alt="{alt}" style="max-width:100%" src="data:image/png;base64,{data}"></figure>'

    def _ipython_display_(self) -> None:
        # This goes before the formatter with which pyplot shows every Figure as a PNG without an alt text.
        display = importlib.import_module("IPython.display").display
        display({"text/html": self._repr_html_(), "text/plain": repr(self)}, raw=True)


@checked
def save_picture(picture: Picture, path: str | Path) -> None:
    """Write a PNG that carries the picture's alt text. The file is whole or absent, never half-written.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     save_picture(Picture(1.0).saying("Nothing, 640 pixels wide."), Path(folder) / "nothing.png")
        ...     read_description(Path(folder) / "nothing.png")
        'Nothing, 640 pixels wide.'
    """
    write_whole(Path(path), picture.png())


@checked
def read_description(path: str | Path) -> str:
    """The alt text of a PNG that `save_picture` wrote; any other file is a `ValueError`."""
    try:
        with PngImagePlugin.PngImageFile(path) as image:
            description = image.text.get("Description")
    except SyntaxError as error:  # Pillow's way of saying that the bytes are of another kind
        raise ValueError(f"{path} is not a PNG image") from error
    if description is None:
        raise ValueError(f"{path} carries no description: save it with save_picture")
    return str(description)


def new_chart(height: float, title: str, **layout: Any) -> tuple[Picture, Any]:
    """A picture with a title and its axes below it; ``layout`` is for `matplotlib.figure.Figure.subplots`."""
    picture = Picture(height, layout="constrained")
    picture.get_layout_engine().set(w_pad=MARGIN, h_pad=0.07)  # type: ignore[union-attr,call-arg]
    picture.suptitle(textwrap.fill(title, _LETTERS), x=MARGIN / WIDTH, ha="left", **_TITLE)
    return picture, picture.subplots(**layout)


def new_page(height: float, title: str | None = None) -> tuple[Picture, Axes]:
    """A blank picture whose one set of axes is measured in inches, y downwards, with y = 0 just below the title."""
    lines = textwrap.wrap(title or "", _LETTERS)
    top = 0.2 + 0.27 * len(lines)
    picture = Picture(top + height)
    page = picture.add_axes((0.0, 0.0, 1.0, 1.0))
    page.set_axis_off()
    page.set(autoscale_on=False, xlim=(0, WIDTH), ylim=(height, -top))
    page.text(MARGIN, MARGIN - top, "\n".join(lines), va="top", **_TITLE)
    return picture, page


def draw_tile(page: Axes, values: Array, x: float, y: float, side: float, **scale: Any) -> None:
    """Draw an array in the middle of a square of ``side`` inches whose upper left corner is ``(x, y)``."""
    height, width = (side * size / max(values.shape) for size in values.shape)
    x, y = x + (side - width) / 2, y + (side - height) / 2
    page.imshow(values, extent=(x, x + width, y + height, y), aspect="auto", **scale)


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Names instead of numbers at the rows of a chart that lies on its side."""
    axes.set_yticks(range(len(names)), names, fontsize=13)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def as_array(name: str, values: Numbers, shape: str = "...", *, finite: bool = True) -> Array:
    """Numbers from any device as a NumPy array; none at all, NaN and infinity are refused.

    ``shape`` is for what no signature can say, as the arrays in a list: ``"_ 2"`` is any number of pairs.
    """
    fitting: Any = Real[np.ndarray, shape]
    try:
        array = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
        fits = isinstance(array, fitting) and array.size > 0
    except (TypeError, ValueError, RuntimeError):  # rows of different lengths, or bfloat16
        fits = False
    if not fits:
        raise ValueError(f"{name}: expected numbers ({shape}), got {described(values)}")
    if finite and not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
    return array
