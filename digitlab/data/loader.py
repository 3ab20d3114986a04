"""From bytes to the network's input, batch by batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from digitlab.checks import check_range, checked
from digitlab.data.digits import Digits
from digitlab.names import MEAN, STD

Augment = Callable[[Tensor, torch.Generator], Tensor]
"""Takes images ``(B, 1, 28, 28)`` on the scale 0..1 and a source of randomness; returns changed images."""


@checked
def normalize(images: UInt8[Tensor, "N 28 28"]) -> Float32[Tensor, "N 1 28 28"]:
    """Bytes to the network's input: scale to 0..1, then subtract `MEAN` and divide by `STD`. Lesson 01.

    Background becomes about -0.42, full ink about 2.82.

    Examples:
        >>> normalize(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1).expand(2, 28, 28))[:, 0, 0, 0]
        tensor([-0.4242,  2.8215])
    """
    return _standardize(images.float().div_(255))


def _standardize(pixels: Tensor) -> Tensor:
    """Pixels 0..1 ``(N, 28, 28)``, overwritten, to the network's input ``(N, 1, 28, 28)``."""
    # "Channels last": the same values, but a CPU pools several channels at once when they lie side by side.
    return pixels.sub_(MEAN).div_(STD).unsqueeze(-1).permute(0, 3, 1, 2)


class DigitLoader:
    """Iterates over batches ``(images, labels)``, wherever a ``torch.utils.data.DataLoader`` would. Lesson 12.

    ``images`` is the normalised ``float32`` ``(B, 1, 28, 28)``, ``labels`` is ``int64`` ``(B,)``, both on
    ``device``, to which all the bytes are moved once. The last batch may be smaller. Of each batch, worker
    ``rank`` of ``n_workers`` gets every ``n_workers``-th image (lesson 16).

    Attributes:
        epoch: how many times it has been iterated over. Randomness comes from this and the seed alone.
        share: which part of the last batch this worker had, 0..1.

    Examples:
        >>> from digitlab.data.digits import load_sample
        >>> loader = DigitLoader(load_sample("test"), batch_size=500, shuffle=False)
        >>> [tuple(images.shape) for images, labels in loader]
        [(500, 1, 28, 28), (500, 1, 28, 28), (500, 1, 28, 28), (500, 1, 28, 28)]
    """

    @checked
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
        check_range("batch_size", batch_size, 1)
        check_range("number of digits", len(digits), 1)
        check_range("rank", rank, 0, n_workers - 1)
        self.dataset = digits
        self.batch_size, self.shuffle, self.augment, self.seed = batch_size, shuffle, augment, seed
        self.rank, self.n_workers = rank, n_workers
        self.device = torch.device(device)
        self.images, self.labels = digits.images.to(device), digits.labels.to(device)
        self.epoch = 0
        self.share = 1.0

    def __len__(self) -> int:
        return math.ceil(len(self.dataset) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator().manual_seed(self.seed + 1_000_003 * self.epoch)
        self.epoch += 1
        n = len(self.dataset)
        shuffled = torch.randperm(n, generator=generator, device="cpu")
        order = shuffled if self.shuffle else torch.arange(n, device="cpu")
        for chosen in order.to(self.device).split(self.batch_size):
            mine = chosen[self.rank :: self.n_workers]
            if self.augment is None:
                images = normalize(self.images[mine])
            else:
                # Altered first and divided then: so each image changes as it would for one worker alone.
                pixels = self.augment(self.images[chosen].unsqueeze(1) / 255, generator)
                images = _standardize(pixels[self.rank :: self.n_workers, 0])
            self.share = len(mine) / len(chosen)
            yield images, self.labels[mine]
