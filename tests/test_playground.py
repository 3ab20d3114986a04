"""The playground page, used as people use it: with a mouse, a finger, the keyboard alone, and with bad intentions.

Needs what ``test_site`` needs, and is skipped where that is. What the page computes and says is in ``test_engine``.
"""

import base64
import gzip
import io
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_site import Axe, Browser, Page, watched

pytestmark = pytest.mark.slow

SEVEN = [(70, 60), (200, 60), (180, 110), (140, 170), (115, 235)]
"""A seven, in pixels of the drawing, which is 280 wide."""


@pytest.fixture
def page(address: str, browser: Browser) -> Iterator[Page]:
    """The page on a wide screen; in the end it must not have complained, nor asked another host."""
    page = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce").new_page()
    problems = watched(page, address)
    page.goto(f"{address}playground/")
    yield page
    page.wait_for_timeout(50)
    page.context.close()
    assert not problems, problems


def reading(page: Page) -> str:
    """What the page reads, once all that was drawn has been through the network."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.locator("#play-reading").inner_text()


def draw(
    page: Page, points: list[tuple[float, float]], scale: float = 1, left: float = 0, top: float = 0
) -> None:
    page.locator("#play-canvas").scroll_into_view_if_needed()
    box = page.locator("#play-canvas").bounding_box()
    assert box is not None
    size = box["width"] / 280
    for i, (x, y) in enumerate(points):
        page.mouse.move(
            box["x"] + (left + scale * x) * size,
            box["y"] + (top + scale * y) * size,
            steps=1 if i == 0 else 4,
        )
        if i == 0:
            page.mouse.down()
    page.mouse.up()


# --- drawing ---


def test_a_digit_drawn_with_the_mouse_is_read_and_announced(page: Page) -> None:
    assert reading(page).startswith("Looks like 3")  # the page's own digit, which goes
    draw(page, SEVEN)
    assert re.fullmatch(r"Looks like 7, (> )?\d+ %", reading(page))
    status = page.locator("#play-say")
    assert status.get_attribute("aria-live") == "polite"
    status.filter(has_text="Looks like 7").wait_for(state="attached")
    best = page.locator(".play-best")
    assert best.count() == 1 and best.locator("th").inner_text() == "7"
    page.click("#play-clear")
    assert reading(page) == "Draw a digit"


def test_a_digit_drawn_with_the_keyboard_alone_is_read(page: Page) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "play-canvas":
            break
    assert page.locator("#play-cursor").is_visible()
    press = page.keyboard.press
    for key, times in [("ArrowUp", 8), ("ArrowLeft", 6), (" ", 1), ("ArrowRight", 12)]:
        for _ in range(times):
            press(key)
    for _ in range(8):  # down and to the left, in steps
        for key in ("ArrowDown", "ArrowDown", "ArrowLeft"):
            press(key)
    press(" ")
    assert reading(page).startswith("Looks like 7")
    for key in ("ArrowRight", "ArrowRight"):  # the pen is lifted: nothing more is drawn
        press(key)
    before = page.evaluate("document.querySelector('#play-input canvas').toDataURL()")
    assert (
        reading(page) and page.evaluate("document.querySelector('#play-input canvas').toDataURL()") == before
    )
    press("Delete")
    assert reading(page) == "Draw a digit"


def test_every_control_is_reached_by_keyboard_and_shows_it(page: Page) -> None:
    """With few stops of the tab key: within a group the arrow keys go on."""
    page.click("#play-presets button >> nth=3")
    page.click("[data-layer=conv2] >> nth=2")
    page.evaluate("document.querySelector('h1').scrollIntoView()")
    page.locator("#play-canvas").focus()
    page.keyboard.press("Shift+Tab")  # the button before
    stops = 0
    while page.evaluate("document.activeElement.closest('.play') !== null"):
        stops += 1
        shown = page.evaluate(
            """(() => { const e = document.activeElement.closest('.play-file') || document.activeElement;
               e.dataset.reached = ''; return getComputedStyle(e).outlineStyle !== 'none'; })()"""
        )
        assert shown, page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
    assert 10 < stops <= 20
    missed = page.evaluate(
        """() => {
          const all = [...document.querySelectorAll('.play :is(button, select, input, canvas[tabindex])')];
          const queue = all.filter((e) => 'reached' in e.dataset || e.closest('[data-reached]'));
          for (const item of queue) {
            for (const key of ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight']) {
              if (item.localName !== 'button' && item.localName !== 'select') continue;
              item.focus();
              item.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true}));
              if (!queue.includes(document.activeElement)) queue.push(document.activeElement);
            }
          }
          const usable = all.filter((e) => e.offsetParent && !e.disabled && e.type !== 'radio');
          return usable.filter((e) => !queue.includes(e)).map((e) => e.outerHTML);
        }"""
    )
    assert not missed, missed


def test_a_finger_draws_on_a_phone(address: str, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    problems = watched(page, address)
    page.goto(f"{address}playground/")
    page.locator("#play-canvas").scroll_into_view_if_needed()
    box = page.locator("#play-canvas").bounding_box()
    assert box is not None and box["width"] > 300
    fingers = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        size = box["width"] / 280
        at = [{"x": box["x"] + x * size, "y": box["y"] + y * size} for x, y in points]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    scrolled = page.evaluate("scrollY")
    touch("touchStart", SEVEN[0])
    for (x0, y0), (x1, y1) in pairwise(SEVEN):
        for i in range(1, 5):
            touch("touchMove", (x0 + (x1 - x0) * i / 4, y0 + (y1 - y0) * i / 4))
    touch("touchEnd")
    assert reading(page).startswith("Looks like 7")
    assert page.evaluate("scrollY") == scrolled
    page.locator("#play-say").filter(has_text="Looks like 7").wait_for(state="attached")
    page.tap("[data-layer=conv2][data-map='3']")
    page.locator("#play-unit", has_text="conv2, map 3").wait_for()
    for part in page.locator("#play-sum *").all():  # nothing of the sum is cut off
        box = part.bounding_box()
        assert box is None or (box["x"] >= 0 and box["x"] + box["width"] <= 360), part.evaluate(
            "e => e.outerHTML"
        )
    page.tap("[data-layer=pool1][data-map='3']")
    page.locator("#play-unit", has_text="pool1, map 3").wait_for()
    for button in page.locator("#playground button").all():
        size = button.bounding_box()
        assert size is None or min(size["width"], size["height"]) >= 24, button.get_attribute("aria-label")
    for layer in ("input", "conv1", "pool1", "conv2", "pool2", "fc1", "fc2"):
        page.locator(f"[data-layer={layer}]").first.tap()
        page.locator(f"[data-layer={layer}][aria-pressed=true]").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, layer
    assert not problems, problems
    context.close()


def test_after_a_flick_the_next_tap_counts(address: str, browser: Browser) -> None:
    """Chromium takes a quick stroke for a fling, and lets the next tap do nothing but stop it."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(f"{address}playground/")
    page.locator("#play-clear").wait_for()
    paper, clear = page.locator("#play-canvas").bounding_box(), page.locator("#play-clear").bounding_box()
    assert paper is not None and clear is not None
    fingers = context.new_cdp_session(page)
    start = page.evaluate("Date.now() / 1000")

    def touch(kind: str, milliseconds: int, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y} for x, y in points]
        given = {"type": kind, "touchPoints": at, "timestamp": start + milliseconds / 1000}
        fingers.send("Input.dispatchTouchEvent", given)

    left, top = paper["x"] + 40, paper["y"] + 40
    touch("touchStart", 0, (left, top))
    for i in range(1, 9):  # 4,000 pixels a second
        touch("touchMove", 8 * i, (left + 32 * i, top))
    touch("touchEnd", 66)
    touch("touchStart", 100, (clear["x"] + 10, clear["y"] + 10))
    touch("touchEnd", 150)
    page.locator("#play-reading", has_text="Draw a digit").wait_for(timeout=2000)
    context.close()


def test_a_lost_pointer_and_a_resize_do_no_harm(page: Page) -> None:
    box = page.locator("#play-canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 80, box["y"] + 70)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 70, steps=3)
    before = reading(page)
    page.set_viewport_size({"width": 700, "height": 800})
    assert reading(page) == before  # what was drawn is kept
    page.evaluate(
        "document.querySelector('#play-canvas').dispatchEvent(new PointerEvent('pointercancel', {pointerId: 1}))"
    )
    held = "document.querySelector('#play-input canvas').toDataURL()"
    image = page.evaluate(held)
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=3)  # still down, but the stroke is over
    reading(page)
    assert page.evaluate(held) == image
    page.mouse.up()
    draw(page, SEVEN)  # and a new one begins as usual
    reading(page)
    assert page.evaluate(held) != image


def test_without_the_preparation_a_small_digit_in_a_corner_fails(page: Page) -> None:
    page.select_option("#play-pen", "6")
    draw(page, SEVEN, scale=0.3, left=5, top=195)
    assert reading(page).startswith("Looks like 7")
    page.uncheck("#play-normalise")
    assert not reading(page).startswith("Looks like 7")
    assert "Off" in page.locator("#play-normalise-note").inner_text()
    assert page.locator("#play-input-caption").inner_text() == "28 × 28, as it is"
    page.check("#play-normalise")
    assert page.locator("#play-input-caption").inner_text() == "28 × 28, centred"
    assert reading(page).startswith("Looks like 7")


# --- on one screen ---

REACTS = ["#play-canvas", "#play-reading", "#play-bars"]
LAYERS = [f"[data-layer={layer}] >> nth=-1" for layer in ("conv1", "pool1", "conv2", "pool2", "fc1")]


@pytest.mark.parametrize(
    "width, height, parts",
    [
        (1280, 720, [*REACTS, *LAYERS, "#play-why", "#play-unit"]),
        (1920, 1080, [*REACTS, *LAYERS, "#play-why", "#play-unit"]),
        (768, 1024, [*REACTS, *LAYERS, "#play-why"]),
        (360, 740, REACTS),
    ],
)
def test_what_reacts_is_on_the_first_screen(
    address: str, browser: Browser, width: int, height: int, parts: list[str]
) -> None:
    page = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce"
    ).new_page()
    page.goto(f"{address}playground/")
    assert reading(page).startswith("Looks like 3")
    for part in parts:
        box = page.locator(part).bounding_box()
        assert box is not None, part
        assert box["x"] >= 0 and box["x"] + box["width"] <= width, part
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, part
    page.mouse.wheel(0, 700)  # further down a phone's result stays in sight
    if width == 360:
        page.wait_for_function("scrollY > 500")
        for part in ("#play-reading", "#play-bars"):
            box = page.locator(part).bounding_box()
            assert box is not None and 0 <= box["y"] < 200
    page.context.close()


def test_a_teachers_five_minutes(address: str, browser: Browser) -> None:
    """Draw, follow one number to the pixels, occlude, switch the centring off: without scrolling."""
    size: Any = {"width": 1280, "height": 720}
    page = browser.new_context(viewport=size, reduced_motion="reduce").new_page()
    problems = watched(page, address)
    page.goto(f"{address}playground/")

    def press(selector: str) -> None:
        """As a hand does: only what is on the screen can be pressed."""
        box = page.locator(selector).bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 720, selector
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    draw(page, SEVEN)
    assert reading(page).startswith("Looks like 7")
    press("#play-bars [data-map='7']")
    assert "The score of 7 is" in page.locator("#play-unit").inner_text()
    for layer in ("fc1", "pool2", "conv2", "pool1", "conv1"):
        press("#play-sum [data-unit] >> nth=0")
        assert page.locator("#play-unit").inner_text().startswith(f"{layer}, ")
    press("#play-sum [data-unit] >> nth=12")
    assert page.locator("#play-unit").inner_text().startswith("Pixel in row ")
    assert page.locator("#play-trail").inner_text().count("←") == 6
    press("input[value=occlusion]")
    page.locator("#play-why-text", has_text="without what is here, the score of 7 falls").wait_for()
    press("#play-clear")
    draw(page, SEVEN, scale=0.3, left=5, top=195)
    assert reading(page).startswith("Looks like 7")
    press("#play-normalise")
    assert not reading(page).startswith("Looks like 7")
    assert page.evaluate("scrollY") == 0
    assert not problems, problems
    page.context.close()


def test_it_opens_with_a_digit_that_writes_itself(address: str, browser: Browser) -> None:
    page = browser.new_page()
    problems = watched(page, address)
    page.goto(f"{address}playground/")
    seen = page.evaluate(
        """new Promise((done) => {
          const { state } = digitlab.playground;
          const inked = [];
          const look = () => {
            inked.push(state.ink.reduce((sum, value) => sum + value, 0));
            if (state.replay) requestAnimationFrame(look);
            else done(inked);
          };
          look();
        })"""
    )
    assert len(set(seen)) > 10 and seen == sorted(seen)
    assert reading(page).startswith("Looks like 3")
    draw(page, SEVEN)
    reading(page)
    ours = given_pixels(page)
    page.click("#play-clear")
    draw(page, SEVEN)
    reading(page)
    assert given_pixels(page) == ours
    assert not problems, problems
    page.close()


def test_undo_and_replay(page: Page) -> None:
    draw(page, SEVEN)
    first = reading(page), given_pixels(page)
    draw(page, [(60, 150), (200, 150)])
    assert given_pixels(page) != first[1]
    page.keyboard.press("Control+z")
    assert (reading(page), given_pixels(page)) == first
    page.click("#play-replay")
    page.wait_for_function("digitlab.playground.state.replay === null")
    assert (reading(page), given_pixels(page)) == first
    page.click("#play-undo")
    assert reading(page) == "Draw a digit"


def test_the_projector_shows_the_network_large_and_nothing_else(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    text = "parseFloat(getComputedStyle(document.querySelector('#play-unit')).fontSize)"
    before = page.evaluate(text)
    page.keyboard.press("F2")
    assert page.locator("#play-projector").get_attribute("aria-pressed") == "true"
    assert page.evaluate(text) >= 1.2 * before
    for gone in (".md-header", ".md-footer", "h1", "#play-presets", ".play-model", ".play-story"):
        assert page.locator(gone).is_hidden(), gone
    for part in (*REACTS, *LAYERS, "#play-unit"):
        box = page.locator(part).bounding_box()
        assert box is not None and box["x"] + box["width"] <= 1280 and box["y"] + box["height"] <= 720, part
    draw(page, SEVEN)
    assert reading(page).startswith("Looks like 7")
    page.click("#play-projector")
    assert page.locator("h1").is_visible()


# --- looking inside ---


def test_a_unit_shows_where_it_comes_from(page: Page) -> None:
    page.click("#play-presets button >> nth=5")
    shown = {"conv1": (5, 3), "pool1": (6, 1), "conv2": (14, 3), "pool2": (16, 1)}
    for layer, (field, tables) in shown.items():
        page.click(f"[data-layer={layer}] >> nth=2")
        assert page.evaluate("document.activeElement.id") == "play-map"
        assert f"{layer}, map 2, row" in page.locator("#play-unit").inner_text()
        assert f"It sees {field} × {field} pixels" in page.locator("#play-field-text").inner_text()
        assert page.locator("#play-sum table").count() == tables
        assert page.locator(".play-total").count() >= 1
    page.click("[data-layer=fc1]")
    assert page.locator(".play-sum tbody tr").count() == 8
    page.click("[data-layer=fc2][data-map='5']")
    assert "which softmax turns into > 99.9 %" in page.locator("#play-unit").inner_text()
    page.click("[data-layer=input]")
    assert "255 of 255" in page.locator("#play-unit").inner_text()


def test_arrow_keys_and_clicks_choose_a_unit_and_escape_goes_back(page: Page) -> None:
    page.click("#play-presets button >> nth=5")
    page.locator("[data-layer=conv2] >> nth=4").focus()
    page.keyboard.press("Enter")
    page.locator("#play-map").click(position={"x": 2, "y": 2})
    assert "row 0, column 0 " in page.locator("#play-unit").inner_text()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "ArrowUp", "ArrowUp"):
        page.keyboard.press(key)
    assert "conv2, map 4, row 0, column 2 " in page.locator("#play-unit").inner_text()
    page.locator("#play-say").filter(has_text="row 0, column 2").wait_for(state="attached")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.ariaLabel") == "conv2, map 4"
    page.click("[data-channel='7']")
    assert page.locator("[data-channel='7']").get_attribute("aria-pressed") == "true"
    assert "patch of map 7" in page.locator("#play-sum").inner_text()


def test_one_key_leads_from_the_score_to_the_pixels_and_back(page: Page) -> None:
    page.click("#play-presets button >> nth=5")
    page.locator("#play-bars [data-map='5']").focus()
    page.keyboard.press("Enter")
    page.locator("#play-sum button").first.focus()
    unit = page.locator("#play-unit")
    for layer in ("fc1", "pool2", "conv2", "pool1", "conv1", "Pixel"):
        page.keyboard.press("Enter")
        assert unit.inner_text().startswith(layer)
    assert page.evaluate("document.activeElement.id") == "play-back"
    for layer in ("conv1", "pool1", "conv2", "pool2", "fc1", "The score of 5"):
        page.keyboard.press("Enter")
        assert unit.inner_text().startswith(layer)
    assert page.locator("#play-back").is_hidden()


def test_the_kernel_slides_and_its_map_fills_up(page: Page) -> None:
    page.click("[data-layer=conv1] >> nth=4")
    assert page.locator("#play-play").is_hidden()  # this reader wants stills
    for done in (1, 2):
        page.click("#play-step")
        assert page.locator("#play-slide-note").inner_text() == f"{done} of 576 places"
    page.emulate_media(reduced_motion="no-preference")
    page.reload()
    page.click("[data-layer=conv2] >> nth=4")
    page.click("#play-play")
    assert page.locator("#play-play").inner_text() == "Pause"
    page.locator("#play-slide-note", has_text=re.compile("^(9|[1-5].) of 64")).wait_for()
    page.click("#play-play")
    held = page.locator("#play-slide-note").inner_text()
    seen = """Array.from(document.querySelector("#play-map").getContext("2d")
      .getImageData(0, 0, 480, 480).data).filter((value, i) => i % 4 === 3 && value > 0).length / 3600"""
    assert (
        int(held.split()[0]) <= page.evaluate(seen) <= int(held.split()[0]) + 1
    )  # the frame goes a little beyond
    assert page.locator("#play-slide-note").inner_text() == held


def test_why_is_answered_in_three_ways(page: Page) -> None:
    page.click("#play-presets button >> nth=5")
    picture = "document.querySelector('#play-why').toDataURL()"
    seen = {page.evaluate(picture)}
    page.check("input[value=occlusion]")
    page.locator("#play-why-text", has_text="without what is here, the score of 5 falls").wait_for()
    seen.add(page.evaluate(picture))
    page.select_option("#play-target", "6")
    assert page.locator("input[value=towards]").is_checked()
    assert "from 5 towards 6" in page.locator("#play-why-text").inner_text()
    seen.add(page.evaluate(picture))
    assert len(seen) == 3


# --- test digits, links, copies ---


def test_a_preset_is_given_and_read_as_it_says(page: Page) -> None:
    digits = json.loads(page.evaluate("JSON.stringify(window.digitlabDigits)"))
    buttons = page.locator(".play-digits button")
    assert buttons.count() == len(digits)
    for i in (0, 9, len(digits) - 1):
        buttons.nth(i).click()
        assert reading(page).startswith(f"Looks like {digits[i].get('read', digits[i]['label'])},")
        assert given_pixels(page) == list(base64.b64decode(digits[i]["pixels"])), digits[i]["source"]


def given_pixels(page: Page) -> list[int]:
    """What the network is given, read off the page."""
    data = page.evaluate(
        """() => {
          const copy = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
          copy.drawImage(document.querySelector("#play-input canvas"), 0, 0);
          return Array.from(copy.getImageData(0, 0, 28, 28).data);
        }"""
    )
    return list(data[::4])


def test_a_link_brings_the_digit_back(page: Page, browser: Browser) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#play-clear")
    page.click("#play-link")
    assert "first" in page.locator("#play-copied").inner_text() and "#" not in page.url
    draw(page, SEVEN)
    was = reading(page)
    page.click("#play-link")
    page.locator("#play-copied", has_text="copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == page.url
    other = browser.new_page()
    problems = watched(other, link.partition("playground")[0])
    other.goto(link)
    assert reading(other) == was and given_pixels(other) == given_pixels(page)
    other.evaluate("location.hash = '#digit=<script>alert(1)</script>'")
    other.locator("#play-copied", has_text="no digit that this page can read").wait_for()
    assert reading(other) == "Draw a digit"
    assert not problems
    other.close()


def test_where_copying_is_not_allowed_the_text_is_shown(page: Page) -> None:
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.click("#play-presets button >> nth=4")
    page.click("#play-tensor")
    assert page.locator("#play-copy-text").input_value().startswith("import torch")
    page.click("#play-clear")
    assert page.locator("#play-copy-text").is_hidden()


# --- which model ---


def test_a_model_of_ones_own_runs_and_the_courses_comes_back(page: Page, site: Path, tmp_path: Path) -> None:
    text = (site / "javascripts" / "playground" / "weights.js").read_text(encoding="utf-8")
    content = json.loads(text[text.index("'") + 1 : text.rindex("'")])
    content |= {"name": "<b>mine</b>", "measured": "9.8 % of 10,000 test digits"}
    content["tensors"]["fc2.weight"]["data"] = base64.b64encode(
        bytes(2 * 500)
    ).decode()  # zeros: it cannot decide
    content["tensors"]["fc2.bias"]["data"] = base64.b64encode(
        np.eye(10, dtype="<f2")[4].tobytes()  # except for the four
    ).decode()
    own = tmp_path / "own.js"
    own.write_text(json.dumps(content), encoding="utf-8")
    page.click("#play-presets button >> nth=7")
    assert reading(page).startswith("Looks like 7")
    page.set_input_files("#play-file", own)
    page.locator("#play-model-name", has_text="<b>mine</b>").wait_for()
    assert "9.8 %" in page.locator("#play-model-measured").inner_text()
    assert reading(page).startswith("Looks like 4, 23 %")
    page.click("#play-course-model")
    assert reading(page).startswith("Looks like 7")
    assert "99.34 %" in page.locator("#play-model-measured").inner_text()
    assert page.locator("#play-course-model").is_hidden()


@pytest.mark.parametrize("content", [b"alert(1)", b" " * 2_000_000], ids=["foreign", "huge"])
def test_a_bad_model_is_refused_with_a_clear_line(page: Page, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.js"
    bad.write_bytes(content)
    page.click("#play-presets button >> nth=7")
    page.set_input_files("#play-file", bad)
    error = page.locator("#play-model-error", has_text="bad.js was not loaded.")
    error.wait_for()
    assert error.get_attribute("role") == "alert" and len(error.inner_text()) < 250
    assert reading(page).startswith("Looks like 7")


# --- for everybody ---


@pytest.mark.parametrize("scheme, forced", [("light", "none"), ("dark", "none"), ("dark", "active")])
def test_everybody_can_use_it(address: str, browser: Browser, scheme: Any, forced: Any) -> None:
    page = browser.new_context(color_scheme=scheme, forced_colors=forced, reduced_motion="reduce").new_page()
    problems = watched(page, address)
    page.goto(f"{address}playground/")
    page.click("#play-presets button >> nth=5")
    page.set_input_files("#play-file", {"name": "bad.js", "mimeType": "text/javascript", "buffer": b"no"})
    for layer in ("conv1", "conv2", "pool2", "fc1", "fc2", "input"):
        page.click(f"[data-layer={layer}] >> nth=0")
        for rule in Axe().run(page).response["violations"]:
            problems += [f"{layer}: {rule['id']}: {node['html'][:200]}" for node in rule["nodes"][:3]]
    assert not problems, "\n".join(problems)
    page.context.close()


@pytest.mark.parametrize("colours", ["forced", "automatically dark"])
def test_ink_is_dark_on_light_paper_whatever_the_colours(
    address: str, browser: Browser, colours: str
) -> None:
    forced: Any = "active" if colours == "forced" else "none"
    page = browser.new_context(color_scheme="dark", forced_colors=forced, reduced_motion="reduce").new_page()
    page.goto(f"{address}playground/")
    if colours == "automatically dark":
        page.context.new_cdp_session(page).send("Emulation.setAutoDarkModeOverride", {"enabled": True})
    draw(page, [(140, 60), (140, 220)])
    page.mouse.move(0, 0)
    reading(page)
    picture = Image.open(io.BytesIO(page.locator("#play-canvas").screenshot())).convert("L")
    width, height = picture.size
    assert picture.getpixel((width // 2, height // 2)) < 40
    assert picture.getpixel((width // 4, height // 2)) > 215
    page.context.close()


@pytest.mark.parametrize("media", ["without scripts", "in print"])
def test_without_scripts_and_in_print_it_is_an_explanation(
    address: str, browser: Browser, media: str
) -> None:
    page = browser.new_context(java_script_enabled=media != "without scripts").new_page()
    page.goto(f"{address}playground/")
    if media == "in print":
        page.emulate_media(media="print")
    assert page.locator("#playground").is_hidden()
    assert page.get_by_text("conv1: ten small templates").is_visible()
    figure = page.locator("figure img").bounding_box()
    assert figure is not None and figure["width"] > 300
    if media == "in print":
        assert figure["height"] <= 20 / 2.54 * 96 + 1  # on one sheet
    page.context.close()


def test_it_works_from_disk(offline_site: Path, browser: Browser) -> None:
    page = browser.new_page()
    problems = watched(page, "file://")
    page.goto((offline_site / "playground.html").as_uri())
    draw(page, SEVEN)
    assert reading(page).startswith("Looks like 7")
    page.check("input[value=occlusion]")
    page.locator("#play-why-text", has_text="without what is here").wait_for()
    assert not problems, problems
    page.close()


def test_its_own_weight_is_small(site: Path) -> None:
    """Without ``training.js``, the digits that a network learns from, which is loaded when one is to learn."""
    files = [
        *(path for path in (site / "javascripts" / "playground").rglob("*.js") if path.name != "training.js"),
        *(site / "stylesheets").glob("playground*.css"),
    ]
    assert len(files) > 10
    assert (
        sum(len(gzip.compress(path.read_bytes())) for path in files) <= 170 * 1024
    )  # 90 of them are two networks
