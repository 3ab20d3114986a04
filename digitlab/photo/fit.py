"""From a picture to digits as MNIST's, in steps that can be looked at one by one. Lesson 13 builds them by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndimage
from jaxtyping import Float, UInt8

from digitlab.checks import checked
from digitlab.photo.ink import Box, find_ink
from digitlab.photo.marks import Mark, group_marks
from digitlab.photo.read import FloatArray, PhotoError, read_photo

MIN_STROKE = 1.6  # pixels in the 20x20 box; 95 % of MNIST's digits have thicker strokes than this


class NormalizedDigit(NamedTuple):
    """What `normalize_ink` returns: `boxed`, the longer side 20, and `image`."""

    boxed: UInt8[np.ndarray, "h w"]
    image: UInt8[np.ndarray, "28 28"]


@dataclass(frozen=True, eq=False)
class PhotoDigit:
    """One digit of a picture: its `box` (top, left, bottom, right), the stages that led to it, why it may be none."""

    box: Box
    grey: Float[np.ndarray, "h w"]
    ink: Float[np.ndarray, "h w"]
    thickened: Float[np.ndarray, "h2 w2"]
    boxed: UInt8[np.ndarray, "h3 w3"]
    image: UInt8[np.ndarray, "28 28"]
    doubt: str = ""

    def stages(self) -> list[tuple[str, npt.NDArray[Any]]]:
        """The pictures from paper to network in order, each with its name."""
        names = ("photo", "ink", "thickened", "20x20 box", "28x28 centred")
        return list(zip(names, (self.grey, self.ink, self.thickened, self.boxed, self.image), strict=True))


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture with its digits, in reading order, at least one, and the boxes of what was left out, and why."""

    grey: Float[np.ndarray, "H W"]
    ink: Float[np.ndarray, "H W"]
    digits: tuple[PhotoDigit, ...]
    left_out: tuple[tuple[Box, str], ...] = ()

    @property
    def images(self) -> UInt8[np.ndarray, "N 28 28"]:
        """All digits together."""
        return np.stack([digit.image for digit in self.digits])


@checked
def read_digits(source: Any, *, single: bool = False, thicken: bool = True) -> Photo:
    """Find the handwritten digits of a picture and prepare each of them as MNIST's were.

    `source` is whatever `read_photo` takes. With `single` all ink is one digit, as on a drawing canvas. Digits that
    touch are one; `cut_touching` parts them. `PhotoError` if the picture cannot be read or holds no digit.

    Examples:
        >>> canvas = np.zeros((60, 100), np.uint8)
        >>> canvas[10:50, 20:26] = canvas[10:50, 70:76] = 255
        >>> [digit.box for digit in read_digits(canvas).digits]
        [(10, 20, 50, 26), (10, 70, 50, 76)]
    """
    grey = read_photo(source)
    ink = find_ink(grey)
    marks, left_out = group_marks(ink, single=single)
    return Photo(grey, ink, tuple(prepare_mark(grey, mark, thicken) for mark in marks), tuple(left_out))


def prepare_mark(grey: FloatArray, mark: Mark, thicken: bool = True) -> PhotoDigit:
    """The stages from one mark on a page to the network's input."""
    top, left, bottom, right = mark.box
    thickened = thicken_ink(mark.ink) if thicken else mark.ink
    part = grey[top:bottom, left:right]
    return PhotoDigit(mark.box, part, mark.ink, thickened, *normalize_ink(thickened), mark.doubt)


@checked
def thicken_ink(ink: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h2 w2"]:
    """Make strokes that would be thinner than MNIST's in the 20x20 box as thick as MNIST's finest.

    A stroke of length L and width w has area L w and two edges of length L, so w = 2 area / edges. If w would be below
    1.6 pixels, every point of ink becomes a disc, and the result is larger on each side by its radius.
    """
    outlined = np.pad(np.asarray(ink, np.float64), 1)
    edges = float(np.hypot(np.diff(outlined, axis=0)[:, :-1], np.diff(outlined, axis=1)[:-1]).sum())
    stroke = 2 * float(outlined.sum()) / max(edges, 1e-9)
    rows, columns = (np.flatnonzero(outlined.any(axis)) for axis in (1, 0))
    side = max(np.ptp(rows), np.ptp(columns)) + 1 if rows.size else 0
    # (stroke + 2 radius) / (side + 2 radius) = MIN_STROKE / 20, because the box grows with the stroke.
    radius = (MIN_STROKE * side - 20 * stroke) / (2 * (20 - MIN_STROKE))
    if radius <= 0:
        return ink
    padded = np.pad(ink, int(np.ceil(radius)))
    distance = ndimage.distance_transform_edt(padded < 0.5 * padded.max())
    return np.asarray(np.maximum(padded, np.clip(1 + radius - distance, 0, 1)), np.float32)


@checked
def normalize_ink(ink: Float[np.ndarray, "H W"]) -> NormalizedDigit:
    """Fit one digit into 20x20 and centre its mass in 28x28: what was done to every MNIST image.

    Each new pixel is the mean of the pixels that it covers, parts counted as parts. The centre of mass comes to lie in
    [13.5, 14.5), in whole-pixel steps, as measured on MNIST, whose images come back unchanged.

    Examples:
        >>> ink = np.zeros((50, 50), np.float32)
        >>> ink[5:45, 10:20] = 1
        >>> digit = normalize_ink(ink)
        >>> digit.boxed.shape, np.argwhere(digit.image)[[0, -1]].tolist()
        ((20, 5), [[4, 12], [23, 16]])
    """
    ink = np.asarray(ink, np.float64)
    rows, columns = (np.flatnonzero((ink > 0).any(axis)) for axis in (1, 0))
    if rows.size == 0:
        raise PhotoError("no ink to normalize: write something")
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = max(crop.shape) / 20
    height, width = (max(1, int(side / scale + 0.5)) for side in crop.shape)
    reduced = _area_weights(crop.shape[0], height) @ crop @ _area_weights(crop.shape[1], width).T
    boxed = np.floor(255 * np.clip(reduced, 0, 1) + 0.5).astype(np.uint8)

    mass = boxed.astype(np.int64)  # whole numbers, so that every language finds the same centre
    moments = np.arange(height) @ mass.sum(1), np.arange(width) @ mass.sum(0)
    top, left = (int(np.ceil(13.5 - moment / max(1, mass.sum()))) for moment in moments)
    image = np.zeros((60, 60), np.uint8)
    image[16 + top :, 16 + left :][:height, :width] = boxed
    return NormalizedDigit(boxed, image[16:44, 16:44])


def _area_weights(n_in: int, n_out: int) -> Float[np.ndarray, "n_out n_in"]:
    """Row i averages the stretch of pixels that becomes pixel i."""
    edges = np.arange(n_out + 1) * n_in / n_out
    pixels = np.arange(n_in)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(covered, 0) * n_out / n_in)
