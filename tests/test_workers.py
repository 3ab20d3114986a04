"""Several workers: what they compute together is what one computes alone. Each test starts real processes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from digitlab.data import DigitLoader, load_sample
from digitlab.runs.checkpoint import load_checkpoint
from digitlab.runs.distributed import all_gather, broadcast, rank, world_size
from digitlab.runs.run import saved_settings
from digitlab.runs.state import load_state
from digitlab.training import EpochRow, Scores

RUN = ["-m", "digitlab", "train", "--data", "sample", "--output"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
SCRIPT = Path(__file__).with_name("together.py")


def torchrun(count: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [*TORCHRUN, f"--nproc-per-node={count}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """What one worker and three did."""
    folder = tmp_path_factory.mktemp("workers")
    subprocess.run([sys.executable, str(SCRIPT), str(folder / "1.pt")], check=True, timeout=300)
    done = torchrun(3, str(SCRIPT), str(folder / "3.pt"))
    assert done.returncode == 0, done.stderr
    with torch.serialization.safe_globals([Scores]):
        return {count: torch.load(folder / f"{count}.pt", weights_only=True) for count in (1, 3)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet5", "mlp"])
def test_many_end_with_the_weights_of_one(found: dict[int, dict[str, Any]], name: str) -> None:
    alone, together = found[1][name], found[3][name]
    assert alone[0].keys() == together[0].keys()
    for key, tensor in alone[0].items():
        assert torch.allclose(tensor, together[0][key], rtol=0, atol=1e-5), key
    for ours, theirs in zip(alone[1:], together[1:], strict=True):  # of the training, and of a test
        assert ours.n == theirs.n and ours.accuracy == theirs.accuracy
        assert ours.loss == pytest.approx(theirs.loss, abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3])
def test_every_image_is_tested_exactly_once(found: dict[int, dict[str, Any]], count: int) -> None:
    assert sorted(found[count]["seen"]) == list(range(103))


def test_shares_of_a_batch_are_nearly_equal_and_complete() -> None:
    digits = load_sample("train")[:205]
    shares = [list(DigitLoader(digits, 100, shuffle=True, seed=3, rank=r, n_workers=4)) for r in range(4)]
    whole = list(DigitLoader(digits, 100, shuffle=True, seed=3))
    for number, (_, labels) in enumerate(whole):
        dealt = [share[number][1] for share in shares]
        assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
        assert [dealt[i % 4][i // 4].item() for i in range(len(labels))] == labels.tolist()


@pytest.mark.parametrize(("own", "count"), [(-1, 2), (2, 2), (0, 0)])
def test_a_rank_that_is_not_among_the_workers(own: int, count: int) -> None:
    with pytest.raises(ValueError, match="rank: expected 0 to"):
        DigitLoader(load_sample("test"), 10, shuffle=False, rank=own, n_workers=count)


def test_alone_nothing_is_shared() -> None:
    assert (rank(), world_size(), broadcast("x"), all_gather(3)) == (0, 1, "x", [3])


@pytest.mark.slow
def test_the_command_trains_with_two_workers_and_one_of_them_writes(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = torchrun(2, *RUN, str(folder), "--recipe", "fast")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch  1") == 1 and done.stdout.count("report  ") == 1
    summary = json.loads((folder / "metrics.json").read_text())
    assert summary["workers"] == 2 and summary["test_accuracy"] > 0.9
    history = json.loads((folder / "history.json").read_text())
    assert len(history) == 1 and EpochRow(**history[0]).epoch == 1
    load_checkpoint(folder)  # the plain model, which any program can read
    assert [path.name for path in tmp_path.iterdir()] == ["run"]

    again = torchrun(2, *RUN, str(folder))
    assert again.returncode != 0 and "holds a run already" in again.stderr
    assert json.loads((folder / "metrics.json").read_text()) == summary


@pytest.mark.slow
def test_two_workers_train_a_committee(tmp_path: Path) -> None:
    folder = tmp_path / "both"
    options = ["--model", "softmax", "--epochs", "1", "--committee", "2"]
    for again in ([], ["--resume"]):  # the second time both members are there already
        done = torchrun(2, *RUN, str(folder), *options, *again)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("member  seed") == 2 and done.stdout.count("epoch  1") == 2 * (not again)
        assert len(json.loads((folder / "metrics.json").read_text())["members"]) == 2


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds a worker's process number in /proc")
def test_a_killed_worker_ends_the_run_and_leaves_a_checkpoint_to_go_on_from(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [*TORCHRUN, "--nproc-per-node=2", *RUN, str(folder), "--epochs", "500"]
    process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True, env=ENVIRONMENT)
    assert process.stdout is not None
    while "epoch  2" not in process.stdout.readline():  # by then the first one is saved
        assert process.poll() is None
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    started = {int(child): Path(f"/proc/{child}/environ").read_text().split("\0") for child in children}
    second = next(number for number, environment in started.items() if "RANK=1" in environment)
    os.kill(second, 9)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    ours = [line for line in errors.splitlines() if line.startswith("digitlab: ")]  # the rest is torchrun's
    assert len(ours) == 1, errors
    reason = r"digitlab: error: (another worker has ended.*|asked to stop); go on with: digitlab"
    assert re.match(reason, ours[0])
    kept = saved_settings(folder)
    assert kept is not None and kept.recipe.epochs == 500
    state = load_state(folder / "checkpoint.pt")
    assert len(state["history"]) >= 1 and len(state["random_states"]) == 2
    alone = subprocess.run([sys.executable, *RUN, str(folder), "--resume"], capture_output=True, text=True)
    assert alone.returncode == 2
    assert "was begun by 2 workers: go on with as many" in alone.stderr
