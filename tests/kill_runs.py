"""Kill a training again and again, at random moments, and see whether anything is lost.

    python tests/kill_runs.py --kills 50 --seed 0

Runs ``digitlab train`` on the bundled sample, kills it (SIGKILL) at a random moment, resumes it, kills it again,
until it has been killed ten times or is done; then the next run, until there have been as many kills as asked
for. After each kill the folder must hold a whole checkpoint or a whole result; and each run must end with the
weights and the history of a run that nobody disturbed, to the bit. Everything random takes part: dropout,
augmentation, order, schedule.

Exit status 1 if anything was lost. Not for Windows, which has no SIGKILL. A short campaign is part of the tests.
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
from collections.abc import Callable
from dataclasses import dataclass, field
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


@dataclass
class Campaign:
    """What came of it."""

    n_kills: int = 0
    n_runs: int = 0
    faults: list[str] = field(default_factory=list)


def start(folder: Path, epochs: int, *options: str) -> subprocess.Popen[str]:
    """The process, once Python and PyTorch are loaded and the work begins."""
    command = [sys.executable, "-c", CODE, str(epochs), "train", "--data", "sample", "--quiet", *options]
    # One thread: two would wait for each other wherever something else is running.
    own: Any = {"env": {**os.environ, "OMP_NUM_THREADS": "1"}, "text": True, "stdout": -1, "stderr": -1}
    process = subprocess.Popen([*command, "--output", str(folder)], **own)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


def finish(process: subprocess.Popen[str]) -> str | None:
    """Wait for the end; what went wrong, or ``None``."""
    _, errors = process.communicate()
    return None if process.returncode == 0 else f"status {process.returncode}: {errors.strip()[-300:]}"


def outcome(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The weights, and the history without its times."""
    rows = json.loads((folder / "history.json").read_text())
    return load_checkpoint(folder).model.state_dict(), [{**row, "seconds": 0} for row in rows]


def look_at(folder: Path) -> bool:
    """Whether there is something to resume. Raises if it is not whole."""
    if not (folder / STATE_FILE).exists():
        if (folder / MODEL_FILE).exists():
            outcome(folder)
        return False
    state = load_state(folder / STATE_FILE)
    epochs = [row["epoch"] for row in state["history"]]
    assert epochs == list(range(1, len(epochs) + 1)), f"a gap or a double row: {epochs}"
    return True


def run_campaign(n_kills: int, seed: int, epochs: int, work: Path) -> Campaign:
    """Kill so many times. Everything is written into ``work``."""
    moments, done, undisturbed = random.Random(seed), Campaign(), work / "undisturbed"
    started = time.monotonic()
    assert (fault := finish(start(undisturbed, epochs))) is None, fault
    duration = time.monotonic() - started
    while done.n_kills < n_kills and not done.faults:
        done.n_runs += 1
        try:
            kill_one_run(
                work / f"run-{done.n_runs}", n_kills, epochs, lambda: moments.uniform(0, duration / 3), done
            )
            compare(work / f"run-{done.n_runs}", undisturbed)
        except Exception as error:
            done.faults.append(f"run {done.n_runs}, kill {done.n_kills}: {error}")
    return done


def kill_one_run(
    folder: Path, n_kills: int, epochs: int, moment: Callable[[], float], done: Campaign
) -> None:
    """Up to ten times; then it may end."""
    in_progress = False
    for _ in range(min(10, n_kills - done.n_kills)):
        process = start(folder, epochs, *["--resume"] * in_progress)
        time.sleep(moment())
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done.n_kills += process.returncode == -signal.SIGKILL
        in_progress = look_at(folder)
        if (folder / MODEL_FILE).exists() and not in_progress:
            return
    fault = finish(start(folder, epochs, *["--resume"] * in_progress))
    assert fault is None, fault


def compare(folder: Path, undisturbed: Path) -> None:
    (weights, history), (their_weights, their_history) = outcome(undisturbed), outcome(folder)
    assert all(torch.equal(weights[name], their_weights[name]) for name in weights), "other weights"
    assert their_history == history, f"another history: {their_history}"
    names, expected = ({path.name for path in each.iterdir()} for each in (folder, undisturbed))
    assert names == expected, f"holds {sorted(names)}"


def main() -> int:
    """Read the arguments, run the campaign, say what came of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        done = run_campaign(options.kills, options.seed, options.epochs, Path(work))
    print(f"{done.n_kills} kills in {done.n_runs} runs")
    print("\n".join(done.faults) or "every run ended with the weights and the history of the undisturbed one")
    return 1 if done.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
