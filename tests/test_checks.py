"""A wrong call is told in one line: which argument, what was expected, what came."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from digitlab.checks import ArgumentError, check_choice, check_range, checked, described


@checked
def mean_of(scores: Float[Tensor, "N C"], labels: Int64[Tensor, " N"], k: int = 1, x: float = 0) -> float:
    if k < 0:
        raise TypeError("inside")
    return float(scores.mean()) + k + x


@checked
@dataclass(frozen=True)
class Pair:
    images: UInt8[Tensor, "N 28 28"]
    labels: Int64[Tensor, " N"]
    name: str | Path | None = None


SCORES, LABELS = torch.zeros(3, 10), torch.zeros(3, dtype=torch.int64)
BYTES = torch.zeros(3, 28, 28, dtype=torch.uint8)


def test_a_right_call_goes_through() -> None:
    assert mean_of(SCORES, LABELS, k=2, x=1) == 3.0, "a whole number will do where a float is asked for"
    assert Pair(BYTES, LABELS, Path("x")).name == Path("x")
    assert mean_of.__name__ == "mean_of"


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        (mean_of, (SCORES, LABELS[:2]), r"labels: .* 'N'\] with N = 3, got torch.int64 \(2,\)"),
        (mean_of, (SCORES[0], LABELS), r"scores: expected Float\[Tensor, 'N C'\], got torch.float32 \(10,\)"),
        (mean_of, ([[1.0]], LABELS), r"scores: expected Float\[Tensor, 'N C'\], got \[\[1.0\]\]"),
        (mean_of, (SCORES.to("meta"), LABELS), "mean_of: expected numbers, got a tensor on device 'meta'"),
        (mean_of, (SCORES, LABELS, 1.5), "k: expected int, got 1.5"),
        (mean_of, (SCORES, LABELS, 1, "much"), "x: expected float, got 'much'"),
        (Pair, (BYTES, LABELS[:2]), r"labels: expected Int64.*with N = 3, got torch.int64 \(2,\)"),
        (Pair, (BYTES, LABELS, 3), r"name: expected str \| Path \| None, got 3"),
    ],
)
def test_a_wrong_call_is_told_in_one_line(call: Callable[..., Any], arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=rf"\A{message}\Z") as error:
        call(*arguments)
    assert isinstance(error.value, TypeError) and isinstance(error.value, ValueError)


def test_a_missing_argument_is_named_and_a_fault_inside_is_not_dressed_up() -> None:
    with pytest.raises(TypeError, match=r"missing.*labels"):
        mean_of(SCORES)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^inside$"):
        mean_of(SCORES, LABELS, k=-1)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf, -math.inf])
def test_check_range(value: float) -> None:
    with pytest.raises(ValueError, match="dropout: expected 0 to 1, got"):
        check_range("dropout", value, 0, 1)
    check_range("dropout", 0.5, 0, 1)
    with pytest.raises(ValueError, match="scale: expected 0 or more, got inf"):
        check_range("scale", math.inf, 0)


def test_check_choice() -> None:
    for value, advice in ("lenet", r"'lenet': did you mean 'lenet5'\?"), (3, "3: choose from cnn, lenet5"):
        with pytest.raises(ValueError, match=f"^unknown model {advice}$"):
            check_choice("model", value, ["cnn", "lenet5"])


@pytest.mark.parametrize("value", ["a\nb", "x" * 10_000, ["x" * 100] * 9, torch.zeros(3, 4)])
def test_described_is_short_and_one_line(value: object) -> None:
    assert re.fullmatch(".{1,62}", described(value))
