"""Pictures for comparing runs: several curves in one chart, walks on a loss surface, and a ladder of times.

Each function checks what it was given, draws it, and says it in words. Nothing here trains or measures anything: the
lessons do that and hand over the numbers. The pictures of a single run are in `digitlab.plots.charts`.

Lessons: 03 (`plot_surface`, `plot_lines`), 10 (`plot_ladder`, `plot_lines`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, MaxNLocator
from torch import Tensor

from digitlab.checks import check_flag, check_kind, check_named, described, expect
from digitlab.plots.style import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    QUIET,
    Array,
    Picture,
    as_array,
    check_title,
    counted,
    house_style,
    listing,
    new_chart,
    sentence,
    signed_text,
)

__all__ = ["plot_ladder", "plot_lines", "plot_surface"]

Numbers = Sequence[float] | Tensor

# A line's colour, dashes and marker: each of the three tells it apart by itself.
_LINES = (
    (BLUE, "-", "o"),
    (ORANGE, "--", "s"),
    (INK, ":", "^"),
    ("#832db6", "-.", "D"),
    (QUIET, (0, (5, 1)), "v"),
    ("#0b7a75", (0, (1, 1)), "P"),
)
_HALO = [withStroke(linewidth=4, foreground="white")]


def plot_lines(
    series: Mapping[str, Numbers],
    *,
    x: Numbers | Mapping[str, Numbers] | None = None,
    xlabel: str,
    ylabel: str,
    title: str | None = None,
    log: bool = False,
) -> Picture:
    """Several curves in one chart, each with its own colour, dashes and marker. Lessons 03 and 10.

    Values that are not finite leave a gap: a training that blew up is still drawn.

    Args:
        series: up to six curves by name; on a logarithmic scale all above zero.
        x: where the values lie: one sequence for all, or one for each name; ``None`` counts them from 1.
        xlabel: what ``x`` is, with its unit.
        ylabel: what the values are, with their unit.
        title: a line above; ``None`` says which curve ends highest.
        log: a logarithmic scale for the values.

    Raises:
        ValueError: no curve or more than six, an ``x`` of another length, or nothing that can be drawn.

    Examples:
        >>> plot_lines({"small": [2.0, 1.0], "large": [2.0, 9.0]}, xlabel="step", ylabel="loss", title="Two rates")
        Two rates: loss against step. Small: from 2 at 1 to 1 at 2. Large: from 2 at 1 to 9 at 2.
    """
    check_named("series", series, "names to numbers")
    _check_labels(xlabel=xlabel, ylabel=ylabel)
    check_title(title)
    check_flag("log", log)
    expect(0 < len(series) <= len(_LINES), "series", f"1 to {len(_LINES)} curves", len(series))
    curves = {}
    for name, values in series.items():
        heights = as_array(f"series[{name!r}]", values, ("N",), finite=False).astype(float)
        expect(not isinstance(x, Mapping) or name in x, "x", f"places for {name!r}", "none")
        places = x[name] if isinstance(x, Mapping) else x
        along = np.arange(1.0, len(heights) + 1)
        if x is not None:
            along = as_array("x", places, (len(heights),)).astype(float)
        shown = np.isfinite(heights)
        expect(bool(shown.any()), f"series[{name!r}]", "at least one finite value", "none")
        expect(
            not log or bool((heights[shown] > 0).all()), f"series[{name!r}]", "values above 0", heights.min()
        )
        curves[name] = along, heights
    if title is None:
        highest = max(curves, key=lambda name: float(np.nan_to_num(curves[name][1][-1], nan=-np.inf)))
        title = f"Highest {ylabel} in the end: {highest}"

    with house_style():
        picture = new_chart(4.6, title)
        axes = picture.add_subplot()
        for (name, (along, heights)), (colour, dashes, marker) in zip(curves.items(), _LINES, strict=False):
            spacing = max(1, len(heights) // 10)
            drawn = np.where(np.isfinite(heights), heights, np.nan)
            axes.plot(
                *(along, drawn),
                color=colour,
                linestyle=dashes,
                marker=marker,
                markevery=spacing,
                label=name,
            )
        axes.set(xlabel=xlabel, ylabel=ylabel)
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.minorticks_off()
        if all(bool((along == along.round()).all()) for along, _ in curves.values()):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.margins(x=0.03)
        axes.legend(fontsize=13)

    said = " ".join(f"{_capital(name)}: {_course(*curve)}." for name, curve in curves.items())
    picture.alt_text = f"{sentence(title, f'{ylabel} against {xlabel}')} {said}"
    return picture


def plot_surface(
    heights: Tensor,
    *,
    x: Numbers,
    y: Numbers,
    walks: Mapping[str, Tensor] | None = None,
    xlabel: str,
    ylabel: str,
    height_label: str = "loss",
    title: str | None = None,
) -> Picture:
    """A surface above two weights as a map with contour lines, and the walks of training on it. Lesson 03.

    Each walk begins at its large marker. A cross marks the lowest point of the grid.

    Args:
        heights: ``(R, C)``: row r belongs to ``y[r]``, column c to ``x[c]``.
        x: the places of the columns, rising.
        y: the places of the rows, rising.
        walks: up to six walks by name, ``(N, 2)``, x first; what lies outside the map is cut off.
        xlabel: what ``x`` is.
        ylabel: what ``y`` is.
        height_label: what the heights are, with their unit.
        title: a line above; ``None`` says where the lowest point is.

    Raises:
        ValueError: shapes that do not fit each other, places that do not rise, or more than six walks.

    Examples:
        >>> import torch
        >>> bowl = torch.tensor([[2.0, 1.0, 2.0], [1.0, 0.0, 1.0]])
        >>> plot_surface(bowl, x=[-1, 0, 1], y=[1, 2], xlabel="a", ylabel="b")
        Lowest loss: 0 at (0, 2): map of the loss over a and b, from 0 at (0, 2) to 2 at (−1, 1).
    """
    _check_labels(xlabel=xlabel, ylabel=ylabel, height_label=height_label)
    check_title(title)
    check_named("walks", {} if walks is None else walks, "names to walks, or None")
    across, upwards = as_array("x", x, ("N",)), as_array("y", y, ("N",))
    for name, places in (("x", across), ("y", upwards)):
        expect(
            len(places) > 1 and bool((np.diff(places) > 0).all()),
            name,
            "two or more rising numbers",
            described(places.tolist()),
        )
    surface = as_array("heights", heights, (len(upwards), len(across))).astype(float)
    paths = {name: as_array(f"walks[{name!r}]", walk, ("N", 2)) for name, walk in (walks or {}).items()}
    expect(len(paths) <= len(_LINES), "walks", f"at most {len(_LINES)}", len(paths))
    low, high = (
        (surface[at], (across[at[1]], upwards[at[0]]))
        for at in (
            np.unravel_index(int(pick), surface.shape) for pick in (surface.argmin(), surface.argmax())
        )
    )
    title = f"Lowest {height_label}: {signed_text(low[0])} at {_place(low[1])}" if title is None else title

    with house_style():
        picture = new_chart(5.6, title)
        axes = picture.add_subplot()
        # Closer together near the bottom, or a flat valley would have no line in it.
        levels = low[0] + max(high[0] - low[0], 1e-9) * np.linspace(0, 1, 15) ** 2
        filled = axes.contourf(across, upwards, surface, levels, cmap="viridis", alpha=0.4)
        axes.contour(across, upwards, surface, levels, cmap="viridis", linewidths=1.0)
        bar = picture.colorbar(filled, ax=axes, label=height_label, format=lambda value, _: f"{value:.2g}")
        bar.outline.set_visible(False)
        for (name, path), (colour, dashes, marker) in zip(paths.items(), _LINES, strict=False):
            line, start = (path[:, 0], path[:, 1]), path[0]
            shorter = sum(_length(other) < _length(path) for other in paths.values())
            order = 3 + len(paths) - shorter  # a short walk on top, or a long one would hide it
            style: dict[str, Any] = {"color": colour, "linestyle": dashes, "marker": marker, "zorder": order}
            axes.plot(*line, markersize=5, label=name, linewidth=1.6, **style)
            axes.plot(*start, markersize=11, **style)
        axes.plot(*low[1], "x", color=INK, markersize=13, markeredgewidth=3, path_effects=_HALO, zorder=9)
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.set_xlim(across[0], across[-1])
        axes.set_ylim(upwards[0], upwards[-1])
        if paths:
            axes.legend(fontsize=13, frameon=True, framealpha=0.85, edgecolor="none")

    what = (
        f"map of the {height_label} over {xlabel} and {ylabel}, from {signed_text(low[0])} at {_place(low[1])} "
        f"to {signed_text(high[0])} at {_place(high[1])}"
    )
    said = "".join(
        f" {_capital(name)}: {counted(len(path) - 1, 'step')} from {_place(path[0])} to {_place(path[-1])}."
        for name, path in paths.items()
    )
    picture.alt_text = sentence(title, what) + said
    return picture


def plot_ladder(
    seconds: Mapping[str, Numbers], *, xlabel: str = "seconds", title: str | None = None
) -> Picture:
    """Times, one rung below the other: a bar to the median, a dot for each run, and how many times faster. Lesson 10.

    Args:
        seconds: by name, in the order of the rungs; each with the time of every run, above 0. The first is what the
            others are compared with.
        xlabel: what the times are, with their unit.
        title: a line above; ``None`` compares the last rung with the first.

    Raises:
        ValueError: nothing to draw, or a time that is not above 0.

    Examples:
        >>> plot_ladder({"before": [4.0, 3.8, 4.4], "after": [2.0]}, title="Two")
        Two: seconds. Before: median 4 of 3 (3.8 to 4.4). After: median 2, 2 times as fast.
    """
    check_named("seconds", seconds, "names to times")
    _check_labels(xlabel=xlabel)
    check_title(title)
    expect(len(seconds) > 0, "seconds", "at least one rung", "none")
    names = list(seconds)
    runs = [as_array(f"seconds[{name!r}]", times, ("N",)).astype(float) for name, times in seconds.items()]
    for name, times in zip(names, runs, strict=True):
        expect(bool(times.min() > 0), f"seconds[{name!r}]", "times above 0", times.min())
    middles = [float(median(times.tolist())) for times in runs]
    gains = [middles[0] / middle for middle in middles]
    if title is None:
        title = f"{_capital(names[-1])}: {gains[-1]:.2g} times as fast as {names[0]}"

    with house_style():
        picture = new_chart(1.4 + 0.55 * len(names), title)
        axes = picture.add_subplot()
        fastest = int(np.argmin(middles))
        colours = [ORANGE if row == fastest else PALE for row in range(len(names))]
        axes.barh(range(len(names)), middles, color=colours, height=0.62)
        for row, (times, middle, gain) in enumerate(zip(runs, middles, gains, strict=True)):
            axes.plot(times, [row] * len(times), "o", color=INK, markersize=4, alpha=0.7)
            text = f"{middle:.3g}" + (f"  ({gain:.2g}×)" if row else "")
            edge = (max(float(times.max()), middle), row)
            axes.annotate(text, edge, (8, 0), textcoords="offset points", va="center", weight="bold")
        axes.set_yticks(range(len(names)), names, fontsize=13)
        axes.set_ylim(len(names) - 0.4, -0.6)
        longest = max(float(times.max()) for times in runs)
        axes.set_xlim(0, 1.35 * longest)  # from zero, or the bars' lengths would not compare
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_xlabel(xlabel)

    said = []
    for row, (name, times, middle, gain) in enumerate(zip(names, runs, middles, gains, strict=True)):
        spread = f" of {len(times)} ({times.min():.3g} to {times.max():.3g})" if len(times) > 1 else ""
        faster = f", {gain:.2g} times as fast" if row else ""
        said.append(f"{_capital(name)}: median {middle:.3g}{spread}{faster}")
    picture.alt_text = f"{sentence(title, xlabel)} {'. '.join(said)}."
    return picture


def _check_labels(**labels: str) -> None:
    for name, text in labels.items():
        check_kind(name, text, str, "text")


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _length(path: Array) -> float:
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def _place(point: Array | tuple[float, float]) -> str:
    return f"({listing(signed_text(float(each)) for each in point)})"


def _course(along: Array, heights: Array) -> str:
    """A curve in words: its ends, its lowest and highest value where they lie between, and where it broke off."""
    finite = np.isfinite(heights)
    places, values = along[finite], heights[finite]

    def said(at: int) -> str:
        return f"{signed_text(values[at])} at {signed_text(places[at])}"

    words = f"from {said(0)} to {said(-1)}"
    for name, at in (("lowest", int(values.argmin())), ("highest", int(values.argmax()))):
        if values[at] not in (values[0], values[-1]):
            words += f", {name} {said(at)}"
    missing = int((~finite).sum())
    return words + (f", not finite {missing:,} times" if missing else "")
