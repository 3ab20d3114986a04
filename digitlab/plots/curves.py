"""The pictures that compare: curves in one chart, walks on a loss surface, a ladder of times, accuracies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Real
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator
from torch import Tensor

from digitlab.checks import check_range, described
from digitlab.plots.colours import BLUE, INK, ORANGE, PALE, QUIET
from digitlab.plots.style import Array, Numbers, Picture, as_array, draws, name_rows, new_chart
from digitlab.wording import counted, listing, percent, sentence, signed_text, value_range

# Colour, dashes and marker: each of the three tells a line apart by itself.
_LINES: list[dict[str, Any]] = [
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": ORANGE, "linestyle": "--", "marker": "s"},
    {"color": INK, "linestyle": ":", "marker": "^"},
    {"color": "#832db6", "linestyle": "-.", "marker": "D"},
    {"color": QUIET, "linestyle": (0, (5, 1)), "marker": "v"},
    {"color": "#0b7a75", "linestyle": (0, (1, 1)), "marker": "P"},
]


@draws
def plot_lines(
    series: Mapping[str, Numbers],
    *,
    x: Numbers | Mapping[str, Numbers] | None = None,
    xlabel: str,
    ylabel: str,
    title: str,
    log: bool = False,
) -> Picture:
    """One to six curves in a chart. Lessons 03, 04 and 12.

    ``x`` is where the values lie, for all or by name, else counted from 1. Those that are not finite leave a gap.

    Examples:
        >>> plot_lines({"small": [2.0, 0.5, 1.0]}, xlabel="step", ylabel="loss", title="A rate")
        A rate: loss against step. Small: from 2 at 1 to 1 at 3, range 0.5 to 2.
    """
    check_range("number of series", len(series), 1, len(_LINES))
    picture, axes = new_chart(4.6, title)
    said = [sentence(title, f"{ylabel} against {xlabel}")]
    for (name, values), style in zip(series.items(), _LINES, strict=False):
        heights = as_array(f"series[{name!r}]", values, "_", finite=False).astype(float)
        finite = np.isfinite(heights)
        if not finite.any():
            raise ValueError(f"series {name!r}: expected at least one finite number, got {described(values)}")
        places = range(1, len(heights) + 1) if x is None else x.get(name, ()) if isinstance(x, Mapping) else x
        along = as_array(f"x for {name!r}", places, f"{len(heights)}")
        drawn = np.where(finite, heights, np.nan)
        axes.plot(along, drawn, label=name, markevery=max(1, len(heights) // 10), **style)
        points = list(zip(along[finite], heights[finite], strict=True))
        first, last = (f"{signed_text(y)} at {signed_text(x)}" for x, y in (points[0], points[-1]))
        said.append(sentence(None, f"{name}: from {first} to {last}, range {value_range(heights[finite])}"))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))  # where there are two whole numbers
    axes.grid(axis="y")
    axes.margins(x=0.03)
    axes.legend(fontsize=13)
    return picture.saying(" ".join(said))


@draws
def plot_surface(
    heights: Real[Tensor, "rows columns"],
    *,
    x: Numbers,
    y: Numbers,
    walks: Mapping[str, Numbers] | None = None,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
) -> Picture:
    """The loss above two weights as a map with contour lines, and the walks of training on it. Lesson 03.

    The rows lie at ``y`` and the columns at ``x``, both rising. Up to six ``walks`` ``(N, 2)``, x first, begin at their
    large marker. A cross marks the lowest point of the grid.

    Examples:
        >>> import torch
        >>> bowl = torch.tensor([[2.0, 1.0, 2.0], [1.0, 0.0, 1.0]])
        >>> plot_surface(bowl, x=[-1, 0, 1], y=[1, 2], xlabel="a", ylabel="b")
        Lowest loss: 0 at (0, 2): map of the loss over a and b, from 0 at (0, 2) to 2 at (−1, 1).
    """
    across, upwards = as_array("x", x, "_"), as_array("y", y, "_")
    surface = as_array("heights", heights, f"{len(upwards)} {len(across)}").astype(float)
    paths = {name: as_array(f"walks[{name!r}]", walk, "_ 2") for name, walk in (walks or {}).items()}
    check_range("number of walks", len(paths), 0, len(_LINES))
    low, high = surface.min(), surface.max()
    grid = [(x, y) for y in upwards for x in across]
    lowest, highest = grid[surface.argmin()], grid[surface.argmax()]
    title = title or f"Lowest loss: {signed_text(low)} at {_place(lowest)}"
    ends = f"from {signed_text(low)} at {_place(lowest)} to {signed_text(high)} at {_place(highest)}"
    said = [sentence(title, f"map of the loss over {xlabel} and {ylabel}, {ends}")]

    picture, axes = new_chart(5.6, title)
    # Closer together near the bottom, or a flat valley would have no line in it.
    levels = low + max(high - low, 1e-9) * np.linspace(0, 1, 15) ** 2
    filled = axes.contourf(across, upwards, surface, levels, cmap="viridis", alpha=0.4)
    axes.contour(across, upwards, surface, levels, cmap="viridis", linewidths=1.0)
    bar = picture.colorbar(filled, ax=axes, label="loss", format="{x:.2g}")
    bar.outline.set_visible(False)
    for place, ((name, path), line) in enumerate(zip(paths.items(), _LINES, strict=False)):
        style = {"zorder": 4 - place / 10, **line}  # the first on top: small steps are told before large ones
        axes.plot(path[:, 0], path[:, 1], markersize=5, label=name, linewidth=1.6, **style)
        axes.plot(*path[0], markersize=11, **style)
        course = f"{counted(len(path) - 1, 'step')} from {_place(path[0])} to {_place(path[-1])}"
        said.append(sentence(None, f"{name}: {course}"))
    halo = [withStroke(linewidth=4, foreground="white")]
    axes.plot(*lowest, "x", color=INK, markersize=13, markeredgewidth=3, path_effects=halo, zorder=9)
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=across[[0, -1]], ylim=upwards[[0, -1]])
    if paths:
        axes.legend(fontsize=13, frameon=True, framealpha=0.85, edgecolor="none")
    return picture.saying(" ".join(said))


def _place(point: Array | tuple[float, float]) -> str:
    return f"({listing(signed_text(float(each)) for each in point)})"


@draws
def plot_ladder(seconds: Mapping[str, Numbers], *, xlabel: str, title: str) -> Picture:
    """Times, one rung below the other: a bar to the median, a dot for each run, and the gain on the first. Lesson 12.

    Examples:
        >>> plot_ladder({"before": [4.0, 3.8, 4.4], "after": [2.0]}, xlabel="seconds", title="Two")
        Two: seconds. Before: median 4 of 3 (3.8 to 4.4). After: median 2, 2 times as fast.
    """
    runs = {name: as_array(f"seconds[{name!r}]", times, "_").astype(float) for name, times in seconds.items()}
    if not runs or min(times.min() for times in runs.values()) <= 0:
        raise ValueError("seconds: expected at least one rung, and all times above 0")
    middles = [float(np.median(times)) for times in runs.values()]
    said = [sentence(title, xlabel)]

    picture, axes = new_chart(1.4 + 0.55 * len(runs), title)
    colours = [ORANGE if middle == min(middles) else PALE for middle in middles]
    axes.barh(range(len(runs)), middles, color=colours, height=0.62)
    for row, ((name, times), middle) in enumerate(zip(runs.items(), middles, strict=True)):
        axes.plot(times, [row] * len(times), "o", color=INK, markersize=4, alpha=0.7)
        gain = f"{middles[0] / middle:.2g}"
        text = signed_text(middle) + (f"  ({gain}×)" if row else "")
        edge = (max(float(times.max()), middle), row)
        axes.annotate(text, edge, (8, 0), textcoords="offset points", va="center", weight="bold")
        spread = f" of {len(times)} ({value_range(times)})" if len(times) > 1 else ""
        faster = f", {gain} times as fast" if row else ""
        said.append(sentence(None, f"{name}: median {signed_text(middle)}{spread}{faster}"))
    name_rows(axes, list(runs))
    longest = max(times.max() for times in runs.values())
    axes.set(xlabel=xlabel, xlim=(0, 1.35 * longest), ylim=(len(runs) - 0.4, -0.6))
    return picture.saying(" ".join(said))


@draws
def plot_intervals(names: Sequence[str], values: Numbers, intervals: Numbers) -> Picture:
    """Accuracies 0..1 ``(N,)`` with the ends of their intervals ``(N, 2)``, so that overlap is seen at once. Lesson 07.

    Examples:
        >>> plot_intervals(["cnn", "deep"], [0.991, 0.996], [[0.989, 0.993], [0.994, 0.997]])
        Accuracies with their intervals: cnn 99.10 % (98.90 % to 99.30 %), deep 99.60 % (99.40 % to 99.70 %).
    """
    n = len(names)
    middle = as_array("values", values, f"{n}")
    ends = as_array("intervals", intervals, f"{n} 2")
    best = int(middle.argmax())
    title = f"Highest: {names[best]}, {percent(middle[best], 2)} right"

    picture, axes = new_chart(1.4 + 0.5 * n, title)
    colours = [ORANGE if row == best else BLUE for row in range(n)]
    axes.hlines(range(n), 100 * ends[:, 0], 100 * ends[:, 1], color=colours, linewidth=3)
    axes.scatter(100 * middle, range(n), s=90, color=colours, zorder=3)
    for row, value in enumerate(middle):
        axes.annotate(percent(value, 2), (100 * value, row), (0, 9), textcoords="offset points", ha="center")
    name_rows(axes, names)
    axes.set(xlabel="accuracy", ylim=(n - 0.5, -0.8))
    axes.margins(x=0.1)
    axes.xaxis.set_major_formatter("{x:g} %")
    axes.xaxis.set_major_locator(MaxNLocator(5))

    rows = (
        f"{name} {percent(value, 2)} ({percent(low, 2)} to {percent(high, 2)})"
        for name, value, (low, high) in zip(names, middle, ends, strict=True)
    )
    return picture.saying(f"Accuracies with their intervals: {listing(rows)}.")
