"""What the tests of the built site share: a page under watch, a hand that draws on it, and what is read off it.

They need ``pip install -e ".[site]"`` and a Chromium, and are skipped without, unless ``DIGITLAB_SITE_TESTS`` is set,
which makes a missing piece an error. Best run with ``-n 0``, so that one built site serves all. ``DIGITLAB_SITE``
names a site that was built with its lessons run; without it one is built here, without running them.
"""

import base64
import http.server
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}}
SEVEN = [(70, 60), (200, 60), (180, 110), (140, 170), (115, 235)]
"""A seven, in pixels of the playground's drawing, which is 280 wide."""
SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shifted += entry.value)))
  .observe({ type: "layout-shift", buffered: true });"""
"""Notes, before a page loads, how far what is on it jumps."""
Page = Any
"""Playwright's, which may not be installed."""


def skip_without_site() -> None:
    if not os.environ.get("DIGITLAB_SITE_TESTS"):
        for module in ("mkdocs", "material", "mkdocs_jupyter", "mkdocstrings", "latex2mathml", "playwright"):
            pytest.importorskip(module, reason='needs pip install -e ".[site]"')
        if CHROMIUM is None:
            pytest.skip("needs Chromium")


def build(target: Path, root: Path = REPOSITORY, **environment: str) -> subprocess.CompletedProcess[str]:
    skip_without_site()
    surroundings = {**os.environ, "DOCS_EXECUTE": "false", "NO_MKDOCS_2_WARNING": "1", **environment}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    return subprocess.run(command, cwd=root, env=surroundings, capture_output=True, text=True)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def watch(page: Page, address: str, problems: list[str]) -> None:
    """Note what goes wrong on a page while it is used; requests to other hosts are refused and noted."""

    def note(what: str) -> None:
        problems.append(f"{page.url}: {what}")

    def look(route: Any) -> None:
        if route.request.url.startswith((address, "file:", "data:", "blob:")):
            route.continue_()
        else:
            note(f"asked for {route.request.url}")
            route.abort()

    page.route("**/*", look)
    page.on("console", lambda m: note(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: note(str(error)))
    # ERR_ABORTED: the page was left before its icon had come.
    page.on("requestfailed", lambda r: note(f"no {r.url}") if r.failure != "net::ERR_ABORTED" else None)
    page.on("response", lambda r: note(f"{r.status}: {r.url}") if r.status >= 400 else None)


def barriers(page: Page, within: Any = None, options: Any = None) -> list[str]:
    """What axe finds that keeps somebody from using a page."""
    from axe_playwright_python.sync_playwright import Axe

    rules = Axe().run(page, within, options).response["violations"]
    return [f"{page.url}: {rule['id']}: {node['html'][:200]}" for rule in rules for node in rule["nodes"][:3]]


def settle(page: Page) -> None:
    """Until all that was done is on the screen."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def box_of(page: Page, selector: str) -> dict[str, float]:
    box = page.locator(selector).bounding_box()
    assert box is not None, f"{selector} is not shown"
    return dict(box)


def stroke(page: Page, selector: str, points: list[tuple[float, float]], lift: bool = True) -> None:
    """Draw with the mouse; the points are parts of the width of what is drawn on."""
    page.locator(selector).scroll_into_view_if_needed()
    box = box_of(page, selector)
    for i, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["width"], steps=4 if i else 1)
        if i == 0:
            page.mouse.down()
    if lift:
        page.mouse.up()


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    """A stroke on the playground's paper."""
    stroke(page, "#play-canvas", [(x / 280, y / 280) for x, y in points])


def reading(page: Page) -> str:
    """What the playground reads, once all that was drawn has been through the network."""
    settle(page)
    return str(page.inner_text("#play-reading"))


def given_pixels(page: Page) -> bytes:
    """What the playground's network is given, read off the page."""
    settle(page)
    png = page.evaluate("document.querySelector('#play-input canvas').toDataURL()").partition(",")[2]
    return Image.open(io.BytesIO(base64.b64decode(png))).convert("L").tobytes()
