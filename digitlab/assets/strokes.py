"""Digits from strokes, in the many ways in which people write them.

MNIST was written by Americans around 1990. Here a digit is a few curves through points that a hand might aim at. No
two come out alike: points are missed, slant, width, pen and speed differ. The ink is then prepared as a drawing's or
a photo's is (lesson 13). These are no people's digits: what they leave out, a network cannot learn from them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from digitlab.assets.styles import STYLES, Part, part_of
from digitlab.data import Digits
from digitlab.photo import normalize_ink, thicken_ink

Array = npt.NDArray[np.floating[Any]]

N_POINTS = 100  # of the pen's way, near enough together to be a line
SIDE = 60  # pixels of the drawing, three for one of MNIST's


def draw_digits(
    n: int, seed: int, part: Part | None = None, label: int | None = None
) -> tuple[Digits, list[str]]:
    """Draw ``n`` digits of every style of a part and a label, or of all; with each its style's name, as "7 crossed".

    Examples:
        >>> digits, names = draw_digits(2, seed=0, part="report")
        >>> len(digits), names[0], int(digits.labels[-1])
        (20, '0 slashed low', 9)
    """
    images, labels, names = [], [], []
    for digit, styles in STYLES.items():
        for number, (name, style) in enumerate(styles.items()):
            if part in (None, part_of(digit, name)) and label in (None, digit):
                random = np.random.default_rng((seed, digit, number))
                images += [prepare(ink, random) for ink in render(*write(style, n, random), random)]
                labels += [digit] * n
                names += [f"{digit} {name}"] * n
    pixels = torch.from_numpy(np.stack(images))
    return Digits(pixels, torch.tensor(labels), "strokes", part or "train"), names


def bend(style: str) -> tuple[Array, Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """A style's K points (K, 2), and how each of M places on the pen's way is mixed from them (M, K).

    A cubic spline is linear in the points that it runs through, so one matrix bends all digits of a style. Then the
    number of its stroke for each place, and for each point.
    """
    aims: list[list[float]] = []
    runs, stroke_of_aim, stroke_of_run = [], [], []
    for stroke, text in enumerate(style.split(";")):
        run = [len(aims)]
        for word in text.split():
            aims.append([float(number) / 100 for number in word.rstrip("!").split(",")])
            stroke_of_aim.append(stroke)
            if len(aims) - 1 > run[0]:
                run.append(len(aims) - 1)
            if word.endswith("!") and len(run) > 1:  # a corner: one curve ends and the next begins here
                runs.append(run)
                stroke_of_run.append(stroke)
                run = run[-1:]
        if len(run) > 1:
            runs.append(run)
            stroke_of_run.append(stroke)
    points = np.array(aims)
    steps = [np.r_[0, np.hypot(*np.diff(points[run], axis=0).T).cumsum()] for run in runs]
    total = sum(step[-1] for step in steps)
    rows, strokes = [], []
    for run, step, stroke in zip(runs, steps, stroke_of_run, strict=True):
        n = max(4, round(N_POINTS * step[-1] / total))
        mix = np.zeros((n, len(points)))
        mix[:, run] = CubicSpline(step, np.eye(len(run)), bc_type="natural")(np.linspace(0, step[-1], n))
        rows.append(mix)
        strokes += [stroke] * n
    return points, np.concatenate(rows), np.array(strokes), np.array(stroke_of_aim)


def write(style: str, n: int, random: np.random.Generator) -> tuple[Array, npt.NDArray[np.intp]]:
    """Write a style ``n`` times, never twice alike: the pen's ways (n, M, 2), and the stroke of each place (M,)."""

    def spread(deviation: float, *shape: int) -> Array:
        return np.clip(random.normal(0, deviation, (n, *shape)), -2.2 * deviation, 2.2 * deviation)

    aims, mix, stroke, stroke_of_aim = bend(style)
    # The hand misses what it aims at, more so where a stroke begins and ends, and puts each stroke a little off.
    care = random.uniform(0.4, 1.3, (n, 1, 1))
    ends = np.r_[True, np.diff(stroke_of_aim) != 0] | np.r_[np.diff(stroke_of_aim) != 0, True]
    aimed = aims + care * spread(0.026, len(aims), 2) * np.where(ends, 1.4, 1)[:, None]
    aimed += care * spread(0.018, stroke[-1] + 1, 2)[:, stroke_of_aim]
    way = mix @ aimed

    # Proportions: larger above or below, wider above or below, more or less round.
    x, y = way[..., 0] - 0.3, way[..., 1] - 0.5
    y = y + spread(0.05, 1) * (1 - 4 * np.clip(y, -0.5, 0.5) ** 2)
    x = x * (1 + spread(0.16, 1) * y)
    x = x * np.exp(spread(0.2, 1)) + spread(0.03, 1) * np.sin(np.pi * y)
    # Slant up to 25 degrees, most people's to the right; a turned sheet.
    x = x - np.clip(random.normal(0.07, 0.19, (n, 1)), -0.46, 0.46) * y
    angle = spread(0.07, 1)
    way = np.stack([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], axis=-1)

    # A fast pen cuts corners; a mouse is seen at a few places only, joined by straight lines; then a tremor.
    begin = np.searchsorted(stroke, stroke)
    end = np.searchsorted(stroke, stroke, "right") - 1
    speed = random.uniform(0, 1, (n, 1, 1)) * (random.random((n, 1, 1)) < 0.5)
    for part in np.split(np.arange(len(stroke)), np.flatnonzero(np.diff(stroke)) + 1):
        smooth = gaussian_filter1d(way[:, part], 3.5, axis=1, mode="nearest")
        way[:, part] += speed * (smooth - way[:, part])
    step = np.where(random.random((n, 1)) < 0.3, random.integers(5, 15, (n, 1)), 1)
    before = begin + (np.arange(len(stroke)) - begin) // step * step
    after = np.minimum(before + step, end)
    share = ((np.arange(len(stroke)) - before) / np.maximum(after - before, 1))[..., None]
    picked = [np.take_along_axis(way, index[..., None], axis=1) for index in (before, after)]
    way = picked[0] + share * (picked[1] - picked[0])
    for reach, size in ((8, 0.012), (1.5, 0.006)):
        noise = gaussian_filter1d(random.normal(size=way.shape), reach, axis=1)
        way += (
            noise * np.sqrt(2 * reach * np.sqrt(np.pi)) * size * random.exponential(0.7, (n, 1, 1)).clip(0, 2)
        )
    return way, stroke


def render(way: Array, stroke: npt.NDArray[np.intp], random: np.random.Generator) -> Array:
    """Draw each way with a round pen: ink (n, SIDE, SIDE), 0 paper to 1, soft at its edges."""
    n, n_points = way.shape[:2]
    size = np.ptp(way, axis=1).max(axis=1)
    # Pens from a fineliner to a marker: from 0.9 to 4.8 pixels where the digit is 20 high, less for a long way, which
    # would fill its own holes.
    length = np.hypot(*np.diff(way, axis=1).T).sum(axis=0) / size
    width = (
        np.clip(np.exp(random.normal(np.log(2.3), 0.42, n)), 0.9, np.minimum(4.8, 12 / length)) * SIDE / 20
    )
    scale = (SIDE - 3 - width) / size
    places = (way - way.min(axis=1, keepdims=True)) * scale[:, None, None] + (1.5 + width / 2)[:, None, None]
    pressure = gaussian_filter1d(random.normal(size=(n, n_points)), 12, axis=1) * random.uniform(
        0, 0.6, (n, 1)
    )
    # The squared distance of every pixel to every point of the way, as one product; a pressed pen counts as nearer.
    near = np.exp(-2 * pressure)
    far = near * (places**2).sum(axis=2)
    points = torch.from_numpy(
        np.stack([near, -2 * near * places[..., 0], -2 * near * places[..., 1], far], axis=1)
    )
    y, x = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    pixels = torch.stack([x**2 + y**2, x, y, torch.ones_like(x)], dim=-1).view(-1, 4)
    nearest = [(pixels @ some.float()).amin(dim=2) for some in points.split(16)]
    distance = torch.cat(nearest).clamp(min=0).sqrt().view(n, SIDE, SIDE).numpy()
    softness = random.uniform(1, 3, (n, 1, 1))
    return np.asarray(np.clip((width[:, None, None] / 2 - distance) / softness + 0.5, 0, 1))


def prepare(ink: Array, random: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Ink to 28x28 as the playground does it, or as for a photo, where thin strokes are thickened."""
    return normalize_ink(thicken_ink(ink) if random.random() < 0.5 else ink).image
