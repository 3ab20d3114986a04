"""A run's state, to be saved and put back: all that decides how the training goes on.

The weights are saved beside it (`digitlab.runs.checkpoint`). The rest is what the optimiser and the schedule remember,
where the loader stands, the random generators, what the unfinished epoch has added up, and the history. A run
that goes on from here ends with the same weights, to the bit, as if it had never stopped.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from digitlab.runs import distributed as workers
from digitlab.history import EpochSums, History

if TYPE_CHECKING:
    from digitlab.runs.run import Run

# What counts steps or images, and so differs from a run that has not begun.
_COUNTERS = {"last_epoch", "_step_count", "n_batches", "n_images", "n_correct", "epoch", "n_given"}


def get_state(run: Run) -> dict[str, Any]:
    """Tensors and plain data, as `digitlab.runs.checkpoint.save_checkpoint` takes them."""
    return {
        "settings": run.settings.to_dict(),
        "optimizer": run.optimizer.state_dict(),
        "scheduler": run.scheduler.state_dict() if run.scheduler is not None else None,
        "loader": run.train_loader.state_dict(),
        "sums": asdict(run.sums) if run.sums is not None else None,
        "history": run.history.to_list(),
        "random_states": workers.gather(_random_state(run.train_loader.device)),
    }


def set_state(run: Run, state: dict[str, Any]) -> None:
    """Put back what `get_state` gave, in a run that was prepared with the same settings.

    Raises:
        ValueError: the state does not fit; so do KeyError, TypeError and RuntimeError, because the state comes
            from a file, which may hold anything.
    """
    history, sums, loader = History.from_list(state["history"]), state["sums"], state["loader"]
    if [row.epoch for row in history.rows] != list(range(1, len(history) + 1)):
        raise ValueError("history: expected the epochs 1, 2, 3 and so on")
    n_batches = len(run.train_loader)
    n_given = n_batches * bool(history.rows)
    if sums is not None:
        _check_alike("sums", asdict(EpochSums(lr=0.0)), sums)
        n_given = sums["n_batches"]
        if not 0 < n_given < n_batches:
            raise ValueError(f"sums.n_batches: expected 1 to {n_batches - 1}, got {n_given}")
    _check_alike("loader", run.train_loader.state_dict(), loader)
    _check_count("loader.epoch", len(history) + (sums is not None), loader["epoch"])
    _check_count("loader.n_given", n_given, loader["n_given"])
    _check_optimizer(run, state["optimizer"])
    if run.scheduler is not None:
        _check_alike("scheduler", run.scheduler.state_dict(), state["scheduler"])
        n_steps = len(history) * n_batches + (n_given if sums is not None else 0)
        _check_count("scheduler.last_epoch", n_steps, state["scheduler"]["last_epoch"])
        run.scheduler.load_state_dict(state["scheduler"])
    run.optimizer.load_state_dict(state["optimizer"])
    run.history = history
    run.sums = EpochSums(**sums) if sums is not None else None
    run.train_loader.load_state_dict(loader)
    _set_random_state(state["random_states"][workers.rank()])


def _check_count(name: str, expected: int, got: int) -> None:
    if got != expected:
        raise ValueError(f"{name}: expected {expected}, got {got}")


def _check_optimizer(run: Run, state: dict[str, Any]) -> None:
    """That it is a state of this very optimiser. PyTorch does not look, and would write beyond a short tensor."""
    ours = run.optimizer.state_dict()
    _check_alike("optimizer.param_groups", ours["param_groups"], state["param_groups"])
    parameters = [parameter for group in run.optimizer.param_groups for parameter in group["params"]]
    moments = state["state"]
    if moments:  # empty before the first step
        expected = {
            number: {"step": torch.tensor(0.0), "exp_avg": parameter, "exp_avg_sq": parameter}
            for number, parameter in enumerate(parameters)
        }
        _check_alike("optimizer.state", expected, moments)


def _check_alike(name: str, ours: Any, theirs: Any) -> None:
    """That a value from a file differs from ours in its numbers alone, and that these are finite."""
    if type(theirs) is not type(ours) and not (isinstance(ours, Tensor) and isinstance(theirs, Tensor)):
        raise ValueError(f"{name}: expected {type(ours).__name__}, got {type(theirs).__name__}")
    if isinstance(ours, dict):
        if ours.keys() != theirs.keys():
            raise ValueError(f"{name}: expected {sorted(map(str, ours))}, got {sorted(map(str, theirs))}")
        for key in ours:
            _check_alike(f"{name}.{key}", ours[key], theirs[key])
    elif isinstance(ours, list | tuple):
        if len(ours) != len(theirs):
            raise ValueError(f"{name}: expected {len(ours)} values, got {len(theirs)}")
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            _check_alike(f"{name}.{number}", one, other)
    elif isinstance(ours, Tensor):
        if theirs.shape != ours.shape or theirs.dtype != ours.dtype:
            form = f"{theirs.dtype} {tuple(theirs.shape)}"
            raise ValueError(f"{name}: expected {ours.dtype} {tuple(ours.shape)}, got {form}")
        if not bool(theirs.isfinite().all()):
            raise ValueError(f"{name}: expected finite numbers")
    elif isinstance(ours, float):
        if not math.isfinite(theirs):
            raise ValueError(f"{name}: expected a finite number, got {theirs}")
    elif name.rsplit(".", 1)[-1] not in _COUNTERS and theirs != ours:
        raise ValueError(f"{name}: expected {ours!r}, got {str(theirs)[:40]!r}")


def _random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of PyTorch's global generators, from which dropout draws."""
    state = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        state[device.type] = torch.get_device_module(device).get_rng_state()
    return state


def _set_random_state(state: dict[str, Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    for device in state.keys() - {"cpu"}:
        torch.get_device_module(device).set_rng_state(state[device])
