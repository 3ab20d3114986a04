"""MNIST through torchvision, fetched from a web server on this machine that has good manners or bad ones."""

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

import numpy as np
import pytest
import torch
import torchvision.datasets

from digitlab.data import DataError, data_folder, load_digits, load_mnist, mnist
from digitlab.data.mnist import download, is_complete

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


class Mirrors(http.server.ThreadingHTTPServer):
    """A web server on this machine: each of its folders is a mirror with manners of its own."""

    daemon_threads = True

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        super().__init__(("127.0.0.1", 0), Mirror)
        self.patch, self.requests, self.closing = patch, list[str](), threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, *_args: object) -> None:
        """The other side has had enough."""

    def use(self, *manners: str) -> None:
        """Let these be the mirrors, one after another."""
        urls = [PLACES.get(each, f"http://127.0.0.1:{self.server_port}/{each}/") for each in manners]
        for dataset in (torchvision.datasets.MNIST, torchvision.datasets.FashionMNIST):
            self.patch.setattr(dataset, "mirrors", urls)


class Mirror(http.server.BaseHTTPRequestHandler):
    server: Mirrors

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        _, manner, name = self.path.split("/")
        file = PACKED[name]
        answer, pause = MANNERS[manner](file), 0.05 if manner == "slow-but-honest" else 0
        for start in range(0, len(answer), 8000):
            self.wfile.write(answer[start : start + 8000])
            self.server.closing.wait(pause)
        while "drips" in manner and not self.server.closing.wait(0.02):
            self.wfile.write(b"x")
        if manner == "silent":
            self.server.closing.wait(20)

    def log_message(self, *_args: object) -> None:
        pass


OK = b"HTTP/1.1 200 OK\r\n"
MANNERS: dict[str, Callable[[bytes], bytes]] = {  # what is sent instead of a file
    "good": lambda file: OK + b"\r\n" + file,
    "slow-but-honest": lambda file: (
        OK + b"\r\n" + file
    ),  # twice as long for a large file as one may be silent
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
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    checksums = [(name, hashlib.md5(packed).hexdigest()) for name, packed in PACKED.items()]
    for dataset in (torchvision.datasets.MNIST, torchvision.datasets.FashionMNIST):
        monkeypatch.setattr(dataset, "resources", checksums)
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in FILES.items()}
    monkeypatch.setattr(mnist, "_MNIST_MD5", md5)
    monkeypatch.setattr(mnist, "_N_IMAGES", {"train": 200, "test": 20})
    monkeypatch.setattr(mnist, "_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(mnist, "_PATIENCE_BYTES", 2000)
    monkeypatch.setenv("no_proxy", "*")
    mirrors = Mirrors(monkeypatch)
    mirrors.use("good")
    yield mirrors
    mirrors.closing.set()
    mirrors.shutdown()
    mirrors.server_close()


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
def test_download_makes_what_torchvision_reads(mirrors: Mirrors, tmp_path: Path, manner: str) -> None:
    left = tmp_path / "MNIST/raw/.digitlab-a1b2c3d4/MNIST/raw"  # by a download that was killed
    left.mkdir(parents=True)
    (left / "train-images-idx3-ubyte").write_bytes(b"half")
    mirrors.use(manner)
    digits = load_mnist("train", root=tmp_path)
    assert (len(digits), digits.name, digits.split) == (200, "mnist", "train")
    theirs = torchvision.datasets.MNIST(tmp_path, train=True, download=False)
    assert torch.equal(digits.images, theirs.data) and torch.equal(digits.labels, theirs.targets)
    mirrors.requests.clear()
    load_mnist("test", root=tmp_path)
    assert mirrors.requests == [], "what is on the disk is not asked for again"
    assert data_files(tmp_path) == sorted(FILES)


@pytest.mark.parametrize("manner", [*[*MANNERS][2:], *PLACES])
def test_a_bad_mirror_is_one_clear_line_and_the_next_one_is_tried(
    mirrors: Mirrors, tmp_path: Path, manner: str
) -> None:
    mirrors.use(manner)
    fault = r"missing or damaged and cannot be downloaded \(127\.0\.0\.1:\d+: +\S"
    with pytest.raises(DataError, match=fault) as error:
        load_mnist("test", root=tmp_path)
    assert str(error.value).isprintable() and len(str(error.value)) < 500
    assert "--data sample" in str(error.value) and REASONS.get(manner, "") in str(error.value)
    assert data_files(tmp_path) == []
    mirrors.use(manner, "good")
    assert len(load_mnist("test", root=tmp_path)) == 20


def test_packed_files_that_lie_there_are_unpacked_without_a_network(mirrors: Mirrors, tmp_path: Path) -> None:
    mirrors.use("nobody-there")
    lay(tmp_path, files=PACKED)
    assert load_digits("test", root=tmp_path).name == "mnist"


def test_several_downloads_at_once(mirrors: Mirrors, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as workers:
        loaded = list(workers.map(lambda _: load_mnist("train", root=tmp_path), range(4)))
    assert [len(digits) for digits in loaded] == [200] * 4
    assert len(mirrors.requests) == 8, "one downloads (asking twice for each file), the others wait"


def test_a_damaged_file_is_named_and_repaired_on_request(mirrors: Mirrors, tmp_path: Path) -> None:
    path = lay(tmp_path) / "train-images-idx3-ubyte"
    damage(path)
    damaged, fault = path.read_bytes(), "train-images-idx3-ubyte is damaged: delete it, or run `digitlab"
    for source in ("mnist", "auto"):
        with pytest.raises(DataError, match=fault):
            load_digits("train", source, root=tmp_path)
    assert len(load_digits("test", "mnist", root=tmp_path)) == 20
    assert mirrors.requests == [], "nothing is fetched unasked"
    mirrors.use("cut-short")
    with pytest.raises(DataError, match="cannot be downloaded"):
        download("mnist", tmp_path, repair=True)
    assert path.read_bytes() == damaged, "the old one stays until the new one is there"
    mirrors.use("good")
    assert download("mnist", tmp_path, repair=True)
    assert len(load_digits("train", "mnist", root=tmp_path)) == 200
    assert not download("mnist", tmp_path, repair=True)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("t10k-images-idx3-ubyte", idx_bytes(np.zeros((19, 28, 28), np.uint8))),
        ("t10k-images-idx3-ubyte", idx_bytes(np.zeros((20, 28, 27), np.uint8))),
        ("t10k-images-idx3-ubyte", b"hello, I am a text"),
        ("t10k-images-idx3-ubyte", b""),
        ("t10k-labels-idx1-ubyte", idx_bytes(np.full(20, 10, np.uint8))),
        ("t10k-labels-idx1-ubyte", idx_bytes(np.zeros(20, np.uint8))[:-1]),
    ],
)
@pytest.mark.usefixtures("mirrors")
def test_fashion_is_checked_by_its_structure(tmp_path: Path, file: str, content: bytes) -> None:
    raw = lay(tmp_path, "FashionMNIST")
    assert load_digits("test", "fashion", root=tmp_path).name == "fashion"
    (raw / file).write_bytes(content)
    with pytest.raises(DataError, match="is damaged: delete it, or run `digitlab download --data fashion`"):
        load_digits("test", "fashion", root=tmp_path)


def test_a_read_only_folder_works_if_it_is_whole(mirrors: Mirrors, tmp_path: Path) -> None:
    raw = lay(tmp_path)

    def refuse(*_args: object, **_named: object) -> None:  # permissions would not stop a superuser
        raise OSError(errno.EROFS, "Read-only file system")

    for method in ("mkdir", "replace", "touch", "unlink"):
        mirrors.patch.setattr(Path, method, refuse)
    mirrors.patch.setattr(mnist, "FileLock", refuse)
    assert load_digits("test", root=tmp_path).name == "mnist"
    assert not download("mnist", tmp_path, repair=True)
    damage(raw / "t10k-images-idx3-ubyte")
    with pytest.raises(DataError, match=r"cannot save .*Read-only file system.*: set DIGITLAB_DATA"):
        download("mnist", tmp_path, repair=True)
    assert mirrors.requests == [], "nothing is downloaded that cannot be saved"


@pytest.mark.parametrize("place", ["a file", "a file/below", "n" * 300])
def test_a_data_folder_that_is_none(mirrors: Mirrors, tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").write_text("no folder")
    mirrors.patch.setenv("DIGITLAB_DATA", str(tmp_path / place))
    with pytest.raises(DataError, match="cannot save"):
        load_mnist("test")
    with pytest.warns(UserWarning, match="bundled sample.*cannot save"):
        assert load_digits("test", "auto").name == "sample"
    assert mirrors.requests == []


def test_a_folder_that_cannot_be_looked_into(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def locked(path: Path, **_named: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", locked)
    assert not is_complete("mnist", tmp_path)
    with pytest.raises(DataError, match="no MNIST in"):
        load_mnist("test", root=tmp_path, download=False)


def test_auto_falls_back_with_one_warning_that_names_the_reason(mirrors: Mirrors, tmp_path: Path) -> None:
    mirrors.use("missing")
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
