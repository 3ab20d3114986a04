"""MNIST through torchvision, fetched from a web server on this machine that has good manners or bad ones."""

import contextlib
import errno
import gc
import gzip
import hashlib
import http.server
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
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

Request = http.server.BaseHTTPRequestHandler
Answer = Callable[["Mirrors", Request, bytes], None]


class Mirrors:
    """A local web server whose folders are mirrors, each with manners of its own."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch, self.requests, self.closing = patch, list[str](), threading.Event()
        self.manners: dict[str, Answer] = {"good": good}
        mirrors = self

        class Handler(Request):
            def do_GET(self) -> None:
                folder, name = self.path.strip("/").split("/")
                mirrors.requests.append(self.path)
                with contextlib.suppress(OSError):  # the other side has had enough
                    mirrors.manners[folder](mirrors, self, PACKED[name])

            def log_message(self, *_args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_args: None  # type: ignore[method-assign]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def use(self, *manners: str) -> None:
        """Let these be the mirrors, one after another."""
        port, urls = self.server.server_address[1], []
        for manner in manners:
            folder = "good" if manner == "good" else "other"
            self.manners[folder] = {**GOOD_MANNERS, **BAD_MANNERS}.get(manner, good)
            urls.append(BAD_PLACES.get(manner, f"http://127.0.0.1:{{port}}/{folder}/").format(port=port))
        for dataset in (torchvision.datasets.MNIST, torchvision.datasets.FashionMNIST):
            self.patch.setattr(dataset, "mirrors", urls)


def sends(head: str, change: Callable[[bytes], bytes] = lambda packed: packed) -> Answer:
    """Answers with these lines, in which {name} is the file asked for, and the file, changed."""

    def answer(mirrors: Mirrors, request: Request, packed: bytes) -> None:
        filled = head.replace("{name}", request.path.split("/")[-1])
        request.wfile.write(f"HTTP/1.1 {filled}\r\n\r\n".encode("latin-1") + change(packed))

    return answer


def nothing(packed: bytes) -> bytes:
    return b""


def drips(start: bytes) -> Answer:
    def answer(mirrors: Mirrors, request: Request, packed: bytes) -> None:
        request.wfile.write(start)
        while not mirrors.closing.wait(0.02):
            request.wfile.write(b"x")

    return answer


def slow_but_honest(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    """Takes twice as long for a large file as one may be silent."""
    sends("200 OK", nothing)(mirrors, request, packed)
    for start in range(0, len(packed), 8000):
        request.wfile.write(packed[start : start + 8000])
        mirrors.closing.wait(0.05)


good = sends("200 OK")
GOOD_MANNERS: dict[str, Answer] = {
    "good": good,
    "a redirect": sends("302 Found\r\nLocation: /good/{name}", nothing),
    "a wrong kind": sends("200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br"),
    "slow but honest": slow_but_honest,
}
BAD_MANNERS: dict[str, Answer] = {
    "missing": sends("404 Not Found", nothing),
    "words for the terminal": sends("404 \x1b[2J\x1b[31m\x85" + "ha " * 5000, nothing),
    "login page": sends("200 OK", lambda packed: b"<html>Please sign in to the hotel's network</html>"),
    "cut short": sends("200 OK\r\nContent-Length: 5000000", lambda packed: packed[: len(packed) // 2]),
    "one bit wrong": sends("200 OK", lambda packed: packed[:-9] + bytes([packed[-9] ^ 1]) + packed[-8:]),
    "speaks another language": lambda mirrors, request, packed: request.wfile.write(b"\x00nonsense\r\n\r\n"),
    "redirects to a file": sends("302 Found\r\nLocation: file:///etc/hostname", nothing),
    "silent": lambda mirrors, request, packed: mirrors.closing.wait(20),
    "drips after a good start": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + bytes(50_000)),
    "drips headers": drips(b"HTTP/1.1 200 OK\r\nX-Patience: "),
}
BAD_PLACES = {
    "no such name": "http://mirror.invalid/",
    "nobody there": "http://127.0.0.1:1/",
    "no TLS": "https://127.0.0.1:{port}/other/",
}
REASONS = {
    "missing": "Not Found",
    "login page": "corrupted",
    "drips headers": "silent or too slow",
    "no TLS": "SSL",
}


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
    find_address = socket.getaddrinfo

    def local_addresses(host: str, *arguments: object, **named: object) -> object:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return find_address(host, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", local_addresses)
    monkeypatch.setenv("no_proxy", "*")
    mirrors = Mirrors(monkeypatch)
    mirrors.use("good")
    yield mirrors
    mirrors.closing.set()
    mirrors.server.shutdown()
    mirrors.server.server_close()


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


@pytest.mark.parametrize("manner", GOOD_MANNERS)
def test_download_makes_what_torchvision_reads(mirrors: Mirrors, tmp_path: Path, manner: str) -> None:
    left = (
        tmp_path / "MNIST" / "raw" / ".digitlab-a1b2c3d4" / "MNIST" / "raw"
    )  # by a download that was killed
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


@pytest.mark.parametrize("manner", [*BAD_MANNERS, *BAD_PLACES])
def test_a_bad_mirror_is_one_clear_line_and_the_next_one_is_tried(
    mirrors: Mirrors, tmp_path: Path, manner: str
) -> None:
    mirrors.use(manner)
    fault = r"missing or damaged and cannot be downloaded \((127\.0\.0\.1|\w+\.invalid)\S*: +\S"
    with pytest.raises(DataError, match=fault) as error:
        load_mnist("test", root=tmp_path)
    assert str(error.value).isprintable() and len(str(error.value)) < 500
    assert "--data sample" in str(error.value) and REASONS.get(manner, "") in str(error.value)
    assert data_files(tmp_path) == []
    mirrors.use(manner, "good")
    assert len(load_mnist("test", root=tmp_path)) == 20


def test_packed_files_that_lie_there_are_unpacked_without_a_network(mirrors: Mirrors, tmp_path: Path) -> None:
    mirrors.use("nobody there")
    raw = lay(tmp_path, files=PACKED)
    assert load_digits("test", root=tmp_path).name == "mnist"
    (raw / "t10k-labels-idx1-ubyte").unlink()
    (raw / "t10k-labels-idx1-ubyte.gz").write_bytes(PACKED["t10k-images-idx3-ubyte.gz"])
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte is missing or damaged"):
        load_digits("test", "mnist", root=tmp_path)


def test_several_downloads_at_once(mirrors: Mirrors, tmp_path: Path) -> None:
    sizes: list[int] = []
    work = lambda: sizes.append(len(load_mnist("train", root=tmp_path)))  # noqa: E731
    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sizes == [200] * 4
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
    mirrors.use("cut short")
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
    usual, homely = data_folder(), tmp_path / "home" / "digits"
    assert usual.is_absolute() and usual.name == "digitlab"
    for named, expected in (
        ("", usual),
        (str(tmp_path), tmp_path),
        ("here", Path("here")),
        ("~/digits", homely),
    ):
        monkeypatch.setenv("DIGITLAB_DATA", named)
        assert data_folder() == expected
    monkeypatch.setenv("DIGITLAB_DATA", f"~no-such-user{os.sep}digits")
    with pytest.raises(DataError, match="no such home folder"):
        data_folder()
