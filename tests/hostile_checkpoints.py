"""Checkpoints that a stranger might send, and what `load_checkpoint` says to each.

`test_checkpoint.py` uses this list. To see the answers, the memory and the time that each kind takes:

    python tests/hostile_checkpoints.py
"""

import contextlib
import io
import json
import os
import pickle
import pickletools
import stat
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from digitlab.models import create_model
from digitlab.runs.checkpoint import load_checkpoint

HEADROOM = 2 << 30  # bytes that the child may take besides: what goes wrong should not stop the machine

# --- the bricks ---


class Exploit:
    """Unpickling this would make a folder where the process works."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploited",)


class Brick:
    """Unpickling this would make a `pathlib.Path`: harmless, but more than tensors and plain data."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path, ("x",)


def good_content(model_name: str = "cnn") -> dict[str, Any]:
    return {
        "format": "digitlab checkpoint 1",
        "model": model_name,
        "weights": dict(create_model(model_name).state_dict()),
        "metadata": {},
        "training_state": None,
    }


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def changed(**parts: object) -> bytes:
    return saved({**good_content(), **parts})


def weighted(**weights: object) -> bytes:
    """With other weights; two underscores stand for a dot."""
    content = good_content()
    content["weights"].update({name.replace("__", "."): value for name, value in weights.items()})
    return saved(content)


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def entries_of(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def good_entries(**others: bytes) -> dict[str, bytes]:
    return {**entries_of(saved(good_content())), **others}


def plain(value: object) -> bytes:
    """The instructions that put a value of plain data on the stack."""
    return pickletools.optimize(pickle.dumps(value, 2))[2:-1]


def spliced(instructions: bytes, place: str = "metadata") -> bytes:
    """A checkpoint whose pickle has these instructions in the place of one of its parts, or of one tensor."""
    content = good_content()
    if place in content:
        content[place] = "HERE"
    else:
        content["weights"][place] = "HERE"
    entries = entries_of(saved(content))
    program = entries["archive/data.pkl"]
    assert program.count(plain("HERE")) == 1
    entries["archive/data.pkl"] = program.replace(plain("HERE"), instructions)
    return zipped({**entries, "archive/data/99": bytes(40)})


def call(name: str, *arguments: object) -> bytes:
    return f"c{name}\n".encode() + plain(arguments) + b"R"


def tensor(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int = 0,
    n_stored: int = 10,
    storage: bytes = b"ctorch\nFloatStorage\n",
    hooks: bytes = b"ccollections\nOrderedDict\n)R",
    key: str = "99",
) -> bytes:
    """The instructions of a tensor, with whatever claims. Entry 99 has 40 bytes."""
    claim = b"(" + plain("storage") + storage + plain(key) + plain("cpu") + plain(n_stored) + b"tQ"
    laid = plain(offset) + plain(shape) + plain(strides) + b"\x89"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + claim + laid + hooks + b"tR"


def doubled(first: bytes, again: bytes, times: int) -> bytes:
    """Each value made of the one before, twice, by way of the pickle's memory."""
    return first + b"".join(b"q\xc8" + again for _ in range(times))


# --- the kinds ---


def lying_zip() -> bytes:
    """A table of contents that claims entries of four gigabytes."""
    content = bytearray(saved(good_content()))
    start = 0
    while (start := content.find(b"PK\x01\x02", start)) >= 0:
        content[start + 24 : start + 28] = struct.pack("<I", 0xFFFFFFF0)
        start += 4
    return bytes(content)


def lying_zip64() -> bytes:
    """The same in the format for large files: 2 to the power of 60 bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in good_entries().items():
            archive.writestr(name, data)
        archive.infolist()[0].file_size = archive.infolist()[0].compress_size = 1 << 60
    return buffer.getvalue()


def overlapping_zip() -> bytes:
    """Many lines of the table of contents that all mean the same megabyte."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(1, 2))
        archive.writestr("archive/data/0", bytes(1 << 20))
        entry = archive.infolist()[1]
        for _ in range(1000):
            archive.filelist.append(entry)
    return buffer.getvalue()


def repeated_zip(name: str, times: int) -> bytes:
    """Many entries, written without asking whether there is one of that name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry, data in good_entries().items():
            archive.writestr(entry, data)
        for i in range(times):
            entry = zipfile.ZipInfo(name.format(i))
            entry.header_offset = entry.CRC = 0
            archive.filelist.append(entry)
    return buffer.getvalue()


def linked_zip() -> bytes:
    """An entry that is a link out of the archive, in the place of a tensor's bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in good_entries().items():
            entry = zipfile.ZipInfo(name)
            if name == "archive/data/0":
                entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
                data = b"/etc/passwd"
            archive.writestr(entry, data)
    return buffer.getvalue()


def encrypted_zip() -> bytes:
    content = bytearray(zipped(good_entries()))
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := content.find(signature, start + 1)) >= 0:
            content[start + at] |= 1
    return bytes(content)


def old_format() -> bytes:
    buffer = io.BytesIO()
    torch.save(good_content(), buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


def damaged_numbers() -> bytes:
    content = bytearray(saved(good_content()))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        content[archive.getinfo("archive/data/4").header_offset + 2000] ^= 1
    return bytes(content)


def shared_storage() -> bytes:
    one = torch.zeros(1 << 20)
    return changed(training_state={"tensors": [one.view(1 << (20 - i), 1 << i) for i in range(20)]})


def sparse_claim() -> bytes:
    indices = torch.zeros(1, 1, dtype=torch.int64)
    claim = torch.sparse_coo_tensor(indices, torch.zeros(1), (1 << 40,), check_invariants=True)
    return weighted(fc2__bias=claim)


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.pt")
    return folder / "pipe.pt"


def loop(folder: Path) -> Path:
    (folder / "loop.pt").symlink_to("loop.pt")
    return folder / "loop.pt"


def nested_folder(folder: Path) -> Path:
    (folder / "run" / "model.pt").mkdir(parents=True)
    return folder / "run"


def huge_file(folder: Path) -> Path:
    """A terabyte, of which the disk holds nothing."""
    with (folder / "huge.pt").open("wb") as file:
        file.write(saved(good_content()))
        file.truncate(1 << 40)
    return folder / "huge.pt"


def two_lines(folder: Path) -> Path:
    path = folder / "two\nlines\u202e.pt"
    path.write_bytes(b"no network")
    return path


FLOATS = b"ctorch\nFloatStorage\n"
BIAS = "fc2.bias"
_DAMAGED = "damaged, cut short, or not a PyTorch checkpoint"
_CODE = "more than tensors and plain data: not loaded, and nothing in it was run"
_DATA = "holds metadata that digitlab cannot use"
_FOREIGN = "not a checkpoint of digitlab's"
_FITS = "does not fit the model 'cnn'"

# What it is: how it is made (the bytes, or the path, of a file in a folder), and a part of the answer.
HOSTILE: dict[str, tuple[Callable[[Path], bytes | Path], str]] = {
    # no checkpoint at all
    "nothing": (lambda _: b"", _DAMAGED),
    "text": (lambda _: b"this is not a network", _DAMAGED),
    "zeros": (lambda _: bytes(1 << 20), _DAMAGED),
    "cut short": (lambda _: saved(good_content())[:-3000], _DAMAGED),
    "cut in half": (lambda _: saved(good_content())[:40_000], _DAMAGED),
    "a damaged byte among the plain data": (
        lambda _: saved(good_content()).replace(b"weights", b"wei\xffhts", 1),
        _DAMAGED,
    ),
    "a damaged byte among the numbers": (lambda _: damaged_numbers(), _DAMAGED),
    "a plain pickle": (lambda _: pickle.dumps(good_content()), _DAMAGED),
    "an old torch file": (lambda _: old_format(), _DAMAGED),
    "another zip file": (lambda _: zipped({"word/document.xml": b"<p>hello</p>"}), _DAMAGED),
    "another dictionary": (lambda _: saved({"state_dict": {}}), _FOREIGN),
    "a list": (lambda _: saved([1, 2, 3]), _FOREIGN),
    "a tensor": (lambda _: saved(torch.zeros(3)), _FOREIGN),
    "weights alone": (lambda _: saved(create_model("cnn").state_dict()), _FOREIGN),
    "another format": (lambda _: changed(format="digitlab checkpoint 99"), _FOREIGN),
    "a format that is a tensor": (lambda _: changed(format=torch.zeros(3)), _FOREIGN),
    # code
    "a plain pickle with code": (lambda _: pickle.dumps(Exploit()), _DAMAGED),
    "code among the metadata": (lambda _: changed(metadata=Exploit()), f"mkdir', {_CODE}"),
    "code for the whole": (lambda _: saved([Exploit()]), _CODE),
    "code for a tensor": (lambda _: spliced(call("os\nmkdir", "exploited"), BIAS), f"'os.mkdir', {_CODE}"),
    "code for a tensor's hooks": (
        lambda _: spliced(tensor((10,), (1,), hooks=call("os\nmkdir", "exploited")), BIAS),
        _CODE,
    ),
    "code in older words": (lambda _: spliced(b"(" + plain("exploited") + b"ios\nmkdir\n"), "INST"),
    "code in newer words": (
        lambda _: spliced(b"\x8c\x02os\x8c\x05mkdir\x93" + plain(("exploited",)) + b"R"),
        "SHORT_BINUNICODE",
    ),
    "code by number": (lambda _: spliced(b"\x82\x01)R"), "EXT1"),
    "code by a registered class": (lambda _: spliced(b"ccollections\nOrderedDict\n)\x81"), "NEWOBJ"),
    "code in disguise": (lambda _: spliced(b"ctorch._utils os\nmkdir\n)R"), "_utils.os.mkdir"),
    "eval": (lambda _: spliced(call("__builtin__\neval", "1")), "'__builtin__.eval'"),
    "a name that clears the screen": (
        lambda _: spliced(b"cos\x1b[2J\x08\rx\nsystem\n"),
        r"'os\x1b[2J\x08\rx.system', more than",
    ),
    "a harmless class": (lambda _: changed(metadata={"path": Brick()}), f"Path', {_CODE}"),
    "a whole module": (lambda _: saved(create_model("cnn")), _CODE),
    "an array of NumPy's": (lambda _: changed(metadata={"a": torch.zeros(1).numpy()}), _CODE),
    "a class that is not called": (
        lambda _: spliced(b"}" + plain("a") + FLOATS + b"s", "training_state"),
        _DAMAGED,
    ),
    "a call of a tensor": (lambda _: spliced(tensor((10,), (1,)) + b")R"), "holds a call"),
    "a call of a dictionary": (lambda _: spliced(b"})R"), "holds a call"),
    "attributes for a tensor": (lambda _: spliced(tensor((10,), (1,)) + b"}b"), _DAMAGED),
    # small pickles that ask for much
    "ten billion bytes": (lambda _: spliced(call("builtins\nbytearray", 10**10)), "bytearray"),
    "bytes doubled thirty times": (
        lambda _: spliced(doubled(plain("ab"), b"c_codecs\nencode\nh\xc8" + plain("hex") + b"\x86R", 30)),
        "encode",
    ),
    "a tensor of a size only": (lambda _: spliced(call("torch\nFloatTensor", 1 << 40)), "FloatTensor"),
    "a storage of a size only": (lambda _: spliced(FLOATS + plain((1 << 40,)) + b"R"), "holds a call"),
    "a key without end": (
        lambda _: spliced(b"}" + doubled(plain((1,)), b"h\xc8\x86", 60) + b"K\x01s"),
        "keys are neither",
    ),
    "lists in lists, doubled": (
        lambda _: spliced(b"](" + doubled(b"]", b"](h\xc8h\xc8e", 60) + b"e"),
        "unfold to too much",
    ),
    "a long text, many times": (
        lambda _: spliced(b"]" + plain(1000 * "long") + b"q\xc8a" + b"(" + 100_000 * b"h\xc8" + b"e"),
        "unfold to too much",
    ),
    "a list that holds itself": (lambda _: spliced(b"]q\xc8h\xc8a"), "nested too deeply"),
    "a hundred thousand lists deep": (
        lambda _: spliced(100_000 * b"]" + 99_999 * b"a"),
        "nested too deeply",
    ),
    "half a million dictionaries": (lambda _: spliced(b"](" + 600_000 * b"}" + b"e"), "too much plain data"),
    "five million bytes of text": (
        lambda _: changed(metadata={"note": 5_000_000 * "x"}),
        "4 MB of plain data",
    ),
    "three million characters of four bytes": (
        lambda _: changed(metadata={"note": 3_000_000 * "x" + "\U0001f642"}, model="none"),
        "'none'",
    ),
    "half a million memories": (
        lambda _: spliced(b"N" + b"".join(b"r" + struct.pack("<I", i) for i in range(600_000))),
        "too much plain data",
    ),
    "a text of four gigabytes": (lambda _: spliced(b"X\xff\xff\xff\xffabc"), _DAMAGED),
    "a number of two gigabytes": (lambda _: spliced(b"\x8b\xff\xff\xff\x7fabc"), _DAMAGED),
    "a number of 600 digits": (lambda _: changed(metadata={"n": 1 << 2000}), "more than 64 bits"),
    "an endless program": (lambda _: spliced(b"0" * 100), "the instruction POP"),
    "two hundred thousand calls": (
        lambda _: spliced(b"](" + b"ccollections\nOrderedDict\nq\xc8)R" + 200_000 * b"h\xc8)R" + b"e"),
        "too much plain data",
    ),
    "half a character": (lambda _: spliced(b"X\x03\0\0\0\xed\xa0\x80"), _DAMAGED),
    "an empty stack": (lambda _: zipped(good_entries(**{"archive/data.pkl": b"\x80\x02."})), _DAMAGED),
    "no end": (lambda _: zipped(good_entries(**{"archive/data.pkl": b"\x80\x02}"})), _DAMAGED),
    # tensors that are not what they say
    "one number for a million million": (
        lambda _: weighted(fc1__weight=torch.zeros(1).expand(50_000, 1_000_000)),
        "more numbers than it brings",
    ),
    "one number for ten": (lambda _: weighted(fc2__bias=torch.zeros(1).expand(10)), "twice, or leaves gaps"),
    "numbers that overlap": (lambda _: spliced(tensor((2, 5), (1, 1)), BIAS), "twice, or leaves gaps"),
    "numbers with gaps": (lambda _: spliced(tensor((5,), (2,)), BIAS), "twice, or leaves gaps"),
    "a negative stride": (lambda _: spliced(tensor((10,), (-1,), offset=9), BIAS), "negative size or stride"),
    "a negative size": (lambda _: spliced(tensor((-10,), (1,)), BIAS), "negative size or stride"),
    "two negative sizes": (lambda _: spliced(tensor((-2, -5), (5, 1)), BIAS), "negative size or stride"),
    "numbers before the first": (lambda _: spliced(tensor((10,), (1,), offset=-4), BIAS), "negative size"),
    "numbers after the last": (lambda _: spliced(tensor((10,), (1,), offset=4), BIAS), "more numbers than"),
    "numbers far away": (lambda _: spliced(tensor((10,), (1,), offset=1 << 62), BIAS), "more numbers than"),
    "sizes whose product is too large": (
        lambda _: spliced(tensor((1 << 62, 1 << 62), (1 << 62, 1)), BIAS),
        "more numbers than",
    ),
    "a size that is no number": (lambda _: spliced(tensor(("x",), (1,)), BIAS), _DAMAGED),  # type: ignore[arg-type]
    "a hundred dimensions": (lambda _: spliced(tensor(100 * (1,), 100 * (1,)), BIAS), _DAMAGED),
    "more bytes claimed": (
        lambda _: spliced(tensor((10,), (1,), n_stored=1 << 40), BIAS),
        "claims 4,398,046,511,104 bytes for a tensor that has 40",
    ),
    "fewer bytes claimed": (lambda _: spliced(tensor((5,), (1,), n_stored=5), BIAS), "20 bytes for a tensor"),
    "a negative number of bytes": (lambda _: spliced(tensor((5,), (1,), n_stored=-5), BIAS), "claims -20"),
    "a wider type": (
        lambda _: spliced(tensor((10,), (1,), storage=b"ctorch\nDoubleStorage\n"), BIAS),
        "claims 80 bytes for a tensor that has 40",
    ),
    "a storage that is not there": (lambda _: spliced(tensor((10,), (1,), key="../7"), BIAS), _DAMAGED),
    "a storage that is the pickle": (
        lambda _: spliced(tensor((10,), (1,), key="../data.pkl"), BIAS),
        _DAMAGED,
    ),
    "a thousand tensors of one storage": (lambda _: shared_storage(), "more numbers than it brings along"),
    "thirty million bytes of numbers": (
        lambda _: changed(
            training_state={"numbers": torch.zeros(30_000_000, dtype=torch.uint8)}, model="none"
        ),
        "'none'",
    ),
    "three thousand tensors": (
        lambda _: spliced(b"](" + 3000 * tensor((10,), (1,)) + b"e"),
        "more than 2,000 tensors",
    ),
    "truths between true and false": (
        lambda _: zipped(
            entries_of(spliced(tensor((40,), (1,), n_stored=40, storage=b"ctorch\nBoolStorage\n"), BIAS))
            | {"archive/data/99": 40 * b"\x07"}
        ),
        "neither true nor false",
    ),
    "a sparse tensor": (lambda _: weighted(fc2__bias=torch.zeros(10).to_sparse()), _CODE),
    "a sparse tensor of a million million": (lambda _: sparse_claim(), _CODE),
    "a quantised tensor": (lambda _: spliced(call("torch._utils\n_rebuild_qtensor"), BIAS), _CODE),
    "a complex tensor": (lambda _: weighted(fc2__bias=torch.zeros(10, dtype=torch.complex64)), _CODE),
    "a tensor without numbers": (lambda _: weighted(fc2__bias=torch.empty(1 << 40, device="meta")), _CODE),
    "a parameter": (lambda _: weighted(fc2__bias=torch.nn.Parameter(torch.zeros(10))), _CODE),
    # weights that do not fit
    "an unknown model": (lambda _: changed(model="resnet50"), "'resnet50'"),
    "a model name that is no text": (lambda _: changed(model=["cnn"]), "['cnn']"),
    "a model name of three lines": (lambda _: changed(model=1000 * "a\n"), "does not know"),
    "weights of another architecture": (lambda _: saved({**good_content("mlp"), "model": "cnn"}), _FITS),
    "no weights": (lambda _: changed(weights=None), "holds no weights"),
    "weights in a list": (lambda _: changed(weights=[torch.zeros(3)]), "holds no weights"),
    "a missing tensor": (
        lambda _: changed(weights={k: v for k, v in good_content()["weights"].items() if k != BIAS}),
        f"{_FITS}, which needs 'fc2.bias'",
    ),
    "a tensor too many": (lambda _: weighted(extra=torch.zeros(1)), f"{_FITS}, which does not have 'extra'"),
    "a tensor whose name is a number": (
        lambda _: changed(weights={**good_content()["weights"], 7: torch.zeros(1)}),
        "does not have 7",
    ),
    "another shape": (
        lambda _: weighted(fc2__bias=torch.zeros(11)),
        "fc2.bias is torch.float32 (11,), expected torch.float32 (10,)",
    ),
    "another dtype": (
        lambda _: weighted(fc2__bias=torch.zeros(10, dtype=torch.float64)),
        "fc2.bias is torch.float64 (10,), expected torch.float32 (10,)",
    ),
    "NaN": (lambda _: weighted(conv1__bias=torch.full((10,), float("nan"))), "conv1.bias is not finite"),
    "infinity": (lambda _: weighted(conv1__bias=torch.full((10,), float("inf"))), "conv1.bias is not finite"),
    "a number for a tensor": (lambda _: weighted(fc2__bias=3), "fc2.bias is not a tensor"),
    # metadata and training state
    "metadata that are a number": (lambda _: changed(metadata=3), _DATA),
    "metadata with a tensor": (lambda _: changed(metadata={"a": torch.zeros(2)}), _DATA),
    "metadata with a tuple": (lambda _: changed(metadata={"a": (1, 2)}), _DATA),
    "metadata with numbers as names": (lambda _: changed(metadata={"a": {1: 2}}), _DATA),
    "data that is a text": (lambda _: changed(metadata={"data": "mnist"}), "for 'data', got 'mnist'"),
    "data whose name is a list": (lambda _: changed(metadata={"data": {"name": [1]}}), "name of the data"),
    "settings that are a list": (lambda _: changed(metadata={"settings": [1]}), "for 'settings', got [1]"),
    "figures that are a number": (lambda _: changed(metadata={"measured": 1.0}), "for 'measured', got 1.0"),
    "a training state that is a text": (lambda _: changed(training_state="later"), "not a dictionary"),
    # the zip file
    "a zip bomb": (
        lambda _: zipped({f"archive/data/{i}": bytes(10 << 20) for i in range(5)}, zipfile.ZIP_DEFLATED),
        "compressed entries",
    ),
    "a pickle that is a bomb": (
        lambda _: zipped(
            good_entries(**{"archive/data.pkl": b"\x80\x02" + bytes(5 << 20)}), zipfile.ZIP_BZIP2
        ),
        "compressed entries",
    ),
    "a zip that lies": (lambda _: lying_zip(), "claims to unpack to"),
    "a large zip that lies": (lambda _: lying_zip64(), "claims to unpack to"),
    "entries that overlap": (lambda _: overlapping_zip(), "two entries of the same name"),
    "twenty thousand entries": (lambda _: repeated_zip("archive/data/x{}", 20_000), "more than 2,000"),
    "two pickles": (lambda _: repeated_zip("archive/data.pkl", 1), "two entries of the same name"),
    "no pickle": (
        lambda _: zipped({k: v for k, v in good_entries().items() if not k.endswith("pkl")}),
        _DAMAGED,
    ),
    "an entry outside": (lambda _: zipped(good_entries(**{"../exploited": b"x"})), "'../exploited'"),
    "an entry further outside": (
        lambda _: zipped(good_entries(**{"archive/../../exploited": b"x"})),
        "strange name",
    ),
    "an entry from the root": (lambda _: zipped(good_entries(**{"/exploited": b"x"})), "strange name"),
    "an entry on a drive": (lambda _: zipped(good_entries(**{"C:\\exploited": b"x"})), "strange name"),
    "a folder of dots": (
        lambda _: zipped({k.replace("archive", ".."): v for k, v in good_entries().items()}),
        "strange name",
    ),
    "a name with an end inside": (
        lambda _: zipped(good_entries(**{"archive/da\x01a": b"x"})).replace(b"da\x01a", b"da\x00a"),
        "strange name",
    ),
    "an entry of two lines": (lambda _: zipped(good_entries(**{"a\nb/\u202e": b"x"})), "strange name"),
    "a name that is no text": (
        lambda _: zipped(good_entries(**{"archive/\u00ff\u00ff": b"x"})).replace(b"\xc3\xbf", b"\xff\xfe"),
        _DAMAGED,
    ),
    "an entry that is a link": (lambda _: linked_zip(), "1,000 bytes for a tensor that has 11"),
    "an encrypted zip": (lambda _: encrypted_zip(), _DAMAGED),
    "bytes before the zip": (lambda _: b"GIF89a" + saved(good_content()), _DAMAGED),
    "bytes in another order": (
        lambda _: zipped(good_entries(**{"archive/byteorder": b"middle"})),
        "'middle'",
    ),
    # paths
    "a huge file": (huge_file, "1048576 MB: too large"),
    "a folder for the model": (nested_folder, "is not a file"),
    "a path that is too long": (lambda folder: folder / (5000 * "x"), "cannot read"),
    "nothing there": (lambda folder: folder / "nothing.pt", "no checkpoint at"),
}
if os.name == "posix":
    HOSTILE |= {
        "a path of two lines": (two_lines, "two?lines?.pt is damaged"),
        "a loop of links": (loop, "cannot read"),
        "a pipe": (pipe, "is not a file"),
        "an endless device": (lambda _: Path("/dev/zero"), "is not a file"),
    }


# --- trying them ---


def try_all() -> tuple[list[dict[str, Any]], list[str]]:
    """Make every kind, and load all of them in one new process, whose memory is limited.

    Returns:
        For each kind, in order, ``path``, ``error`` and ``message`` (``None``: it was loaded), ``seconds``, and in
        megabytes ``peak`` while loading, and ``before`` loading anything; and the files that appeared.
    """
    with tempfile.TemporaryDirectory() as name:
        (here := Path(name, "files", "here")).mkdir(parents=True)
        paths = [str(make_file(Path(name, "files", str(i)), kind)) for i, kind in enumerate(HOSTILE)]
        files = set(Path(name).rglob("*"))
        done = subprocess.run(
            [sys.executable, str(Path(__file__).resolve()), "child"],
            input=json.dumps(paths),
            capture_output=True,
            text=True,
            timeout=120,
            cwd=here,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        assert done.returncode == 0, done.stderr
        appeared = sorted(str(path) for path in set(Path(name).rglob("*")) - files)
    return [json.loads(line) for line in done.stdout.splitlines()], appeared


def make_file(folder: Path, kind: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    made = HOSTILE[kind][0](folder)
    if isinstance(made, Path):
        return made
    (folder / "stranger.pt").write_bytes(made)
    return folder / "stranger.pt"


def child() -> None:
    before = peak()
    if sys.platform == "linux":
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + HEADROOM, taken + HEADROOM))
    for path in json.load(sys.stdin):
        error = message = None
        start = time.perf_counter()
        try:
            load_checkpoint(path)
        except BaseException as raised:
            error, message = type(raised).__name__, str(raised)
        seconds = time.perf_counter() - start
        answer = {"path": path, "error": error, "message": message, "seconds": seconds}
        print(json.dumps({**answer, "before": before, "peak": peak()}))


def peak() -> float:
    """The most memory that this process has held, in megabytes; on Linux since the last time that it was asked."""
    if sys.platform == "win32":
        return 0.0
    if sys.platform == "linux":
        held = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
        with contextlib.suppress(OSError):  # where that is not allowed, it is the peak since the beginning
            Path("/proc/self/clear_refs").write_text("5")
        return held
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def show_all() -> None:
    answers, appeared = try_all()
    for kind, answer in zip(HOSTILE, answers, strict=True):
        said = str(answer["message"]).replace(answer["path"], "FILE")
        grown = answer["peak"] - answer["before"]
        print(f"{kind:<40} {grown:+5.0f} MB {answer['seconds']:5.2f} s  {said}")
    n_refused = sum(answer["error"] == "CheckpointError" for answer in answers)
    before, most = answers[0]["before"], max(answer["peak"] for answer in answers)
    print(f"{n_refused} of {len(answers)} refused")
    print(f"peak {most:.0f} MB: PyTorch and digitlab {before:.0f} MB, the files {most - before:.0f} MB")
    print(f"files that appeared: {', '.join(appeared) or 'none'}")


if __name__ == "__main__":
    child() if sys.argv[1:] == ["child"] else show_all()
