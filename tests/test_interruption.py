"""Requests to stop, and kills. What a run makes of them is in test_run.py, too."""

import os
import signal
import threading
from pathlib import Path

import pytest
from kill_runs import run_campaign

from digitlab.runs.interruption import RunError, alone_in, hold_signals
from digitlab.writing import write_whole


def test_a_request_is_held_and_the_handler_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with hold_signals() as requests:
        signal.raise_signal(signal.SIGTERM)
    assert requests == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_another_thread_nothing_is_held() -> None:
    found: list[object] = []

    def hold() -> None:
        with hold_signals() as requests:
            found.append(signal.getsignal(signal.SIGINT))
            found.append(requests)

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT), []]


def test_a_second_request_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), hold_signals() as requests:
        signal.raise_signal(signal.SIGINT)
        assert requests == [signal.SIGINT]
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with hold_signals() as requests:
            signal.raise_signal(signal.SIGTERM)
        assert requests == [] and signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_folder_has_room_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_descriptor: int) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:  # a write that a killed process could not clean up after
        patch.setattr(os, "fsync", killed)
        patch.setattr(Path, "unlink", lambda *_args, **_kwargs: None)
        with pytest.raises(SystemExit):
            write_whole(tmp_path / "model.pt", b"half")
    (tmp_path / "notes-of-mine.txt").touch()
    assert len(list(tmp_path.iterdir())) == 2
    with alone_in(tmp_path):
        assert {path.name for path in tmp_path.iterdir()} == {"notes-of-mine.txt", ".lock"}
        with pytest.raises(RunError, match="another run is using"), alone_in(tmp_path):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["notes-of-mine.txt"]
    with alone_in(tmp_path):
        pass


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
@pytest.mark.parametrize("epochs", [1, 2])
def test_a_run_killed_again_and_again_ends_as_if_undisturbed(epochs: int, tmp_path: Path) -> None:
    """Two kills; `python tests/kill_runs.py` does fifty."""
    done = run_campaign(2, seed=epochs, epochs=epochs, work=tmp_path)
    assert done.faults == ()
    assert done.n_kills == 2
