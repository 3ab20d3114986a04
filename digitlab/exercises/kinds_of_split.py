"""How the validation digits of exercise 01.5 were chosen: two right answers draw different ones."""

from __future__ import annotations

import torch
from torch import Tensor

from digitlab.exercises.checking import Mistake


def kind_of_split(mask: Tensor, labels: Tensor, share: float) -> str:
    """The choice in a few words, which are the same for every choice made in this way."""
    n_all, n_chosen = labels.bincount(minlength=10), labels[mask].bincount(minlength=10)
    wanted = torch.tensor([int(share * n) for n in n_all.tolist()])
    chosen, extra, n = mask.nonzero().flatten(), n_chosen - wanted, int(mask.sum())
    if n in (0, len(labels)):
        raise Mistake(f"{n} of the {len(labels)} digits are marked; about {share:.0%} should be")
    if chosen[-1] < 10:
        return "some of the first ten places, as if labels were places"
    if n == int(chosen[-1] - chosen[0]) + 1:
        return "the head of the list" if chosen[0] == 0 else "the tail of the list"
    if not extra.any():
        return how_drawn([mask[labels == digit].nonzero().flatten() for digit in range(10)], n_all.tolist())
    if extra.min() >= 0 and extra.max() == 1:
        return "one digit too many of some classes, or of all: int(share * n) rounds down"
    if n_chosen.min() == 0 and bool(((n_chosen == 0) | (extra == 0)).all()):
        raise Mistake(
            f"the share is right, but no digit of the class {int(n_chosen.argmin())} is marked: go through range(10), "
            "with one mask for all, made before the loop and returned behind it"
        )
    if chosen[-1] < n_all.max():
        return "places within a class, taken for places in the pile"
    if n_chosen.equal(n_all - wanted):
        return "the training digits instead of the validation digits"
    if n_chosen[n_chosen < n_all].unique().numel() == 1:
        return "the same number of each class"
    if extra.max() <= 0:
        return "fewer than the share of some classes, more of none"
    is_share = abs(n - share * len(labels)) < 1
    return "a share of the whole, but not of each class" if is_share else "of some other size"


def how_drawn(places: list[Tensor], n_all: list[int]) -> str:
    """What the choice within the classes looks like; chance makes none of the first two in all of them."""
    if all(each.equal(torch.arange(len(each))) for each in places):
        return "the first ones of each class"
    is_even = all(each.diff().unique().numel() <= 2 for each in places)  # but for rounding, or for one jump
    shares = torch.cat([each / n for each, n in zip(places, n_all, strict=True)])
    if is_even or shares.min() > 1 / 3 or shares.max() < 2 / 3:
        return "from one part of each class, or every so many of it, without chance"
    return "a share of each class, drawn at random"
