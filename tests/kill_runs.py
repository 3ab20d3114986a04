"""Kill a training again and again, at random moments, and see whether anything is lost.

    python tests/kill_runs.py 50

Kills ``digitlab train`` on the bundled sample (SIGKILL) and resumes it, up to ten times a run. Each run must end with
the weights and the history of one that nobody disturbed, to the bit. Everything random takes part: dropout,
augmentation, order, schedule. The first fault ends it, with an `AssertionError`. Not for Windows, which has no SIGKILL.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from digitlab.runs.checkpoint import MODEL_FILE, load_checkpoint
from digitlab.runs.state import STATE_FILE

# `digitlab train` with everything random in it.
CODE = """
import sys
from dataclasses import replace
from digitlab import recipes
from digitlab.cli import main
changes = {"augment": recipes.get_recipe("best").augment, "schedule": "one_cycle", "epochs": 6}
recipes._RECIPES["classic"] = replace(recipes.get_recipe("classic"), **changes)
print("begun", flush=True)
raise SystemExit(main(["train", "--data", "sample", "--quiet", "--output", *sys.argv[1:]]))
"""


def start(folder: Path) -> subprocess.Popen[str]:
    """The process, which goes on if there is something to resume, once PyTorch is loaded and the work begins."""
    resume = ["--resume"] * (folder / STATE_FILE).exists()
    # One thread: two would wait for each other wherever something else is running.
    own: Any = {"env": {**os.environ, "OMP_NUM_THREADS": "1"}, "text": True, "stdout": -1}
    process = subprocess.Popen([sys.executable, "-c", CODE, str(folder), *resume], **own)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


def finish(folder: Path) -> tuple[list[float], list[dict[str, Any]], set[str]]:
    """Let it end; the weights, the history without its times, and what lies there."""
    if not (folder / MODEL_FILE).exists() or (folder / STATE_FILE).exists():
        assert start(folder).wait() == 0, folder.name
    weights = torch.cat([each.flatten() for each in load_checkpoint(folder).model.state_dict().values()])
    rows = [{**row, "seconds": 0} for row in json.loads((folder / "history.json").read_text())]
    return weights.tolist(), rows, {path.name for path in folder.iterdir()}


def run_campaign(n_kills: int, work: Path) -> None:
    """Kill so many times; everything is written into ``work``."""
    moments, started = random.Random(0), time.monotonic()
    undisturbed = finish(work / "undisturbed")
    duration = time.monotonic() - started
    n_killed = n_runs = 0
    while n_killed < n_kills:
        n_runs += 1
        folder = work / f"run-{n_runs}"
        for _ in range(min(10, n_kills - n_killed)):
            process = start(folder)
            time.sleep(moments.uniform(0, duration / 3))
            process.kill()
            n_killed += process.wait() < 0
            if (folder / MODEL_FILE).exists() and not (folder / STATE_FILE).exists():
                break
        assert finish(folder) == undisturbed, f"{folder.name} ended otherwise"
        print(f"{n_killed} kills in {n_runs} runs: each ended as the undisturbed one")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run_campaign(int(sys.argv[1]), Path(folder))
