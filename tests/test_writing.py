"""A file is there whole, or as it was before, whatever happens while it is written."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import pytest

from digitlab import writing
from digitlab.writing import remove_leftovers, write_whole


@pytest.mark.parametrize("step", ["tempfile.mkstemp", "os.fsync", "Path.replace", "write"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_the_earlier_file_stays_when_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"earlier")
    fails = mock.MagicMock(side_effect=error)
    if step == "write":  # the file opens, and breaks as it is written to
        file = mock.MagicMock()
        file.__enter__.return_value.write = fails
        monkeypatch.setattr(writing.os, "fdopen", lambda descriptor, _mode: (os.close(descriptor), file)[1])
    else:
        monkeypatch.setattr(f"digitlab.writing.{step}", fails)
    with pytest.raises(type(error)) as raised:
        write_whole(path, b"later")
    if isinstance(raised.value, OSError):
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
    getattr(os, "mkfifo", os.mkdir)(tmp_path / "pipe")  # Windows has no such files
    for path in (
        tmp_path / "nowhere" / "file",
        tmp_path / "folder",
        tmp_path / "pipe",
        tmp_path / ("n" * 256),
    ):
        with pytest.raises(OSError) as error:
            write_whole(path, b"content")
        assert error.value.filename == str(path)
    write_whole(tmp_path / ("n" * 255), b"the longest name that there is")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "n" * 255, "pipe"]


def test_a_drive_that_knows_no_permissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "chmod", mock.Mock(side_effect=PermissionError(errno.EPERM, "not permitted")))
    write_whole(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


def test_what_a_killed_process_leaves_is_found_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Path, "replace", mock.Mock())
        killed.setattr(Path, "unlink", mock.Mock())
        write_whole(tmp_path / "file", b"content")
    (tmp_path / ".digitlab-mine").write_bytes(b"somebody's own")
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".digitlab-mine"]


def test_a_reader_sees_one_file_or_the_other(tmp_path: Path) -> None:
    path, versions = tmp_path / "file", [bytes([n]) * 200_000 for n in range(8)]
    write_whole(path, versions[0])
    with ThreadPoolExecutor(3) as writers:
        written = [writers.submit(write_whole, path, version) for version in versions * 9]
        while not all(each.done() for each in written):
            assert path.read_bytes() in versions
