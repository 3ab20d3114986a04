"""What the tests share: no network, no data but the bundled sample, and one small finished run."""

import os
import socket
from pathlib import Path

# Two tests run at once, on two cores; and a number should not depend on the number of threads that summed it.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest

from digitlab.data import Digits, load_sample
from digitlab.recipes import get_recipe
from digitlab.run import RunSettings, train_run


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only this machine can be reached, and the user's own MNIST is out of sight."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError("the tests have no network")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / "no-data"))


@pytest.fixture(scope="session")
def test_digits() -> Digits:
    return load_sample("test")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one epoch on the sample."""
    from dataclasses import replace

    folder = tmp_path_factory.mktemp("runs") / "finished"
    settings = RunSettings(replace(get_recipe("classic"), epochs=1), source="sample", device="cpu")
    train_run(settings, folder, progress=False)
    return folder
