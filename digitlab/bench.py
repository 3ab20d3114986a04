"""Measure trainings side by side, in one run, on this machine: seconds and accuracy. Explained in lesson 10.

Six contenders: the tutorial that the course grew from, as a script; the recipe of PyTorch's example script; the
last recipe of a well-known speed study; and digitlab's own. Each is timed from the files on disk to a tested
network. Timings are only worth something as ratios within one run, so the contenders take turns.

This file trains and measures. It prints nothing: see ``digitlab bench``.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision.transforms.functional import to_pil_image, to_tensor

from digitlab.data import DigitLoader, Digits, load_digits
from digitlab.models import CNN, create_model
from digitlab.recipes import get_recipe
from digitlab.run import RunSettings, train_model
from digitlab.training import Batches, evaluate, has_bfloat16, train_one_epoch


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

    def __init__(self, digits: Digits) -> None:
        self.digits = digits

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image, label = self.digits[index]
        return to_tensor(to_pil_image(image)), label


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
        train_loader = DataLoader(Pictures(train), batch_size=64, shuffle=True)
        return _example_network(), train_loader, DataLoader(Pictures(test), batch_size=1000)

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
    images = (train.images.float() / 255 - 0.1307) / 0.3081
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


# --- measuring --------------------------------------------------------------------------------------


def time_in_turns(works: dict[str, Callable[[], Any]], repeats: int = 5) -> dict[str, list[float]]:
    """Seconds of each work, ``repeats`` times, in turns, so that a busy moment hits them all. Built in lesson 10.

    Each is called once more before, and that time is left out: the first run is never like the others.

    Examples:
        >>> seconds = time_in_turns({"short": lambda: sum(range(10)), "long": lambda: sum(range(100_000))})
        >>> len(seconds["short"]), min(seconds["long"]) > min(seconds["short"])
        (5, True)
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    return {name: times[1:] for name, times in seconds.items()}


class MapByMap:
    """A loader's batches with the same numbers in PyTorch's usual order in memory, map by map."""

    def __init__(self, loader: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in self.loader:
            yield images[:, 0][:, None], labels


def ladder(digits: Digits) -> dict[str, Callable[[], Any]]:
    """From the tutorial's script to the recipe ``fast``, one change at a time: one pass over the digits each.

    Explained rung by rung in lesson 10. Time them with `time_in_turns`.
    """

    def pass_of(
        loader: Batches, name: str = "cnn", fused: bool = True, autocast: bool = False
    ) -> Callable[[], Any]:
        model = create_model(name)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
        return lambda: train_one_epoch(model, loader, optimizer, autocast=autocast)

    script = DataLoader(Pictures(digits), batch_size=100, shuffle=True)
    small, large = DigitLoader(digits, 100, shuffle=True), DigitLoader(digits, 192, shuffle=True)
    return {
        "script": pass_of(script, fused=False),
        "in memory": pass_of(MapByMap(small), fused=False),
        "channels last": pass_of(small, fused=False),
        "fused": pass_of(small),
        "batch 192": pass_of(large),
        "fast network": pass_of(large, "fast"),
        "bfloat16": pass_of(large, "fast", autocast=True),
    }


PLANS: dict[str, dict[str, tuple[int, float]]] = {
    "quick": {
        "tutorial": (1, 0.1),
        "example": (1, 0.01),
        "speed study": (1, 1.0),
        "digitlab classic": (1, 0.1),
        "digitlab fast": (3, 1.0),
    },
    "usual": {
        "tutorial": (1, 0.2),
        "example": (1, 1 / 14),
        "speed study": (3, 1.0),
        "digitlab classic": (3, 1.0),
        "digitlab fast": (10, 1.0),
    },
}
"""For `run_bench`: of each contender, how many seeds and which share of its recipe."""


def matrix_peak(dtype: torch.dtype = torch.float32, size: int = 2048) -> float:
    """How fast this machine multiplies large matrices, in GFLOP/s: the best of five.

    Nothing that is made of matrix multiplications can be faster. A multiplication and its addition count as
    two operations.
    """
    a, b = torch.randn(size, size, dtype=dtype), torch.randn(size, size, dtype=dtype)
    seconds = time_in_turns({"product": lambda: a @ b})["product"]
    return 2 * size**3 / min(seconds) / 1e9


def training_gigaflops(contender: Contender) -> float:
    """Operations for training on one image, forward and backward, in GFLOP, as PyTorch counts them."""
    model, images = contender.model(), torch.zeros(contender.batch_size, 1, 28, 28)
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(model(images), torch.zeros(len(images), dtype=torch.int64)).backward()
    return float(counter.get_total_flops()) / len(images) / 1e9


def run_bench(
    contenders: dict[str, tuple[int, float]], source: str = "auto", tell: Callable[[str], None] | None = None
) -> dict[str, Any]:
    """Train the contenders in turns and sum up.

    Args:
        contenders: for each name, the number of seeds and the share 0..1 of the recipe to be run.
        source: the name of the data.
        tell: called with a line after each training.

    Returns:
        ``rows``, one for each contender with all its runs, and what they were measured on.

    Raises:
        ValueError: an unknown contender, or unknown data.
    """
    known = {contender.name: contender for contender in list_contenders()}
    unknown = [name for name in contenders if name not in known]
    if unknown:
        raise ValueError(f"unknown contender {unknown[0]!r}: choose from {', '.join(known)}")
    digits = load_digits("train", source)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    for seed in range(max(n_seeds for n_seeds, _ in contenders.values())):
        for name, (n_seeds, share) in contenders.items():
            if seed < n_seeds:
                measured = known[name].train(digits.name, seed, share)
                runs[name].append({"seed": seed, **measured.__dict__})
                if tell is not None:
                    tell(f"{name}, seed {seed}: {measured.seconds:.1f} s")
    peaks = {"float32": matrix_peak(), "bfloat16": matrix_peak(torch.bfloat16)}
    rows = []
    for name, of_name in runs.items():
        contender = known[name]
        low = contender.autocast and has_bfloat16(torch.device("cpu"))
        work = training_gigaflops(contender) * median(run["images_per_second"] for run in of_name)
        rows.append(
            {
                "name": name,
                "what": contender.what,
                "epochs": contender.epochs,
                "parameters": sum(parameter.numel() for parameter in contender.model().parameters()),
                "seconds": median(run["seconds"] for run in of_name),
                "share_of_peak": work / peaks["bfloat16" if low else "float32"],
                "runs": of_name,
            }
        )
    return {
        "data": {"name": digits.name, "n_train": len(digits)},
        "machine": describe_machine(),
        "peak_gigaflops": peaks,
        "rows": rows,
    }


def describe_machine() -> dict[str, Any]:
    """What a timing depends on."""
    return {
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "torch": str(torch.__version__).partition("+")[0],
        "python": platform.python_version(),
    }
