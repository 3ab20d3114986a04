"""Many workers: one training, divided among processes that ``torchrun`` starts. Explained in lesson 14.

``torchrun --nproc-per-node 2 -m digitlab train`` starts the same program twice. Each process has a number, its
**rank**, and the same model; each takes every second image of each batch; and before each step they add up
their gradients. So all take the same step, the one that a single process would have taken.

This file knows the other processes. Those that use it (`digitlab.training`, `digitlab.runs.run`) work alike with one
process and with many. With dropout each worker draws its own random numbers, so only models without dropout end
with one process's weights.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from digitlab.data import DigitLoader


class WorkerError(ValueError):
    """Another worker is gone. The message is one line and says what to do."""


@contextmanager
def joined() -> Iterator[None]:
    """Be one of the workers, if ``torchrun`` started this process; else change nothing.

    Raises:
        WorkerError: another worker ended before the work was done, or ``torchrun`` asked this one to stop.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield
        return
    # When a worker ends, torchrun asks the others to stop, which may come before they notice by themselves.
    before = signal.signal(signal.SIGTERM, _stop)
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
        # A divided model keeps gloo's threads alive. One that still runs when Python ends aborts the process
        # (PyTorch's pull request 179291 explains it), so what nobody needs any more goes first.
        gc.collect()
    except RuntimeError as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is ending, and has something to say first
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise WorkerError("another worker has ended, so this one cannot go on") from error
    finally:
        dist.destroy_process_group()
        if signal.getsignal(signal.SIGTERM) is _stop:
            signal.signal(signal.SIGTERM, before)


def _stop(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise WorkerError("asked to stop, perhaps because another worker has ended")


def rank() -> int:
    """This worker's number, from 0; 0 if it works alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def n_workers() -> int:
    """How many work together; 1 outside ``torchrun``."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_device(device: torch.device) -> torch.device:
    """Of several GPUs in one machine, each worker has its own."""
    if device.type == "cuda" and n_workers() > 1:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device


def add_up(*numbers: float) -> tuple[float, ...]:
    """Each number's sum over all workers, in double precision; the numbers themselves for one alone.

    Examples:
        >>> add_up(2.5, 100)
        (2.5, 100)
    """
    if n_workers() == 1:
        return numbers
    totals = torch.tensor(numbers, dtype=torch.float64)
    if dist.get_backend() == "nccl":  # which knows the GPU's memory only
        totals = totals.cuda()
    dist.all_reduce(totals)
    return tuple(totals.tolist())


def told_by_first(value: Any) -> Any:
    """The first worker's value, for all of them. The others wait for it."""
    values = [value]
    if n_workers() > 1:
        dist.broadcast_object_list(values)
    return values[0]


def gather(value: Any) -> list[Any]:
    """Every worker's value, in the order of their ranks."""
    values = [value] * n_workers()
    if n_workers() > 1:
        dist.all_gather_object(values, value)
    return values


def divided(model: nn.Module, loader: DigitLoader) -> nn.Module:
    """The model, made to add up its gradients with the other workers' after each backward pass.

    Args:
        model: equal in all workers; its parameters stay the ones that are trained.
        loader: whose ``share`` says how much of the batch this worker has.
    """
    if n_workers() == 1:
        return model
    if loader.device.type == "cuda":
        shared = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        parallel = DistributedDataParallel(shared, device_ids=[loader.device])
    else:
        for module in model.modules():
            if type(module) is nn.BatchNorm2d:
                module.__class__ = _SharedBatchNorm2d  # the same weights under the same names
        parallel = DistributedDataParallel(model, gradient_as_bucket_view=True, static_graph=True)

    def weigh(_module: nn.Module, _images: Any, logits: Tensor) -> None:
        # PyTorch takes the plain mean over the workers, as if all had the same number of images. Weighted by
        # its share, every image counts the same (exercise 14.2).
        weight = loader.share * n_workers()
        if logits.requires_grad:
            logits.register_hook(lambda gradient: gradient * weight)

    parallel.register_forward_hook(weigh)
    return parallel


class _SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation over the whole batch, of which each worker has a share.

    PyTorch's own, ``SyncBatchNorm``, works on GPUs only.
    """

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        near = torch.zeros_like(self.weight) if self.running_mean is None else self.running_mean
        maps: Tensor
        maps, mean, variance, n = _BatchNorm.apply(input, self.weight, self.bias, near, self.eps)
        if self.running_mean is not None and self.running_var is not None:
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum or 0.1)
                self.running_var.lerp_(variance * n / (n - 1), self.momentum or 0.1)
                if self.num_batches_tracked is not None:
                    self.num_batches_tracked += 1
        return maps


class _BatchNorm(torch.autograd.Function):
    """After Ioffe and Szegedy (2015), with two messages among the workers.

    On the way forward they add up what the mean and the variance are made of, on the way back what reaches the
    maps through these two. The rest is PyTorch's own batch normalisation, because that is fast.
    """

    @staticmethod
    def forward(
        context: Any, maps: Tensor, weight: Tensor, bias: Tensor, near: Tensor, eps: float
    ) -> tuple[Tensor, ...]:
        n_own = maps.numel() // len(near)
        totals = near.new_zeros(3, len(near))  # of 1, of the distance to ``near`` and of its square
        if n_own > 0:
            _, mean, scale = torch.native_batch_norm(maps, weight, bias, None, None, True, 0.0, eps)
            # Around a number that is near the mean and the same for all, because the difference of two large
            # sums loses digits.
            distance = mean - near
            totals = torch.stack([torch.ones_like(near), distance, scale**-2 - eps + distance**2]) * n_own
        dist.all_reduce(totals)
        n = totals[0]
        distance = totals[1] / n
        mean, variance = near + distance, (totals[2] / n - distance**2).clamp(min=0)
        context.save_for_backward(maps, weight, mean, variance, n)
        context.eps = eps
        context.mark_non_differentiable(mean, variance, n)
        normal = F.batch_norm(maps, mean, variance, weight, bias, eps=eps) if n_own > 0 else maps.clone()
        return normal, mean, variance, n

    @staticmethod
    def backward(context: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        maps, weight, mean, variance, n = context.saved_tensors
        if maps.numel() == 0:  # the last batch may have fewer images than there are workers
            dist.all_reduce(weight.new_zeros(2, len(weight)))
            return gradient, torch.zeros_like(weight), torch.zeros_like(weight), None, None
        scale = (variance + context.eps).rsqrt()
        direct, for_weight, for_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, maps, weight, mean, variance, mean, scale, False, context.eps, [True, True, True]
        )
        # All maps share mean and variance, so each one's gradient also loses the average gradient and its share
        # along the normalised maps: a straight line in the maps, which batch normalisation itself can draw.
        totals = torch.stack([for_weight, for_bias])
        dist.all_reduce(totals)
        along, average = totals / n * weight * scale
        line = F.batch_norm(maps, mean, variance, along, average, eps=context.eps)
        return direct - line, for_weight, for_bias, None, None
