"""Run a learner's code for at most so many seconds, so that a loop without an end does not take the notebook with it.

The code runs in a thread of its own while the notebook's waits. When the time is up, an exception is raised in that
thread: it can never strike the notebook, however late it comes; an interrupt from the keyboard still reaches the
notebook; and it is the same on every system. What PyTorch and NumPy keep for each thread (gradient mode, autocast,
default device, error settings) ends with the thread.

What it cannot end: a single call that does not come back to Python. One that lets other threads run, as `time.sleep`
does, is left behind and ends when it returns. One that does not, as `sum(itertools.count())`, stops the kernel. Nor
can it end, for sure, a loop that catches everything (a bare `except:`): it is struck twenty times, and then the
learner is told to restart.
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable
from typing import Any

_STEP = 0.05  # Ctrl-C does not get through a longer wait on Windows
_INSIST_STEPS = 20


class _End(SystemExit):
    """Ends a thread. `except Exception` lets it through, and `threading` prints nothing about a SystemExit."""


def within_seconds(seconds: float, run: Callable[[], Any]) -> Any:
    """What ``run()`` returns or raises.

    Raises:
        TimeoutError: it had not finished in time; the message tells the learner what to look for.
    """
    results: list[Any] = []
    errors: list[BaseException] = []

    ended = threading.Event()  # not join(): interrupted, it takes a thread for stopped that is not

    def work() -> None:
        with contextlib.suppress(_End):  # struck once more, while it was ending
            try:
                results.append(run())
            except BaseException as error:
                errors.append(error)
            finally:
                ended.set()

    def has_finished() -> bool:
        return bool(results or errors) or not worker.is_alive()

    worker = threading.Thread(target=work, name="a learner's answer", daemon=True)
    end = time.monotonic() + seconds
    try:
        worker.start()
        while not has_finished() and time.monotonic() < end:
            ended.wait(_STEP)
        is_late = not has_finished()
    finally:  # an interrupt from the keyboard ends it, too
        for _ in range(_INSIST_STEPS):  # more than once: a bare `except:` may catch it
            if has_finished():
                break
            _raise_in(worker)
            ended.wait(_STEP)
    if is_late:  # what it returned or raised since then, it did because of the exception
        message = f"your code had not finished after {seconds:g} seconds: is there a loop that never ends?"
        if not has_finished():
            message += " It is still at it: restart the kernel if the notebook is slow from now on."
        raise TimeoutError(message)
    if errors:
        raise errors[0]
    return results[0]


def _raise_in(worker: threading.Thread) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(worker.ident or 0), ctypes.py_object(_End))
