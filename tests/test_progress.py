"""What a learner has solved is kept; what cannot be kept or read breaks nothing, and is told in one line."""

import errno
import os
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import platformdirs
import pytest
from filelock import FileLock

from digitlab import cli
from digitlab.exercises import exercise
from digitlab.exercises import progress as progress_module
from digitlab.exercises.progress import read_progress, record, reset_progress

Patch = pytest.MonkeyPatch
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def own_progress(monkeypatch: Patch) -> Path:
    monkeypatch.setattr(progress_module, "_warned", set())
    return progress_module.progress_file()


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


def test_progress_is_shown(capsys: Capture) -> None:
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


def everything_works_with_one_warning(match: str) -> None:
    with pytest.warns(UserWarning, match=f"progress is not being kept: .*{match}") as warned:
        for number in ("02.1", "02.2", "02.1"):
            each = exercise(number)
            assert each.check(each.answer).status == "correct"
            assert each.hint() and each.solution()
    (warning,) = warned
    assert warning.filename == __file__, "it should point at the learner's line"


def one_error_line(capsys: Capture, *arguments: str) -> str:
    assert cli.main(["progress", *arguments]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.count("\n") == 1 and len(captured.err) < 400
    return captured.err


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_stays_and_breaks_no_check(
    content: bytes, own_progress: Path, capsys: Capture
) -> None:
    write(own_progress, content)
    assert f"{own_progress} is damaged: `digitlab progress --reset`" in one_error_line(capsys)
    everything_works_with_one_warning("is damaged")
    assert own_progress.read_bytes() == content, "what may still be mended is not overwritten"
    assert cli.main(["progress", "--reset"]) == 0
    assert read_progress() == {}


def test_what_a_later_version_may_add_is_kept(own_progress: Path) -> None:
    write(own_progress, b'{"02.1": {"attempts": 1, "minutes": 3}, "77.12": {}}')
    record("02.1", solved=True)
    kept = {"attempts": 2, "solved": True, "hints": 0, "looked": False, "minutes": 3}
    assert read_progress()["02.1"] == kept and read_progress()["77.12"]["attempts"] == 0
    assert cli.main(["progress"]) == 0


@pytest.mark.parametrize(
    ("owner", "function", "number"),
    [
        (Path, "mkdir", errno.EROFS),
        (Path, "read_bytes", errno.EACCES),
        (tempfile, "mkstemp", errno.EACCES),
        (os, "fsync", errno.ENOSPC),
    ],
)
def test_where_the_system_refuses_the_earlier_file_stays(
    owner: Any, function: str, number: int, own_progress: Path
) -> None:
    record("00.1", solved=True)
    before = own_progress.read_bytes()
    errors = (OSError(number, os.strerror(number), f"random{i}") for i in count())  # mkstemp's name
    with mock.patch.object(owner, function, side_effect=errors):
        everything_works_with_one_warning(f"progress.json: {os.strerror(number)}; set DIGITLAB_PROGRESS")
    assert own_progress.read_bytes() == before
    assert {path.suffix for path in own_progress.parent.iterdir()} <= {".json", ".lock"}


@pytest.mark.parametrize("place", ["a-folder", "a-file/progress.json", ""])
def test_where_no_file_can_be_all_works(
    place: str, tmp_path: Path, monkeypatch: Patch, capsys: Capture
) -> None:
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "a-file").touch()
    monkeypatch.setattr(platformdirs, "user_data_dir", lambda _: "~/.local/share/digitlab")
    monkeypatch.setenv("DIGITLAB_PROGRESS", place and str(tmp_path / place))
    everything_works_with_one_warning(Path(place).name or "no home folder: set DIGITLAB_PROGRESS")
    assert (Path(place).name or "no home folder") in one_error_line(capsys)
    if place == "a-folder":
        assert "is not a file" in one_error_line(capsys, "--reset")
    assert (tmp_path / "a-folder").is_dir()


def test_warnings_made_errors_still_give_the_verdict(own_progress: Path, capsys: Capture) -> None:
    write(own_progress, b"not json")
    each = exercise("02.1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [each.check(each.answer).status for _ in range(2)] == ["correct", "correct"]
    assert capsys.readouterr().err.count("your progress is not being kept") == 1


def test_notebooks_that_write_at_once_lose_nothing(monkeypatch: Patch) -> None:
    monkeypatch.setattr(progress_module, "_LOCK_SECONDS", 60)  # a busy machine may need more than two
    numbers = [f"{lesson:02}.{place}" for place in range(1, 9) for lesson in range(4)]
    with ThreadPoolExecutor(4) as notebooks:
        list(notebooks.map(lambda number: record(number, solved=True), numbers))
    assert read_progress().keys() == set(numbers)


def test_a_notebook_that_hangs_keeps_none_from_writing(own_progress: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(progress_module, "_LOCK_SECONDS", 0.05)
    own_progress.parent.mkdir()
    with FileLock(own_progress.parent / ".progress.json.lock"):
        record("02.1", solved=True)
    assert read_progress()["02.1"]["solved"]


def test_a_file_system_without_locks_is_written_to() -> None:
    with mock.patch.object(FileLock, "acquire", side_effect=NotImplementedError("no locks here")):
        record("02.1", solved=True)
    assert read_progress()["02.1"]["solved"]
