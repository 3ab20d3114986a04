"""The picture of one digit's way through a network, shape by shape: the course's flagship."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from digitlab.forward import Step
from digitlab.plots.colours import BLUE, ORANGE, PALE, QUIET, colour_scale
from digitlab.plots.style import MARGIN, WIDTH, Array, Picture, as_array, draw_tile, draws, new_page
from digitlab.wording import counted, signed_text, value_range

_MOST_MAPS = 20
_CIRCLE = {"boxstyle": "circle,pad=0.22", "facecolor": ORANGE, "edgecolor": ORANGE}


@draws
def plot_walk(steps: Sequence[Step]) -> Picture:
    """One digit's way through a network: what each layer makes of it, and how the shapes change. Lesson 06.

    Steps that keep the shape (a ReLU, say) are drawn together with the one before them. Each has its own scale: blue
    to orange where there are values below zero, elsewhere viridis. Ten numbers at the end are the digits' scores.

    Examples:
        >>> import torch
        >>> image, logits = torch.eye(28)[None, None], torch.arange(10.0)[None]
        >>> plot_walk([Step("input", image), Step("fc", logits), Step("relu", logits)]).alt_text[:91]
        'One digit on its way through a network: input, 28 × 28, 0 to 1; fc, relu, 10 numbers, 0 to '
    """
    if not steps:
        raise ValueError("steps: expected at least one, got none")
    stations: list[tuple[list[str], Array]] = []
    for step in steps:
        shape = "1 _ _ _" if step.output.ndim == 4 else "1 _"
        output = as_array(f"steps[{step.name!r}]", step.output, shape)[0]
        names = [step.name]
        if stations and output.shape == stations[-1][1].shape:
            names = stations.pop()[0] + names
        stations.append((names, output))
    first, last = stations[0][1], stations[-1][1]
    goal = f"the digit {last.argmax()}" if last.shape == (10,) else counted(last.size, "number")
    said = []

    picture, page = new_page(0.0, f"From {counted(first.size, 'pixel')} to {goal}")
    top = picture.get_figheight()
    y = 0.0
    for i, (names, output) in enumerate(stations):
        if i > 0:
            page.text(WIDTH / 2, y + 0.06, "▼", ha="center", va="top", color=PALE)
            y += 0.24
        name = ", ".join(names) if len(names) <= 2 else f"{names[0]} … {names[-1]}"
        page.text(MARGIN, y, name, va="top", size=13, weight="bold")
        page.text(WIDTH - MARGIN, y, _size(output), ha="right", va="top", color=QUIET)
        y += 0.3
        if i == 0 and output.ndim == 3 and len(output) == 1:
            draw_tile(page, output[0], (WIDTH - 1.4) / 2, y, side=1.4, cmap="gray")
            y += 1.45
        elif output.ndim == 3:
            y += _draw_maps(page, output, y)
        elif i == len(stations) - 1 and len(output) == 10:
            y += _draw_scores(page, output, y)
        else:
            scale = {"interpolation": "nearest", **colour_scale(output)}
            page.imshow(output[None], extent=(MARGIN, WIDTH - MARGIN, y + 0.34, y), aspect="auto", **scale)
            y += 0.34
        said.append(f"{name}, {_size(output)}, {value_range(output)}")
    picture.set_figheight(top + y)
    page.set_ylim(y, -top)

    text = f"One digit on its way through a network: {'; '.join(said)}."
    if last.shape == (10,):
        best, second = np.argsort(-last, kind="stable")[:2]
        scores = f"{best} ({signed_text(last[best])}), then {second} ({signed_text(last[second])})"
        text += f" The highest score is that of {scores}."
    return picture.saying(text)


def _size(output: Array) -> str:
    if output.ndim == 1:
        return counted(len(output), "number")
    n, height, width = output.shape
    several = f"{n} maps of " if n > 1 else ""
    return f"{several}{height} × {width}" + (f", {_MOST_MAPS} shown" if n > _MOST_MAPS else "")


def _draw_maps(page: Axes, maps: Array, top: float) -> float:
    """Below ``top``, in rows of ten; returns the height that they take, in inches."""
    shown = maps[:_MOST_MAPS]
    # One outlier would leave the rest pale.
    scale = colour_scale(np.clip(maps, *np.quantile(maps, (0.005, 0.995))))
    # By the third root: a map of 4 x 4 should look smaller than one of 24 x 24, and still be seen on a phone.
    pitch = 0.62 * math.cbrt(min(1.0, max(maps.shape[1:]) / 24))
    left = (WIDTH - min(10, len(shown)) * pitch) / 2
    for i, values in enumerate(shown):
        row, column = divmod(i, 10)
        draw_tile(page, values, left + column * pitch, top + row * pitch, pitch - 0.05, **scale)
    return pitch * math.ceil(len(shown) / 10)


def _draw_scores(page: Axes, scores: Array, top: float) -> float:
    scores = scores.astype(float)
    across = (WIDTH - 2 * MARGIN) / 10
    inches = 1.1 / (max(scores.max(), 0) - min(scores.min(), 0) or 1)
    zero = top + 0.22 + max(scores.max(), 0) * inches
    bottom = zero - min(scores.min(), 0) * inches + 0.5
    centres = MARGIN + across * (np.arange(10) + 0.5)
    colours = np.where(scores < 0, BLUE, ORANGE)
    page.bar(centres, -scores * inches, 0.7 * across, bottom=zero, color=colours)
    page.plot([MARGIN, WIDTH - MARGIN], [zero, zero], color=QUIET, linewidth=1)
    for digit, (x, score) in enumerate(zip(centres, scores, strict=True)):
        side, away = ("bottom", -0.04) if score >= 0 else ("top", 0.04)
        page.text(x, zero - score * inches + away, signed_text(score), ha="center", va=side)
        look = {"color": "white", "bbox": _CIRCLE} if digit == scores.argmax() else {"color": QUIET}
        page.text(x, bottom, f"{digit}", ha="center", va="center", size=17, weight="bold", **look)
    return float(bottom + 0.25 - top)
