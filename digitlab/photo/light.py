"""How much light each pixel of a picture lacks that the paper there has: shadows and tables are paper too."""

from __future__ import annotations

import numpy as np
import scipy.ndimage as ndimage
from PIL import Image

from digitlab.photo.read import FloatArray, average

ONE_DIGIT_SIDE = 64  # a picture up to this side is the image of one digit; a larger one is a page
WINDOWS = 0.02 * 2 ** (np.arange(9) / 2)  # of the longer side


def measure_depth(grey: FloatArray) -> FloatArray:
    """The share of the paper's light that is missing at each pixel; on a dark page, how much is added.

    The page without ink is a closing: what is dark and narrower than a window is filled, and nothing else. A shadow
    and a table are wider, so they stay as they are, with their edges. The window is twice as wide as the smallest one
    that finds as much.
    """
    grain = np.median(np.abs(np.diff(grey, axis=0, prepend=grey[:1])))
    if grain > 0.001:  # a closing would take it for ink
        grey = ndimage.gaussian_filter(grey, min(1.0, max(grey.shape) / 1000))
    pictures = (grey, 1 - grey) if np.median(grey) < 0.55 else (grey,)  # light ink needs a dark page
    one_digit = max(grey.shape) <= ONE_DIGIT_SIDE
    if one_digit:  # its ink is what is far from the rest: a hole between strokes is not
        pictures = pictures[-1:] if ((grey - np.median(grey)) ** 3).mean() > 0 else pictures[:1]
    windows = WINDOWS[-3:] if one_digit else WINDOWS
    small = [np.asarray(average(Image.fromarray(picture), 400)) for picture in pictures]
    found = np.array([[(_fill(each, share) ** 4).mean() for share in windows] for each in small])
    enough = np.argmax(np.append(found[:, 2:] < 1.15 * found[:, :-2], np.full((len(found), 1), True), 1), 1)
    wide = np.minimum(enough + 2, len(windows) - 1)
    kind = int(found[:, wide.min()].argmax())  # in a wider window the lit part beside a shadow is ink
    depth = _fill(pictures[kind], windows[wide[kind]])
    return depth - np.median(depth)


def _fill(picture: FloatArray, share: float) -> FloatArray:
    """The depth of what is dark and narrower than a share of the picture's longer side."""
    size = 3 + round(share * max(picture.shape))
    wide = np.pad(picture, size, mode="edge")  # a table goes on beyond the rim
    paper = ndimage.grey_closing(wide, (size, size))[size:-size, size:-size]
    return np.asarray((paper - picture) / np.maximum(paper, 0.3))
