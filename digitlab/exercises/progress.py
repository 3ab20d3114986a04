"""What a learner has tried and solved, in one small JSON file of their own. Never leaves the machine.

A check must work when the disk is full or the home folder is read-only: then one warning says that nothing is
being kept.
"""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

from digitlab.files import write_whole

_MAX_BYTES = 1 << 20


def progress_file() -> Path:
    """``DIGITLAB_PROGRESS`` if set, else ``progress.json`` in the user's data folder."""
    import platformdirs

    named = os.environ.get("DIGITLAB_PROGRESS")
    return Path(named) if named else Path(platformdirs.user_data_dir("digitlab")) / "progress.json"


def read_progress() -> dict[str, dict[str, Any]]:
    """For each exercise tried: ``attempts``, ``solved``, ``hints`` asked for, ``looked`` (at the solution).

    Raises:
        ValueError: the file is not what `record` writes; the message names it.
    """
    path = progress_file()
    if not path.exists():
        return {}
    fault = f"{path} is damaged: `digitlab progress --reset` makes a new one"
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(fault)
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ValueError(fault) from None
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise ValueError(fault)
    return entries


def record(number: str, *, solved: bool | None = None, hints: int = 0, looked: bool = False) -> None:
    """Note an attempt (``solved`` says how it went), a hint, or a look at the solution. Never raises."""
    try:
        entries = read_progress()
        entry = {"attempts": 0, "solved": False, "hints": 0, "looked": False} | entries.get(number, {})
        if solved is not None:
            entry["attempts"] = int(entry["attempts"]) + 1
            entry["solved"] = bool(entry["solved"]) or solved
        entry["hints"] = max(int(entry["hints"]), hints)
        entry["looked"] = bool(entry["looked"]) or looked
        path = progress_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(entries | {number: entry}, indent=1, sort_keys=True).encode())
    except (OSError, ValueError, TypeError) as error:
        warnings.warn(f"your progress is not being kept: {error}", stacklevel=3)


def reset_progress() -> None:
    """Forget everything."""
    progress_file().unlink(missing_ok=True)
