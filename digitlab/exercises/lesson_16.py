"""Exercises of lesson 16, many workers: averaged gradients, unequal shares, shards without duplicates, Amdahl."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake


def of_workers(n: int, seed: int) -> list[list[Tensor]]:
    """The gradients of a matrix and a bias, for each of n workers."""
    generator = torch.Generator().manual_seed(seed)
    return [[torch.randn(size, generator=generator) for size in ((3, 2), (3,))] for _ in range(n)]


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
    shards = [answer(n, rank, n_workers) for rank in range(n_workers)]
    if not all(hasattr(each, "__iter__") for each in shards):
        raise Mistake(f"return the numbers of the worker's images, in a list, not {type(shards[0]).__name__}")
    shards = [torch.as_tensor(list(each)) for each in shards]
    if any(each.dtype == torch.bool for each in shards):
        raise Mistake("return the numbers of the images, not a true or false for each")
    images = torch.cat(shards).sort().values.tolist()
    sizes = ", ".join(str(len(each)) for each in shards)
    if images and (images[0] < 0 or images[-1] >= n):
        numbers = f"with numbers from {images[0]} to {images[-1]}"
        raise Mistake(f"{n} images, 0 to {n - 1}, are dealt out as {sizes}, {numbers}")
    times = [images.count(i) for i in range(n)]
    if set(times) != {1}:
        often, never = sum(each > 1 for each in times), times.count(0)
        raise Mistake(f"{n} images are dealt out as {sizes}: {often} are seen more than once, {never} by nobody")
    if max(map(len, shards)) - min(map(len, shards)) > 1:
        raise Mistake(
            f"every image is seen once, but {n} images are dealt out as {sizes}: all others wait for the worker that "
            "has most. No two shares should differ by more than one"
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
        answer=average, cases=lambda: [(of_workers(2, 14),), (of_workers(3, 15),)],
        praise="with it every worker takes the same step, so their weights stay equal. It is the only moment at "
        "which the workers speak.",
        hints=(
            "For each parameter you have one tensor a worker, all of the same shape. `zip(*gradients)` puts them "
            "together.",
            "torch.stack(...).mean(dim=0) is the mean of a list of tensors.",
        ),
        wrong=(
            edit(".mean", ".sum",
                "this is the sum over the workers. With N workers the step would be N times too large: divide by "
                "their number."),
            edit("[torch.stack(tensors).mean(dim=0) for tensors in zip(*gradients, strict=True)]",
                "torch.stack([torch.stack(tensors).mean(dim=0) for tensors in zip(*gradients, strict=True)])",
                "the parameters have different shapes, so their gradients do not fit into one tensor. Stack those "
                "of one parameter, over the workers, and return a list: one gradient for each parameter."),
            edit("[torch.stack(tensors).mean(dim=0) for tensors in zip(*gradients, strict=True)]",
                "[sum(worker) / len(worker) for worker in gradients]",
                "you add up the gradients of one worker, which belong to different parameters. The mean runs over the "
                "workers: zip(*gradients) puts those of one parameter together."),
            edit("*gradients", "gradients[0]",
                "this is the first worker's gradient. The others' images would have been looked at in vain."),
        ),
    ),
    Exercise(
        number="16.2", title="Unequal shares", name="weighted_average", minutes=8, difficulty="medium",
        starter="def weighted_average(gradients, counts):\n"
        '    """The same for workers that saw counts[worker] images each: the gradient of the mean over '
        'all images."""\n    ...',
        answer=weighted_average, cases=lambda: [(of_workers(3, 16), [30, 20, 10]), (of_workers(2, 17), [90, 10])],
        praise="every image counts the same, whoever saw it. It is the lesson of the unequal batches again (lesson "
        "04), one floor higher.",
        hints=(
            "A worker's gradient is the mean over its own images. Times its count it is their sum.",
            "Add up gradient * count over the workers, and divide by the number of all images.",
        ),
        wrong=(
            edit("gradient * count / n", "gradient / len(counts)",
                "here each worker counts the same, so the images of a worker with few of them count more. Weigh by "
                "the counts."),
            edit("gradient * count / n", "gradient / n",
                "far too small: the sum over the workers is divided by the number of images, but each worker's "
                "gradient is a mean already. Multiply it by its count first."),
            edit("gradient * count / n", "gradient * (n - count) / n",
                "the weights are the wrong way round: the worker with many images has the least say."),
            edit("gradient * count / n", "gradient * count / n / len(counts)",
                "you divide twice: the weights count / n add up to 1 already, so the sum is the mean."),
        ),
    ),
    Exercise(
        number="16.3", title="Everybody once", name="shard", minutes=6, difficulty="medium",
        starter="def shard(n, rank, n_workers):\n"
        '    """The numbers of the images for worker `rank`, a list; no two shares differ by more than 1."""'
        "\n    ...",
        answer=shard, cases=lambda: [(100, 4), (103, 4), (7, 3), (2, 3)], observe=all_shards,
        praise="each image exactly once, and no two shares differ by more than one.",
        hints=(
            "Deal them out like cards: worker 0 takes images 0, n_workers, 2 n_workers, ...",
            "range(start, stop, step) deals cards.",
        ),
        wrong=(
            edit("list(range(rank, n, n_workers))", "[i % n for i in range(rank, n + -n % n_workers, n_workers)]",
                "some images are seen twice, to make the shares equal. In an evaluation they would count twice."),
            edit("list(range(rank, n, n_workers))", "list(range(0, n, n_workers))",
                "all workers look at the same images, and nobody at the others: begin at the worker's rank."),
            edit("list(range(rank, n, n_workers))", "torch.randperm(n)[rank::n_workers]",
                "some images are seen more than once and some by nobody: each worker shuffles for itself, and gets "
                "another order. Shuffle with the same seed everywhere, or not at all."),
        ),
    ),
    Exercise(
        number="16.4", title="The part that cannot be shared", name="speed_up", minutes=6, difficulty="easy",
        starter="def speed_up(parallel_share, n_workers):\n"
        '    """How many times faster, if that share (0..1) of the work is divided and the rest is not."""\n    ...',
        answer=speed_up, cases=lambda: [(0.9, 4), (0.01, 4), (0.9, 1000)],
        praise="this is Amdahl's law. With nine tenths of the work divided, a thousand workers are not even ten times "
        "faster.",
        hints=(
            "Let the work take 1 second with one worker. How long does the shared part take with n? And the rest?",
            "The new time is (1 - share) + share / n. The speed-up is the old time divided by the new one.",
        ),
        wrong=(
            edit("1 / new_time", "parallel_share * n_workers",
                "with a small share this is less than 1, as if workers slowed the work down. Add up *times*: of the "
                "part that is divided, and of the rest."),
            edit("(1 - parallel_share) + parallel_share / n_workers", "1 - parallel_share",
                "the number of workers plays no part: this is the limit for endlessly many. The divided part still "
                "takes parallel_share / n_workers."),
            edit("(1 - parallel_share) + parallel_share / n_workers", "parallel_share / n_workers",
                "the rest is missing: 1 - parallel_share of the work takes as long as ever."),
            edit("(1 - parallel_share) + parallel_share / n_workers",
                "parallel_share + (1 - parallel_share) / n_workers",
                "share and rest are exchanged: parallel_share is the part that is divided."),
            edit("1 / new_time", "float(n_workers)",
                "this is the ideal: all of the work divided. The rest, 1 - parallel_share, takes as long as ever."),
            edit("(1 - parallel_share) + parallel_share / n_workers", "1 - parallel_share / n_workers",
                "more workers make it slower: you take the divided part away *after* dividing it. The new time is the "
                "rest, 1 - parallel_share, plus parallel_share / n_workers."),
            edit("1 / new_time", "1 - new_time",
                "this is the share of the time that is saved. Asked for is how many times as fast: old time divided by "
                "new."),
        ),
    ),
]
