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


def colour_scale(values: npt.NDArray[Any], *, signed: bool = False) -> dict[str, Any]:
    """``cmap``, ``vmin`` and ``vmax``: blue to orange if ``signed`` or any is below zero, else viridis from zero."""
    peak = float(np.abs(values).max()) or 1.0
    if signed or values.min() < 0:
        return {"cmap": BLUE_ORANGE, "vmin": -peak, "vmax": peak}
    return {"cmap": "viridis", "vmin": 0.0, "vmax": peak}
