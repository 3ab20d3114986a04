"""Ways to train that are worth comparing: other people's, written anew from their descriptions, and digitlab's.

Each can be trained wholly or in part, and says how long it took. `digitlab.bench` lets them race.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import normalize, to_pil_image, to_tensor

from digitlab.data import MEAN, STD, DigitLoader, Digits, load_digits
from digitlab.models import CNN, create_model
from digitlab.recipes import get_recipe
from digitlab.runs.run import train_model
from digitlab.runs.settings import RunSettings
from digitlab.training import Batches, evaluate, train_one_epoch


@dataclass(frozen=True)
class Measurement:
    """One training of one contender.

    Attributes:
        seconds: from the files on disk to the tested network.
        test_accuracy: 0..1; ``None`` where not all epochs were run.
        images_per_second: training images, seen once each epoch.
        epochs: how many were run; ``seconds`` stands for all of the recipe's, the rest extrapolated.
    """

    seconds: float
    test_accuracy: float | None
    images_per_second: float
    epochs: float


@dataclass(frozen=True)
class Contender:
    """A way to train, under the name that the table gives it.

    Attributes:
        name: a short one.
        what: one line for people.
        epochs: of the whole recipe.
        train: takes the name of the data, a seed, and the share 0..1 of the recipe that is to be run.
        model: makes the network that it trains.
        batch_size: digits a step.
        autocast: whether it computes in bfloat16 where that is fast.
    """

    name: str
    what: str
    epochs: int
    train: Callable[[str, int, float], Measurement]
    model: Callable[[], nn.Module]
    batch_size: int
    autocast: bool = False


# --- the others -------------------------------------------------------------------------------------


class Pictures(Dataset[tuple[Tensor, int]]):
    """Digits as torchvision's MNIST hands them out: a picture, then a tensor, one by one."""

    def __init__(self, digits: Digits, *, normalized: bool = False) -> None:
        self.digits = digits
        self.normalized = normalized

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.digits[index]
        pixels = to_tensor(to_pil_image(image))
        return (normalize(pixels, (MEAN,), (STD,)) if self.normalized else pixels), label


def _example_network() -> nn.Module:
    """The network of PyTorch's example script (pytorch/examples, ``mnist``): 1.2 million parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(9216, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, 10),
    )


def _study_network() -> nn.Module:
    """The network of the speed study's last notebook (tuomaso/train_mnist_fast)."""
    return nn.Sequential(
        nn.Conv2d(1, 24, 5),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(24, 32, 3),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(800, 256),
        nn.ReLU(),
        nn.Linear(256, 10),
    )


def _tutorial(source: str, seed: int, share: float) -> Measurement:
    """DataLoader with one process to fetch for it, ``ToTensor``, batches of 100, Adam, a test each epoch."""

    def prepare(train: Digits, test: Digits) -> tuple[nn.Module, Batches, Batches]:
        loaders = [
            DataLoader(Pictures(part), batch_size=100, shuffle=True, num_workers=1) for part in (train, test)
        ]
        return CNN(), loaders[0], loaders[1]

    return _run_script(
        source, seed, share * 10, prepare, lambda model: torch.optim.Adam(model.parameters(), lr=1e-3), 10
    )


def _example(source: str, seed: int, share: float) -> Measurement:
    """DataLoader, ``ToTensor`` and ``Normalize``, batches of 64, Adadelta; its rate falls by 0.7 each epoch."""

    def prepare(train: Digits, test: Digits) -> tuple[nn.Module, Batches, Batches]:
        parts = [Pictures(part, normalized=True) for part in (train, test)]
        train_loader = DataLoader(parts[0], batch_size=64, shuffle=True)
        return _example_network(), train_loader, DataLoader(parts[1], batch_size=1000)

    return _run_script(
        source,
        seed,
        share * 14,
        prepare,
        lambda model: torch.optim.Adadelta(model.parameters(), lr=1.0),
        14,
        falling=0.7,
    )


def _study(source: str, seed: int, share: float) -> Measurement:
    """All digits normalised once, in a fixed order; batches of 256, one-cycle Adam, one epoch."""
    started = time.perf_counter()
    torch.manual_seed(seed)
    train, test = load_digits("train", source), load_digits("test", source)
    train = train[: max(1, round(share * len(train)))]
    # Laid out as PyTorch's habit is, like the study's.
    images = (train.images.float() / 255 - MEAN) / STD
    batches = list(zip(images.unsqueeze(1).split(256), train.labels.split(256), strict=True))
    model = _study_network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, betas=(0.7, 0.9))
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 1e-2, total_steps=len(batches), cycle_momentum=False
    )
    train_one_epoch(model, batches, optimizer, scheduler=scheduler)
    trained = time.perf_counter() - started
    accuracy = evaluate(model, DigitLoader(test, 2000, shuffle=False)).accuracy
    seconds = time.perf_counter() - started
    return Measurement(seconds / share, accuracy if share == 1 else None, len(train) / trained, epochs=share)


def _run_script(
    source: str,
    seed: int,
    epochs: float,
    prepare: Callable[[Digits, Digits], tuple[nn.Module, Batches, Batches]],
    make_optimizer: Callable[[nn.Module], torch.optim.Optimizer],
    all_epochs: int,
    falling: float = 1.0,
) -> Measurement:
    """A script that tests after each epoch; a part of an epoch is one epoch of that part of the digits."""
    started = time.perf_counter()
    torch.manual_seed(seed)
    train, test = load_digits("train", source), load_digits("test", source)
    loaded = time.perf_counter()
    part = min(1.0, epochs)
    train, test_part = train[: round(part * len(train))], test[: round(part * len(test))]
    model, train_loader, test_loader = prepare(train, test_part)
    optimizer = make_optimizer(model)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, falling)
    n_passes, accuracy, trained = max(1, round(epochs)), 0.0, 0.0
    for _ in range(n_passes):
        before = time.perf_counter()
        train_one_epoch(model, train_loader, optimizer)
        trained += time.perf_counter() - before
        accuracy = evaluate(model, test_loader).accuracy
        scheduler.step()
    seconds = (loaded - started) + (time.perf_counter() - loaded) * all_epochs / (n_passes * part)
    is_whole = n_passes == all_epochs
    return Measurement(
        seconds, accuracy if is_whole else None, n_passes * len(train) / trained, epochs=n_passes * part
    )


# --- digitlab's own ---------------------------------------------------------------------------------


def _recipe(name: str) -> Contender:
    recipe = get_recipe(name)

    def train(source: str, seed: int, share: float) -> Measurement:
        epochs = max(1, round(share * recipe.epochs))
        started = time.perf_counter()
        run = train_model(RunSettings(replace(recipe, epochs=epochs), source, seed, device="cpu"))
        accuracy = evaluate(run.model, DigitLoader(run.test, 1000, shuffle=False)).accuracy
        seconds = time.perf_counter() - started
        learning = sum(row.seconds for row in run.history.rows)
        seconds += learning * (recipe.epochs / epochs - 1)
        is_whole = epochs == recipe.epochs
        return Measurement(
            seconds, accuracy if is_whole else None, epochs * len(run.train) / learning, epochs
        )

    return Contender(
        f"digitlab {name}",
        recipe.description,
        recipe.epochs,
        train,
        lambda: create_model(recipe.model),
        recipe.batch_size,
        recipe.autocast,
    )


def list_contenders() -> list[Contender]:
    """All that can be measured, the slowest way to 99 % first.

    Examples:
        >>> [contender.name for contender in list_contenders()][:3]
        ['tutorial', 'example', 'speed study']
    """
    return [
        Contender("tutorial", "the original script, ten epochs", 10, _tutorial, CNN, 100),
        Contender("example", "PyTorch's example script, 14 epochs", 14, _example, _example_network, 64),
        Contender("speed study", "train_mnist_fast's last recipe", 1, _study, _study_network, 256),
        *(_recipe(name) for name in ("classic", "fast", "thorough", "best")),
    ]
