"""From a picture's file to a grey picture: whatever the kind, the colours, and how the camera was held.

The file may come from a stranger and claim anything. So its size and what it says of itself are judged before
it is decoded, by Pillow; a picture costs at most some seconds and some hundred megabytes, or is refused in one
line. What is handwriting in it, `digitlab.photo.ink` says.
"""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from digitlab.checks import described
from digitlab.photo.ink import FloatArray, PhotoError, as_array

__all__ = ["read_photo"]

# Phones take 12 to 50 million pixels, in files of 3 to 25 MB. What claims more is refused before it is decoded.
MAX_BYTES = 100_000_000
MAX_PIXELS = 60_000_000
MAX_PIXELS_COSTLY = 20_000_000  # WebP, AVIF, CMYK and turned TIFFs take up to four times the memory to decode
MAX_LENGTH = 65_535  # of a file's longer side, and of the lists in a TIFF: one entry for each row
MAX_SCANS = 20  # a progressive JPEG tells all its pixels ten times, ever more finely
FEW_PIXELS = 15_000_000  # what has more is averaged before it is turned to grey, which takes copies
MAX_SIDE = 1600  # longer side of the grey picture: plenty for a page of digits, and bounds time and memory
# None of these starts a program, as EPS does, or hides a picture of another size within, as ICO does.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM")
ORIENTATION = 0x0112  # how the camera was held: EXIF 2.32, table 4
STRIPS = (273, 279, 324, 325)  # a TIFF's lists of its parts: where they are, and their lengths

# Else Pillow prints lines of its own beside our error.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def read_photo(source: Any) -> FloatArray:
    """Read a picture as grey values, upright, its longer side at most 1,600 pixels.

    Args:
        source: a path, a file's bytes, an open binary file, a PIL image, or an array `(H, W)` or
            `(H, W, C)` with C = 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha; values 0..1, 0..255 or
            0..65535.

    Returns:
        float32 `(H, W)`, 0 black .. 1 white. Colours become luminance (ITU-R 601: 0.299 R + 0.587 G + 0.114 B);
        what is transparent becomes white paper, or black where the drawing itself is light.

    Raises:
        PhotoError: missing, damaged, not a picture, or too large: over 100 MB, over 60 million pixels (WebP,
            AVIF, CMYK and turned TIFFs: 20 million) or over 65,535 on a side, all judged before decoding.
        TypeError: `source` is none of these.

    Examples:
        >>> read_photo(np.array([[0, 255], [255, 0]], np.uint8)).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    if isinstance(source, Image.Image):
        return _read_image(source, "the image")
    if hasattr(source, "__array__"):
        return _array_to_grey(as_array(source, "source", "what NumPy understands"), "the array")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _read_image(io.BytesIO(source), "the picture")
    if isinstance(source, (str, Path)):
        name = ascii(str(source))  # a file's name may hold a line break
        return _read_image(Path(source), name if len(name) <= 150 else "..." + name[-150:])
    if hasattr(source, "read"):
        return _read_image(source, "the picture")
    raise TypeError(
        f"source: expected a path, bytes, a file, a PIL image or an array, got {described(source)}"
    )


def _read_image(source: Image.Image | Path | IO[bytes], name: str) -> FloatArray:
    """Decode, reduce, turn to grey and upright; whatever goes wrong becomes a PhotoError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of size and damaged metadata; both are judged here
            if isinstance(source, Image.Image):
                return _image_to_grey(source, name)
            file = _read_file(source, name)
            Image.init()  # a Pillow built without a format does not know its name, and would raise at it
            known = [kind for kind in FORMATS if kind in Image.OPEN]
            with Image.open(file, formats=known) as image:
                _check_claims(image, file, name)
                image.draft("L", (MAX_SIDE, MAX_SIDE))  # a JPEG can be decoded at a fraction of its size
                return _image_to_grey(image, name)
    except PhotoError:
        raise
    except FileNotFoundError:
        raise PhotoError(f"{name} does not exist: check the path") from None
    except PermissionError:
        raise PhotoError(f"{name} may not be read: change its permissions") from None
    except UnidentifiedImageError:
        advice = "save it as JPEG or PNG (HEIC, PDF and SVG cannot be read)"
        raise PhotoError(f"{name} is not a picture of a known kind: {advice}") from None
    except Image.DecompressionBombError:
        raise PhotoError(
            f"{name} claims an enormous size: pictures up to {MAX_PIXELS:,} pixels are read"
        ) from None
    except Exception as error:  # damaged bytes make decoders raise almost anything
        if isinstance(error, OSError) and error.errno:  # the system's; Pillow's have no number
            raise PhotoError(f"{name} cannot be opened ({error.strerror}): check the path") from None
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        reason = "".join(letter if letter.isprintable() else "?" for letter in reason)
        raise PhotoError(f"{name} is damaged or cut off ({reason}): copy or save it again") from error


class _PatientFile(io.BytesIO):
    """A file's bytes that may be read in many small pieces, but not in millions of them.

    A picture is read in blocks of kilobytes. Millions of empty chunks or one endless comment, which would keep
    Pillow busy for minutes, are read by a few bytes at a time.
    """

    patience = 20_000.0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.patience += len(data) / 1000 - 1
        if self.patience < 0:
            raise PhotoError("the picture is made of far too many tiny pieces: save it again")
        return data


def _read_file(source: Path | IO[bytes], name: str) -> _PatientFile:
    """All bytes of a file, from its start; refused where they are too many, or a list in a TIFF is too long."""
    if isinstance(source, Path):
        if source.exists() and not source.is_file():  # a device or a pipe might never end
            raise PhotoError(f"{name} is a folder or a device, not a file: name a picture")
        with source.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    else:
        with contextlib.suppress(
            AttributeError, OSError
        ):  # a pipe or an answer from the network has one start
            source.seek(0)
        data = source.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise PhotoError(f"{name} has more than {MAX_BYTES / 1e6:.0f} MB: save it as JPEG")
    if data[:2] in (b"II", b"MM"):
        _check_tiff(data, name)
    return _PatientFile(data)


def _check_tiff(data: bytes, name: str) -> None:
    """Refuse a TIFF cut into millions of strips: Pillow would list them all when it opens the file.

    TIFF 6.0, section 2: a directory of entries (tag, type, count, value); BigTIFF has wider counts and offsets.
    """
    order, is_big = "<" if data[:2] == b"II" else ">", 43 in data[2:4]
    try:
        (place,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
        (n_entries,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, place)
        place += 8 if is_big else 2
        for _ in range(min(n_entries, MAX_LENGTH)):
            tag, kind, count = struct.unpack_from(order + ("HHQ" if is_big else "HHI"), data, place)
            place += 20 if is_big else 12
            is_text = kind in (1, 2, 7) and tag not in STRIPS  # a colour profile may be long
            if count > MAX_LENGTH and not is_text:
                raise PhotoError(f"{name} is cut into {count:,} parts, far too many: save it again")
    except (struct.error, OverflowError):  # cut off: Pillow says how
        return


def _check_claims(image: Image.Image, file: _PatientFile, name: str) -> None:
    """What an opened but not yet decoded file says of itself: its size, and how often its pixels come."""
    _check_size(image.size, name)
    n_pixels = image.width * image.height
    size = f"{name} has {image.width:,} x {image.height:,} pixels"
    is_turned_tiff = image.format == "TIFF" and image.getexif().get(ORIENTATION, 1) != 1  # Pillow copies it
    if image.format in ("WEBP", "AVIF") or image.mode == "CMYK" or is_turned_tiff:
        kind = "CMYK" if image.mode == "CMYK" else f"{'a turned ' * is_turned_tiff}{image.format}"
        if n_pixels > MAX_PIXELS_COSTLY:
            raise PhotoError(
                f"{size}, and {kind} costs more memory: reduce it to {MAX_PIXELS_COSTLY:,} in all"
            )
    if max(image.size) > MAX_LENGTH:
        raise PhotoError(f"{size}: reduce it to {MAX_LENGTH:,} on each side")
    n_scans = file.getvalue().count(b"\xff\xda") if image.format in ("JPEG", "MPO") else 1
    if n_scans * max(n_pixels, 1_000_000) > MAX_SCANS * MAX_PIXELS:
        raise PhotoError(f"{name} holds its pixels {n_scans:,} times over: save it again")
    if len(image.info.get("exif", b"")) > 1_000_000:
        raise PhotoError(f"{name} holds more than a megabyte of EXIF: save it again without")


def _check_size(size: tuple[int, ...], name: str) -> None:
    if min(size) == 0:
        raise PhotoError(f"{name} is empty: give a picture with at least one pixel")
    if size[0] * size[1] > MAX_PIXELS:
        raise PhotoError(f"{name} has {size[0]:,} x {size[1]:,} pixels: reduce it to {MAX_PIXELS:,} in all")


def _image_to_grey(image: Image.Image, name: str) -> FloatArray:
    _check_size(image.size, name)
    with _hush_libtiff() if image.format == "TIFF" else contextlib.nullcontext():
        image.load()
    smaller = _average_blocks(image)
    if smaller.mode in ("I", "F") or smaller.mode.startswith("I;16"):
        grey = _array_to_grey(np.asarray(smaller), name)
    elif smaller.has_transparency_data:
        layers = np.asarray(_reduce(smaller.convert("RGBA").convert("LA")), np.float32) / 255
        grey = _put_on_paper(layers[:, :, 0], layers[:, :, 1])
    else:
        grey = np.asarray(_reduce(smaller.convert("RGB").convert("L")), np.float32) / 255
    orientation = image.getexif().get(ORIENTATION, 1)
    if orientation in (5, 6, 7, 8):
        grey = grey.T
    if orientation in (3, 4, 7, 8):
        grey = grey[::-1]
    if orientation in (2, 3, 6, 7):
        grey = grey[:, ::-1]
    return np.ascontiguousarray(grey)


@contextlib.contextmanager
def _hush_libtiff() -> Iterator[None]:
    """Lead to nowhere what libtiff prints, past Python, of a damaged file: our one line says it."""
    try:
        usual = os.dup(2)
    except OSError:  # a program without a standard error
        yield
        return
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(usual, 2)
        os.close(usual)


def _average_blocks(image: Image.Image) -> Image.Image:
    """A very large picture -> the means of its 2x2, 3x3 or 4x4 blocks, strip by strip, with little memory."""
    factor = math.ceil(image.width * image.height / FEW_PIXELS)
    if image.mode == "La":  # Pillow leads from here to LA only
        image = image.convert("LA")
    if factor == 1:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        mode = "F"
    else:
        mode = "RGBA" if image.has_transparency_data else "RGB"
    means = Image.new(mode, (math.ceil(image.width / factor), math.ceil(image.height / factor)))
    for top in range(0, image.height, 16 * factor):
        strip = image.crop((0, top, image.width, min(image.height, top + 16 * factor)))
        means.paste(strip.convert(mode).reduce(factor), (0, top // factor))
    return means


def _array_to_grey(array: npt.NDArray[Any], name: str) -> FloatArray:
    """Any numbers -> 0..1: divided by the smallest usual white (1, 255, 4095, 65535) that no value exceeds."""
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype.kind not in "buif" or array.ndim not in (2, 3) or channels not in (1, 2, 3, 4):
        raise PhotoError(
            f"{name} is {array.dtype} {array.shape}: give numbers of shape (H, W) or (H, W, 1 to 4)"
        )
    _check_size(array.shape[:2], name)
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        if not finite.any():
            raise PhotoError(f"{name} holds no finite number: save it again")
        array = np.where(finite, array, np.median(array[finite]))  # most of a page is paper
        array = np.clip(array, -1e30, 1e30)
    values: FloatArray = array.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    white = next((white for white in (1, 255, 4095, 65535) if low >= 0 and high <= white), None)
    values = values / white if white else (values - low) / max(high - low, 1e-30)
    if values.ndim == 3:
        colour = values[:, :, :-1] if channels in (2, 4) else values
        luminance = colour @ np.array([0.299, 0.587, 0.114], np.float32) if channels > 2 else colour[:, :, 0]
        values = _put_on_paper(luminance, values[:, :, -1]) if channels in (2, 4) else luminance
    return np.asarray(_reduce(Image.fromarray(values)))


def _put_on_paper(grey: FloatArray, alpha: FloatArray) -> FloatArray:
    """Fill what is transparent with white, or with black behind a light drawing, which white would hide."""
    opacity = float(alpha.mean()) + 1e-6
    mean = float((grey * alpha).mean()) / opacity
    spread = float((alpha * (grey - mean) ** 2).mean()) / opacity
    light_drawing = mean > 0.5 and (opacity < 0.5 or spread < 0.01)
    return grey * alpha + (0 if light_drawing else 1) * (1 - alpha)


def _reduce(image: Image.Image) -> Image.Image:
    """Average blocks of pixels so that the longer side is at most MAX_SIDE."""
    factor = max(1.0, max(image.size) / MAX_SIDE)
    width, height = (max(1, round(side / factor)) for side in image.size)
    return image if factor == 1 else image.resize((width, height), Image.Resampling.BOX)
