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
    shards = [answer(n, rank, n_workers) for rank in range(n_workers)]
    if any(isinstance(one, slice) for one in shards):
        raise Mistake("this is a slice: it says where to cut, and holds no numbers. Cut with it: list(range(n))[...]")
    if any(one is None or not hasattr(one, "__iter__") for one in shards):
        raise Mistake("return the numbers of the worker's images, as a list; yours is no list")
    shards = [list(one) for one in shards]
    if any(isinstance(i, bool) or getattr(i, "dtype", None) in (torch.bool, bool) for one in shards for i in one):
        raise Mistake("return the numbers of the images, not a true or false for each")
    if n > 3 * n_workers and all(len(one) == 2 for one in shards):
        raise Mistake("each worker gets two numbers. If they say where to begin and to end: list(range(begin, end))")
    if n > 2 * n_workers and shards[0] in ([], [n - 1]) and any(shards[1:]):
        raise Mistake(f"worker 0 gets {len(shards[0])} of {n} images: ranks are counted from 0, and it is the first")
    if n > 2 * n_workers and shards[-1] == [] and any(shards[:-1]):
        raise Mistake(f"the last of {n_workers} workers gets nothing: its rank is {n_workers - 1}, counted from 0")
    images = sorted(int(i) for one in shards for i in one)
    if images and images[0] < 0:
        raise Mistake(f"you deal out negative numbers, from {images[0]} on: ranks and images are counted from 0")
    if images and (images[0] < 0 or images[-1] >= n):
        raise Mistake(f"{n} images are numbered 0 to {n - 1}; you deal out numbers from {images[0]} to {images[-1]}")
    times = [images.count(i) for i in range(n)]
    if set(times) != {1}:
        often, never = sum(each > 1 for each in times), times.count(0)
        raise Mistake(f"{n} images, {n_workers} workers: {often} are seen more than once, {never} by nobody")
    sizes = [len(one) for one in shards]
    if max(sizes) - min(sizes) > 1:
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
            edit("mean(dim=0)", "mean()",
                "each parameter's gradient has become one number. The mean runs over the workers only: dim=0 of the "
                "stack."),
            edit("mean(dim=0)", "mean(dim=-1)",
                "the mean runs along the last dimension, over the numbers of one gradient. The workers are dimension "
                "0 of the stack."),
            edit("mean(dim=0)", "median(dim=0).values",
                "this is the median over the workers. The gradient of a mean is the *mean* of the gradients."),
            edit("mean(dim=0)", "sum(dim=0) / len(gradients[0])",
                "you divide by the number of parameters, len(gradients[0]). Divide by the number of workers, "
                "len(gradients)."),
            edit("mean(dim=0)", "sum(dim=0) / 4",
                "right for four workers only: with two the result is half as large as it should be. Divide by their "
                "number, len(gradients)."),
            edit("[torch.stack(tensors).mean(dim=0) for tensors in zip(*gradients, strict=True)]",
                "torch.stack([torch.stack(tensors).mean(dim=0) for tensors in zip(*gradients, strict=True)])",
                "the parameters have different shapes, so their gradients do not fit into one tensor. Stack those "
                "of one parameter, over the workers, and return a list: one gradient for each parameter."),
            edit("[torch.stack(tensors).mean(dim=0) for tensors in zip(*gradients, strict=True)]",
                "torch.tensor(gradients).mean(dim=0)",
                "torch.tensor takes numbers, not tensors, and the parameters have different shapes. Go through them "
                "one by one: zip(*gradients)."),
            edit("[torch.stack(tensors).mean(dim=0) for tensors in zip(*gradients, strict=True)]",
                "[sum(worker) / len(worker) for worker in gradients]",
                "you add up the gradients of one worker, which belong to different parameters. The mean runs over the "
                "workers: zip(*gradients) puts those of one parameter together."),
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
        "04), one floor higher.",
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
            edit("gradient * count / n", "gradient / n",
                "far too small: the sum over the workers is divided by the number of images, but each worker's "
                "gradient is a mean already. Multiply it by its count first."),
            edit("gradient * count / n", "gradient / (count or 1)",
                "the worker with few images has *more* say than the others: you divide by its count. Multiply by it."),
            edit("gradient * count / n", "gradient * count / n / len(counts)",
                "you divide twice: the weights count / n add up to 1 already, so the sum is the mean."),
            edit("gradient * count / n", "gradient * (n - count) / n",
                "the weights are the wrong way round: the worker with many images has the least say."),
            edit("gradient * count / n", "gradient * count / 100",
                "right for 100 images only. Divide by sum(counts)."),
            edit("    n = sum(counts)\n", "    n = max(counts)\n",
                "you divide by the largest count, so the weights do not add up to 1. Divide by all images: "
                "sum(counts)."),
            edit("sum(dim=0)", "sum()",
                "each parameter's gradient has become one number: sum over the workers only, dim=0 of the stack."),
            edit("zip(tensors, counts, strict=True)", "zip(tensors, sorted(counts), strict=True)",
                "the counts were sorted, so a worker gets another one's weight. They come in the workers' order."),
            edit("    n = sum(counts)\n", "    n = len(counts)\n",
                "you weighed by the counts, and then divided by the number of workers. Divide by the number of "
                "images."),
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
            edit("list(range(rank, n, n_workers))", "list(range(rank, n + 1, n_workers))",
                "100 images are numbered 0 to 99, and you deal out number 100: range(n + 1) goes one too far."),
            edit("list(range(rank, n, n_workers))", "list(range(0, n, n_workers))",
                "all workers look at the same images, and nobody at the others: begin at the worker's rank."),
            edit("list(range(rank, n, n_workers))", "torch.randperm(n)[rank::n_workers]",
                "some images are seen more than once and some by nobody: each worker shuffles for itself, and gets "
                "another order. Shuffle with the same seed everywhere, or not at all."),
            edit("list(range(rank, n, n_workers))", "len(range(rank, n, n_workers))",
                "this is how many images the worker has. Which ones?"),
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
        answer=speed_up, cases=lambda: [(0.9, 10), (0.99, 4), (0.01, 4), (0.5, 2), (0.9, 1000)],
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
            edit("1 / new_time", "1 - new_time",
                "this is the share of the time that is saved. Asked for is how many times as fast: old time divided by "
                "new."),
            edit("1 / new_time", "1 / new_time - 1",
                "with one worker this would be 0. No faster means 1 times as fast: do not subtract 1."),
            edit("1 / new_time", "100 / new_time",
                "this is a percentage. Asked for is how many *times* as fast: 2.0 for twice, so do not multiply by 100."),
            edit("(1 - parallel_share) + parallel_share / n_workers",
                "(100 - parallel_share) / 100 + parallel_share / 100 / n_workers",
                "you take parallel_share for a percentage. It is a share, 0 to 1: nine tenths are 0.9."),
            edit("1 / new_time", "100 * (1 - new_time)",
                "this is the share of the time that is saved, in per cent. Asked for is how many times as fast: old time "
                "divided by new."),
            edit("1 / new_time", "100 * (1 / new_time - 1)",
                "this is by how many per cent it is faster. Asked for is how many times as fast: 1.0 for no change, 2.0 "
                "for twice."),
            edit("1 / new_time", "round(1 / new_time)", "the number is rounded. Give it as it is."),
            edit("(1 - parallel_share) + parallel_share / n_workers", "1 - parallel_share",
                "the number of workers plays no part: this is the limit for endlessly many. The divided part still "
                "takes parallel_share / n_workers."),
            edit("(1 - parallel_share) + parallel_share / n_workers", "parallel_share / n_workers",
                "the rest is missing: 1 - parallel_share of the work takes as long as ever."),
            edit("(1 - parallel_share) + parallel_share / n_workers", "1 - parallel_share / n_workers",
                "more workers make it slower: you take the divided part away *after* dividing it. The new time is the "
                "rest, 1 - parallel_share, plus parallel_share / n_workers."),
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
