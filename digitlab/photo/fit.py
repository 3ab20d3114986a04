"""Photos: a photo, a scan or a canvas in, 28x28 digits as MNIST's out, with every stage in between.

A network that reads 99 % of MNIST fails on a digit that is smaller, off-centre or dark on light, because every
MNIST image was prepared in the same way: fitted into a 20x20 box, then moved until its centre of mass lay in
the middle of 28x28. This module prepares a picture of handwriting likewise, in steps that can be looked at one
by one:

    read_photo     a file          -> a grey picture, upright, 0 black .. 1 white
    find_ink       a grey picture  -> an ink map, 0 paper .. 1 ink, whatever the light and the colours
    group_marks    an ink map      -> the marks of one digit each, in reading order
    thicken_ink    one digit's ink -> the same, with strokes that survive 20 pixels
    normalize_ink  one digit's ink -> fitted into 20x20 -> centred in 28x28

`read_digits` does all of it. The first step is in `digitlab.photo.read`, the next two are in
`digitlab.photo.ink` and `digitlab.photo.marks`. What it does not do: say which digit it is
(`digitlab.training.predict` does), cut apart digits that touch, or straighten a page that lies askew. Lesson 11
builds these steps by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndimage

from digitlab.checks import checked
from digitlab.photo.ink import Box, FloatArray, PhotoError, check_picture, find_ink
from digitlab.photo.marks import group_marks
from digitlab.photo.read import read_photo

__all__ = [
    "NormalizedDigit",
    "Photo",
    "PhotoDigit",
    "PhotoError",
    "find_ink",
    "group_marks",
    "normalize_ink",
    "read_digits",
    "read_photo",
    "thicken_ink",
]

ByteArray = npt.NDArray[np.uint8]

MIN_STROKE = 1.6  # pixels in the 20x20 box; 95 % of MNIST's digits have thicker strokes than this


class NormalizedDigit(NamedTuple):
    """What `normalize_ink` returns: `boxed` uint8 `(h, w)`, the longer side 20, and `image` uint8 `(28, 28)`."""

    boxed: ByteArray
    image: ByteArray


@dataclass(frozen=True, eq=False)
class PhotoDigit:
    """One digit of a picture, with the stages that led to it.

    Attributes:
        box: `(top, left, bottom, right)` in pixels of `Photo.grey`, bottom and right exclusive.
        grey: float32 `(h, w)`, this part of the grey picture.
        ink: float32 `(h, w)`, 0..1, the ink of this digit alone.
        thickened: float32, the ink after `thicken_ink`; the same array where nothing was to do.
        boxed: uint8 `(h, w)`, fitted into 20x20.
        image: uint8 `(28, 28)`, centred by mass: ready for a network.
    """

    box: Box
    grey: FloatArray
    ink: FloatArray
    thickened: FloatArray
    boxed: ByteArray
    image: ByteArray

    def stages(self) -> list[tuple[str, npt.NDArray[Any]]]:
        """The pictures from paper to network in order, each with its name."""
        names = ("photo", "ink", "thickened", "20x20 box", "28x28 centred")
        return list(zip(names, (self.grey, self.ink, self.thickened, self.boxed, self.image), strict=True))


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture with its digits: `grey` and `ink` float32 `(H, W)`; `digits` in reading order, at least one."""

    grey: FloatArray
    ink: FloatArray
    digits: tuple[PhotoDigit, ...]

    @property
    def images(self) -> ByteArray:
        """All digits together, uint8 `(N, 28, 28)`."""
        return np.stack([digit.image for digit in self.digits])


@checked
def read_digits(source: Any, *, single: bool = False, thicken: bool = True) -> Photo:
    """Find the handwritten digits of a picture and prepare each of them as MNIST's were.

    Args:
        source: whatever `read_photo` takes.
        single: all ink is one digit, as on a drawing canvas; else marks are grouped into digits.
        thicken: False leaves `thicken_ink` out, to see what it is good for.

    Returns:
        A `Photo`, its digits line by line from the top, each line from left to right.

    Raises:
        PhotoError: the picture cannot be read, or holds nothing that could be a digit.

    Examples:
        >>> canvas = np.zeros((60, 100), np.uint8)
        >>> canvas[10:50, 20:26] = canvas[10:50, 70:76] = 255
        >>> [digit.box for digit in read_digits(canvas).digits]
        [(10, 20, 50, 26), (10, 70, 50, 76)]
    """
    grey = read_photo(source)
    ink = find_ink(grey)
    digits = []
    for box, own_ink in group_marks(ink, single=single):
        top, left, bottom, right = box
        thickened = thicken_ink(own_ink) if thicken else own_ink
        digits.append(
            PhotoDigit(box, grey[top:bottom, left:right], own_ink, thickened, *normalize_ink(thickened))
        )
    return Photo(grey, ink, tuple(digits))


# From one digit's ink to 28x28
# --------------------------------------------------------------------------------------


def thicken_ink(ink: FloatArray) -> FloatArray:
    """Make strokes that would be thinner than MNIST's in the 20x20 box as thick as MNIST's finest.

    A ballpoint's line is a hundredth of a digit's height; reduced to 20 pixels it would be a faint grey thread.
    A stroke of length L and width w has area L w and two edges of length L, so w = 2 area / edges. Where w is
    below 1.6 pixels at a box of 20, every point of ink becomes a disc that is large enough.

    Args:
        ink: float `(h, w)`, 0..1: one digit.

    Returns:
        float32, larger than `ink` on each side by the discs' radius; `ink` itself where its strokes are thick
        enough.

    Examples:
        >>> ink = np.zeros((400, 60), np.float32)
        >>> ink[:, 28:32] = 1
        >>> int((thicken_ink(ink)[200] > 0.5).sum())
        34
    """
    check_picture(ink, "ink")
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
def normalize_ink(ink: FloatArray) -> NormalizedDigit:
    """Fit one digit into 20x20 and centre its mass in 28x28: what was done to every MNIST image.

    1. Crop to the pixels above 0; say h x w, and s = max(h, w) / 20.
    2. Reduce to h' x w' = max(1, floor(h / s + 1/2)) x ..., so that the longer side is 20. Pixel i of h' is
       the mean of pixels i h/h' to (i + 1) h/h' of h, parts of pixels counted as parts:
       `rows @ ink @ columns.T` with `_area_weights`.
    3. Round to uint8: floor(255 v + 1/2). 4. Paste with whole-pixel steps so that the centre of mass comes to
    lie in [13.5, 14.5), counting pixels from 0.

    Measured on MNIST: all centres lie in that range, and a MNIST image comes back unchanged.

    Args:
        ink: float `(H, W)`, 0 paper .. 1 ink.

    Raises:
        PhotoError: no ink.

    Examples:
        >>> ink = np.zeros((50, 50), np.float32)
        >>> ink[5:45, 10:20] = 1
        >>> digit = normalize_ink(ink)
        >>> digit.boxed.shape, np.argwhere(digit.image)[[0, -1]].tolist()
        ((20, 5), [[4, 12], [23, 16]])
    """
    check_picture(ink, "ink")
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
    total = max(1, int(mass.sum()))
    centre_y = int((mass.sum(1) * np.arange(height)).sum()) / total
    centre_x = int((mass.sum(0) * np.arange(width)).sum()) / total
    top, left = (int(np.ceil(13.5 - centre)) for centre in (centre_y, centre_x))
    image = np.zeros((60, 60), np.uint8)
    image[16 + top : 16 + top + height, 16 + left : 16 + left + width] = boxed
    return NormalizedDigit(boxed, image[16:44, 16:44])


def _area_weights(n_in: int, n_out: int) -> npt.NDArray[np.float64]:
    """Matrix `(n_out, n_in)`: row i averages the stretch of pixels that becomes pixel i."""
    edges = np.arange(n_out + 1) * n_in / n_out
    pixels = np.arange(n_in)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(covered, 0) * n_out / n_in)
