import json
import os
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
from digitlab.data import Digits, mnist
from digitlab.data.mnist import DataError
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


@pytest.fixture
def no_mirror(monkeypatch: Patch) -> None:
    def unreachable(name: str, root: Path) -> None:
        raise DataError(f"{name} is not in {root} and cannot be downloaded (a mirror: no network)")

    monkeypatch.setattr(mnist, "download", unreachable)


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


@pytest.mark.usefixtures("no_mirror")
@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("", "command"),
        ("train --nonsense", "unrecognized arguments: --nonsense"),
        ("train --resume", "--resume needs --output"),
        ("train --recipe clasic", "--recipe: invalid choice: 'clasic' (choose from"),
        ("train --model lenet", "lenet5"),
        ("train --data xyz", "fashion"),
        ("train --device cdua", "cuda"),
        ("train --epochs 0", "epochs: expected 1 or more, got 0"),
        ("train --epochs two", "--epochs: invalid int value: 'two'"),
        ("train --batch-size -5", "batch_size: expected 1 or more, got -5"),
        ("train --seed -1", "seed: expected 0 to 4294967295, got -1"),
        ("train --committee 1", "n_members: expected 2 or more, got 1"),
        ("train --data mnist --output run", "cannot be downloaded"),
        ("train --data sample --device cuda --output run", "device 'cuda' is not available here"),
        (f"{TRAIN} file.png", "cannot use"),
        (f"{TRAIN} file.png/run", "cannot use"),
        ("evaluate nothing --data sample", "no model at"),
        ("evaluate file.png --data sample", "damaged"),
        ("predict blank.png --model nothing", "no model at"),
        ("predict blank.png --model file.png", "damaged"),
        ("predict missing.png", "missing.png"),
        ("predict file.png", "file.png"),
        ("predict folder", "folder"),
        ("predict blank.png", "blank"),
        ("download --data sample", "invalid choice: 'sample'"),
    ],
)
def test_what_a_user_can_cause_is_one_line_and_leaves_nothing_behind(
    arguments: str, fault: str, fails: Fails, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "file.png").write_bytes(b"PK\x03\x04 broken")
    (tmp_path / "folder").mkdir()
    drawn(tmp_path / "blank.png", np.full((100, 100), 255, np.uint8))
    assert fault in fails(*arguments.split())
    assert {path.name for path in tmp_path.rglob("*")} == {"file.png", "folder", "blank.png"}


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*_args: object, **_named: object) -> None:
        raise error

    return fail


def test_interrupted(fails: Fails, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(training, "train_one_epoch", raising(KeyboardInterrupt()))
    line = fails(*QUICK, tmp_path / "run", status=130)
    assert f"digitlab train --resume --output {tmp_path / 'run'}" in line
    assert (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_bug_is_not_dressed_up_as_a_users_error(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setattr(training, "train_one_epoch", raising(RuntimeError("a bug")))
    with pytest.raises(RuntimeError, match="a bug"):
        main([*QUICK, str(tmp_path / "run")])


def test_train_resume_evaluate(tmp_path: Path, monkeypatch: Patch, fails: Fails, works: Works) -> None:
    folder = tmp_path / "run"
    real, n_calls = training.train_one_epoch, 0

    def second_is_interrupted(*args: Any, **kwargs: Any) -> Any:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2:
            signal.raise_signal(signal.SIGTERM)
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(training, "train_one_epoch", second_is_interrupted)
        line = fails(*QUICK, folder, "--epochs", "2", status=128 + signal.SIGTERM)
    assert line == f"digitlab: error: asked to stop; go on with: digitlab train --resume --output {folder}"
    assert "was started with other settings" in fails(
        "train", "--resume", "--epochs", "5", "--output", folder
    )
    out = works(*QUICK, folder, "--epochs", "2", "--resume")
    assert "epoch  2" in out and "epoch  1" not in out
    assert "of 2,000 test digits read correctly" in out
    assert str(folder / "report.html") in out

    scores = json.loads(works("evaluate", folder, "--data", "sample", "--json"))
    assert scores["test_accuracy"] == json.loads((folder / "metrics.json").read_text())["test_accuracy"]
    assert scores["data"] == {"name": "sample", "n_test": 2000}


@pytest.mark.usefixtures("no_mirror")
@pytest.mark.filterwarnings("default")
def test_auto_says_why_it_takes_the_sample(untrained: Path, capsys: Capture) -> None:
    assert main(["evaluate", str(untrained)]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("digitlab: note: using the bundled sample") and "no network" in first
    assert "part of MNIST's training set" in second


@pytest.mark.slow
def test_train_quietly_into_a_folder_by_default_name(
    tmp_path: Path, monkeypatch: Patch, works: Works
) -> None:
    monkeypatch.chdir(tmp_path)
    assert works(*QUICK[:-1], "--quiet") == ""
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("classic-") and (folder / "report.html").exists()


def test_predict_reads_digits_as_text_and_json(tmp_path: Path, works: Works, test_digits: Digits) -> None:
    labels = test_digits.labels[:3].tolist()
    pages = [255 - np.pad(image, 20).repeat(4, 0).repeat(4, 1) for image in test_digits.images[:3].numpy()]
    paths = [drawn(tmp_path / f"{i}.png", page) for i, page in enumerate(pages)]
    lines = works("predict", *paths, "--stages", tmp_path / "stages").splitlines()
    assert [line.split(": ")[1][0] for line in lines] == [str(label) for label in labels]
    assert {path.name for path in (tmp_path / "stages").iterdir()} == {f"{i}-stages.png" for i in range(3)}

    results = json.loads(works("predict", *paths, "--json"))
    assert [result["digits"][0]["digit"] for result in results] == labels
    assert sum(results[0]["digits"][0]["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert results[0]["left_out"] == [] and results[0]["digits"][0]["doubt"] == ""


def test_predict_says_what_it_leaves_out(tmp_path: Path, works: Works, test_digits: Digits) -> None:
    page = 255 - np.pad(test_digits.images[0].numpy(), ((20, 20), (20, 60))).repeat(4, 0).repeat(4, 1)
    page[130:138, 250:300] = 0  # a dash
    path = drawn(tmp_path / "page.png", page)
    first, second = works("predict", path).splitlines()
    assert ": 5 (" in first and "%, or " in first
    assert second == "  1 mark left out: a minus sign or dash"
    (result,) = json.loads(works("predict", path, "--json"))
    assert [each["reason"] for each in result["left_out"]] == ["a minus sign or dash"]
    keys = "digit probability runner_up unlikeness doubt probabilities box"
    assert list(result["digits"][0]) == keys.split()


def test_one_bad_picture_does_not_lose_the_others(five: Path, capsys: Capture) -> None:
    assert main(["predict", "missing.png", str(five)]) == 2
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{five}: ")
    assert len(captured.err.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
@pytest.mark.parametrize("name", [b"two\nlines.png", b"\x1b[31mred.png", b"not-utf8-\xff.png"])
def test_a_strange_name_stays_on_its_line(name: bytes, tmp_path: Path, five: Path, works: Works) -> None:
    path = five.rename(tmp_path / os.fsdecode(name))
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


def test_download(works: Works, tmp_path: Path, monkeypatch: Patch) -> None:
    asked: list[tuple[str, Path, bool]] = []

    def download(name: str, root: Path, *, repair: bool) -> bool:
        asked.append((name, root, repair))
        return len(asked) == 1

    monkeypatch.setattr(mnist, "download", download)
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path))
    assert "mnist was fetched" in works("download")
    assert "there already, whole" in works("download", "--data", "fashion")
    assert asked == [("mnist", tmp_path, True), ("fashion", tmp_path, True)]


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        (
            "import contextlib, digitlab.cli\nwith contextlib.suppress(SystemExit): digitlab.cli.main(['--help'])",
            "",
        ),
        ("import digitlab", ""),
        (
            "import digitlab; digitlab.CNN; digitlab.DigitLoader; digitlab.fit; digitlab.saliency",
            "torch numpy",
        ),
    ],
)
def test_no_more_is_imported_than_is_needed(code: str, heavy: str) -> None:
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    imported = subprocess.check_output(command, text=True).splitlines()[-1].split()
    assert {"torch", "numpy", "torchvision", "matplotlib"} & {*imported} == {*heavy.split()}


def test_python_m_digitlab_is_the_same_command() -> None:
    command = [sys.executable, "-m", "digitlab", "--version"]
    assert subprocess.check_output(command, text=True).strip() == digitlab.__version__


def test_every_public_name_is_there_and_documented() -> None:
    for name in digitlab.__all__:
        value = getattr(digitlab, name)
        assert value.__doc__, name
        assert value.__module__.startswith("digitlab."), name
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        digitlab.nonsense  # noqa: B018


def test_the_names_of_the_command_are_those_of_the_library() -> None:
    assert list_models() == list(MODELS)
    assert list_recipes() == list(RECIPES)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals")
def test_a_request_to_stop_that_the_parent_ignores_stays_ignored(tmp_path: Path) -> None:
    """As under nohup; else it ends the run with a line that says how to go on."""
    code = """if True:
        import signal, sys; from digitlab import training; from digitlab.cli import main
        if sys.argv[-1] == 'ignored': signal.signal(signal.SIGTERM, signal.SIG_IGN)
        epoch = training.train_one_epoch
        def asked(*args, **named): signal.raise_signal(signal.SIGTERM); return epoch(*args, **named)
        training.train_one_epoch = asked
        sys.exit(main(sys.argv[1:]))"""
    for kind, expected in (("ignored", 0), ("heard", 143)):
        command = [sys.executable, "-c", code, *QUICK, kind]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == expected, done.stderr
        assert ("go on with: digitlab train --resume" in done.stderr) == (kind == "heard")


@pytest.mark.slow
def test_a_name_that_the_terminal_cannot_write(tmp_path: Path, five: Path) -> None:
    picture = five.rename(tmp_path / "\u0444\u043e\u0442\u043e.png")
    command = [sys.executable, "-m", "digitlab", "predict", str(picture)]
    said = subprocess.check_output(command, env={**os.environ, "PYTHONIOENCODING": "cp1252"})
    assert b"\\u0444" in said and b": 5 (" in said


@pytest.mark.slow
def test_a_committee(tmp_path: Path, untrained: Path, works: Works, fails: Fails) -> None:
    folder = tmp_path / "two"
    out = works(*QUICK, folder, "--committee", "2")
    assert "member  seed 0" in out and "member  seed 1" in out
    assert out.splitlines()[-1].startswith("members ") and out.splitlines()[-1].count("%") == 2
    measured = json.loads((folder / "metrics.json").read_text())
    assert len(measured["members"]) == 2
    evaluate = ("evaluate", "--data", "sample", folder)
    assert "a committee of 2, each softmax, trained on sample" in works(*evaluate)
    again = json.loads(works(*evaluate, "--json"))
    assert (again["test_accuracy"], again["n_members"]) == (measured["test_accuracy"], 2)
    (folder / "seed-2").mkdir()  # another kind of network, from other data
    untrained.rename(folder / "seed-2" / "model.safetensors")
    out = works(*evaluate, noted="from which this model learnt")
    assert "a committee of 3, each cnn or softmax, trained on mnist or sample" in out
    assert "holds members already" in fails(*QUICK, folder, "--committee", "2")
