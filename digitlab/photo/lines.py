"""Printed lines on the paper: ruling, squares, boxes and combs, however the page is turned."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndimage

from digitlab.photo.light import ONE_DIGIT_SIDE
from digitlab.photo.read import BoolArray, FloatArray


def find_printed_lines(depth: FloatArray, shade: float) -> BoolArray:
    """The pixels of lines that are thin, straight and most of the page long, and of shorter ones between them.

    What a stroke covers of a line stays.
    """
    lines, side = np.zeros(depth.shape, bool), max(depth.shape)
    if side <= ONE_DIGIT_SIDE:
        return lines
    run, thickness = side // 25, max(3, side // 150)
    # A line's soft flanks would make it thick.
    marks = depth > np.maximum(shade, 0.4 * ndimage.maximum_filter(depth, thickness))
    slope = _find_slope(marks)
    straight = [_straight_runs(marks, slope, thickness, axis, run) for axis in (0, 1)]
    long = [_bridge(each, slope, run, axis) for axis, each in enumerate(straight)]
    lines = long[0] | long[1]
    if not lines.any():
        return lines
    for axis in (0, 1):
        if not long[axis].any():  # the sides of boxes, the teeth of combs
            lines |= _standing_on(lines, _straight_runs(marks, slope, thickness, axis, run // 2), axis)
    lines &= depth < 1.4 * np.median(depth[lines])
    return lines | (ndimage.binary_dilation(lines, np.ones((5, 5))) & ~marks)


def _sheared(values: BoolArray, slope: float, axis: int) -> BoolArray:
    """Push each column down (axis 0) or each row to the left (axis 1) so that lines of a slope become level."""
    values = np.moveaxis(values, axis, 0)
    rows, columns = np.ogrid[: values.shape[0], : values.shape[1]]
    shift = np.rint((slope if axis == 0 else -slope) * columns).astype(int)
    return np.moveaxis(values[(rows + shift) % values.shape[0], columns], 0, axis)


def _find_slope(marks: BoolArray) -> float:
    """The slope along which the marks lie in the fewest rows and columns: up to 15 degrees."""
    rows, columns = np.nonzero(marks)
    step = max(1, rows.size // 20_000)
    rows, columns = rows[::step], columns[::step]

    def crowding(slope: float) -> float:
        places = (rows - slope * columns, columns + slope * rows)
        return float(sum((np.bincount((each - each.min()).astype(int)) ** 2).sum() for each in places))

    slopes = np.linspace(-0.28, 0.28, 141)
    return float(max(slopes, key=crowding)) if rows.size else 0.0


def _straight_runs(marks: BoolArray, slope: float, thickness: int, axis: int, run: int) -> BoolArray:
    level = np.moveaxis(_sheared(marks, slope, axis), axis, 0).astype(np.uint8)
    thin = ndimage.grey_opening(level, (thickness + 1, 1)) < level
    runs = ndimage.maximum_filter(ndimage.grey_opening(level, (1, run)), (3, 1)) & thin
    return _sheared(np.moveaxis(runs > 0, 0, axis), -slope, axis)


def _bridge(runs: BoolArray, slope: float, run: int, axis: int) -> BoolArray:
    """Those that reach across most of the page, their gaps bridged."""
    level = np.moveaxis(_sheared(runs, slope, axis), axis, 0)
    labels, _ = ndimage.label(ndimage.maximum_filter(level, (3, run)))
    spans = [columns.stop - columns.start for _, columns in ndimage.find_objects(labels)]
    across = np.array([False, *(span > 0.6 * level.shape[1] for span in spans)])
    return _sheared(np.moveaxis(across[labels] & level, 0, axis), -slope, axis)


def _standing_on(lines: BoolArray, runs: BoolArray, axis: int) -> BoolArray:
    """Those that end on lines: at both ends, or at one end if three or more are alike."""
    near = ndimage.binary_dilation(lines, np.ones((9, 9)))
    labels, _ = ndimage.label(runs, np.ones((3, 3)))
    found = []
    for i, part in enumerate(ndimage.find_objects(labels), start=1):
        touching = np.flatnonzero((near[part] & (labels[part] == i)).any(axis))
        length = part[1 - axis].stop - part[1 - axis].start
        found.append(
            (
                length,
                sum([touching.min(initial=length) < 0.2 * length, touching.max(initial=0) > 0.8 * length]),
            )
        )
    alike = [sum(ends > 0 and 0.85 < length / each < 1.18 for each, ends in found) for length, _ in found]
    keep = [ends == 2 or (ends == 1 and n >= 3) for (_, ends), n in zip(found, alike, strict=True)]
    return np.array([False, *keep])[labels]
