import gzip
import hashlib
import http.server
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.datasets
from torchvision.datasets.mnist import read_image_file

from digitlab import files
from digitlab.data import load_digits, load_mnist
from digitlab.files import DataError, fetch_set, is_complete, read_idx, write_whole


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def small_mnist() -> dict[str, bytes]:
    """MNIST's four files, with 30 and 20 made-up images."""
    random = np.random.default_rng(0)
    contents = {}
    for prefix, n in (("train", 30), ("t10k", 20)):
        images = random.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        contents[f"{prefix}-images-idx3-ubyte"] = idx_bytes(images)
        contents[f"{prefix}-labels-idx1-ubyte"] = idx_bytes((np.arange(n) % 10).astype(np.uint8))
    return contents


Answer = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


class Mirrors:
    """A local web server whose folders are mirrors, each with manners of its own."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.packed = {name + ".gz": gzip.compress(content, mtime=0) for name, content in contents.items()}
        self.manners: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.closing = threading.Event()
        mirrors = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                folder, name = self.path.strip("/").split("/")
                mirrors.requests.append(self.path)
                mirrors.manners[folder](self, mirrors.packed[name])

            def log_message(self, *_args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, folder: str, answer: Answer) -> str:
        self.manners[folder] = answer
        return f"http://127.0.0.1:{self.server.server_address[1]}/{folder}/"

    # --- manners ---

    def good(self, request: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(content)

    def missing(self, request: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
        request.send_error(404)

    def login_page(self, request: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
        self.good(request, b"<html>Please sign in to the hotel's network</html>")

    def cut_short(self, request: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[: len(content) // 2])

    def silent(self, request: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
        self.closing.wait(20)

    def stalled(self, request: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
        request.send_response(200)
        request.end_headers()
        request.wfile.write(content[:50])
        request.wfile.flush()
        self.closing.wait(20)

    def not_http(self, request: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
        request.wfile.write(b"\x00\x01nonsense\r\n\r\n")

    def endless(self, request: http.server.BaseHTTPRequestHandler, content: bytes) -> None:
        request.send_response(200)
        request.end_headers()
        while not self.closing.is_set():
            request.wfile.write(bytes(1 << 20))


BAD_MANNERS = ["missing", "login_page", "cut_short", "silent", "stalled", "not_http", "endless"]


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    contents = small_mnist()
    mirrors = Mirrors(contents)
    checksums = [(name, hashlib.md5(packed).hexdigest()) for name, packed in mirrors.packed.items()]
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", checksums)
    monkeypatch.setattr(
        files, "_MNIST_MD5", {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    )
    monkeypatch.setattr(files, "_CONNECTION_SECONDS", 0.3)
    monkeypatch.setattr(files, "_MAX_DOWNLOAD_BYTES", 4 << 20)
    yield mirrors
    mirrors.closing.set()
    mirrors.server.shutdown()
    mirrors.server.server_close()


def use_mirrors(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", list(urls))


def test_download_makes_what_torchvision_reads(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", mirrors.good))
    digits = load_mnist("train", root=tmp_path)
    assert (len(digits), digits.name, digits.split) == (30, "mnist", "train")
    theirs = torchvision.datasets.MNIST(tmp_path, train=True, download=False)
    assert torch.equal(digits.images, theirs.data)
    assert torch.equal(digits.labels, theirs.targets)
    assert len(mirrors.requests) == 4
    load_mnist("test", root=tmp_path)
    assert len(mirrors.requests) == 4, "what is on the disk is not asked for again"


@pytest.mark.parametrize("manner", BAD_MANNERS)
def test_the_second_mirror_is_tried(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manner: str
) -> None:
    bad, good = mirrors.url("bad", getattr(mirrors, manner)), mirrors.url("good", mirrors.good)
    use_mirrors(monkeypatch, bad, good)
    assert len(load_mnist("test", root=tmp_path)) == 20
    assert any(path.startswith("/bad/") for path in mirrors.requests)


@pytest.mark.parametrize("manner", BAD_MANNERS)
def test_no_good_mirror_is_one_clear_line_and_leaves_no_file(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manner: str
) -> None:
    use_mirrors(monkeypatch, mirrors.url("bad", getattr(mirrors, manner)))
    with pytest.raises(DataError, match=r"cannot be downloaded \(127\.0\.0\.1") as error:
        load_mnist("test", root=tmp_path)
    assert "\n" not in str(error.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_slow_download_ends(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "_DOWNLOAD_SECONDS", -1.0)
    use_mirrors(monkeypatch, mirrors.url("a", mirrors.good))
    with pytest.raises(DataError, match="not finished"):
        fetch_set("mnist", tmp_path)


def test_only_the_missing_file_is_fetched(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", mirrors.good))
    fetch_set("mnist", tmp_path)
    mirrors.requests.clear()
    (tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte").unlink()
    assert not is_complete("mnist", tmp_path)
    fetch_set("mnist", tmp_path)
    assert mirrors.requests == ["/a/t10k-labels-idx1-ubyte.gz"]
    assert is_complete("mnist", tmp_path)


def test_many_downloads_at_once(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", mirrors.good))
    sizes: list[int] = []
    workers = [
        threading.Thread(target=lambda: sizes.append(len(load_mnist("train", root=tmp_path))))
        for _ in range(6)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sizes == [30] * 6
    assert len(list((tmp_path / "MNIST" / "raw").iterdir())) == 4, "no temporary file stays behind"


def test_a_folder_that_cannot_be_written(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", mirrors.good))
    (tmp_path / "MNIST").write_text("a file where a folder should be")
    with pytest.raises(DataError, match=r"cannot save .*: set DIGITLAB_DATA to another folder"):
        fetch_set("mnist", tmp_path)


def test_a_damaged_file_is_named_even_for_auto(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", mirrors.good))
    fetch_set("mnist", tmp_path)
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    for source in ("mnist", "auto"):
        with pytest.raises(DataError, match=r"train-images-idx3-ubyte is damaged .*delete it"):
            load_digits("train", source, root=tmp_path)
    assert len(load_digits("test", "auto", root=tmp_path)) == 20


def test_auto_falls_back_with_one_warning_that_names_the_reason(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("bad", mirrors.missing))
    with pytest.warns(UserWarning, match=r"bundled sample.*Not Found") as warned:
        digits = load_digits("train", "auto", root=tmp_path)
    assert (digits.name, len(digits), len(warned)) == ("sample", 8000, 1)
    with pytest.raises(DataError, match="Not Found"):
        load_digits("train", "mnist", root=tmp_path)


def test_fashion_has_its_own_folder(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "resources", torchvision.datasets.MNIST.resources)
    monkeypatch.setattr(torchvision.datasets.FashionMNIST, "mirrors", [mirrors.url("a", mirrors.good)])
    assert load_digits("test", "fashion", root=tmp_path).name == "fashion"
    assert (tmp_path / "FashionMNIST" / "raw").is_dir()
    assert not is_complete("mnist", tmp_path)


def test_read_idx_agrees_with_torchvision(tmp_path: Path) -> None:
    images = np.random.default_rng(1).integers(0, 256, (7, 28, 28), dtype=np.uint8)
    path = tmp_path / "images"
    path.write_bytes(idx_bytes(images))
    assert torch.equal(read_idx(path), read_image_file(str(path)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\x00\x00\x08",
        b"\x00\x00\x08\x03\x00",
        b"hello, I am a text",
        b"\x00\x00\x0d\x01" + bytes(8),
    ],
)
def test_what_is_not_idx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match="delete it"):
        read_idx(path)


@pytest.mark.parametrize("extra", [-1, 1])
def test_a_length_that_does_not_fit_is_refused(tmp_path: Path, extra: int) -> None:
    content = idx_bytes(np.zeros((2, 28, 28), np.uint8))
    path = tmp_path / "file"
    path.write_bytes(content[:extra] if extra < 0 else content + bytes(extra))
    with pytest.raises(DataError, match=f"{1568 + extra} bytes of data where its header says 1568"):
        read_idx(path)


def test_write_whole_keeps_the_earlier_file_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"earlier")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        write_whole(path, b"later")
    assert error.value.filename == str(path)
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]
