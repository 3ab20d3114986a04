"""MNIST and Fashion-MNIST: torchvision fetches, unpacks and reads them.

Around it stand a time limit, a lock between processes, and MNIST's checksums on what lies on the disk.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import socket
import tempfile
import threading
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs
import torch
from filelock import FileLock

from digitlab.checks import check_choice, checked
from digitlab.data.digits import Digits, load_sample
from digitlab.names import SOURCES, SPLITS, Split
from digitlab.writing import PREFIX, write_whole

_FOLDERS = {"mnist": "MNIST", "fashion": "FashionMNIST"}
_N_IMAGES = {"train": 60_000, "test": 10_000}
_STEM = {"train": "train", "test": "t10k"}
_MNIST_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
# A mirror is given up when it sends less than 200 kB in 10 seconds. A slow line (50 kB/s) gets everything.
_PATIENCE_SECONDS, _PATIENCE_BYTES = 10.0, 200_000


class DataError(ValueError):
    """Data that is missing, damaged or cannot be fetched. The message is one line and says what to do."""


def data_folder() -> Path:
    """Where MNIST is looked for and downloaded to: ``DIGITLAB_DATA`` if set, else the user's cache folder."""
    named = os.environ.get("DIGITLAB_DATA")
    try:
        return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("digitlab"))
    except RuntimeError:
        raise DataError(f"DIGITLAB_DATA is {named}, but there is no such home folder: name another") from None


@checked
def load_mnist(split: Split = "train", root: str | Path | None = None, download: bool = True) -> Digits:
    """The whole of MNIST: 60,000 training or 10,000 test digits. Lesson 01.

    ``root`` is the folder that holds ``MNIST/raw/``, as torchvision lays it out; ``None`` means `data_folder`.

    Examples:
        >>> load_mnist("test", root="none", download=False)
        Traceback (most recent call last):
        digitlab.data.mnist.DataError: no MNIST in none/MNIST/raw: allow the download, or set DIGITLAB_DATA
    """
    return _load("mnist", split, data_folder() if root is None else Path(root), download)


def load_digits(split: Split = "train", source: str = "auto", root: str | Path | None = None) -> Digits:
    """Load a set by its name: ``"mnist"``, ``"sample"``, ``"fashion"`` (clothes in MNIST's format), or ``"auto"``.

    ``"auto"`` takes MNIST from disk, else downloads it, else gives one `UserWarning` that names the reason and
    takes the bundled sample. The result's ``name`` says which set it is: report it beside every number.

    Examples:
        >>> load_digits("test", "sample").name
        'sample'
    """
    check_choice("data", source, SOURCES)
    folder = data_folder() if root is None else Path(root)
    if source == "sample":
        return load_sample(split)
    if source == "auto" and not is_complete("mnist", folder):
        try:
            download("mnist", folder)
        except DataError as reason:
            why = reason.__cause__ if isinstance(reason.__cause__, ConnectionError) else reason
            warnings.warn(f"using the bundled sample of 10,000 real digits: {why}", stacklevel=2)
            return load_sample(split)
    return _load("mnist" if source == "auto" else source, split, folder, download_missing=True)


def is_complete(name: str, root: Path) -> bool:
    """Whether all four files of ``"mnist"`` or ``"fashion"`` lie in ``root``."""
    with suppress(OSError):  # a folder that may not be looked into
        return not _missing(name, root)
    return False


def _load(name: str, split: Split, root: Path, download_missing: bool) -> Digits:
    check_choice("split", split, SPLITS)
    raw = _raw_folder(name, root)
    if not is_complete(name, root):
        if not download_missing:
            raise DataError(f"no {_FOLDERS[name]} in {raw}: allow the download, or set DIGITLAB_DATA")
        download(name, root)
    from torchvision.datasets.mnist import read_image_file, read_label_file

    paths = [raw / file for file in _MNIST_MD5 if file.startswith(_STEM[split])]
    damaged = [path for path in paths if not _is_right(name, path.name, path.read_bytes())]
    images = labels = torch.empty(0)
    with suppress(ValueError, TypeError, AssertionError, LookupError, RuntimeError):  # by the damage
        images, labels = read_image_file(str(paths[0])), read_label_file(str(paths[1]))
    n = _N_IMAGES[split]
    if damaged or images.shape != (n, 28, 28) or labels.shape != (n,) or labels.max() > 9:
        command = "digitlab download" + f" --data {name}" * (name != "mnist")
        where = damaged[0] if damaged else raw
        raise DataError(f"{where} is damaged: delete it, or run `{command}`, to have it fetched again")
    return Digits(images, labels, name, split)


def download(name: str, root: Path, *, repair: bool = False) -> bool:
    """Download ``"mnist"`` or ``"fashion"`` into ``root``, if a file is missing; return whether one was.

    With ``repair``, a file of MNIST with a wrong checksum counts as missing; it stays until the new one is there.
    """
    raw = _raw_folder(name, root)
    try:
        if not _missing(name, root, repair):
            return False
        raw.mkdir(parents=True, exist_ok=True)
        with FileLock(raw / ".lock"):
            _unpack(name, raw, _missing(name, root, repair))
            if missing := _missing(name, root, repair):  # another process may have been faster
                _download(name, raw, missing)
    except OSError as error:
        advice = "set DIGITLAB_DATA to another folder"
        raise DataError(f"cannot save {raw} ({error.strerror}): {advice}") from error
    return True


def _unpack(name: str, raw: Path, missing: list[str]) -> None:
    """Unpack what somebody has laid there by hand as it comes from a mirror."""
    for file in missing:
        with suppress(OSError, EOFError, zlib.error):  # there is none, or it is damaged
            content = gzip.decompress((raw / f"{file}.gz").read_bytes())
            if _is_right(name, file, content):
                write_whole(raw / file, content)


def _download(name: str, raw: Path, missing: list[str]) -> None:
    import torchvision.datasets

    known = getattr(torchvision.datasets, _FOLDERS[name])
    for old in raw.glob(f"{PREFIX}*"):  # of a process that was killed
        shutil.rmtree(old, ignore_errors=True)
    reasons = []
    for mirror in known.mirrors:  # one by one: torchvision's own loop ends at the first that is silent
        one_mirror = type(known.__name__, (known,), {"mirrors": [mirror]})
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=raw, ignore_cleanup_errors=True) as folder:
            fetched = _raw_folder(name, Path(folder))
            fetched.mkdir(parents=True)
            reason = _what_fails(one_mirror, folder, fetched)
            if reason is None:
                for file in missing:
                    (fetched / file).replace(raw / file)
                return
        reasons.append(f"{mirror.split('/')[2]}: {reason}")
    fault = f"{raw / missing[0]} is missing or damaged and cannot be downloaded ({'; '.join(reasons)})"
    advice = "lay the four files there, or take the bundled digits, --data sample"
    raise DataError(f"{fault}: {advice}") from ConnectionError(f"MNIST cannot be downloaded ({reason})")


def _what_fails(dataset: Any, folder: str, fetched: Path) -> str | None:
    """Download, while the files grow; a thread does it, for a socket's time limit begins anew with every byte."""
    outcome: list[str | None] = []

    def fetch() -> None:
        try:
            dataset(folder, download=True)
            outcome.append(None)
        except Exception as error:  # a stranger can bring on nearly anything
            reason = (str(error).strip() or type(error).__name__).splitlines()[-1][:100]
            reason = re.sub(r"^<urlopen error (\[Errno -?\d+\] )?(.*)>$", r"\2", reason)
            outcome.append("".join(letter if letter.isprintable() else " " for letter in reason))

    limit_before, size = socket.getdefaulttimeout(), 0
    socket.setdefaulttimeout(_PATIENCE_SECONDS)
    try:
        worker = threading.Thread(target=fetch, daemon=True)
        worker.start()
        worker.join(_PATIENCE_SECONDS)
        while worker.is_alive() and (now := _n_bytes(fetched)) >= size + _PATIENCE_BYTES:
            size = now
            worker.join(_PATIENCE_SECONDS)
    finally:
        socket.setdefaulttimeout(limit_before)
    return outcome[0] if outcome else f"silent or too slow, given up after {_n_bytes(fetched):,} bytes"


def _n_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*"))


def _missing(name: str, root: Path, repair: bool = False) -> list[str]:
    def is_there(file: str) -> bool:
        path = _raw_folder(name, root) / file
        return path.is_file() and (not repair or _is_right(name, file, path.read_bytes()))

    return [file for file in _MNIST_MD5 if not is_there(file)]


def _is_right(name: str, file: str, content: bytes) -> bool:
    return name != "mnist" or hashlib.md5(content, usedforsecurity=False).hexdigest() == _MNIST_MD5[file]


def _raw_folder(name: str, root: Path) -> Path:
    return root / _FOLDERS[name] / "raw"
