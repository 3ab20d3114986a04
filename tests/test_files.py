import contextlib
import errno
import gzip
import hashlib
import http.server
import os
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
import torchvision.datasets
from torchvision.datasets.mnist import read_image_file

from digitlab import files, mirror
from digitlab.data import load_digits, load_mnist
from digitlab.data.mnist import DataError, data_folder, fetch_set, is_complete, read_idx
from digitlab.writing import write_whole


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


Request = http.server.BaseHTTPRequestHandler
Answer = Callable[["Mirrors", Request, bytes], None]


class Mirrors:
    """A local web server whose folders are mirrors, each with manners of its own."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.packed = {name + ".gz": gzip.compress(content, mtime=0) for name, content in contents.items()}
        self.manners: dict[str, Answer] = {}
        self.requests: list[str] = []
        self.closing = threading.Event()
        mirrors = self

        class Handler(Request):
            def do_GET(self) -> None:
                folder, name = self.path.strip("/").split("/")
                mirrors.requests.append(self.path)
                with contextlib.suppress(OSError):  # the other side has had enough
                    mirrors.manners[folder](mirrors, self, mirrors.packed[name])

            def log_message(self, *_args: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_args: None  # type: ignore[method-assign]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def url(self, folder: str, answer: Answer) -> str:
        self.manners[folder] = answer
        return f"http://127.0.0.1:{self.server.server_address[1]}/{folder}/"

    def bad_url(self, manner: str) -> str:
        port = self.server.server_address[1]
        if manner in BAD_PLACES:
            return BAD_PLACES[manner].format(port=port)
        self.manners["good"] = good
        return self.url("bad", BAD_MANNERS[manner])

    def drip(self, request: Request, drop: bytes) -> None:
        while not self.closing.wait(0.02):
            request.wfile.write(drop)


def sends(head: str, change: Callable[[bytes], bytes] = lambda packed: packed) -> Answer:
    """Answers with these lines, in which {name} is the file asked for, and the file, changed."""

    def answer(mirrors: Mirrors, request: Request, packed: bytes) -> None:
        filled = head.replace("{name}", request.path.split("/")[-1])
        request.wfile.write(f"HTTP/1.1 {filled}\r\n\r\n".encode("latin-1") + change(packed))

    return answer


def nothing(packed: bytes) -> bytes:
    return b""


def half(packed: bytes) -> bytes:
    return packed[: len(packed) // 2]


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def silent(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    mirrors.closing.wait(20)


def stalls(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    sends("200 OK", half)(mirrors, request, packed)
    mirrors.closing.wait(20)


def drips(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    sends("200 OK", nothing)(mirrors, request, packed)
    mirrors.drip(request, b"\x1f")


def drips_after_a_good_start(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    sends("200 OK\r\nContent-Length: 9000000", lambda packed: bytes(50_000))(mirrors, request, packed)
    mirrors.drip(request, b"\x1f")


def drips_headers(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Patience: ")
    mirrors.drip(request, b"x")


def never_begins(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    mirrors.drip(request, b"HTTP/1.1 100 Continue\r\n\r\n")


def endless(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    sends("200 OK", nothing)(mirrors, request, packed)
    while not mirrors.closing.is_set():
        request.wfile.write(bytes(1 << 20))


def speaks_another_language(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    request.wfile.write(b"\x00\x01nonsense\r\n\r\n")


def resets(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    sends("200 OK", half)(mirrors, request, packed)
    request.wfile.flush()
    # Closed like this, the other side gets a reset instead of an end.
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


def slow_but_honest(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    """Takes twice as long for a large file as one may be silent."""
    sends("200 OK", nothing)(mirrors, request, packed)
    for start in range(0, len(packed), 2500):
        request.wfile.write(packed[start : start + 2500])
        mirrors.closing.wait(0.1)


def redirects_with_an_endless_page(mirrors: Mirrors, request: Request, packed: bytes) -> None:
    sends("302 Found\r\nLocation: /good/{name}", nothing)(mirrors, request, packed)
    while not mirrors.closing.is_set():
        request.wfile.write(bytes(1 << 16))


good = sends("200 OK")
missing = sends("404 Not Found", nothing)

GOOD_MANNERS: dict[str, Answer] = {
    "a redirect": sends("302 Found\r\nLocation: /good/{name}", nothing),
    "a redirect for ever": sends("308 Permanent Redirect\r\nLocation: ../good/{name}", nothing),
    "a redirect with an endless page": redirects_with_an_endless_page,
    "in chunks": sends(
        "200 OK\r\nTransfer-Encoding: chunked",
        lambda packed: chunk(packed[:20]) + chunk(packed[20:]) + chunk(b""),
    ),
    "a length too large": sends("200 OK\r\nContent-Length: 5000000"),
    "a wrong kind": sends("200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br"),
    "slow but honest": slow_but_honest,
}
BAD_MANNERS: dict[str, Answer] = {
    # It refuses.
    "missing": missing,
    "forbidden": sends("403 Forbidden", nothing),
    "broken": sends("500 Internal Server Error", nothing),
    "come back later": sends("503 Service Unavailable\r\nRetry-After: 86400", nothing),
    "no reason given": sends("500", nothing),
    "words for the terminal": sends("404 \x1b[2J\x1b[31m\x85" + "ha " * 5000, nothing),
    # It sends something else.
    "login page": sends("200 OK", lambda packed: b"<html>Please sign in to the hotel's network</html>"),
    "empty": sends("200 OK", nothing),
    "no content": sends("204 No Content", nothing),
    "cut short": sends("200 OK\r\nContent-Length: 5000000", half),
    "cut short, unsaid": sends("200 OK", half),
    "a length too small": sends("200 OK\r\nContent-Length: 10"),
    "a length below zero": sends("200 OK\r\nContent-Length: -5", half),
    "a part": sends("206 Partial Content\r\nContent-Range: bytes 0-39/40", lambda packed: packed[:40]),
    "another file": sends("200 OK", lambda packed: gzip.compress(b"something else")),
    "not packed": sends("200 OK", gzip.decompress),
    "packed twice": sends("200 OK", gzip.compress),
    "one bit wrong": sends("200 OK", lambda packed: packed[:-9] + bytes([packed[-9] ^ 1]) + packed[-8:]),
    "more than was asked for": sends("200 OK", lambda packed: packed + b"and more"),
    "a bomb": sends("200 OK", lambda packed: gzip.compress(bytes(8 << 20))),
    "endless": endless,
    # It breaks the rules of HTTP.
    "chunks that break off": sends(
        "200 OK\r\nTransfer-Encoding: chunked", lambda packed: chunk(half(packed)) + b"400\r\nabc"
    ),
    "chunks of no size": sends("200 OK\r\nTransfer-Encoding: chunked", lambda packed: b"-xyz\r\n" + packed),
    "a flood of headers": sends("200 OK" + "\r\nX-Flood: 1" * 1000),
    "a header without end": sends("200 OK\r\nX-Long: " + "x" * 100_000),
    "speaks another language": speaks_another_language,
    "resets": resets,
    # It sends elsewhere.
    "redirects in a circle": sends("302 Found\r\nLocation: /bad/{name}", nothing),
    "redirects nowhere": sends("302 Found\r\nLocation: http://nowhere.invalid/{name}", nothing),
    "redirects without a place": sends("302 Found", nothing),
    "redirects to a file": sends("302 Found\r\nLocation: file:///etc/hostname", nothing),
    "redirects to ftp": sends("302 Found\r\nLocation: ftp://127.0.0.1/{name}", nothing),
    "redirects to data": sends("302 Found\r\nLocation: data:text/plain,hello", nothing),
    "redirects to no port": sends("302 Found\r\nLocation: http://127.0.0.1:99999/{name}", nothing),
    "redirects to no address": sends("302 Found\r\nLocation: http://[bad/{name}", nothing),
    # It keeps one waiting.
    "silent": silent,
    "stalls": stalls,
    "drips": drips,
    "drips after a good start": drips_after_a_good_start,
    "drips headers": drips_headers,
    "never begins": never_begins,
}
BAD_PLACES = {
    "no such name": "http://mirror.invalid/",
    "a name that is looked up for ever": "http://stuck.invalid/",
    "nobody there": "http://127.0.0.1:1/",
    "no TLS": "https://127.0.0.1:{port}/bad/",
}
BAD = [*BAD_MANNERS, *BAD_PLACES]


@pytest.fixture
def mirrors(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    contents = small_mnist()
    mirrors = Mirrors(contents)
    checksums = [(name, hashlib.md5(packed).hexdigest()) for name, packed in mirrors.packed.items()]
    for dataset in (torchvision.datasets.MNIST, torchvision.datasets.FashionMNIST):
        monkeypatch.setattr(dataset, "resources", checksums)
    monkeypatch.setattr(
        files, "_MNIST_MD5", {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    )
    monkeypatch.setattr(files, "_N_IMAGES", {"train": 30, "test": 20})
    monkeypatch.setattr(mirror, "_PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(mirror, "_PATIENCE_BYTES", 2000)
    monkeypatch.setattr(mirror, "_MAX_PACKED_BYTES", 4 << 20)
    find_address = socket.getaddrinfo

    def local_addresses(host: str, *arguments: Any, **named: Any) -> Any:
        if host.endswith(".invalid"):
            if host.startswith("stuck"):
                mirrors.closing.wait(20)
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return find_address(host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", local_addresses)
    monkeypatch.setenv("no_proxy", "*")
    yield mirrors
    mirrors.closing.set()
    mirrors.server.shutdown()
    mirrors.server.server_close()


def use_mirrors(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    for dataset in (torchvision.datasets.MNIST, torchvision.datasets.FashionMNIST):
        monkeypatch.setattr(dataset, "mirrors", list(urls))


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def damage(path: Path, position: int = 5000) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


# --- downloading ---


def test_download_makes_what_torchvision_reads(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    digits = load_mnist("train", root=tmp_path)
    assert (len(digits), digits.name, digits.split) == (30, "mnist", "train")
    theirs = torchvision.datasets.MNIST(tmp_path, train=True, download=False)
    assert torch.equal(digits.images, theirs.data)
    assert torch.equal(digits.labels, theirs.targets)
    assert len(mirrors.requests) == 4
    load_mnist("test", root=tmp_path)
    assert len(mirrors.requests) == 4, "what is on the disk is not asked for again"


@pytest.mark.parametrize("manner", GOOD_MANNERS)
def test_what_a_mirror_may_do(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manner: str
) -> None:
    mirrors.url("good", good)
    use_mirrors(monkeypatch, mirrors.url("odd", GOOD_MANNERS[manner]))
    assert len(load_mnist("train", root=tmp_path)) == 30


@pytest.mark.parametrize("manner", BAD)
def test_the_second_mirror_is_tried(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manner: str
) -> None:
    use_mirrors(monkeypatch, mirrors.bad_url(manner), mirrors.url("second", good))
    assert len(load_mnist("test", root=tmp_path)) == 20
    n_asked = sum(path.startswith("/bad/") for path in mirrors.requests)
    if manner != "redirects in a circle":
        assert n_asked == (manner in BAD_MANNERS), "for the other files it is asked last"


@pytest.mark.parametrize("manner", BAD)
def test_no_good_mirror_is_one_clear_line_and_leaves_no_file(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manner: str
) -> None:
    use_mirrors(monkeypatch, mirrors.bad_url(manner))
    with pytest.raises(
        DataError, match=r"ubyte is missing and cannot be downloaded \((127\.0\.0\.1|\w+\.invalid)\S*: [\w\[]"
    ) as error:
        load_mnist("test", root=tmp_path)
    assert str(error.value).isprintable() and len(str(error.value)) < 400
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("forbidden", "Forbidden"),
        ("come back later", "Service Unavailable"),
        ("login page", "wrong checksum"),
        ("a bomb", "wrong checksum"),
        ("endless", "more than the file can hold"),
        ("drips", "silent or too slow"),
        ("redirects in a circle", "infinite loop"),
        ("redirects to ftp", "another place than the web"),
        ("redirects to a file", "not allowed"),
        ("no such name", "not known"),
        ("no TLS", "SSL"),
    ],
)
def test_the_reason_is_told(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, manner: str, reason: str
) -> None:
    use_mirrors(monkeypatch, mirrors.bad_url(manner))
    with pytest.raises(DataError, match=reason):
        fetch_set("mnist", tmp_path)


def test_a_bomb_with_the_right_checksum_is_not_unpacked(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    name = next(iter(mirrors.packed))
    monkeypatch.setattr(torchvision.datasets.MNIST, "resources", [(name, hashlib.md5(bomb).hexdigest())])
    monkeypatch.setattr(mirror, "_MAX_FILE_BYTES", 1 << 20)
    use_mirrors(monkeypatch, mirrors.url("a", sends("200 OK", lambda packed: bomb)))
    tracemalloc.start()
    with pytest.raises(DataError, match="unpacks to more than the file can hold"):
        fetch_set("mnist", tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_only_the_missing_file_is_fetched(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    fetch_set("mnist", tmp_path)
    mirrors.requests.clear()
    missing_file = tmp_path / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    missing_file.unlink()
    assert not is_complete("mnist", tmp_path)
    assert fetch_set("mnist", tmp_path) == [missing_file]
    assert mirrors.requests == ["/a/t10k-labels-idx1-ubyte.gz"]
    assert is_complete("mnist", tmp_path)


def test_many_downloads_at_once(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Some of them download, some repair: whoever reads gets a whole file."""
    use_mirrors(monkeypatch, mirrors.url("a", good))
    sizes: list[int] = []

    def work(repair: bool) -> None:
        for _ in range(3):
            fetch_set("mnist", tmp_path, repair=repair)
            sizes.append(len(load_mnist("train", root=tmp_path)))
            if repair:
                damaged = small_mnist()["t10k-images-idx3-ubyte"][:-1]
                write_whole(tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte", damaged)

    workers = [threading.Thread(target=work, args=(number % 2 == 0,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sizes == [30] * 18
    assert len(list((tmp_path / "MNIST" / "raw").iterdir())) == 4, "no temporary file stays behind"


# --- damaged files, and fetching them again ---


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_a_damaged_file_is_named_and_repaired_on_request(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    assert len(fetch_set(name, tmp_path)) == 4
    mirrors.requests.clear()
    path = next(tmp_path.rglob("train-images-idx3-ubyte"))
    damage(path)
    fetch_set(name, tmp_path)
    command = "digitlab download" + " --data fashion" * (name == "fashion")
    for source in (name, "auto") if name == "mnist" else (name,):
        with pytest.raises(
            DataError, match=f"train-images-idx3-ubyte is damaged .*delete it, or run `{command}`"
        ):
            load_digits("train", source, root=tmp_path)
    assert len(load_digits("test", name, root=tmp_path)) == 20
    assert mirrors.requests == [], "nothing is fetched unasked"
    assert fetch_set(name, tmp_path, repair=True) == [path]
    assert mirrors.requests == ["/a/train-images-idx3-ubyte.gz"]
    assert len(load_digits("train", name, root=tmp_path)) == 30
    assert fetch_set(name, tmp_path, repair=True) == []


def test_the_damaged_file_stays_when_no_mirror_has_it(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    fetch_set("mnist", tmp_path)
    path = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    damage(path)
    damaged = path.read_bytes()
    use_mirrors(monkeypatch, mirrors.url("bad", BAD_MANNERS["cut short"]))
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte is damaged and cannot be downloaded"):
        fetch_set("mnist", tmp_path, repair=True)
    assert path.read_bytes() == damaged
    assert len(files_in(tmp_path)) == 4


def test_fashion_is_noted_when_it_is_fetched(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    assert load_digits("test", "fashion", root=tmp_path).name == "fashion"
    assert not is_complete("mnist", tmp_path)
    raw = tmp_path / "FashionMNIST" / "raw"
    assert len(files_in(raw)) == 8
    for file in files._FILES.values():
        digest = hashlib.md5((raw / file).read_bytes()).hexdigest()
        assert (raw / f"{file}.md5").read_text() == f"{digest}  {file}\n", "as md5sum -c reads it"
    (raw / "t10k-labels-idx1-ubyte.md5").write_bytes(b"\xff\x00 nonsense")
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte is damaged"):
        load_digits("test", "fashion", root=tmp_path)


def test_fashion_without_notes_is_checked_by_its_structure(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for file, content in small_mnist().items():
        (raw / file).write_bytes(content)
    assert len(load_digits("train", "fashion", root=tmp_path)) == 30
    assert mirrors.requests == []
    wrong = {
        "t10k-images-idx3-ubyte": idx_bytes(np.zeros((19, 28, 28), np.uint8)),
        "t10k-labels-idx1-ubyte": idx_bytes(np.full(20, 10, np.uint8)),
        "train-images-idx3-ubyte": idx_bytes(np.zeros((30, 28, 27), np.uint8)),
        "train-labels-idx1-ubyte": idx_bytes(np.zeros((30, 1), np.uint8)),
    }
    for file, content in wrong.items():
        right = (raw / file).read_bytes()
        (raw / file).write_bytes(content)
        split = "test" if file.startswith("t10k") else "train"
        with pytest.raises(
            DataError, match=r"is damaged: not [23]0 images of 28x28 with a label from 0 to 9"
        ):
            load_digits(split, "fashion", root=tmp_path)
        (raw / file).write_bytes(right)
    assert len(fetch_set("fashion", tmp_path, repair=True)) == 4, "what nobody has noted is not proven whole"
    assert len(files_in(raw)) == 8


def test_what_cannot_be_read_is_fetched_again(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    fetch_set("mnist", tmp_path)
    path = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    read = np.fromfile

    def failing_disk(file: Path, **named: Any) -> Any:
        if file == path:
            raise OSError(errno.EIO, "Input/output error", str(file))
        return read(file, **named)

    monkeypatch.setattr(np, "fromfile", failing_disk)
    with pytest.raises(OSError, match="Input/output error"):
        load_mnist("test", root=tmp_path)
    assert fetch_set("mnist", tmp_path, repair=True) == [path]


# --- the data folder ---


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes every attempt to write fail. (Permissions would not stop a superuser, who may run these tests.)"""

    def refuse(*_args: object, **_named: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    def begin() -> None:
        for function in ("mkstemp", "TemporaryFile"):
            monkeypatch.setattr(files.tempfile, function, refuse)
        make_folder = Path.mkdir
        monkeypatch.setattr(
            Path, "mkdir", lambda path, **named: make_folder(path, **named) if path.is_dir() else refuse()
        )
        for method in ("write_bytes", "replace", "chmod", "unlink", "touch"):
            monkeypatch.setattr(Path, method, refuse)

    return begin


def test_a_read_only_folder_works(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, read_only: Callable[[], None]
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    for name in ("mnist", "fashion"):
        fetch_set(name, tmp_path)
    mirrors.requests.clear()
    read_only()
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path))
    assert len(load_mnist("train")) == 30
    assert load_digits("test").name == "mnist"
    assert load_digits("test", "fashion").name == "fashion"
    assert fetch_set("mnist", tmp_path, repair=True) == []
    assert mirrors.requests == []


def test_a_read_only_folder_that_is_incomplete_or_damaged(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, read_only: Callable[[], None]
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    fetch_set("mnist", tmp_path)
    raw = tmp_path / "MNIST" / "raw"
    damage(raw / "t10k-images-idx3-ubyte")
    mirrors.requests.clear()
    read_only()
    message = r"cannot save t10k-images-idx3-ubyte in .*Read-only file system.*: set DIGITLAB_DATA"
    with pytest.raises(DataError, match=message):
        fetch_set("mnist", tmp_path, repair=True)
    monkeypatch.undo()
    (raw / "t10k-images-idx3-ubyte").unlink()
    use_mirrors(monkeypatch, mirrors.url("a", good))
    read_only()
    with pytest.warns(UserWarning, match="bundled sample.*Read-only file system") as warned:
        assert load_digits("train", "auto", root=tmp_path).name == "sample"
    assert len(warned) == 1
    assert mirrors.requests == [], "nothing is downloaded that cannot be saved"


def test_a_folder_that_cannot_be_written(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    (tmp_path / "MNIST").write_text("a file where a folder should be")
    with pytest.raises(DataError, match=r"cannot save .*: set DIGITLAB_DATA to another folder"):
        fetch_set("mnist", tmp_path)
    assert mirrors.requests == []


def test_a_folder_that_cannot_be_looked_into(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))

    def locked(path: Path, **_named: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", locked)
    assert not is_complete("mnist", tmp_path)
    with pytest.raises(DataError, match="no MNIST in"):
        load_mnist("test", root=tmp_path, download=False)


def test_the_disk_is_full(mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(DataError, match=r"cannot save .*No space left on device"):
        fetch_set("mnist", tmp_path)
    assert files_in(tmp_path) == []


def test_where_the_data_folder_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.delenv("DIGITLAB_DATA")
    usual = data_folder()
    assert usual.is_absolute() and usual.name == "digitlab"
    for named, expected in {
        "": usual,
        str(tmp_path): tmp_path,
        "digits": Path("digits"),
        "~/digits": tmp_path / "home" / "digits",
    }.items():
        monkeypatch.setenv("DIGITLAB_DATA", named)
        assert data_folder() == expected
    monkeypatch.setenv("DIGITLAB_DATA", "~no-such-user-anywhere/digits")
    with pytest.raises(DataError, match="no such home folder"):
        data_folder()


@pytest.mark.parametrize("place", ["a file", "a file/below", "n" * 300])
def test_a_data_folder_that_is_none(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    (tmp_path / "a file").write_text("no folder")
    use_mirrors(monkeypatch, mirrors.url("a", good))
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / place))
    with pytest.raises(DataError, match="cannot save"):
        load_mnist("test")
    with pytest.warns(UserWarning, match="bundled sample.*cannot save"):
        assert load_digits("test", "auto").name == "sample"
    assert mirrors.requests == []


def test_auto_falls_back_with_one_warning_that_names_the_reason(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("bad", missing))
    with pytest.warns(UserWarning, match=r"bundled sample.*Not Found") as warned:
        digits = load_digits("train", "auto", root=tmp_path)
    assert (digits.name, len(digits), len(warned)) == ("sample", 8000, 1)
    with pytest.raises(DataError, match="Not Found"):
        load_digits("train", "mnist", root=tmp_path)


# --- reading ---


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
    with pytest.raises(DataError, match="is damaged: not an IDX file"):
        read_idx(path)


@pytest.mark.parametrize("extra", [-1, 1])
def test_a_length_that_does_not_fit_is_refused(tmp_path: Path, extra: int) -> None:
    content = idx_bytes(np.zeros((2, 28, 28), np.uint8))
    path = tmp_path / "file"
    path.write_bytes(content[:extra] if extra < 0 else content + bytes(extra))
    with pytest.raises(DataError, match=f"{1568 + extra} bytes of data where its header says 1568"):
        read_idx(path)


# --- writing ---


def failing(monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException) -> None:
    """Let one step of writing fail as it does on a full disk."""

    def fail(*_args: object, **_named: object) -> None:
        raise error

    if step == "create":
        monkeypatch.setattr(files.tempfile, "mkstemp", fail)
    elif step == "write":
        open_descriptor = os.fdopen

        def opened(descriptor: int, mode: str) -> Any:
            file = open_descriptor(descriptor, mode, buffering=0)
            return mock.Mock(
                wraps=file,
                write=fail,
                __enter__=lambda self: self,
                __exit__=lambda *_args: file.close(),
            )

        monkeypatch.setattr(files.os, "fdopen", opened)
    elif step == "sync":
        monkeypatch.setattr(files.os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)


@pytest.mark.parametrize("step", ["create", "write", "sync", "rename"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_write_whole_keeps_the_earlier_file_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"earlier")
    failing(monkeypatch, step, error)
    with pytest.raises(type(error)) as raised:
        write_whole(path, b"later")
    if isinstance(error, OSError):
        assert isinstance(raised.value, OSError)
        assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_write_whole_syncs_before_it_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power cut after the rename finds the content on the disk."""
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        files.os, "fsync", lambda file: (steps.append(f"sync {os.fstat(file).st_size}"), sync(file))
    )
    monkeypatch.setattr(
        Path, "replace", lambda old, new: (steps.append(f"rename to {new.name}"), replace(old, new))
    )
    write_whole(tmp_path / "file", b"content")
    assert steps == ["sync 7", "rename to file"]


def test_write_whole_where_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "nowhere" / "file", tmp_path / "folder", tmp_path / ("n" * 256)):
        with pytest.raises(OSError) as error:
            write_whole(path, b"content")
        assert error.value.filename == str(path)
    write_whole(tmp_path / ("n" * 255), b"the longest name that there is")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "n" * 255]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_write_whole_replaces_no_device(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="not an ordinary file"):
        write_whole(path, b"content")
    assert path.is_fifo()


def test_write_whole_replaces_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "shared").write_bytes(b"everybody's")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "shared")
    write_whole(link, b"mine")
    assert not link.is_symlink() and link.read_bytes() == b"mine"
    assert (tmp_path / "shared").read_bytes() == b"everybody's"


def test_write_whole_without_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", unknown)
    write_whole(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_a_killed_process_left_is_removed_when_it_is_old(
    mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_mirrors(monkeypatch, mirrors.url("a", good))
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, age in ((".digitlab-a1b2c3d4", 4000), (".digitlab-12345678", 0), (".digitlab-mine", 4000)):
        (raw / name).write_bytes(b"half")
        os.utime(raw / name, (time.time() - age,) * 2)
    (raw / ".digitlab-a_folder").mkdir()
    os.utime(raw / ".digitlab-a_folder", (0, 0))
    fetch_set("mnist", tmp_path)
    assert [name for name in files_in(raw) if name.startswith(".")] == [
        ".digitlab-12345678",
        ".digitlab-mine",
    ]
    files.remove_leftovers(tmp_path)
    assert [name for name in files_in(raw) if name.startswith(".")] == [".digitlab-mine"]


def test_the_name_of_what_a_killed_process_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the one that `remove_leftovers` looks for."""
    monkeypatch.setattr(Path, "replace", lambda old, new: None)
    write_whole(tmp_path / "file", b"content")
    assert len(files_in(tmp_path)) == 1
    files.remove_leftovers(tmp_path)
    assert files_in(tmp_path) == []


def test_a_reader_sees_one_file_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = {bytes([n]) * 200_000 for n in range(8)}
    write_whole(path, min(versions))

    def write() -> None:
        for _ in range(5):
            for version in versions:
                write_whole(path, version)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in versions
    assert files_in(tmp_path) == ["file"]
