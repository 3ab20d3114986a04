"""Ways to train that are worth comparing: other people's, written anew from their descriptions, and digitlab's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.optim import Adadelta, Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, StepLR
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import normalize, to_pil_image, to_tensor

from digitlab.data import MEAN, STD, DigitLoader, Digits, load_digits
from digitlab.models import CNN
from digitlab.recipes import get_recipe
from digitlab.runs.run import train_model
from digitlab.runs.state import RunSettings
from digitlab.training import Batches, evaluate, train_one_epoch


@dataclass(frozen=True)
class Measurement:
    """One training. If not all epochs were run, the seconds are extrapolated and the accuracy is ``None``."""

    seconds: float
    test_accuracy: float | None
    images_per_second: float
    epochs: float


@dataclass(frozen=True)
class Contender:
    """A way to train; ``train`` takes the name of the data, a seed, and the share 0..1 of the recipe to run."""

    name: str
    what: str
    epochs: int
    train: Callable[[str, int, float], Measurement]


class Pictures(Dataset[tuple[Tensor, int]]):
    """Digits as torchvision's MNIST gives them: a picture each, made into a tensor."""

    def __init__(self, digits: Digits, *, normalized: bool = False) -> None:
        self.digits = digits
        self.normalized = normalized

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.digits[index]
        pixels = to_tensor(to_pil_image(image))
        if self.normalized:
            pixels = normalize(pixels, (MEAN,), (STD,))
        return pixels, label


Setup = tuple[Batches, Batches, Optimizer, LRScheduler | None]
"""Batches to train on and to test on, an optimiser, and a schedule that is stepped once a batch."""


def _tutorial(model: nn.Module, *parts: Digits) -> Setup:
    """One process that fetches, ``ToTensor``, batches of 100, Adam."""
    train, test = (DataLoader(Pictures(part), batch_size=100, shuffle=True, num_workers=1) for part in parts)
    return train, test, Adam(model.parameters(), lr=1e-3), None


def _example_network() -> nn.Module:
    """The network of PyTorch's example script (pytorch/examples, ``mnist``): 1.2 million parameters."""
    maps = (nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU())
    vector = (nn.MaxPool2d(2), nn.Dropout(0.25), nn.Flatten())
    logits = (nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))
    return nn.Sequential(*maps, *vector, *logits)


def _example(model: nn.Module, *parts: Digits) -> Setup:
    """``ToTensor`` and ``Normalize``, batches of 64, Adadelta, whose rate falls by 0.7 each epoch."""
    train, test = (Pictures(part, normalized=True) for part in parts)
    batches, optimizer = DataLoader(train, batch_size=64, shuffle=True), Adadelta(model.parameters(), lr=1.0)
    return batches, DataLoader(test, batch_size=1000), optimizer, StepLR(optimizer, len(batches), 0.7)


def _study_network() -> nn.Module:
    """The network of the speed study's last notebook (tuomaso/train_mnist_fast)."""
    first = (nn.Conv2d(1, 24, 5), nn.MaxPool2d(2), nn.ReLU())
    second = (nn.Conv2d(24, 32, 3), nn.MaxPool2d(2), nn.ReLU())
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10))


def _study(model: nn.Module, train: Digits, test: Digits) -> Setup:
    """All digits normalised once, in a fixed order and PyTorch's usual layout; batches of 256, one-cycle Adam."""
    images = ((train.images.float() / 255 - MEAN) / STD).unsqueeze(1)
    batches = list(zip(images.split(256), train.labels.split(256), strict=True))
    optimizer = Adam(model.parameters(), lr=1e-2, betas=(0.7, 0.9))
    schedule = OneCycleLR(optimizer, 1e-2, total_steps=len(batches), cycle_momentum=False)
    return batches, DigitLoader(test, 2000, shuffle=False), optimizer, schedule


def _script(
    name: str, what: str, epochs: int, make_model: Callable[[], nn.Module], set_up: Callable[..., Setup]
) -> Contender:
    """A script that tests after each epoch; a part of an epoch is one epoch of that part of the digits."""

    def train(source: str, seed: int, share: float) -> Measurement:
        started = time.perf_counter()
        torch.manual_seed(seed)
        splits = [load_digits("train", source), load_digits("test", source)]
        loaded = time.perf_counter()
        part, n_passes = min(1.0, share * epochs), max(1, round(share * epochs))
        digits, test_digits = (split[: round(part * len(split))] for split in splits)
        model = make_model()
        batches, test_batches, optimizer, scheduler = set_up(model, digits, test_digits)
        accuracy, training = 0.0, 0.0
        for _ in range(n_passes):
            before = time.perf_counter()
            train_one_epoch(model, batches, optimizer, scheduler=scheduler)
            training += time.perf_counter() - before
            accuracy = evaluate(model, test_batches).accuracy
        n_run = n_passes * part
        seconds = (loaded - started) + (time.perf_counter() - loaded) * epochs / n_run
        speed = n_passes * len(digits) / training
        return Measurement(seconds, accuracy if n_run == epochs else None, speed, n_run)

    return Contender(name, what, epochs, train)


def _recipe(name: str) -> Contender:
    recipe = get_recipe(name)

    def train(source: str, seed: int, share: float) -> Measurement:
        epochs = max(1, round(share * recipe.epochs))
        started = time.perf_counter()
        run = train_model(RunSettings(replace(recipe, epochs=epochs), source, seed, device="cpu"))
        accuracy = evaluate(run.model, DigitLoader(run.test, 1000, shuffle=False)).accuracy
        learning = sum(row.seconds for row in run.history.rows)
        seconds = time.perf_counter() - started + learning * (recipe.epochs / epochs - 1)
        speed = epochs * len(run.train) / learning
        return Measurement(seconds, accuracy if epochs == recipe.epochs else None, speed, epochs)

    return Contender(f"digitlab {name}", recipe.description, recipe.epochs, train)


CONTENDERS = [
    _script("tutorial", "the original script, ten epochs", 10, CNN, _tutorial),
    _script("example", "PyTorch's example script, 14 epochs", 14, _example_network, _example),
    _script("speed study", "train_mnist_fast's last recipe", 1, _study_network, _study),
    _recipe("classic"),
    _recipe("fast"),
]
