"""Reading a PyTorch file that may come from a stranger: tensors and plain data, or a refusal that says why.

What `torch.save` writes is a zip file. Each tensor's bytes lie in it as they are, and ``data.pkl`` says what they
mean. That is a pickle: not data but a program, for a small machine with a stack. Here the machine is built so that
it knows only the instructions for numbers, texts, lists, tuples, dictionaries and dense tensors. There is no
instruction left that calls anything, so a file cannot run code.

`torch.load` with ``weights_only=True`` runs no code either. But it lets a file of one kilobyte ask for gigabytes
(``bytearray(10**10)``), or for ever (a dictionary whose key is a tuple of tuples of tuples). Here every size is
checked before memory is taken.

Knows nothing of networks: whether the content is a checkpoint, `digitlab.runs.checkpoint` says. Explained in lesson 13.
"""

from __future__ import annotations

import io
import math
import pickletools
import re
import stat
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from digitlab.checks import described

# The largest network with what Adam remembers of it takes 2.6 MB; a history of 1,000 epochs 0.1 MB in 20,000
# instructions.
_MAX_FILE_BYTES = 32 << 20
_MAX_PICKLE_BYTES = 4 << 20
_MAX_INSTRUCTIONS = 500_000
_MAX_TENSORS = 2_000
_MAX_UNFOLDED = 8 << 20
_MAX_DEPTH = 40
_DAMAGED = "is damaged, cut short, or not a PyTorch checkpoint"
_REFUSED = "not loaded, and nothing in it was run"

# An entry of the zip file: "archive/data.pkl", "archive/data/0", "archive/.data/serialization_id". Nothing is ever
# unpacked under such a name; the names are checked because no honest file has another.
_ENTRY_NAME = re.compile(r"(?!\.\.?/)[^/\\\0]+(/\.?\w[\w.]*){1,2}", re.ASCII)
_DTYPES = {
    "torch BFloat16Storage": torch.bfloat16,
    "torch BoolStorage": torch.bool,
    "torch ByteStorage": torch.uint8,
    "torch CharStorage": torch.int8,
    "torch DoubleStorage": torch.float64,
    "torch FloatStorage": torch.float32,
    "torch HalfStorage": torch.float16,
    "torch IntStorage": torch.int32,
    "torch LongStorage": torch.int64,
    "torch ShortStorage": torch.int16,
}
_TENSOR = "torch._utils _rebuild_tensor_v2"
_DICTIONARY = "collections OrderedDict"


class StrangerError(ValueError):
    """Why a file is refused, in words that go on after its name."""


def read_file(path: Path) -> bytes:
    """The bytes of a file that is not too large.

    Raises:
        StrangerError: a folder, a device, a pipe that may never end, or more than 32 MB.
        OSError: it is not there, or cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise StrangerError("is not a file")
    if status.st_size > _MAX_FILE_BYTES:
        raise StrangerError(f"has {status.st_size >> 20} MB: too large for a checkpoint of digitlab's")
    with path.open("rb") as file:
        return file.read(_MAX_FILE_BYTES)


def read_plain(content: bytes) -> Any:
    """What `torch.save` packed into these bytes, if it is made of dense tensors and plain data.

    Plain data is what JSON holds, and besides tuples, whole numbers as keys, and numbers that are not finite.
    Tensors come on the CPU and without gradient, wherever they were.

    Raises:
        StrangerError: anything else; a damaged file; one that is too large, or would be once unfolded.

    Examples:
        >>> buffer = io.BytesIO()
        >>> torch.save({"weight": torch.ones(2), "note": [1, 2.5, None]}, buffer)
        >>> read_plain(buffer.getvalue())
        {'weight': tensor([1., 1.]), 'note': [1, 2.5, None]}
        >>> read_plain(buffer.getvalue()[:100])
        Traceback (most recent call last):
        digitlab.runs.stranger.StrangerError: is damaged, cut short, or not a PyTorch checkpoint
    """
    if len(content) > _MAX_FILE_BYTES:
        raise StrangerError(f"has {len(content) >> 20} MB: too large for a checkpoint of digitlab's")
    try:
        archive = _Archive(content)
        value = _run(archive.program(), archive)
    except StrangerError:
        raise
    except Exception:  # damaged bytes can raise nearly anything here; whatever it is, the answer is the same
        raise StrangerError(_DAMAGED) from None
    _spend(value, _MAX_UNFOLDED, 0)
    return value


# --- the zip file ---------------------------------------------------------------------------------


class _Archive:
    """The entries, once their table of contents has been found to be one that `torch.save` writes."""

    def __init__(self, content: bytes) -> None:
        if not content.startswith(b"PK\3\4"):
            raise StrangerError(_DAMAGED)
        # Each line of the table of contents begins with these four bytes, so that zipfile will not find more.
        if content.count(b"PK\1\2") > _MAX_TENSORS + 100:
            raise StrangerError(f"holds more than {_MAX_TENSORS:,} tensors")
        self._zip = zipfile.ZipFile(io.BytesIO(content))
        self._entries = {entry.orig_filename: entry for entry in self._zip.infolist()}
        if len(self._entries) < len(self._zip.infolist()):
            raise StrangerError("holds two entries of the same name")
        for name, entry in self._entries.items():
            if not _ENTRY_NAME.fullmatch(name):
                raise StrangerError(f"holds an entry of a strange name, {described(name)}")
            if entry.compress_type != zipfile.ZIP_STORED:
                raise StrangerError("holds compressed entries, which PyTorch does not write")
        # Entries that are not compressed cannot be larger than the file that they are in.
        unpacked = sum(entry.file_size for entry in self._entries.values())
        if unpacked > len(content):
            raise StrangerError(f"claims to unpack to {unpacked / 2**20:,.0f} MB")
        self._folder = next(iter(self._entries)).partition("/")[0]
        self._storages: dict[str, bytearray] = {}
        self._bytes_left = len(content)

    def program(self) -> bytes:
        entry = self._entries[f"{self._folder}/data.pkl"]
        if entry.file_size > _MAX_PICKLE_BYTES:
            raise StrangerError(f"holds {entry.file_size >> 20} MB of plain data: too much for a checkpoint")
        if (
            f"{self._folder}/byteorder" in self._entries
        ):  # since PyTorch 2.1; before, it was the machine's own
            order = self._zip.read(f"{self._folder}/byteorder").decode("ascii")
            if order != sys.byteorder:
                raise StrangerError(f"has its bytes in the order {described(order)}, not {sys.byteorder!r}")
        return self._zip.read(entry)

    def storage(self, key: str, n_bytes: int) -> bytearray:
        """The bytes of one entry, which must be as many as the pickle says. Read once, however often asked for."""
        entry = self._entries[f"{self._folder}/data/{key}"]
        if entry.file_size != n_bytes:
            raise StrangerError(f"claims {n_bytes:,} bytes for a tensor that has {entry.file_size:,}")
        if key not in self._storages:
            self._storages[key] = bytearray(self._zip.read(entry))
        return self._storages[key]

    def spend(self, n_bytes: int) -> None:
        """Refuse tensors that together would be more than the whole file."""
        self._bytes_left -= n_bytes
        if self._bytes_left < 0:
            raise StrangerError("claims tensors of more numbers than it brings along")


# --- the pickle -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Name:
    """A function or class that the pickle names. It is only ever compared, never looked up."""

    name: str


@dataclass(frozen=True)
class _Storage:
    """Numbers in a row, before a tensor's shape is laid over them."""

    data: bytearray = field(repr=False)
    dtype: torch.dtype


def _run(program: bytes, archive: _Archive) -> Any:
    """The machine: takes the instructions one by one, and returns what lies on the stack at the end."""
    stack: list[Any] = []
    marks: list[int] = []  # where on the stack a list of unknown length begins
    memo: dict[int, Any] = {}
    n_tensors = 0
    argument: Any

    def since_mark() -> list[Any]:
        mark = marks.pop()
        items = stack[mark:]
        del stack[mark:]
        return items

    # genops, of the standard library, only tells the instructions apart.
    for count, (instruction, argument, _) in enumerate(pickletools.genops(program)):
        if count >= _MAX_INSTRUCTIONS:
            raise StrangerError("holds too much plain data for a checkpoint")
        match instruction.name:
            case "PROTO" | "STOP":
                pass
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(instruction.name == "NEWTRUE")
            case "BININT" | "BININT1" | "BININT2" | "LONG1":
                stack.append(_checked_number(argument))
            case "BINFLOAT":
                stack.append(argument)
            case "BINUNICODE":
                argument.encode()  # half a character (a surrogate) would break whatever prints it later
                stack.append(argument)
            case "EMPTY_TUPLE":
                stack.append(())
            case "EMPTY_LIST":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "MARK":
                marks.append(len(stack))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                n = int(instruction.name[-1])
                stack[-n:] = [tuple(stack[-n:])]
            case "TUPLE":
                items = since_mark()
                stack.append(tuple(items))
            case "APPEND":
                item = stack.pop()
                _checked(stack[-1], list).append(item)
            case "APPENDS":
                items = since_mark()
                _checked(stack[-1], list).extend(items)
            case "SETITEM":
                value, key = stack.pop(), stack.pop()
                _checked(stack[-1], dict)[_checked_key(key)] = value
            case "SETITEMS":
                items = since_mark()
                for key, value in zip(items[::2], items[1::2], strict=True):
                    _checked(stack[-1], dict)[_checked_key(key)] = value
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                if argument not in _DTYPES and argument not in (_TENSOR, _DICTIONARY):
                    named = argument.replace(" ", ".")[:80]
                    raise StrangerError(f"holds {named!r}, more than tensors and plain data: {_REFUSED}")
                stack.append(_Name(argument))
            case "BINPERSID":
                stack.append(_read_storage(stack.pop(), archive))
            case "REDUCE":  # "call": in an honest file one of two things
                arguments, name = stack.pop(), stack.pop()
                if name == _Name(_DICTIONARY) and arguments == ():
                    stack.append({})
                elif name == _Name(_TENSOR):
                    n_tensors += 1
                    if n_tensors > _MAX_TENSORS:
                        raise StrangerError(f"holds more than {_MAX_TENSORS:,} tensors")
                    stack.append(_read_tensor(*arguments, archive=archive))
                else:
                    raise StrangerError(f"holds a call, more than tensors and plain data: {_REFUSED}")
            case "BUILD":  # attributes of an OrderedDict: not needed
                stack.pop()
                _checked(stack[-1], dict)
            case name:
                raise StrangerError(
                    f"holds the instruction {name}, more than tensors and plain data: {_REFUSED}"
                )
    return stack.pop()


def _checked(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise StrangerError(_DAMAGED)
    return value


def _checked_key(key: Any) -> int | str:
    """Only these keys: others, as a tuple of tuples of tuples, can take for ever to hash."""
    if type(key) not in (int, str):
        raise StrangerError("holds a dictionary whose keys are neither texts nor whole numbers")
    return key  # type: ignore[no-any-return]


def _checked_number(number: int) -> int:
    if number.bit_length() > 64:
        raise StrangerError("holds a whole number of more than 64 bits")
    return number


def _read_storage(claim: Any, archive: _Archive) -> _Storage:
    """From ``("storage", FloatStorage, "0", "cpu", 250)``. Where the numbers once lived, does not matter here."""
    _kind, storage_class, key, _device, n_numbers = _checked(claim, tuple)
    dtype = _DTYPES[_checked(storage_class, _Name).name]
    data = archive.storage(_checked(key, str), _checked(n_numbers, int) * dtype.itemsize)
    if dtype == torch.bool and max(data, default=0) > 1:
        raise StrangerError("holds a truth value that is neither true nor false")
    return _Storage(data, dtype)


def _read_tensor(
    storage: Any, offset: Any, shape: Any, strides: Any, _gradient: Any, _hooks: Any, *, archive: _Archive
) -> Tensor:
    """The tensor that lies in the storage in this way: dense, each number used once."""
    _checked(storage, _Storage)
    if len(_checked(shape, tuple)) != len(_checked(strides, tuple)) or len(shape) > 8:
        raise StrangerError(_DAMAGED)
    if min((_checked(n, int) for n in (offset, *shape, *strides)), default=0) < 0:
        raise StrangerError("claims a tensor of negative size or stride")
    n_numbers = math.prod(shape)
    archive.spend(n_numbers * storage.dtype.itemsize)
    n_before = 1  # of numbers within one step of a dimension, from the innermost on
    for stride, size in sorted(zip(strides, shape, strict=True)):
        if size > 1 and n_numbers > 0 and stride != n_before:
            raise StrangerError("holds a tensor that uses a number twice, or leaves gaps")
        n_before *= size
    if (offset + n_numbers) * storage.dtype.itemsize > len(storage.data):
        raise StrangerError("claims a tensor of more numbers than it brings along")
    if n_numbers == 0:
        return torch.empty(shape, dtype=storage.dtype)
    return torch.frombuffer(storage.data, dtype=storage.dtype).as_strided(shape, strides, offset)


def _spend(value: Any, budget: int, depth: int) -> int:
    """What is left of the budget when everything inside the value has been counted, each time it is met.

    The pickle can put one list into another twice, that into a third twice, and so on: small in memory, but without
    end for whoever goes through it. It can put a list into itself, too.
    """
    budget -= 8 + (len(value) if isinstance(value, str) else 0)
    if budget < 0 or depth > _MAX_DEPTH:
        raise StrangerError("is nested too deeply, or would unfold to too much")
    if isinstance(value, dict):
        for key, part in value.items():
            budget = _spend(part, _spend(key, budget, depth + 1), depth + 1)
    elif isinstance(value, list | tuple):
        for part in value:
            budget = _spend(part, budget, depth + 1)
    elif not isinstance(value, str | int | float | Tensor | None):
        raise StrangerError(_DAMAGED)
    return budget
