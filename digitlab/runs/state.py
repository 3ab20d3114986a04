"""What decides a run's outcome: its settings, and the state that is saved after each epoch, to go on from.

The state is weights, what the optimiser and the schedule remember, the random generators, and the history. So a run
that goes on ends with the same weights, to the bit, as if it had never stopped.
"""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from digitlab.checks import check_choice, check_range, checked
from digitlab.data import RandomAffine
from digitlab.names import DEVICES, SOURCES
from digitlab.recipes import Recipe
from digitlab.runs.checkpoint import damaged
from digitlab.runs.distributed import all_gather, rank, world_size
from digitlab.training import History
from digitlab.wording import counted
from digitlab.writing import write_whole

STATE_FILE = "checkpoint.pt"


class RunError(ValueError):
    """A run's folder cannot be used as asked. The message is one line and says what to do."""


@checked
@dataclass(frozen=True)
class RunSettings:
    """What decides a run's outcome: the same settings on the same machine give bit-identical weights.

    ``seed`` fixes the first weights, the validation split, the order of the images, dropout and augmentation.
    """

    recipe: Recipe
    source: str = "auto"
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        check_choice("data", self.source, SOURCES)
        check_choice("device", self.device, DEVICES)
        check_range("seed", self.seed, 0, 2**32 - 1)


def read_settings(path: Path) -> RunSettings:
    """The settings in a state, or in the ``metrics.json`` of a finished run."""
    saved = load_state(path) if path.name == STATE_FILE else json.loads(path.read_text(encoding="utf-8"))
    try:
        recipe = dict(saved["settings"]["recipe"])
        if recipe["augment"] is not None:
            recipe["augment"] = RandomAffine(**recipe["augment"])
        recipe["betas"] = tuple(recipe["betas"])
        return RunSettings(**{**saved["settings"], "recipe": Recipe(**recipe)})
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from error


def save_state(run: Any, path: Path) -> None:
    """Write the state of a `digitlab.runs.run.Run`; the file is there whole or not at all."""
    device = run.train_loader.device.type
    random_state = {"cpu": torch.get_rng_state()}  # of PyTorch's global generators, from which dropout draws
    if device != "cpu":
        random_state[device] = torch.get_device_module(device).get_rng_state()
    random_states = all_gather(random_state)
    if rank() > 0:
        return
    state = {
        "settings": asdict(run.settings),
        "model": run.model.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "scheduler": run.scheduler and run.scheduler.state_dict(),
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
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # a damaged file can make PyTorch raise nearly anything
        raise damaged(path, error) from error


def restore(run: Any, path: Path) -> None:
    """Put a state back, in a run that was prepared with the same settings, and has as many workers."""
    state = load_state(path)
    before, now, device = state.get("machine"), _machine(run), run.train_loader.device.type
    try:
        n_begun = len(state["random_states"])
        if n_begun != world_size():
            raise RunError(f"{path.parent} was begun by {counted(n_begun, 'worker')}: go on with as many")
        run.model.load_state_dict(state["model"])
        run.optimizer.load_state_dict(state["optimizer"])
        for parameter, moments in run.optimizer.state.items():
            # PyTorch does not look, and would write beyond a short tensor.
            if not moments["exp_avg"].shape == moments["exp_avg_sq"].shape == parameter.shape:
                raise ValueError("the optimizer's averages have other shapes than the model")
        if run.scheduler:
            run.scheduler.load_state_dict(state["scheduler"])
        run.history = History.from_list(state["history"])
        run.train_loader.epoch = len(run.history)
        random_state = state["random_states"][rank()]
        torch.set_rng_state(random_state["cpu"])
        if device in random_state.keys() - {"cpu"}:
            torch.get_device_module(device).set_rng_state(random_state[device])
    except RunError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise damaged(path, error) from error
    if rank() == 0 and before != now:
        warnings.warn(f"begun on {before}, going on on {now}: the last bits may differ", stacklevel=2)


def _machine(run: Any) -> str:
    """What decides the last bits."""
    return f"{run.train_loader.device.type} with PyTorch {torch.__version__}"
