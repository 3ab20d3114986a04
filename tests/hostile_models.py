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
from pathlib import Path
from typing import Any

import torch

from digitlab.models import create_model
from digitlab.runs.checkpoint import CheckpointError, load_checkpoint, save_checkpoint

MARK = "it-ran"


class RunsCode:
    """A pickle of this creates a file when it is read by a reader that runs code."""

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {MARK}",))


def pytorch_file(value: object, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def make(folder: Path) -> dict[str, Path]:
    """Write them all; gives their paths by what is wrong with them."""
    save_checkpoint(folder / "good.safetensors", create_model("softmax"), "softmax", {"note": "x"})
    good = (folder / "good.safetensors").read_bytes()
    end = 8 + struct.unpack("<Q", good[:8])[0]
    header, body = json.loads(good[8:end]), good[end:]
    none = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}

    def packed(content: object, length: int | None = None) -> bytes:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        return struct.pack("<Q", len(text) if length is None else length) + text + body

    def change(entry: str, **values: object) -> bytes:
        """The good file, but with these values in an entry of its header; those that are None are left out."""
        changed = {key: each for key, each in {**header[entry], **values}.items() if each is not None}
        return packed({**header, entry: changed})

    def rename(old: str, name: str) -> bytes:
        return packed({name if each == old else each: header[each] for each in header})

    contents = {
        "no metadata": packed({name: header[name] for name in header if name != "__metadata__"}),
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
        "offsets that overlap": change("fc.bias", data_offsets=header["fc.weight"]["data_offsets"]),
        "very many tensors": packed({**header, **dict.fromkeys(map(str, range(200_000)), none)}),
        "empty": b"",
        "a header of 2 to the 63": packed(good[8:end], 2**63),
        "a header of 100 MB": packed(good[8:end], 100 << 20),
        "a header that is no JSON": packed(b"{'a': 1}"),
        "a header that is no text": packed(b"\xff\xfe" * 50),
        "a header without an end": packed(b'{"a":' * 100_000),
        "a header of spaces": packed(b" " * (60 << 20)),
        "cut short": good[:-100],
        "bytes too many": good + bytes(100),
        "not a number": good[:-4] + struct.pack("<f", float("nan")),
        "infinity": good[:-4] + struct.pack("<f", float("inf")),
        "a gzip": gzip.compress(good),
        "a pickle": pickle.dumps(RunsCode()),
        "a pickle in a PyTorch file": pytorch_file(RunsCode()),
        "weights in a PyTorch file": pytorch_file(create_model("softmax").state_dict()),
        "a PyTorch file of old": pytorch_file(RunsCode(), _use_new_zipfile_serialization=False),
        "a file of 3 GB": good,
    }
    paths = {name: folder / f"{number}.safetensors" for number, name in enumerate(contents)}
    for name, content in contents.items():
        paths[name].write_bytes(content)
    os.truncate(paths["a file of 3 GB"], 3 << 30)
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
        paths = [
            *(path for path in Path(folder).iterdir() if path.name != "good.safetensors"),
            Path("/dev/zero"),
        ]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        faults = {path.name: fault for path in paths if (fault := fault_of(path))}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if Path(MARK).exists():
            faults[MARK] = "code of a file was run"
    print(f"{len(paths)} files, {len(faults)} faults, {peak // 1024} MB over the imports")
    print("\n".join(f"{name}: {fault}" for name, fault in faults.items()))
    return 1 if faults or peak > 200 << 10 else 0


if __name__ == "__main__":
    sys.exit(main())
