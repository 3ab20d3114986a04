"""One's own test set on the playground page: kept, read, saved for `load_drawn`, and opened again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason='needs pip install -e ".[site]"')
from playwright.sync_api import Browser, Page
from test_drawn import BAD
from test_playground import SEVEN, draw
from test_site import watched

from digitlab import load_drawn

pytestmark = pytest.mark.slow

ONE = [(140.0, 50.0), (138.0, 230.0)]


@pytest.fixture
def page(address: str, browser: Browser) -> Iterator[Page]:
    page = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce").new_page()
    problems = watched(page, address)
    page.goto(f"{address}playground/")
    yield page
    page.context.close()
    assert not problems, problems


def keep(page: Page, points: list[tuple[float, float]], label: int) -> str:
    page.evaluate("scrollTo(0, 0)")
    draw(page, points)
    page.keyboard.press(str(label))
    return page.inner_text("#play-own-said")


def test_digits_are_kept_counted_saved_and_there_after_a_reload(page: Page, tmp_path: Path) -> None:
    page.keyboard.press("Tab")
    page.click("#play-own-labels button >> nth=3")
    assert page.inner_text("#play-own-said") == "First draw a digit on the paper.", (
        "the example is not one's own"
    )
    assert keep(page, SEVEN, 7) == "Kept as 7. It is read right."
    assert keep(page, ONE, 1) == "Kept as 1. It is read right."
    draw(page, SEVEN)
    page.click("#play-own-labels button >> nth=2")
    assert page.inner_text("#play-own-said") == "Kept as 2. The network takes it for a 7."
    score = "The network reads 2 of your 3 digits. It takes a 2 for a 7."
    page.reload()
    assert page.inner_text("#play-own-score") == score
    pictures = page.locator("#play-own-kept button")
    assert [each.inner_text().strip() for each in pictures.all()] == ["7", "1", "2, not 7"]
    with page.expect_download() as download:
        page.click("#play-own-save")
    download.value.save_as(tmp_path / "my-digits.json")
    mine = load_drawn(tmp_path / "my-digits.json")
    assert mine.labels.tolist() == [7, 1, 2] and all(image.any() for image in mine.images)

    pictures.nth(2).click()  # back to the paper, where it gets its right label
    page.click("#play-own-labels button >> nth=7")
    assert page.inner_text("#play-own-said") == "This very 7 is kept already."
    page.click("#play-own-clear")
    assert pictures.count() == 2, "not at the first press"
    page.click("#play-own-clear")
    assert pictures.count() == 0 and page.inner_text("#play-own-score") == "None yet."
    page.set_input_files("#play-own-file", tmp_path / "my-digits.json")
    page.locator("#play-own-said", has_text="3 added.").wait_for()
    assert page.inner_text("#play-own-score") == score


def test_a_bad_file_changes_nothing(page: Page, tmp_path: Path) -> None:
    keep(page, SEVEN, 7)
    (tmp_path / "bad.json").write_text(BAD["label 10"])
    page.set_input_files("#play-own-file", tmp_path / "bad.json")
    page.locator("#play-own-said", has_text="digit 1 needs a label").wait_for()
    assert page.inner_text("#play-own-score") == "The network reads 1 of your 1 digits."


def test_it_works_where_nothing_can_be_kept_and_says_so(address: str, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce").new_page()
    page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"
    )
    page.goto(f"{address}playground/")
    assert "save your digits as a file" in page.inner_text("#play-own-said")
    assert "save your digits as a file" in keep(page, SEVEN, 7)
    assert page.inner_text("#play-own-score") == "The network reads 1 of your 1 digits."
    page.context.close()
