"""The digits: images with their labels, the bundled sample, and the split into training and validation.

Images stay bytes until a batch is asked for: 60,000 digits are then 47 MB instead of 188 MB.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from digitlab.checks import check_choice, check_range, checked
from digitlab.names import SPLITS, Split

_SAMPLE_FILE = Path(__file__).parents[1] / "assets" / "sample.npz"


@checked
@dataclass(frozen=True)
class Digits:
    """Images, 0 background to 255 full ink, with their labels, 0 to 9. Lesson 01.

    An integer index gives one ``(image, label)`` pair, as PyTorch's datasets do; a slice or an index tensor gives
    a smaller `Digits`. ``name`` is the source, ``split`` is ``"train"``, ``"val"`` or ``"test"``.

    Examples:
        >>> digits = load_sample("test")
        >>> len(digits), digits[:5].images.shape
        (2000, torch.Size([5, 28, 28]))
    """

    images: UInt8[Tensor, "N 28 28"]
    labels: Int64[Tensor, " N"]
    name: str
    split: str

    def __post_init__(self) -> None:
        for label in self.labels.aminmax() if len(self) else ():
            check_range("labels", int(label), 0, 9)

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, index: int) -> tuple[Tensor, int]: ...
    @overload
    def __getitem__(self, index: slice | Tensor | list[int]) -> Digits: ...
    def __getitem__(self, index: int | slice | Tensor | list[int]) -> tuple[Tensor, int] | Digits:
        if isinstance(index, int):
            return self.images[index], int(self.labels[index])
        return Digits(self.images[index], self.labels[index], self.name, self.split)


def load_sample(split: Split = "train") -> Digits:
    """8,000 training and 2,000 test digits that ship inside the package: MNIST's first 10,000 training images."""
    check_choice("split", split, SPLITS)
    with np.load(_SAMPLE_FILE, allow_pickle=False) as arrays:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    return Digits(torch.from_numpy(images), torch.from_numpy(labels).long(), "sample", split)


def followed_digit() -> Digits:
    """The one digit that the whole course follows: a five, as a `Digits` of length one.

    It is the sample's first test digit. A network trained on the whole of MNIST has learnt from it.
    """
    return load_sample("test")[:1]


@checked
def train_val_split(digits: Digits, n_val: int, seed: int = 0) -> tuple[Digits, Digits]:
    """Set aside ``n_val`` images for validation, the same share of every class, in their old order. Lesson 01.

    Shares are rounded down; what is left over goes to the classes with the largest remainders.

    Examples:
        >>> train, val = train_val_split(load_sample("train"), n_val=800, seed=0)
        >>> len(train), len(val)
        (7200, 800)
    """
    check_range("n_val", n_val, 0, len(digits) - 1)
    generator = torch.Generator().manual_seed(seed)
    counts = torch.bincount(digits.labels, minlength=10)
    shares = counts.double() * n_val / len(digits)
    n_chosen = shares.floor().long()
    left_over = int(n_val - n_chosen.sum())
    n_chosen[(shares - n_chosen).argsort(descending=True, stable=True)[:left_over]] += 1

    is_val = torch.zeros_like(digits.labels, dtype=torch.bool)
    for label, n in enumerate(n_chosen.tolist()):
        members = (digits.labels == label).nonzero().flatten()
        order = torch.randperm(len(members), generator=generator, device="cpu")
        is_val[members[order[:n]]] = True
    return digits[~is_val], replace(digits[is_val], split="val")
