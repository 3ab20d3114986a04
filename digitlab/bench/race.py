"""Let ways of training race, in turns, on this machine: only ratios within one run mean something. Lesson 12."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import product
from statistics import mean, median, stdev
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from digitlab.bench.contenders import CONTENDERS, Pictures
from digitlab.data import DigitLoader, Digits, load_digits
from digitlab.models import create_model
from digitlab.training import Batches, train_one_epoch

Work = Callable[[], Any]

PLANS = {
    "tutorial": ((1, 0.1), (1, 0.2)),
    "example": ((1, 0.01), (1, 1 / 14)),
    "speed study": ((1, 1.0), (3, 1.0)),
    "digitlab classic": ((1, 0.1), (3, 1.0)),
    "digitlab fast": ((3, 1.0), (10, 1.0)),
}
"""Of each contender, how many seeds and which share of its recipe `run_bench` trains: quickly, and as usual."""


def time_in_turns(works: dict[str, Work], repeats: int = 5) -> dict[str, list[float]]:
    """Seconds of each work, ``repeats`` times in turns: a busy moment hits all. A first round is left out. Lesson 12.

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
    """A loader's batches in PyTorch's usual order in memory, map by map."""

    def __init__(self, loader: Iterable[tuple[Tensor, Tensor]]) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in self.loader:
            yield images[:, 0][:, None], labels


def ladder(digits: Digits) -> dict[str, Work]:
    """From the tutorial's script to the recipe ``fast``, one change at a time: one pass each, for `time_in_turns`."""

    def pass_of(loader: Batches, name: str = "cnn", fused: bool = True, autocast: bool = False) -> Work:
        model = create_model(name)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
        return lambda: train_one_epoch(model, loader, optimizer, autocast=autocast)

    small, large = DigitLoader(digits, 100, shuffle=True), DigitLoader(digits, 192, shuffle=True)
    return {
        "script": pass_of(DataLoader(Pictures(digits), batch_size=100, shuffle=True), fused=False),
        "in memory": pass_of(MapByMap(small), fused=False),
        "channels last": pass_of(small, fused=False),
        "fused": pass_of(small),
        "batch 192": pass_of(large),
        "fast network": pass_of(large, "fast"),
        "bfloat16": pass_of(large, "fast", autocast=True),
    }


def run_bench(quick: bool, source: str, tell: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Train the contenders in turns on the data ``source``, tell a line after each training, and sum up."""
    digits = load_digits("train", source)
    runs: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender in CONTENDERS}
    for seed, contender in product(range(10), CONTENDERS):
        n_seeds, share = PLANS[contender.name][0 if quick else 1]
        if seed < n_seeds:
            measured = contender.train(digits.name, seed, share)
            runs[contender.name].append({"seed": seed, **asdict(measured)})
            if tell is not None:
                tell(f"{contender.name}, seed {seed}: {measured.seconds:.1f} s")
    rows = []
    for contender, done in zip(CONTENDERS, runs.values(), strict=True):
        about = {"name": contender.name, "what": contender.what, "epochs": contender.epochs}
        rows.append({**about, "seconds": median(run["seconds"] for run in done), "runs": done})
    data = {"name": digits.name, "n_train": len(digits)}
    return {"data": data, "machine": describe_machine(), "rows": rows}


def describe_machine() -> dict[str, Any]:
    """What a timing depends on."""
    return {
        "processors": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "architecture": platform.machine(),
        "system": platform.system(),
        "torch": str(torch.__version__).partition("+")[0],
    }


def bench_table(result: dict[str, Any]) -> str:
    """What `run_bench` found, for a terminal."""
    lines = [f"{'':16} {'seconds':>9} {'tutorial / it':>13} {'images/s':>9}   right in the test"]
    for row in result["rows"]:
        right = [run["test_accuracy"] for run in row["runs"] if run["test_accuracy"] is not None]
        test = f"{mean(right):.2%}, n = {len(right)}" if right else "not run to its end"
        test += f", sd {stdev(right):.2%}" if len(right) > 1 else ""
        speed = mean(run["images_per_second"] for run in row["runs"])
        star = "*" if row["runs"][0]["epochs"] < row["epochs"] else " "
        gain = result["rows"][0]["seconds"] / row["seconds"]
        lines.append(f"{row['name']:16} {row['seconds']:8.1f}{star} {gain:13.1f} {speed:9,.0f}   {test}")
    lines.append(f"median seconds, files to tested network, on {result['data']['name']}; n, sd: over seeds")
    lines.append("* a part was run, the rest extrapolated")
    return "\n".join(lines)
