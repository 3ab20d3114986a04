"""How much light each pixel of a picture lacks that the paper there has: shadows and tables are paper too."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndimage
from PIL import Image

from digitlab.photo.read import FloatArray

ONE_DIGIT_SIDE = 64  # a picture up to this side is the image of one digit; a larger one is a page
WINDOWS = 0.02 * 2 ** (np.arange(9) / 2)  # of the longer side


def measure_depth(grey: FloatArray) -> FloatArray:
    """The share of the paper's light that is missing at each pixel; on a dark page, how much is added.

    The page without ink is a closing: what is dark and narrower than a window is filled, and nothing else. A shadow
    and a table are wider, so they stay as they are, with their edges. The window is twice as wide as the smallest one
    that finds as much.
    """
    rim = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if max(grey.shape) <= ONE_DIGIT_SIDE or (grey == np.median(rim)).mean() > 0.5:
        return _measure_canvas(grey)
    if np.median(np.abs(np.diff(grey, axis=0))) > 0.001:  # grain, which a closing would take for ink
        grey = ndimage.gaussian_filter(grey, min(1.0, max(grey.shape) / 1000))
    pictures = (grey, 1 - grey) if np.median(grey) < 0.55 else (grey,)  # light ink needs a dark page
    small = [_small_copy(picture, 400) for picture in pictures]
    found = np.array([[(_fill(each, share) ** 4).mean() for share in WINDOWS] for each in small])
    enough = np.argmax(np.append(found[:, 2:] < 1.15 * found[:, :-2], np.full((len(found), 1), True), 1), 1)
    kind = int(found[:, enough.min()].argmax())  # in a wide window the lit part beside a shadow is ink
    depth = _fill(pictures[kind], WINDOWS[min(enough[kind] + 2, len(WINDOWS) - 1)])
    return depth - np.median(depth)


def _fill(picture: FloatArray, share: float) -> FloatArray:
    """The depth of what is dark and narrower than a share of the picture's longer side."""
    size = max(3, round(share * max(picture.shape)))
    wide = np.pad(picture, size, mode="edge")  # a table goes on beyond the rim
    paper = ndimage.grey_closing(wide, (size, size))[size:-size, size:-size]
    return np.asarray((paper - picture) / np.maximum(paper, 0.3))


def _measure_canvas(grey: FloatArray) -> FloatArray:
    """The same of a drawing, whose paper is even."""
    brighter, darker = _estimate_paper(grey)
    dark, light = brighter - grey, grey - darker
    # The sixth power: what the paper did not follow is wide but shallow.
    if np.square(np.maximum(dark, 0) ** 3).mean() >= np.square(np.maximum(light, 0) ** 3).mean():
        return dark / np.maximum(brighter, 0.2)
    return light / np.maximum(1 - darker, 0.5)


def _estimate_paper(grey: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What the page would look like without ink: (should the ink be dark, should it be light).

    A surface starts flat and moves towards the local mean in ever smaller neighbourhoods, while pixels far from
    it count ever less (graduated weights: Blake and Zisserman, Visual Reconstruction, 1987): it follows slow
    light, not strokes.
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


def _resize(values: FloatArray, height: int, width: int) -> FloatArray:
    smaller = height < values.shape[0] or width < values.shape[1]
    kind = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(values).resize((width, height), kind))


def _small_copy(values: FloatArray, side: int) -> FloatArray:
    factor = max(1.0, max(values.shape) / side)
    return _resize(values, *(max(1, round(length / factor)) for length in values.shape))
