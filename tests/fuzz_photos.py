"""Ten thousand strange picture files, and what `read_digits` and `digitlab predict` make of each.

    python tests/fuzz_photos.py --files 10000 --seed 0     # the campaign: about five minutes
    python tests/fuzz_photos.py --only 1234 --seed 0       # file 1234 of it once more; its content is left in --keep
    python tests/fuzz_photos.py --corpus                   # the files of past failures in tests/photo_corpus

File i follows from (seed, i) alone, given the versions of Pillow and numpy. Each file must give digits whose
probabilities are finite, or one line that says what is wrong, within 5 seconds and 1 GB. It is read in a child
process, which is killed when it hangs and replaced when it crashes. Failures are written to tests/photo_corpus,
packed (.xz) if they are large; the exit status is then 1.

Needs the bundled sample only. `tests/test_photo.py` runs the corpus and the first 200 files.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import functools
import gzip
import io
import lzma
import multiprocessing
import os
import pickle
import shutil
import struct
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CORPUS = Path(__file__).with_name("photo_corpus")
MAX_SECONDS = 5.0  # of the processor: this machine may have other things to do
MAX_WAIT = 30.0  # seconds until a child counts as hanging
MAX_MEMORY = 1.2e9  # bytes
LONGEST_LINE = 300
SMALL_FILE = 20_000  # bytes; what is larger is packed before it is kept

Random = np.random.Generator
MODES = "1 L LA La P PA RGB RGBA RGBa RGBX CMYK YCbCr LAB HSV I I;16 I;16B I;16L F"
FORMATS = "PNG JPEG GIF BMP TIFF WEBP AVIF PPM ICO TGA PCX JPEG2000 DDS SGI MSP XBM IM PDF EPS"
SUFFIXES = ".png .jpg .jpeg .gif .bmp .tif .tiff .webp .avif .ppm .pgm .ico .PNG .heic .svg .txt .pt"
SIDES = (1, 2, 3, 7, 28, 28, 64, 65, 100, 150, 300, 500)


def pick(random: Random, options: Sequence[Any]) -> Any:
    return options[random.integers(len(options))]


def seldom(random: Random, usual: Any, odd: Sequence[Any]) -> Any:
    """What is usual, or one time of eight something odd: a file with one fault is read further than one with ten."""
    return pick(random, odd) if random.random() < 0.125 else usual


# --- what is on the pictures ----------------------------------------------------------------------------------------


@functools.cache
def _digits() -> np.ndarray:
    from digitlab.data import load_sample

    return load_sample("test").images.numpy()


def draw(random: Random, width: int, height: int) -> np.ndarray:
    """Handwriting on paper, or a pattern: uint8 `(height, width)`."""
    page = np.full((height, width), 240, np.uint8)
    kind = random.integers(12)
    if kind < 5:
        for _ in range(random.integers(1, 9)):
            side = int(random.integers(1, max(2, min(width, height, 300))))
            digit = Image.fromarray(_digits()[random.integers(len(_digits()))]).resize((side, side))
            top, left = (int(random.integers(0, length - side + 1)) for length in (height, width))
            ink = np.asarray(digit) / 255 * random.uniform(0.1, 1)
            page[top : top + side, left : left + side] = 240 * (1 - ink)
    elif kind == 5:
        page = random.integers(0, 256, page.shape, dtype=np.uint8)
    elif kind == 6:
        page[:] = pick(random, [0, 1, 127, 254, 255])
    elif kind == 7:
        page = (
            np.linspace(random.integers(256), random.integers(256), width)
            .astype(np.uint8)[None]
            .repeat(height, 0)
        )
    elif kind == 8:  # a board of single pixels, or of dots that do not touch
        step = int(random.integers(1, 6))
        page[::step, ::step] = 0
        page[1::2, 1::2] = 0 if step == 2 else page[1::2, 1::2]
    elif kind == 9:  # lines of one pixel
        page[:: random.integers(2, 12)] = 0
        page[:, :: random.integers(2, 40)] = 0
    elif kind == 10:  # as many marks as fit
        step = int(random.integers(4, 40))
        rows, columns = np.arange(height) % step < step // 2, np.arange(width) % step < step // 3 + 1
        page[np.ix_(rows, columns)] = 20
    else:  # almost nothing but one dot
        page[random.integers(height), random.integers(width)] = 0
    return page if random.random() < 0.7 else 255 - page


def numbers(random: Random, width: int, height: int) -> np.ndarray:
    """Values that are no usual brightness: float32, int32 or uint16 `(height, width)`."""
    page = draw(random, width, height).astype(np.float64)
    kind = random.integers(9)
    if kind == 0:
        return page.astype(np.uint16) * np.uint16(257)
    if kind == 1:
        return (page * pick(random, [-1, 1, 8_000_000, -8_000_000])).astype(np.int32)
    if kind == 2:
        return random.choice([-(2**31), 2**31 - 1, 0], page.shape).astype(np.int32)
    page = page.astype(np.float32)
    if kind == 3:
        page *= np.float32(pick(random, [1e-45, 1e-38, 1e30, 1e36, -1e36, 1 / 255, -1]))
    elif kind == 4:
        page[:] = pick(random, [np.nan, np.inf, -np.inf, 3.4e38, -3.4e38, 1e-45])
    elif kind == 5:
        page[random.random(page.shape) < pick(random, [0.001, 0.5, 0.999])] = random.choice(
            [np.nan, np.inf, -np.inf]
        )
    elif kind == 6:
        page = random.choice(np.array([3.4e38, -3.4e38, np.nan, np.inf, 0, 1e-45], np.float32), page.shape)
    elif kind == 7:
        page = random.integers(0, 2**32, page.shape, dtype=np.uint32).view(np.float32)
    return page


def picture(random: Random, mode: str | None = None) -> Image.Image:
    """An image of any mode, most of them small."""
    width, height = (pick(random, SIDES) for _ in range(2))
    if random.random() < 0.04:
        width, height = random.permutation([1, pick(random, [2000, 16383, 65_500])]).tolist()
    elif random.random() < 0.01:
        width, height = random.integers(1000, 4000, 2).tolist()
    mode = mode or pick(random, MODES.split())
    if mode in ("I", "F") and random.random() < 0.8:
        values = numbers(random, width, height)
        return Image.fromarray(values).convert(mode)
    grey = Image.fromarray(draw(random, width, height))
    if mode in ("RGBA", "LA", "RGBa", "La", "PA"):
        grey = grey.convert("LA" if mode in ("LA", "La") else "RGBA")
        grey.putalpha(Image.fromarray(draw(random, width, height)))
    if mode == "PA":
        return Image.merge("LA", (grey.getchannel(0), grey.getchannel("A"))).convert("PA")
    if mode == "LAB":
        return Image.merge("LAB", [grey] * 3)
    if mode.startswith("I;16"):
        return Image.fromarray(np.asarray(grey).astype(np.uint16) * np.uint16(257)).convert(mode)
    image = grey.convert("RGB").convert(mode) if mode in ("HSV", "CMYK", "YCbCr") else grey.convert(mode)
    if mode == "P" and random.random() < 0.5:
        image.putpalette(random.bytes(3 * int(random.integers(1, 257))))
    return image


def exif(random: Random) -> bytes:
    """EXIF with an orientation, or with nonsense."""
    kind = random.integers(6)
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, int(random.integers(0, 12)), 0)
    if kind == 1:
        entry = struct.pack(
            "<HHII", 0x0112, *pick(random, [(5, 1, 8), (2, 4, 77), (3, 10_000, 8), (99, 9, 9)])
        )
    if kind == 2:
        return random.bytes(random.integers(0, 200))
    n_entries = 60_000 if kind == 3 else 1
    following = 8 if kind == 4 else 0  # the directory that follows is this one
    content = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", n_entries) + entry + struct.pack("<I", following)
    return content + (random.bytes(60_000) if kind == 5 else b"")


@functools.cache
def savable() -> list[tuple[str, str]]:
    """The pairs of mode and format that Pillow can write."""
    Image.init()
    found = []
    for mode in MODES.split():
        for kind in FORMATS.split():
            try:
                save(Image.new(mode, (4, 4)), kind)
            except Exception:  # not each format can hold each mode, nor does each Pillow know each format
                continue
            found.append((mode, kind))
    return found


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.save(file, kind, **options)
    return file.getvalue()


# --- files of each kind: a function of a random generator, which returns bytes ----------------------------------------


def saved(random: Random) -> bytes:
    """Whatever Pillow can save, with odd options."""
    mode, kind = pick(random, savable())
    if random.random() < 0.7:  # the rest are strangers to read_digits, which refuses them at the door
        mode, kind = pick(random, [pair for pair in savable() if pair[1] in FORMATS.split()[:8]])
    image = picture(random, mode)
    options: dict[str, Any] = {}
    if random.random() < 0.3 and kind not in ("AVIF", "TIFF"):  # there, nonsense crashes Pillow as it writes
        options["exif"] = exif(random)
    if random.random() < 0.1:
        options["icc_profile"] = random.bytes(random.integers(0, 500))
    if kind == "JPEG":
        options |= {"quality": int(random.integers(1, 96)), "progressive": bool(random.random() < 0.5)}
    if kind == "TIFF":
        kinds = ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"]
        kinds += {"1": ["group3", "group4"], "L": ["jpeg"], "RGB": ["jpeg"]}.get(
            mode, []
        )  # elsewhere they crash
        options["compression"] = pick(random, kinds)
        options["tiffinfo"] = {274: int(random.integers(1, 9))}
        options["big_tiff"] = bool(random.random() < 0.2)
    if kind == "PNG" and mode in ("P", "L", "RGB") and random.random() < 0.5:
        options["transparency"] = (0, 9, 255) if mode == "RGB" else int(random.integers(256))
    if kind in ("GIF", "PNG", "WEBP", "TIFF", "AVIF") and random.random() < 0.3 and max(image.size) < 600:
        others = [picture(random, mode) for _ in range(random.integers(1, 5))]
        options |= {"save_all": True, "append_images": [each for each in others if max(each.size) < 600]}
        if kind == "GIF":
            options |= {"disposal": int(random.integers(4)), "optimize": False}
    try:
        return save(image, kind, **options)
    except Exception:  # such options do not go with this picture
        try:
            return save(image, kind)
        except Exception:
            return save(Image.new("L", image.size), "PNG")


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, depth: int, colour: int, pixels: bytes, *, before: bytes = b"") -> bytes:
    """A PNG; `before` are chunks before the pixels'."""
    start = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    )
    return start + before + chunk(b"IDAT", zlib.compress(pixels, 1)) + chunk(b"IEND")


Tag = tuple[int, int, int]  # type, count, value


def tiff(tags: dict[int, Tag], data: bytes, order: str = "<", following: int = 0) -> bytes:
    """A TIFF of one directory; `data` begins at byte 800."""
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    entries = []
    for tag, (kind, count, value) in sorted(tags.items()):
        short = struct.pack(order + ("H" if kind == 3 and count == 1 else "I"), value)
        entries.append(struct.pack(order + "HHI", tag, kind, count) + short.ljust(4, b"\0"))
    return (start + b"".join(entries) + struct.pack(order + "I", following)).ljust(800, b"\0") + data


def no_pictures(random: Random) -> bytes:
    """Text, archives, programs and nothing at all."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("digit.png"), bytes(500))
    contents: list[bytes] = [
        b"",
        b"\0",
        bytes(int(random.integers(1, 50_000))),
        random.bytes(random.integers(1, 5000)),
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        b"<!DOCTYPE html><title>404</title>",
        b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 90 90\n(%pipe%echo) run\n",
        b"seven\n" * 100,
        archive.getvalue(),
        gzip.compress(save(Image.new("L", (30, 30)), "PNG"), mtime=0),
        pickle.dumps({"digit": 7}),
        b"\x7fELF" + random.bytes(100),
        b"\0\0\0\x20ftypheic" + random.bytes(100),
        b"\0\0\0\x20ftypavif" + random.bytes(100),
        b"RIFF\xff\xff\xff\xffWEBPVP8 " + random.bytes(100),
        b"qoif" + random.bytes(100),
        b"8BPS\0\1" + random.bytes(100),
        b"#define x_width 9\n#define x_height 9\nstatic char x_bits[] = {0};",
        b"\xef\xbb\xbf" + save(Image.new("L", (30, 30)), "BMP"),
    ]
    return pick(random, contents)


def bombs(random: Random) -> bytes:
    """Small files that unpack to as much as is allowed, or more; and floods. The slow ones: 1 file of 200."""
    kind = random.integers(12)
    sizes = [(60_000, 1000), (1000, 60_000), (10_000, 6000), (60_001, 1000), (60_000_000, 1), (1, 60_000_000)]
    width, height = pick(random, sizes)
    if kind < 5:
        depth, colour, bits = [(8, 6, 32), (8, 2, 24), (16, 0, 16), (8, 4, 16), (1, 0, 1)][random.integers(5)]
        return png(width, height, depth, colour, bytes((width * bits // 8 + 1) * height))
    if kind == 5:
        size = (10_000, 6000) if random.random() < 0.5 else (30_000, 2000)
        data = save(Image.new("L", size, 128), "JPEG", progressive=True)
        scan = data.rindex(b"\xff\xda")
        return data[:-2] + data[scan:-2] * pick(random, [1, 10, 300]) + data[-2:]
    if kind == 6:
        mode = pick(random, ["I;16", "F", "I", "RGBA"])
        turned = {274: pick(random, [1, 6])}
        return save(
            Image.new(mode, (10_000, 6000)), "TIFF", compression="tiff_adobe_deflate", tiffinfo=turned
        )
    if kind == 7:
        return save(Image.new("RGBA", (6000, 4000), (9, 9, 9, 99)), "WEBP", lossless=True, method=0)
    if kind == 8:
        n = pick(random, [60_000, 500_000])
        tags = {
            256: (4, 1, 1),
            257: (4, 1, n),
            258: (3, 1, 8),
            259: (3, 1, 1),
            262: (3, 1, 1),
            277: (3, 1, 1),
        }
        strips = {273: (4, n, 800), 278: (4, 1, 1), 279: (4, n, 800)}
        return tiff(tags | strips, struct.pack("<I", 1) * n)
    if kind == 9:
        return b"P5\n#" + b"x" * 20_000_000 + b"\n30 30 255\n" + bytes(900)
    if kind == 10:
        return png(30, 30, 8, 0, bytes(31 * 30), before=chunk(b"abCd") * 800_000)
    return save(Image.new("P", (7700, 7700)), "GIF")


def mutated(random: Random) -> bytes:
    """A file of the other kinds with bits flipped, bytes cut, doubled or replaced; most often near its start."""
    data = bytearray(_small(random))
    for _ in range(random.integers(1, 5)):
        n = len(data)
        if n < 20:
            break
        reach = n if random.random() < 0.5 else min(n, 200)
        place, kind = int(random.integers(seldom(random, 12, [0]), reach)), random.integers(9)
        length = int(min(n - place, random.integers(1, 40)))
        if kind < 2:
            data[place] ^= 1 << int(random.integers(8))
        elif kind == 2:
            del data[place : place + length]
        elif kind == 3:
            data[place:place] = random.bytes(length)
        elif kind == 4:
            del data[int(random.integers(n)) :]
        elif kind == 5:
            value = pick(random, [0, 1, 2**16, 2**31, 2**32 - 1])
            data[place : place + 4] = struct.pack(pick(random, [">I", "<I"]), value)
        elif kind == 6:
            data[place:place] = data[place : place + length] * int(random.integers(1, 20))
        elif kind == 7:
            data[place : place + length] = bytes([pick(random, [0, 255])]) * length
        else:  # the start of one file and the end of another
            other = _small(random)
            data[place:] = other[min(place, len(other)) :]
    return _with_checksums(bytes(data)) if random.random() < 0.8 else bytes(data)


def _with_checksums(data: bytes) -> bytes:
    """A PNG whose chunks are as they are but have their right checksums, or Pillow would look no further."""
    if not data.startswith(b"\x89PNG"):
        return data
    place, parts = 8, [data[:8]]
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4], "big")
        parts.append(data[place:end] + zlib.crc32(data[place + 4 : end]).to_bytes(4, "big"))
        place = end + 4
    return b"".join(parts)


def _small(random: Random) -> bytes:
    return saved(random)


# --- one file on the disk ---------------------------------------------------------------------------------------------

# The generator of file i, except that each 200th file is a bomb: so the first 200 files know all kinds.
GENERATORS: tuple[Callable[[Random], bytes], ...] = (
    saved,
    mutated,
    mutated,
    mutated,
    no_pictures,
    mutated,
    mutated,
)


def make_file(folder: Path, seed: int, index: int) -> tuple[str, Path]:
    """Write file `index`; returns its kind and its path, which need not be that of a readable file."""
    random = np.random.default_rng((seed, index))
    generator = bombs if index % 200 == 199 else GENERATORS[index % len(GENERATORS)]
    path = folder / f"{index:05d}-{generator.__name__}{pick(random, SUFFIXES.split())}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of numbers too large for their kind, as is meant
        if index % 40 == 19:
            return "strange_path", strange_path(random, folder, index)
        path.write_bytes(generator(random))
    return generator.__name__, path


def strange_path(random: Random, folder: Path, index: int) -> Path:
    """A good picture under a strange name; or a path that leads to no file."""
    content = save(Image.fromarray(np.pad(_digits()[index % 100], 20)).resize((200, 200)), "PNG")
    names = ["a b.png", "line\nbreak\r.png", "\x1b[31mred.png", "§ü七.png", "x" * 240, "-.png", "%s{0}.png"]
    names += [os.fsdecode(b"\xff\xfe.png"), "no suffix", "'\"\\.png", "~", "\u202egnp.png"]
    kind = int(random.integers(len(names) + 9)) - len(names)
    path = folder / f"{index}{names[kind] if kind < 0 else '.png'}"
    with contextlib.suppress(OSError, UnicodeError):  # not each file system allows such names and links
        if kind == 0:
            path.mkdir()
        elif kind == 1 and hasattr(os, "mkfifo"):
            os.mkfifo(path)
        elif kind == 2:
            path.symlink_to(folder / "nowhere")
        elif kind == 3:
            path.symlink_to(path)  # to itself
        elif kind == 4:
            path = folder / ("long" * 2000)
        elif kind == 5:
            path = folder / "a" / "file" / "in" / "no" / "folder.png"
        elif kind == 6:
            path = Path(os.devnull)
        else:
            path.write_bytes(content)
            if kind == 7:
                os.truncate(path, 200_000_000)
            elif kind == 8:
                path.chmod(0)
    return path


# --- what is made of it -----------------------------------------------------------------------------------------------


class FaultError(Exception):
    """The file gave neither digits nor one good line."""


ERRORS = {  # what an error says -> how it is counted
    "looks blank": "blank",
    "looks like a digit": "no digit",
    "too many for handwriting": "too many marks",
    "not a picture of a known kind": "not a picture",
    "damaged or cut off": "damaged",
    "too many tiny pieces": "too large",
    "far too many": "too large",
    "pixels": "too large",
    "EXIF parts": "too large",
    "enormous": "too large",
    "more than": "too large",
    "does not exist": "no file",
    "folder or a device": "no file",
    "cannot be opened": "no file",
    "may not be read": "no file",
    "no finite number": "no numbers",
    "is empty": "empty",
    "codec can't encode": "unprintable name",
}


def check_line(line: str) -> str:
    """Which error it is; raises FaultError if it is not one line that a terminal can show."""
    if not line or not line.isprintable() or len(line) > LONGEST_LINE:
        raise FaultError(f"an error of {len(line)} characters that is not one line: {line!r:.200}")
    for words, kind in ERRORS.items():
        if words in line:
            return kind
    raise FaultError(f"an error that nobody has thought of: {line}")


@functools.cache
def _model() -> Any:
    from digitlab.runs.checkpoint import load_shipped_model

    return load_shipped_model()


def read(path: Path) -> str:
    """Through the library, as a program does: "digits", or the kind of error."""
    import torch

    from digitlab.photo import PhotoError, read_digits
    from digitlab.training import predict

    try:
        photo = read_digits(path)
    except PhotoError as error:
        return check_line(str(error))
    probabilities = predict(_model(), torch.from_numpy(photo.images))
    if not photo.digits or not np.isfinite(photo.grey).all() or not np.isfinite(photo.ink).all():
        raise FaultError("no digits, or a picture that is not finite")
    if not torch.isfinite(probabilities).all() or (probabilities.sum(1) - 1).abs().max() > 1e-4:
        raise FaultError("probabilities that are none")
    return "digits"


def read_by_command(path: Path) -> str:
    """Through `digitlab predict`: likewise, by its exit status and what it prints."""
    from digitlab.cli import main as command

    output, errors = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        status = command(["predict", str(path)])
    lines = errors.getvalue().splitlines()
    if status == 0 and not lines:
        return "digits"
    if status != 2 or len(lines) != 1 or not lines[0].startswith("digitlab: error: "):
        raise FaultError(f"exit status {status} with {len(lines)} lines: {errors.getvalue()!r:.300}")
    return check_line(lines[0].removeprefix("digitlab: error: "))


# --- a child process, so that neither a hang nor a crash ends the campaign --------------------------------------------


@dataclass(frozen=True)
class Result:
    """What came of one file: the outcome, or the problem, if there was one."""

    outcome: str
    problem: str = ""
    seconds: float = 0.0
    peak: int = 0  # bytes that the child has used at most, so far


def peak_memory() -> int:
    """Bytes of memory that this process has held at most."""
    status = Path(
        "/proc/self/status"
    )  # getrusage would count what the parent held when it started this process
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


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
        except FaultError as error:
            problem = str(error)
        except BaseException as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            problem = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        finally:
            seconds = min(time.process_time() - start, time.monotonic() - began)
            sys.stderr.flush()
            os.dup2(usual, 2)
            os.close(usual)
        leak.seek(0)
        leaked = leak.read(500).decode(errors="replace")
    if not problem and (warned or leaked):
        problem = f"leaked: {str(warned[0].message) if warned else leaked!r}"
    if not problem and seconds > MAX_SECONDS:
        problem = f"{seconds:.1f} seconds"
    peak = peak_memory()
    if not problem and peak >= MAX_MEMORY:
        problem = f"{peak / 1e6:.0f} MB of memory"
    return Result(outcome if not problem else "failed", problem, seconds, peak)


def _serve(connection: Any) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    with contextlib.suppress(EOFError):  # the parent has ended
        while True:
            connection.send(observe(*connection.recv()))


class Child:
    """A process that observes one file after another."""

    def __init__(self, max_wait: float = MAX_WAIT) -> None:
        self.max_wait = max_wait
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def observe(self, judge: Callable[[Path], str], path: Path) -> Result:
        """As `observe` above, with whatever can happen to a process. After a hang or a crash it starts afresh."""
        began = time.monotonic()
        result = Result("failed", f"hangs: no answer in {self.max_wait:.0f} seconds", self.max_wait)
        self.connection.send((judge, path))
        try:
            if self.connection.poll(self.max_wait):
                result = self.connection.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            result = Result(
                "failed", f"crashes: exit status {self.process.exitcode}", time.monotonic() - began
            )
        if result.outcome == "failed":
            self.stop()
            self._start()
        return result

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()


# --- the campaign -----------------------------------------------------------------------------------------------------


@dataclass
class Report:
    """What came of many files."""

    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    kinds: collections.Counter[str] = field(default_factory=collections.Counter)
    problems: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    hungriest: tuple[int, str] = (0, "")

    def add(self, kind: str, name: str, result: Result) -> None:
        self.kinds[kind] += 1
        self.outcomes[result.outcome] += 1
        self.slowest = max(self.slowest, (result.seconds, name))
        self.hungriest = max(self.hungriest, (result.peak, name), key=lambda each: each[0])
        if result.problem:
            self.problems.append(f"{name}: {result.problem}")

    def __str__(self) -> str:
        counts = ", ".join(f"{n:,} {outcome}" for outcome, n in self.outcomes.most_common())
        return "\n".join(
            [
                f"files     {self.kinds.total():,}: {counts}",
                f"slowest   {self.slowest[0]:.1f} s: {self.slowest[1]}",
                f"memory    {self.hungriest[0] / 1e6:.0f} MB at most, after {self.hungriest[1]}",
                f"failures  {len(self.problems)}",
                *(f"  {problem}" for problem in self.problems),
            ]
        )


def run_campaign(
    indices: Iterable[int], seed: int, keep: Path | None = None, progress: bool = False
) -> Report:
    """Make and observe the files `indices`; each seventh goes through the command. Failures are kept in `keep`."""
    report, child = Report(), Child()
    with tempfile.TemporaryDirectory() as temporary:
        for number, index in enumerate(indices):
            folder = Path(temporary) / str(index)
            folder.mkdir()
            kind, path = make_file(folder, seed, index)
            result = child.observe(read_by_command if index % 7 == 6 else read, path)
            report.add(kind, ascii(path.name), result)
            if result.problem and keep:
                keep_file(keep, path, f"{seed}-")
            shutil.rmtree(folder)
            if progress and number % 500 == 499:
                print(f"{number + 1:,} files, {len(report.problems)} failures", flush=True)
    child.stop()
    return report


def run_corpus(folder: Path = CORPUS) -> Report:
    """Observe the files of a folder, by the library and by the command; .xz is unpacked first."""
    report, child = Report(), Child()
    with tempfile.TemporaryDirectory() as temporary:
        for source in sorted(each for each in folder.iterdir() if each.name != "README.md"):
            path = source
            if source.suffix == ".xz":
                path = Path(temporary) / source.stem
                path.write_bytes(lzma.decompress(source.read_bytes()))
            for judge in (read,) if source.suffix == ".xz" else (read, read_by_command):  # large ones once
                report.add(judge.__name__, source.name, child.observe(judge, path))
    child.stop()
    return report


def keep_file(folder: Path, path: Path, prefix: str = "") -> None:
    """Copy a file to the corpus, packed if it is large. What is no file cannot be kept: `--only` makes it again."""
    try:
        if not path.is_file() or path.stat().st_size > 1e9:
            return
        content = path.read_bytes()
    except OSError:
        return
    name = (
        prefix + "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in path.name)[-80:]
    )
    folder.mkdir(exist_ok=True)
    if len(content) > SMALL_FILE:
        content, name = lzma.compress(content), name + ".xz"
    (folder / name).write_bytes(content)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Read thousands of strange picture files.")
    parser.add_argument("--files", type=int, default=10_000, help="how many (default 10000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", type=int, metavar="I", help="file I alone, which is kept whatever comes of it"
    )
    parser.add_argument("--corpus", action="store_true", help="the files of past failures instead")
    parser.add_argument("--keep", type=Path, default=CORPUS, metavar="DIR", help="where failures are written")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    if options.corpus:
        report = run_corpus()
    elif options.only is not None:
        with tempfile.TemporaryDirectory() as temporary:
            keep_file(
                options.keep, make_file(Path(temporary), options.seed, options.only)[1], f"{options.seed}-"
            )
        report = run_campaign([options.only], options.seed)
    else:
        report = run_campaign(range(options.files), options.seed, options.keep, progress=True)
    print(report)
    print(f"kinds     {', '.join(f'{n:,} {kind}' for kind, n in report.kinds.most_common())}")
    print(f"took      {time.monotonic() - began:.0f} s")
    return 1 if report.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
