"""Is it a digit at all, or two? A network's ten answers never say; a second network, which has met strangers, does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import scipy.ndimage as ndimage
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from digitlab.checks import checked
from digitlab.models import DigitModel
from digitlab.photo.fit import Photo, PhotoDigit, prepare_mark
from digitlab.photo.marks import part_of
from digitlab.photo.read import BoolArray, FloatArray
from digitlab.runs.checkpoint import SHIPPED_FILE, load_checkpoint
from digitlab.training import predict

__all__ = ["UNLIKE", "cut_touching", "unlikeness"]

UNLIKE = 0.5  # where to begin to doubt: of a hundred digits of the sample, about one is above
# Where to look for two, and to cut: chosen on 5,000 single digits and 500 pairs. Of 2,500 others, one was cut.
ODD, SURE = 0.3, 0.8
MAX_CUTS = 24


@checked
def unlikeness(images: UInt8[Tensor, "N 28 28"]) -> Float[Tensor, " N"]:
    """How unlike any digit each image is: 0 for an ordinary one, 1 where each digit is as likely as the others.

    It is what a `CNN` lacks in sureness that was taught to answer letters, signs, scribbles and pairs with a tenth for
    each digit (outlier exposure: Hendrycks and others, 2019). What it never met, it may take for a digit. Lesson 08.

    Examples:
        >>> from digitlab.data import followed_digit
        >>> bool(unlikeness(followed_digit().images)[0] < UNLIKE)
        True
    """
    return (1 - predict(_doubter(), images).amax(dim=1)) / 0.9


@cache
def _doubter() -> DigitModel:
    return load_checkpoint(SHIPPED_FILE.with_stem("doubter")).model


@checked
def cut_touching(photo: Photo, model: nn.Module) -> Photo:
    """The same, but with digits that touch cut apart where both halves are read surely, or remarked on.

    Examples:
        >>> from digitlab.data import followed_digit
        >>> from digitlab.photo import read_digits
        >>> five = followed_digit().images[0].numpy()
        >>> pair = np.maximum(np.pad(five, ((20, 20), (20, 36))), np.pad(five, ((20, 20), (36, 20))))
        >>> len(cut_touching(read_digits(pair), _doubter()).digits)
        2
    """
    digits: list[PhotoDigit] = []
    for digit, strange in zip(photo.digits, unlikeness(torch.from_numpy(photo.images)).tolist(), strict=True):
        is_wide = digit.ink.shape[1] > 0.9 * digit.ink.shape[0]
        sureness, halves = _halves(photo.grey, digit, model) if strange > ODD or is_wide else (0, [])
        if strange > ODD and sureness > SURE:
            digits += halves
        else:
            digits.append(
                replace(digit, doubt=digit.doubt or "perhaps two that touch") if sureness > 0.99 else digit
            )
    return replace(photo, digits=tuple(digits))


def _halves(grey: FloatArray, digit: PhotoDigit, model: nn.Module) -> tuple[float, list[PhotoDigit]]:
    """By the cut after which the halves are read most surely: how surely, 0..1, and the halves."""
    pairs = []
    for is_left in _cuts(digit.ink):
        sides = [side for side in (digit.ink * is_left, digit.ink * ~is_left) if side.any()]
        halves = [part_of(side, *digit.box[:2], "cut from a wider mark") for side in sides]
        if len(halves) == 2 and min(len(half.ink) for half in halves) >= 0.7 * len(digit.ink):
            pairs.append([prepare_mark(grey, half) for half in halves])
    if not pairs:
        return 0, []
    images = torch.from_numpy(np.stack([half.image for pair in pairs for half in pair]))
    first, second = predict(model, images).topk(2, dim=1).values.T
    sureness = torch.minimum(first - second, 1 - unlikeness(images)).view(-1, 2).amin(dim=1)
    return float(sureness.max()), pairs[int(sureness.argmax())]


def _cuts(ink: FloatArray) -> list[BoolArray]:
    """What is left of a line, upright or slanted, for those that cross less ink than their neighbours, least first."""
    height, width = ink.shape
    rows, places = np.arange(height)[:, None], np.arange(width // 5, width - width // 5)
    cuts: list[tuple[int, BoolArray]] = []
    for slant in (0, -0.15, 0.15, -0.3, 0.3):
        lines = np.rint(places + slant * (rows - height / 2)).astype(int)
        crossed = (ink[rows, lines.clip(0, width - 1)] > 0.3).sum(0)
        least = ndimage.minimum_filter1d(crossed, 7)
        for i in np.flatnonzero((crossed == least) & (crossed <= 0.4 * height)):
            cuts.append((int(crossed[i]), np.arange(width) < lines[:, [i]]))
    return [is_left for _, is_left in sorted(cuts, key=lambda cut: cut[0])[:MAX_CUTS]]
