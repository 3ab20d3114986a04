"""The digits: where they come from, how they are split, and how they reach the network.

Images stay as bytes, ``uint8`` of shape ``(N, 28, 28)``, until a batch is asked for: 60,000 digits are then
47 MB instead of 188 MB, and one batch is normalised in one step instead of image by image. This file knows
nothing of networks; how the files are found, fetched and checked is in `digitlab.files`.

Lessons: 01 reads the files by hand, 03 cuts mini-batches, 09 explains augmentation, 10 explains why
`DigitLoader` is fast.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import torch
from torch import Tensor

from digitlab.arguments import (
    as_path,
    check_choice,
    check_flag,
    check_kind,
    check_tensor,
    check_whole_number,
    described,
    expect,
)
from digitlab.augmentation import Augment
from digitlab.device import as_device
from digitlab.files import DataError, data_folder, fetch_set, is_complete, read_set

MEAN, STD = 0.1307, 0.3081
"""Mean and standard deviation of MNIST's training pixels on the scale 0..1 (computed in lesson 01)."""

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
"""The two halves that MNIST comes in; validation digits are taken from the first."""

SOURCES = ("auto", "mnist", "sample", "fashion")
"""The names that `load_digits` and ``digitlab train --data`` accept."""

_SAMPLE_FILE = Path(__file__).parent / "assets" / "sample.npz"


@dataclass(frozen=True)
class Digits:
    """Images with their labels.

    Attributes:
        images: ``uint8`` tensor ``(N, 28, 28)``; 0 is background, 255 is full ink.
        labels: ``int64`` tensor ``(N,)`` with values 0..9.
        name: the set they are from: ``"mnist"``, ``"sample"`` or ``"fashion"``.
        split: ``"train"``, ``"val"`` or ``"test"``.

    An integer index gives one ``(image, label)`` pair, so a `Digits` is also a PyTorch map-style dataset; a
    slice or an index tensor gives a smaller `Digits`. Explained in lesson 01.

    Examples:
        >>> digits = load_sample("test")
        >>> len(digits), digits[:5].images.shape
        (2000, torch.Size([5, 28, 28]))
        >>> image, label = digits[0]
        >>> image.shape, image.dtype
        (torch.Size([28, 28]), torch.uint8)
    """

    images: Tensor
    labels: Tensor
    name: str
    split: str

    def __post_init__(self) -> None:
        check_tensor("images", self.images, ("N", 28, 28), "uint8")
        check_tensor("labels", self.labels, (len(self.images),), "int64")
        check_kind("name", self.name, str, "text")
        check_kind("split", self.split, str, "text")

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


# --- loading --------------------------------------------------------------------------------------


def load_sample(split: Split = "train") -> Digits:
    """The 8,000 training and 2,000 test digits that ship inside the package. Needs no network.

    They are the first 10,000 images of MNIST's training set (see ``digitlab/assets/sample.md``), the same
    share of every class in both splits. Used in every lesson when the whole of MNIST is not at hand.

    Raises:
        ValueError: ``split`` is neither ``"train"`` nor ``"test"``.

    Examples:
        >>> len(load_sample("train")), len(load_sample("test"))
        (8000, 2000)
    """
    _check_split(split)
    with np.load(_SAMPLE_FILE, allow_pickle=False) as arrays:
        images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    return Digits(torch.from_numpy(images), torch.from_numpy(labels).long(), "sample", split)


def followed_digit() -> Digits:
    """The one digit that the whole course follows: a five, as a `Digits` of length one.

    It is the first test digit of the bundled sample, so no network trained on the sample, nor the shipped
    one, has learnt from it. A network trained on the whole of MNIST has: look at it there, but do not measure
    with it.

    Examples:
        >>> followed_digit().labels
        tensor([5])
    """
    return load_sample("test")[:1]


def load_mnist(split: Split = "train", root: str | Path | None = None, download: bool = True) -> Digits:
    """The whole of MNIST: 60,000 training or 10,000 test digits. The file format is explained in lesson 01.

    Args:
        split: ``"train"`` or ``"test"``.
        root: the folder that holds ``MNIST/raw/``, as torchvision lays it out. ``None`` means `data_folder`.
        download: fetch the files from torchvision's mirrors if they are not there (11 MB).

    Raises:
        DataError: a file is missing, damaged, or cannot be downloaded; the message names it.

    Examples:
        >>> try:
        ...     load_mnist("test", root="nowhere", download=False)
        ... except DataError as error:
        ...     print(str(error).split(":")[0])
        no MNIST in nowhere/MNIST/raw
    """
    _check_split(split)
    check_flag("download", download)
    root = data_folder() if root is None else as_path("root", root)
    if download:
        fetch_set("mnist", root)
    return _read_digits("mnist", split, root)


def load_digits(split: Split = "train", source: str = "auto", root: str | Path | None = None) -> Digits:
    """Load a set by its name; ``"auto"`` takes the best one that can be had here.

    ``"auto"`` takes MNIST from disk, else downloads it, else gives one `UserWarning` that names the reason
    and takes the bundled sample. The result's ``name`` says which set it is: report it beside every number.

    Args:
        split: ``"train"`` or ``"test"``.
        source: one of `SOURCES`. ``"fashion"`` is Fashion-MNIST: clothes in MNIST's format.
        root: see `load_mnist`.

    Raises:
        DataError: the named set is missing, damaged or cannot be downloaded. A damaged MNIST is an error for
            ``"auto"`` too: it is better mended than passed over.
        ValueError: an unknown split or source.

    Examples:
        >>> load_digits("test", "sample").name
        'sample'
    """
    _check_split(split)
    check_choice("data", source, SOURCES)
    root = data_folder() if root is None else as_path("root", root)
    if source == "sample":
        return load_sample(split)
    if source == "auto" and not is_complete("mnist", root):
        try:
            fetch_set("mnist", root)
        except DataError as reason:
            warnings.warn(f"using the bundled sample of 10,000 real digits, because {reason}", stacklevel=1)
            return load_sample(split)
    name = "mnist" if source == "auto" else source
    fetch_set(name, root)
    return _read_digits(name, split, root)


def _read_digits(name: str, split: str, root: Path) -> Digits:
    images, labels = read_set(name, split, root)
    return Digits(images, labels.long(), name, split)


def _check_split(split: str) -> None:
    check_choice("split", split, SPLITS)


def _check_seed(seed: int) -> None:
    check_whole_number("seed", seed, 0, 2**32 - 1)


# --- splitting ------------------------------------------------------------------------------------


def train_val_split(digits: Digits, n_val: int, seed: int = 0) -> tuple[Digits, Digits]:
    """Set aside ``n_val`` images for validation, the same share of every class. Explained in lesson 01.

    Each class gives its share of ``n_val`` rounded down; what is left over goes to the classes with the
    largest remainders.

    Returns:
        ``(train, val)``, in the original order, without overlap.

    Raises:
        ValueError: ``n_val`` is negative or leaves nothing to train on.

    Examples:
        >>> train, val = train_val_split(load_sample("train"), n_val=800, seed=0)
        >>> len(train), len(val)
        (7200, 800)
    """
    check_kind("digits", digits, Digits, "Digits")
    check_whole_number("n_val", n_val, 0, len(digits) - 1)
    _check_seed(seed)
    generator = torch.Generator().manual_seed(int(seed))  # PyTorch takes no number of NumPy's
    counts = torch.bincount(digits.labels, minlength=10)
    shares = counts.double() * n_val / len(digits)
    n_chosen = shares.floor().long()
    remainders = shares - n_chosen
    left_over = int(n_val - n_chosen.sum())
    n_chosen[remainders.argsort(descending=True, stable=True)[:left_over]] += 1

    is_val = torch.zeros(len(digits), dtype=torch.bool)
    for label, n in enumerate(n_chosen.tolist()):
        members = (digits.labels == label).nonzero().flatten()
        is_val[members[torch.randperm(len(members), generator=generator)[:n]]] = True
    val = digits[is_val]
    return digits[~is_val], Digits(val.images, val.labels, val.name, "val")


# --- from bytes to the network's input ------------------------------------------------------------


def normalize(images: Tensor) -> Tensor:
    """Bytes to the network's input: scale to 0..1, then subtract `MEAN` and divide by `STD`.

    Explained in lesson 01.

    Args:
        images: ``uint8`` ``(N, 28, 28)``, 0..255.

    Returns:
        ``float32`` ``(N, 1, 28, 28)``; background is about -0.42, full ink about 2.82. Laid out channels-last in
        memory.

    Raises:
        ValueError: another dtype or shape: normalising twice is a common and silent mistake.

    Examples:
        >>> normalize(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1).expand(2, 28, 28))[:, 0, 0, 0]
        tensor([-0.4242,  2.8215])
    """
    check_tensor("images", images, ("N", 28, 28), "uint8")
    return _standardize(images.float().div_(255))


def _standardize(pixels: Tensor) -> Tensor:
    """Pixels 0..1 ``(N, 28, 28)``, overwritten, to the network's input ``(N, 1, 28, 28)``."""
    pixels = pixels.sub_(MEAN).div_(STD)
    # (N, 28, 28, 1), seen as (N, 1, 28, 28): "channels last". The values are the same; a CPU pools several
    # channels at once when they lie side by side, and each layer hands the layout on to the next.
    return pixels.unsqueeze(-1).permute(0, 3, 1, 2)


class DigitLoader:
    """Iterates over batches ``(images, labels)``, wherever a ``torch.utils.data.DataLoader`` would.

    ``images`` is the normalised ``float32`` ``(B, 1, 28, 28)``, ``labels`` is ``int64`` ``(B,)``, both on
    ``device``. The bytes are moved to the device once; there are no worker processes, because there is
    nothing left for them to do (lesson 10).

    Args:
        digits: what to iterate over.
        batch_size: images a batch; the last batch may be smaller.
        shuffle: a new order each epoch.
        augment: changes the images of each batch, for example `RandomAffine`.
        device: where the batches live.
        seed: fixes the order and the augmentation. Both depend on the seed and ``epoch`` alone, so a resumed
            run sees what an undisturbed one would have seen.
        rank: with several workers, this one's number from 0 (lesson 14).
        n_workers: of each batch, only every ``n_workers``-th image, from number ``rank`` on.

    Attributes:
        epoch: how many times the loader has been iterated over; the next epoch's randomness comes from it.
        share: which part of the last batch this worker had, 0..1.

    Raises:
        ValueError: an empty set, a batch size below 1, or a rank that is not one of the workers.

    Examples:
        >>> loader = DigitLoader(load_sample("test"), batch_size=500, shuffle=False)
        >>> [tuple(images.shape) for images, labels in loader]
        [(500, 1, 28, 28), (500, 1, 28, 28), (500, 1, 28, 28), (500, 1, 28, 28)]
    """

    def __init__(
        self,
        digits: Digits,
        batch_size: int,
        *,
        shuffle: bool,
        augment: Augment | None = None,
        device: str | torch.device = "cpu",
        seed: int = 0,
        rank: int = 0,
        n_workers: int = 1,
    ) -> None:
        check_kind("digits", digits, Digits, "Digits")
        expect(len(digits) > 0, "digits", "at least one image", "none")
        check_whole_number("batch_size", batch_size, 1)
        check_flag("shuffle", shuffle)
        expect(augment is None or callable(augment), "augment", "a function or None", described(augment))
        _check_seed(seed)
        check_whole_number("n_workers", n_workers, 1)
        check_whole_number("rank", rank, 0, n_workers - 1)
        self.device = as_device(device)
        self._images = digits.images.to(self.device)
        self._labels = digits.labels.to(self.device)
        self.dataset = digits
        self.batch_size = int(batch_size)  # PyTorch takes no number of NumPy's here
        self.shuffle = shuffle
        self.augment = augment
        self.seed = int(seed)
        self.epoch = 0
        self.rank = rank
        self.n_workers = n_workers
        self.share = 1.0
        self._n_given = 0  # batches of this epoch
        self._n_skipped = 0
        self._generator = torch.Generator()

    def __len__(self) -> int:
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        n_skipped, self._n_skipped = self._n_skipped, 0
        if n_skipped == 0:  # else the epoch was begun before
            self.epoch += 1
        generator = torch.Generator().manual_seed(self.seed + 1_000_003 * (self.epoch - 1))
        n = len(self.dataset)
        order = torch.randperm(n, generator=generator) if self.shuffle else torch.arange(n)
        if n_skipped > 0:  # the batches left out have drawn their random numbers
            generator = self._generator
        self._generator = generator
        batches = order.to(self.device).split(self.batch_size)
        for self._n_given, chosen in enumerate(batches[n_skipped:], start=n_skipped + 1):
            mine = slice(self.rank, None, self.n_workers)
            if self.augment is None:
                batch = normalize(self._images[chosen[mine]])
            else:
                # The whole batch is altered and then divided: so every worker's generator draws the same
                # numbers, and each image is altered as it would be for one worker alone.
                pixels = self._images[chosen].unsqueeze(1).float().div_(255)
                batch = _standardize(self.augment(pixels, generator)[mine, 0])
            labels = self._labels[chosen[mine]]
            self.share = len(labels) / len(chosen)
            yield batch, labels

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands, between two batches: for a run that may be interrupted there.

        Examples:
            >>> loader = DigitLoader(load_sample("test"), 100, shuffle=True)
            >>> first, second, *_ = [labels for _, labels in loader]
            >>> again = DigitLoader(load_sample("test"), 100, shuffle=True)
            >>> _ = next(iter(again))
            >>> other = DigitLoader(load_sample("test"), 100, shuffle=True)
            >>> other.load_state_dict(again.state_dict())
            >>> torch.equal(next(iter(other))[1], second)
            True
        """
        return {"epoch": self.epoch, "n_given": self._n_given, "generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another loader of the same digits and settings stood."""
        self.epoch, self._n_given = state["epoch"], state["n_given"]
        self._n_skipped = self._n_given % len(self)
        self._generator = torch.Generator()
        self._generator.set_state(state["generator"])
