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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from digitlab.files import DataError, data_folder, fetch_set, is_complete, read_set

MEAN, STD = 0.1307, 0.3081
"""Mean and standard deviation of MNIST's training pixels on the scale 0..1 (computed in lesson 01)."""

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = ("train", "test")
"""The two halves that MNIST comes in; validation digits are taken from the first."""

SOURCES = ("auto", "mnist", "sample", "fashion")
"""The names that `load_digits` and ``digitlab train --data`` accept."""

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Takes images ``(B, 1, 28, 28)`` on the scale 0..1 and a source of randomness; returns changed images."""

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
        if self.images.dtype != torch.uint8 or self.images.ndim != 3 or self.images.shape[1:] != (28, 28):
            raise ValueError(
                f"images: expected uint8 (N, 28, 28), got {self.images.dtype} {tuple(self.images.shape)}"
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels: expected int64 ({len(self.images)},), got {self.labels.dtype} {tuple(self.labels.shape)}"
            )

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
    root = data_folder() if root is None else Path(root)
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
    if source not in SOURCES:
        raise ValueError(f"unknown data {source!r}: choose from {', '.join(SOURCES)}")
    if source == "sample":
        return load_sample(split)
    root = data_folder() if root is None else Path(root)
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
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: choose train or test")


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
    if not 0 <= n_val < len(digits):
        raise ValueError(f"n_val: expected 0 to {len(digits) - 1}, got {n_val}")
    generator = torch.Generator().manual_seed(seed)
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
    if images.dtype != torch.uint8 or images.ndim != 3:
        raise ValueError(f"images: expected uint8 (N, 28, 28), got {images.dtype} {tuple(images.shape)}")
    return _standardize(images.float().div_(255))


def _standardize(pixels: Tensor) -> Tensor:
    """Pixels 0..1 ``(N, 28, 28)``, overwritten, to the network's input ``(N, 1, 28, 28)``."""
    pixels = pixels.sub_(MEAN).div_(STD)
    # (N, 28, 28, 1), seen as (N, 1, 28, 28): "channels last". The values are the same; a CPU pools several
    # channels at once when they lie side by side, and each layer hands the layout on to the next.
    return pixels.unsqueeze(-1).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class RandomAffine:
    """Augmentation: turn, scale, shear and shift each image a little, at random. Explained in lesson 09.

    Each number is the largest change to either side; each image gets its own, drawn evenly. ``elastic`` goes
    beyond affine changes: it also bends the strokes, as another hand would have (Simard et al. 2003).

    Attributes:
        degrees: rotation.
        scale: relative change of size; 0.1 means 0.9 to 1.1.
        shear: slant, as the sideways shift per unit of height.
        translate: shift in pixels, in each direction.
        elastic: standard deviation, in pixels, of random shifts at 5x5 points; in between they pass smoothly
            into each other.

    Examples:
        >>> images = torch.rand(4, 1, 28, 28)
        >>> RandomAffine(degrees=10, translate=2)(images, torch.Generator().manual_seed(0)).shape
        torch.Size([4, 1, 28, 28])
    """

    degrees: float = 0.0
    scale: float = 0.0
    shear: float = 0.0
    translate: float = 0.0
    elastic: float = 0.0

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Images ``(B, 1, H, W)`` on the scale 0..1, background 0; returns changed copies of the same shape."""
        # Drawn on the CPU whatever the device, so that a seed means the same images everywhere.
        angle, scale, shear, shift_x, shift_y = 2 * torch.rand(5, len(images), generator=generator) - 1
        angle, scale, shear = (
            angle * math.radians(self.degrees),
            1 / (1 + scale * self.scale),
            shear * self.shear,
        )
        # Row by row, the 2x3 matrix that says for each output pixel where to look in the input (x, then y,
        # from -1 to 1).
        cos, sin = angle.cos() * scale, angle.sin() * scale
        shift_x, shift_y = (shift * self.translate * 2 / images.shape[-1] for shift in (shift_x, shift_y))
        matrix = torch.stack([cos, cos * shear - sin, shift_x, sin, sin * shear + cos, shift_y], dim=1)
        grid = F.affine_grid(matrix.view(-1, 2, 3).to(images.device), list(images.shape), align_corners=False)
        if self.elastic > 0:
            shifts = torch.randn(len(images), 2, 5, 5, generator=generator).to(images.device)
            field = F.interpolate(shifts, size=images.shape[-2:], mode="bicubic", align_corners=False)
            grid = grid + field.permute(0, 2, 3, 1) * (self.elastic * 2 / images.shape[-1])
        return F.grid_sample(images, grid, align_corners=False)


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
        if not 0 <= rank < n_workers:
            raise ValueError(f"rank: expected 0 to {n_workers - 1} for {n_workers} workers, got {rank}")
        if batch_size < 1:
            raise ValueError(f"batch_size: expected 1 or more, got {batch_size}")
        if len(digits) == 0:
            raise ValueError("digits: expected at least one image, got none")
        self.dataset = digits
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.augment = augment
        self.device = torch.device(device)
        self.seed = seed
        self.epoch = 0
        self.rank = rank
        self.n_workers = n_workers
        self.share = 1.0
        self._images = digits.images.to(self.device)
        self._labels = digits.labels.to(self.device)

    def __len__(self) -> int:
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed + 1_000_003 * self.epoch)
        self.epoch += 1
        n = len(self.dataset)
        order = torch.randperm(n, generator=generator) if self.shuffle else torch.arange(n)
        for chosen in order.to(self.device).split(self.batch_size):
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
