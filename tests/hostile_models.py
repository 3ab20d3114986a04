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
import zipfile
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


def good_parts(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The header and the body of a model that loads."""
    save_checkpoint(folder / "good.safetensors", create_model("softmax"), "softmax", {"note": "x"})
    content = (folder / "good.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def packed(header: object, body: bytes, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def changed_headers(header: dict[str, Any], body: bytes) -> dict[str, bytes]:
    """Single changes of a good file's header."""

    def change(make: Callable[[dict[str, Any]], object]) -> bytes:
        copy = json.loads(json.dumps(header))
        make(copy)
        return packed(copy, body)

    n = len(body)
    weight, bias = header["fc.weight"], header["fc.bias"]
    about = header["__metadata__"]
    nested = "[" * 100_000
    none = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return {
        "no metadata": change(lambda h: h.pop("__metadata__")),
        "metadata that are numbers": change(lambda h: h["__metadata__"].update(model=3)),
        "another format": change(lambda h: h["__metadata__"].update(format="pt")),
        "an unknown model": change(lambda h: h["__metadata__"].update(model="resnet")),
        "a model that is a path": change(lambda h: h["__metadata__"].update(model="../../etc/passwd")),
        "no model": change(lambda h: h["__metadata__"].pop("model")),
        "another model": change(lambda h: h["__metadata__"].update(model="cnn")),
        "metadata that are no JSON": change(lambda h: h["__metadata__"].update(metadata="{")),
        "metadata that are a list": change(lambda h: h["__metadata__"].update(metadata="[1]")),
        "metadata without an end": change(lambda h: h["__metadata__"].update(metadata=nested)),
        "no metadata of a run": change(lambda h: h["__metadata__"].pop("metadata")),
        "a tensor missing": packed({k: v for k, v in header.items() if k != "fc.bias"}, body),
        "a tensor too many": change(lambda h: h.update(extra={**bias, "data_offsets": [n, n + 40]}))
        + bytes(40),
        "another name": change(lambda h: h.update({"fc.\x1b[31m\n": h.pop("fc.bias")})),
        "an empty name": change(lambda h: h.update({"": h.pop("fc.bias")})),
        "a long name": change(lambda h: h.update({"x" * 1_000_000: h.pop("fc.bias")})),
        "another shape": change(lambda h: h["fc.weight"].update(shape=[784, 10])),
        "a shape below zero": change(lambda h: h["fc.weight"].update(shape=[-10, -784])),
        "a shape that overflows": change(lambda h: h["fc.weight"].update(shape=[2**62, 2**62])),
        "a shape that is text": change(lambda h: h["fc.weight"].update(shape="much")),
        "another dtype": change(lambda h: h["fc.bias"].update(dtype="I32")),
        "an unknown dtype": change(lambda h: h["fc.bias"].update(dtype="PICKLE")),
        "offsets beyond the end": change(lambda h: h["fc.weight"].update(data_offsets=[0, 10**15])),
        "offsets that overlap": change(lambda h: h["fc.bias"].update(data_offsets=weight["data_offsets"])),
        "offsets turned round": change(
            lambda h: h["fc.bias"].update(data_offsets=bias["data_offsets"][::-1])
        ),
        "offsets below zero": change(lambda h: h["fc.bias"].update(data_offsets=[-40, 0])),
        "no offsets": change(lambda h: h["fc.bias"].pop("data_offsets")),
        "very many tensors": packed({"__metadata__": about} | {f"{i}": none for i in range(200_000)}, b""),
    }


def make(folder: Path) -> dict[str, Path]:
    """Write them all; gives their paths by what is wrong with them."""
    header, body = good_parts(folder)
    good = (folder / "good.safetensors").read_bytes()
    first, second = (header[name]["data_offsets"][0] for name in ("fc.bias", "fc.weight"))

    def with_number(number: float, at: int) -> bytes:
        return packed(header, body[:at] + struct.pack("<f", number) + body[at + 4 :])

    contents = {
        **changed_headers(header, body),
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
        "not a number": with_number(float("nan"), second),
        "infinity": with_number(float("inf"), first),
        "a text": b"my model\n" * 100,
        "a zip": zipped(),
        "a gzip": gzip.compress(good),
        "an array": numpy_file([1.0, 2.0]),
        "an array of objects": numpy_file([RunsCode()]),
        "a pickle": pickle.dumps(RunsCode()),
        "a pickle in a PyTorch file": saved(RunsCode()),
        "weights in a PyTorch file": saved(create_model("softmax").state_dict()),
        "an earlier checkpoint of ours": saved({"format": "digitlab checkpoint 1", "model": "softmax"}),
        "an earlier checkpoint with code": saved({"format": "digitlab checkpoint 1", "metadata": RunsCode()}),
        "a PyTorch file of old": saved(RunsCode(), _use_new_zipfile_serialization=False),
    }
    paths = {}
    for number, (name, content) in enumerate(contents.items()):
        paths[name] = folder / f"{number}.safetensors"
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


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(RunsCode()))
    return buffer.getvalue()


def numpy_file(values: list[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array(values), allow_pickle=True)
    return buffer.getvalue()


def saved(value: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


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
