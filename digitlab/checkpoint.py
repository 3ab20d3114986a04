"""Saving a trained network and loading it again, safely.

A checkpoint is a PyTorch file that holds tensors and plain data only. Loading one runs no code from it,
whoever made it: the file is read with ``weights_only=True``, its sizes are checked before memory is taken,
and what it says is compared with the model that it claims to be. Explained in lesson 13; the cards of the
shipped checkpoint and the sample lie in ``digitlab/assets/``.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from digitlab.files import write_whole
from digitlab.models import DigitModel, create_model, list_models

_FORMAT = "digitlab checkpoint 1"
_MAX_BYTES = 256 << 20
_SHIPPED_FILE = Path(__file__).parent / "assets" / "cnn.pt"


class CheckpointError(ValueError):
    """A checkpoint that is missing, damaged, foreign or does not fit. The message names the file."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        model: in evaluation mode, on the device asked for.
        model_name: a name for `digitlab.models.create_model`.
        metadata: plain data: how the model was trained and how it measures.
        training_state: what an unfinished run needs to go on (`digitlab.run`), else ``None``.
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
        metadata: plain data that JSON can hold.
        training_state: tensors and plain data that an unfinished run needs to go on.

    Raises:
        OSError: the file cannot be written; an earlier file of that name is untouched.
        ValueError: an unknown model name.
        TypeError: metadata that is not plain data.

    Examples:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> save_checkpoint(folder / "model.pt", create_model("cnn"), "cnn", {"data": "sample"})
        >>> load_checkpoint(folder / "model.pt").metadata
        {'data': 'sample'}
    """
    if model_name not in list_models():
        raise ValueError(f"unknown model {model_name!r}: choose from {', '.join(list_models())}")
    buffer = io.BytesIO()
    content = {
        "format": _FORMAT,
        "model": model_name,
        "weights": {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()},
        "metadata": json.loads(json.dumps(metadata or {})),
        "training_state": training_state,
    }
    torch.save(content, buffer)
    write_whole(Path(path), buffer.getvalue())


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Read what `save_checkpoint` wrote. Runs no code from the file.

    Args:
        path: the file, or a run's folder, which holds it as ``model.pt``.
        device: where the model should live.

    Raises:
        CheckpointError: the file is missing, damaged, not a checkpoint of digitlab's, or does not fit the
            model that it names.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.pt"
    content = _read_safely(path)
    name, weights, metadata = content.get("model"), content.get("weights"), content.get("metadata")
    if content.get("format") != _FORMAT or not isinstance(weights, dict) or not isinstance(metadata, dict):
        raise CheckpointError(f"{path} is a PyTorch file, but not a checkpoint of digitlab's")
    if name not in list_models():
        raise CheckpointError(f"{path} holds a model that this version does not know: {str(name)[:40]!r}")
    with torch.random.fork_rng(
        devices=[]
    ):  # the random weights are overwritten; drawing them should leave no trace
        model = create_model(name)
    _check_weights(path, name, weights, model)
    model.load_state_dict(weights)
    state = content.get("training_state")
    if state is not None and not isinstance(state, dict):
        raise CheckpointError(f"{path} is damaged: its training state is not a dictionary")
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


def _read_safely(path: Path) -> dict[str, Any]:
    """The file's content as PyTorch reads it, after every check that needs no trust in it."""
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise CheckpointError(f"{path} has {size >> 20} MB: too large for a checkpoint of digitlab's")
        # torch.save makes a zip file. Its table of contents tells how much memory the entries would take,
        # before they do.
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > _MAX_BYTES:
                raise CheckpointError(f"{path} would unpack to {unpacked >> 20} MB: refused")
    except FileNotFoundError:
        raise CheckpointError(f"no checkpoint at {path}") from None
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is damaged, cut short, or not a PyTorch checkpoint") from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (
        Exception
    ):  # a hostile or damaged file can raise nearly anything here; whatever it is, the answer is the same
        raise CheckpointError(
            f"{path} is damaged or holds more than tensors and plain data: not loaded, and nothing in it was run"
        ) from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is a PyTorch file, but not a checkpoint of digitlab's")
    return content


def _check_weights(path: Path, name: str, weights: dict[str, Any], model: nn.Module) -> None:
    expected = model.state_dict()
    for key in expected.keys() | weights.keys():
        if key not in expected or key not in weights:
            fault = "does not have" if key not in expected else "needs"
            raise CheckpointError(f"{path} does not fit the model {name!r}, which {fault} {str(key)[:80]!r}")
        ours, theirs = expected[key], weights[key]
        if not isinstance(theirs, torch.Tensor) or theirs.layout != torch.strided:
            raise CheckpointError(f"{path} does not fit the model {name!r}: {key} is not a dense tensor")
        if theirs.shape != ours.shape or theirs.dtype != ours.dtype:
            raise CheckpointError(
                f"{path} does not fit the model {name!r}: {key} is {theirs.dtype} {tuple(theirs.shape)}, "
                f"expected {ours.dtype} {tuple(ours.shape)}"
            )
        if not theirs.isfinite().all():
            raise CheckpointError(f"{path} holds weights that are not numbers: {key} is not finite")
