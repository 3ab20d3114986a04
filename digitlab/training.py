"""The loop: one epoch of training, an exact evaluation, a prediction, and `fit`, which repeats the first two."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from jaxtyping import Float, Int64, Integer, UInt8
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from digitlab.checks import check_range, checked, described
from digitlab.data.loader import normalize
from digitlab.modes import evaluating

Batches = Iterable[Any]
"""Anything that gives ``(images (B, 1, 28, 28), labels (B,))``: a `DigitLoader`, a ``DataLoader``, a list."""


class TrainingError(ValueError):
    """Training cannot go on. The message is one line and says what to try."""


@dataclass(frozen=True)
class Scores:
    """How a model did on ``n`` images: mean cross-entropy in nats, and the share read correctly, 0..1."""

    loss: float
    accuracy: float
    n: int


@torch.inference_mode(False)  # wherever it is called: without gradients nothing is learnt
@checked
def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    optimizer: Optimizer,
    *,
    scheduler: LRScheduler | None = None,
    autocast: bool = False,
    label_smoothing: float = 0.0,
) -> Scores:
    """Show the model every batch once, and step optimiser and scheduler after each. Built in lesson 03.

    ``autocast`` runs the forward pass in bfloat16 where PyTorch deems it safe (lesson 12). Loss and accuracy are
    those of the images as they were seen, with dropout on; with smoothed labels the loss cannot reach 0.
    `TrainingError` if it is no longer a finite number, or there was no batch.
    """
    model.train()
    # They become tensors: reading a number out after each batch would make a GPU wait for it.
    total_loss: Tensor | float = 0.0
    n_correct: Tensor | int = 0
    n = 0
    for images, labels in _batches(loader, model):
        with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
            logits = model(images)
            loss = _cross_entropy(logits, labels, label_smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        # The last batch may be smaller, so a batch's mean counts for as many images as it has.
        total_loss = total_loss + loss.detach() * len(labels)
        n_correct = n_correct + (logits.argmax(dim=1) == labels).sum()
        n += len(labels)
    return _scores(float(total_loss), int(n_correct), n)


@checked
def evaluate(model: nn.Module, loader: Batches) -> Scores:
    """Mean loss and accuracy over all images, exact whatever the batch sizes. Lesson 04."""
    total_loss, n_correct, n = 0.0, 0, 0
    with evaluating(model):
        for images, labels in _batches(loader, model):
            logits = model(images)
            total_loss += float(_cross_entropy(logits, labels)) * len(labels)
            n_correct += int((logits.argmax(dim=1) == labels).sum())
            n += len(labels)
    return _scores(total_loss, n_correct, n)


def _batches(loader: Batches, model: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    """The loader's batches, on the model's device and in its dtype."""
    for batch in loader:
        if not isinstance(batch, (tuple, list)) or len(batch) != 2:
            raise ValueError(f"loader: expected batches (images, labels), got {described(batch)}")
        images, labels = _pair(*batch)
        weight = next(model.parameters(), images)
        yield images.to(weight.device, weight.dtype), labels.to(weight.device)


@checked
def _pair(images: Float[Tensor, "B ..."], labels: Integer[Tensor, " B"]) -> tuple[Tensor, Tensor]:
    return images, labels.long()


@checked
def _cross_entropy(
    logits: Float[Tensor, "B C"], labels: Int64[Tensor, " B"], label_smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """The mean over a batch; 0 for the empty share that one of several workers may have of the last batch."""
    n_classes = logits.shape[1]
    if labels.is_cpu and ((labels < 0) | (labels >= n_classes)).any():  # PyTorch leaves -100 out in silence
        raise ValueError(f"labels: expected 0 to {n_classes - 1}, got {labels.min()} to {labels.max()}")
    losses = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=label_smoothing)
    return losses / max(1, len(labels))


def _scores(total_loss: float, n_correct: int, n: int) -> Scores:
    """Sums to means; where several workers share the images, over all of them (lesson 16)."""
    sums = torch.tensor([total_loss, n_correct, n], dtype=torch.float64, device="cpu")
    if dist.is_initialized():
        dist.all_reduce(sums)
    total_loss, total_correct, n_images = sums.tolist()
    if n_images == 0:
        raise TrainingError("loader: expected a batch or more, got none: is it empty or used up?")
    if not math.isfinite(total_loss):
        advice = "try a smaller learning rate, or look for NaN in the images and weights"
        raise TrainingError(f"the loss is not finite any more: {advice}")
    return Scores(total_loss / n_images, total_correct / n_images, int(n_images))


@checked
def predict(
    model: nn.Module, images: UInt8[Tensor, "N 28 28"] | Float[Tensor, "N 1 28 28"], batch_size: int = 1000
) -> Float[Tensor, "N C"]:
    """Probabilities for each image, on the CPU: the softmax of the model's logits. Lesson 02.

    The images are raw bytes, which are normalised here, or normalised already.

    Examples:
        >>> from digitlab.models import CNN
        >>> predict(CNN(), torch.zeros(3, 28, 28, dtype=torch.uint8)).shape
        torch.Size([3, 10])
    """
    check_range("batch_size", batch_size, 1)
    weight = next(model.parameters(), torch.empty(0, device=images.device))
    probabilities = []
    with evaluating(model):
        for batch in torch.split(images, batch_size):
            inputs = normalize(batch) if batch.dtype == torch.uint8 else batch
            logits = model(inputs.to(weight.device, weight.dtype))
            probabilities.append(logits.float().softmax(dim=1).cpu())
    result = torch.cat(probabilities)
    if result.isnan().any():
        raise ValueError("images: expected finite numbers, got NaN or infinity, here or in the model")
    return result


@dataclass(frozen=True)
class EpochRow:
    """One epoch, counted from 1: training figures are measured while learning, validation figures afterwards.

    ``lr`` is the learning rate with which it began; ``seconds`` include the validation.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    lr: float
    seconds: float

    def __str__(self) -> str:
        text = f"epoch {self.epoch:>2} {self.seconds:6.1f} s"
        text += f"  train loss {self.train_loss:.4f} ({self.train_accuracy:.2%} right)"
        if self.val_loss is not None and self.val_accuracy is not None:
            text += f"  val loss {self.val_loss:.4f} ({self.val_accuracy:.2%} right)"
        return text


@checked
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


@checked
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
    after_epoch: Callable[[History], object] | None = None,
    progress: bool = True,
) -> History:
    """Train until the history has ``epochs`` rows, validating after each, never on the test set. Lesson 03.

    A ``history`` that is given is extended in place, so that a run can go on; ``after_epoch(history)`` is how a
    run saves itself. ``progress`` shows a line for each epoch, and in a terminal a bar.

    Examples:
        >>> from digitlab.data import DigitLoader, load_sample
        >>> from digitlab.models import SoftmaxRegression
        >>> model, loader = SoftmaxRegression(), DigitLoader(load_sample("train")[:500], 50, shuffle=True)
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        >>> history = fit(model, loader, epochs=2, optimizer=optimizer, progress=False)
        >>> history.rows[1].train_loss < history.rows[0].train_loss
        True
    """
    check_range("epochs", epochs, 1)
    history = History() if history is None else history
    while len(history) < epochs:
        started = time.perf_counter()
        number, lr = len(history) + 1, float(optimizer.param_groups[0]["lr"])
        batches = train_loader
        if progress and sys.stderr is not None:  # closed, as under pythonw
            batches = tqdm(train_loader, f"epoch {number:>2}", leave=False, disable=None)
        how: Any = {"scheduler": scheduler, "autocast": autocast, "label_smoothing": label_smoothing}
        train = train_one_epoch(model, batches, optimizer, **how)
        val = evaluate(model, val_loader) if val_loader is not None else None
        val_loss, val_accuracy = (val.loss, val.accuracy) if val else (None, None)
        seconds = time.perf_counter() - started
        history.rows.append(EpochRow(number, train.loss, train.accuracy, val_loss, val_accuracy, lr, seconds))
        if progress:
            print(history.rows[-1], flush=True)
        if after_epoch is not None:
            after_epoch(history)
    return history
