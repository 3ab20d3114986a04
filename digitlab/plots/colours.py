"""The colours of all pictures. They can be told apart in every kind of colour vision, and read as text on white."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LinearSegmentedColormap

INK, QUIET, LINE, PALE = "#22252b", "#5b616b", "#d5d8de", "#b9bec7"
"""Text, secondary text, thin lines, and what is there but not the point."""

BLUE, ORANGE = "#1f5fa8", "#b8500b"
"""The two accents."""

DIGIT_SCALE: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255}
"""Digits as the network gets them: larger numbers are brighter, ink is white."""

BLUE_ORANGE = LinearSegmentedColormap.from_list(
    "blue_orange", ["#0b3d78", "#3b82c4", "#a9cbe8", "#f8f8f8", "#f9c48f", "#e0761b", "#8a3300"]
)
"""For signed values: blue below zero, orange above, as dark at the same distance; near-white at zero."""


def colour_scale(
    values: npt.NDArray[Any], *, signed: bool | None = None, spanned: float = 1.0
) -> dict[str, Any]:
    """The ``cmap``, ``vmin`` and ``vmax`` that fit: blue to orange around zero, or viridis upwards from zero.

    ``signed`` says which; ``None`` looks for values below zero. ``spanned`` is the share of the values to span.
    """
    peak = float(np.quantile(np.abs(values), spanned)) or float(np.abs(values).max()) or 1.0
    if signed or (signed is None and values.min() < 0):
        return {"cmap": BLUE_ORANGE, "vmin": -peak, "vmax": peak}
    low = min(float(values.min()), 0.0)
    return {"cmap": "viridis", "vmin": low, "vmax": peak if low == 0 else max(float(values.max()), low / 1e6)}
