"""Let ways of training race, in one run, on this machine: seconds and accuracy. Explained in lesson 10.

The contenders (`digitlab.bench.contenders`) are timed from the files on disk to a tested network. Timings are only
worth something as ratios within one run, so they take turns. This file measures and sums up; it prints nothing.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from statistics import mean, median, stdev
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from digitlab.bench.contenders import Contender, Pictures, list_contenders
from digitlab.data import DigitLoader, Digits, load_digits
from digitlab.device import has_bfloat16
from digitlab.models import create_model
from digitlab.training import Batches, train_one_epoch


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


def run_ladder(digits: Digits) -> dict[str, Any]:
    """Time every rung of the `ladder`."""
    about = {"data": {"name": digits.name, "n_train": len(digits)}, "machine": describe_machine()}
    return {**about, "seconds": time_in_turns(ladder(digits))}


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


# --- in words ---------------------------------------------------------------------------------------


def bench_table(result: dict[str, Any]) -> str:
    """What `run_bench` found, for a terminal."""
    first = result["rows"][0]
    names = f"{'seconds':>9} {first['name'] + ' / it':>13} {'images/s':>9} {'of peak':>8}   right in the test"
    lines = [f"{'':16} {names}"]
    for row in result["rows"]:
        right = [run["test_accuracy"] for run in row["runs"] if run["test_accuracy"] is not None]
        speed = mean(run["images_per_second"] for run in row["runs"])
        test = f"{mean(right):.2%}, n = {len(right)}" if right else "not run to its end"
        spread = f", sd {stdev(right):.2%}" if len(right) > 1 else ""
        star = "*" if row["runs"][0]["epochs"] < row["epochs"] else " "
        lines.append(
            f"{row['name']:16} {row['seconds']:8.1f}{star} {first['seconds'] / row['seconds']:13.1f} {speed:9,.0f} "
            f"{row['share_of_peak']:8.0%}   {test}{spread}"
        )
    data = result["data"]["name"]
    lines.append(f"median seconds from the files to the tested network, on {data}; n, sd: over seeds")
    lines.append(
        "* a part was run, the whole is extrapolated; of peak: of this machine's fastest matrix product"
    )
    return "\n".join(lines)


def ladder_table(result: dict[str, Any]) -> str:
    """What `run_ladder` found, for a terminal."""
    data = result["data"]
    lines = [f"one pass over {data['n_train']:,} digits of {data['name']}, median of 5 in turns"]
    above: list[float] = []
    for name, times in result["seconds"].items():
        gain = f"{median(above) / median(times):5.2f} times as fast as the rung above" if above else ""
        lines.append(
            f"{name:14} {median(times):7.3f} s ({min(times):.3f} to {max(times):.3f})  {gain}".rstrip()
        )
        above = times
    return "\n".join(lines)
