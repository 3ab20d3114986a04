"""What a learner's code may change unseen for the rest of the notebook, and how it is put back.

A check leaves random states, default dtype and device and the like as they were, and neither the reference nor a known
wrong answer meets what the learner's answer has set. Not put back is what a learner sees at once or has meant (printing
options, figures, the working folder), nor files, the environment and other modules: it is not a sandbox.
"""

from __future__ import annotations

import contextlib
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch


@contextlib.contextmanager
def quiet_surroundings() -> Iterator[None]:
    """Start from PyTorch's own settings (gradients on, float32, CPU), and put everything back at the end."""
    kept = [read() for read, _ in _SURROUNDINGS]
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    try:
        with (
            torch.inference_mode(False),  # this turns gradients on, too
            np.errstate(),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(sys.stdout),
            contextlib.redirect_stderr(sys.stderr),
        ):
            yield
    finally:
        for (_, put_back), value in zip(_SURROUNDINGS, kept, strict=True):
            put_back(value)


def _gpu_random_states() -> tuple[Any, Any]:
    """CUDA's, if it is in use (asking would start it), and Apple's."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return cuda, torch.mps.get_rng_state() if torch.backends.mps.is_available() else None


def _put_back_gpu_random_states(states: tuple[Any, Any]) -> None:
    cuda, mps = states
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)
    elif torch.cuda.is_available():  # else CUDA would start from the seed that was set last: a check's
        torch.cuda.manual_seed_all(torch.initial_seed())
    if mps is not None:
        torch.mps.set_rng_state(mps)


def _determinism() -> tuple[bool, ...]:
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.backends.cudnn.deterministic,
        torch.backends.cudnn.benchmark,
    )


def _put_back_determinism(kept: tuple[bool, ...]) -> None:
    if _determinism() != kept:  # to set it loads PyTorch's compiler, which takes seconds
        torch.use_deterministic_algorithms(kept[0], warn_only=kept[1])
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = kept[2:]


_SURROUNDINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (random.getstate, random.setstate),
    (np.random.get_state, np.random.set_state),
    (torch.get_rng_state, torch.set_rng_state),
    (_gpu_random_states, _put_back_gpu_random_states),  # after PyTorch's own: it may take the seed from there
    (torch.get_default_dtype, torch.set_default_dtype),
    (
        torch.get_default_device,
        lambda device: torch.set_default_device(None if device.type == "cpu" else device),
    ),
    (torch.get_num_threads, torch.set_num_threads),
    (_determinism, _put_back_determinism),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (sys.getrecursionlimit, sys.setrecursionlimit),
)
