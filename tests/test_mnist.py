"""MNIST through torchvision, fetched from a web server on this machine that has good manners or bad ones."""

import contextlib
import errno
import gc
import gzip
import hashlib
import http.server
import os
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar
from unittest import mock

import numpy as np
import pytest
import torch
import torchvision.datasets

from digitlab.cli import main
from digitlab.data import DataError, data_folder, load_digits, load_mnist, mnist
from digitlab.data.mnist import download

pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


RANDOM = np.random.default_rng(0)
FILES = {  # MNIST's four, with 200 and 20 made-up images
    "train-images-idx3-ubyte": idx_bytes(RANDOM.integers(0, 256, (200, 28, 28), dtype=np.uint8)),
    "train-labels-idx1-ubyte": idx_bytes((np.arange(200) % 10).astype(np.uint8)),
    "t10k-images-idx3-ubyte": idx_bytes(RANDOM.integers(0, 256, (20, 28, 28), dtype=np.uint8)),
    "t10k-labels-idx1-ubyte": idx_bytes((np.arange(20) % 10).astype(np.uint8)),
}
PACKED = {f"{name}.gz": gzip.compress(content, mtime=0) for name, content in FILES.items()}
IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
Use = Callable[..., None]


class Mirror(http.server.BaseHTTPRequestHandler):
    """Each folder of the web server is a mirror with manners of its own."""

    requests: ClassVar[list[str]] = []
    closing = threading.Event()

    def do_GET(self) -> None:
        self.requests.append(self.path)
        _, manner, name = self.path.split("/")
        answer = MANNERS[manner](PACKED[name])
        with contextlib.suppress(OSError):  # the other side has had enough
            for start in range(0, len(answer), 8000):
                self.wfile.write(answer[start : start + 8000])
                self.closing.wait(0.05 if manner == "slow-but-honest" else 0)
            while "drips" in manner and not self.closing.wait(0.02):
                self.wfile.write(b"x")
        if manner == "silent":
            self.closing.wait(20)

    def log_message(self, *_args: object) -> None:
        pass


OK = b"HTTP/1.1 200 OK\r\n"
MANNERS: dict[str, Callable[[bytes], bytes]] = {  # what is sent instead of a file
    "good": lambda file: OK + b"\r\n" + file,
    # For a large file it takes twice as long as one may be silent.
    "slow-but-honest": lambda file: OK + b"\r\n" + file,
    "missing": lambda file: b"HTTP/1.1 404 Not Found\r\n\r\n",
    "words-for-the-terminal": lambda file: b"HTTP/1.1 404 \x1b[2J\x1b[31m\x85" + b"ha " * 5000 + b"\r\n\r\n",
    "login-page": lambda file: OK + b"\r\n<html>Please sign in to the hotel's network</html>",
    "cut-short": lambda file: OK + b"Content-Length: 5000000\r\n\r\n" + file[: len(file) // 2],
    "speaks-another-language": lambda file: b"\x00nonsense\r\n\r\n",
    "silent": lambda file: b"",
    "drips-after-a-good-start": lambda file: OK + b"Content-Length: 9000000\r\n\r\n" + bytes(50_000),
    "drips-headers": lambda file: OK + b"X-Patience: ",
}
PLACES = {"nobody-there": "http://127.0.0.1:1/"}
REASONS = {"missing": "Not Found", "login-page": "corrupted", "drips-headers": "silent or too slow"}


@pytest.fixture(scope="module", autouse=True)
def _sockets_are_closed() -> Iterator[None]:
    yield
    gc.collect()  # urllib leaves sockets to the garbage collector, which complains


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Chooses the manners of the mirrors, one after another; at first there is one good mirror."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    dataset = torchvision.datasets.MNIST

    def use(*manners: str) -> None:
        urls = [PLACES.get(each, f"http://127.0.0.1:{server.server_port}/{each}/") for each in manners]
        monkeypatch.setattr(dataset, "mirrors", urls)

    monkeypatch.setattr(dataset, "resources", [(name, md5(packed)) for name, packed in PACKED.items()])
    monkeypatch.setattr(mnist, "_MNIST_MD5", {name: md5(content) for name, content in FILES.items()})
    monkeypatch.setattr(mnist, "_N_IMAGES", {"train": 200, "test": 20})
    monkeypatch.setattr(mnist, "_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(mnist, "_PATIENCE_BYTES", 2000)
    monkeypatch.setenv("no_proxy", "*")
    Mirror.requests.clear()
    Mirror.closing.clear()
    use("good")
    yield use
    Mirror.closing.set()
    server.shutdown()
    server.server_close()


def md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


def data_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != ".lock")


def lay(folder: Path, name: str = "MNIST", files: dict[str, bytes] = FILES) -> Path:
    """The files as they lie on a disk; returns their folder."""
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    for file, content in files.items():
        (raw / file).write_bytes(content)
    return raw


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("manner", ["good", "slow-but-honest"])
def test_download_makes_what_torchvision_reads(mirrors: Use, tmp_path: Path, manner: str) -> None:
    left = tmp_path / "MNIST/raw/.digitlab-a1b2c3d4/MNIST/raw"  # by a download that was killed
    left.mkdir(parents=True)
    (left / "train-images-idx3-ubyte").write_bytes(b"half")
    mirrors(manner)
    digits = load_mnist("train", root=tmp_path)
    assert (len(digits), digits.name, digits.split) == (200, "mnist", "train")
    theirs = torchvision.datasets.MNIST(tmp_path, train=True, download=False)
    assert torch.equal(digits.images, theirs.data) and torch.equal(digits.labels, theirs.targets)
    Mirror.requests.clear()
    load_mnist("test", root=tmp_path)
    assert Mirror.requests == [], "what is on the disk is not asked for again"
    assert data_files(tmp_path) == sorted(FILES)


@pytest.mark.parametrize("manner", [*[*MANNERS][2:], *PLACES])
def test_a_bad_mirror_is_one_clear_line_and_the_next_one_is_tried(
    mirrors: Use, tmp_path: Path, manner: str
) -> None:
    mirrors(manner)
    fault = r"missing or damaged and cannot be downloaded \(127\.0\.0\.1:\d+: +\S"
    with pytest.raises(DataError, match=fault) as error:
        load_mnist("test", root=tmp_path)
    assert str(error.value).isprintable() and len(str(error.value)) < 500
    assert "lay the four files there, or take the bundled digits, --data sample" in str(error.value)
    assert REASONS.get(manner, "") in str(error.value)
    assert data_files(tmp_path) == []
    mirrors(manner, "good")
    assert len(load_mnist("test", root=tmp_path)) == 20


def test_packed_files_that_lie_there_are_unpacked_if_they_are_whole(mirrors: Use, tmp_path: Path) -> None:
    mirrors("nobody-there")
    lay(tmp_path / "whole", files=PACKED)
    assert load_digits("test", root=tmp_path / "whole").name == "mnist"
    packed = PACKED[f"{IMAGES}.gz"]
    for i, damaged in enumerate((b"", packed[:-9], packed[:40] + b"x" * 9 + packed[49:])):
        lay(tmp_path / f"{i}", files={**PACKED, f"{IMAGES}.gz": damaged})
        with pytest.raises(DataError, match=f"{IMAGES} is missing or damaged"):
            load_mnist("test", tmp_path / f"{i}")


@pytest.mark.usefixtures("mirrors")
def test_several_downloads_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as workers:
        loaded = list(workers.map(lambda _: load_mnist("train", root=tmp_path), range(4)))
    assert [len(digits) for digits in loaded] == [200] * 4
    assert len(Mirror.requests) == 8, "one downloads (asking twice for each file), the others wait"


def test_a_damaged_file_is_named_and_repaired_on_request(
    mirrors: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = lay(tmp_path) / "train-images-idx3-ubyte"
    damage(path)
    damaged, fault = path.read_bytes(), "train-images-idx3-ubyte is damaged: delete it, or run `digitlab"
    for source in ("mnist", "auto"):
        with pytest.raises(DataError, match=fault):
            load_digits("train", source, root=tmp_path)
    assert len(load_digits("test", "mnist", root=tmp_path)) == 20
    assert Mirror.requests == [], "nothing is fetched unasked"
    mirrors("cut-short")
    with pytest.raises(DataError, match="cannot be downloaded"):
        download("mnist", tmp_path, repair=True)
    assert path.read_bytes() == damaged, "the old one stays until the new one is there"
    mirrors("good")
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path))
    for said in ("mnist was fetched", "mnist was there already, whole"):
        assert main(["download"]) == 0 and said in capsys.readouterr().out
        assert len(load_digits("train", "mnist")) == 200


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (IMAGES, idx_bytes(np.zeros((19, 28, 28), np.uint8))),
        (IMAGES, b"hello, I am a text"),
        (LABELS, idx_bytes(np.full(20, 10, np.uint8))),
        (LABELS, idx_bytes(np.zeros(20, np.uint8))[:-1]),
    ],
)
@pytest.mark.usefixtures("mirrors")
def test_fashion_is_checked_by_its_structure(tmp_path: Path, file: str, content: bytes) -> None:
    raw = lay(tmp_path, "FashionMNIST")
    assert load_digits("test", "fashion", root=tmp_path).name == "fashion"
    (raw / file).write_bytes(content)
    with pytest.raises(DataError, match="is damaged: delete it, or run `digitlab download --data fashion`"):
        load_digits("test", "fashion", root=tmp_path)


@pytest.mark.usefixtures("mirrors")
def test_a_read_only_folder_works_if_it_is_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    raw = lay(tmp_path)
    # Permissions would not stop a superuser.
    refuse = mock.Mock(side_effect=OSError(errno.EROFS, "Read-only file system"))
    for method in ("mkdir", "replace", "touch", "unlink"):
        monkeypatch.setattr(Path, method, refuse)
    monkeypatch.setattr(mnist, "FileLock", refuse)
    assert load_digits("test", root=tmp_path).name == "mnist"
    assert not download("mnist", tmp_path, repair=True)
    damage(raw / "t10k-images-idx3-ubyte")
    with pytest.raises(DataError, match=r"cannot save .*Read-only file system.*: set DIGITLAB_DATA"):
        download("mnist", tmp_path, repair=True)
    assert Mirror.requests == [], "nothing is downloaded that cannot be saved"


@pytest.mark.usefixtures("mirrors")
@pytest.mark.parametrize("place", ["a file", "a file/below", "n" * 300])
def test_a_data_folder_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").write_text("no folder")
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / place))
    with pytest.raises(DataError, match="cannot save"):
        load_mnist("test")
    with pytest.warns(UserWarning, match="bundled sample.*cannot save"):
        assert load_digits("test", "auto").name == "sample"
    assert Mirror.requests == []


def test_a_folder_that_cannot_be_looked_into(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        Path, "stat", mock.Mock(side_effect=PermissionError(errno.EACCES, "Permission denied"))
    )
    with pytest.raises(DataError, match="no MNIST in"):
        load_mnist("test", root=tmp_path, download=False)


def test_auto_falls_back_with_one_warning_that_names_the_reason(mirrors: Use, tmp_path: Path) -> None:
    mirrors("missing")
    with pytest.warns(UserWarning, match=r"bundled sample.*Not Found") as warned:
        digits = load_digits("train", "auto", root=tmp_path)
    assert (digits.name, len(digits), len(warned)) == ("sample", 8000, 1)
    assert len(str(warned[0].message)) < 110 and "http" not in str(warned[0].message)


def test_where_the_data_folder_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.delenv("DIGITLAB_DATA")
    usual = data_folder()
    assert usual.is_absolute() and usual.name == "digitlab"
    for named, expected in (("", usual), ("here", Path("here")), ("~/digits", tmp_path / "home" / "digits")):
        monkeypatch.setenv("DIGITLAB_DATA", named)
        assert data_folder() == expected
    monkeypatch.setenv("DIGITLAB_DATA", f"~no-such-user{os.sep}digits")
    with pytest.raises(DataError, match="no such home folder"):
        data_folder()
