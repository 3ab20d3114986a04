"""Exercises of lesson 13, your own handwriting: polarity, bounding box, the 20-pixel box, and the centre of mass."""

from __future__ import annotations

import torch
from torch import Tensor

from digitlab.exercises import Exercise, edit


def pictures() -> list[tuple[Tensor]]:
    """Dark on light, light on dark, grey paper, and a picture in which the ink fills more than half of one row."""
    ink = torch.zeros(30, 24)
    ink[8:20, 10:13] = 1.0
    ink[8:11, 5:18] = 0.8
    noise = 0.02 * torch.rand(30, 24, generator=torch.Generator().manual_seed(11))
    return [(1 - ink,), (ink.clone(),), ((0.75 - 0.6 * ink + noise),), ((0.2 + 0.6 * ink + noise),)]


def ink_maps() -> list[tuple[Tensor]]:
    """Ink in the middle, ink at two corners, and a ring."""
    one, corners, ring = (torch.zeros(20, 16) for _ in range(3))
    one[5:12, 3:9] = 0.7
    corners[0, 0] = corners[19, 15] = 1.0
    ring[3, 6:9] = ring[16, 7:10] = ring[4:16, 4] = ring[5:12, 13] = 0.9  # none of its corners has ink
    ring[6:9, 2] = 0.2
    return [(one,), (corners,), (ring,)]


# 13.1
def to_ink(grey: Tensor) -> Tensor:
    paper = grey.median()
    distance = (grey - paper).abs()
    return distance / distance.max()


# 13.2
def bounding_box(ink: Tensor) -> tuple[int, int, int, int]:
    rows = ink.amax(dim=1).nonzero().flatten()
    columns = ink.amax(dim=0).nonzero().flatten()
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


# 13.3
def size_in_box(height: int, width: int) -> tuple[int, ...]:
    scale = 20 / max(height, width)
    return tuple(max(1, round(side * scale)) for side in (height, width))


# 13.4
def centre_of_mass(ink: Tensor) -> tuple[float, float]:
    total = ink.sum()
    rows, columns = torch.arange(ink.shape[0]), torch.arange(ink.shape[1])
    return float((ink.sum(dim=1) * rows).sum() / total), float((ink.sum(dim=0) * columns).sum() / total)


def uneven_ink() -> list[tuple[Tensor]]:
    """Ink that is heavier on one side, so that the middle of the box is not the centre of mass."""
    ink = torch.zeros(22, 17)
    ink[2:18, 3:5] = 1.0
    ink[2:5, 5:12] = 0.5
    return [(ink,), (ink.flip(0),), (torch.eye(12)[:, :10] * torch.linspace(0.1, 1, 10),)]


EXERCISES = [
    Exercise(
        number="13.1", title="Ink, whatever the paper", name="to_ink", minutes=8, difficulty="medium",
        starter="def to_ink(grey):\n"
        '    """Grey (H, W), 0 black .. 1 white, any paper: 0 where it is paper, 1 at the strongest ink."""\n    ...',
        answer=to_ink, cases=pictures,
        praise="it does not matter any more whether the paper or the ink is the darker one. It assumes even light; "
        "the library estimates the paper in each neighbourhood instead.",
        hints=(
            "Most of a picture is paper. Which number sits in the middle when all pixels are sorted?",
            "paper = grey.median(); ink is whatever is far from it, in either direction: the absolute difference.",
            "Divide by the largest difference, so that the strongest ink is 1.",
        ),
        wrong=(
            edit("distance / distance.max()", "1 - grey",
                "right for dark ink on white paper, and wrong for chalk on a board. Ask the picture what its paper "
                "is: the median."),
            edit("distance / distance.max()", "1 - grey if paper > 0.5 else grey",
                "right for pure white and pure black paper, which become 0. Grey paper does not: take each pixel's "
                "distance from the paper, the median, and divide by the largest."),
            edit("(grey - paper).abs()", "grey - paper",
                "dark ink on bright paper comes out wrong: it lies *below* the paper, and the largest difference with "
                "its sign is not the largest one. Take the absolute difference first."),
            edit("(grey - paper).abs()", "paper - grey",
                "right for dark ink on bright paper. Ink that is brighter than its paper comes out negative, or "
                "divided by almost nothing: the absolute difference is missing, (grey - paper).abs()."),
            edit("distance.max()", "grey.max()",
                "the strongest ink is not 1: you divide by the brightest pixel of the picture. Divide by the largest "
                "*difference*."),
            edit("distance / distance.max()", "distance",
                "the paper is 0 now, but faint ink stays faint. Divide by the largest difference."),
            edit("grey.median()", "grey[0, 0]",
                "one pixel stands for all the paper here, and paper has grain: the corner may be a speck. The median "
                "asks all pixels."),
            edit("grey.median()", "grey.mean()",
                "the mean lies between paper and ink, so the paper is not 0. The median is paper, as long as most "
                "pixels are."),
            edit("grey.median()", "grey.median(dim=0).values",
                "each column has a median of its own here. The paper is one number for the whole picture: "
                "grey.median(), without dim."),
            edit("distance / distance.max()", "grey",
                "this is the picture as it was: on white paper the paper would be the ink. The network knows light "
                "ink on black only."),
            edit("(grey - paper).abs()", "(paper - grey).clamp(min=0)",
                "ink that is brighter than its paper is lost: only what is darker is kept. Take the absolute "
                "difference."),
        ),
    ),
    Exercise(
        number="13.2", title="The bounding box", name="bounding_box", minutes=6, difficulty="easy",
        starter="def bounding_box(ink):\n"
        '    """(top, left, bottom, right) of the pixels above 0; bottom and right are one past the last."""\n    ...',
        answer=bounding_box, cases=ink_maps, results=("top", "left", "bottom", "right"),
        praise="with bottom and right one past the end, ink[top:bottom, left:right] is the crop, and bottom - top its "
        "height.",
        hints=(
            "Which rows have any ink? ink.amax(dim=1) is the strongest ink of each row.",
            ".nonzero().flatten() gives the positions; the first and the last of them are what you need, plus one for "
            "the end.",
        ),
        wrong=(
            edit("int(rows[-1]) + 1, int(columns[-1]) + 1", "int(rows[-1]), int(columns[-1])",
                "the last row and column of ink are cut off: a slice ends before its end, so bottom and right are one "
                "more."),
            edit("return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1",
                "top, left, bottom, right = int(rows[0]), int(columns[0]), int(rows[-1]), int(columns[-1])\n"
                "    return top, left, bottom - top + 1, right - left + 1",
                "your last two numbers are the height and the width. Asked for are the places where the ink ends: "
                "bottom and right."),
            edit("ink.amax(dim=1).nonzero().flatten()", "ink.nonzero()[:, 0]",
                "ink.amax(dim=0).nonzero().flatten()", "ink.nonzero()[:, 1]",
                "right for a box, wrong for a ring: its first inked pixel lies in its first row, but not in its first "
                "column. Take the least and the greatest row and column of *all* inked pixels."),
            edit("int(rows[-1]) + 1, int(columns[-1]) + 1", "int(rows[0]) + len(rows), int(columns[0]) + len(columns)",
                "you count the rows that have ink. Where a row in between has none, the box comes out too small: take "
                "the last one."),
            edit("ink.amax(dim=1)", "ink.amin(dim=1)", "ink.amax(dim=0)", "ink.amin(dim=0)",
                "you ask for rows in which *every* pixel has ink, and there are none. One pixel is enough."),
            edit("int(columns[0])", "int(ink.nonzero()[0, 1])",
                "your left side is that of the first inked pixel. The pixels come row by row: the first one is in the "
                "first row, but need not be in the first column. Take the least column of all."),
        ),
    ),
    Exercise(
        number="13.3", title="How large in the box?", name="size_in_box", minutes=5, difficulty="easy",
        starter="def size_in_box(height, width):\n"
        '    """The size (height, width) at which a digit fills the 20x20 box, its shape kept: whole pixels."""\n'
        "    ...",
        answer=size_in_box, cases=lambda: [(40, 20), (10, 30), (200, 2), (20, 20), (7, 5)], results=("height", "width"),
        praise="the longer side becomes 20, and the shape stays: a 1 remains thin. At least one pixel is left of the "
        "other side.",
        hints=(
            "Both sides are multiplied by the same number; the longer one becomes 20.",
            "round(...) gives whole pixels. And what of a line of 200 x 2 pixels: may a side become 0?",
        ),
        wrong=(
            edit("max(height, width)", "height",
                "right where the height is the longer side. A wide digit sticks out of the box: divide by the longer "
                "of the two."),
            edit("max(1, round(side * scale))", "side * 20 // max(height, width)",
                "what is behind the point is cut off, so 6.67 becomes 6, and a thin stroke 0. Round to the nearest "
                "whole number, and keep at least 1."),
            edit("max(1, round(side * scale))", "round(side * scale)",
                "a very thin stroke gets a side of 0 pixels and disappears. Keep at least 1."),
            edit("= 20", "= 28",
                "MNIST's digits fill 20 of the 28 pixels, not all of them. The rest is the margin that centring "
                "needs."),
            edit("/ max(", "/ min(",
                "the shorter side becomes 20, so the longer one sticks out of the box. Divide by the longer side."),
            edit("max(height, width)", "(height + width)",
                "together the two sides make 20. The *longer* one should become 20: divide by it."),
            edit("20 / max(height, width)", "20 // max(height, width)",
                "// cuts the scale off at the point: nearly always it becomes 0. Divide with /."),
            edit("20 / max(height, width)", "min(1, 20 / max(height, width))",
                "a digit of 7 x 5 pixels stays small. The longer side becomes 20 in every case, so small ones grow."),
            edit("max(1, round(side * scale))", "20",
                "this pulls every digit into a square: a 1 becomes a block. Multiply both sides by the same number."),
        ),
    ),
    Exercise(
        number="13.4", title="The centre of mass", name="centre_of_mass", minutes=8, difficulty="medium",
        starter="def centre_of_mass(ink):\n"
        '    """(row, column) of the centre of mass of an ink map (H, W), counted from 0, as two numbers."""\n    ...',
        answer=centre_of_mass, cases=uneven_ink, results=("row", "column"),
        praise="dark pixels pull more than faint ones. MNIST's digits were all moved until this point lay in the "
        "middle.",
        hints=(
            "It is a mean of positions, in which each pixel counts as much as it has ink.",
            "For the rows: sum the ink of each row, multiply by the row's number, add up, divide by all the ink.",
        ),
        wrong=(
            edit("total =", "top, left, bottom, right = bounding_box(ink)\n"
                "    return (top + bottom) / 2, (left + right) / 2\n    total =",
                "this is the middle of the bounding box. A 7 has most of its ink at the top, so its centre of mass "
                "lies higher: take the mean position of the ink."),
            edit("total =", "ink = (ink > 0).float()\n    total =",
                "each inked pixel counts the same here. A faint one should count less: weigh by the ink."),
            edit("ink.sum()\n", "1\n", "a mean needs a division: by the sum of all ink."),
            edit("ink.sum()\n", "ink.numel()\n",
                "you divide by the number of all pixels, so the empty ones count as well and pull the point to the "
                "upper left. Divide by the sum of the ink."),
            edit("ink.sum()\n", "(ink > 0).sum()\n",
                "you multiply by the ink and divide by the number of inked pixels. A weighted mean is divided by the "
                "sum of its weights: all the ink."),
            edit("(ink.sum(dim=1) * rows).sum() / total", "(ink.sum(dim=1) * rows).mean()",
                "(ink.sum(dim=0) * columns).sum() / total", "(ink.sum(dim=0) * columns).mean()",
                "you divide by the number of rows, and of columns: .mean() does not know how much ink there is. Add up "
                "with .sum(), and divide by the sum of the ink."),
            edit("return", "rows, columns = rows + 0.5, columns + 0.5\n    return",
                "half a pixel too far: here a pixel's position is its index, and the first row is at 0."),
            edit("total =", "return int(ink.sum(dim=1).argmax()), int(ink.sum(dim=0).argmax())\n    total =",
                "this is the row and the column with most ink. The centre of mass is a mean, to which all rows "
                "contribute."),
            edit("total =", "return ink.shape[0] / 2, ink.shape[1] / 2\n    total =",
                "this is the middle of the *picture*, wherever the ink is."),
            edit("total =", "ink = (ink.amax(1, keepdim=True) * ink.amax(0) > 0).float()\n    total =",
                "this is the middle of the bounding box. A 7 has most of its ink at the top, so its centre of mass "
                "lies higher."),
        ),
    ),
]
