"""What the numbers of a wrong result show by themselves."""

from typing import Any

import pytest
import torch

from digitlab.exercises.relations import relation

RIGHT = torch.tensor([[0.5, -2.0, 3.75], [4.0, 0.25, 6.0]])


@pytest.mark.parametrize(
    ("got", "expected", "words"),
    [
        (-RIGHT, RIGHT, "the sign is turned round"),
        (RIGHT.abs(), RIGHT, "right, but for the signs"),
        ([50.0, 25.0], (0.5, 0.25), "each value is 100 times"),
        (1 - RIGHT, RIGHT, "each value is 1 minus"),
        ([6, 4], (5, 3), "each value is too large by 1"),
        (RIGHT.round(), RIGHT, "right, but rounded"),
        (RIGHT.trunc(), RIGHT, "what is behind the point is cut off"),
        (1 / RIGHT, RIGHT, "upside down"),
        (RIGHT.T, RIGHT, "not in the right places"),
        (RIGHT.numpy() / 7, RIGHT, "each value is 1/7 times"),
        (RIGHT, RIGHT, None),
        (RIGHT.flatten(), RIGHT, None),  # its values are right
        ([1, 1], [0.625, 0.8], None),  # always 1 is not rounded
        (RIGHT * torch.arange(6).view(2, 3), RIGHT, None),
        ([6], [5], None),  # one number goes together with any other
        (["five", 6], [5, 6], None),
        (torch.tensor([True, False]), [1.0, 0.0], None),
    ],
)
def test_what_holds_for_every_number_is_said(got: Any, expected: Any, words: str | None) -> None:
    found = relation(got, expected)
    assert found is None if words is None else words in (found or ""), found
