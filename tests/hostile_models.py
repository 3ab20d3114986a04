"""Files offered as models that are damaged, foreign, or want to run code or eat memory.

    python tests/hostile_models.py

Offers each to ``load_checkpoint``. Every one must be refused in one line, run nothing, and take little memory. Says how
many there were and the peak of memory over that of the imports. A form of this is part of the tests.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import struct
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from digitlab.models import create_model
from digitlab.runs.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

MARK = "it-ran"


class RunsCode:
    """A pickle of this creates a file when it is read by a reader that runs code."""

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {MARK}",))


def packed(header: object, body: bytes, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def pytorch_file(value: object, **options: Any) -> bytes:
    return written(lambda file: torch.save(value, file, **options))


def make(folder: Path) -> dict[str, Path]:
    """Write them all; gives their paths by what is wrong with them."""
    save_checkpoint(folder / "good.safetensors", create_model("softmax"), "softmax", {"note": "x"})
    good = (folder / "good.safetensors").read_bytes()
    end = 8 + struct.unpack("<Q", good[:8])[0]
    header, body = json.loads(good[8:end]), good[end:]
    weight, bias = (header[name]["data_offsets"] for name in ("fc.weight", "fc.bias"))
    extra = {"dtype": "F32", "shape": [10], "data_offsets": [len(body), len(body) + 40]}
    none = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    many = {"__metadata__": header["__metadata__"]} | {f"{i}": none for i in range(200_000)}

    def change(entry: str, **values: object) -> bytes:
        return packed({**header, entry: {**header[entry], **values}}, body)

    def lack(entry: str, *path: str) -> bytes:
        copy = json.loads(json.dumps(header))
        (copy[entry] if path else copy).pop(*path or [entry])
        return packed(copy, body)

    def rename(name: str) -> bytes:
        return packed({name if each == "fc.bias" else each: value for each, value in header.items()}, body)

    def with_number(number: float, at: int) -> bytes:
        return packed(header, body[:at] + struct.pack("<f", number) + body[at + 4 :])

    contents = {
        "no metadata": lack("__metadata__"),
        "metadata that are numbers": change("__metadata__", model=3),
        "another format": change("__metadata__", format="pt"),
        "an unknown model": change("__metadata__", model="resnet"),
        "a model that is a path": change("__metadata__", model="../../etc/passwd"),
        "no model": lack("__metadata__", "model"),
        "another model": change("__metadata__", model="cnn"),
        "metadata that are no JSON": change("__metadata__", metadata="{"),
        "metadata that are a list": change("__metadata__", metadata="[1]"),
        "metadata without an end": change("__metadata__", metadata="[" * 100_000),
        "no metadata of a run": lack("__metadata__", "metadata"),
        "a tensor missing": lack("fc.bias"),
        "a tensor too many": packed({**header, "extra": extra}, body + bytes(40)),
        "another name": rename("fc.\x1b[31m\n"),
        "an empty name": rename(""),
        "a long name": rename("x" * 1_000_000),
        "another shape": change("fc.weight", shape=[784, 10]),
        "a shape below zero": change("fc.weight", shape=[-10, -784]),
        "a shape that overflows": change("fc.weight", shape=[2**62, 2**62]),
        "a shape that is text": change("fc.weight", shape="much"),
        "another dtype": change("fc.bias", dtype="I32"),
        "an unknown dtype": change("fc.bias", dtype="PICKLE"),
        "offsets beyond the end": change("fc.weight", data_offsets=[0, 10**15]),
        "offsets that overlap": change("fc.bias", data_offsets=weight),
        "offsets turned round": change("fc.bias", data_offsets=bias[::-1]),
        "offsets below zero": change("fc.bias", data_offsets=[-40, 0]),
        "no offsets": lack("fc.bias", "data_offsets"),
        "very many tensors": packed(many, b""),
        "empty": b"",
        "seven bytes": b"\x01" * 7,
        "a header of no length": packed(b"", b""),
        "a header longer than the file": packed(header, body, 10**6),
        "a header of 2 to the 63": packed(header, body, 2**63),
        "a header of 100 MB": packed(header, body, 100 << 20),
        "a header that is no JSON": packed(b"{'a': 1}", body),
        "a header that is a list": packed([1, 2], body),
        "a header that is no text": packed(b"\xff\xfe" * 50, body),
        "a header without an end": packed(b'{"a":' * 100_000, body),
        "a header of spaces": packed(b" " * (60 << 20), body),
        "cut short": good[:-100],
        "bytes too many": good + bytes(100),
        "not a number": with_number(float("nan"), weight[0]),
        "infinity": with_number(float("inf"), bias[0]),
        "a text": b"my model\n" * 100,
        "a gzip": gzip.compress(good),
        "an array of objects": written(lambda file: np.save(file, np.array([RunsCode()]))),
        "a pickle": pickle.dumps(RunsCode()),
        "a pickle in a PyTorch file": pytorch_file(RunsCode()),
        "weights in a PyTorch file": pytorch_file(create_model("softmax").state_dict()),
        "an earlier checkpoint of ours": pytorch_file(
            {"format": "digitlab checkpoint 1", "metadata": RunsCode()}
        ),
        "a PyTorch file of old": pytorch_file(RunsCode(), _use_new_zipfile_serialization=False),
    }
    paths = {name: folder / f"{number}.safetensors" for number, name in enumerate(contents)}
    for name, content in contents.items():
        paths[name].write_bytes(content)
    paths["a file of 3 GB"] = folder / "large.safetensors"
    with paths["a file of 3 GB"].open("wb") as large:
        large.write(good)
        large.truncate(3 << 30)
    paths["a folder"] = folder / "run"
    (folder / "run" / "model.safetensors").mkdir(parents=True)
    paths["nothing"] = folder / "no\nsuch.safetensors"
    if hasattr(os, "mkfifo"):
        paths["a pipe"] = folder / "pipe"
        os.mkfifo(paths["a pipe"])
        paths["a device"] = Path("/dev/zero")
    return paths


def fault_of(path: Path) -> str | None:
    """What is wrong with how ``load_checkpoint`` answers; ``None`` if it refuses as it should."""
    try:
        load_checkpoint(path)
    except CheckpointError as error:
        message = str(error)
        return None if message.isprintable() and len(message) < 500 else f"the message: {message!r}"[:200]
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:200]
    return "it was loaded"


def main() -> int:
    """Offer them all; say what came of it."""
    import resource  # which Windows does not have

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        if os.fork() == 0:  # the writing takes memory of its own
            make(Path(folder))
            os._exit(0)
        os.wait()
        paths = [path for path in Path(folder).iterdir() if path.name != "good.safetensors"]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        faults = {path.name: fault for path in [*paths, Path("/dev/zero")] if (fault := fault_of(path))}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if Path(MARK).exists():
            faults[MARK] = "code of a file was run"
    print(f"{len(paths) + 1} files, {len(faults)} faults, {peak // 1024} MB over the imports")
    print("\n".join(f"{name}: {fault}" for name, fault in faults.items()))
    return 1 if faults or peak > 200 << 10 else 0


if __name__ == "__main__":
    sys.exit(main())
