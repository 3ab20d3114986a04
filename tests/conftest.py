"""What the tests share: no network, no data but the bundled sample, one small finished run, and the built site."""

import functools
import http.server
import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Two tests run at once, on two cores; and a number should not depend on the number of threads that summed it.
os.environ["OMP_NUM_THREADS"] = "1"
# In a background job the interrupt is ignored, and programs that are started inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest

from digitlab.data import Digits, load_sample
from digitlab.recipes import get_recipe
from digitlab.runs.run import train_run
from digitlab.runs.state import RunSettings


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


# --- the built site and one browser, for `test_site` and `test_playground` ---


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from test_site import build

    if named := os.environ.get("DIGITLAB_SITE"):
        return Path(named)
    target = tmp_path_factory.mktemp("site")
    done = build(target)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="session")
def offline_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from test_site import build

    target = tmp_path_factory.mktemp("offline")
    # With a repository's address, because the theme would then ask GitHub for its stars.
    done = build(target, OFFLINE="true", REPOSITORY_URL="https://github.com/example/digitlab")
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    from test_site import QuietHandler

    handler = functools.partial(QuietHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright
    from test_site import CHROMIUM

    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()
