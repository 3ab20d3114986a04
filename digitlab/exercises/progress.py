"""What a learner has tried and solved, in one small JSON file of their own. Never leaves the machine.

A check must work when the disk is full, the home folder is read-only or the file is damaged: then one warning says
that nothing is being kept, and a damaged file stays as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from filelock import FileLock

from digitlab.writing import write_whole

PATIENTS = [f"14.P{number:02}" for number in range(1, 13)]
"""The patients of the bug clinic have their places after the exercises of lesson 14."""

_LOCK_SECONDS = 2.0
_NEW_ENTRY = {"attempts": 0, "solved": False, "hints": 0, "looked": False}
_warned: set[str] = set()


def progress_file() -> Path:
    """``DIGITLAB_PROGRESS`` if set, else ``progress.json`` in the user's data folder.

    Raises:
        ValueError: the system does not know where the user's folders are.
    """
    import platformdirs

    if named := os.environ.get("DIGITLAB_PROGRESS"):
        return Path(named)
    folder = Path(platformdirs.user_data_dir("digitlab"))
    if not folder.is_absolute():  # a user without a home: "~/.local/share" as it stands
        raise ValueError("you have no home folder: set DIGITLAB_PROGRESS to the path of a file")
    return folder / "progress.json"


def read_progress() -> dict[str, dict[str, Any]]:
    """For each exercise tried: ``attempts``, ``solved``, ``hints`` asked for, ``looked`` (at the solution).

    Raises:
        ValueError: the file is not what `record` writes.
        OSError: it cannot be read.
    """
    path = progress_file()
    try:
        entries = {number: _NEW_ENTRY | entry for number, entry in json.loads(path.read_bytes()).items()}
        for name, default in _NEW_ENTRY.items():
            if any(type(entry[name]) is not type(default) for entry in entries.values()):
                raise TypeError
        return entries
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise ValueError(f"{path} is damaged: `digitlab progress --reset` makes a new one") from None


def record(number: str, *, solved: bool | None = None, hints: int = 0, looked: bool = False) -> None:
    """Note an attempt (``solved`` says how it went), a hint, or a look at the solution. Never raises.

    What keeps it from being noted is told in a warning, once for each reason: not at each of many exercises.
    """
    try:
        path = progress_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError, NotImplementedError):  # no locks, or one held too long: without
                stack.enter_context(FileLock(path.parent / f".{path.name}.lock", timeout=_LOCK_SECONDS))
            entries = read_progress()
            entry = _NEW_ENTRY | entries.get(number, {})
            if solved is not None:
                entry["attempts"] += 1
                entry["solved"] = entry["solved"] or solved
            entry["hints"] = max(entry["hints"], hints)
            entry["looked"] = entry["looked"] or looked
            write_whole(path, json.dumps(entries | {number: entry}, indent=1, sort_keys=True).encode())
    except Exception as error:  # whatever it is: the learner's check has nothing to do with it
        reason = str(error)
        if isinstance(error, OSError) and error.strerror:
            reason = f"{path}: {error.strerror}; set DIGITLAB_PROGRESS to the path of another file"
        message = f"your progress is not being kept: {reason}"
        if message not in _warned:
            _warned.add(message)
            try:
                warnings.warn(message, stacklevel=3)
            except UserWarning:  # the learner has made warnings errors
                print(message, file=sys.stderr)


def reset_progress() -> None:
    """Forget everything.

    Raises:
        ValueError: what is there is not a file.
        OSError: it cannot be deleted.
    """
    path = progress_file()
    if path.exists() and not path.is_file():  # as root, /dev/null could be deleted
        raise ValueError(f"{path} is not a file: set DIGITLAB_PROGRESS to the path of a file")
    path.unlink(missing_ok=True)


def progress_table(titles: dict[str, str]) -> str:
    """Which exercises are solved, lesson by lesson, for a terminal; ``titles`` are by number, in order."""
    titles = titles | {number: f"patient {int(number[-2:])} of the bug clinic" for number in PATIENTS}
    entries = dict.fromkeys(titles, _NEW_ENTRY) | read_progress()
    lines, n_solved = [], 0
    for lesson in sorted({number[:2] for number in titles}):
        numbers = [number for number in titles if number[:2] == lesson]
        solved_here = sum(entries[number]["solved"] for number in numbers)
        n_solved += solved_here
        lines.append(f"lesson {lesson}   {solved_here} of {len(numbers)} solved")
        for number in numbers:
            entry = entries[number]
            state = "solved" if entry["solved"] else "tried" if entry["attempts"] else "open"
            notes = [f"{entry['attempts']} attempts"] if entry["attempts"] > 1 else []
            notes += [f"{entry['hints']} hints"] if entry["hints"] else []
            notes += ["solution seen"] if entry["looked"] else []
            noted = f"  ({', '.join(notes)})" if notes else ""
            lines.append(f"  {number}  {state:<7} {titles[number]}{noted}")
    return "\n".join([*lines, f"{n_solved} of {len(titles)} exercises solved; kept in {progress_file()}"])
