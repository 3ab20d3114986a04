"""How a wrong result goes together with the right one: it is its negative, a hundredfold, in another order.

What can be seen in the numbers of any exercise is said here, once; what only one exercise knows, its lesson says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

# What is said, and what makes the wrong numbers of the right ones.
OF_EACH_NUMBER: dict[str, Callable[[Tensor], Tensor]] = {
    "the sign is turned round: each value is the negative of what it should be": torch.neg,
    "right, but for the signs: all are positive here": torch.abs,
    "each value is 100 times what it should be: per cent, where a share is asked for?": lambda x: x * 100,
    "each value is a hundredth of what it should be: a share, where per cent are asked for?": lambda x: (
        x / 100
    ),
    "each value is 1 minus what it should be": lambda x: 1 - x,
    "each value is too large by 1": lambda x: x + 1,
    "each value is too small by 1": lambda x: x - 1,
    "each value is the square of what it should be": torch.square,
    "each value is the square root of what it should be": torch.sqrt,
    "each value is the logarithm of what it should be": torch.log,
    "each value is exp of what it should be": torch.exp,
    "upside down: each value is 1 divided by what it should be": torch.reciprocal,
    "right, but rounded to whole numbers": torch.round,
    "right, but what is behind the point is cut off": torch.trunc,
}


def relation(got: Any, expected: Any) -> str | None:
    """What holds for every number of a wrong result; None where nothing is found, or there are too few to tell."""
    wrong, right = numbers_in(got), numbers_in(expected)
    if wrong is None or right is None or len(wrong) != len(right) or len(right) < 2 or is_close(wrong, right):
        return None
    for words, function in OF_EACH_NUMBER.items():
        if is_close(wrong, function(right)):
            return words
    if is_close(wrong.sort().values, right.sort().values):
        return "the right values, but not in the right places"
    factor = float(wrong.norm() / right.norm())
    if len(right) > 2 and 1e-3 < factor < 1e3 and is_close(wrong, factor * right):
        return f"each value is {f'{factor:.4g}' if factor > 1 else f'1/{1 / factor:.4g}'} times what it should be"
    return None


def is_close(wrong: Tensor, right: Tensor) -> bool:
    """Equal up to rounding, and not one number all along, which goes together with anything."""
    return len(wrong.unique()) > 1 and torch.allclose(wrong, right, rtol=1e-4, atol=1e-6)


def numbers_in(value: Any) -> Tensor | None:
    """All numbers of tensors, arrays and lists, in a row; None where something else is among them."""
    if isinstance(value, tuple | list):
        parts = [each for each in map(numbers_in, value) if each is not None]
        return torch.cat(parts) if parts and len(parts) == len(value) else None
    if isinstance(value, bool) or not isinstance(value, Tensor | np.ndarray | np.generic | int | float):
        return None
    numbers = torch.as_tensor(value)
    return None if numbers.dtype == torch.bool else numbers.detach().cpu().double().flatten()
