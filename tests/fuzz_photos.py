"""Thousands of strange picture files, and what `read_digits` and `digitlab predict` make of each.

    python tests/fuzz_photos.py --files 10000 --seed 0     # the campaign: about eight minutes
    python tests/fuzz_photos.py --corpus                   # the files of past failures in tests/photo_corpus

File i follows from (seed, i) alone, given the versions of Pillow and numpy: it is what Pillow saves, most often
damaged. Each must give digits whose probabilities are finite, or one line that says what is wrong, within 5
seconds and 1.2 GB. It is read in a child process, which is replaced when it hangs or crashes. Failures are
written to tests/photo_corpus, packed (.xz) if they are large; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import lzma
import multiprocessing
import os
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image

from digitlab.cli import main as command
from digitlab.data import load_sample
from digitlab.photo import PhotoError, read_digits
from digitlab.runs.checkpoint import load_shipped_model
from digitlab.training import predict

CORPUS = Path(__file__).with_name("photo_corpus")
MAX_SECONDS = 5.0  # of the processor: this machine may have other things to do
MAX_WAIT = 30.0  # seconds until a child counts as hanging
MAX_MEMORY = 1.2e9  # bytes, of which PyTorch takes half
SMALL_FILE = 20_000  # bytes; what is larger is packed before it is kept

Random = np.random.Generator


# --- what Pillow saves ---


def pick(random: Random, options: Sequence[Any]) -> Any:
    return options[random.integers(len(options))]


DIGITS = load_sample("test").images.numpy()
SIDES = (1, 2, 3, 7, 28, 28, 64, 65, 100, 150, 300, 500)
EITHER = (False, True)
KINDS: dict[str, tuple[str, dict[str, Sequence[Any]]]] = {  # the modes that Pillow can save so, and options
    "PNG": ("1 L LA P I I;16 RGB RGBA", {"transparency": (0, 255), "save_all": EITHER}),
    "JPEG": ("1 L RGB RGBX CMYK YCbCr", {"quality": (1, 50, 95), "progressive": EITHER}),
    "TIFF": ("1 L LA P I I;16 F RGB RGBA RGBX CMYK YCbCr LAB", {
        "tiffinfo": [{274: 1}, {274: 6}, {274: 7}],
        "compression": ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"),
        "big_tiff": EITHER,
    }),
    "GIF": ("1 L P RGB RGBA", {"disposal": (0, 1, 2, 3), "save_all": EITHER}),
    "BMP": ("1 L P RGB RGBA", {}),
    "WEBP": ("L RGB RGBA", {"lossless": EITHER, "save_all": EITHER}),
    "AVIF": ("L RGB RGBA", {}),
    "PPM": ("1 L I RGB F", {}),
}  # fmt: skip
STRANGERS = ("ICO", "TGA", "PCX", "JPEG2000", "PDF", "EPS")  # refused at the door
SUFFIXES = (".png", ".jpg", ".gif", ".tif", ".webp", ".PNG", ".heic", ".txt", ".pt", "")
COMPRESSIONS = {"1": ("group3", "group4"), "L": ("jpeg", "raw"), "RGB": ("jpeg", "raw")}  # others crash
BOMBS: tuple[tuple[str, tuple[int, int], str, dict[str, Any]], ...] = (
    ("RGBA", (60_000, 1000), "PNG", {}),
    ("I;16", (10_000, 6000), "PNG", {}),
    ("L", (20_000, 20_000), "PNG", {}),
    ("L", (10_000, 6000), "JPEG", {"progressive": True}),
    ("F", (10_000, 6000), "TIFF", {"compression": "tiff_adobe_deflate", "tiffinfo": {274: 6}}),
    ("RGBA", (6000, 4000), "WEBP", {"lossless": True, "method": 0}),
)


def draw(random: Random, width: int, height: int) -> np.ndarray:
    """Handwriting on paper, or a pattern: uint8 `(height, width)`."""
    page = np.full((height, width), 240, np.uint8)
    kind = random.integers(10)
    if kind < 6:
        for _ in range(random.integers(1, 9)):
            side = int(random.integers(1, max(2, min(width, height, 300))))
            digit = Image.fromarray(pick(random, DIGITS)).resize((side, side))
            top, left = (int(random.integers(0, length - side + 1)) for length in (height, width))
            ink = np.asarray(digit) / 255 * random.uniform(0.1, 1)
            page[top : top + side, left : left + side] = 240 * (1 - ink)
    elif kind == 6:
        page = random.integers(0, 256, page.shape, dtype=np.uint8)
    elif kind == 7:
        page[:] = np.linspace(*random.integers(256, size=2), width)
    elif kind == 8:  # as many marks as fit
        step = int(random.integers(2, 40))
        rows, columns = np.arange(height) % step < step // 2, np.arange(width) % step < step // 3 + 1
        page[np.ix_(rows, columns)] = 20
    else:  # lines of one pixel
        page[:: random.integers(2, 12)] = page[:, :: random.integers(2, 40)] = 0
    return page if random.random() < 0.7 else 255 - page


def picture(random: Random, mode: str) -> Image.Image:
    """An image of this mode, most of them small."""
    width, height = (pick(random, SIDES) for _ in range(2))
    if random.random() < 0.04:
        width, height = random.permutation([1, pick(random, [2000, 16383, 65_500])]).tolist()
    page = draw(random, width, height)
    if mode == "I;16":
        return Image.fromarray(page.astype(np.uint16) * np.uint16(257))
    if mode in ("I", "F"):
        factor = pick(random, [1, -1, 257, 1e-45, 1e36, np.nan, np.inf])
        values = page * np.float32(factor)
        values[random.random(page.shape) < pick(random, [0, 0.001, 0.5])] = pick(random, [np.nan, -np.inf])
        return Image.fromarray(values if mode == "F" else values.astype(np.int32))
    grey = Image.fromarray(page)
    image = Image.merge("LAB", [grey] * 3) if mode == "LAB" else grey.convert("RGB").convert(mode)
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.fromarray(draw(random, width, height)))
    if mode == "P" and random.random() < 0.5:
        image.putpalette(random.bytes(3 * int(random.integers(1, 257))))
    return image


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def saved(random: Random) -> bytes:
    """Whatever Pillow can save, with odd options."""
    kind = pick(random, STRANGERS) if random.random() < 0.1 else pick(random, list(KINDS))
    modes, choices = KINDS.get(kind, ("RGB", {}))
    mode = pick(random, modes.split())
    image = picture(random, mode)
    options = {name: pick(random, values) for name, values in choices.items()}
    if kind == "TIFF" and random.random() < 0.5:
        options["compression"] = pick(random, COMPRESSIONS.get(mode, ("raw",)))
    if options.get("save_all"):
        options["append_images"] = [image.rotate(90), picture(random, mode)][: int(random.integers(3))]
    if random.random() < 0.3 and kind not in ("AVIF", "TIFF"):  # there, nonsense crashes Pillow as it writes
        exif = Image.Exif()
        exif[274] = int(random.integers(12))  # from 1 to 8 they mean something
        options["exif"] = damage(random, exif.tobytes()) if random.random() < 0.5 else exif.tobytes()
    try:
        return save(image, kind, **options)
    except Exception:  # such options do not go with this picture, or this Pillow does not know the format
        return save(Image.fromarray(draw(random, *image.size)), "PNG")


def bombs(random: Random) -> bytes:
    """Small files that unpack to as much as is allowed, or more."""
    mode, size, kind, options = pick(random, BOMBS)
    return save(Image.new(mode, size), kind, **options)


# --- what is damaged ---

# A file's bytes and a stretch a..b of them -> other bytes.
MUTATIONS: tuple[Callable[[Random, bytes, int, int], bytes], ...] = (
    lambda random, data, a, b: data[:a] + bytes([data[a] ^ 1 << random.integers(8)]) + data[a + 1 :],
    lambda random, data, a, b: data[:a] + data[b:],
    lambda random, data, a, b: data[:a] + random.bytes(b - a) + data[a:],
    lambda random, data, a, b: data[:a] + pick(random, NUMBERS) + data[a + 4 :],
    lambda random, data, a, b: data[:a] + data[a:b] * int(random.integers(2, 20)) + data[b:],
    lambda random, data, a, b: data[:a] + pick(random, (b"\0", b"\xff")) * (b - a) + data[b:],
    lambda random, data, a, b: data[: random.integers(len(data))],
    lambda random, data, a, b: data[:a] + saved(random)[a:],
)
NUMBERS = [struct.pack(order, number) for number in (0, 1, 2**16, 2**31, 2**32 - 1) for order in (">I", "<I")]
# Starts of other files: alone, before a picture, or over its own start.
GRAFTS = (
    b"",
    bytes(50_000),
    b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
    b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer",
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n(%pipe%echo) run\n",
    b"PK\3\4",
    b"\0\0\0\x20ftypheic",
    b"\0\0\0\x20ftypavif",
    b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    b"II*\0\x08\0\0\0\xff\xff",
    b"\xff\xd8\xff\xe1\xff\xffExif\0\0",
)


def damage(random: Random, data: bytes) -> bytes:
    """Up to four mutations, most often near the start."""
    for _ in range(random.integers(1, 5)):
        if len(data) < 20:
            break
        a = int(random.integers(len(data) if random.random() < 0.5 else min(len(data), 200)))
        data = pick(random, MUTATIONS)(random, data, a, min(len(data), a + int(random.integers(1, 40))))
    return data


def mutated(random: Random) -> bytes:
    data = damage(random, saved(random))
    if not data.startswith(b"\x89PNG") or random.random() < 0.2:
        return data
    # With right checksums, or Pillow would look no further.
    place, parts = 8, [data[:8]]
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        parts.append(data[place:end] + zlib.crc32(data[place + 4 : end]).to_bytes(4, "big"))
        place = end + 4
    return b"".join(parts)


def grafted(random: Random) -> bytes:
    graft, data = pick(random, GRAFTS), saved(random)
    return pick(random, (graft, graft + data, graft + data[len(graft) :]))


# --- one file on the disk ---

GENERATORS = (saved, mutated, mutated, mutated, grafted, mutated, mutated)
NAMES = ("a b.png", "line\nbreak\r.png", "\x1b[31mred.png", "§ü七.png", "x" * 240, "-.png", "%s{0}.png")
NAMES += (os.fsdecode(b"\xff\xfe.png"), "no suffix", "'\"\\.png", "~", "\u202egnp.png", "long" * 2000)
PLACES: tuple[Callable[[Path], object], ...] = (  # what a path may lead to instead of a file
    lambda path: path.mkdir(),
    lambda path: os.mkfifo(path),
    lambda path: path.symlink_to(path),
    lambda path: path.symlink_to(os.devnull),
    lambda path: None,
)


def make_file(folder: Path, seed: int, index: int) -> tuple[str, Path]:
    """Write file `index`; returns its kind and its path, which need not be that of a readable file."""
    random = np.random.default_rng((seed, index))
    if index % 40 == 19:
        path = folder / pick(random, NAMES)
        with contextlib.suppress(OSError, UnicodeError):  # not each file system allows such names and links
            if random.random() < 0.5:
                pick(random, PLACES)(path)
            else:
                path.write_bytes(save(Image.fromarray(draw(random, 200, 200)), "PNG"))
        return "strange path", path
    generator = bombs if index % 200 == 199 else GENERATORS[index % len(GENERATORS)]
    path = folder / f"{index:05d}-{generator.__name__}{pick(random, SUFFIXES)}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers too large for their kind, as is meant
        path.write_bytes(generator(random))
    return generator.__name__, path


# --- what is made of it ---

ERRORS = {  # what an error says -> how it is counted
    "looks blank": "blank",
    "looks like a digit": "no digit",
    "too many for handwriting": "too many marks",
    "not a picture of a known kind": "not a picture",
    "reduce it and save it as JPEG": "too large",
    "check the path": "no file",
    "folder or a device": "no file",
    "copy or save it again": "damaged",
    "NaN or infinity": "no numbers",
}


def check_line(line: str) -> str:
    """Which error it is, if it is one line that a terminal can show."""
    known = [kind for words, kind in ERRORS.items() if words in line]
    assert known and line.isprintable() and len(line) < 300, f"unknown, long, or not one line: {line!r:.300}"
    return known[0]


def read(path: Path) -> str:
    """Through the library, as a program does: "digits", or the kind of error."""
    try:
        photo = read_digits(path)
    except PhotoError as error:
        return check_line(str(error))
    probabilities = predict(load_shipped_model(), torch.from_numpy(photo.images)).numpy()
    finite = all(np.isfinite(each).all() for each in (photo.grey, photo.ink, probabilities))
    assert finite and abs(probabilities.sum(1) - 1).max() < 1e-4, "numbers that are not finite, or no shares"
    return "digits"


def read_by_command(path: Path) -> str:
    """Through `digitlab predict`: likewise, by its exit status and what it prints."""
    output, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = command(["predict", str(path)])
    lines = errors.getvalue().splitlines()
    if status == 0 and not lines:
        return "digits"
    good = status == 2 and len(lines) == 1 and lines[0].startswith("digitlab: error: ")
    assert good, f"exit status {status} with {len(lines)} lines: {errors.getvalue()!r:.300}"
    return check_line(lines[0].removeprefix("digitlab: error: "))


class Result(NamedTuple):
    """What came of one file: the outcome, or the problem, if there was one."""

    outcome: str
    problem: str = ""
    seconds: float = 0.0
    peak: int = 0  # bytes that the child has used at most, so far
    kind: str = ""
    name: str = ""


def observe(judge: Callable[[Path], str], path: Path) -> Result:
    """Call `judge` with a path, and take down what it does, what it takes, and whatever leaks out."""
    outcome, problem = "failed", ""
    with warnings.catch_warnings(record=True) as warned, tempfile.TemporaryFile() as leak:
        warnings.simplefilter("always")
        sys.stderr.flush()
        usual = os.dup(2)
        os.dup2(leak.fileno(), 2)  # decoders written in C print there, too
        start, began = time.process_time(), time.monotonic()
        try:
            outcome = judge(path)
        except BaseException as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            problem = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        seconds = min(time.process_time() - start, time.monotonic() - began)
        sys.stderr.flush()
        os.dup2(usual, 2)
        os.close(usual)
        leak.seek(0)
        leaked = leak.read(500).decode(errors="replace")
    status = Path("/proc/self/status")  # where there is none, memory is not measured
    peak = int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024 if status.exists() else 0
    if not problem and (warned or leaked):
        problem = f"leaked: {[str(each.message) for each in warned]} {leaked!r}"
    if not problem and (seconds > MAX_SECONDS or peak > MAX_MEMORY):
        problem = f"{seconds:.1f} seconds, {peak / 1e6:.0f} MB of memory"
    return Result("failed" if problem else outcome, problem, seconds, peak)


# --- the campaign ---

File = tuple[str, Path, Callable[[Path], str]]  # its kind, where it lies, and what is to read it


def start_child() -> Any:
    child = multiprocessing.get_context("spawn").Pool(1, torch.set_num_threads, (1,))
    child.apply(observe, (str, Path()))  # until all is imported, which may take longer than a picture may
    return child


def run(files: Iterable[File], keep: Path | None = None) -> list[Result]:
    """Observe the files one after another in a child process; failures are told at once, and kept in `keep`."""
    results, child = [], start_child()
    for kind, path, judge in files:
        try:
            result = child.apply_async(observe, (judge, path)).get(MAX_WAIT)
        except multiprocessing.TimeoutError:
            result = Result("failed", f"hangs or crashes: no answer in {MAX_WAIT:.0f} seconds")
        results.append(result._replace(kind=kind, name=ascii(path.name)[-150:]))
        if result.problem:
            print(f"{results[-1].name}: {result.problem}", flush=True)
            child.terminate()
            child = start_child()
            if keep and path.is_file():
                packed = path.stat().st_size > SMALL_FILE
                content = lzma.compress(path.read_bytes()) if packed else path.read_bytes()
                (keep / (path.name + ".xz" * packed)).write_bytes(content)
    child.terminate()
    return results


def campaign(indices: Iterable[int], seed: int) -> Iterator[File]:
    """The files `indices`; each seventh goes through the command."""
    for index in indices:
        with tempfile.TemporaryDirectory() as folder:
            yield *make_file(Path(folder), seed, index), read_by_command if index % 7 == 6 else read


def corpus() -> Iterator[File]:
    """The files of past failures, by the library and, if they are small, by the command; .xz is unpacked first."""
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(each for each in CORPUS.iterdir() if each.name != "README.md"):
            if path.suffix == ".xz":
                unpacked = Path(folder) / path.stem
                unpacked.write_bytes(lzma.decompress(path.read_bytes()))
                yield "read", unpacked, read
            else:
                yield "read", path, read
                yield "read_by_command", path, read_by_command


def main() -> int:
    parser = argparse.ArgumentParser(description="Read thousands of strange picture files.")
    parser.add_argument("--files", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", action="store_true", help="the files of past failures instead")
    options = parser.parse_args()
    results = run(corpus() if options.corpus else campaign(range(options.files), options.seed), CORPUS)
    for name in ("outcome", "kind"):
        counts = collections.Counter(getattr(each, name) for each in results)
        print(f"{name:<10}" + ", ".join(f"{n:,} {what}" for what, n in counts.most_common()))
    slowest = max(results, key=lambda result: result.seconds)
    print(f"slowest   {slowest.seconds:.1f} s: {slowest.name}")
    print(f"memory    {max(each.peak for each in results) / 1e6:.0f} MB at most")
    return any(each.problem for each in results)


if __name__ == "__main__":
    raise SystemExit(main())
