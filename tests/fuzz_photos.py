"""Thousands of strange picture files, and what `digitlab predict` makes of each.

    python tests/fuzz_photos.py 10000     # so many

File i follows from i alone, given the versions of Pillow and numpy: it is what Pillow saves, most often damaged. Each
must give digits whose probabilities are finite, or one line that says what is wrong, within 5 seconds and 1.2 GB. It
is read in a child process, which is replaced when it hangs or crashes. Failures are told, and copied to
tests/photo_corpus (pack large ones with xz).
"""

from __future__ import annotations

import collections
import io
import json
import lzma
import multiprocessing
import os
import re
import shutil
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from digitlab.cli import main as command
from digitlab.data import load_sample

CORPUS = Path(__file__).with_name("photo_corpus")
MAX_SECONDS = 5.0  # of the processor: this machine may have other things to do
MAX_WAIT = 30.0  # seconds until a child counts as hanging
MAX_MEMORY = 1.2e9  # bytes, of which PyTorch takes half

Random = np.random.Generator


def pick(random: Random, options: Sequence[Any]) -> Any:
    return options[random.integers(len(options))]


# --- what Pillow saves ---

DIGITS = load_sample("test").images.numpy()
SIDES = (1, 3, 28, 64, 65, 100, 150, 300, 500)
KINDS = {  # the modes that Pillow can save so; the last ones are refused at the door
    "PNG": "1 L LA P I I;16 RGB RGBA",
    "JPEG": "1 L RGB RGBX CMYK YCbCr",
    "TIFF": "1 L LA P I I;16 F RGB RGBA RGBX CMYK YCbCr",
    "GIF": "1 L P RGB RGBA",
    "BMP": "1 L P RGB RGBA",
    "WEBP": "L RGB RGBA",
    "AVIF": "L RGB RGBA",
    "PPM": "1 L I RGB F",
    **dict.fromkeys(("ICO", "JPEG2000", "EPS"), "RGB"),
}
OPTIONS: dict[str, Sequence[Any]] = {  # each kind takes those that it knows
    "quality": (1, 50, 95),
    "progressive": (False, True),
    "lossless": (False, True),
    "transparency": (None, 0, 255),
    "compression": ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"),  # some others crash
    "tiffinfo": ({274: 1}, {274: 6}, {274: 7}),
}


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def saved(random: Random) -> bytes:
    """A digit of any size, as whatever Pillow can save."""
    kind = pick(random, list(KINDS))
    mode = pick(random, KINDS[kind].split())
    image = Image.fromarray(255 - pick(random, DIGITS)).resize((pick(random, SIDES), pick(random, SIDES)))
    if mode in ("I;16", "I", "F"):
        values = np.asarray(image) * np.float32(pick(random, (1, -1, 257, 1e-45, 1e36, np.nan)))
        image = Image.fromarray(values.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))
    else:
        image = image.convert("RGB").convert(mode)
    try:
        return save(image, kind, **{name: pick(random, values) for name, values in OPTIONS.items()})
    except Exception:  # such options do not go with this picture, or this Pillow does not know the format
        return save(image.convert("L"), "PNG")


# --- what is damaged ---

NUMBERS = [struct.pack(order, number) for number in (0, 1, 2**16, 2**31, 2**32 - 1) for order in (">I", "<I")]
# To a file's bytes, at a stretch a..b of them.
DAMAGES: tuple[Callable[[Random, bytes, int, int], bytes], ...] = (
    lambda random, data, a, b: data[:a] + bytes([data[a] ^ 1 << random.integers(8)]) + data[a + 1 :],
    lambda random, data, a, b: data[:a] + data[b:],
    lambda random, data, a, b: data[:a] + random.bytes(b - a) + data[b:],
    lambda random, data, a, b: data[:a] + pick(random, NUMBERS) + data[a + 4 :],
    lambda random, data, a, b: data[:a] + data[a:b] * int(random.integers(2, 20)) + data[b:],
    lambda random, data, a, b: data[: a + 1],
    lambda random, data, a, b: data[: a + 1] + saved(random)[a:],
)


def damaged(random: Random) -> bytes:
    """Up to three damages, most often near the start."""
    data = saved(random)
    for _ in range(random.integers(1, 4)):
        a = int(random.integers(min(len(data), pick(random, (200, len(data))))))
        data = pick(random, DAMAGES)(random, data, a, min(len(data), a + int(random.integers(1, 40))))
    return data


# --- what is made of it ---

ERRORS = ("looks blank", "looks like a digit", "too many for handwriting", "not a picture of a known kind",
          "reduce it and save it as JPEG", "copy or save it again", "NaN or infinity")  # fmt: skip
GOOD = {"digits", *ERRORS}


def observe(path: Path) -> str:
    """Run the command: "digits", or what a known error says; all else that it prints, does or takes is a problem."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        os.dup2(out.fileno(), 1)
        os.dup2(errors.fileno(), 2)  # decoders written in C print there, too
        began = time.process_time()
        try:
            status = command(["predict", "--json", str(path)])
        except BaseException as error:
            return f"failed with {error!r}"
        seconds = time.process_time() - began
        sys.stdout.flush()
        out.seek(0)
        errors.seek(0)
        printed, said = out.read(), errors.read(1000).decode(errors="replace")
    memory = Path("/proc/self/status")  # where there is none, it is not measured
    peak = int(memory.read_text().split("VmHWM:")[1].split()[0]) * 1024 if memory.exists() else 0
    if seconds > MAX_SECONDS or peak > MAX_MEMORY:
        return f"took {seconds:.1f} seconds, {peak / 1e6:.0f} MB of memory"
    if status == 0 and not said:
        read = [digit["probabilities"] for picture in json.loads(printed) for digit in picture["digits"]]
        return "digits" if all(abs(sum(each) - 1) < 1e-4 for each in read) else "no shares"
    line = re.fullmatch("digitlab: error: (.{1,300}?)\r?\n", said)
    known = [words for words in ERRORS if line and words in line[1] and line[1].isprintable()]
    return known[0] if known else f"exit status {status}, {said!r}"


def start_child() -> Any:
    child = multiprocessing.get_context("spawn").Pool(1, torch.set_num_threads, (1,))
    child.apply(observe, (Path(),))  # until all is imported, which may take longer than a picture may
    return child


def run(paths: Iterable[Path], keep: Path | None = None) -> list[str]:
    """Observe the files one after another in a child process; failures are told at once, and kept in `keep`."""
    outcomes, child = [], start_child()
    for path in paths:
        try:
            outcomes.append(child.apply_async(observe, (path,)).get(MAX_WAIT))
        except multiprocessing.TimeoutError:
            outcomes.append(f"hangs or crashes: no answer in {MAX_WAIT:.0f} seconds")
        if outcomes[-1] not in GOOD:
            print(f"{path.name}: {outcomes[-1]}", flush=True)
            child.terminate()
            child = start_child()
            if keep:
                shutil.copy(path, keep)
    child.terminate()
    return outcomes


def campaign(n: int) -> Iterator[Path]:
    """So many files, each as it is asked for."""
    for index in range(n):
        random = np.random.default_rng((0, index))
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numbers too large for their kind, as is meant
            path = Path(folder) / f"{index:05d}.png"
            path.write_bytes(damaged(random) if index % 4 else saved(random))
            yield path


def corpus() -> Iterator[Path]:
    """The files of past failures; .xz is unpacked first."""
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(each for each in CORPUS.iterdir() if each.name != "README.md"):
            unpacked = Path(folder) / path.name.removesuffix(".xz")
            content = path.read_bytes()
            unpacked.write_bytes(lzma.decompress(content) if path.suffix == ".xz" else content)
            yield unpacked


if __name__ == "__main__":
    print(collections.Counter(run(campaign(int(sys.argv[1])), keep=CORPUS)))
