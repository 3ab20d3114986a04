"""What a learner has tried and solved, in one small JSON file of their own. Never leaves the machine.

A check must work when the disk is full, the home folder is read-only or the file is damaged: then one warning says
that nothing is being kept, and a damaged file stays as it is. Read carefully, for the file may have come from anywhere:
only a regular file, of a limited size, with entries of the kinds that `record` writes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from digitlab.writing import write_whole

_MAX_BYTES = 1 << 20
_MAX_COUNT = 1_000_000
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
    try:
        folder = Path(platformdirs.user_data_dir("digitlab"))
    except Exception:
        folder = Path()
    if not folder.is_absolute():  # a user without a home: "~/.local/share" as it stands
        raise ValueError("you have no home folder: set DIGITLAB_PROGRESS to the path of a file")
    return folder / "progress.json"


def read_progress() -> dict[str, dict[str, Any]]:
    """For each exercise tried: ``attempts``, ``solved``, ``hints`` asked for, ``looked`` (at the solution).

    Raises:
        ValueError: the file is not what `record` writes; the message names it, and what is wrong.
        OSError: it cannot be read.
    """
    path = progress_file()
    try:
        status = path.stat()
    except FileNotFoundError:
        return {}
    if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for, a device has no end
        raise ValueError(f"{path} is not a file: set DIGITLAB_PROGRESS to the path of a file")
    if status.st_size > _MAX_BYTES:
        raise _damaged(path, f"it has {status.st_size:,} bytes")
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES)
    try:
        entries = json.loads(content)
    except (ValueError, RecursionError):
        raise _damaged(path, "it is not JSON") from None
    if (fault := _fault_in(entries)) is not None:
        raise _damaged(path, fault)
    return {number: _NEW_ENTRY | entry for number, entry in entries.items()}


def _damaged(path: Path, fault: str) -> ValueError:
    return ValueError(f"{path} is damaged ({fault}): `digitlab progress --reset` makes a new one")


def _fault_in(entries: object) -> str | None:
    """The first thing in the file's content that `record` does not write."""
    if not isinstance(entries, dict):
        return f"it should hold a dict, not {type(entries).__name__}"
    for number, entry in entries.items():
        if not re.fullmatch(r"[0-9]{2}\.[0-9]{1,2}", number):
            return f"{number[:20]!r} is no exercise's number"
        if not isinstance(entry, dict):
            return f"{number} should be a dict, not {type(entry).__name__}"
        for name, default in _NEW_ENTRY.items():
            value = entry.get(name, default)
            if type(value) is not type(default):  # not isinstance: true is no count
                return f"{number}: {name} should be {type(default).__name__}, not {type(value).__name__}"
            if not 0 <= value <= _MAX_COUNT:
                return f"{number}: {name} should be from 0 to {_MAX_COUNT:,}"
    return None


def record(number: str, *, solved: bool | None = None, hints: int = 0, looked: bool = False) -> None:
    """Note an attempt (``solved`` says how it went), a hint, or a look at the solution. Never raises.

    What keeps it from being noted is told in a warning, once for each reason: not at each of many exercises.
    """
    try:
        path = progress_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            entries = read_progress()
            entry = _NEW_ENTRY | entries.get(number, {})
            if solved is not None:
                entry["attempts"] = min(entry["attempts"] + 1, _MAX_COUNT)
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


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Let two notebooks write one after the other, so that neither loses what the other has noted.

    Where there are no locks (some network folders), or another holds one for too long, it goes on without: then
    what two notebooks write at one instant may be lost, but never the file.
    """
    lock = FileLock(path.parent / f".{path.name}.lock", timeout=_LOCK_SECONDS)
    with contextlib.suppress(OSError, NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def reset_progress() -> None:
    """Forget everything.

    Raises:
        ValueError: what is there is not a file.
        OSError: it cannot be deleted.
    """
    path = progress_file()
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is not a file: set DIGITLAB_PROGRESS to the path of a file")
    path.unlink(missing_ok=True)


def progress_table(titles: dict[str, str]) -> str:
    """Which exercises are solved, lesson by lesson, for a terminal; ``titles`` are by number, in order."""
    entries, lines = read_progress(), []
    for lesson in sorted({number[:2] for number in titles}):
        of_lesson = {number: entries.get(number, {}) for number in titles if number[:2] == lesson}
        n_solved = sum(bool(entry.get("solved")) for entry in of_lesson.values())
        lines.append(f"lesson {lesson}   {n_solved} of {len(of_lesson)} solved")
        for number, entry in of_lesson.items():
            state = "solved" if entry.get("solved") else "tried" if entry.get("attempts") else "open"
            notes = [f"{entry['attempts']} attempts"] if entry.get("attempts", 0) > 1 else []
            notes += [f"{entry['hints']} hints"] if entry.get("hints") else []
            notes += ["solution seen"] if entry.get("looked") else []
            lines.append(
                f"  {number}  {state:<7} {titles[number]}" + (f"  ({', '.join(notes)})" if notes else "")
            )
    n_solved = sum(bool(entries.get(number, {}).get("solved")) for number in titles)
    return "\n".join([*lines, f"{n_solved} of {len(titles)} exercises solved; kept in {progress_file()}"])
