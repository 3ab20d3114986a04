"""What on the grey picture of a page is ink, and which marks of ink are one digit. No learning in it: lesson 13."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndimage
from jaxtyping import Float
from PIL import Image

from digitlab.checks import checked

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]
Box = tuple[int, int, int, int]

ONE_DIGIT_SIDE = 64  # a picture up to this side is the image of one digit; a larger one is a page
FAINTEST_INK = 0.08  # share of the paper's light that ink must swallow at least: less is a shade
EIGHT = np.ones((3, 3), bool)  # pixels that touch at a corner are connected
MAX_MARKS = 500  # more separate marks than this are a texture, not handwriting
BLANK = "the picture looks blank: write larger or darker, or photograph it closer and in better light"


class PhotoError(ValueError):
    """A picture that cannot be read or holds no handwriting. One line: what is wrong, and what to do."""


@checked
def find_ink(grey: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W"]:
    """Tell ink (1, soft edges between) from paper (0), dark on light or light on dark, under any light. Lesson 13.

    A page without its ink is estimated and subtracted. What is deeper than the paper's grain and than Otsu's threshold
    and has a size, a contrast and an edge, as ruled lines, folds and shades have not, is ink. `PhotoError` if none is.

    Examples:
        >>> page = np.full((40, 40), 0.9)
        >>> page[10:30, 18:22] = 0.1
        >>> find_ink(page)[20, 14:24].round(2).tolist()
        [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    page = _hide_table(grey.astype(np.float32))
    brighter, darker = _estimate_paper(page)
    dark, light = brighter - page, page - darker
    # The sixth power: a shadow that the paper did not follow is wide but shallow.
    if np.square(np.maximum(dark, 0) ** 3).mean() >= np.square(np.maximum(light, 0) ** 3).mean():
        depth = dark / np.maximum(brighter, 0.2)
    else:
        depth = light / np.maximum(1 - darker, 0.5)
    # The paper's standard deviation, were its grain normal.
    grain = float(np.percentile(np.abs(depth), 25)) / 0.3186
    shade = max(3 * grain, FAINTEST_INK)
    depth[_find_ruled_lines(depth, shade)] = 0
    candidates = depth[depth > shade]
    if candidates.size == 0:
        raise PhotoError(BLANK)
    threshold = _otsu_threshold(candidates)
    full = float(np.percentile(candidates[candidates >= threshold], 80))
    ink = _keep_marks(depth, threshold, full, grain)
    # Strokes end softly: keep the pixel beside them too, unless it is grain.
    ink = ndimage.binary_dilation(ink, EIGHT) & (depth > max(2 * grain, 0.03))
    if not ink.any():
        raise PhotoError(BLANK)
    return np.where(ink, np.clip(depth / full, 0, 1), 0).astype(np.float32)


def _resize(values: FloatArray, height: int, width: int) -> FloatArray:
    smaller = height < values.shape[0] or width < values.shape[1]
    kind = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(values).resize((width, height), kind))


def _small_copy(values: FloatArray, side: int) -> FloatArray:
    factor = max(1.0, max(values.shape) / side)
    return _resize(values, *(max(1, round(length / factor)) for length in values.shape))


def _hide_table(grey: FloatArray) -> FloatArray:
    """If the picture shows a sheet on a table, replace the table by the sheet's nearest pixels.

    A sheet is a part of one brightness that fills most of its box and ends sharply, as a shadow does not.
    """
    small = _small_copy(grey, 128)
    if max(grey.shape) <= ONE_DIGIT_SIDE or np.ptp(small) < 0.1:
        return grey
    darkest = float(small.min())
    bright = small >= darkest + _otsu_threshold(small - darkest)
    low, high = small[~bright].mean(), small[bright].mean()
    if high - low < 0.1:
        return grey
    between = np.abs(small - (high + low) / 2) < (high - low) / 4
    for region in (bright, ~bright):
        labels, _ = ndimage.label(region)
        sheet = ndimage.binary_fill_holes(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))
        box = ndimage.find_objects(sheet.astype(int))[0]
        border = sheet & ~ndimage.binary_erosion(sheet, border_value=1)
        blurred = (between & ndimage.binary_dilation(border, iterations=2)).sum()
        fills = 0.25 < sheet[box].size / sheet.size < 0.97 and sheet[box].mean() > 0.85
        if fills and blurred < 2 * border.sum():
            inner = ndimage.binary_erosion(sheet, iterations=2, border_value=1)
            nearest = ndimage.distance_transform_edt(~inner, return_distances=False, return_indices=True)
            surface = _resize(small[tuple(nearest)], *grey.shape)
            return np.where(_resize(inner.astype(np.float32), *grey.shape) > 0.5, grey, surface)
    return grey


def _estimate_paper(grey: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What the page would look like without ink: (should the ink be dark, should it be light).

    A surface starts flat and moves towards the local mean in ever smaller neighbourhoods, while pixels far from
    it count ever less (graduated weights: Blake and Zisserman, Visual Reconstruction, 1987): it follows slow
    light, not strokes. It errs beside the edge of a hard shadow; a closing fills only what is dark and narrow.
    """
    small = _small_copy(grey, 64)  # paper is smooth: a small copy tells enough
    one_digit = max(grey.shape) <= ONE_DIGIT_SIDE
    rim = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    paper = np.full_like(small, np.median(rim))
    for reach, tolerance in zip(np.geomspace(0.5, 0.06, 14), np.geomspace(0.4, 0.01, 14), strict=True):
        difference = small - paper
        weight = 1 / (1 + np.square(np.square(difference / tolerance)))
        sigma = reach * max(small.shape)
        total = ndimage.gaussian_filter(weight, sigma, mode="nearest", truncate=3) + 1e-6
        paper += ndimage.gaussian_filter(weight * difference, sigma, mode="nearest", truncate=3) / total
    if one_digit:
        return paper, paper
    size = (max(3, max(small.shape) // 3),) * 2  # wider than any stroke
    brighter = np.minimum(paper, ndimage.grey_closing(small, size, mode="nearest"))
    darker = np.maximum(paper, ndimage.grey_opening(small, size, mode="nearest"))
    return _resize(brighter, *grey.shape), _resize(darker, *grey.shape)


def _find_ruled_lines(depth: FloatArray, shade: float) -> BoolArray:
    """Printed lines: thin, level or upright, across most of the page. What a stroke covers of one stays."""
    lines, side = np.zeros(depth.shape, bool), max(depth.shape)
    if side <= ONE_DIGIT_SIDE:
        return lines
    run, thickness = side // 25, max(3, side // 150)
    for axis in (0, 1):
        marks = np.moveaxis(depth > shade, axis, 0).astype(np.uint8)
        level = ndimage.grey_opening(marks, (1, run))
        # Bridge the steps and gaps of a line that is askew or faint.
        labels, _ = ndimage.label(ndimage.maximum_filter(level, (3, run)))
        spans = [columns.stop - columns.start for _, columns in ndimage.find_objects(labels)]
        across = np.array([False, *(span > 0.6 * marks.shape[1] for span in spans)])
        thin = ndimage.grey_opening(marks, (thickness + 1, 1)) == 0
        lines |= np.moveaxis(across[labels] & (marks > 0) & thin, 0, axis)
    return lines & (depth < 1.4 * np.median(depth[lines])) if lines.any() else lines


def _otsu_threshold(values: FloatArray) -> float:
    """The value that splits `values`, all >= 0, into two groups as unlike as can be (Otsu, 1979)."""
    counts, edges = np.histogram(values, 128, (0, max(float(values.max()), 1e-9)))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    mass = np.cumsum(counts * centres)
    apart = (mass[-1] - mass[:-1]) / np.maximum(above, 1) - mass[:-1] / np.maximum(below, 1)
    return float(edges[1 + np.argmax(below * above * apart**2)])


def _keep_marks(depth: FloatArray, threshold: float, full: float, grain: float) -> BoolArray:
    """The connected marks that reach the threshold and have a size, a contrast and an edge."""
    # Paler parts of a stroke hang on darker ones.
    labels, n_marks = ndimage.label(depth >= 0.7 * threshold, EIGHT)
    side = max(depth.shape)
    extent = np.array([max(y.stop - y.start, x.stop - x.start) for y, x in ndimage.find_objects(labels)])
    smooth = ndimage.gaussian_filter(depth, side / 800)
    slope = np.hypot(*np.gradient(np.pad(smooth, 1, mode="edge")))[1:-1, 1:-1]
    index = np.arange(1, n_marks + 1)
    deepest, steepest = (ndimage.maximum(values, labels, index) for values in (depth, slope))
    keep = (extent >= max(3, side // 100)) & (deepest >= max(threshold, 6 * grain))
    # A stroke rises from paper to ink within a part of its size; a shade fades in.
    keep &= steepest * np.maximum(3, np.minimum(0.25 * extent, 0.1 * side)) > full
    keep &= steepest > 0.3 * np.max(steepest, initial=0, where=keep)
    return np.asarray(np.concatenate([[False], keep])[labels], bool)


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
