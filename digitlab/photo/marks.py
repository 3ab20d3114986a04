"""Which marks of ink are one digit. Whether one of them is two that touch, `digitlab.doubt` says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.ndimage as ndimage
from jaxtyping import Float

from digitlab.checks import checked
from digitlab.photo.doubt import doubt_shape, name_sign
from digitlab.photo.ink import BLANK, EIGHT, Box, IntArray
from digitlab.photo.read import FloatArray, PhotoError

MAX_MARKS = 500  # more separate marks than this are a texture, not handwriting
LeftOut = tuple[Box, str]


class Mark(NamedTuple):
    """A digit's place, its own ink, and why it may be none."""

    box: Box
    ink: FloatArray
    doubt: str = ""


@checked
def group_marks(ink: Float[np.ndarray, "H W"], *, single: bool = False) -> tuple[list[Mark], list[LeftOut]]:
    """The digits of an ink map in reading order, and the boxes of what is none, each with the reason.

    A small mark beside another (the bar of a 5), or two above each other that nearly touch, are one digit. With
    `single` everything is one. `PhotoError` if nothing is left.
    """
    labels, n_marks = ndimage.label(ink > 0, EIGHT)
    if n_marks == 0:
        raise PhotoError(BLANK)
    boxes = np.array([[y.start, x.start, y.stop, x.stop] for y, x in ndimage.find_objects(labels)])
    if single:
        return [_take(ink, labels, boxes, list(range(n_marks)))], []
    groups, usual, reasons = _group_boxes(boxes, labels)
    left_out = [(_take(ink, labels, boxes, [i]).box, reason) for i, reason in enumerate(reasons) if reason]
    digits = []
    for mark in (_take(ink, labels, boxes, group) for group in groups):
        if reason := name_sign(mark.ink, usual):
            left_out.append((mark.box, reason))
            continue
        digits.append(mark._replace(doubt=doubt_shape(mark.ink, usual)))
    if not digits:
        raise PhotoError("no mark looks like a digit: write larger, or crop the picture to the digits")
    return [digits[i] for i in _reading_order([np.array(digit.box) for digit in digits])], left_out


def part_of(ink: FloatArray, top: int, left: int, doubt: str = "") -> Mark:
    """What there is of ink in a part of the page whose corner is at (top, left)."""
    rows, columns = (np.flatnonzero((ink > 0).any(axis)) for axis in (1, 0))
    y, x, bottom, right = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
    return Mark((top + y, left + x, top + bottom, left + right), ink[y:bottom, x:right], doubt)


def _take(ink: FloatArray, labels: IntArray, boxes: IntArray, group: list[int]) -> Mark:
    top, left, bottom, right = _union(boxes[group]).tolist()
    part = slice(top, bottom), slice(left, right)
    return part_of(ink[part] * np.isin(labels[part], np.array(group) + 1), top, left)


def _union(boxes: IntArray) -> IntArray:
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def _group_boxes(boxes: IntArray, labels: IntArray) -> tuple[list[list[int]], float, list[str]]:
    """Which marks are one digit each (lists of indices), a digit's usual height, and why others are left out."""
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    on_rim = (boxes[:, :2] == 0).any(1) | (boxes[:, 2:] == labels.shape).any(1)
    sizes = np.bincount(labels.ravel())[1:]
    inner = ~on_rim & (widths < 3 * heights)
    inner = inner if sizes[inner].sum() > 0.1 * sizes.sum() else np.full(len(boxes), True)
    # A digit's usual height: half of the ink belongs to marks that are at least as high.
    usual = float(np.median(np.repeat(heights[inner], sizes[inner])))
    lengths = np.maximum(heights, widths)
    kinds = [on_rim & (lengths > 2 * usual), lengths < 0.15 * usual]
    reasons = np.select(kinds, ["something at the rim", "a speck"], "").tolist()
    groups = [[i] for i, reason in enumerate(reasons) if not reason]
    if len(groups) > MAX_MARKS:
        raise PhotoError(f"the picture holds {len(groups)} separate marks, too many for handwriting: crop it")
    outer = [boxes[group[0]] for group in groups]
    while pair := _closest_fragments(np.array(outer), usual):
        first, second = pair
        groups[first] += groups.pop(second)
        del outer[second]
        outer[first] = _union(boxes[groups[first]])
    return groups, usual, reasons


def _closest_fragments(boxes: IntArray, usual: float) -> tuple[int, int] | None:
    """The nearest two boxes of those that belong to one digit, if any do."""
    if len(boxes) < 2:
        return None
    top, left, bottom, right = boxes.T.astype(float)
    gap_y = np.maximum.outer(top, top) - np.minimum.outer(bottom, bottom)  # negative: they overlap by so much
    gap_x = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    small = np.minimum.outer(bottom - top, bottom - top) < 0.6 * usual
    fragment = small & (gap_x < 0.1 * usual) & (gap_y < 0.25 * usual)
    shared = (-gap_x >= 0.5 * np.minimum.outer(right - left, right - left)) & (gap_y < 0.1 * usual)
    distance = np.where(fragment | shared, np.maximum(gap_x, gap_y), np.inf)
    distance[np.tril_indices(len(boxes))] = np.inf
    first, second = divmod(int(distance.argmin()), len(boxes))
    return (first, second) if np.isfinite(distance[first, second]) else None


def _reading_order(boxes: list[IntArray]) -> list[int]:
    """Indices of `boxes` line by line: going right, a box joins the line whose last box is beside it."""

    def overlap(i: int, j: int) -> int:
        return int(min(boxes[i][2], boxes[j][2]) - max(boxes[i][0], boxes[j][0]))

    lines: list[list[int]] = []
    for i in sorted(range(len(boxes)), key=lambda i: int(boxes[i][1] + boxes[i][3])):
        best = max(lines, key=lambda line: overlap(i, line[-1]), default=[i])
        if lines and overlap(i, best[-1]) >= 0.4 * min(overlap(i, i), overlap(best[-1], best[-1])):
            best.append(i)
        else:
            lines.append([i])
    lines.sort(key=lambda line: float(np.mean([boxes[i][0] + boxes[i][2] for i in line])))
    return [i for line in lines for i in line]
