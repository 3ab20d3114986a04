"""Files: MNIST's own on the disk and from the network, and writing any file so that it is whole or absent.

MNIST comes as four files, the images and labels of two splits, in a format called IDX that lesson 01 reads by
hand. Here they are found, fetched from torchvision's mirrors, and checked: every file by its checksum,
whenever it is downloaded (`digitlab.mirror`) and whenever it is read.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import math
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from digitlab.arguments import as_path
from digitlab.mirror import MirrorError, fetch_from

_TEMPORARY = ".digitlab-"
_FOLDERS = {"mnist": "MNIST", "fashion": "FashionMNIST"}
_N_IMAGES = {"train": 60_000, "test": 10_000}
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

    A leading ``~`` is the home folder, a relative path starts at the current folder, and an empty
    ``DIGITLAB_DATA`` counts as not set.

    Raises:
        DataError: ``DIGITLAB_DATA`` begins with ``~`` and there is no such home folder.

    Examples:
        >>> data_folder().is_absolute() or "DIGITLAB_DATA" in os.environ
        True
    """
    import platformdirs

    named = os.environ.get("DIGITLAB_DATA")
    try:
        return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("digitlab"))
    except RuntimeError:
        raise DataError(f"DIGITLAB_DATA is {named}, but there is no such home folder: name another") from None


def is_complete(name: str, root: Path) -> bool:
    """Whether all four files of a set (``"mnist"`` or ``"fashion"``) lie in ``root``."""
    return all(_is_file(_raw_folder(name, root) / file) for file in _FILES.values())


def read_set(name: str, split: str, root: Path) -> tuple[Tensor, Tensor]:
    """Images ``(N, 28, 28)`` and labels ``(N,)``, both ``uint8``, of a set that lies in ``root``.

    Every file is checked by its checksum while it is read (0.06 seconds for the largest). MNIST's are known.
    Fashion-MNIST's are noted beside the files when digitlab downloads them; a copy that torchvision
    downloaded has no such notes, and only its sizes and labels are checked.

    Raises:
        DataError: a file is missing or damaged; the message names it.
        OSError: a file cannot be read.
    """
    folder = _raw_folder(name, root)
    if not is_complete(name, root):
        raise DataError(
            f"no {_FOLDERS[name]} in {folder}: allow the download, or set DIGITLAB_DATA to a folder that has it"
        )
    try:
        images = _read_checked(name, folder / _FILES[split, "images"])
        labels = _read_checked(name, folder / _FILES[split, "labels"])
        n = _N_IMAGES[split]
        if images.shape != (n, 28, 28) or labels.shape != (n,) or labels.max() > 9:
            raise DataError(f"{folder} is damaged: not {n:,} images of 28x28 with a label from 0 to 9 each")
    except DataError as error:
        command = "digitlab download" + f" --data {name}" * (name != "mnist")
        raise DataError(f"{error}; delete it, or run `{command}`, to have it fetched again") from None
    return images, labels


def read_idx(path: str | Path) -> Tensor:
    """Read one file in MNIST's own IDX format: a header of big-endian integers, then the bytes.

    Explained in lesson 01.

    Returns:
        ``uint8`` tensor of the shape that the header states.

    Raises:
        DataError: the header and the length of the file do not agree.
    """
    path = as_path("path", path)
    return _parse_idx(np.fromfile(path, dtype=np.uint8), path)


def _parse_idx(data: np.ndarray, path: str | Path) -> Tensor:
    # Byte 2 is the type code (8 = unsigned byte), byte 3 the number of dimensions, then four bytes for each
    # dimension.
    n_dims = int(data[3]) if len(data) >= 4 and not data[:2].any() and data[2] == 8 else 0
    shape = data[4 : 4 + 4 * n_dims].copy()
    if n_dims == 0 or len(shape) != 4 * n_dims:
        raise DataError(f"{path} is damaged: not an IDX file of bytes")
    sizes = [int(size) for size in shape.view(">u4")]
    body = data[4 + 4 * n_dims :]
    if len(body) != math.prod(sizes):
        raise DataError(
            f"{path} is damaged: {len(body)} bytes of data where its header says {math.prod(sizes)}"
        )
    return torch.from_numpy(body).view(sizes)


def _read_checked(name: str, path: Path) -> Tensor:
    data = np.fromfile(path, dtype=np.uint8)
    if _known_md5(name, path) not in (None, _md5(data.data)):
        raise DataError(f"{path} is damaged (wrong checksum)")
    return _parse_idx(data, path)


def _known_md5(name: str, path: Path) -> str | None:
    """What the checksum of an unpacked file should be, or None where nobody has noted it."""
    if name == "mnist":
        return _MNIST_MD5[path.name]
    note = _note(path)
    return note.read_text("ascii", errors="replace").partition(" ")[0] if _is_file(note) else None


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.md5")


def _md5(content: bytes | bytearray | memoryview) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _raw_folder(name: str, root: Path) -> Path:
    return root / _FOLDERS[name] / "raw"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder that may not be looked into
        return False


# --- downloading ----------------------------------------------------------------------------------


def fetch_set(name: str, root: Path, repair: bool = False) -> list[Path]:
    """Download what is missing of a set, from each of torchvision's mirrors in turn until one gives it.

    Each file appears whole or not at all, however many processes do this at once. A mirror is given up when
    its next 200 kB take longer than 10 seconds.

    Args:
        name: ``"mnist"`` or ``"fashion"``.
        root: the folder that holds ``MNIST/raw/`` or ``FashionMNIST/raw/``.
        repair: check every file as well, and fetch again each one that is not proven whole by its checksum.
            The old file stays until the new one is there. This is what ``digitlab download`` does.

    Returns:
        The files that were fetched; none if there was nothing to do, and then nothing is written either.

    Raises:
        DataError: no mirror gave the right bytes, or they cannot be saved.
    """
    folder = _raw_folder(name, root)
    wanted = [
        file
        for file in _FILES.values()
        if not _is_file(folder / file) or (repair and not _is_proven(name, folder / file))
    ]
    if not wanted:
        return []
    import torchvision.datasets

    # torchvision keeps the lists of mirrors and checksums up to date.
    dataset = getattr(torchvision.datasets, _FOLDERS[name])
    mirrors = list(dataset.mirrors)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()  # else a read-only folder would show after each download
        remove_leftovers(folder, seconds_old=3600)
        for packed_name, md5 in dataset.resources:
            target = folder / packed_name.removesuffix(".gz")
            if target.name in wanted:
                state = "damaged" if _is_file(target) else "missing"
                try:
                    content = fetch_from(mirrors, packed_name, md5)
                except MirrorError as error:
                    raise DataError(f"{target} is {state} and cannot be downloaded ({error})") from error
                if name != "mnist":  # in the format of md5sum; first, so that no file is without its note
                    write_whole(_note(target), f"{_md5(content)}  {target.name}\n".encode())
                write_whole(target, content)
    except OSError as error:
        raise DataError(
            f"cannot save {', '.join(wanted)} in {folder} ({error.strerror}): set DIGITLAB_DATA to another folder"
        ) from error
    return [folder / file for file in wanted]


def _is_proven(name: str, path: Path) -> bool:
    try:
        _read_checked(name, path)
    except (OSError, DataError):
        return False
    return _known_md5(name, path) is not None


# --- writing --------------------------------------------------------------------------------------


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole, or as it was before, whenever the process or the machine stops.

    Every file that digitlab leaves behind is written by this function. A process that is killed while it writes
    leaves a file ``.digitlab-…`` beside it (see `remove_leftovers`). A link is replaced by the file; what it led
    to stays as it is.

    Raises:
        OSError: the folder is not writable, the disk is full, or ``path`` is a folder or a device; an earlier
            file of that name is untouched.
    """
    temporary = None
    try:
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "not an ordinary file")  # as root, /dev/null could be replaced
        # The name does not hold the file's own, which may be as long as a name can be.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name on an empty file
        with contextlib.suppress(OSError):  # some network drives know no permissions
            temporary.chmod(0o644)  # a temporary file is private; this should be readable by the class
        # Not followed by a sync of the folder: after a power cut the earlier file is as good as the new one.
        temporary.replace(path)
    except BaseException as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def remove_leftovers(folder: Path, seconds_old: float = 0.0) -> None:
    """Remove what `write_whole` left in a folder, or in its subfolders, when a process was killed in the middle.

    Args:
        folder: where to look.
        seconds_old: younger ones stay, for somebody may be writing them. 0 is for a folder that nobody else
            writes to.
    """
    for leftover in folder.rglob(f"{_TEMPORARY}????????"):
        with contextlib.suppress(OSError):  # another process removes it too, or it is not ours to remove
            if time.time() - leftover.stat().st_mtime >= seconds_old:
                leftover.unlink()
