"""Which marks of ink are one digit."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndimage
from jaxtyping import Float

from digitlab.checks import checked
from digitlab.photo.ink import BLANK, EIGHT, Box, IntArray
from digitlab.photo.read import FloatArray, PhotoError

MAX_MARKS = 500  # more separate marks than this are a texture, not handwriting


@checked
def group_marks(ink: Float[np.ndarray, "H W"], *, single: bool = False) -> list[tuple[Box, FloatArray]]:
    """Group the connected marks of an ink map into digits, in reading order: each one's box and its own ink.

    A small mark beside another (the bar of a 5), or two above each other that nearly touch, are one digit. Specks,
    dashes and the rim's remains are left out. With `single` everything is one digit. `PhotoError` if nothing is left.

    Examples:
        >>> ink = np.zeros((30, 30))
        >>> ink[5:25, 3:6] = ink[5:25, 20:23] = 1
        >>> [box for box, _ in group_marks(ink)]
        [(5, 3, 25, 6), (5, 20, 25, 23)]
    """
    labels, n_marks = ndimage.label(ink > 0, EIGHT)
    if n_marks == 0:
        raise PhotoError(BLANK)
    boxes = np.array([[y.start, x.start, y.stop, x.stop] for y, x in ndimage.find_objects(labels)])
    sizes = np.bincount(labels.ravel())[1:]
    digits = []
    for group in [list(range(n_marks))] if single else _group_boxes(boxes, sizes, ink.shape):
        top, left, bottom, right = _union(boxes[group]).tolist()
        part = slice(top, bottom), slice(left, right)
        mine = np.isin(labels[part], np.array(group) + 1)
        digits.append(((top, left, bottom, right), ink[part] * mine))
    return digits


def _union(boxes: IntArray) -> IntArray:
    return np.concatenate([boxes[:, :2].min(0), boxes[:, 2:].max(0)])


def _group_boxes(boxes: IntArray, sizes: IntArray, shape: tuple[int, ...]) -> list[list[int]]:
    """Which marks are one digit each: lists of indices into `boxes`, in reading order."""
    heights, widths = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    on_rim = (boxes[:, :2] == 0).any(1) | (boxes[:, 2:] == shape).any(1)
    inner = ~on_rim if sizes[~on_rim].sum() > 0.1 * sizes.sum() else np.full(len(boxes), True)
    # A digit's usual height: half of the ink belongs to marks that are at least as high.
    usual = float(np.median(np.repeat(heights[inner], sizes[inner])))
    rim_remains = on_rim & (np.maximum(heights, widths) > 2 * usual)
    specks = np.maximum(heights, widths) < 0.15 * usual
    groups = [[int(i)] for i in np.flatnonzero(~rim_remains & ~specks)]
    if len(groups) > MAX_MARKS:
        raise PhotoError(f"the picture holds {len(groups)} separate marks, too many for handwriting: crop it")
    outer = [boxes[group[0]] for group in groups]
    while pair := _closest_fragments(np.array(outer), usual):
        first, second = pair
        groups[first] += groups.pop(second)
        del outer[second]
        outer[first] = _union(boxes[groups[first]])
    # A dash or a dot is no digit.
    digits = [i for i, box in enumerate(outer) if box[2] - box[0] >= 0.35 * usual]
    if not digits:
        raise PhotoError("no mark looks like a digit: write larger, or crop the picture to the digits")
    return [groups[digits[i]] for i in _reading_order([outer[i] for i in digits])]


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
