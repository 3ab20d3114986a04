"""One's own test set on the playground page: kept, read, saved for `load_drawn`, and opened again."""

from collections.abc import Callable
from pathlib import Path

from browsing import SEVEN, Page, draw
from test_drawn import BAD

from digitlab import load_drawn


def keep(page: Page, points: list[tuple[float, float]], label: int) -> str:
    page.evaluate("scrollTo(0, 0)")
    draw(page, points)
    page.keyboard.press(str(label))
    return str(page.inner_text("#play-own-said"))


def test_digits_are_kept_counted_saved_and_there_after_a_reload(page: Page, tmp_path: Path) -> None:
    file, labels, pictures = tmp_path / "mine.json", "#play-own-labels button", "#play-own-kept button"
    page.keyboard.press("Tab")
    page.click(f"{labels} >> nth=3")
    said = page.inner_text("#play-own-said")
    assert said == "First draw a digit on the paper.", "the example is not one's own"
    assert keep(page, SEVEN, 7) == "Kept as 7. It is read right."
    assert keep(page, [(140, 50), (138, 230)], 1) == "Kept as 1. It is read right."
    draw(page, SEVEN)
    page.click(f"{labels} >> nth=2")
    assert page.inner_text("#play-own-said") == "Kept as 2. The network takes it for a 7."
    score = "The network reads 2 of your 3 digits. It takes a 2 for a 7."
    page.reload()
    assert page.inner_text("#play-own-score") == score
    assert [each.strip() for each in page.locator(pictures).all_inner_texts()] == ["7", "1", "2, not 7"]
    with page.expect_download() as download:
        page.click("#play-own-save")
    download.value.save_as(file)
    mine = load_drawn(file)
    assert mine.labels.tolist() == [7, 1, 2] and all(image.any() for image in mine.images)

    page.click(f"{pictures} >> nth=2")  # back to the paper, where it gets its right label
    page.click(f"{labels} >> nth=7")
    assert page.inner_text("#play-own-said") == "This very 7 is kept already."
    bad = {"name": "bad.json", "mimeType": "application/json", "buffer": BAD["label 10"].encode()}
    page.set_input_files("#play-own-file", bad)
    page.locator("#play-own-said", has_text="digit 1 needs a label").wait_for()
    page.click("#play-own-clear")
    assert page.locator(pictures).count() == 2, "a bad file changes nothing, nor does the first press"
    page.click("#play-own-clear")
    assert page.locator(pictures).count() == 0 and page.inner_text("#play-own-score") == "None yet."
    page.set_input_files("#play-own-file", file)
    page.locator("#play-own-said", has_text="3 added.").wait_for()
    assert page.inner_text("#play-own-score") == score


def test_it_works_where_nothing_can_be_kept_and_says_so(open_page: Callable[..., Page]) -> None:
    refusing = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no'); } })"
    page = open_page("playground/", refusing, complains=True)
    assert "save your digits as a file" in page.inner_text("#play-own-said")
    assert "save your digits as a file" in keep(page, SEVEN, 7)
    assert page.inner_text("#play-own-score") == "The network reads 1 of your 1 digits."
