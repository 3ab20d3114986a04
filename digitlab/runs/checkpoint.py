"""Saving a trained network and loading it again. Lesson 15.

It goes from hand to hand, so it is a safetensors file: numbers and plain text, in which no code can be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from digitlab.checks import checked, described
from digitlab.models import DigitModel, create_model
from digitlab.modes import unwrapped
from digitlab.writing import write_whole

MODEL_FILE = "model.safetensors"
"""The trained network in a run's folder."""

_FORMAT = "digitlab model 1"
SHIPPED_FILE = Path(__file__).parents[1] / "assets" / "cnn.safetensors"
_MAX_BYTES = 4 << 20  # five times the largest network here: a stranger's file may hold anything


class CheckpointError(ValueError):
    """A file that is missing, damaged, foreign or does not fit. The message names it, in one line."""


def damaged(path: object, fault: object) -> CheckpointError:
    """The error for a file whose content cannot be used."""
    reason = " ".join(str(fault).split())[:100] or type(fault).__name__
    return CheckpointError(f"{path} is damaged, or not from this version of digitlab ({reason})")


@dataclass(frozen=True)
class Checkpoint:
    """A trained network in evaluation mode, its name for `digitlab.models.create_model`, and what is known about it."""

    model: DigitModel
    model_name: str
    metadata: dict[str, Any]

    @property
    def data_name(self) -> str:
        """The set that the model learnt from, as far as the metadata say."""
        data = self.metadata.get("data")
        return str(data.get("name")) if isinstance(data, dict) else "unknown data"


@checked
def save_checkpoint(
    path: str | Path, model: nn.Module, model_name: str, metadata: dict[str, Any] | None = None
) -> None:
    """Write the model's weights with what should be known about them. The file is there whole or not at all.

    `digitlab.models.create_model` must make a model of that name that these finite weights fit; ``metadata`` is what
    JSON can hold.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> save_checkpoint(folder / "model.safetensors", create_model("cnn"), "cnn", {"note": "untrained"})
        >>> load_checkpoint(folder).metadata
        {'note': 'untrained'}
    """
    weights = {name: tensor.cpu().contiguous() for name, tensor in unwrapped(model).state_dict().items()}
    _check_fit(_new_model(model_name), weights)
    about = {"format": _FORMAT, "model": model_name, "metadata": json.dumps(metadata or {})}
    write_whole(Path(path), save(weights, about))


@checked
def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Read what `save_checkpoint` wrote: a file, or a run's folder, which holds it as ``model.safetensors``.

    `CheckpointError` if the file is missing, damaged, or no model of this version of digitlab's.
    """
    path = model_file(path)
    shown = path if str(path).isprintable() else ascii(str(path))
    if not path.exists():
        raise CheckpointError(f"no model at {shown}")
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        raise CheckpointError(f"{shown} is no ordinary file of at most {_MAX_BYTES >> 20} MB")
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if about["format"] != _FORMAT:
            raise ValueError(f"its format is {about['format']!r}")
        model = _new_model(about["model"])
        _check_fit(model, weights)
        model.load_state_dict(weights)
        metadata = dict(json.loads(about["metadata"]))
    except OSError as error:
        raise CheckpointError(f"cannot read {shown}: {error.strerror or 'no access'}") from None
    except (SafetensorError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise damaged(shown, error) from None
    return Checkpoint(model.to(device).eval(), about["model"], metadata)


def model_file(path: str | Path) -> Path:
    """The model's file, where a run's folder may be named instead."""
    return Path(path) / MODEL_FILE if Path(path).is_dir() else Path(path)


@checked
def load_shipped_model(
    device: str | torch.device = "cpu", name: Literal["cnn", "deep", "cnn_mnist_only"] = "cnn"
) -> DigitModel:
    """A trained network: the course's, or ``digitlab predict``'s. Their cards are ``digitlab/assets/<name>.md``."""
    return load_checkpoint(SHIPPED_FILE.with_stem(name), device).model


def _new_model(name: str) -> DigitModel:
    with torch.random.fork_rng(devices=[]):  # the random weights are overwritten, and leave no trace
        return create_model(name)


def _check_fit(model: DigitModel, weights: dict[str, Tensor]) -> None:
    expected, kind = model.state_dict(), type(model).__name__
    for name in sorted(expected.keys() ^ weights.keys()):
        lack = "needs" if name in expected else "does not have"
        raise ValueError(f"does not fit a {kind}, which {lack} {name[:40]!r}")
    for name, tensor in weights.items():
        wanted, got = described(expected[name]), described(tensor)
        if wanted != got:
            raise ValueError(f"does not fit a {kind}: {name} is {got}, expected {wanted}")
        if not tensor.isfinite().all():
            raise ValueError(f"holds weights that are not finite numbers, in {name}")
