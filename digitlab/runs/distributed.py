"""Many workers: one training, divided among processes that ``torchrun --nproc-per-node 2`` starts. Lesson 16.

All take the step that a single process would have taken, but for two things: with dropout each worker draws its own
random numbers, and batch normalisation on CPUs takes each worker's own statistics (on GPUs it is PyTorch's
``SyncBatchNorm``, over all of them).
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from digitlab.data import DigitLoader


class WorkerError(ValueError):
    """Another worker is gone. The message is one line and says what to do."""


@contextmanager
def process_group() -> Iterator[None]:
    """Join the other workers, if ``torchrun`` started this process; a `WorkerError` if one of them ends too soon."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
        gc.collect()  # a wrapped model keeps gloo's threads alive, and one that runs when Python ends aborts it
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise WorkerError("another worker has ended, so this one cannot go on") from error
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """This worker's number, from 0; 0 if it works alone."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many work together; 1 outside ``torchrun``."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_device(device: torch.device) -> torch.device:
    """Of several GPUs in one machine, each worker has its own."""
    if device.type == "cuda" and dist.is_initialized():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    return device


def broadcast(value: Any) -> Any:
    """The first worker's value, for all of them. The others wait for it."""
    values = [value]
    if dist.is_initialized():
        dist.broadcast_object_list(values)
    return values[0]


def all_gather(value: Any) -> list[Any]:
    """Every worker's value, in the order of their ranks."""
    values = [value] * world_size()
    if dist.is_initialized():
        dist.all_gather_object(values, value)
    return values


def wrap_ddp(model: nn.Module, loader: DigitLoader) -> nn.Module:
    """The model, made to average its gradients with the other workers' in each backward pass.

    PyTorch takes the plain mean over the workers. Weighted by the share of the batch that each had, every image
    counts the same (exercise 16.2).
    """
    if not dist.is_initialized():
        return model
    if loader.device.type == "cuda":
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    parallel = DistributedDataParallel(model, gradient_as_bucket_view=True, static_graph=True)

    def weigh(_module: nn.Module, _images: Any, logits: Tensor) -> None:
        weight = loader.share * world_size()
        if logits.requires_grad:
            logits.register_hook(lambda gradient: gradient * weight)

    parallel.register_forward_hook(weigh)
    return parallel
