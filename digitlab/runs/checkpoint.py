"""Saving a trained network and loading it again. Lesson 13.

It goes from hand to hand, so it is a safetensors file: numbers and plain text, in which no code can be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from digitlab.checks import checked
from digitlab.models import DigitModel, create_model, list_models
from digitlab.modes import unwrapped
from digitlab.writing import write_whole

MODEL_FILE = "model.safetensors"
"""The trained network in a run's folder."""

_FORMAT = "digitlab model 1"
SHIPPED_FILE = Path(__file__).parents[1] / "assets" / "cnn.safetensors"
_MAX_BYTES = 16 << 20  # twenty times the largest network here: a stranger's file may hold anything


class CheckpointError(ValueError):
    """A file that is missing, damaged, foreign or does not fit. The message names it, in one line."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained network in evaluation mode, its name for `digitlab.models.create_model`, and what is known about it.

    ``metadata`` is plain data: how the model was trained and how it measures.
    """

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

    ``model_name`` is the name under which `digitlab.models.create_model` makes a model that these weights fit;
    ``metadata`` is plain data that JSON can hold.

    Raises:
        OSError: the file cannot be written.
        ValueError: weights that do not fit that model, or are not finite.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> save_checkpoint(folder / "model.safetensors", create_model("cnn"), "cnn", {"note": "untrained"})
        >>> load_checkpoint(folder).metadata
        {'note': 'untrained'}
    """
    weights = {
        name: tensor.detach().cpu().contiguous() for name, tensor in unwrapped(model).state_dict().items()
    }
    fault = _misfit(_new_model(model_name), weights) or _not_finite(weights)
    if fault:
        raise ValueError(f"this model could not be loaded again: it {fault}")
    about = {"format": _FORMAT, "model": model_name, "metadata": json.dumps(metadata or {})}
    write_whole(Path(path), save(weights, about))


@checked
def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Read what `save_checkpoint` wrote: a file, or a run's folder, which holds it as ``model.safetensors``.

    Raises:
        CheckpointError: the file is missing, damaged, not a model of digitlab's, or does not fit the model that
            it names.
    """
    path = Path(path) / MODEL_FILE if Path(path).is_dir() else Path(path)
    shown = _in_one_line(path)
    if not path.exists():
        raise CheckpointError(f"no model at {shown}")
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        raise CheckpointError(f"{shown} is no ordinary file of at most {_MAX_BYTES >> 20} MB")
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            if about.get("format") != _FORMAT:
                raise CheckpointError(f"{shown} is not a model of this version of digitlab's")
            if about.get("model") not in list_models():
                raise CheckpointError(f"{shown} holds a model that this version does not know")
            model, names = _new_model(about["model"]), list(file.keys())
            fault = _misfit(model, {name: file.get_slice(name) for name in names})
            if not fault:
                weights = {name: file.get_tensor(name) for name in names}
                fault = _not_finite(weights)
        if fault:
            raise CheckpointError(f"{shown} {fault}")
        model.load_state_dict(weights)
        metadata = json.loads(about["metadata"])
        if not isinstance(metadata, dict):
            raise ValueError("its metadata are no dictionary")
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f"cannot read {shown}: {error.strerror or 'no access'}") from None
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0][:80] if str(error) else type(error).__name__
        raise CheckpointError(f"{shown} is damaged, or not a safetensors file ({reason})") from None
    return Checkpoint(model.to(device).eval(), about["model"], metadata)


def load_shipped_model(device: str | torch.device = "cpu") -> DigitModel:
    """The `CNN` that comes with the package, trained on MNIST's 50,000 training images outside the bundled sample.

    So the sample is new to it. How it was trained and how it measures is said in ``digitlab/assets/cnn.md``.

    Examples:
        >>> from digitlab.data import followed_digit
        >>> from digitlab.training import predict
        >>> predict(load_shipped_model(), followed_digit().images).argmax(dim=1)
        tensor([5])
    """
    return load_checkpoint(SHIPPED_FILE, device).model


def _new_model(name: str) -> DigitModel:
    with torch.random.fork_rng(devices=[]):  # the random weights are overwritten, and leave no trace
        return create_model(name)


def _misfit(model: DigitModel, weights: dict[str, Any]) -> str | None:
    """What keeps the weights, tensors or a file's slices, from being those of the model; ``None`` if they fit."""
    expected = model.state_dict()
    kind = type(model).__name__
    for name in sorted(expected.keys() ^ weights.keys()):
        lack = "needs" if name in expected else "does not have"
        return f"does not fit a {kind}, which {lack} {name[:60]!r}"
    for name, tensor in weights.items():
        wanted, got = _form(expected[name]), _form(tensor)
        if wanted != got:
            return f"does not fit a {kind}: {name} is {got}, expected {wanted}"
    return None


def _form(tensor: Any) -> str:
    """Dtype and shape, as safetensors writes them: ``F32 [10, 1, 5, 5]``."""
    if not isinstance(tensor, Tensor):
        return f"{tensor.get_dtype()} {list(tensor.get_shape())}"
    dtype = {torch.float32: "F32", torch.int64: "I64"}.get(tensor.dtype, tensor.dtype)
    return f"{dtype} {list(tensor.shape)}"


def _not_finite(weights: dict[str, Tensor]) -> str | None:
    bad = next((name for name, tensor in weights.items() if not tensor.isfinite().all()), None)
    return f"holds weights that are not finite numbers, in {bad}" if bad else None


def _in_one_line(path: Path) -> str:
    return "".join(character if character.isprintable() else "?" for character in str(path))
