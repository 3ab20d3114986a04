"""A trained network for use elsewhere: for the playground, or for any program that reads ONNX. See lesson 15."""

from __future__ import annotations

import base64
import json
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from digitlab.checks import checked
from digitlab.data import load_sample, normalize
from digitlab.models import DigitModel
from digitlab.names import MEAN, STD
from digitlab.runs.checkpoint import MODEL_FILE, Checkpoint, load_checkpoint, model_file
from digitlab.wording import percent
from digitlab.writing import write_whole

__all__ = ["export_onnx", "export_playground"]


@checked
def export_playground(path: str | Path, output: str | Path) -> None:
    """Write a trained `CNN` as the script that the playground page loads: weights of half precision, about 60 KB.

    ``path`` is a run's folder or a model's file. What the script says of its accuracy was measured before rounding.

    Examples:
        >>> import tempfile
        >>> from digitlab.models import create_model
        >>> from digitlab.runs.checkpoint import save_checkpoint
        >>> folder = Path(tempfile.mkdtemp())
        >>> save_checkpoint(folder / "model.safetensors", create_model("cnn"), "cnn")
        >>> export_playground(folder, folder / "mine.js")
        >>> print((folder / "mine.js").read_text()[:55])
        window.digitlabWeights = '{"format": "digitlab-weights"
    """
    file, checkpoint = _loaded(path, output)
    if checkpoint.model_name != "cnn":
        raise ValueError(f"the playground runs the model 'cnn', and {file} holds {checkpoint.model_name!r}")
    name = file.resolve().parent.name if file.name == MODEL_FILE else file.stem
    script = playground_script(checkpoint.model, name, _measured(checkpoint.metadata))
    write_whole(Path(output), script.encode())


@checked
def export_onnx(path: str | Path, output: str | Path) -> None:
    """Write any of digitlab's networks as one ONNX file: images ``(batch, 1, 28, 28)`` to logits ``(batch, 10)``.

    ``path`` is a run's folder or a model's file. Where ONNX Runtime is installed, the network is written only if its
    logits there are PyTorch's.
    """
    missing = [package for package in ("onnx", "onnxscript") if find_spec(package) is None]
    if missing:
        raise ValueError(f'ONNX export needs {" and ".join(missing)}: pip install "digitlab[onnx]"')
    model = _loaded(path, output)[1].model
    content = _to_onnx(model)
    if find_spec("onnxruntime"):
        _check_onnx(content, model)
    write_whole(Path(output), content)


def _loaded(path: str | Path, output: str | Path) -> tuple[Path, Checkpoint]:
    """The model's file, which must not be the one to write, and what is in it."""
    file, checkpoint = model_file(path), load_checkpoint(path)
    if Path(output).exists() and file.samefile(output):
        raise ValueError(f"{output} is the model itself: choose another file to write")
    return file, checkpoint


def playground_script(model: nn.Module, name: str, measured: str) -> str:
    """The script that the playground reads: JSON in one line of JavaScript, with the weights of a `CNN` in base64."""
    tensors = {}
    for key, tensor in model.state_dict().items():
        rounded = tensor.detach().cpu().to(torch.float16)
        if not rounded.isfinite().all():
            raise ValueError(f"{key} holds weights beyond 65,504, the largest number of half precision")
        data = base64.b64encode(rounded.numpy().astype("<f2").tobytes()).decode()
        tensors[key] = {"shape": list(tensor.shape), "data": data}
    about = {"format": "digitlab-weights", "version": 1, "model": "cnn"}
    words = {"name": _plain(name), "measured": _plain(measured)}
    content = json.dumps({**about, **words, "dtype": "float16", "tensors": tensors}, ensure_ascii=False)
    return f"window.digitlabWeights = '{content}';\n"


def _plain(text: str) -> str:
    """Without what would have to be escaped: the text stands inside JSON, and that inside JavaScript."""
    return "".join(c if c.isprintable() and c not in "\"'\\" else "_" for c in text)[:100]


def _measured(metadata: dict[str, Any]) -> str:
    try:
        data = metadata["data"]
        return measured_in_words(float(metadata["test_accuracy"]), int(data["n_test"]), str(data["name"]))
    except (ValueError, KeyError, TypeError, OverflowError):  # never tested, or a stranger's
        return "not measured"


def measured_in_words(accuracy: float, n_digits: int, data: str) -> str:
    """How well a network reads, as the page says it: ``99.44 % of 10,000 test digits (mnist)``."""
    return f"{percent(accuracy, decimals=2)} of {n_digits:,} test digits ({data})"


def _to_onnx(model: DigitModel) -> bytes:
    program = torch.onnx.export(
        model,
        (torch.zeros(2, 1, 28, 28),),
        dynamo=True,
        dynamic_shapes={"images": {0: torch.export.Dim("batch")}},
        input_names=["images"],
        output_names=["logits"],
        verbose=False,
    )
    assert program is not None  # it would be with dynamo=False
    proto = program.model_proto
    proto.doc_string = f"images: (ink / 255 - {MEAN}) / {STD}, ink 0 to 255; logits of the digits 0 to 9"
    return bytes(proto.SerializeToString())


def _check_onnx(content: bytes, model: DigitModel) -> None:
    runtime: Any = import_module("onnxruntime")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    images = normalize(load_sample("test").images[:7])
    (logits,) = session.run(["logits"], {"images": images.numpy()})
    with torch.no_grad():
        difference = (torch.from_numpy(logits) - model(images)).abs().max().item()
    if not difference <= 1e-4:  # rounding, where logits are around 20
        raise ValueError(f"ONNX Runtime's logits differ from PyTorch's by {difference:.1e}")
