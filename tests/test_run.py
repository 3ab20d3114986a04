import functools
import itertools
import json
import multiprocessing
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from test_checkpoint import RunsCode

from digitlab import writing
from digitlab.data import load_sample
from digitlab.metrics import wilson_interval
from digitlab.recipes import get_recipe
from digitlab.runs import committee
from digitlab.runs import run as run_module
from digitlab.runs.checkpoint import MODEL_FILE, CheckpointError, load_checkpoint
from digitlab.runs.committee import load_trained, train_committee
from digitlab.runs.run import measure, resume_run, saved_settings, train_run
from digitlab.runs.state import STATE_FILE, RunError, RunSettings, load_state
from digitlab.training import EpochRow, predict

AUGMENT = get_recipe("best").augment
SHORT = replace(  # a few steps with everything that is random in them
    get_recipe("classic"), epochs=3, batch_size=200, schedule="one_cycle", weight_decay=1e-2, augment=AUGMENT
)


def settings(**changes: Any) -> RunSettings:
    return RunSettings(replace(SHORT, **changes), source="sample", device="cpu")


def train(folder: Path, **changes: Any) -> dict[str, Any]:
    return train_run(settings(**changes), folder, progress=False)


def few_digits_no_pictures(patch: pytest.MonkeyPatch) -> None:
    """What is tested here does not depend on the number of digits; the pictures have tests of their own."""
    for module in (run_module, committee):
        patch.setattr(module, "load_digits", lambda split, _source: load_sample(split)[:1000])
    patch.setattr(run_module, "write_figures", lambda *_args: None)


@pytest.fixture(scope="module", autouse=True)
def _small(finished_run: Path) -> Iterator[None]:  # that run is a whole one, so it comes first
    with pytest.MonkeyPatch.context() as patch:
        few_digits_no_pictures(patch)
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    train(folder)
    return folder


def test_a_finished_run_is_whole_and_can_be_measured_again(finished_run: Path) -> None:
    files = {path.relative_to(finished_run).as_posix() for path in finished_run.rglob("*.*")}
    assert {MODEL_FILE, "metrics.json", "history.json", "report.html", "figures/confusion.png"} <= files
    assert STATE_FILE not in files
    assert not [name for name in files if "/." in f"/{name}"], "no temporary file stays"
    (row,) = json.loads((finished_run / "history.json").read_text())
    assert EpochRow(**row).epoch == 1

    summary = json.loads((finished_run / "metrics.json").read_text())
    assert {"train_seconds", "images_per_second", "recipe", "seed", "device", "versions"} <= summary.keys()
    data = summary["data"]
    assert (data["name"], data["n_train"] + data["n_val"], data["n_test"]) == ("sample", 8000, 2000)
    assert (summary["epochs"], summary["parameters"], summary["model"]) == (1, 21840, "cnn")
    test = load_sample("test")
    probabilities = predict(load_checkpoint(finished_run).model, test.images)
    accuracy = (probabilities.argmax(1) == test.labels).double().mean().item()
    loss = torch.nn.functional.nll_loss(probabilities.double().log(), test.labels).item()
    assert summary["test_accuracy"] == pytest.approx(accuracy, abs=1e-9)
    assert summary["test_loss"] == pytest.approx(loss, rel=1e-4)
    interval = wilson_interval(round(2000 * accuracy), 2000)
    assert summary["test_accuracy_ci95"] == pytest.approx(interval, abs=1e-9)
    assert load_checkpoint(finished_run).metadata == summary


def interrupt(folder: Path, write: int, stop: Callable[[], object] = sys.exit) -> None:
    """Train, and stop in the middle of the write of that number."""
    writes = itertools.count()
    with pytest.MonkeyPatch.context() as patch:
        few_digits_no_pictures(patch)
        patch.setattr(writing.os, "fsync", lambda _: next(writes) == write and stop())
        with pytest.raises(SystemExit):
            train(folder)


def outcome(folder: Path) -> list[Any]:
    rows = [{**row, "seconds": 0} for row in json.loads((folder / "history.json").read_text())]
    weights = {name: w.tolist() for name, w in load_checkpoint(folder).model.state_dict().items()}
    accuracy = json.loads((folder / "metrics.json").read_text())["test_accuracy"]
    return [sorted(path.name for path in folder.iterdir()), rows, accuracy, weights]


# One write before each of three epochs, one after the last, then four of results, the model last.
@pytest.mark.parametrize("write", [1, 2, 3, 4, 6, 7])
def test_what_was_cut_off_resumes_to_the_same_bits(write: int, undisturbed: Path, tmp_path: Path) -> None:
    interrupt(tmp_path, write)
    assert len(load_state(tmp_path / STATE_FILE)["history"]) == min(write - 1, 3)
    torch.manual_seed(999)  # another process has another random state
    resume_run(tmp_path, progress=False)
    assert outcome(tmp_path) == outcome(undisturbed)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize("write", [2, 7])
def test_what_was_killed_resumes_to_the_same_bits(write: int, undisturbed: Path, tmp_path: Path) -> None:
    kill = functools.partial(signal.raise_signal, signal.SIGKILL)
    process = multiprocessing.get_context("spawn").Process(target=interrupt, args=(tmp_path, write, kill))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL and len(list(tmp_path.glob(".digitlab-*"))) == 1
    resume_run(tmp_path, progress=False)
    assert outcome(tmp_path) == outcome(undisturbed)


def test_a_finished_run_is_left_as_it_is(undisturbed: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")}
    assert resume_run(undisturbed)["epochs"] == 3
    with pytest.raises(RunError, match="holds a run already"):
        train(undisturbed)
    assert {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")} == before
    assert saved_settings(tmp_path) is None
    with pytest.raises(RunError, match="nothing to resume"):
        resume_run(tmp_path)


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".lock"):
        with pytest.raises(RunError, match="another run is using"):
            train(tmp_path)
        (tmp_path / STATE_FILE).touch()
        with pytest.raises(RunError, match="another run is using"):
            resume_run(tmp_path, progress=False)
    assert {path.name for path in tmp_path.iterdir()} <= {".lock", STATE_FILE}


def test_a_committee_is_the_mean_of_its_members(tmp_path: Path) -> None:
    first, folder = replace(settings(epochs=1, model="softmax"), seed=9), tmp_path / "both"
    summary = train_committee(first, 2, folder, progress=False)
    assert json.loads((folder / "metrics.json").read_text()) == summary
    test = load_sample("test")[:1000]
    both, members = load_trained(folder)
    assert [member.metadata["settings"]["seed"] for member in members] == [9, 10]
    opinions = [predict(load_trained(folder / f"seed-{seed}")[0], test.images) for seed in (9, 10)]
    together = torch.stack(opinions).mean(dim=0)
    assert torch.allclose(predict(both, test.images), together, rtol=0, atol=1e-6)
    assert summary["test_accuracy"] == measure(together, test.labels)["test_accuracy"]
    alone = [measure(each, test.labels)["test_accuracy"] for each in opinions]
    assert summary["members"] == [{"seed": 9 + i, "test_accuracy": alone[i]} for i in (0, 1)]

    with pytest.raises(RunError, match="holds members already: go on with --resume"):
        train_committee(first, 3, folder, progress=False)
    with pytest.raises(RunError, match="seed-9 was trained with other settings"):
        train_committee(replace(first, recipe=SHORT), 3, folder, resume=True)
    untouched = (folder / "seed-9" / MODEL_FILE).read_bytes()
    larger = train_committee(first, 3, folder, resume=True, progress=False)
    assert [member["seed"] for member in larger["members"]] == [9, 10, 11]
    assert (folder / "seed-9" / MODEL_FILE).read_bytes() == untouched
    (folder / "seed-12").mkdir()  # begun, and not trained to the end
    with pytest.raises(CheckpointError, match=r"no model at .*seed-12"):
        load_trained(folder)


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a run that stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("runs") / "cut-off"
    interrupt(folder, write=2)
    return folder / STATE_FILE


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        # PyTorch does not compare these, and its fused step writes past the end of a tensor that is too short.
        (("optimizer", "state", 0, "exp_avg"), torch.zeros(1), "averages have other shapes"),
        (("optimizer", "param_groups"), [], "parameter group"),
        (("scheduler",), None, "NoneType"),
        (("history", 0, "extra"), 1, "'extra'"),
        (("random_states", 0, "cpu"), torch.zeros(9), "RNG state"),
        (("random_states",), [], "begun by 0 workers"),
        (("settings", "recipe", "batch_size"), 0, "batch_size"),
        (("settings",), {}, "'recipe'"),
        (("model", "conv1.weight"), torch.zeros(3), "size mismatch"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_in_one_line(
    place: tuple[Any, ...], value: object, fault: str, cut_off: Path, tmp_path: Path
) -> None:
    state = load_state(cut_off)
    inner: Any = state
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path = tmp_path / STATE_FILE
    torch.save(state, path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"\A.*{fault}.*\Z"):  # in one line
        resume_run(tmp_path, progress=False)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [STATE_FILE]


@pytest.mark.parametrize("content", ["cut", "text", "code", "a list"])
def test_a_file_that_is_no_state_is_refused_and_runs_nothing(
    content: str, cut_off: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / STATE_FILE
    torch.save(RunsCode() if content == "code" else [1, 2], path)
    if content in ("cut", "text"):
        path.write_bytes(cut_off.read_bytes()[:-2000] if content == "cut" else b"no state")
    for read in (saved_settings, resume_run):
        with pytest.raises(CheckpointError, match=r"\A.*checkpoint\.pt is damaged.*\Z"):
            read(tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == [STATE_FILE]


def test_a_recipe_can_ask_for_fewer_digits(tmp_path: Path) -> None:
    data = train(tmp_path / "few", epochs=1, model="softmax", n_digits=300)["data"]
    assert (data["n_train"], data["n_val"]) == (300, 50)
    assert train(tmp_path / "all", epochs=1, model="softmax", n_digits=5_000)["data"]["n_train"] == 950
