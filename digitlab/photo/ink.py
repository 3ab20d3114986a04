"""What on the grey picture of a page is ink. No learning in it: lesson 13."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndimage
from jaxtyping import Float

from digitlab.checks import checked
from digitlab.photo.light import measure_depth
from digitlab.photo.lines import find_printed_lines
from digitlab.photo.read import BoolArray, FloatArray, PhotoError

IntArray = npt.NDArray[np.intp]
Box = tuple[int, int, int, int]

FAINTEST_INK = 0.05  # share of the paper's light that ink must swallow at least: less is a shade
EIGHT = np.ones((3, 3), bool)  # pixels that touch at a corner are connected
BLANK = "the picture looks blank: write larger or darker, or photograph it closer and in better light"


@checked
def find_ink(grey: Float[np.ndarray, "H W"]) -> Float[np.ndarray, "H W"]:
    """Tell ink (1, soft edges between) from paper (0), dark on light or light on dark, under any light. Lesson 13.

    Ink is darker than the page without ink, by more than the paper's grain; printed lines are taken away. What then
    is deeper than Otsu's threshold and has a size, a contrast and an edge, as folds and shades have not, is ink.
    `PhotoError` if none is.

    Examples:
        >>> page = np.full((40, 40), 0.9)
        >>> page[10:30, 18:22] = 0.1
        >>> find_ink(page)[20, 14:24].round(2).tolist()
        [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    depth = measure_depth(grey.astype(np.float32))
    # The paper's standard deviation, were its grain normal.
    grain = float(np.percentile(np.abs(depth), 25)) / 0.3186
    shade = max(3 * grain, FAINTEST_INK if grain > 0.001 else 0.08)  # less is a shade, or a soft edge
    depth[find_printed_lines(depth, shade)] = 0
    candidates = depth[depth > shade]
    if candidates.size == 0:
        raise PhotoError(BLANK)
    threshold = _otsu_threshold(candidates)
    full = float(np.percentile(candidates[candidates >= threshold], 80))
    if grain > 0.001:
        threshold = min(threshold, 0.6 * full)  # where all ink is faint, Otsu's would split the strokes
    ink = _keep_marks(depth, threshold, full, grain)
    # Strokes end softly: keep the pixel beside them too, unless it is grain.
    ink = ndimage.binary_dilation(ink, EIGHT) & (depth > max(2 * grain, 0.03))
    if not ink.any():
        raise PhotoError(BLANK)
    return np.where(ink, np.clip(depth / full, 0, 1), 0).astype(np.float32)


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
    inked = labels > 0  # few pixels, so that sorting them is quick
    deepest, steepest = (ndimage.maximum(each[inked], labels[inked], index) for each in (depth, slope))
    keep = (extent >= max(3, side // 100)) & (deepest >= max(threshold, 6 * grain))
    # A stroke rises from paper to ink within a part of its size; a shade fades in.
    keep &= steepest * np.maximum(3, np.minimum(0.25 * extent, 0.1 * side)) > full
    keep &= steepest > 0.3 * np.max(steepest, initial=0, where=keep)
    return np.asarray(np.concatenate([[False], keep])[labels], bool)
