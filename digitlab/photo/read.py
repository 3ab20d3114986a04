"""From a picture's file to a grey picture: whatever the kind, the colours, and how the camera was held."""

from __future__ import annotations

import contextlib
import io
import logging
import math
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from digitlab.checks import described

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]

# A file may come from a stranger and claim anything: it is judged before it is decoded. Phones take 12 to 50 million
# pixels, in files of 3 to 25 MB.
LIMITS = {
    "bytes": 100_000_000,
    "EXIF parts": 8,  # Pillow joins them one by one
    "pixels": 60_000_000,
    "pixels of WebP, AVIF or CMYK": 20_000_000,  # which are held up to four times over
    "pixels on a side": 65_535,
    "pixels in all scans": 1_200_000_000,  # a progressive JPEG tells them ten times, ever more finely
}
FEW_PIXELS = 15_000_000  # what has more is averaged before it is turned to grey, which takes copies
MAX_SIDE = 1600  # longer side of the grey picture: plenty for a page of digits, and bounds time and memory
# None of these starts a program, as EPS does, or hides a picture of another size within, as ICO does.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM")

# Else Pillow prints lines of its own beside our error.
logging.getLogger("PIL").addHandler(logging.NullHandler())


class PhotoError(ValueError):
    """A picture that cannot be read or holds no handwriting. One line: what is wrong, and what to do."""


def read_photo(source: Any) -> FloatArray:
    """Read a picture as grey values, 0 black .. 1 white, upright, its longer side at most 1,600 pixels.

    `source` is a path, a file's bytes, an open binary file, a PIL image, or an array `(H, W)` or `(H, W, C)` of grey,
    grey and alpha, RGB or RGBA. Colours become luminance (ITU-R 601), and what is transparent white paper, or black
    where the drawing is light. `PhotoError` if it is missing, damaged, not a picture, or larger than `LIMITS`.

    Examples:
        >>> read_photo(np.array([[0, 255], [255, 0]], np.uint8)).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """
    is_path = isinstance(source, str | Path)
    name = ascii(str(source))[-150:] if is_path else "the picture"  # a file's name may hold a line break
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of size and damaged metadata; both are judged here
            if isinstance(source, Image.Image):
                return _image_to_grey(source, name)
            if hasattr(source, "__array__"):
                return _array_to_grey(np.asarray(source), name)
            if isinstance(source, bytes | bytearray | memoryview):
                return _read_file(io.BytesIO(source), name)
            if is_path or hasattr(source, "read"):
                return _read_file(source, name)
    except PhotoError:
        raise
    except UnidentifiedImageError:
        advice = "save it as JPEG or PNG (HEIC, PDF and SVG cannot be read)"
        raise PhotoError(f"{name} is not a picture of a known kind: {advice}") from None
    except Exception as error:  # damaged bytes make decoders raise almost anything
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        advice = "check the path" if getattr(error, "errno", None) else "copy or save it again"
        raise PhotoError(f"{name} cannot be opened ({repr(reason[:80])[1:-1]}): {advice}") from error
    kinds = "a path, bytes, a file, a PIL image or an array"
    raise TypeError(f"source: expected {kinds}, got {described(source)}")


def _read_file(source: Any, name: str) -> FloatArray:
    if isinstance(source, str | Path):
        if Path(source).exists() and not Path(source).is_file():  # a device or a pipe might never end
            raise PhotoError(f"{name} is a folder or a device, not a file: name a picture")
        with Path(source).open("rb") as file:
            return _read_file(file, name)
    with contextlib.suppress(AttributeError, OSError):  # an answer from the network has one start
        source.seek(0)
    data = source.read(LIMITS["bytes"] + 1)
    _check_limits(name, {"bytes": len(data), "EXIF parts": data.count(b"Exif\0\0")})
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        pixels = image.width * image.height
        if image.format in ("WEBP", "AVIF") or image.mode == "CMYK":
            _check_limits(name, {"pixels of WebP, AVIF or CMYK": pixels})
        if image.format in ("JPEG", "MPO"):
            _check_limits(name, {"pixels in all scans": pixels * data.count(b"\xff\xda")})
        _check_limits(name, {"pixels": pixels, "pixels on a side": max(image.size)})
        image.draft("L", (MAX_SIDE, MAX_SIDE))  # a JPEG can be decoded at a fraction of its size
        return _image_to_grey(image, name)


def _check_limits(name: str, claims: dict[str, int]) -> None:
    for what, claim in claims.items():
        if claim > LIMITS[what]:
            raise PhotoError(f"{name} has more than {LIMITS[what]:,} {what}: reduce it and save it as JPEG")


def _image_to_grey(image: Image.Image, name: str) -> FloatArray:
    pixels = image.width * image.height
    _check_limits(name, {"pixels": pixels})
    _load(image)
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    mode = "F" if image.mode[0] in "IF" else "RGBA" if image.has_transparency_data else "RGB"
    if image.mode != mode:
        image = image.convert(mode)
    image = image.reduce(math.ceil(pixels / FEW_PIXELS))
    if mode == "F":
        grey = _array_to_grey(np.asarray(image), name)
    else:
        layers = np.asarray(average(image.convert("LA" if mode == "RGBA" else "L")), np.float32) / 255
        grey = _put_on_paper(layers[:, :, 0], layers[:, :, 1]) if mode == "RGBA" else layers
    turned = Image.fromarray(grey)
    turned.getexif()[ExifTags.Base.Orientation] = orientation
    return np.array(ImageOps.exif_transpose(turned))


def _load(image: Image.Image) -> None:
    """Decode; what libtiff prints of a damaged file, past Python, is led to nowhere: our one line says it."""
    with contextlib.ExitStack() as stack:
        if image.format == "TIFF":
            with contextlib.suppress(OSError), Path(os.devnull).open("wb") as nowhere:
                usual = os.dup(2)  # an OSError where a program has no standard error
                stack.callback(os.close, usual)
                stack.callback(os.dup2, usual, 2)
                os.dup2(nowhere.fileno(), 2)
        image.load()


def _array_to_grey(array: npt.NDArray[Any], name: str) -> FloatArray:
    """Any numbers -> 0..1: divided by the smallest usual white that no value exceeds."""
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype.kind not in "buif" or array.ndim not in (2, 3) or channels > 4 or array.size == 0:
        raise PhotoError(f"{name} is {described(array)}: give numbers of shape (H, W) or (H, W, 1 to 4)")
    _check_limits(name, {"pixels": array.shape[0] * array.shape[1]})
    values: FloatArray = array.astype(np.float32)
    if not (np.abs(values) < 1e30).all():
        raise PhotoError(f"{name} holds NaN or infinity: save it again")
    low, high = float(values.min()), float(values.max())
    white = next((white for white in (1, 255, 4095, 65535) if low >= 0 and high <= white), None)
    values = values / white if white else (values - low) / max(high - low, 1e-30)
    if values.ndim == 3:
        colour = values[:, :, :-1] if channels in (2, 4) else values
        luminance = colour @ np.array([0.299, 0.587, 0.114], np.float32) if channels > 2 else colour[:, :, 0]
        values = _put_on_paper(luminance, values[:, :, -1]) if channels in (2, 4) else luminance
    return np.asarray(average(Image.fromarray(values)))


def _put_on_paper(grey: FloatArray, alpha: FloatArray) -> FloatArray:
    """Fill what is transparent with white, or with black behind a light drawing, which white would hide."""
    opacity = float(alpha.mean()) + 1e-6
    mean = float((grey * alpha).mean()) / opacity
    spread = float((alpha * (grey - mean) ** 2).mean()) / opacity
    light_drawing = mean > 0.5 and (opacity < 0.5 or spread < 0.01)
    return grey * alpha + (0 if light_drawing else 1) * (1 - alpha)


def average(image: Image.Image, longest: int = MAX_SIDE) -> Image.Image:
    """Average blocks of pixels so that the longer side is at most so long."""
    factor = max(1.0, max(image.size) / longest)
    width, height = (max(1, round(side / factor)) for side in image.size)
    return image if factor == 1 else image.resize((width, height), Image.Resampling.BOX)
