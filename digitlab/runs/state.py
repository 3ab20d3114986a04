"""The state of an unfinished run: saved after each epoch, and put back when the run goes on.

It is all that decides how the training goes on: weights, what the optimiser and the schedule remember, the random
generators, and the history. So a run that goes on ends with the same weights, to the bit, as if it had never stopped.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from digitlab.runs.checkpoint import CheckpointError
from digitlab.runs.distributed import all_gather, rank, world_size
from digitlab.runs.settings import RunSettings
from digitlab.training import History
from digitlab.writing import write_whole

STATE_FILE = "checkpoint.pt"


class RunError(ValueError):
    """A run's folder cannot be used as asked. The message is one line and says what to do."""


def save_state(run: Any, path: Path) -> None:
    """Write the state of a `digitlab.runs.run.Run`; the file is there whole or not at all."""
    random_states = all_gather(_random_state(run.train_loader.device))
    if rank() > 0:
        return
    state = {
        "settings": run.settings.to_dict(),
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "scheduler": run.scheduler.state_dict() if run.scheduler is not None else None,
        "history": run.history.to_list(),
        "random_states": random_states,
        "machine": _machine(run),
    }
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_whole(path, buffer.getvalue())


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote; it can hold no code. A `CheckpointError` if it is damaged."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file can make PyTorch raise nearly anything
        raise damaged(path, error) from error
    if not isinstance(state, dict):
        raise damaged(path, "it holds no dictionary")
    return state


def settings_in(path: Path, saved: dict[str, Any]) -> RunSettings:
    """The settings in a state, or in the ``metrics.json`` of a finished run."""
    try:
        return RunSettings.from_dict(saved["settings"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(path, error) from error


def restore(run: Any, state: dict[str, Any], path: Path) -> None:
    """Put a state back, in a run that was prepared with the same settings, and has as many workers."""
    before, now = state.get("machine"), _machine(run)
    try:
        n_begun = len(state["random_states"])
        if n_begun != world_size():
            workers = "1 worker" if n_begun == 1 else f"{n_begun} workers"
            raise RunError(f"{path.parent} was begun by {workers}: go on with as many")
        run.model.load_state_dict(state["model"])
        _check_moments(run.optimizer, state["optimizer"])
        run.optimizer.load_state_dict(state["optimizer"])
        if run.scheduler is not None:
            run.scheduler.load_state_dict(state["scheduler"])
        run.history = History.from_list(state["history"])
        run.train_loader.epoch = len(run.history)
        _set_random_state(state["random_states"][rank()], run.train_loader.device)
    except RunError:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise damaged(path, error) from error
    if rank() == 0 and before != now:
        warnings.warn(f"begun on {before}, going on on {now}: the last bits may differ", stacklevel=2)


def damaged(path: Path, fault: object) -> CheckpointError:
    """The error for a state that cannot be used."""
    reason = " ".join(str(fault).split())[:100] or type(fault).__name__
    return CheckpointError(f"{path} is damaged: its state cannot be restored ({reason})")


def _check_moments(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """PyTorch does not look at their sizes, and would write beyond a short tensor."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, moments in state["state"].items():
        for name in ("exp_avg", "exp_avg_sq"):
            if moments[name].shape != parameters[number].shape:
                raise ValueError(f"{name} {number} has the shape {tuple(moments[name].shape)}")


def _random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of PyTorch's global generators, from which dropout draws."""
    state = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        state[device.type] = torch.get_device_module(device).get_rng_state()
    return state


def _set_random_state(state: dict[str, Tensor], device: torch.device) -> None:
    torch.set_rng_state(state["cpu"])
    if device.type in state.keys() - {"cpu"}:
        torch.get_device_module(device).set_rng_state(state[device.type])


def _machine(run: Any) -> str:
    """What decides the last bits."""
    return f"{run.train_loader.device.type} with PyTorch {torch.__version__}"
