"""Equal content in seven forms, to every public function: the same result, or one line. Never another number."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
import torch
from test_arguments import NOT_CALLED, ROWS, arguments
from torch import Tensor

import digitlab as dl
from digitlab.plots import Picture

SAME: dict[str, Callable[[Tensor], Any]] = {
    "list": lambda valid: valid.tolist(),
    "NumPy": lambda valid: valid.detach().numpy(),
    "int32": lambda valid: valid.int() if not valid.is_floating_point() else valid.double(),
    "not contiguous": lambda valid: torch.stack([valid, valid], dim=-1)[..., 0],
    "with a gradient": lambda valid: valid.detach().float().clone().requires_grad_(),
}
NOTHING: dict[str, Callable[[Tensor], Any]] = {
    "meta": lambda valid: valid.to("meta"),
    "empty": lambda valid: valid[:0],
}
TENSORS = [(name, each) for name, each in arguments(Tensor) if name not in NOT_CALLED]


def called(function: str, argument: str, value: Any) -> Any:
    """The result; a refusal, which must be one line, is ``None``."""
    try:
        return getattr(dl, function)(**{**ROWS[function], argument: value})
    except (TypeError, ValueError) as error:
        message = str(error)
        assert message and "\n" not in message and len(message) < 250, message
        return None


@functools.cache
def usual(function: str) -> list[Tensor]:
    return list(numbers(getattr(dl, function)(**ROWS[function])))


def numbers(result: Any) -> Iterable[Tensor]:
    """All that a result consists of, as tensors; of a picture the bytes."""
    if isinstance(result, Tensor | np.ndarray | float | int):
        yield torch.as_tensor(result).detach().double()
    elif isinstance(result, Picture):
        yield torch.tensor(list(result.alt_text.encode()))
        yield torch.tensor(list(result.png()))
    elif hasattr(result, "__dict__"):
        yield from numbers([each for name, each in vars(result).items() if not name.startswith("_")])
    elif isinstance(result, (list, tuple)):
        for each in result:
            yield from numbers(each)


@pytest.mark.parametrize("form", SAME | NOTHING)
@pytest.mark.parametrize(("function", "argument"), TENSORS)
def test_equal_content_gives_equal_results_or_is_refused(function: str, argument: str, form: str) -> None:
    got = called(function, argument, (SAME | NOTHING)[form](ROWS[function][argument]))
    if got is not None and form in NOTHING:
        assert all(each.numel() == 0 for each in numbers(got)), got
    elif got is not None:
        for ours, theirs in zip(numbers(got), usual(function), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5, equal_nan=True)
