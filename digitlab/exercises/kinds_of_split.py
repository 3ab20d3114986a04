"""How the validation digits of exercise 01.5 were chosen: two right answers draw different ones."""

from __future__ import annotations

import torch
from torch import Tensor

from digitlab.exercises.checking import Mistake


def kind_of_split(mask: Tensor, labels: Tensor, share: float) -> str:
    """The choice in a few words, which are the same for every choice made in this way."""
    n_all, n_chosen = labels.bincount(minlength=10), labels[mask].bincount(minlength=10)
    wanted = torch.tensor([int(share * n) for n in n_all.tolist()])
    chosen, n = mask.nonzero().flatten(), int(mask.sum())
    if n in (0, len(labels)):
        raise Mistake(f"{n} of the {len(labels)} digits are marked; about {share:.0%} should be")
    if chosen[-1] < 10:
        return "some of the first ten places, as if labels were places"
    if n == int(chosen[-1] - chosen[0]) + 1:
        return "the head of the list" if chosen[0] == 0 else "the tail of the list"
    extra = n_chosen - wanted
    if not extra.any():
        return how_drawn([mask[labels == digit] for digit in range(10)])
    if is_even([mask]):
        return "every so many in the whole pile"
    if bool((extra == 1).all()):
        return "one digit too many of each class"
    if bool(((extra == 0) | (extra == 1)).all()):
        return "rounded to the nearest or up"
    if n_chosen.min() == 0 and bool(((n_chosen == 0) | (n_chosen == wanted)).all()):
        missing = (n_chosen == 0).nonzero().flatten().tolist()
        raise Mistake(
            f"the share is right, but no digit of the class {missing[0]} is marked: go through range(10), "
            "with one mask for all, made before the loop and returned behind it"
        )
    if chosen[-1] < n_all.max():
        return "places within a class, taken for places in the pile"
    if n_chosen.equal(n_all - wanted):
        return "the training digits instead of the validation digits"
    if (n_chosen / n_all).max() < ((n_chosen + 1) / n_all).min():
        return "another share of each class than asked for"
    if n_chosen[n_chosen < n_all].unique().numel() == 1:
        return "the same number of each class"
    if bool((extra <= 0).all()):
        return "fewer than the share of some classes, more of none"
    return (
        "a share of the whole, but not of each class"
        if abs(n - share * len(labels)) < 1
        else "of some other size"
    )


def how_drawn(classes: list[Tensor]) -> str:
    """What the choice within the classes looks like; chance makes none of the first three in all of them."""
    ranks = [members.nonzero().flatten() for members in classes]
    if all(rank.equal(torch.arange(len(rank))) for rank in ranks):
        return "the first ones of each class"
    if is_even(classes):
        return "a block or every so many of each class"
    places = torch.cat([rank / len(members) for rank, members in zip(ranks, classes, strict=True)])
    if places.min() > 1 / 3 or places.max() < 2 / 3:
        return "drawn from one part of each class"
    return "a share of each class, drawn at random"


def is_even(masks: list[Tensor]) -> bool:
    """Whether the chosen lie at equal distances, but for rounding or one jump."""
    return all(mask.nonzero().flatten().diff().unique().numel() <= 2 for mask in masks)
