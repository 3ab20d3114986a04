import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from kill_runs import run_campaign

from digitlab.data import load_sample
from digitlab.metrics import wilson_interval
from digitlab.models import DigitModel, create_model
from digitlab.recipes import get_recipe
from digitlab.runs import committee
from digitlab.runs import run as run_module
from digitlab.runs.checkpoint import MODEL_FILE, CheckpointError, load_checkpoint, save_checkpoint
from digitlab.runs.committee import load_trained, train_committee
from digitlab.runs.run import measure, resume_run, saved_settings, train_run
from digitlab.runs.state import STATE_FILE, RunError, RunSettings, load_state
from digitlab.training import predict

AUGMENT = get_recipe("best").augment
SHORT = replace(  # a few steps with everything that is random in them
    get_recipe("classic"), epochs=3, batch_size=200, schedule="one_cycle", weight_decay=1e-2, augment=AUGMENT
)


class PowerCut(Exception):
    """Stands for a power cut: nothing in the product catches it."""


def power_cut(*_args: Any) -> None:
    raise PowerCut


def settings(**changes: Any) -> RunSettings:
    return RunSettings(replace(SHORT, **changes), source="sample", device="cpu")


def weights_of(model: DigitModel) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def without_seconds(folder: Path) -> list[dict[str, Any]]:
    rows = json.loads((folder / "history.json").read_text())
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def train(folder: Path, **changes: Any) -> dict[str, Any]:
    return train_run(settings(**changes), folder, progress=False)


@pytest.fixture(scope="module", autouse=True)
def _few_digits_no_pictures(
    finished_run: Path,
) -> Iterator[None]:  # that run is a whole one, so it comes first
    """What is tested here does not depend on the number of digits; the pictures have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (run_module, committee):
            patch.setattr(module, "load_digits", lambda split, _source: load_sample(split)[:1000])
        patch.setattr(run_module, "write_figures", lambda *_args: None)
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "undisturbed"
    train(folder)
    return folder


def test_the_folder_holds_what_it_should(finished_run: Path) -> None:
    names = {path.relative_to(finished_run).as_posix() for path in finished_run.rglob("*") if path.is_file()}
    assert {MODEL_FILE, "metrics.json", "history.json", "report.html", "figures/confusion.png"} <= names
    assert STATE_FILE not in names
    assert not [name for name in names if "/." in name or name.startswith(".")], "no temporary file stays"


def test_metrics_are_complete_and_can_be_computed_again(finished_run: Path) -> None:
    summary = json.loads((finished_run / "metrics.json").read_text())
    names = "train_seconds images_per_second recipe seed device versions"
    assert {*names.split()} <= summary.keys()
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


def test_history_has_a_row_an_epoch(undisturbed: Path) -> None:
    rows = json.loads((undisturbed / "history.json").read_text())
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    names = "epoch train_loss train_accuracy val_loss val_accuracy lr seconds"
    assert list(rows[0]) == names.split()


def interrupt(folder: Path, batch: int) -> None:
    """The process ends when this many batches have been learnt from, and nothing is saved that was not before."""
    real, n_done = run_module.DigitLoader.__iter__, 0

    def batches(loader: Any) -> Iterator[Any]:
        nonlocal n_done
        for each in real(loader):
            if loader.shuffle:
                if n_done == batch:
                    raise PowerCut
                n_done += 1
            yield each

    with pytest.MonkeyPatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(run_module.DigitLoader, "__iter__", batches)
        train(folder)


def assert_the_same_to_the_bit(folder: Path, undisturbed: Path) -> None:
    both = (folder, undisturbed)
    assert torch.equal(*(weights_of(load_checkpoint(each).model) for each in both))
    assert without_seconds(folder) == without_seconds(undisturbed)
    first, second = (json.loads((each / "metrics.json").read_text())["test_accuracy"] for each in both)
    assert first == second
    assert {path.name for path in folder.iterdir()} == {path.name for path in undisturbed.iterdir()}


@pytest.mark.parametrize("batch", [0, 5, 7, 14])  # of three epochs of five
def test_a_run_that_was_cut_off_resumes_to_the_same_bits(
    batch: int, undisturbed: Path, tmp_path: Path
) -> None:
    interrupt(tmp_path, batch)
    assert len(load_state(tmp_path / STATE_FILE)["history"]) == batch // 5
    torch.manual_seed(999)  # another process has another random state
    resume_run(tmp_path, progress=False)
    assert_the_same_to_the_bit(tmp_path, undisturbed)


def test_a_run_that_was_cut_off_while_its_results_are_written(undisturbed: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(run_module, "write_report", power_cut)
        train(tmp_path)
    assert not (tmp_path / MODEL_FILE).exists()
    (tmp_path / ".digitlab-a1b2c3d4").touch()  # a write that was cut off, too
    resume_run(tmp_path, progress=False)
    assert_the_same_to_the_bit(tmp_path, undisturbed)


def test_another_thread_can_train(tmp_path: Path) -> None:
    thread = threading.Thread(target=train_run, args=(settings(epochs=1), tmp_path / "run"))
    thread.start()
    thread.join()
    assert (tmp_path / "run" / MODEL_FILE).exists()


def test_resuming_a_finished_run_changes_nothing(undisturbed: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")}
    assert resume_run(undisturbed)["epochs"] == 3
    assert {path: path.stat().st_mtime_ns for path in undisturbed.rglob("*")} == before


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to resume"):
        resume_run(tmp_path)
    assert saved_settings(tmp_path) is None


def test_a_used_folder_is_refused_and_left_alone(finished_run: Path) -> None:
    before = (finished_run / MODEL_FILE).read_bytes()
    with pytest.raises(RunError, match="holds a run already"):
        train(finished_run)
    assert (finished_run / MODEL_FILE).read_bytes() == before


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with FileLock(tmp_path / ".lock"):
        with pytest.raises(RunError, match="another run is using"):
            train(tmp_path)
        (tmp_path / STATE_FILE).touch()
        with pytest.raises(RunError, match="another run is using"):
            resume_run(tmp_path, progress=False)
    assert {path.name for path in tmp_path.iterdir()} <= {".lock", STATE_FILE}


def test_a_committee_is_the_mean_of_its_members(tmp_path: Path) -> None:
    first, folder = replace(settings(epochs=1, model="softmax"), seed=3), tmp_path / "both"
    summary = train_committee(first, 2, folder, progress=False)
    assert [member["seed"] for member in summary["members"]] == [3, 4]
    test = load_sample("test")[:1000]
    models = [load_checkpoint(folder / f"seed-{seed}").model for seed in (3, 4)]
    together = (predict(models[0], test.images) + predict(models[1], test.images)) / 2
    assert summary["test_accuracy"] == measure(together, test.labels)["test_accuracy"]
    assert json.loads((folder / "metrics.json").read_text()) == summary
    both, members = load_trained(folder)
    assert torch.allclose(predict(both, test.images), together, rtol=0, atol=1e-6)
    assert [member.metadata["settings"]["seed"] for member in members] == [3, 4]
    alone, _ = load_trained(folder / "seed-4")
    assert torch.equal(predict(alone, test.images), predict(models[1], test.images))
    by_itself = train_run(first, tmp_path / "alone", progress=False)
    assert summary["members"][0]["test_accuracy"] == by_itself["test_accuracy"]

    with pytest.raises(RunError, match="holds members already: go on with --resume"):
        train_committee(first, 3, folder, progress=False)
    with pytest.raises(RunError, match="seed-3 was trained with other settings"):
        train_committee(replace(first, recipe=SHORT), 3, folder, resume=True)
    untouched = (folder / "seed-3" / MODEL_FILE).read_bytes()
    larger = train_committee(first, 3, folder, resume=True, progress=False)
    assert [member["seed"] for member in larger["members"]] == [3, 4, 5]
    assert (folder / "seed-3" / MODEL_FILE).read_bytes() == untouched


def test_the_members_are_in_the_order_of_their_seeds_and_none_is_left_out(tmp_path: Path) -> None:
    for seed in (10, 9):
        path = tmp_path / f"seed-{seed}" / MODEL_FILE
        path.parent.mkdir()
        save_checkpoint(path, create_model("softmax"), "softmax", {"seed": seed})
    assert [member.metadata["seed"] for member in load_trained(tmp_path)[1]] == [9, 10]
    (tmp_path / "seed-11").mkdir()  # begun, and not trained to the end
    with pytest.raises(CheckpointError, match=r"no model at .*seed-11"):
        load_trained(tmp_path)


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of a run that stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("runs") / "cut-off"
    interrupt(folder, batch=7)
    return folder / STATE_FILE


def test_a_validation_loss_that_blew_up_does_not_end_the_run(cut_off: Path, tmp_path: Path) -> None:
    state = load_state(cut_off)
    state["history"][0]["val_loss"] = float("inf")
    torch.save(state, tmp_path / STATE_FILE)
    assert resume_run(tmp_path, progress=False)["epochs"] == 3


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        # PyTorch does not compare these, and its fused step writes past the end of a tensor that is too short.
        (("optimizer", "state", 0, "exp_avg"), torch.zeros(1), "averages have other shapes"),
        (("optimizer", "state", 99), {}, "'exp_avg'"),
        (("optimizer", "param_groups"), [], "parameter group"),
        (("scheduler",), None, "NoneType"),
        (("history", 0, "extra"), 1, "'extra'"),
        (("random_states", 0), {}, "'cpu'"),
        (("random_states", 0, "cpu"), torch.zeros(9), "RNG state"),
        (("random_states",), [], "begun by 0 workers"),
        (("settings", "recipe", "batch_size"), 0, "batch_size"),
        (("settings",), 3, "not subscriptable"),
        (("settings",), {}, "'recipe'"),
        (("model", "conv1.weight"), torch.zeros(3), "size mismatch"),
        (("optimizer",), {}, "'param_groups'"),
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
    with pytest.raises(ValueError) as error:
        resume_run(tmp_path, progress=False)
    assert fault in str(error.value) and "\n" not in str(error.value), str(error.value)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [STATE_FILE]


class RunsCode:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("it-ran"),))


@pytest.mark.parametrize("content", ["cut", "text", "code", "a list"])
def test_a_file_that_is_no_state_is_refused_and_runs_nothing(
    content: str, cut_off: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / STATE_FILE
    torch.save(RunsCode() if content == "code" else [1, 2], path)
    if content == "cut":
        path.write_bytes(cut_off.read_bytes()[:-2000])
    elif content == "text":
        path.write_bytes(b"no state")
    for read in (saved_settings, resume_run):
        with pytest.raises(CheckpointError, match=r"checkpoint\.pt is damaged") as error:
            read(tmp_path)
        assert "\n" not in str(error.value)
    assert [each.name for each in tmp_path.iterdir()] == [STATE_FILE]


def test_a_recipe_can_ask_for_fewer_digits(tmp_path: Path) -> None:
    data = train(tmp_path / "few", epochs=1, model="softmax", n_digits=300)["data"]
    assert (data["n_train"], data["n_val"]) == (300, 50)
    assert train(tmp_path / "all", epochs=1, model="softmax", n_digits=5_000)["data"]["n_train"] == 950


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_run_killed_again_and_again_ends_as_if_undisturbed(tmp_path: Path) -> None:
    """Two kills; `python tests/kill_runs.py` does fifty."""
    assert run_campaign(2, seed=1, epochs=3, work=tmp_path)[0] == 2
