import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import digitlab
from digitlab import training
from digitlab.cli import main
from digitlab.data import Digits
from digitlab.models import create_model, list_models
from digitlab.names import MODELS, RECIPES
from digitlab.recipes import list_recipes
from digitlab.runs.checkpoint import save_checkpoint

Works = Fails = Callable[..., str]
Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
TRAIN = "train --data sample --model softmax --epochs 1 --output"
QUICK = TRAIN.split()


@pytest.fixture
def fails(capsys: Capture) -> Fails:
    """Runs the command, which must fail in one clear line, and returns that line."""

    def run(*arguments: str | Path, status: int = 2) -> str:
        try:
            got = main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            got = int(exit_.code or 0)
        assert got == status
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("digitlab: error: ")
        return line

    return run


@pytest.fixture
def works(capsys: Capture) -> Works:
    """Runs the command, which must do what it is asked, and returns what it prints."""

    def run(*arguments: str | Path, noted: str = "") -> str:
        assert main([str(argument) for argument in arguments]) == 0
        out, err = capsys.readouterr()
        assert err == "" if not noted else noted in err
        return out

    return run


def drawn(path: Path, image: np.ndarray) -> Path:
    Image.fromarray(image).save(path)
    return path


@pytest.fixture
def five(tmp_path: Path, test_digits: Digits) -> Path:
    return drawn(tmp_path / "five.png", test_digits.images[0].numpy())


@pytest.fixture
def untrained(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "mine.safetensors", create_model("cnn"), "cnn", {"data": {"name": "mnist"}})
    return tmp_path / "mine.safetensors"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("", "command"),
        ("train --resume", "--resume needs --output"),
        ("train --recipe clasic", "--recipe: invalid choice: 'clasic' (choose from"),
        ("train --epochs 0", "epochs: expected 1 or more, got 0"),
        ("train --batch-size -5", "batch_size: expected 1 or more, got -5"),
        ("train --seed -1", "seed: expected 0 to 4294967295, got -1"),
        ("train --committee 1", "n_members: expected 2 or more, got 1"),
        ("train --data mnist --output run", "lay the four files there"),
        ("train --data sample --device cuda --output run", "device 'cuda' is not available here"),
        (f"{TRAIN} file.png", "cannot use"),
        (f"{TRAIN} file.png/run", "cannot use"),
        ("evaluate file.png --data sample", "damaged"),
        ("predict blank.png --model nothing", "no model at"),
        ("predict blank.png", "blank"),
    ],
)
def test_what_a_user_can_cause_is_one_line_and_leaves_nothing_behind(
    arguments: str, fault: str, fails: Fails, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "file.png").write_bytes(b"PK\x03\x04 broken")
    drawn(tmp_path / "blank.png", np.full((100, 100), 255, np.uint8))
    assert fault in fails(*arguments.split())
    assert {path.name for path in tmp_path.iterdir()} <= {"file.png", "blank.png", "no-data"}


def test_a_bug_is_not_dressed_up_as_a_users_error(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setattr(training, "train_one_epoch", lambda *_args, **_named: [].pop())
    with pytest.raises(IndexError, match="pop from empty list"):
        main([*QUICK, str(tmp_path / "run")])


def stopped_by(patch: Patch, number: int, epoch: int) -> None:
    """Let a signal come before an epoch."""
    real, epochs = training.train_one_epoch, itertools.count(1)

    def disturbed(*args: Any, **kwargs: Any) -> Any:
        if next(epochs) == epoch:
            signal.raise_signal(number)
        return real(*args, **kwargs)

    patch.setattr(training, "train_one_epoch", disturbed)


def test_train_resume_evaluate(tmp_path: Path, monkeypatch: Patch, fails: Fails, works: Works) -> None:
    folder = tmp_path / "run"
    train = (*QUICK, folder, "--epochs", "2")
    for number, epoch, more, word in (
        (signal.SIGINT, 1, (), "interrupted"),
        (signal.SIGTERM, 2, ("--resume",), "asked to stop"),
    ):
        with monkeypatch.context() as patch:
            stopped_by(patch, number, epoch)
            line = fails(*train, *more, status=128 + number)
        assert line == f"digitlab: error: {word}; go on with: digitlab train --resume --output {folder}"
        assert (folder / "checkpoint.pt").exists()
    resume = ("train", "--resume", "--epochs", "5", "--output", folder)
    assert "was started with other settings" in fails(*resume)
    out = works(*train, "--resume", "--device", "cpu")  # not named before
    assert "epoch  2" in out and "epoch  1" not in out
    assert "of 2,000 test digits read correctly" in out
    assert str(folder / "report.html") in out

    scores = json.loads(works("evaluate", folder, "--data", "sample", "--json"))
    assert scores["test_accuracy"] == json.loads((folder / "metrics.json").read_text())["test_accuracy"]
    assert scores["data"] == {"name": "sample", "n_test": 2000}


@pytest.mark.slow
def test_train_quietly_on_under_nohup_into_a_folder_by_default_name(
    tmp_path: Path, monkeypatch: Patch, works: Works
) -> None:
    monkeypatch.chdir(tmp_path)
    stopped_by(monkeypatch, signal.SIGTERM, 1)
    usual = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as the parent has set it
    try:
        assert works(*QUICK[:-1], "--quiet") == ""
    finally:
        signal.signal(signal.SIGTERM, usual)
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("classic-") and (folder / "report.html").exists()


@pytest.mark.filterwarnings("default")
def test_auto_says_why_it_takes_the_sample(untrained: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(untrained)]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("digitlab: note: using the bundled sample") and "cannot be downloaded" in first
    assert "part of MNIST's training set" in second


def test_predict_reads_digits_as_text_and_json(tmp_path: Path, works: Works, test_digits: Digits) -> None:
    pages = [255 - np.pad(image, 20).repeat(4, 0).repeat(4, 1) for image in test_digits.images[:3].numpy()]
    pages[0] = np.pad(pages[0], ((0, 0), (0, 160)), constant_values=255)
    pages[0][130:138, 250:300] = 0  # a dash
    paths = [drawn(tmp_path / f"{i}.png", page) for i, page in enumerate(pages)]
    first, left_out, *others = works("predict", *paths, "--stages", tmp_path / "stages").splitlines()
    assert re.fullmatch(r".*0\.png: 5 \(\d+\.\d%, or \d\)", first)
    assert left_out == "  1 mark left out: a minus sign or dash"
    assert [line.split(": ")[1][0] for line in others] == [
        str(label) for label in test_digits.labels[1:3].tolist()
    ]
    assert {path.name for path in (tmp_path / "stages").iterdir()} == {f"{i}-stages.png" for i in range(3)}

    results = json.loads(works("predict", *paths, "--json"))
    assert [result["digits"][0]["digit"] for result in results] == test_digits.labels[:3].tolist()
    assert [each["reason"] for each in results[0]["left_out"]] == ["a minus sign or dash"]
    (digit,) = results[1]["digits"]
    assert " ".join(digit) == "digit probability runner_up unlikeness doubt probabilities box"
    assert sum(digit["probabilities"]) == pytest.approx(1, abs=1e-5) and digit["doubt"] == ""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_a_strange_name_stays_on_its_line(tmp_path: Path, five: Path, works: Works) -> None:
    path = five.rename(tmp_path / os.fsdecode(b"two\nlines\x1b[31m-\xff.png"))
    text = works("predict", path).removesuffix("\n")
    assert text.isprintable() and ": 5 (" in text
    assert json.loads(works("predict", "--json", path))[0]["image"] == str(path)


def test_predict_with_ones_own_model(untrained: Path, five: Path, works: Works) -> None:
    (result,) = json.loads(works("predict", five, "--model", untrained, "--json"))
    assert result["digits"][0]["probability"] < 0.5, "it has learnt nothing"


def test_doctor(works: Works) -> None:
    out = works("doctor")
    assert torch.__version__ in out and "10,000 digits inside the package" in out
    assert "no MNIST in" in out and "get it with: digitlab download" in out


PRINT = "import digitlab; print(digitlab.__version__)"


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        (["-m", "digitlab", "--version"], ""),
        (["-c", PRINT], ""),
        (["-c", f"{PRINT}; digitlab.CNN, digitlab.DigitLoader, digitlab.saliency"], "torch numpy"),
    ],
)
def test_no_more_is_imported_than_is_needed(command: list[str], heavy: str) -> None:
    done = subprocess.run([sys.executable, "-X", "importtime", *command], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, digitlab.__version__)
    imported = {*re.findall(r"\| +(\w+)$", done.stderr, re.MULTILINE)}
    assert {"torch", "numpy", "torchvision", "matplotlib"} & imported == {*heavy.split()}


def test_names_are_those_of_the_library_and_documented() -> None:
    assert (list_models(), list_recipes()) == (list(MODELS), list(RECIPES))
    assert all(getattr(digitlab, name).__doc__ for name in digitlab.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        digitlab.nonsense  # noqa: B018


@pytest.mark.slow
def test_a_committee(tmp_path: Path, untrained: Path, works: Works) -> None:
    folder = tmp_path / "two"
    out = works(*QUICK, folder, "--committee", "2")
    assert re.search(r"\nmembers [\d.]+%, [\d.]+%", out)
    measured = json.loads((folder / "metrics.json").read_text())
    again = json.loads(works("evaluate", "--data", "sample", folder, "--json"))
    assert (again["test_accuracy"], again["n_members"]) == (measured["test_accuracy"], 2)
    (folder / "seed-2").mkdir()  # another kind of network, from other data
    untrained.rename(folder / "seed-2" / "model.safetensors")
    out = works("evaluate", "--data", "sample", folder, noted="from which this model learnt")
    assert "a committee of 3, each cnn or softmax, trained on mnist or sample" in out
