import gzip
import io
import json
import os
import pickle
import re
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save

import digitlab
from digitlab.data import load_sample
from digitlab.models import create_model, list_models
from digitlab.runs.checkpoint import CheckpointError, load_checkpoint, load_shipped_model, save_checkpoint
from digitlab.training import predict


@pytest.mark.parametrize("name", list_models())
def test_what_is_saved_is_what_is_loaded(name: str, tmp_path: Path) -> None:
    model = create_model(name)
    before = torch.get_rng_state()
    save_checkpoint(tmp_path / "model.safetensors", model, name, {"note": "ü", "list": [1, 2.5, None]})
    loaded = load_checkpoint(tmp_path)
    assert torch.equal(torch.get_rng_state(), before), "neither draws random numbers of the program's"
    assert loaded.model_name == name and not loaded.model.training
    assert loaded.metadata == {"note": "ü", "list": [1, 2.5, None]}
    theirs = load_file(tmp_path / "model.safetensors")  # any program can read it
    for read in (loaded.model.state_dict(), theirs):
        torch.testing.assert_close(read, {**model.state_dict()}, rtol=0, atol=0)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda model: model.fc.bias.data.fill_(torch.nan), "not finite numbers, in fc.bias"),
        (lambda model: model.double(), "float64"),
        (lambda model: setattr(model, "fc", torch.nn.Linear(784, 9)), "expected torch.float32 (10, 784)"),
        (lambda model: setattr(model, "more", torch.nn.Linear(2, 2)), "does not have 'more.bias'"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(spoil, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, create_model("softmax"), "softmax")
    before = path.read_bytes()
    model = create_model("softmax")
    spoil(model)
    with pytest.raises(ValueError, match=re.escape(fault)):
        save_checkpoint(path, model, "softmax")
    with pytest.raises(ValueError, match="unknown model 'resnet'"):
        save_checkpoint(path, create_model("softmax"), "resnet")
    assert path.read_bytes() == before


class RunsCode:
    """A pickle of this creates a file when it is read by a reader that runs code."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("it-ran"),))


def pytorch_file(value: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


WEIGHTS = create_model("softmax").state_dict()
GOOD = save(WEIGHTS, {"format": "digitlab model 1", "model": "softmax", "metadata": "{}"})
END = 8 + struct.unpack("<Q", GOOD[:8])[0]
HEADER, BODY = json.loads(GOOD[8:END]), GOOD[END:]
NONE = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}


def packed(content: object, length: int | None = None) -> bytes:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + BODY


def change(entry: str, **values: object) -> bytes:
    """The good file, but with these values in an entry of its header; those that are None are left out."""
    changed = {key: each for key, each in {**HEADER[entry], **values}.items() if each is not None}
    return packed({**HEADER, entry: changed})


def rename(old: str, name: str) -> bytes:
    return packed({name if each == old else each: HEADER[each] for each in HEADER})


HOSTILE = {
    "no metadata": packed({name: HEADER[name] for name in HEADER if name != "__metadata__"}),
    "metadata that are numbers": change("__metadata__", model=3),
    "another format": change("__metadata__", format="pt"),
    "a model that is a path": change("__metadata__", model="../../etc/passwd"),
    "no model": change("__metadata__", model=None),
    "another model": change("__metadata__", model="cnn"),
    "metadata that are no JSON": change("__metadata__", metadata="{"),
    "metadata that are a list": change("__metadata__", metadata="[1]"),
    "metadata without an end": change("__metadata__", metadata="[" * 100_000),
    "no metadata of a run": change("__metadata__", metadata=None),
    "another name": rename("fc.bias", "fc.\x1b[31m\n"),
    "an empty name": rename("fc.bias", ""),
    "a long name": rename("fc.bias", "x" * 1_000_000),
    "another shape": change("fc.weight", shape=[784, 10]),
    "a shape below zero": change("fc.weight", shape=[-10, -784]),
    "a shape that overflows": change("fc.weight", shape=[2**62, 2**62]),
    "another dtype": change("fc.bias", dtype="I32"),
    "an unknown dtype": change("fc.bias", dtype="PICKLE"),
    "offsets beyond the end": change("fc.weight", data_offsets=[0, 10**15]),
    "offsets that overlap": change("fc.bias", data_offsets=HEADER["fc.weight"]["data_offsets"]),
    "very many tensors": packed({**HEADER, **dict.fromkeys(map(str, range(20_000)), NONE)}),
    "empty": b"",
    "a header of 2 to the 63": packed(GOOD[8:END], 2**63),
    "a header that is no JSON": packed(b"{'a': 1}"),
    "a header that is no text": packed(b"\xff\xfe" * 50),
    "a header of spaces": packed(b" " * (60 << 20)),
    "a header without an end": packed(b'{"a":' * 100_000),
    "cut short": GOOD[:-100],
    "bytes too many": GOOD + bytes(100),
    "not a number": GOOD[:-4] + struct.pack("<f", float("nan")),
    "infinity": GOOD[:-4] + struct.pack("<f", float("inf")),
    "a gzip": gzip.compress(GOOD),
    "a pickle": pickle.dumps(RunsCode()),
    "a pickle in a PyTorch file": pytorch_file(RunsCode()),
    "weights in a PyTorch file": pytorch_file(WEIGHTS),
    "a PyTorch file of old": pytorch_file(RunsCode(), _use_new_zipfile_serialization=False),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_in_one_line_and_runs_nothing(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError) as error:
        load_checkpoint("x.safetensors")
    assert str(error.value).isprintable() and len(str(error.value)) < 500
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


def test_what_would_take_all_memory_or_never_end_is_not_opened(tmp_path: Path) -> None:
    large, folder, pipe = tmp_path / "large.safetensors", tmp_path / "model.safetensors", tmp_path / "pipe"
    large.write_bytes(GOOD)
    os.truncate(large, 3 << 30)
    folder.mkdir()
    paths = [large, tmp_path]
    if hasattr(os, "mkfifo"):
        os.mkfifo(pipe)
        paths += [pipe, Path("/dev/zero")]
    for path in paths:
        with pytest.raises(CheckpointError, match="is no ordinary file of at most 4 MB"):
            load_checkpoint(path)
    with pytest.raises(CheckpointError, match=r"no model at .*no\\nsuch"):
        load_checkpoint(tmp_path / "no\nsuch")


def test_the_message_says_what_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, create_model("mlp"), "mlp")
    path.write_bytes(path.read_bytes().replace(b'"model":"mlp"', b'"model":"cnn"'))
    with pytest.raises(CheckpointError, match=r"safetensors .* not fit a CNN, which needs 'conv1\.bias'"):
        load_checkpoint(path)


@pytest.mark.parametrize(("name", "n_bytes"), [("cnn", 100_000), ("deep", 900_000)])
def test_a_shipped_model_is_what_its_card_says(name: str, n_bytes: int) -> None:
    assets = Path(digitlab.__file__).parent / "assets"
    assert (assets / f"{name}.safetensors").stat().st_size < n_bytes
    metadata = load_checkpoint(assets / f"{name}.safetensors").metadata
    card = (assets / f"{name}.md").read_text(encoding="utf-8")
    for figures in metadata["measured"].values():
        assert f"{100 * figures['test_accuracy']:.2f} %" in card
    for style, share in metadata["styles"].items():
        assert re.search(rf"\| {style} \|.* {100 * share:.1f} % \|\n", card), style
    test = load_sample("test")
    right = predict(load_shipped_model(name=name), test.images).argmax(1) == test.labels
    assert right.double().mean() == metadata["measured"]["sample test"]["test_accuracy"]
