"""The home page in a browser: its figure runs by itself, can be drawn on, and stands still where that is asked for."""

import re
from collections.abc import Callable

import pytest
from browsing import SHIFTS, Page, box_of, stroke

Open = Callable[..., Page]
MAPS = "[...document.querySelectorAll('.home-maps canvas')].map((c) => c.toDataURL()).join()"


def says(page: Page, words: str | re.Pattern[str]) -> None:
    """Wait until the figure says it."""
    page.locator("[data-part=answer]", has_text=words).wait_for()


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def test_it_runs_by_itself_can_be_paused_and_drawn_on(open_page: Open) -> None:
    page = open_page(reduced_motion="no-preference")
    says(page, "reads a ")
    assert box_of(page, "#home-live")["y"] < 720
    press(page, "Pause")
    page.wait_for_timeout(1000)  # until the last layer has seen what the first one saw
    one = page.evaluate(MAPS)
    page.wait_for_timeout(300)
    assert page.evaluate(MAPS) == one
    press(page, "Go on")
    page.wait_for_function(f"(one) => {MAPS} !== one", arg=one)
    press(page, "Draw your own")
    stroke(page, ".home-paper canvas", [(0.3, 0.25), (0.7, 0.25), (0.55, 0.55), (0.45, 0.85)])
    says(page, "reads a 7")
    press(page, "Go on")
    says(page, re.compile("reads a [^7]"))


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_jumps_and_it_stands_still_where_motion_is_not_wanted(open_page: Open, width: int) -> None:
    page = open_page(script=SHIFTS, viewport={"width": width, "height": 800})
    says(page, "reads a 5")
    one = page.evaluate(MAPS)
    page.wait_for_timeout(500)
    assert page.evaluate(MAPS) == one
    assert page.evaluate("shifted") < 0.1  # what Lighthouse calls good
    press(page, "Another digit")
    says(page, "reads a 2")


@pytest.mark.parametrize("media", ["without a script", "on paper"])
def test_without_a_script_and_on_paper_there_is_a_picture(open_page: Open, media: str) -> None:
    page = open_page(java_script_enabled=media == "on paper")
    if media == "on paper":
        page.emulate_media(media="print")
    assert page.is_visible(".home-still img") and not page.is_visible("#home-live")
