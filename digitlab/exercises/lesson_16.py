"""Exercises of lesson 16, many workers: averaged gradients, unequal shares, shards without duplicates, Amdahl."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake

Gradients = list[list[Tensor]]


def of_workers(n: int, rows: int, generator: torch.Generator) -> Gradients:
    """The gradients of a matrix and a bias, for each of n workers."""
    return [[torch.randn(size, generator=generator) for size in ((rows, 2), (rows,))] for _ in range(n)]


def equal_workers() -> list[tuple[Gradients]]:
    generator = torch.Generator().manual_seed(14)
    return [(of_workers(n, 3, generator),) for n in (2, 3, 1)]


def unequal_workers() -> list[tuple[Gradients, list[int]]]:
    generator = torch.Generator().manual_seed(15)
    shares = [[34, 33, 33], [90, 10], [5, 0, 5]]
    return [(of_workers(len(counts), 2, generator), counts) for counts in shares]


# 16.1
def average(gradients: list[list[Tensor]]) -> list[Tensor]:
    return [torch.stack(tensors).mean(dim=0) for tensors in zip(*gradients, strict=True)]


# 16.2
def weighted_average(gradients: list[list[Tensor]], counts: list[int]) -> list[Tensor]:
    n = sum(counts)
    return [
        torch.stack([gradient * count / n for gradient, count in zip(tensors, counts, strict=True)]).sum(dim=0)
        for tensors in zip(*gradients, strict=True)
    ]


# 16.3
def shard(n: int, rank: int, n_workers: int) -> list[int]:
    return list(range(rank, n, n_workers))


def all_shards(answer: Any, n: int, n_workers: int) -> list[int]:
    """What is compared: all images that the workers see together, if no worker has much more to do than another."""
    shards = [list(answer(n, rank, n_workers)) for rank in range(n_workers)]
    if any(isinstance(i, bool) or getattr(i, "dtype", None) in (torch.bool, bool) for one in shards for i in one):
        raise Mistake("return the numbers of the images, not a true or false for each")
    images = sorted(int(i) for one in shards for i in one)
    sizes = [len(one) for one in shards]
    if images == list(range(n)) and max(sizes) - min(sizes) > 1:
        raise Mistake(
            f"every image is seen once, but {n} images are dealt out as {', '.join(map(str, sizes))}: all others "
            "wait for the worker that has most. No two shares should differ by more than one"
        )
    return images


# 16.4
def speed_up(parallel_share: float, n_workers: int) -> float:
    new_time = (1 - parallel_share) + parallel_share / n_workers
    return 1 / new_time


EXERCISES = [
    Exercise(
        number="16.1", title="One gradient from many", name="average", minutes=6, difficulty="easy",
        starter="def average(gradients):\n"
        '    """gradients[worker][parameter] to one gradient for each parameter: the mean over the '
        'workers."""\n    ...',
        answer=average, cases=equal_workers,
        praise="this is what all_reduce does, and it is the only moment at which the workers speak to each other.",
        hints=(
            "For each parameter you have one tensor a worker, all of the same shape. `zip(*gradients)` puts them "
            "together.",
            "torch.stack(...).mean(dim=0) is the mean of a list of tensors.",
        ),
        wrong=(
            edit(".mean", ".sum",
                "this is the sum over the workers. With N workers the step would be N times too large: divide by "
                "their number."),
            edit(
                "tensors).mean(dim=0) for tensors in zip(*gradients, strict=True)",
                "[each.mean() for each in worker]).mean() for worker in gradients",
                "you averaged inside each worker. The mean runs over the workers, separately for each parameter, and "
                "keeps its shape."),
            edit("*gradients", "gradients[0]",
                "this is the first worker's gradient. The others' images would have been looked at in vain."),
        ),
    ),
    Exercise(
        number="16.2", title="Unequal shares", name="weighted_average", minutes=8, difficulty="medium",
        starter="def weighted_average(gradients, counts):\n"
        '    """The same for workers that saw counts[worker] images each: the gradient of the mean over '
        'all images."""\n    ...',
        answer=weighted_average, cases=unequal_workers,
        praise="every image counts the same, whoever saw it. It is the lesson of the unequal batches again (lesson "
        "03), one floor higher.",
        hints=(
            "A worker's gradient is the mean over its own images. Times its count it is their sum.",
            "Add up gradient * count over the workers, and divide by the number of all images.",
        ),
        wrong=(
            edit("gradient * count / n", "gradient / len(counts)",
                "here each worker counts the same, so the images of a worker with few of them count more. Weigh by "
                "the counts."),
            edit("gradient * count / n", "gradient * count",
                "this is the gradient of the sum of the losses. Divide by the number of all images."),
            edit("    n = sum(counts)\n", "    n = len(counts)\n",
                "you weighed by the counts, and then divided by the number of workers. Divide by the number of "
                "images."),
        ),
    ),
    Exercise(
        number="16.3", title="Everybody once", name="shard", minutes=6, difficulty="medium",
        starter="def shard(n, rank, n_workers):\n"
        '    """The images of n that worker `rank` looks at, so that each is seen by exactly one."""\n    ...',
        answer=shard, cases=lambda: [(100, 4), (103, 4), (7, 3), (2, 3)], observe=all_shards,
        praise="each image exactly once, and no two shares differ by more than one. PyTorch's own DistributedSampler "
        "repeats a few images instead when n does not divide: an evaluation that counts them twice is wrong.",
        hints=(
            "Deal them out like cards: worker 0 takes images 0, n_workers, 2 n_workers, ...",
            "range(start, stop, step) deals cards.",
        ),
        wrong=(
            edit("list(range(rank, n, n_workers))", "[i % n for i in range(rank, n + -n % n_workers, n_workers)]",
                "some images are seen twice, to make the shares equal. In an evaluation they would count twice."),
            edit("rank, n,", "rank, n // n_workers * n_workers,",
                "when n does not divide by the number of workers, the last images are seen by nobody."),
            edit("(range(rank,", "(range(rank - 1,", "ranks are counted from 0: the first worker is rank 0."),
            edit("(range(rank, n, n_workers", "(range(n",
                "every worker sees every image: the work is not divided, it is multiplied."),
        ),
    ),
    Exercise(
        number="16.4", title="The part that cannot be shared", name="speed_up", minutes=6, difficulty="easy",
        starter="def speed_up(parallel_share, n_workers):\n"
        '    """How many times faster, if that share (0..1) of the work is divided and the rest is not."""\n    ...',
        answer=speed_up, cases=lambda: [(1.0, 4), (0.0, 4), (0.9, 10), (0.5, 2), (0.9, 1000)],
        praise="this is Amdahl's law. With nine tenths of the work divided, a thousand workers are not even ten times "
        "faster.",
        hints=(
            "Let the work take 1 second with one worker. How long does the shared part take with n? And the rest?",
            "The new time is (1 - share) + share / n. The speed-up is the old time divided by the new one.",
        ),
        wrong=(
            edit("1 / new_time", "float(n_workers)",
                "this is the ideal: all of the work divided. The rest, 1 - parallel_share, takes as long as ever."),
            edit("1 / new_time", "new_time", "this is the new time. The speed-up is the old time, 1, divided by it."),
            edit(
                "(1 - parallel_share) + parallel_share / n_workers",
                "parallel_share + (1 - parallel_share) / n_workers",
                "share and rest are exchanged: parallel_share is the part that is divided."),
            edit("parallel_share /", "parallel_share *", "1 / new_time", "new_time",
                "dividing the work makes its *time* smaller; add up times, then divide the old time by the new."),
        ),
    ),
]
