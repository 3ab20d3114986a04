"""A file is there whole, or as it was before, whatever happens while it is written."""

import errno
import os
import threading
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from digitlab import writing
from digitlab.writing import remove_leftovers, write_whole


def raising(error: BaseException) -> Any:
    def fail(*_args: object, **_named: object) -> None:
        raise error

    return fail


def failing(monkeypatch: pytest.MonkeyPatch, step: str, fail: Any) -> None:
    """Let one step of writing fail as it does on a full disk."""
    if step == "create":
        monkeypatch.setattr(writing.tempfile, "mkstemp", fail)
    elif step == "write":
        open_descriptor = os.fdopen

        def opened(descriptor: int, mode: str) -> Any:
            file = open_descriptor(descriptor, mode, buffering=0)
            manners = {"__enter__": lambda self: self, "__exit__": lambda *_args: file.close()}
            return mock.Mock(wraps=file, write=fail, **manners)

        monkeypatch.setattr(writing.os, "fdopen", opened)
    elif step == "sync":
        monkeypatch.setattr(writing.os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)


@pytest.mark.parametrize("step", ["create", "write", "sync", "rename"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_the_earlier_file_stays_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"earlier")
    failing(monkeypatch, step, raising(error))
    with pytest.raises(type(error)) as raised:
        write_whole(path, b"later")
    if isinstance(error, OSError):
        assert isinstance(raised.value, OSError)
        assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_the_content_is_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut after the rename finds the content."""
    steps: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(writing.os, "fsync", lambda file: steps.append(f"sync {os.fstat(file).st_size}"))
    monkeypatch.setattr(Path, "replace", lambda *names: (steps.append("rename"), replace(*names)))
    write_whole(tmp_path / "file", b"content")
    assert steps == ["sync 7", "rename"]


def test_where_it_cannot(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "nowhere" / "file", tmp_path / "folder", tmp_path / ("n" * 256)):
        with pytest.raises(OSError) as error:
            write_whole(path, b"content")
        assert error.value.filename == str(path)
    write_whole(tmp_path / ("n" * 255), b"the longest name that there is")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "n" * 255]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_no_device_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(OSError, match="not an ordinary file"):
        write_whole(path, b"content")
    assert path.is_fifo()


def test_a_drive_that_knows_no_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", raising(PermissionError(errno.EPERM, "Operation not permitted")))
    write_whole(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_a_killed_process_leaves_is_found_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", lambda old, new: None)
        killed.setattr(Path, "unlink", lambda path, missing_ok: None)
        write_whole(tmp_path / "file", b"content")
    (tmp_path / ".digitlab-mine").write_bytes(b"somebody's own")
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".digitlab-mine"]


def test_a_reader_sees_one_file_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    versions = {bytes([n]) * 200_000 for n in range(8)}
    write_whole(path, min(versions))

    def write() -> None:
        for version in [*versions] * 3:
            write_whole(path, version)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert path.read_bytes() in versions
