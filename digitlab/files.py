"""Files: MNIST's own on the disk and from the network, and writing any file so that it is whole or absent.

MNIST comes as four files, the images and labels of two splits, in a format called IDX that lesson 01 reads by
hand. Here they are found, fetched from torchvision's mirrors, and checked: every file by its checksum,
whenever it is downloaded and whenever it is read.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import math
import os
import tempfile
import time
import urllib.request
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_CONNECTION_SECONDS = 10.0
_DOWNLOAD_SECONDS = 300.0
_MAX_DOWNLOAD_BYTES = 64 << 20
_FOLDERS = {"mnist": "MNIST", "fashion": "FashionMNIST"}
_FILES = {
    ("train", "images"): "train-images-idx3-ubyte",
    ("train", "labels"): "train-labels-idx1-ubyte",
    ("test", "images"): "t10k-images-idx3-ubyte",
    ("test", "labels"): "t10k-labels-idx1-ubyte",
}
# Of the unpacked files. torchvision publishes checksums of the packed ones only, and those are not what lies
# on the disk.
_MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


class DataError(ValueError):
    """Data that is missing, damaged or cannot be fetched. The message is one line and says what to do."""


def data_folder() -> Path:
    """Where MNIST is looked for and downloaded to: ``DIGITLAB_DATA`` if set, else the user's cache folder.

    Examples:
        >>> data_folder().is_absolute() or "DIGITLAB_DATA" in os.environ
        True
    """
    import platformdirs

    named = os.environ.get("DIGITLAB_DATA")
    return Path(named) if named else Path(platformdirs.user_cache_dir("digitlab"))


def is_complete(name: str, root: Path) -> bool:
    """Whether all four files of a set (``"mnist"`` or ``"fashion"``) lie in ``root``."""
    return all((_raw_folder(name, root) / file).is_file() for file in _FILES.values())


def read_set(name: str, split: str, root: Path) -> tuple[Tensor, Tensor]:
    """Images ``(N, 28, 28)`` and labels ``(N,)``, both ``uint8``, of a set that lies in ``root``.

    Raises:
        DataError: a file is missing or damaged; the message names it.
    """
    folder = _raw_folder(name, root)
    if not is_complete(name, root):
        raise DataError(
            f"no {_FOLDERS[name]} in {folder}: allow the download, or set DIGITLAB_DATA to a folder that has it"
        )
    tensors = []
    for kind in ("images", "labels"):
        path = folder / _FILES[split, kind]
        if name == "mnist" and _md5(path) != _MNIST_MD5[path.name]:
            raise DataError(f"{path} is damaged (wrong checksum): delete it to have it downloaded again")
        tensors.append(read_idx(path))
    images, labels = tensors
    if images.ndim != 3 or images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise DataError(f"{folder}: images {tuple(images.shape)} and labels {tuple(labels.shape)} do not fit")
    return images, labels


def read_idx(path: str | Path) -> Tensor:
    """Read one file in MNIST's own IDX format: a header of big-endian integers, then the bytes.

    Explained in lesson 01.

    Returns:
        ``uint8`` tensor of the shape that the header states.

    Raises:
        DataError: the header and the length of the file do not agree.
    """
    data = np.fromfile(path, dtype=np.uint8)
    # Byte 2 is the type code (8 = unsigned byte), byte 3 the number of dimensions, then four bytes for each
    # dimension.
    n_dims = int(data[3]) if len(data) >= 4 and not data[:2].any() and data[2] == 8 else 0
    shape = data[4 : 4 + 4 * n_dims].copy()
    if n_dims == 0 or len(shape) != 4 * n_dims:
        raise DataError(f"{path} is not an IDX file of bytes: delete it to have it downloaded again")
    sizes = [int(size) for size in shape.view(">u4")]
    body = data[4 + 4 * n_dims :]
    if len(body) != math.prod(sizes):
        raise DataError(
            f"{path} is damaged: {len(body)} bytes of data where its header says {math.prod(sizes)}; "
            "delete it to have it downloaded again"
        )
    return torch.from_numpy(body).view(sizes)


def _raw_folder(name: str, root: Path) -> Path:
    return root / _FOLDERS[name] / "raw"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


# --- downloading ----------------------------------------------------------------------------------


def fetch_set(name: str, root: Path) -> None:
    """Download what is missing of a set.

    Each file appears whole or not at all, however many processes do this at once. Each mirror is tried in
    turn. An answer is waited for at most 10 seconds.

    Raises:
        DataError: no mirror gave the right bytes, or they cannot be saved.
    """
    if is_complete(name, root):
        return
    import torchvision.datasets

    folder = _raw_folder(name, root)
    # torchvision keeps the lists of mirrors and checksums up to date.
    dataset = getattr(torchvision.datasets, _FOLDERS[name])
    mirrors = list(dataset.mirrors)
    deadline = time.monotonic() + _DOWNLOAD_SECONDS
    for packed_name, md5 in dataset.resources:
        target = folder / packed_name.removesuffix(".gz")
        if target.is_file():
            continue
        reasons = []
        for mirror in list(mirrors):
            try:
                content = gzip.decompress(_fetch(mirror + packed_name, md5, deadline))
                break
            except (OSError, EOFError, zlib.error, http.client.HTTPException, DataError) as error:
                reason = getattr(error, "reason", None) or error
                cause = getattr(reason, "strerror", None) or str(reason) or type(error).__name__
                reasons.append(f"{mirror.split('/')[2]}: {' '.join(cause.split())}")
                mirrors.append(mirrors.pop(0))  # for the next file this mirror is asked last
        else:
            raise DataError(
                f"{_FOLDERS[name]} is not in {folder} and cannot be downloaded ({'; '.join(reasons)})"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(target, content)
        except OSError as error:
            raise DataError(
                f"cannot save {target} ({error.strerror}): set DIGITLAB_DATA to another folder"
            ) from error


def _fetch(url: str, md5: str, deadline: float) -> bytes:
    """The bytes behind ``url``, checked. Limits the wait for each answer, the whole time, and the size."""
    content = bytearray()
    with urllib.request.urlopen(url, timeout=_CONNECTION_SECONDS) as response:
        while piece := response.read(1 << 16):
            content += piece
            if time.monotonic() > deadline:
                raise DataError(f"not finished after {_DOWNLOAD_SECONDS:.0f} seconds")
            if len(content) > _MAX_DOWNLOAD_BYTES:
                raise DataError("sends more than the file can hold")
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != md5:
        raise DataError("sent something else (wrong checksum)")
    return bytes(content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or as it was before, whenever the process or the machine stops.

    Every file that digitlab leaves behind is written by this function.

    Raises:
        OSError: the folder is not writable or the disk is full; an earlier file of that name is untouched.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name on an empty file
        temporary.chmod(0o644)  # a temporary file is private; what it becomes should be readable by the class
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
