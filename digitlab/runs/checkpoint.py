"""Saving a trained network and loading it again, safely.

A checkpoint is a PyTorch file that holds tensors and plain data only. Loading one runs no code from it, whoever
made it: `digitlab.runs.stranger` reads tensors and plain data and can do nothing else, and here what was read is compared
with the model that it claims to be. Explained in lesson 13; the cards of the shipped checkpoint and the sample lie in
``digitlab/assets/``.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from digitlab.checks import as_path, check_choice, check_kind, described
from digitlab.device import as_device
from digitlab.writing import write_whole
from digitlab.models import DigitModel, create_model, list_models
from digitlab.runs.stranger import StrangerError, read_file, read_plain

_FORMAT = "digitlab checkpoint 1"
_SHIPPED_FILE = Path(__file__).parents[1] / "assets" / "cnn.pt"


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, foreign or does not fit. The message names the file."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        model: in evaluation mode, on the device asked for.
        model_name: a name for `digitlab.models.create_model`.
        metadata: plain data: how the model was trained and how it measures.
        training_state: what an unfinished run needs to go on (`digitlab.runs.run`), else ``None``.
    """

    model: DigitModel
    model_name: str
    metadata: dict[str, Any]
    training_state: dict[str, Any] | None = None


def save_checkpoint(
    path: str | Path,
    model: nn.Module,
    model_name: str,
    metadata: dict[str, Any] | None = None,
    training_state: dict[str, Any] | None = None,
) -> None:
    """Write the model's weights with what should be known about them. The file is there whole or not at all.

    Args:
        path: conventionally ends in ``.pt``.
        model: its ``state_dict`` is saved, moved to the CPU.
        model_name: the name under which `digitlab.models.create_model` makes a model that these weights fit.
        metadata: plain data that JSON can hold. ``data``, ``settings`` and ``measured``, where they are given, are
            dictionaries, and ``data["name"]`` is a text.
        training_state: tensors and plain data that an unfinished run needs to go on.

    Raises:
        OSError: the file cannot be written; an earlier file of that name is untouched.
        ValueError: an unknown model name, or metadata, weights or a training state that `load_checkpoint` would refuse.
        TypeError: metadata that is not plain data.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> save_checkpoint(folder / "model.pt", create_model("cnn"), "cnn", {"note": "untrained"})
        >>> load_checkpoint(folder / "model.pt").metadata
        {'note': 'untrained'}
    """
    path = as_path("path", path)
    check_kind("model", model, nn.Module, "a network")
    check_choice("model", model_name, list_models())
    check_kind("metadata", metadata, dict | None, "a dictionary or None")
    check_kind("training_state", training_state, dict | None, "a dictionary or None")
    buffer = io.BytesIO()
    content = {
        "format": _FORMAT,
        "model": model_name,
        "weights": {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()},
        "metadata": json.loads(json.dumps(metadata or {})),
        "training_state": training_state,
    }
    torch.save(content, buffer)
    try:  # better to learn now than when the run is to go on
        _understand(read_plain(buffer.getvalue()))
    except StrangerError as error:
        raise ValueError(f"this checkpoint could not be loaded again: it {error}") from None
    write_whole(path, buffer.getvalue())


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Read what `save_checkpoint` wrote. Runs no code from the file.

    Args:
        path: the file, or a run's folder, which holds it as ``model.pt``.
        device: where the model should live.

    Raises:
        CheckpointError: the file is missing, damaged, not a checkpoint of digitlab's, or does not fit the model that
            it names.
        ValueError: a device that this machine does not have.
    """
    path = as_path("path", path)
    device = as_device(device)
    try:
        if path.is_dir():
            path = path / "model.pt"
        model, name, metadata, state = _understand(read_plain(read_file(path)))
    except StrangerError as error:
        raise CheckpointError(f"{_in_one_line(path)} {error}") from None
    except FileNotFoundError:
        raise CheckpointError(f"no checkpoint at {_in_one_line(path)}") from None
    except OSError as error:
        raise CheckpointError(f"cannot read {_in_one_line(path)}: {error.strerror}") from None
    return Checkpoint(model.to(device).eval(), name, metadata, state)


def load_shipped_model(device: str | torch.device = "cpu") -> DigitModel:
    """The `CNN` that comes with the package.

    Trained on MNIST's 50,000 training images outside the bundled sample, so the sample is new to it.

    How it was trained and how it measures is said in ``digitlab/assets/cnn.md`` and in its metadata.

    Examples:
        >>> from digitlab.data import load_sample
        >>> from digitlab.training import predict
        >>> digits = load_sample("test")[:100]
        >>> correct = predict(load_shipped_model(), digits.images).argmax(dim=1) == digits.labels
        >>> bool(correct.float().mean() > 0.95)
        True
    """
    return load_checkpoint(_SHIPPED_FILE, device).model


def _understand(content: Any) -> tuple[DigitModel, str, dict[str, Any], dict[str, Any] | None]:
    """A model with these weights, its name, the metadata and the training state, after comparing all that is read."""
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise StrangerError("is a PyTorch file, but not a checkpoint of digitlab's")
    name, weights, state = content.get("model"), content.get("weights"), content.get("training_state")
    if not isinstance(name, str) or name not in list_models():
        raise StrangerError(f"holds a model that this version does not know: {described(name)}")
    if not isinstance(weights, dict):
        raise StrangerError(f"holds no weights, but {described(weights)}")
    _check_metadata(content.get("metadata"))
    if state is not None and not isinstance(state, dict):
        raise StrangerError("is damaged: its training state is not a dictionary")
    with torch.random.fork_rng(devices=[]):  # the random weights are overwritten, and leave no trace
        model = create_model(name)
    _check_weights(name, weights, model.state_dict())
    model.load_state_dict(weights)
    return model, name, content["metadata"], state


def _check_weights(name: str, weights: dict[Any, Any], expected: dict[str, Tensor]) -> None:
    for key in [*expected, *weights]:
        if key not in expected or key not in weights:
            fault = "does not have" if key not in expected else "needs"
            raise StrangerError(f"does not fit the model {name!r}, which {fault} {described(key)}")
        ours, theirs = expected[key], weights[key]
        if not isinstance(theirs, Tensor):
            raise StrangerError(f"does not fit the model {name!r}: {key} is not a tensor")
        if theirs.shape != ours.shape or theirs.dtype != ours.dtype:
            raise StrangerError(
                f"does not fit the model {name!r}: {key} is {described(theirs)}, expected {described(ours)}"
            )
        if not theirs.isfinite().all():
            raise StrangerError(f"holds weights that are not numbers: {key} is not finite")


def _check_metadata(metadata: Any) -> None:
    """Metadata are plain data, and what digitlab itself reads of them has the type that it reckons with."""
    fault = "holds metadata that digitlab cannot use: expected"
    if not isinstance(metadata, dict) or not _is_plain(metadata):
        raise StrangerError(f"{fault} a dictionary of what JSON can hold")
    for key in ("data", "settings", "measured"):
        if not isinstance(metadata.get(key, {}), dict):
            raise StrangerError(f"{fault} a dictionary for {key!r}, got {described(metadata[key])}")
    name = metadata.get("data", {}).get("name", "")
    if not isinstance(name, str):
        raise StrangerError(f"{fault} a text for the name of the data, got {described(name)}")


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(part) for key, part in value.items())
    if isinstance(value, list):
        return all(_is_plain(part) for part in value)
    return isinstance(value, str | int | float | None)


def _in_one_line(path: Path) -> str:
    return "".join(character if character.isprintable() else "?" for character in str(path))
