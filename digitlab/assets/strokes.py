"""Digits from strokes, in the many ways in which people write them.

MNIST was written by Americans around 1990. Here a digit is a few curves through points that a hand might aim at. No
two come out alike: points are missed, slant, width, pen and speed differ. The ink is then prepared as a drawing's or
a photo's is (lesson 13). These are no people's digits: what they leave out, a network cannot learn from them.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from digitlab.data import Digits
from digitlab.photo import normalize_ink, thicken_ink

Array = npt.NDArray[np.floating[Any]]

# Points "across,down" in hundredths of the height. A curve runs smoothly through them; "!" is a corner, where the pen
# turns sharply, ";" lifts the pen.
STYLES: dict[int, dict[str, str]] = {
    0: {
        "round": "36,0 12,18 2,55 18,92 40,99 60,75 64,38 54,10 34,1",
        "narrow": "25,0 8,25 6,70 22,99 40,75 42,30 25,0",
        "wide": "45,2 12,12 0,50 18,88 48,96 82,75 84,35 62,6 42,3",
        "open at the top": "46,6 16,12 2,50 15,92 40,98 62,72 64,32 56,10",
        "open at the side": "52,18 34,0 8,22 2,60 22,98 48,90 60,62 58,34",
        "open below": "26,97 6,72 6,28 30,1 54,22 58,66 38,97",
        "crossing": "42,3 12,18 3,58 24,98 54,84 62,42 46,9 24,2",
        "curled in": "54,14 36,0 10,20 3,62 24,99 54,82 62,38 46,8 32,14",
        "tail up": "36,4 8,24 4,68 26,98 54,80 58,38 44,8 40,-6 52,-12",
        "drop": "32,0! 8,45 8,80 30,100 52,80 50,42 32,0!",
        "box": "12,3! 5,88 12,96! 50,97! 55,10! 12,3!",
        "slashed": "34,0 10,18 3,55 18,92 40,98 60,72 62,36 52,9 34,0; 68,4 -2,98",
        "slashed inside": "34,0 8,22 3,58 20,95 42,98 60,72 62,32 50,7 34,0; 50,20 15,80",
        "dotted": "36,0 12,18 2,55 18,92 40,99 60,75 64,38 54,10 34,1; 32,48 35,54",
        "slashed flat": "36,0 10,14 2,52 18,92 42,98 64,72 64,32 52,7 36,0; 74,26 -8,74",
        "slashed low": "34,0 10,18 3,55 18,92 40,98 60,72 62,36 52,9 34,0; 66,40 -6,92",
    },
    1: {
        "bare": "30,0 30,100",
        "bowed": "34,0 28,50 32,100",
        "short flag": "16,20 34,0! 34,100",
        "flag": "6,32 35,0! 35,100",
        "flat flag": "8,20 24,14 36,0! 36,100",
        "long flag": "0,55 38,0! 38,100",
        "longest flag": "0,74 37,0! 38,100",
        "steep flag": "16,45 36,0! 36,100",
        "curved flag": "2,36 22,24 36,0! 36,100",
        "rounded flag": "8,32 24,10 34,3 36,20 35,100",
        "flag and base": "10,26 35,0! 35,100; 8,100 62,100",
        "long flag and base": "2,44 36,0! 36,99; 10,100 64,98",
        "one line with base": "12,26 34,0! 34,98! 12,99! 58,98",
        "base": "30,0 30,100; 8,100 52,100",
        "foot": "30,0 29,88 36,99 48,94",
        "flag and foot": "10,30 34,0! 33,88 40,99 50,95",
        "bent flag": "4,46 18,26 35,0! 35,100",
    },
    2: {
        "angle": "6,22 26,2 50,14 46,42 5,98! 60,98",
        "wide angle": "2,22 30,0 62,18 48,52 2,96! 72,97",
        "loop": "5,22 26,2 52,16 44,52 14,94 3,86 14,76 38,92 62,93",
        "large loop": "6,18 30,0 52,20 40,60 16,98 0,84 16,66 42,88 64,84",
        "flat loop": "4,20 28,0 50,18 38,58 8,96 4,88 26,90 64,98",
        "wave": "6,24 24,3 48,14 44,44 4,97! 24,88 44,98 64,88",
        "like a z": "4,8! 50,4! 5,97! 58,97",
        "hooked": "18,26 5,20 14,4 38,1 52,22 36,60 4,98! 60,98",
        "round": "6,14 34,0 58,26 36,62 6,97! 60,96",
        "swan": "4,30 14,4 40,2 46,30 30,64 4,96! 30,92 60,96",
        "falling base": "5,20 28,1 50,18 38,52 4,88! 34,92 64,104",
        "rising base": "5,22 26,1 50,16 40,54 6,100! 34,96 62,86",
        "no corner": "6,18 28,0 50,18 38,54 14,84 22,97 62,97",
        "long neck": "6,26 30,2 54,16 44,50 8,94! 30,88 62,98",
    },
    3: {
        "round": "5,12 30,0 52,16 44,40 22,47! 50,55 58,78 32,100 2,88",
        "flat top": "5,3! 55,3! 26,40! 50,48 58,74 36,99 3,90",
        "angles": "5,2! 54,8! 22,46! 58,74! 6,100",
        "loop in the middle": "6,12 30,0 50,18 38,42 20,50 18,42 34,44 56,66 46,94 20,100 2,88",
        "without a notch": "7,8 34,0 50,20 37,46 54,72 36,98 3,94",
        "small above": "12,10 32,0 46,16 36,34 22,38! 54,48 60,76 30,100 2,86",
        "small below": "4,10 34,0 58,22 46,50 22,56! 46,62 50,84 28,99 6,90",
        "hooked": "14,22 5,12 26,0 50,16 42,40 24,46! 52,56 56,82 28,100 6,90 10,80",
        "long tail": "6,10 32,0 50,18 40,40 20,46! 52,56 56,84 26,101 -4,88 -8,74",
        "flat": "4,4 46,2 54,12 24,44! 54,54 54,86 4,96",
        "deep notch": "6,12 32,0 52,18 38,42 8,48! 46,54 58,78 32,100 2,88",
        "flat top, angle": "4,4! 52,2! 20,46! 58,62 50,92 4,98",
        "wide, flat below": "6,8 34,0 60,18 40,42 26,46! 60,60 56,90 6,94",
    },
    4: {
        "open": "12,0 5,60! 65,60; 50,5 50,100",
        "open, round": "10,0 6,44 20,56 52,48; 54,0 50,100",
        "open, one line": "8,2 5,42 18,52 48,44 53,2! 48,100",
        "open, wide": "14,0 2,52! 72,52; 54,16 50,100",
        "open, short bar": "10,2 5,54! 48,55; 48,2 48,100",
        "open, slanted": "24,0 3,58! 62,58; 48,22 40,100",
        "closed": "48,0! 3,65! 68,65; 48,0 48,100",
        "closed, one line": "64,62! 2,64! 44,0! 44,100",
        "closed, narrow": "40,0! 5,58! 52,58; 40,0 38,100",
        "closed, low bar": "46,0! 2,76! 66,76; 46,2 46,100",
        "slanted top": "46,0! 3,62! 66,62; 44,34 40,100",
        "slanted top, short stem": "42,0! 4,60! 62,60; 38,44 32,100",
        "slanted top, round": "44,0 20,34 5,62 30,64 62,58; 44,36 36,100",
        "overshooting": "42,8! 4,64! 68,64; 50,-8 46,100",
        "foot": "14,0 5,56! 62,56; 50,4 48,88 56,100",
        "like a y": "6,0 8,40 24,50 46,38; 54,0 38,100",
        "open, tall left": "8,-4 4,56! 62,54; 46,20 44,100",
    },
    5: {
        "cap last": "12,0! 8,45! 34,38 58,65 40,97 3,92; 12,0 55,0",
        "one line": "55,2! 12,2! 8,45! 35,38 58,65 40,97 3,92",
        "cap apart": "14,8! 9,46! 36,40 58,66 40,98 3,92; 22,0 64,-4",
        "like an s": "56,4 28,3 12,24 40,48 54,72 32,98 3,92",
        "angles": "54,1! 10,1! 10,45! 54,47! 54,96! 5,97",
        "slanted": "60,0! 22,2! 8,44! 36,38 52,62 32,96 -2,94",
        "curled": "54,1! 14,2! 9,46! 38,38 60,66 36,100 4,88 10,76",
        "small belly": "52,0! 12,2! 10,58! 34,52 52,74 34,98 6,94",
        "large belly": "50,1! 14,1! 8,34! 40,28 64,62 38,100 -2,90",
        "long cap": "12,4! 8,44! 36,38 54,64 36,98 2,92; 12,4 76,2",
        "falling cap": "13,0! 8,44! 34,38 56,64 38,98 4,92; 13,2 56,14",
        "round shoulder": "56,4 20,4 10,12 10,46! 36,40 56,66 38,98 4,92",
        "open belly": "52,2! 14,2! 10,42! 40,44 54,70 46,98",
        "leaning cap": "62,-2 24,6! 14,44! 40,38 60,64 40,96 4,94",
    },
    6: {
        "round": "50,3 18,28 4,68 24,99 52,84 46,58 22,54 5,74",
        "straight": "36,0 12,40 5,72 22,99 50,86 44,60 20,58 6,76",
        "hooked": "56,12 40,0 14,22 3,66 22,99 50,84 44,58 18,58 5,76",
        "open": "46,2 14,32 4,70 24,99 50,86 48,66 34,60",
        "upright": "12,0 5,50 8,86 28,99 50,82 42,60 20,60 7,72",
        "crossing": "46,2 16,30 4,70 24,99 52,82 44,58 18,62 -8,76",
        "small loop": "48,0 18,34 5,76 20,99 40,88 36,70 18,70 7,82",
        "large loop": "42,0 12,26 2,64 26,100 58,74 44,42 18,44 4,62",
        "spiral": "48,2 14,30 4,72 26,99 52,80 40,58 20,66 22,82",
        "corner": "40,0! 5,62 14,96 44,94 50,66 28,52 8,64",
        "leaning": "64,0 30,30 6,68 18,98 46,90 48,62 24,58 8,74",
        "low": "60,14 22,18 2,58 22,94 56,82 52,52 22,52 4,66",
        "wide belly": "44,0 16,28 2,66 24,98 62,88 60,58 26,52 6,70",
    },
    7: {
        "bare": "3,3! 58,3! 25,100",
        "curved": "3,5! 58,3! 36,42 27,100",
        "upright": "3,4! 46,3! 40,100",
        "rounded": "3,6 44,2 56,12 38,52 26,100",
        "serif": "4,20! 5,2! 60,2! 28,100",
        "wave": "3,16 18,3 38,10 60,2! 32,54 24,100",
        "crossed": "3,3! 60,3! 26,100; 16,52 58,50",
        "crossed, rising": "3,4! 58,2! 26,100; 14,60 60,42",
        "crossed, curved": "3,6 30,4 60,3! 38,48 30,100; 20,52 64,50",
        "crossed, short": "2,3! 56,3! 24,100; 30,54 52,52",
        "serif and bar": "3,20! 4,3! 62,2! 28,100; 16,54 62,50",
        "wave and bar": "3,16 18,2 38,9 60,1! 34,50 24,100; 14,56 56,50",
        "upright and bar": "3,3! 48,3! 42,100; 24,50 62,48",
        "long serif": "5,32! 5,3! 54,3! 50,30 34,100",
        "rising top": "2,14! 58,0! 26,100",
        "falling top": "4,0! 56,10! 22,100",
        "long bar": "4,4! 56,2! 30,100; 6,56 66,48",
    },
    8: {
        "one line": "50,12 30,0 9,20 30,46 55,74 30,100 5,78 26,50 50,24 46,8",
        "two circles": "30,46 10,24 30,0 50,22 30,46; 30,46 4,74 30,100 56,74 30,46",
        "circles apart": "30,44 10,22 30,0 50,22 32,44; 30,52 4,76 30,100 56,76 32,52",
        "open at the top": "56,8 26,0 8,22 48,64 44,94 14,96 8,68 50,30 60,12",
        "small above": "44,10 30,0 16,16 30,34 58,68 30,100 2,68 28,34 46,16",
        "small below": "54,14 30,0 6,26 30,56 48,80 30,100 12,80 28,58 56,30 50,10",
        "crossing": "48,12 26,1 10,22 50,68 36,99 8,84 20,54 54,14 66,-4",
        "narrow": "38,10 25,0 12,20 38,74 25,100 11,78 38,24 34,8",
        "other way round": "10,14 30,0 50,20 30,46 5,74 28,100 54,78 34,50 10,24 14,6",
        "hourglass": "6,4! 52,4! 8,96! 54,97! 6,4!",
        "from the middle": "28,48 8,26 28,1 48,22 30,48 6,76 30,100 54,76 28,48",
        "open at the side": "50,16 30,0 10,20 28,44 54,74 32,100 6,80 24,52 44,34",
        "wide": "60,14 34,0 8,22 36,46 70,74 36,100 2,76 34,48 62,24 54,6",
        "leaning": "58,10 36,0 18,20 34,46 46,76 22,100 0,80 22,52 52,26 56,10",
    },
    9: {
        "straight": "50,18 28,0 5,22 24,48 50,22! 50,100",
        "slanted": "52,16 30,0 6,22 24,46 52,20! 32,100",
        "curled": "50,22 28,0 5,25 24,50 50,26 51,64 34,99 8,92",
        "hooked": "50,22 28,0 5,24 24,48 50,24! 50,78 28,100 2,80",
        "long hook": "50,18 28,0 6,22 24,44 50,20! 52,76 30,102 0,92 -4,78",
        "six upside down": "10,98 44,78 56,32 34,0 8,18 14,44 38,46 55,26",
        "open": "48,10 22,2 5,26 22,48 50,30; 52,4 48,100",
        "circle and stem": "28,0 6,22 26,48 48,24 28,0; 49,2 48,100",
        "small head": "46,16 30,0 14,16 28,34 47,16! 46,100",
        "large head": "54,26 28,0 2,30 26,60 55,28! 52,100",
        "bowed": "50,20 28,0 6,22 24,48 52,20 48,64 36,100",
        "angles": "50,4! 6,16! 12,44! 48,42! 50,4! 46,100",
        "foot": "50,20 28,0 6,24 24,48 50,22! 48,88 58,100",
        "crossing": "56,8 26,0 6,24 24,48 54,20 60,-4! 46,100",
        "hooked low": "50,20 28,0 6,22 26,46 50,22! 50,70 40,94 22,96",
    },
}

# Styles that no network learns from: settings are chosen on the first, results reported on the second.
CHOOSE = {
    0: ["open below", "slashed inside"],
    1: ["steep flag", "one line with base"],
    2: ["flat loop", "swan"],
    3: ["flat", "hooked"],
    4: ["slanted top", "open, short bar"],
    5: ["falling cap", "curled"],
    6: ["crossing", "corner"],
    7: ["serif and bar", "rounded"],
    8: ["from the middle", "open at the side"],
    9: ["hooked", "circle and stem"],
}
REPORT = {
    0: ["slashed low"],
    1: ["bent flag"],
    2: ["long neck"],
    3: ["wide, flat below"],
    4: ["open, tall left"],
    5: ["leaning cap"],
    6: ["wide belly"],
    7: ["long bar"],
    8: ["leaning"],
    9: ["hooked low"],
}
Part = Literal["train", "choose", "report"]

N_POINTS = 100  # of the pen's way, near enough together to be a line
SIDE = 60  # pixels of the drawing, three for one of MNIST's


def part_of(label: int, name: str) -> Part:
    """What a style is for."""
    return "choose" if name in CHOOSE[label] else "report" if name in REPORT[label] else "train"


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
