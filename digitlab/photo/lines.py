"""Printed lines on the paper: ruling, squares, boxes and combs, however the page is turned."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndimage

from digitlab.photo.light import ONE_DIGIT_SIDE
from digitlab.photo.read import BoolArray, FloatArray


def find_printed_lines(depth: FloatArray, shade: float) -> BoolArray:
    """Lines that are thin, straight and most of the page long, and shorter ones between them.

    What a stroke covers of a line stays.
    """
    side = max(depth.shape)
    thickness = max(3, side // 150)
    # A line's soft flanks would make it thick.
    marks = depth > np.maximum(shade, 0.4 * ndimage.maximum_filter(depth, thickness))
    if side <= ONE_DIGIT_SIDE or not marks.any():
        return np.zeros(depth.shape, bool)
    slope = _find_slope(marks)
    wall = 3 * thickness // 2  # those of two boxes may lie side by side
    found = [_find_runs(marks, slope, wall, side // 40, axis) for axis in (0, 1)]
    lines = found[0][1] | found[1][1]
    if lines.any():  # beside them: the sides of boxes, the teeth of combs
        for axis, (runs, long) in enumerate(found):
            lines |= long if long.any() else _standing_on(lines, runs, axis)
        lines &= depth < 1.4 * np.median(depth[lines])
    return np.asarray(lines | (ndimage.binary_dilation(lines, np.ones((5, 5))) & ~marks))


def _find_slope(marks: BoolArray) -> float:
    """The slope along which the marks lie in the fewest rows and columns: up to 15 degrees."""
    rows, columns = np.nonzero(marks)
    step = max(1, rows.size // 20_000)
    rows, columns = rows[::step], columns[::step]

    def crowding(slope: float) -> float:
        places = (rows - slope * columns, columns + slope * rows)
        return float(sum((np.bincount((each - each.min()).astype(int)) ** 2).sum() for each in places))

    return float(max(np.linspace(-0.28, 0.28, 141), key=crowding))


def _find_runs(marks: BoolArray, slope: float, thickness: int, run: int, axis: int) -> list[BoolArray]:
    """Straight thin pieces of one direction, and those that reach across most of the page."""
    # Push each column along the slope, so that lines become level; and back in the end.
    marks = np.moveaxis(marks, axis, 0)
    rows, columns = np.ogrid[: marks.shape[0], : marks.shape[1]]
    shift = np.rint((slope if axis == 0 else -slope) * columns).astype(int)
    level = marks[(rows + shift) % len(rows), columns].astype(np.uint8)
    thin = ndimage.grey_opening(level, (thickness + 1, 1)) < level
    runs = ndimage.maximum_filter(ndimage.grey_opening(level, (1, run)), (3, 1)).astype(bool) & thin
    labels, _ = ndimage.label(ndimage.maximum_filter(runs, (3, run)))  # gaps are bridged
    spans = [along.stop - along.start for _, along in ndimage.find_objects(labels)]
    across = np.array([False, *(span > 0.6 * level.shape[1] for span in spans)])[labels]
    back = (rows - shift) % len(rows), columns
    return [np.moveaxis(each[back], 0, axis) for each in (runs, runs & across)]


def _standing_on(lines: BoolArray, runs: BoolArray, axis: int) -> BoolArray:
    """Those that end on lines: at both ends, or at one end if three or more are alike."""
    near = ndimage.binary_dilation(lines, np.ones((9, 9)))
    labels, _ = ndimage.label(runs, np.ones((3, 3)))
    lengths, ends = [], []
    for i, part in enumerate(ndimage.find_objects(labels), start=1):
        length = part[1 - axis].stop - part[1 - axis].start
        at = np.flatnonzero((near[part] & (labels[part] == i)).any(axis))
        lengths.append(length)
        ends.append(int(at.min(initial=length) < 0.2 * length) + int(at.max(initial=0) > 0.8 * length))
    size, n_ends = np.array(lengths), np.array(ends)
    alike = (np.abs(np.log(size[:, None] / size)) < 0.16) & (n_ends > 0)
    keep = (n_ends == 2) | ((n_ends == 1) & (alike.sum(1) >= 3))
    return np.asarray(np.concatenate([[False], keep])[labels], bool)
