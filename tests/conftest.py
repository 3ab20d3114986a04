"""What the tests share: no network, no data but the bundled sample, one small finished run, and the built site."""

import functools
import http.server
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

# Two tests run at once, on two cores; and a number should not depend on the number of threads that summed it.
os.environ["OMP_NUM_THREADS"] = "1"
# In a background job the interrupt is ignored, and programs that are started inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

import pytest
from browsing import CHROMIUM, Page, QuietHandler, build, skip_without_site, watch

from digitlab.data import Digits, load_sample
from digitlab.recipes import get_recipe
from digitlab.runs.run import train_run
from digitlab.runs.state import RunSettings


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only this machine can be reached, and the user's own MNIST and progress are out of sight."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise OSError("the tests have no network")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path / "no-data"))
    monkeypatch.setenv("DIGITLAB_PROGRESS", str(tmp_path / "learner" / "progress.json"))


@pytest.fixture(scope="session")
def test_digits() -> Digits:
    return load_sample("test")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one epoch on the sample."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    settings = RunSettings(replace(get_recipe("classic"), epochs=1), source="sample", device="cpu")
    train_run(settings, folder, progress=False)
    return folder


# --- the built site, and one browser for it ---


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"site", "browser"} & {*getattr(item, "fixturenames", ())}:
            item.add_marker("slow")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    skip_without_site()
    if named := os.environ.get("DIGITLAB_SITE"):
        return Path(named)
    return built(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="session")
def offline_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # With a repository's address, because the theme would then ask GitHub for its stars.
    repository = "https://github.com/example/digitlab"
    return built(tmp_path_factory.mktemp("offline"), OFFLINE="true", REPOSITORY_URL=repository)


def built(target: Path, **environment: str) -> Path:
    done = build(target, **environment)
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    handler = functools.partial(QuietHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    skip_without_site()
    from playwright.sync_api import sync_playwright

    switched_off = ["gpu", "quic", "background-networking", "component-update", "sync"]
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in switched_off)]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(address: str, browser: Any) -> Iterator[Callable[..., Page]]:
    """Opens pages, of the site if no other address is given; none may complain, unless that is the point."""
    contexts: list[Any] = []
    problems: list[str] = []

    def opened(path: str = "", script: str = "", complains: bool = False, **options: Any) -> Page:
        contexts.append(browser.new_context(**{"reduced_motion": "reduce", **options}))
        page = contexts[-1].new_page()
        watch(page, address, [] if complains else problems)
        page.add_init_script(script)
        page.goto(urljoin(address, path))
        return page

    yield opened
    for context in contexts:
        context.pages[0].wait_for_timeout(50)  # for what comes late
        context.close()
    assert not problems, "\n".join(problems)


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """The playground."""
    return open_page("playground/")
