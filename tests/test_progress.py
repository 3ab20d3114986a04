"""What a learner has solved is kept; what cannot be kept or read breaks nothing, and is told in one line."""

import errno
import os
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from filelock import FileLock

from digitlab import cli
from digitlab.exercises import exercise
from digitlab.exercises import progress as progress_module
from digitlab.exercises.progress import read_progress, record, reset_progress


@pytest.fixture(autouse=True)
def own_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "learner" / "progress.json"
    monkeypatch.setenv("DIGITLAB_PROGRESS", str(path))
    monkeypatch.setattr(progress_module, "_warned", set())
    return path


def test_progress_is_kept(own_progress: Path) -> None:
    each = exercise("00.1")
    each.check(each.wrong[0].apply(each.answer))
    assert read_progress() == {"00.1": {"attempts": 1, "solved": False, "hints": 0, "looked": False}}
    each.check(each.answer)
    each.check(each.wrong[0].apply(each.answer))
    each._hints_given = 0
    each.hint()
    each.solution()
    assert read_progress() == {"00.1": {"attempts": 3, "solved": True, "hints": 1, "looked": True}}
    assert own_progress.exists()
    reset_progress()
    assert read_progress() == {}
    reset_progress()


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    record("00.1", solved=False)
    record("00.1", solved=True, hints=2)
    record("00.2", looked=True)
    record("00.3", solved=False)
    assert cli.main(["progress"]) == 0
    shown = capsys.readouterr().out
    assert "00.1  solved" in shown and "(2 attempts, 2 hints)" in shown
    assert "00.2  open" in shown and "(solution seen)" in shown
    assert "00.3  tried" in shown
    assert "lesson 00   1 of " in shown and "\n1 of " in shown


# --- what is not the file that we wrote ---


DAMAGED = {
    "empty": b"",
    "no text": bytes(range(128, 256)),
    "deep": b"[" * 100_000,
    "a list": b"[1]",
    "no entry": b'{"02.1": 3}',
    "true for a count": b'{"02.1": {"attempts": true}}',
    "a word for a truth": b'{"02.1": {"solved": "yes"}}',
}


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def one_error_line(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["progress", *arguments]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.count("\n") == 1 and len(captured.err) < 400
    return captured.err


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_named_left_alone_and_breaks_no_check(
    content: bytes, own_progress: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(own_progress, content)
    assert f"{own_progress} is damaged: `digitlab progress --reset`" in one_error_line(capsys)
    each = exercise("02.1")
    with pytest.warns(UserWarning, match="progress is not being kept") as warned:
        assert each.check(each.answer).status == "correct"
        assert each.hint() and each.solution()
    assert len(warned) == 1
    assert own_progress.read_bytes() == content, "what may still be mended is not overwritten"
    assert cli.main(["progress", "--reset"]) == 0
    assert read_progress() == {}


def test_what_a_later_version_may_add_is_kept(own_progress: Path) -> None:
    write(own_progress, b'{"02.1": {"attempts": 1, "minutes": 3}, "77.12": {}}')
    record("02.1", solved=True)
    kept = {"attempts": 2, "solved": True, "hints": 0, "looked": False, "minutes": 3}
    assert read_progress()["02.1"] == kept and read_progress()["77.12"]["attempts"] == 0
    assert cli.main(["progress"]) == 0


# --- places where nothing can be kept ---


def refuses(error: type[OSError], number: int) -> Callable[..., None]:
    def refused(*path: Any, **_: Any) -> None:  # mkstemp's name is another one each time
        raise error(number, os.strerror(number), str(path[0]) if path else os.urandom(4).hex())

    return refused


def a_folder(path: Path, _: pytest.MonkeyPatch) -> None:
    path.mkdir(parents=True)


def a_file_for_a_folder(path: Path, _: pytest.MonkeyPatch) -> None:
    path.parent.write_text("in the way")


def a_home_that_cannot_be_written(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "mkdir", refuses(OSError, errno.EROFS))


def a_folder_that_cannot_be_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.parent.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "mkstemp", refuses(PermissionError, errno.EACCES))


def a_file_that_may_not_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(path, b"{}")
    monkeypatch.setattr(Path, "read_bytes", refuses(PermissionError, errno.EACCES))


def a_full_disk(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", refuses(OSError, errno.ENOSPC))


def no_home(_: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGITLAB_PROGRESS")
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda _: "~/.local/share/digitlab")


Place = Callable[[Path, pytest.MonkeyPatch], None]
PLACES: dict[Place, str] = {
    a_folder: "progress.json: .*; set DIGITLAB_PROGRESS",
    a_file_for_a_folder: "set DIGITLAB_PROGRESS",
    a_home_that_cannot_be_written: "Read-only file system; set DIGITLAB_PROGRESS",
    a_folder_that_cannot_be_written: "progress.json: Permission denied",
    a_file_that_may_not_be_read: "progress.json: Permission denied",
    a_full_disk: "No space left on device",
    no_home: "you have no home folder: set DIGITLAB_PROGRESS",
}


@pytest.mark.parametrize("prepare", PLACES)
def test_nothing_can_be_kept_and_everything_works(
    prepare: Place, own_progress: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(own_progress, monkeypatch)
    with pytest.warns(UserWarning, match=f"progress is not being kept: .*{PLACES[prepare]}") as warned:
        for number in ("02.1", "02.2", "02.1"):
            each = exercise(number)
            assert each.check(each.answer).status == "correct"
            assert each.hint() and each.solution()
    (warning,) = warned
    assert warning.filename == __file__, "it should point at the learner's line"
    if prepare in (a_folder, a_file_for_a_folder, a_file_that_may_not_be_read, no_home):
        assert "progress" in one_error_line(capsys).lower()
    if prepare is a_folder:
        assert "is not a file" in one_error_line(capsys, "--reset") and own_progress.exists()


def test_a_full_disk_leaves_the_earlier_file_whole(
    own_progress: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record("02.1", solved=True)
    before = own_progress.read_bytes()
    a_full_disk(own_progress, monkeypatch)
    with pytest.warns(UserWarning, match="No space left on device"):
        record("02.2", solved=True)
    assert own_progress.read_bytes() == before
    assert not [path for path in own_progress.parent.iterdir() if path.suffix not in (".json", ".lock")]


def test_a_learner_who_makes_warnings_errors_still_gets_the_verdict(
    own_progress: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(own_progress, b"not json")
    each = exercise("02.1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [each.check(each.answer).status for _ in range(2)] == ["correct", "correct"]
    assert capsys.readouterr().err.count("your progress is not being kept") == 1


# --- two notebooks ---


def test_notebooks_that_write_at_once_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "_LOCK_SECONDS", 60)  # a busy machine may need more than two
    numbers = [f"{lesson:02}.{place}" for place in range(1, 9) for lesson in range(4)]
    with ThreadPoolExecutor(4) as notebooks:
        list(notebooks.map(lambda number: record(number, solved=True), numbers))
    assert read_progress().keys() == set(numbers)


def test_a_notebook_that_hangs_does_not_keep_others_from_writing(
    own_progress: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "_LOCK_SECONDS", 0.05)
    own_progress.parent.mkdir()
    with FileLock(own_progress.parent / ".progress.json.lock"):
        record("02.1", solved=True)
    assert read_progress()["02.1"]["solved"]


def test_a_file_system_without_locks_is_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: FileLock) -> None:
        raise NotImplementedError("no locks here")

    monkeypatch.setattr(progress_module.FileLock, "acquire", none)
    record("02.1", solved=True)
    assert read_progress()["02.1"]["solved"]
