"""The loops: one epoch of training, an exact evaluation, a prediction, and `fit`, which repeats the first two.

Built by hand in lesson 03. This file knows nothing of recipes, files or pictures: it takes a model, batches
and an optimiser.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from digitlab.data import normalize
from digitlab.workers import add_up

Batches = Iterable[tuple[Tensor, Tensor]]
"""Anything that gives ``(images (B, 1, 28, 28), labels (B,))``: a ``DigitLoader``, or PyTorch's ``DataLoader``."""


class TrainingError(ValueError):
    """Training cannot go on. The message is one line and says what to try."""


@dataclass(frozen=True)
class Scores:
    """How a model did on a set of images.

    Attributes:
        loss: mean cross-entropy per image, in nats. ln 10 = 2.303 is what guessing costs.
        accuracy: share of images read correctly, 0..1.
        n: number of images.
    """

    loss: float
    accuracy: float
    n: int


@dataclass(frozen=True)
class EpochRow:
    """One epoch in numbers.

    The training figures are measured while learning, with dropout and augmentation on.

    Attributes:
        epoch: counted from 1.
        train_loss: mean per image over the epoch, in nats.
        train_accuracy: 0..1.
        val_loss: after the epoch; ``None`` without validation images.
        val_accuracy: 0..1; ``None`` without validation images.
        lr: learning rate with which the epoch began.
        seconds: wall time, validation included.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    lr: float
    seconds: float

    def __str__(self) -> str:
        text = (
            f"epoch {self.epoch:>2}  {self.seconds:5.1f} s   "
            f"train loss {self.train_loss:.4f}  accuracy {self.train_accuracy:7.2%}"
        )
        if self.val_loss is not None and self.val_accuracy is not None:
            text += f"   val loss {self.val_loss:.4f}  accuracy {self.val_accuracy:7.2%}"
        return text


@dataclass
class History:
    """The epochs of one training, in order.

    Examples:
        >>> history = History([EpochRow(1, 0.7, 0.8, 0.2, 0.95, 0.001, 2.0)])
        >>> History.from_list(history.to_list()) == history
        True
    """

    rows: list[EpochRow] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def to_list(self) -> list[dict[str, Any]]:
        """Plain data, as it stands in ``history.json``."""
        return [asdict(row) for row in self.rows]

    @classmethod
    def from_list(cls, rows: list[dict[str, Any]]) -> History:
        """The inverse of `to_list`."""
        return cls([EpochRow(**row) for row in rows])


def choose_device(name: str = "auto") -> torch.device:
    """``"auto"`` takes CUDA if there is one, else Apple's MPS, else the CPU; another name is checked.

    Raises:
        ValueError: an unknown name, or a device that this machine does not have.

    Examples:
        >>> choose_device("cpu")
        device(type='cpu')
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, is_there in available.items() if is_there)
    if name not in available:
        raise ValueError(f"unknown device {name!r}: choose from auto, cpu, cuda, mps")
    if not available[name]:
        raise ValueError(f"device {name!r} is not available here: use --device auto or cpu")
    return torch.device(name)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 numbers in hardware. Elsewhere they are slower than float32.

    Examples:
        >>> has_bfloat16(torch.device("mps"))
        False
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        abilities = torch.cpu.get_capabilities()
        return any(abilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
    return False


def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    optimizer: Optimizer,
    *,
    scheduler: LRScheduler | None = None,
    autocast: bool = False,
    label_smoothing: float = 0.0,
) -> Scores:
    """Show the model every batch once, and step after each. Built line by line in lesson 03.

    Args:
        model: returns logits ``(B, 10)``; left in training mode.
        loader: batches on the model's device.
        optimizer: holds the model's parameters.
        scheduler: stepped once a batch, after the optimiser.
        autocast: run the forward pass in bfloat16 where PyTorch deems it safe (lesson 10).
        label_smoothing: see `digitlab.recipes.Recipe`.

    Returns:
        Loss and accuracy averaged over the images as they were seen: measured before each step, with dropout
        on. The loss is the one that is made small: with smoothed labels it cannot reach 0.

    Raises:
        TrainingError: the loss is no longer a finite number.
    """
    model.train()
    # Summed as tensors: reading a number out after each batch would make a GPU wait for it.
    total_loss, n_correct, n = torch.tensor(0.0), torch.tensor(0), 0
    for images, labels in loader:
        with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
            logits = model(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        # The last batch may be smaller, so the batch's mean counts for as many images as it has. (Of several
        # workers, one may have none of them.)
        if len(labels) > 0:
            total_loss = total_loss.to(loss.device) + loss.detach() * len(labels)
        n_correct = n_correct.to(loss.device) + (logits.argmax(dim=1) == labels).sum()
        n += len(labels)
    return _scores(total_loss.item(), n_correct.item(), n)


@torch.inference_mode()
def evaluate(model: nn.Module, loader: Batches) -> Scores:
    """Mean loss and accuracy over all images, exact whatever the batch sizes. Explained in lessons 03 and 06.

    The model is switched to evaluation mode and put back afterwards.

    Raises:
        TrainingError: the loader gave no batch.
    """
    was_training = model.training
    model.eval()
    total_loss, n_correct, n = 0.0, 0, 0
    for images, labels in loader:
        logits = model(images)
        # Summed, not averaged: the mean of the batches' means would count the images of a small last batch
        # more.
        total_loss += F.cross_entropy(logits, labels, reduction="sum").item()
        n_correct += int((logits.argmax(dim=1) == labels).sum())
        n += len(labels)
    model.train(was_training)
    return _scores(total_loss, n_correct, n, trained=False)


def _scores(total_loss: float, n_correct: float, n: int, trained: bool = True) -> Scores:
    """Sums to means; where several workers share the images, over all of them (lesson 14)."""
    total_loss, n_correct, n_images = add_up(total_loss, n_correct, n)
    if n_images == 0:
        raise TrainingError("the loader gave no batch: is the set empty, or the loader used up?")
    if trained and not math.isfinite(total_loss):
        raise TrainingError("the loss is not finite any more: try a smaller learning rate")
    return Scores(total_loss / n_images, n_correct / n_images, int(n_images))


@torch.inference_mode()
def predict(model: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Probabilities for each image: the softmax of the model's logits. Explained in lesson 02.

    Args:
        model: any model that returns logits; used in evaluation mode and put back afterwards.
        images: raw bytes, ``uint8`` ``(N, 28, 28)``, which are normalised here; or the normalised ``float32``
            ``(N, 1, 28, 28)``.
        batch_size: how many images go through at once.

    Returns:
        ``float32`` ``(N, 10)`` on the CPU; each row sums to 1.

    Raises:
        ValueError: another dtype or shape.

    Examples:
        >>> from digitlab.models import CNN
        >>> predict(CNN(), torch.zeros(3, 28, 28, dtype=torch.uint8)).shape
        torch.Size([3, 10])
    """
    is_raw = images.dtype == torch.uint8 and images.ndim == 3
    is_normalised = images.dtype == torch.float32 and images.ndim == 4 and images.shape[1] == 1
    if not (is_raw or is_normalised) or images.shape[-2:] != (28, 28):
        raise ValueError(
            "images: expected uint8 (N, 28, 28) or normalised float32 (N, 1, 28, 28), "
            f"got {images.dtype} {tuple(images.shape)}"
        )
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    probabilities = []
    for batch in images.split(batch_size):
        batch = batch.to(device)
        logits = model(normalize(batch) if is_raw else batch)
        probabilities.append(logits.softmax(dim=1).float().cpu())
    model.train(was_training)
    return torch.cat(probabilities)


def fit(
    model: nn.Module,
    train_loader: Batches,
    val_loader: Batches | None = None,
    *,
    epochs: int,
    optimizer: Optimizer,
    scheduler: LRScheduler | None = None,
    autocast: bool = False,
    label_smoothing: float = 0.0,
    history: History | None = None,
    progress: bool = True,
) -> History:
    """Train until the history has ``epochs`` rows, validating after each.

    Args:
        model: returns logits; moved to no other device.
        train_loader: batches to learn from.
        val_loader: batches to measure on after each epoch; never the test set.
        epochs: the number of epochs in all, those already in ``history`` included.
        optimizer: see `train_one_epoch`; also ``scheduler``, ``autocast`` and ``label_smoothing``.
        scheduler: stepped once a batch.
        autocast: bfloat16 where it is safe.
        label_smoothing: 0 for labels as they are.
        history: goes on from here, so that a run can be continued; extended in place.
        progress: a bar while an epoch runs (in a terminal only), and one line for each epoch.

    Raises:
        ValueError: ``epochs`` is below 1.
        TrainingError: the loss is no longer finite.

    Examples:
        >>> from digitlab.data import DigitLoader, load_sample
        >>> from digitlab.models import SoftmaxRegression
        >>> loader = DigitLoader(load_sample("train")[:500], batch_size=50, shuffle=True)
        >>> model = SoftmaxRegression()
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        >>> history = fit(model, loader, epochs=2, optimizer=optimizer, progress=False)
        >>> history.rows[1].train_loss < history.rows[0].train_loss
        True
    """
    if epochs < 1:
        raise ValueError(f"epochs: expected 1 or more, got {epochs}")
    history = History() if history is None else history
    while len(history) < epochs:
        started = time.perf_counter()
        number = len(history) + 1
        learning_rate = float(optimizer.param_groups[0]["lr"])
        # disable=None: no bar where standard error is not a terminal, as in a notebook, a log file or a test.
        bar = tqdm(train_loader, f"epoch {number:>2}", leave=False, disable=None if progress else True)
        train = train_one_epoch(
            model,
            bar,
            optimizer,
            scheduler=scheduler,
            autocast=autocast,
            label_smoothing=label_smoothing,
        )
        val = evaluate(model, val_loader) if val_loader is not None else None
        row = EpochRow(
            epoch=number,
            train_loss=train.loss,
            train_accuracy=train.accuracy,
            val_loss=val.loss if val else None,
            val_accuracy=val.accuracy if val else None,
            lr=learning_rate,
            seconds=time.perf_counter() - started,
        )
        history.rows.append(row)
        if progress:
            print(row, flush=True)
    return history
