"""Kill a training again and again, at random moments, and see whether anything is lost.

    python tests/kill_runs.py --kills 50 --seed 0

Kills ``digitlab train`` on the bundled sample (SIGKILL) and resumes it, up to ten times a run. After each kill the
folder must hold a whole checkpoint or a whole result, and each run must end with the weights and the history of one
that nobody disturbed, to the bit. Everything random takes part: dropout, augmentation, order, schedule. The first
fault ends it, with an `AssertionError`. Not for Windows, which has no SIGKILL.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from digitlab.runs.checkpoint import MODEL_FILE, load_checkpoint
from digitlab.runs.state import STATE_FILE, load_state

# `digitlab train` with everything random in it.
CODE = """
import sys
from dataclasses import replace
from digitlab import recipes
from digitlab.cli import main
changes = {"augment": recipes.get_recipe("best").augment, "schedule": "one_cycle", "epochs": int(sys.argv[1])}
recipes._RECIPES["classic"] = replace(recipes.get_recipe("classic"), **changes)
print("begun", flush=True)
raise SystemExit(main(sys.argv[2:]))
"""


def start(folder: Path, epochs: int) -> subprocess.Popen[str]:
    """The process, which goes on if there is something to resume, once PyTorch is loaded and the work begins."""
    command = [sys.executable, "-c", CODE, str(epochs), "train", "--data", "sample", "--quiet", "--output"]
    resume = ["--resume"] * (folder / STATE_FILE).exists()
    # One thread: two would wait for each other wherever something else is running.
    own: Any = {"env": {**os.environ, "OMP_NUM_THREADS": "1"}, "text": True, "stdout": -1, "stderr": -1}
    process = subprocess.Popen([*command, str(folder), *resume], **own)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


def finish(folder: Path, epochs: int) -> None:
    process = start(folder, epochs)
    _, errors = process.communicate()
    assert process.returncode == 0, f"{folder.name}: status {process.returncode}: {errors.strip()[-300:]}"


def outcome(folder: Path) -> tuple[torch.Tensor, list[dict[str, Any]], set[str]]:
    """The weights, the history without its times, and what lies there."""
    weights = load_checkpoint(folder).model.state_dict().values()
    rows = [{**row, "seconds": 0} for row in json.loads((folder / "history.json").read_text())]
    return torch.cat([tensor.flatten() for tensor in weights]), rows, {path.name for path in folder.iterdir()}


def is_done(folder: Path) -> bool:
    """Whether there is a result, and nothing to resume. Raises if what is there is not whole."""
    if (folder / STATE_FILE).exists():
        epochs = [row["epoch"] for row in load_state(folder / STATE_FILE)["history"]]
        assert epochs == list(range(1, len(epochs) + 1)), f"{folder.name}: a gap or a double row: {epochs}"
        return False
    return (folder / MODEL_FILE).exists() and bool(outcome(folder))


def run_campaign(n_kills: int, seed: int, epochs: int, work: Path) -> tuple[int, int]:
    """Kill so many times; everything is written into ``work``. Returns the numbers of kills and runs."""
    moments, started = random.Random(seed), time.monotonic()
    finish(work / "undisturbed", epochs)
    duration = time.monotonic() - started
    weights, history, names = outcome(work / "undisturbed")
    n_killed = n_runs = 0
    while n_killed < n_kills:
        n_runs += 1
        folder = work / f"run-{n_runs}"
        for _ in range(min(10, n_kills - n_killed)):
            process = start(folder, epochs)
            time.sleep(moments.uniform(0, duration / 3))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            n_killed += process.returncode == -signal.SIGKILL
            if is_done(folder):
                break
        else:
            finish(folder, epochs)
        their_weights, their_history, their_names = outcome(folder)
        assert torch.equal(weights, their_weights), f"{folder.name}: other weights"
        assert their_history == history, f"{folder.name}: another history: {their_history}"
        assert their_names == names, f"{folder.name}: holds {sorted(their_names)}"
    return n_killed, n_runs


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(
            "{} kills in {} runs".format(
                *run_campaign(options.kills, options.seed, options.epochs, Path(folder))
            )
        )
    print("every run ended with the weights and the history of the undisturbed one")
