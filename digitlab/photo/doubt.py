"""What is not read, and what may be misread, by its shape and its probabilities. Two that touch: `digitlab.doubt`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import scipy.ndimage as ndimage
from PIL import Image

from digitlab.photo.read import FloatArray

LOW_MARGIN = 0.985  # of the sample's training half, below lie 31 of the 36 misread, 1.9 % of the rest


def name_sign(ink: FloatArray, usual: float) -> str:
    """What a mark is, if it is no digit: `usual` is the height of the page's digits."""
    height, width = ink.shape
    parts = ndimage.find_objects(ndimage.label(ink > 0, np.ones((3, 3)))[0])
    if len(parts) == 2 and all(x.stop - x.start > 1.8 * (y.stop - y.start) for y, x in parts):
        return "an equals sign"
    if height < 0.35 * usual:
        return "a minus sign or dash" if width > 1.5 * height else "a dot"
    # A cross looks the same after a quarter turn, and its arms meet in the middle.
    square = np.asarray(Image.fromarray(ink).resize((20, 20), Image.Resampling.BOX))
    turned = [np.roll(np.rot90(square), (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    alike = max(np.minimum(square, each).sum() / np.maximum(square, each).sum() for each in turned)
    cross = alike > 0.5 and square[8:12, 8:12].mean() > 0.55 > square.mean() and 0.6 < width / height < 1.7
    return "a plus or times sign" if cross and height < 0.85 * usual else ""


def doubt_shape(ink: FloatArray, usual: float) -> str:
    """Why a mark may be no digit, by its shape, or nothing."""
    height, width = ink.shape
    if width > 1.5 * height:
        return "much wider than high"
    return "much smaller than the others" if height < 0.55 * usual else ""


def find_doubt(shape: str, probabilities: Sequence[float], unlike: bool) -> str:
    """Why an answer may be wrong, or nothing: by what its mark's shape says already, or by the networks' doubt."""
    second, first = sorted(probabilities)[-2:]
    return shape or ("unlike any digit" if unlike else "low margin" if first - second < LOW_MARGIN else "")


def say_left_out(reasons: Iterable[str]) -> str:
    """One line on the marks that were not read: `3 marks left out: a plus or times sign, a speck (2 times)`."""
    counts = Counter(reasons)
    named = ", ".join(reason + (f" ({n} times)" if n > 1 else "") for reason, n in counts.items())
    return f"{counts.total()} mark{'s' * (counts.total() > 1)} left out: {named}"
