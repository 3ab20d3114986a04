"""A disk that is full: at every single write of every command. One line, status 2, and earlier files whole."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitlab import writing
from digitlab.bench import race
from digitlab.cli import main
from digitlab.data import Digits
from digitlab.runs.state import load_state

TRAIN = ["train", "--data", "sample", "--model", "softmax", "--epochs", "2", "--output"]


@contextlib.contextmanager
def full_after(n_writes: float) -> Iterator[list[None]]:
    """So many files can still be written; gives a list that grows by one with each attempt."""
    attempts: list[None] = []
    real = writing.os.fsync

    def fsync(descriptor: int) -> None:
        attempts.append(None)
        if len(attempts) > n_writes:
            raise OSError(28, "No space left on device")
        real(descriptor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing.os, "fsync", fsync)
        yield attempts


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_one_line(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    lines = capsys.readouterr().err.splitlines()
    assert status == 2
    assert len(lines) == 1 and lines[0].startswith("digitlab: error: cannot use "), lines
    assert lines[0].endswith("No space left on device"), lines


@pytest.fixture
def drawing(tmp_path: Path, test_digits: Digits) -> Path:
    path = tmp_path / "digit.png"
    Image.fromarray(np.pad(test_digits.images[0].numpy(), 20)).save(path)
    return path


@pytest.mark.slow
def test_a_run_keeps_what_it_had_and_can_be_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with full_after(float("inf")) as writes:
        assert main([*TRAIN, str(tmp_path / "whole")]) == 0
    whole = content_of(tmp_path / "whole")
    capsys.readouterr()
    assert len(writes) > 8  # three checkpoints, the pictures, the numbers, the report, the model
    for n in range(len(writes)):
        folder = tmp_path / f"after-{n}"
        with full_after(n):
            status = main([*TRAIN, str(folder)])
        assert_one_line(status, capsys)
        if n == 0:
            assert not folder.exists()
            continue
        found = content_of(folder)
        assert load_state(folder / "checkpoint.pt")
        assert found.keys() <= whole.keys() | {"checkpoint.pt"}, "nothing half-written stays"
        if n % 4 != 1:  # resuming takes the longest: every fourth will do
            continue
        assert main(["train", "--resume", "--output", str(folder)]) == 0
        capsys.readouterr()
        assert content_of(folder).keys() == whole.keys()
        assert content_of(folder)["figures/confusion.png"] == whole["figures/confusion.png"]


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("command", ["export", "predict", "bench", "lessons"])
def test_other_commands_leave_earlier_files_as_they_were(
    command: str,
    existing: bool,
    tmp_path: Path,
    drawing: Path,
    finished_run: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(race, "run_bench", lambda *_args: {"rows": []})
    monkeypatch.setattr(race, "bench_table", lambda _result: "")
    folder = tmp_path / "results"
    folder.mkdir()
    arguments: dict[str, Callable[[], list[str]]] = {
        "export": lambda: ["export", str(finished_run), "--format", "js", "--output", str(folder / "out.js")],
        "predict": lambda: ["predict", str(drawing), "--stages", str(folder)],
        "bench": lambda: ["bench", "--quick", "--output", str(folder / "out.json")],
        "lessons": lambda: ["lessons", str(folder), "--force"],
    }
    if existing:
        assert main(arguments[command]()) == 0
        for path in folder.glob("01_*.ipynb"):
            path.write_text("edited")
    before = content_of(folder)
    capsys.readouterr()
    with full_after(0):
        status = main(arguments[command]())
    assert_one_line(status, capsys)
    assert content_of(folder) == before


def test_the_third_of_the_lessons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with full_after(2):
        status = main(["lessons", str(tmp_path)])
    assert_one_line(status, capsys)
    assert len(content_of(tmp_path)) == 2
    assert main(["lessons", str(tmp_path)]) == 0  # goes on where it stopped
    assert len(content_of(tmp_path)) > 10
