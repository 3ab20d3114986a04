"""The loops: one epoch of training, an exact evaluation, a prediction, and `fit`, which repeats the first two.

Built by hand in lesson 03. This file knows nothing of recipes, files or pictures: it takes a model, batches
and an optimiser.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from tqdm import tqdm

from digitlab.checks import (
    check_flag,
    check_kind,
    check_number,
    check_whole_number,
    described,
    expect,
    has_shape,
)
from digitlab.data import normalize
from digitlab.history import EpochRow, EpochSums, History
from digitlab.runs.distributed import add_up

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


def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    optimizer: Optimizer,
    *,
    scheduler: LRScheduler | None = None,
    autocast: bool = False,
    label_smoothing: float = 0.0,
    sums: EpochSums | None = None,
) -> Scores:
    """Show the model every batch once, and step after each. Built line by line in lesson 03.

    Args:
        model: returns logits ``(B, 10)``; left in training mode.
        loader: batches on the model's device.
        optimizer: holds the model's parameters.
        scheduler: stepped once a batch, after the optimiser.
        autocast: run the forward pass in bfloat16 where PyTorch deems it safe (lesson 10).
        label_smoothing: see `digitlab.recipes.Recipe`.
        sums: of the epoch's earlier batches, if it goes on after an interruption; this call's are added.

    Returns:
        Loss and accuracy averaged over the images as they were seen: measured before each step, with dropout
        on. The loss is the one that is made small: with smoothed labels it cannot reach 0.

    Raises:
        TrainingError: the loss is no longer a finite number.
    """
    check_kind("model", model, nn.Module, "a torch.nn.Module")
    _check_batches("loader", loader)
    check_kind("optimizer", optimizer, Optimizer, "an optimiser of torch.optim")
    check_kind("scheduler", scheduler, LRScheduler | None, "a scheduler of torch.optim or None")
    check_flag("autocast", autocast)
    check_number("label_smoothing", label_smoothing, 0, 1)
    check_kind("sums", sums, EpochSums | None, "EpochSums or None")
    model.train()
    # Summed as tensors: reading a number out after each batch would make a GPU wait for it.
    sums = EpochSums(lr=_learning_rate(optimizer)) if sums is None else sums
    total_loss, n_correct = torch.tensor(sums.total_loss), torch.tensor(sums.n_correct)
    for images, labels in _pairs(loader):
        with torch.autocast(images.device.type, torch.bfloat16, enabled=autocast):
            logits = _logits(model, images)
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
        sums.n_images += len(labels)
        sums.n_batches += 1
    sums.total_loss, sums.n_correct = total_loss.item(), int(n_correct)
    return _scores(sums.total_loss, sums.n_correct, sums.n_images)


@torch.inference_mode()
def evaluate(model: nn.Module, loader: Batches) -> Scores:
    """Mean loss and accuracy over all images, exact whatever the batch sizes. Explained in lessons 03 and 06.

    The model is switched to evaluation mode and put back afterwards.

    Raises:
        TrainingError: the loader gave no batch.
    """
    check_kind("model", model, nn.Module, "a torch.nn.Module")
    _check_batches("loader", loader)
    was_training = model.training
    model.eval()
    total_loss, n_correct, n = 0.0, 0, 0
    for images, labels in _pairs(loader):
        logits = _logits(model, images)
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
        fault = "loader: expected a batch or more, got no batch"
        raise TrainingError(f"{fault}: is the set empty, or the loader used up?")
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
    expected = "uint8 (N, 28, 28) or normalised float32 (N, 1, 28, 28)"
    check_kind("model", model, nn.Module, "a torch.nn.Module")
    check_kind("images", images, Tensor, f"a tensor, {expected}")
    is_raw = images.dtype == torch.uint8 and has_shape(images.shape, ("N", 28, 28))
    is_normalised = images.dtype == torch.float32 and has_shape(images.shape, ("N", 1, 28, 28))
    expect(is_raw or is_normalised, "images", expected, described(images))
    check_whole_number("batch_size", batch_size, 1)
    device = next((parameter.device for parameter in model.parameters()), images.device)
    was_training = model.training
    model.eval()
    probabilities = []
    for batch in images.split(int(batch_size)):
        batch = batch.to(device)
        logits = _logits(model, normalize(batch) if is_raw else batch)
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
    check_whole_number("epochs", epochs, 1)
    _check_batches("train_loader", train_loader)
    check_kind("optimizer", optimizer, Optimizer, "an optimiser of torch.optim")
    if val_loader is not None:
        _check_batches("val_loader", val_loader)
    check_kind("history", history, History | None, "a History or None")
    check_flag("progress", progress)
    history = History() if history is None else history
    while len(history) < epochs:
        started = time.perf_counter()
        number = len(history) + 1
        learning_rate = _learning_rate(optimizer)
        train = train_one_epoch(
            model,
            progress_bar(train_loader, number, progress),
            optimizer,
            scheduler=scheduler,
            autocast=autocast,
            label_smoothing=label_smoothing,
        )
        finish_epoch(history, train, model, val_loader, lr=learning_rate, started=started, progress=progress)
    return history


def progress_bar(batches: Batches, epoch: int, progress: bool, n_done: int = 0) -> Batches:
    """The same batches, with a bar in the terminal while they are gone through.

    Args:
        batches: an iterable.
        epoch: its number, which stands beside the bar.
        progress: false for no bar.
        n_done: batches of the epoch that were given before.
    """
    _check_batches("batches", batches)
    check_whole_number("epoch", epoch, 1)
    check_flag("progress", progress)
    check_whole_number("n_done", n_done, 0)
    total = len(batches) if isinstance(batches, Sized) else None
    # disable=None: no bar where standard error is not a terminal, as in a notebook, a log file or a test.
    is_off = None if progress else True
    return tqdm(batches, f"epoch {epoch:>2}", total, leave=False, disable=is_off, initial=n_done)


def finish_epoch(
    history: History,
    train: Scores,
    model: nn.Module,
    val_loader: Batches | None,
    *,
    lr: float,
    started: float,
    progress: bool,
) -> None:
    """Validate after an epoch, and add its row to the history.

    Args:
        history: extended in place.
        train: what `train_one_epoch` returned.
        model: just trained.
        val_loader: batches to measure on, if any.
        lr: with which the epoch began.
        started: when, by ``time.perf_counter()``.
        progress: print the row.
    """
    check_kind("history", history, History, "a History")
    check_kind("train", train, Scores, "Scores")
    check_kind("model", model, nn.Module, "a torch.nn.Module")
    check_number("lr", lr, 0)
    check_number("started", started)
    check_flag("progress", progress)
    val = evaluate(model, val_loader) if val_loader is not None else None
    row = EpochRow(
        epoch=len(history) + 1,
        train_loss=train.loss,
        train_accuracy=train.accuracy,
        val_loss=val.loss if val else None,
        val_accuracy=val.accuracy if val else None,
        lr=lr,
        seconds=time.perf_counter() - started,
    )
    history.rows.append(row)
    if progress:
        print(row, flush=True)


def _check_batches(name: str, batches: object) -> None:
    if not isinstance(batches, Iterable) or isinstance(batches, Tensor | str | bytes):
        raise TypeError(f"{name}: expected batches of (images, labels), got {described(batches)}")


def _pairs(loader: Batches) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches, after a look at each, for they may come from anywhere."""
    for batch in loader:
        is_pair = isinstance(batch, tuple | list) and len(batch) == 2
        if not (is_pair and all(isinstance(part, Tensor) for part in batch)):
            raise TypeError(f"loader: expected batches of (images, labels), got {described(batch)}")
        yield batch


def _logits(model: nn.Module, images: Tensor) -> Tensor:
    logits: Tensor = model(images)
    is_right = isinstance(logits, Tensor) and has_shape(logits.shape, (len(images), "C"))
    expect(is_right, "model", f"one that returns logits ({len(images)}, C)", described(logits))
    return logits


def _learning_rate(optimizer: Optimizer) -> float:
    return float(optimizer.param_groups[0]["lr"])
