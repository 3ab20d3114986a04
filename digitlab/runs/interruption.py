"""What may stop a run from outside, and how no harm comes of it.

A second run in the same folder is kept out. A request to stop (Ctrl-C, a closed terminal, a machine that shuts
down) waits until the batch in hand is done and saved. What cannot wait, a killed process or a power cut, finds
the files whole, because `digitlab.writing.write_whole` wrote them; what it leaves behind is removed by the next
run. This file knows neither models nor data.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout

from digitlab.writing import remove_leftovers

_REQUESTS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class RunError(ValueError):
    """A run's folder cannot be used as asked. The message is one line and says what to do."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked the run to stop, and it has saved what it had.

    Attributes:
        signal: the number of the signal; a command that ends because of it has exit status 128 + this.
    """

    def __init__(self, number: int) -> None:
        super().__init__("interrupted" if number == signal.SIGINT else "asked to stop")
        self.signal = number


@contextmanager
def hold_signals() -> Iterator[list[int]]:
    """Inside, a request to stop is only noted, in the list that this gives; a second one stops at once.

    Does nothing in a thread that is not the main one, because signals do not go there.

    Examples:
        >>> with hold_signals() as requests:
        ...     signal.raise_signal(signal.SIGINT)
        ...     len(requests)
        1
    """
    requests: list[int] = []
    earlier: dict[int, Any] = {}

    def note(number: int, _frame: FrameType | None) -> None:
        requests.append(number)
        for each, handler in earlier.items():
            signal.signal(each, handler)

    if threading.current_thread() is threading.main_thread():
        for number in _REQUESTS:
            handler = signal.getsignal(number)
            if handler not in (signal.SIG_IGN, None):  # as under nohup: then it is to be ignored here, too
                earlier[number] = handler
                signal.signal(number, note)
    try:
        yield requests
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder. The operating system lifts the lock however this process ends.

    Raises:
        RunError: another run is in it.
        OSError: the folder cannot be written to.
    """
    path = folder / ".lock"
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunError(f"another run is using {folder}: wait for it, or choose another --output") from None
    try:
        remove_leftovers(folder)
        yield
    finally:
        lock.release()
        path.unlink(missing_ok=True)
