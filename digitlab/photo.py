"""Photos: a photo, a scan or a canvas in, 28x28 digits as MNIST's out, with every stage in between.

A network that reads 99 % of MNIST fails on a digit that is smaller, off-centre or dark on light, because every MNIST
image was prepared in the same way: fitted into a 20x20 box, then moved until its centre of mass lay in the middle of
28x28. This module prepares a picture of handwriting likewise, in steps that can be looked at one by one:

    read_photo     a file          -> a grey picture, upright, 0 black .. 1 white
    find_ink       a grey picture  -> an ink map, 0 paper .. 1 ink, whatever the light and the colours
    group_marks    an ink map      -> the marks of one digit each, in reading order
    thicken_ink    one digit's ink -> the same, with strokes that survive 20 pixels
    normalize_ink  one digit's ink -> fitted into 20x20 -> centred in 28x28

`read_digits` does all of it. What it does not do: say which digit it is (`digitlab.training.predict` does), cut apart
digits that touch, or straighten a page that lies askew. Lesson 11 builds these steps by hand.
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
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.ndimage as ndimage
from PIL import Image, UnidentifiedImageError

from digitlab.arguments import check_flag, described
from digitlab.ink import Box, FloatArray, PhotoError, as_array, check_picture, find_ink, group_marks

__all__ = [
    "NormalizedDigit",
    "Photo",
    "PhotoDigit",
    "PhotoError",
    "find_ink",
    "group_marks",
    "normalize_ink",
    "read_digits",
    "read_photo",
    "thicken_ink",
]

ByteArray = npt.NDArray[np.uint8]

# Phones take 12 to 50 million pixels, in files of 3 to 25 MB. What claims more is refused before it is decoded.
MAX_BYTES = 100_000_000
MAX_PIXELS = 60_000_000
MAX_PIXELS_COSTLY = 20_000_000  # WebP, AVIF, CMYK and turned TIFFs take up to four times the memory to decode
MAX_LENGTH = 65_535  # of a file's longer side, and of the lists in a TIFF: one entry for each row
MAX_SCANS = 20  # a progressive JPEG tells all its pixels ten times, ever more finely
FEW_PIXELS = 15_000_000  # what has more is averaged before it is turned to grey, which takes copies
MAX_SIDE = 1600  # longer side of the grey picture: plenty for a page of digits, and bounds time and memory
MIN_STROKE = 1.6  # pixels in the 20x20 box; 95 % of MNIST's digits have thicker strokes than this
# None of these starts a program, as EPS does, or hides a picture of another size within, as ICO does.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM")
ORIENTATION = 0x0112  # how the camera was held: EXIF 2.32, table 4
STRIPS = (273, 279, 324, 325)  # a TIFF's lists of its parts: where they are, and their lengths

# Else Pillow prints lines of its own beside our error.
logging.getLogger("PIL").addHandler(logging.NullHandler())


class NormalizedDigit(NamedTuple):
    """What `normalize_ink` returns: `boxed` uint8 `(h, w)`, the longer side 20, and `image` uint8 `(28, 28)`."""

    boxed: ByteArray
    image: ByteArray


@dataclass(frozen=True, eq=False)
class PhotoDigit:
    """One digit of a picture, with the stages that led to it.

    Attributes:
        box: `(top, left, bottom, right)` in pixels of `Photo.grey`, bottom and right exclusive.
        grey: float32 `(h, w)`, this part of the grey picture.
        ink: float32 `(h, w)`, 0..1, the ink of this digit alone.
        thickened: float32, the ink after `thicken_ink`; the same array where nothing was to do.
        boxed: uint8 `(h, w)`, fitted into 20x20.
        image: uint8 `(28, 28)`, centred by mass: ready for a network.
    """

    box: Box
    grey: FloatArray
    ink: FloatArray
    thickened: FloatArray
    boxed: ByteArray
    image: ByteArray

    def stages(self) -> list[tuple[str, npt.NDArray[Any]]]:
        """The pictures from paper to network in order, each with its name."""
        names = ("photo", "ink", "thickened", "20x20 box", "28x28 centred")
        return list(zip(names, (self.grey, self.ink, self.thickened, self.boxed, self.image), strict=True))


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture with its digits: `grey` and `ink` float32 `(H, W)`; `digits` in reading order, at least one."""

    grey: FloatArray
    ink: FloatArray
    digits: tuple[PhotoDigit, ...]

    @property
    def images(self) -> ByteArray:
        """All digits together, uint8 `(N, 28, 28)`."""
        return np.stack([digit.image for digit in self.digits])


def read_digits(source: Any, *, single: bool = False, thicken: bool = True) -> Photo:
    """Find the handwritten digits of a picture and prepare each of them as MNIST's were.

    Args:
        source: whatever `read_photo` takes.
        single: all ink is one digit, as on a drawing canvas; else marks are grouped into digits.
        thicken: False leaves `thicken_ink` out, to see what it is good for.

    Returns:
        A `Photo`, its digits line by line from the top, each line from left to right.

    Raises:
        PhotoError: the picture cannot be read, or holds nothing that could be a digit.

    Examples:
        >>> canvas = np.zeros((60, 100), np.uint8)
        >>> canvas[10:50, 20:26] = canvas[10:50, 70:76] = 255
        >>> [digit.box for digit in read_digits(canvas).digits]
        [(10, 20, 50, 26), (10, 70, 50, 76)]
    """
    check_flag("single", single)
    check_flag("thicken", thicken)
    grey = read_photo(source)
    ink = find_ink(grey)
    digits = []
    for box, own_ink in group_marks(ink, single=single):
        top, left, bottom, right = box
        thickened = thicken_ink(own_ink) if thicken else own_ink
        digits.append(
            PhotoDigit(box, grey[top:bottom, left:right], own_ink, thickened, *normalize_ink(thickened))
        )
    return Photo(grey, ink, tuple(digits))


# From a file to a grey picture --------------------------------------------------------------------------------------


def read_photo(source: Any) -> FloatArray:
    """Read a picture as grey values, upright, its longer side at most 1,600 pixels.

    Args:
        source: a path, a file's bytes, an open binary file, a PIL image, or an array `(H, W)` or `(H, W, C)` with
            C = 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha; values 0..1, 0..255 or 0..65535.

    Returns:
        float32 `(H, W)`, 0 black .. 1 white. Colours become luminance (ITU-R 601: 0.299 R + 0.587 G + 0.114 B);
        what is transparent becomes white paper, or black where the drawing itself is light.

    Raises:
        PhotoError: missing, damaged, not a picture, or too large: over 100 MB, over 60 million pixels (WebP, AVIF,
            CMYK and turned TIFFs: 20 million) or over 65,535 on a side, all judged before decoding.
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


# From one digit's ink to 28x28 --------------------------------------------------------------------------------------


def thicken_ink(ink: FloatArray) -> FloatArray:
    """Make strokes that would be thinner than MNIST's in the 20x20 box as thick as MNIST's finest.

    A ballpoint's line is a hundredth of a digit's height; reduced to 20 pixels it would be a faint grey thread. A
    stroke of length L and width w has area L w and two edges of length L, so w = 2 area / edges. Where w is below
    1.6 pixels at a box of 20, every point of ink becomes a disc that is large enough.

    Args:
        ink: float `(h, w)`, 0..1: one digit.

    Returns:
        float32, larger than `ink` on each side by the discs' radius; `ink` itself where its strokes are thick enough.

    Examples:
        >>> ink = np.zeros((400, 60), np.float32)
        >>> ink[:, 28:32] = 1
        >>> int((thicken_ink(ink)[200] > 0.5).sum())
        34
    """
    check_picture(ink, "ink")
    outlined = np.pad(np.asarray(ink, np.float64), 1)
    edges = float(np.hypot(np.diff(outlined, axis=0)[:, :-1], np.diff(outlined, axis=1)[:-1]).sum())
    stroke = 2 * float(outlined.sum()) / max(edges, 1e-9)
    rows, columns = (np.flatnonzero(outlined.any(axis)) for axis in (1, 0))
    side = max(np.ptp(rows), np.ptp(columns)) + 1 if rows.size else 0
    # (stroke + 2 radius) / (side + 2 radius) = MIN_STROKE / 20, because the box grows with the stroke.
    radius = (MIN_STROKE * side - 20 * stroke) / (2 * (20 - MIN_STROKE))
    if radius <= 0:
        return ink
    padded = np.pad(ink, int(np.ceil(radius)))
    distance = ndimage.distance_transform_edt(padded < 0.5 * padded.max())
    return np.asarray(np.maximum(padded, np.clip(1 + radius - distance, 0, 1)), np.float32)


def normalize_ink(ink: FloatArray) -> NormalizedDigit:
    """Fit one digit into 20x20 and centre its mass in 28x28: what was done to every MNIST image.

    1. Crop to the pixels above 0; say h x w, and s = max(h, w) / 20.
    2. Reduce to h' x w' = max(1, floor(h / s + 1/2)) x ..., so that the longer side is 20. Pixel i of h' is
       the mean of pixels i h/h' to (i + 1) h/h' of h, parts of pixels counted as parts:
       `rows @ ink @ columns.T` with `_area_weights`.
    3. Round to uint8: floor(255 v + 1/2).
    4. Paste with whole-pixel steps so that the centre of mass comes to lie in [13.5, 14.5), counting pixels from 0.

    Measured on MNIST: all centres lie in that range, and a MNIST image comes back unchanged.

    Args:
        ink: float `(H, W)`, 0 paper .. 1 ink.

    Raises:
        PhotoError: no ink.

    Examples:
        >>> ink = np.zeros((50, 50), np.float32)
        >>> ink[5:45, 10:20] = 1
        >>> digit = normalize_ink(ink)
        >>> digit.boxed.shape, np.argwhere(digit.image)[[0, -1]].tolist()
        ((20, 5), [[4, 12], [23, 16]])
    """
    check_picture(ink, "ink")
    ink = np.asarray(ink, np.float64)
    rows, columns = (np.flatnonzero((ink > 0).any(axis)) for axis in (1, 0))
    if rows.size == 0:
        raise PhotoError("no ink to normalize: write something")
    crop = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = max(crop.shape) / 20
    height, width = (max(1, int(side / scale + 0.5)) for side in crop.shape)
    reduced = _area_weights(crop.shape[0], height) @ crop @ _area_weights(crop.shape[1], width).T
    boxed = np.floor(255 * np.clip(reduced, 0, 1) + 0.5).astype(np.uint8)

    mass = boxed.astype(np.int64)  # whole numbers, so that every language finds the same centre
    total = max(1, int(mass.sum()))
    centre_y = int((mass.sum(1) * np.arange(height)).sum()) / total
    centre_x = int((mass.sum(0) * np.arange(width)).sum()) / total
    top, left = (int(np.ceil(13.5 - centre)) for centre in (centre_y, centre_x))
    image = np.zeros((60, 60), np.uint8)
    image[16 + top : 16 + top + height, 16 + left : 16 + left + width] = boxed
    return NormalizedDigit(boxed, image[16:44, 16:44])


def _area_weights(n_in: int, n_out: int) -> npt.NDArray[np.float64]:
    """Matrix `(n_out, n_in)`: row i averages the stretch of pixels that becomes pixel i."""
    edges = np.arange(n_out + 1) * n_in / n_out
    pixels = np.arange(n_in)
    covered = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(covered, 0) * n_out / n_in)
