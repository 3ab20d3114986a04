"""Several workers: what they compute together is what one computes alone. Each test starts real processes."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from digitlab.data import DigitLoader, RandomAffine, load_sample
from digitlab.models import create_model
from digitlab.runs.checkpoint import load_checkpoint
from digitlab.runs.distributed import all_gather, broadcast, process_group, rank, world_size, wrap_ddp
from digitlab.runs.run import saved_settings
from digitlab.runs.state import load_state
from digitlab.training import evaluate, train_one_epoch

RUN = ["-m", "digitlab", "train", "--data", "sample", "--output"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def torchrun(count: int, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [*TORCHRUN, f"--nproc-per-node={count}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 0 or "holds a run already" in done.stderr, done.stderr
    return done


def work(output: str) -> None:
    """Each worker trains two models and tests them; the first writes what came of it."""
    torch.set_num_threads(1)
    train, test = (
        load_sample("train")[:301],
        load_sample("test")[:103],
    )  # two of three have none of the last batch
    found: dict[str, Any] = {}
    with process_group():
        share: dict[str, Any] = {"rank": rank(), "n_workers": world_size()}
        test_loader = DigitLoader(test, 50, shuffle=False, **share)
        for name in ("lenet5", "mlp"):
            torch.manual_seed(0)
            model = create_model(name).double()  # so that rounding cannot hide a difference, nor make one
            augment = RandomAffine(degrees=10, elastic=0.5)
            loader = DigitLoader(train, 100, shuffle=True, augment=augment, seed=1, **share)
            trained = wrap_ddp(model, loader)
            scores = train_one_epoch(trained, loader, torch.optim.SGD(model.parameters(), lr=0.05))
            found[name] = [model.state_dict(), asdict(scores), asdict(evaluate(trained, test_loader))]
        test_loader.labels = torch.arange(103)  # labels that say which image it is
        seen = all_gather(torch.cat([labels for _, labels in test_loader]))
        found["seen"] = torch.cat(seen).sort().values
        if rank() == 0:
            torch.save(found, output)


@pytest.mark.slow
def test_three_end_with_the_weights_and_scores_of_one_and_see_every_image_once(tmp_path: Path) -> None:
    for count in (1, 3):
        torchrun(count, __file__, str(tmp_path / f"{count}.pt"))
    alone, together = (torch.load(tmp_path / f"{count}.pt", weights_only=True) for count in (1, 3))
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)
    assert torch.equal(together["seen"], torch.arange(103))


def test_shares_of_a_batch_are_nearly_equal_and_complete() -> None:
    digits = load_sample("train")[:205]
    shares = [list(DigitLoader(digits, 100, shuffle=True, seed=3, rank=r, n_workers=4)) for r in range(4)]
    whole = list(DigitLoader(digits, 100, shuffle=True, seed=3))
    for number, (_, labels) in enumerate(whole):
        dealt = [share[number][1] for share in shares]
        assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
        assert [dealt[i % 4][i // 4].item() for i in range(len(labels))] == labels.tolist()
    for own, count in (-1, 2), (2, 2), (0, 0):
        with pytest.raises(ValueError, match="rank: expected 0 to"):
            DigitLoader(digits, 10, shuffle=False, rank=own, n_workers=count)


def test_alone_nothing_is_shared() -> None:
    assert (rank(), world_size(), broadcast("x"), all_gather(3)) == (0, 1, "x", [3])


@pytest.mark.slow
def test_the_command_trains_with_two_workers_and_one_of_them_writes(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = torchrun(2, *RUN, str(folder), "--recipe", "fast")
    assert done.stdout.count("epoch  1") == 1 and done.stdout.count("report  ") == 1
    summary = json.loads((folder / "metrics.json").read_text())
    assert summary["workers"] == 2 and summary["test_accuracy"] > 0.9
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
    reason = r"digitlab: error: (another worker has ended.*|asked to stop); go on with: digitlab"
    assert len(ours) == 1 and re.match(reason, ours[0]), errors
    assert saved_settings(folder).recipe.epochs == 500
    state = load_state(folder / "checkpoint.pt")
    assert len(state["history"]) >= 1 and len(state["random_states"]) == 2
    alone = subprocess.run([sys.executable, *RUN, str(folder), "--resume"], capture_output=True, text=True)
    assert alone.returncode == 2
    assert "was begun by 2 workers: go on with as many" in alone.stderr


if __name__ == "__main__":
    work(sys.argv[1])
