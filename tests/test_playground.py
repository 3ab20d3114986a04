"""The playground page, used as people use it: with a mouse, a finger, the keyboard alone, and with bad intentions.

Needs what ``test_site`` needs, and is skipped where that is. What the page computes and says is in ``test_engine``.
"""

import base64
import gzip
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
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
    assert reading(page) == "Draw a digit"
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
    before = page.evaluate("document.querySelector('#play-stage-image').toDataURL()")
    assert (
        reading(page) and page.evaluate("document.querySelector('#play-stage-image').toDataURL()") == before
    )
    press("Delete")
    assert reading(page) == "Draw a digit"


def test_every_control_is_reached_by_keyboard_and_shows_it(page: Page) -> None:
    page.click("#play-presets button >> nth=3")
    name = "(e) => e.id || e.ariaLabel || e.value || e.textContent"
    controls = page.locator("#playground :is(button, select, input, canvas[tabindex], .play-scroll)").all()
    names = {control.evaluate(name) for control in controls if control.is_visible()}
    page.evaluate("document.querySelector('h1').scrollIntoView()")
    page.locator("#play-canvas").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")  # the browser shows the focus once the keyboard has moved it
    reached = set()
    for _ in range(len(names) + 5):
        reached.add(page.evaluate(f"({name})(document.activeElement)"))
        shown = page.evaluate(
            """(() => { const e = document.activeElement.closest('.play-file') || document.activeElement;
               return !e.closest('.play') || getComputedStyle(e).outlineStyle !== 'none'; })()"""
        )
        assert shown, page.evaluate("document.activeElement.outerHTML")
        page.keyboard.press("Tab")
    radios = {"occlusion", "towards"}  # one stop for the three; arrow keys choose among them
    assert names - radios <= reached, names - radios - reached


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
    # Said half a second later. A tap within a tenth of a second of a stroke is not made a click.
    page.locator("#play-say").filter(has_text="Looks like 7").wait_for(state="attached")
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
    held = "document.querySelector('#play-stage-image').toDataURL()"
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
    page.check("#play-normalise")
    assert reading(page).startswith("Looks like 7")


# --- looking inside ---


def test_a_unit_shows_where_it_comes_from(page: Page) -> None:
    page.click("#play-presets button >> nth=5")
    shown = {"conv1": (5, 3), "pool1": (6, 1), "conv2": (14, 4), "pool2": (16, 1)}
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
    page.select_option("#play-channel", "7")
    assert "patch of map 7" in page.locator("#play-sum").inner_text()


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
          copy.drawImage(document.querySelector("#play-stage-image"), 0, 0);
          return Array.from(copy.getImageData(0, 0, 28, 28).data);
        }"""
    )
    return list(data[::4])


def test_a_link_brings_the_digit_back(page: Page, browser: Browser) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
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
    assert "99.44 %" in page.locator("#play-model-measured").inner_text()
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(address: str, browser: Browser, scheme: Any) -> None:
    page = browser.new_context(color_scheme=scheme, reduced_motion="reduce").new_page()
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
    assert page.locator("figure img").is_visible()
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
    files = [*(site / "javascripts" / "playground").rglob("*.js"), site / "stylesheets" / "playground.css"]
    assert len(files) > 10
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= 90 * 1024
