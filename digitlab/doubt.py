"""Is it a digit at all? A network's ten answers never say; a second network, which has met strangers, does."""

from __future__ import annotations

from functools import cache

from jaxtyping import Float, UInt8
from torch import Tensor

from digitlab.checks import checked
from digitlab.models import DigitModel
from digitlab.runs.checkpoint import SHIPPED_FILE, load_checkpoint
from digitlab.training import predict

__all__ = ["UNLIKE", "unlikeness"]

UNLIKE = 0.5  # where to begin to doubt: of a hundred digits of the sample, about one is above


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
