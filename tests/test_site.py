"""The built site: no dead link, nothing from another host, readable by everybody, and it opens from disk."""

import gzip
import html
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from browsing import PHONE, REPOSITORY, SEVEN, Page, barriers, box_of, build, draw, reading

import digitlab

pytestmark = pytest.mark.slow

Open = Callable[..., Page]
LESSON = "lessons/05_convolution_by_hand/"


def pages_of(site: Path) -> list[str]:
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))


def text_of(site: Path, page: str) -> str:
    return (site / page / "index.html").read_text(encoding="utf-8")


# --- what is on it ---


def test_every_lesson_is_there_with_its_exercises_and_its_pictures_described(site: Path) -> None:
    (wheel,) = (site / "downloads").iterdir()
    for lesson in sorted((REPOSITORY / "lessons").glob("*.ipynb")):
        text = text_of(site, f"lessons/{lesson.stem}")
        for image in re.findall(r"<img\b[^>]*>", text):
            assert re.search(r'\balt="[^"]{10,}".* width="\d+" height="\d+" loading="lazy"', image), image
        assert not re.search(r"\bjp-|arithmatex|/digitlab/\S+\.py:\d+: \w*Warning", text)
        assert "pip install -q .." not in text and "Not attempted" not in text
        taken_away = site / "lessons" / lesson.stem / lesson.name
        assert wheel.name in taken_away.read_text(encoding="utf-8")
        assert f'<a class="md-button" href="{lesson.name}" download>' in text
        cells = nbformat.read(lesson, as_version=4).cells
        numbers = [cell.metadata.exercise for cell in cells if "exercise" in cell.metadata]
        cards = re.findall(r'<section [^>]*class="exercise">.*?</section>', text, re.S)
        assert len(cards) == len(numbers) >= 3
        for number, card in zip(numbers, cards, strict=True):
            assert f'id="exercise-{number.replace(".", "-")}"' in card and f'data-exercise="{number}"' in card
            assert re.search('<div class="starter">\\s*<div class="highlight">', card)
            assert f'<span class="s2">"{number}"</span>' in card, "its check"
            assert "<summary>Hints</summary>" in card and "<summary>Solution</summary>" in card
    assert "<mfrac>" in text_of(site, LESSON), "formulas are drawn without a script"


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (site / "api").rglob("*.html"))
    for name in digitlab.__all__:
        assert re.search(rf'id="digitlab\.[\w.]+\.{name}"', text), name


def test_a_dead_address_leads_on_and_results_are_told_in_words(site: Path) -> None:
    article = (site / "404.html").read_text(encoding="utf-8").partition("<article")[2]
    assert all(f'href="/{page}/"' in article for page in ("course", "playground", "glossary"))
    told = r'<svg role="img" aria-label="[^"]*; thorough, tiny: 98.66 % ± 0.09 in 511 seconds; best'
    assert re.search(told, text_of(site, "results"))


def test_pages_and_pictures_are_light(site: Path) -> None:
    for name in pages_of(site):
        assert len(gzip.compress((site / name).read_bytes())) <= 60 * 1024, name
    for image in site.rglob("*.png"):
        assert image.stat().st_size <= 100 * 1024, image
    # Without ``training.js``, the digits that a network learns from, which is loaded when one is to learn.
    for page, most in (("", 120_000), ("playground", 175 * 1024)):  # 90 of them are two networks
        own = re.findall(r'(?:src|href)="((?:\.\./)?(?:javascripts|stylesheets)/[^"]+)"', text_of(site, page))
        assert len(own) > 10
        assert sum(len(gzip.compress((site / page / name).read_bytes())) for name in own) <= most, page


# --- links ---


def test_no_link_is_dead(site: Path) -> None:
    """Within the site: each leads to a file, and to a place in it."""
    texts = {path.resolve(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    places = {path: {"", *attributes(text, "id")} for path, text in texts.items()}
    dead = []
    for path, text in texts.items():
        for target in attributes(text, "href|src"):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            # 404.html is served at any depth, so its links start at the root.
            found = site / parts.path.lstrip("/") if parts.path.startswith("/") else path.parent / parts.path
            found = (path if not parts.path else found).resolve()
            found = found / "index.html" if found.is_dir() else found
            place = unquote(parts.fragment)
            place = "" if place.startswith("digit=") else place  # what the playground is to show
            if not found.exists() or place not in places.get(found, {place}):
                dead.append(f"{path.relative_to(site.resolve())}: {target}")
    assert not dead


def attributes(text: str, names: str) -> set[str]:
    tags = " ".join(re.findall(r"<[a-zA-Z][^<>]*>", text))
    return {html.unescape(value) for value in re.findall(rf'\s(?:{names})="([^"]*)"', tags)}


# --- in a browser ---

# Colours come from the style sheets: one page of each kind shows them all.
KINDS = ("404", "index", "course", "exercises", "gallery", "glossary", LESSON, "results", "api/metrics")
# Code is long, and alike everywhere.
ELSEWHERE = {"exclude": [[".highlight"]]}, {"rules": {"color-contrast": {"enabled": False}}}


def test_everybody_can_read_every_page_also_on_a_phone(site: Path, address: str, open_page: Open) -> None:
    page, found = open_page(color_scheme="light"), []
    desk = page.viewport_size
    code = ".exercise pre > code, .md-content__inner > .highlight:not(.output) pre > code"
    cut = "all => all.filter((e) => e.scrollWidth > e.clientWidth).length"
    for name in pages_of(site):
        page.goto(address + name.removesuffix("index.html"), wait_until="load")
        found += barriers(page, *([] if name.startswith(KINDS) else ELSEWHERE))
        page.set_viewport_size(PHONE["viewport"])
        if page.evaluate("document.documentElement.scrollWidth") > 360:
            found.append(f"{name}: wider than a phone")
        if name.startswith("lessons/") and page.locator(code).evaluate_all(cut):
            found.append(f"{name}: code goes on below")
        page.set_viewport_size(desk)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("forced", ["none", "active"])
def test_everybody_can_read_dark_pages(site: Path, address: str, open_page: Open, forced: str) -> None:
    page, found = open_page(color_scheme="dark", forced_colors=forced), []
    for name in filter(lambda name: name.startswith(KINDS), pages_of(site)):
        page.goto(address + name.removesuffix("index.html"), wait_until="load")
        found += barriers(page)
    assert not found, "\n".join(found)


def test_an_exercise_that_is_ticked_stays_so_and_counts_on_the_map(address: str, open_page: Open) -> None:
    page, tick = open_page(LESSON), "[data-exercise='05.2']"
    page.get_by_label("Done: exercise 05.2").check()
    page.goto(f"{address}course/")
    counts = page.locator("[data-exercises]").all_inner_texts()
    assert counts[5] == "1 of 5 done" and counts[6] == "5 exercises"
    page.goto(address + LESSON)
    assert page.is_checked(tick) and page.locator("[data-exercise]:checked").count() == 1
    page.uncheck(tick)
    page.reload()
    assert not page.is_checked(tick)


def test_a_lesson_prints_as_a_worksheet_or_with_its_solutions(open_page: Open) -> None:
    hidden = (".hints summary", ".solution pre", ".question p", ".setup", ".md-code__nav", ".exercise-tick")
    page = open_page(LESSON)
    page.evaluate("print = () => { window.printed = document.querySelectorAll('details[open]').length }")
    for name, opened in (("Print as a worksheet", 0), ("Print with solutions", 5 + 5 + 4)):
        page.get_by_text(name).click()
        assert page.evaluate("printed") == opened
        page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="print")
    assert page.is_visible(".starter >> nth=0")
    assert not any(page.is_visible(f"{each} >> nth=0") for each in hidden)


def test_the_glossarys_letters_stay_and_lead_to_their_terms(open_page: Open) -> None:
    page = open_page("glossary/", **PHONE)
    for letter, term in (("K", "#kernel"), ("A", "#accuracy"), ("U", "#underfitting")):
        page.get_by_role("link", name=letter, exact=True).click()
        page.wait_for_function(f"document.querySelector('{term}').getBoundingClientRect().top < 300")
        row = box_of(page, ".letters")
        assert row["y"] > 0 and row["y"] + row["height"] <= box_of(page, term)["y"]


def search(page: Page, words: str, first: str) -> list[str]:
    """Until `first` is found first: what was found for the first letters is replaced."""
    page.keyboard.press("/")
    page.keyboard.type(words, delay=5)
    found = "document.querySelector('.md-search-result__link')?.href.includes(first)"
    page.wait_for_function(f"(first) => {found}", arg=first)
    return list(page.locator(".md-search-result__item > a").evaluate_all("all => all.map(a => a.href)"))


def test_search_puts_lessons_and_guides_before_the_reference(address: str, open_page: Open) -> None:
    page = open_page("about:blank")
    for words, first in {"softmax": "lessons/02", "predict my own photo": "guides/handwriting"}.items():
        page.goto(address)
        found = search(page, words, first)
        assert not any("/api/" in url for url in found[:3]), (words, found)


def test_it_opens_from_disk_with_search_and_the_playground(offline_site: Path, open_page: Open) -> None:
    page = open_page("about:blank")
    for name in pages_of(offline_site):
        if name != "404.html":  # shown by a server only
            page.goto((offline_site / name).as_uri(), wait_until="load")
    page.goto((offline_site / "index.html").as_uri())
    search(page, "receptive field", "")
    page.locator(".md-search-result__item", has_text="receptive field").first.wait_for()
    page.goto((offline_site / "playground.html").as_uri())
    draw(page, SEVEN)
    assert reading(page).startswith("Looks like 7")


# --- a small site, with the real one's settings, hooks and templates, to plant things in ---

FAILING = ["# 00 · First\n\n## A term", "x = 0", "1 / x"]
FIRST = [
    "# 00 · First\n\nBack [home](../docs/index.md), on to [the second](01_second.ipynb).",
    'import sys, time, warnings\nprint("one, ", end="", flush=True)\nwarnings.warn("two")\nsys.stderr.flush()\n'
    'print("<b> &amp;", time.time_ns())',
    "# A term\n\n$x^2$\n\n<details>\n<summary>Why?</summary>\n\n*So.*\n</details>",
    'import digitlab as dl\ndl.plot_digits(dl.followed_digit().images, title="A five & <no> more")',
]
FAULTY = {
    "docs/index.md": "# Home\n\n[b](lessons/00_first.ipynb#gone-term) ![](picture.png)\n",
    "docs/picture.png": "",
    "planted.py": '"""See [gone][digitlab.gone]."""\n',
}
FAULTY_CELLS = [
    "# 00 · First\n\n[a](99_gone.ipynb) [b](../docs/gone-guide.md) [c](../docs/index.md#gone-part) [d](#gone-here)",
    "pass",
    "from matplotlib.pyplot import plot\n_ = plot([1])",
]
SIGNS = [
    "'index.md' .*#gone-term",
    "index.md: a picture without alt text",
    "'lessons/00_first.ipynb' .*99_gone.ipynb",
    "'lessons/00_first.ipynb' .*gone-guide.md",
    "'lessons/00_first.ipynb' .*#gone-part",
    "'lessons/00_first.ipynb' .*#gone-here",
    "00_first.ipynb: a picture without alt text.*cell-2-",
    "digitlab.gone",
    'not included in the "nav".*:\n  - lessons/01_second.ipynb$',
]


def write_notebook(root: Path, name: str, sources: list[str]) -> None:
    """Cells by their sources: what begins with a heading is Markdown."""
    new = nbformat.v4
    made = (new.new_markdown_cell if each[0] == "#" else new.new_code_cell for each in sources)
    cells = [make(source) for make, source in zip(made, sources, strict=True)]
    path = root / "lessons" / f"{name}.ipynb"
    path.write_text(nbformat.writes(new.new_notebook(cells=cells)), encoding="utf-8")


def write_site(root: Path, nav: list[str], cells: list[str]) -> None:
    for name in ("hooks", "templates", "theme"):
        compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / "docs" / name, root / "docs" / name, ignore=compiled)
    (root / "lessons").mkdir()
    (root / "digitlab").mkdir()  # stands for the library, which a kept run depends on
    pages = {"docs/index.md": "# Home\n\nSee [the term](lessons/00_first.ipynb#a-term).\n"}
    pages |= {"docs/api.md": "# Reference\n\n::: planted\n", "planted.py": '"""A module."""\n'}
    for name, text in pages.items():
        (root / name).write_text(text, encoding="utf-8")
    write_notebook(root, "00_first", cells)
    write_notebook(root, "01_second", ["# 01 · Second"])
    settings = (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:")[0]
    settings = re.sub(r"  - docs/hooks/(offline|playground|wheel)\.py\n", "", settings)
    (root / "mkdocs.yml").write_text(f"{settings}\nnav: {json.dumps(nav)}\n", encoding="utf-8")


NAV = ["index.md", "api.md", "lessons/00_first.ipynb", "lessons/01_second.ipynb"]


def build_small(root: Path) -> subprocess.CompletedProcess[str]:
    """Build it with its notebooks run, on the sample, and without waiting for a network."""
    nowhere = {"DIGITLAB_DATA": str(root / "no-data"), "https_proxy": "http://127.0.0.1:9"}
    return build(root / "site", root, DOCS_EXECUTE="true", GITHUB_REPOSITORY="a/b", **nowhere)


def test_a_notebook_becomes_a_page_and_its_run_is_kept_until_the_library_changes(tmp_path: Path) -> None:
    write_site(tmp_path, NAV, FAILING)
    done = build_small(tmp_path)
    assert done.returncode == 1 and "lessons/00_first.ipynb: cell 2 failed" in done.stderr
    assert "ZeroDivisionError" in done.stderr
    assert "Traceback (most recent call last):\n  File" not in done.stderr

    def built() -> str:
        done = build_small(tmp_path)
        assert done.returncode == 0, done.stderr
        return text_of(tmp_path / "site", "lessons/00_first")

    write_notebook(tmp_path, "00_first", FIRST)
    text = built()
    assert '<a href="../../">home</a>' in text and '<a href="../01_second/">the second</a>' in text
    assert "<msup>" in text and "<em>So.</em>" in text, "formulas, and Markdown inside of what is folded"
    assert "colab.research.google.com/github/a/b/blob/notebooks/00_first.ipynb" in text
    plain = re.sub(r"</?span[^>]*>", "", text)
    assert re.search(r"<code>one, two\n&lt;b&gt; &amp;amp; \d+\n</code>", plain), (
        "without the builder's paths"
    )
    (image,) = re.findall(r"<figure><img .*?></figure>", text)
    assert re.search(r'alt="A five &amp; &lt;no&gt; more: .*width="640" height="\d+" loading="lazy"', image)
    (source,) = re.findall(r' src="(cell-\d-\w+\.png)"', image)
    assert (tmp_path / "site/lessons/00_first" / source).read_bytes().startswith(b"\x89PNG")
    assert built() == text
    (tmp_path / "digitlab" / "source.py").write_text("changed = True\n")
    assert built() != text
    assert len(list((tmp_path / ".cache" / "mkdocs-jupyter").iterdir())) == 1, "old runs are cleared away"


def test_planted_faults_are_named(tmp_path: Path) -> None:
    write_site(tmp_path, NAV[:-1], FAULTY_CELLS)
    for name, text in FAULTY.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = build_small(tmp_path)
    assert done.returncode == 1, "in strict mode each warning fails it"
    assert not [sign for sign in SIGNS if not re.search(rf"^WARNING .*{sign}", done.stderr, re.M)], (
        done.stderr
    )
