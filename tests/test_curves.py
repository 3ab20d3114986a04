"""What the charts draw; what they say is in the examples of their docstrings."""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes

from digitlab.plots.curves import plot_intervals, plot_ladder, plot_lines, plot_surface

AXES: dict[str, Any] = {"xlabel": "step", "ylabel": "loss", "title": "A chart"}
PLACES: dict[str, Any] = {"xlabel": "a", "ylabel": "b"}


def points(axes: Axes) -> list[Any]:
    return [np.asarray(line.get_xydata()).tolist() for line in axes.lines]


def test_curves_may_share_their_places_or_have_their_own() -> None:
    shared = plot_lines({"small": [2.0, 1.0, 1.5], "large": [2.0, 9.0, 3.0]}, x=[0, 10, 20], **AXES)
    assert points(shared.axes[0]) == [[[0, 2], [10, 1], [20, 1.5]], [[0, 2], [10, 9], [20, 3]]]
    assert "Large: from 2 at 0 to 3 at 20, range 2 to 9." in shared.alt_text
    own = plot_lines({"a": [1.0, 2.0], "b": torch.tensor([3.0])}, x={"a": [5, 6], "b": [7]}, **AXES)
    assert points(own.axes[0]) == [[[5, 1], [6, 2]], [[7, 3]]]


def test_lines_are_not_told_apart_by_colour_alone() -> None:
    lines = plot_lines({str(n): [n, n] for n in range(6)}, **AXES).axes[0].lines
    for kind in ("get_color", "get_marker"):
        assert len({getattr(line, kind)() for line in lines}) == 6


def test_a_curve_may_break_off() -> None:
    picture = plot_lines({"huge": [1.0, 100.0, float("nan")]}, log=True, **AXES)
    assert "Huge: from 1 at 1 to 100 at 2, range 1 to 100." in picture.alt_text
    assert picture.axes[0].get_yscale() == "log" and picture.png()


def test_the_surface_is_the_right_way_round_and_the_first_walk_on_top() -> None:
    heights = torch.tensor([[3.0, 2.0, 4.0], [5.0, 6.0, 9.0]])
    walks = {"rate 1": torch.tensor([[0.0, 0.0], [1.0, 0.5], [30.0, 0.0]]), "rate 2": torch.ones(5, 2)}
    picture = plot_surface(heights, x=[0, 10, 20], y=[-1, 1], walks=walks, **PLACES)
    assert picture.alt_text.startswith("Lowest loss: 2 at (10, −1)")
    assert "Rate 1: 2 steps from (0, 0) to (30, 0). Rate 2: 4 steps" in picture.alt_text
    axes = picture.axes[0]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 20), (-1, 1)), "what leaves the map does not stretch it"
    walk, start, other, _, lowest = points(axes)
    assert walk == walks["rate 1"].tolist() and start == [[0, 0]] and lowest == [[10, -1]]
    assert other == walks["rate 2"].tolist() and axes.lines[0].get_zorder() > axes.lines[2].get_zorder()


def test_the_ladder_compares_medians_with_the_first() -> None:
    times = {"script": [9.0, 10.0, 30.0], "in memory": [5.0, 4.0], "fast": torch.tensor([1.0])}
    picture = plot_ladder(times, xlabel="seconds", title="A ladder")
    assert "In memory: median 4.5 of 2 (4 to 5), 2.2 times as fast." in picture.alt_text
    (axes,) = picture.axes
    assert [patch.get_width() for patch in axes.patches] == [10, 4.5, 1]
    assert [list(line.get_xdata()) for line in axes.lines] == [[9, 10, 30], [5, 4], [1]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["script", "in memory", "fast"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first is at the top
    assert axes.get_xlim()[0] == 0 and axes.get_xlim()[1] > 30  # the bars' lengths compare


def test_intervals_are_drawn_where_they_are() -> None:
    ends = torch.tensor([[0.88, 0.92], [0.94, 0.97]])
    picture = plot_intervals(["mlp", "cnn"], torch.tensor([0.9, 0.95]), ends)
    assert picture.get_suptitle() == "Highest: cnn, 95.00 % right"
    (axes,) = picture.axes
    lines, dots = axes.collections
    assert np.allclose([segment[:, 0] for segment in lines.get_segments()], 100 * ends)
    assert np.allclose(dots.get_offsets(), [[90, 0], [95, 1]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["mlp", "cnn"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
