"""The home page in a browser: its figure runs by itself, can be drawn on, and stands still where that is asked for.

Needs what ``test_site`` needs, and is skipped where that is.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_site import Browser, Page, watched

pytestmark = pytest.mark.slow

MAPS = "[...document.querySelectorAll('.home-maps canvas')].map((c) => c.toDataURL()).join()"


@pytest.fixture
def opened(address: str, browser: Browser) -> Iterator[Callable[..., Page]]:
    contexts = []
    problems: list[str] = []

    def open_page(**options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 720}, **options))
        page = contexts[-1].new_page()
        problems.extend(watched(page, address))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems, problems


def test_it_runs_by_itself_and_can_be_paused(opened: Callable[..., Page]) -> None:
    page = opened()
    page.wait_for_function(r"/reads a \d/.test(document.querySelector('[data-part=answer]').textContent)")
    assert page.locator("#home-live").bounding_box()["y"] < 720  # type: ignore[index]
    page.get_by_role("button", name="Pause").click()
    page.wait_for_timeout(1000)  # until the last layer has seen what the first one saw
    one = page.evaluate(MAPS)
    page.wait_for_timeout(300)
    assert page.evaluate(MAPS) == one
    page.get_by_role("button", name="Go on").click()
    page.wait_for_function(f"(one) => {MAPS} !== one", arg=one)


def test_a_reader_draws_on_the_same_paper(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_role("button", name="Draw your own").click()
    box = page.locator(".home-paper canvas").bounding_box()
    assert box is not None
    places = [(0.3, 0.25), (0.7, 0.25), (0.55, 0.55), (0.45, 0.85)]
    for i, (x, y) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=8)
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    page.wait_for_function("document.querySelector('[data-part=answer]').textContent.includes('reads a 7')")
    page.get_by_role("button", name="Go on").click()
    page.wait_for_function("document.querySelector('[data-part=answer]').textContent.includes('reads a 2')")


def test_it_stands_still_where_motion_is_not_wanted(opened: Callable[..., Page]) -> None:
    page = opened(reduced_motion="reduce")
    page.wait_for_function("document.querySelector('[data-part=answer]').textContent.includes('reads a 5')")
    one = page.evaluate(MAPS)
    page.wait_for_timeout(400)
    assert page.evaluate(MAPS) == one
    page.get_by_role("button", name="Another digit").click()
    page.wait_for_function("document.querySelector('[data-part=answer]').textContent.includes('reads a 2')")


def test_without_a_script_and_on_paper_there_is_a_picture(opened: Callable[..., Page]) -> None:
    page = opened(java_script_enabled=False)
    assert page.locator(".home-still img").is_visible() and not page.locator("#home-live").is_visible()
    page = opened()
    page.emulate_media(media="print")
    assert page.locator(".home-still img").is_visible() and not page.locator("#home-live").is_visible()


def test_it_weighs_little(site: Path) -> None:
    page = (site / "index.html").read_text("utf-8")
    own = re.findall(r'(?:src|href)="((?:javascripts|stylesheets)/[^"]+)"', page)
    assert len(own) > 10
    assert sum(len(gzip.compress((site / name).read_bytes())) for name in own) < 120_000
