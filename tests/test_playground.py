"""The playground page, used as people use it: with a mouse, a finger, the keyboard alone, and with bad intentions.

What the page computes and says is in ``test_engine``.
"""

import io
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from browsing import PHONE, SEVEN, SHIFTS, Page, barriers, box_of, draw, given_pixels, press, reading
from PIL import Image

from digitlab.export import playground_script
from digitlab.runs.checkpoint import load_shipped_model

Open = Callable[..., Page]


def touch(fingers: Any, kind: str, time: float, *points: tuple[float, float]) -> None:
    """At a time in seconds, and at points of the screen."""
    at = [{"x": x, "y": y} for x, y in points]
    fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at, "timestamp": time})


# --- drawing ---


def test_a_digit_drawn_with_the_mouse_is_read_announced_undone_and_replayed(page: Page) -> None:
    assert reading(page).startswith("Looks like 3")  # the page's own digit, which goes
    draw(page, SEVEN)
    first = reading(page), given_pixels(page)
    assert re.fullmatch(r"Looks like 7, (> )?\d+ %", first[0])
    page.locator("#play-say[aria-live=polite]", has_text="Looks like 7").wait_for(state="attached")
    assert page.locator(".play-best th").all_inner_texts() == ["7"]
    draw(page, [(60, 150), (200, 150)])
    assert given_pixels(page) != first[1]
    press(page, "Control+z")
    assert (reading(page), given_pixels(page)) == first
    page.click("#play-replay")
    page.wait_for_function("digitlab.playground.state.replay === null")
    assert (reading(page), given_pixels(page)) == first
    page.click("#play-undo")
    assert reading(page) == "Draw a digit"


def test_a_digit_drawn_with_the_keyboard_alone_is_read(page: Page) -> None:
    while page.evaluate("document.activeElement.id") != "play-canvas":
        press(page, "Tab")
    assert page.is_visible("#play-cursor")
    press(page, *8 * ["ArrowUp"], *6 * ["ArrowLeft"], " ", *12 * ["ArrowRight"])
    press(page, *8 * ["ArrowDown", "ArrowDown", "ArrowLeft"], " ")
    assert reading(page).startswith("Looks like 7")
    before = given_pixels(page)
    press(page, "ArrowRight", "ArrowRight")  # the pen is lifted: nothing more is drawn
    assert given_pixels(page) == before
    press(page, "Delete")
    assert reading(page) == "Draw a digit"


def test_every_control_is_reached_by_keyboard_and_shows_it(page: Page) -> None:
    """With few stops of the tab key: within a group the arrow keys go on."""
    page.focus("#play-canvas")
    press(page, "Shift+Tab")  # the button before
    stops = 0
    while page.evaluate("document.activeElement.closest('.play') !== null"):
        stops += 1
        shown = page.evaluate(
            """(() => { const e = document.activeElement.closest('.play-file') || document.activeElement;
               return getComputedStyle(e).outlineStyle !== 'none'; })()"""
        )
        assert shown, page.evaluate("document.activeElement.outerHTML")
        press(page, "Tab")
    assert 10 < stops <= 20
    page.focus("[data-layer=conv1] >> nth=0")
    for key, times, there in (("ArrowDown", 9, "conv1, map 9"), ("ArrowRight", 5, "pool2, map 19")):
        press(page, *times * [key])
        assert page.evaluate("document.activeElement.ariaLabel") == there


def test_a_finger_draws_on_a_phone(open_page: Open) -> None:
    page = open_page("playground/", **PHONE, has_touch=True, is_mobile=True, reduced_motion="no-preference")
    paper, clear = box_of(page, "#play-canvas"), box_of(page, "#play-clear")
    assert paper["width"] > 300
    # Chromium takes a quick stroke for a fling, and lets the next tap do nothing but stop it.
    fingers, start = page.context.new_cdp_session(page), page.evaluate("Date.now() / 1000")
    scale = paper["width"] / 280
    corners = np.array([(paper["x"] + x * scale, paper["y"] + y * scale) for x, y in SEVEN])
    points = np.concatenate([np.linspace(*ends, 5) for ends in pairwise(corners)]).tolist()
    touch(fingers, "touchStart", start, points[0])
    for i, point in enumerate(points):
        touch(fingers, "touchMove", start + 0.008 * i, point)
    touch(fingers, "touchEnd", start + 0.16)
    touch(fingers, "touchStart", start + 0.2, (clear["x"] + 10, clear["y"] + 10))
    touch(fingers, "touchEnd", start + 0.25)
    page.locator("#play-reading", has_text="Draw a digit").wait_for(timeout=2000)
    page.locator("#play-undo").tap()
    assert reading(page).startswith("Looks like 7")
    assert page.evaluate("scrollY") == 0
    sizes = "all => all.map((e) => [e.offsetWidth, e.offsetHeight, e.outerHTML])"
    for layer in ("input", "conv1", "pool1", "conv2", "pool2", "fc1", "fc2"):
        page.locator(f"[data-layer={layer}]").first.tap()
        page.locator(f"[data-layer={layer}][aria-pressed=true]").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, layer
    for width, height, html in page.locator("#playground button:visible").evaluate_all(sizes):
        assert min(width, height) >= 24, html


# --- on one screen ---

REACTS = ["#play-canvas", "#play-reading", "#play-bars"]
LAYERS = [f"[data-layer={layer}] >> nth=-1" for layer in ("conv1", "pool1", "conv2", "pool2", "fc1")]
EVERYTHING = [*REACTS, *LAYERS, "#play-why", "#play-unit"]
SCREENS = [(1280, 720, EVERYTHING), (768, 1024, EVERYTHING[:-1]), (360, 740, REACTS)]


def on_screen(page: Page, selector: str) -> dict[str, float]:
    box, size = box_of(page, selector), page.viewport_size
    assert 0 <= box["x"] <= size["width"] - box["width"], selector
    assert 0 <= box["y"] <= size["height"] - box["height"], selector
    return box


@pytest.mark.parametrize("width, height, parts", SCREENS)
def test_what_reacts_is_on_the_first_screen_and_does_not_jump(
    open_page: Open, width: int, height: int, parts: list[str]
) -> None:
    page = open_page("playground/", SHIFTS, viewport={"width": width, "height": height})
    assert reading(page).startswith("Looks like 3")
    for part in parts:
        on_screen(page, part)
    page.wait_for_timeout(500)
    assert page.evaluate("shifted") < 0.1  # what Lighthouse calls good
    if width == 360:  # further down a phone's result stays in sight
        page.mouse.wheel(0, 700)
        page.wait_for_function("scrollY > 500")
        assert all(on_screen(page, part)["y"] < 200 for part in REACTS[1:])


def test_a_teachers_five_minutes(page: Page) -> None:
    """Draw, follow one number to the pixels, occlude, switch the centring off: without scrolling."""

    def click(selector: str) -> None:
        """As a hand does: only what is on the screen can be pressed."""
        box = on_screen(page, selector)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    draw(page, SEVEN)
    assert reading(page).startswith("Looks like 7")
    click("#play-bars [data-map='7']")
    assert "The score of 7 is" in page.inner_text("#play-unit")
    for layer in ("fc1, ", "pool2, ", "conv2, ", "pool1, ", "conv1, ", "Pixel in row "):
        click(f"#play-sum [data-unit] >> nth={12 if 'Pixel' in layer else 0}")
        assert page.inner_text("#play-unit").startswith(layer)
    assert page.inner_text("#play-trail").count("←") == 6
    click("input[value=occlusion]")
    page.locator("#play-why-text", has_text="without what is here, the score of 7 falls").wait_for()
    page.select_option("#play-target", "6")
    assert page.is_checked("input[value=towards]")
    assert "from 7 towards 6" in page.inner_text("#play-why-text")
    click("#play-clear")
    page.select_option("#play-pen", "6")
    draw(page, [(5 + 0.3 * x, 195 + 0.3 * y) for x, y in SEVEN])
    for right in (True, False):
        assert reading(page).startswith("Looks like 7") == right
        assert ("Off" in page.inner_text("#play-normalise-note")) != right
        click("#play-normalise")
    assert page.evaluate("scrollY") == 0


def test_the_projector_shows_the_network_large_and_nothing_else(page: Page) -> None:
    text = "parseFloat(getComputedStyle(document.querySelector('#play-unit')).fontSize)"
    before = page.evaluate(text)
    press(page, "F2")
    assert page.evaluate(text) >= 1.2 * before
    for gone in (".md-header", ".md-footer", "h1", "#play-presets", ".play-model", ".play-story"):
        assert page.is_hidden(gone), gone
    for part in (*REACTS, *LAYERS, "#play-unit"):
        on_screen(page, part)
    page.click("#play-projector[aria-pressed=true]")
    assert page.is_visible("h1")


# --- looking inside ---


@pytest.fixture
def five(page: Page) -> Page:
    page.click("#play-presets button >> nth=5")
    return page


def test_a_unit_shows_where_it_comes_from_and_arrow_keys_and_clicks_choose_another(five: Page) -> None:
    five.click("[data-layer=input]")
    assert "255 of 255" in five.inner_text("#play-unit")
    five.focus("[data-layer=conv2] >> nth=4")
    press(five, "Enter")
    assert five.evaluate("document.activeElement.id") == "play-map"
    assert re.match("It sees .* pixels of the input", five.inner_text("#play-field-text"))
    five.click("#play-map", position={"x": 2, "y": 2})
    assert "row 0, column 0 " in five.inner_text("#play-unit")
    press(five, "ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp")
    assert "conv2, map 4, row 0, column 2 " in five.inner_text("#play-unit")
    five.locator("#play-say", has_text="row 0, column 2").wait_for(state="attached")
    press(five, "Escape")
    assert five.evaluate("document.activeElement.ariaLabel") == "conv2, map 4"
    five.click("[data-channel='7']")
    five.locator("[data-channel='7'][aria-pressed=true]").wait_for()
    assert "patch of map 7" in five.inner_text("#play-sum")


def test_one_key_leads_from_the_score_to_the_pixels_and_back(five: Page) -> None:
    five.focus("#play-bars [data-map='5']")
    press(five, "Enter")
    five.focus("#play-sum button >> nth=0")
    there = ("fc1", "pool2", "conv2", "pool1", "conv1", "Pixel")
    for layer in (*there, *there[-2::-1], "The score of 5"):
        press(five, "Enter")
        assert five.inner_text("#play-unit").startswith(layer)
    assert five.is_hidden("#play-back")


def test_the_first_digit_and_the_kernel_move_unless_stills_are_wanted(open_page: Open) -> None:
    page = open_page("playground/", reduced_motion="no-preference")
    ink = "digitlab.playground.state.ink.reduce((sum, value) => sum + value, 0)"
    page.wait_for_function(f"digitlab.playground.state.replay && (window.inked = {ink})")
    page.wait_for_function(f"{ink} > inked && !digitlab.playground.state.replay")
    assert reading(page).startswith("Looks like 3")
    page.click("[data-layer=conv2] >> nth=4")
    page.click("#play-play")
    assert page.inner_text("#play-play") == "Pause"
    page.locator("#play-slide-note", has_text=re.compile("^(9|[1-5].) of 64")).wait_for()
    page.click("#play-play")
    assert page.inner_text("#play-play") == "Play"
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    page.click("[data-layer=conv1] >> nth=4")
    assert page.is_hidden("#play-play")
    page.click("#play-step", click_count=2)
    assert page.inner_text("#play-slide-note") == "2 of 576 places"


# --- links, copies ---


def test_a_link_brings_the_digit_back(page: Page, open_page: Open) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    draw(page, SEVEN)
    was = reading(page)
    page.click("#play-link")
    page.locator("#play-copied", has_text="copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    other = open_page(page.url)
    assert reading(other) == was and given_pixels(other) == given_pixels(page)
    other.evaluate("location.hash = '#digit=<script>alert(1)</script>'")
    other.locator("#play-copied", has_text="no digit that this page can read").wait_for()
    assert reading(other) == "Draw a digit"
    draw(other, SEVEN)
    other.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    other.click("#play-tensor")  # where copying is not allowed the text is shown
    other.locator("#play-copy-text").wait_for()
    assert other.input_value("#play-copy-text").startswith("import torch")


# --- which model ---


def test_a_model_of_ones_own_runs_a_bad_one_is_refused_and_the_courses_comes_back(five: Page) -> None:
    def give(content: str) -> None:
        file = {"name": "own.js", "mimeType": "text/javascript", "buffer": content.encode()}
        five.set_input_files("#play-file", file)

    give("alert(1)")
    five.locator("#play-model-error[role=alert]", has_text="own.js was not loaded. This is not").wait_for()
    assert reading(five).startswith("Looks like 5")
    only_four = load_shipped_model().requires_grad_(False)
    only_four.get_parameter("fc2.weight").zero_()  # it cannot decide
    only_four.get_parameter("fc2.bias").copy_(torch.eye(10)[4])
    give(playground_script(only_four, "<b>mine</b>", "9.8 % of 10,000 test digits"))
    five.locator("#play-model-name", has_text="<b>mine</b>").wait_for()
    assert "9.8 %" in five.inner_text("#play-model-measured") and not five.inner_text("#play-model-error")
    assert reading(five).startswith("Looks like 4, 23 %")
    five.click("#play-course-model")
    assert reading(five).startswith("Looks like 5")
    assert "99.39 %" in five.inner_text("#play-model-measured")


# --- for everybody ---


@pytest.mark.parametrize("scheme, forced", [("light", "none"), ("dark", "none"), ("dark", "active")])
def test_everybody_can_use_it(open_page: Open, scheme: str, forced: str) -> None:
    page = open_page("playground/", color_scheme=scheme, forced_colors=forced)
    paper = Image.open(io.BytesIO(page.locator("#play-canvas").screenshot())).convert("L")
    assert paper.getpixel((9, 9)) > 215, "the ink is dark"
    page.click("#play-presets button >> nth=5")
    page.set_input_files("#play-file", {"name": "bad.js", "mimeType": "text/javascript", "buffer": b"no"})
    for layer in ("conv2", "pool2", "fc1", "input"):
        page.click(f"[data-layer={layer}] >> nth=0")
        assert not barriers(page, "#playground"), layer


@pytest.mark.parametrize("media", ["without scripts", "in print"])
def test_without_scripts_and_in_print_it_is_an_explanation(open_page: Open, media: str) -> None:
    page = open_page("playground/", java_script_enabled=media == "in print")
    if media == "in print":
        page.emulate_media(media="print")
    assert page.is_hidden("#playground")
    assert page.get_by_text("conv1: ten small templates").is_visible()
    figure = box_of(page, "figure img")
    on_one_sheet = figure["height"] <= 20 / 2.54 * 96 + 1
    assert figure["width"] > 300 and (on_one_sheet or media != "in print")
