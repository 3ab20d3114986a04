"""A disk that is full: at every single write of every command. One line, status 2, and earlier files whole."""

from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from digitlab import writing
from digitlab.bench import race
from digitlab.cli import main
from digitlab.data import Digits
from digitlab.runs.state import load_state

Capture = pytest.CaptureFixture[str]


def full_after(n_writes: int) -> Any:
    """So many files can still be written."""
    full = [OSError(28, "No space left on device")] * 99
    return mock.patch.object(writing.os, "fsync", side_effect=[None] * n_writes + full)


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_it_fails_in_one_line(n_writes: int, arguments: list[str], capsys: Capture) -> None:
    capsys.readouterr()
    with full_after(n_writes):
        assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("digitlab: error: cannot use ") and line.endswith("No space left on device")


@pytest.mark.slow
def test_a_run_keeps_what_it_had_and_can_be_resumed(tmp_path: Path, capsys: Capture) -> None:
    train = ["train", "--data", "sample", "--model", "softmax", "--epochs", "2", "--output"]
    with full_after(99) as writes:
        assert main([*train, str(tmp_path / "whole")]) == 0
    whole = content_of(tmp_path / "whole")
    assert writes.call_count > 8  # three checkpoints, the pictures, the numbers, the report, the model
    for n in (0, 1, 4, writes.call_count - 1):
        folder = tmp_path / f"after-{n}"
        assert_it_fails_in_one_line(n, [*train, str(folder)], capsys)
        assert content_of(folder).keys() <= whole.keys() | {"checkpoint.pt"}, "nothing half-written stays"
        assert folder.exists() == (n > 0)
        if n > 0:
            assert load_state(folder / "checkpoint.pt")
            assert main(["train", "--resume", "--output", str(folder)]) == 0
            assert content_of(folder).keys() == whole.keys()
            assert content_of(folder)["figures/confusion.png"] == whole["figures/confusion.png"]


@pytest.mark.parametrize("existing", [True, False])
@pytest.mark.parametrize("command", ["export", "predict", "bench", "lessons"])
def test_other_commands_leave_earlier_files_as_they_were(
    command: str, existing: bool, tmp_path: Path, finished_run: Path, test_digits: Digits, capsys: Capture
) -> None:
    drawing, folder = tmp_path / "digit.png", tmp_path / "results"
    Image.fromarray(np.pad(test_digits.images[0].numpy(), 20)).save(drawing)
    folder.mkdir()
    arguments = {
        "export": ["export", str(finished_run), "--format", "js", "--output", str(folder / "out.js")],
        "predict": ["predict", str(drawing), "--stages", str(folder)],
        "bench": ["bench", "--quick", "--output", str(folder / "out.json")],
        "lessons": ["lessons", str(folder), "--force"],
    }[command]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(race, "run_bench", lambda *_args: {"rows": []})
        patch.setattr(race, "bench_table", lambda _result: "")
        if existing:
            assert main(arguments) == 0
            for path in folder.glob("01_*.ipynb"):
                path.write_text("edited")
        before = content_of(folder)
        assert_it_fails_in_one_line(0, arguments, capsys)
    assert content_of(folder) == before


def test_the_third_of_the_lessons(tmp_path: Path, capsys: Capture) -> None:
    assert_it_fails_in_one_line(2, ["lessons", str(tmp_path)], capsys)
    assert len(content_of(tmp_path)) == 2
    assert main(["lessons", str(tmp_path)]) == 0  # goes on where it stopped
    assert len(content_of(tmp_path)) > 10
