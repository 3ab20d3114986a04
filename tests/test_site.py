"""The built site: no dead link, nothing from another host, readable by everybody, and it opens from disk.

Needs ``pip install -e ".[site]"`` and a Chromium; skipped without them, unless ``DIGITLAB_SITE_TESTS`` is set, which
makes a missing piece an error. Best run with ``-n 0``, so that one built site serves all. ``DIGITLAB_SITE`` names a
site that was built with its lessons run; without it one is built here, without running them.
"""

import gzip
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import nbformat
import pytest

import digitlab

REPOSITORY = Path(__file__).parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

if not os.environ.get("DIGITLAB_SITE_TESTS"):
    for module in ("mkdocs", "material", "mkdocstrings", "latex2mathml", "playwright"):
        pytest.importorskip(module, reason='needs pip install -e ".[site]"')
    if CHROMIUM is None:
        pytest.skip("needs Chromium", allow_module_level=True)

from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from playwright.sync_api import Browser, Page  # noqa: E402


def build(target: Path, root: Path = REPOSITORY, **environment: str) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "DOCS_EXECUTE": "false", "NO_MKDOCS_2_WARNING": "1", **environment}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(target)]
    return subprocess.run(command, cwd=root, env=surroundings, capture_output=True, text=True)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def pages_of(site: Path) -> list[str]:
    return sorted(str(path.relative_to(site)) for path in site.rglob("*.html"))


def watched(page: Page, own: str) -> list[str]:
    """What goes wrong on a page while it is used; requests to other places than ``own`` are refused and noted."""
    problems: list[str] = []

    def look(route: Any) -> None:
        if route.request.url.startswith((own, "data:", "blob:")):
            route.continue_()
        else:
            problems.append(f"asked for {route.request.url}")
            route.abort()

    page.route("**/*", look)
    page.on("console", lambda m: problems.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    # ERR_ABORTED: the page was left before its icon had come.
    page.on(
        "requestfailed",
        lambda r: problems.append(f"failed: {r.url}") if r.failure != "net::ERR_ABORTED" else None,
    )
    page.on("response", lambda r: problems.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
    return problems


# --- what is on it ---


def test_every_lesson_is_there_with_its_pictures_described(site: Path) -> None:
    for lesson in sorted((REPOSITORY / "lessons").glob("*.ipynb")):
        text = (site / "lessons" / lesson.stem / "index.html").read_text(encoding="utf-8")
        for image in re.findall(r"<img\b[^>]*>", text):
            assert re.search(r'\balt="[^"]{10,}"', image), image
        for cell in nbformat.read(lesson, as_version=4).cells:
            if "exercise" in cell.metadata:
                assert f'id="exercise-{cell.metadata.exercise.replace(".", "-")}"' in text
        assert len(re.findall(r"<summary>Solution</summary>", text)) >= 3


def test_every_public_name_is_in_the_reference_and_says_something(site: Path) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (site / "api").rglob("*.html"))
    for name in digitlab.__all__:
        assert re.search(rf'id="digitlab\.\w+\.{name}"', text), name
        assert (getattr(digitlab, name).__doc__ or "").strip(), name


def test_formulas_are_drawn_without_a_script(site: Path) -> None:
    text = (site / "lessons" / "04_convolution_by_hand" / "index.html").read_text(encoding="utf-8")
    assert "<mfrac>" in text and "arithmatex" not in text


def test_pages_and_pictures_are_light(site: Path) -> None:
    for name in pages_of(site):
        assert len(gzip.compress((site / name).read_bytes())) <= 60 * 1024, name
    for image in site.rglob("*.png"):
        assert image.stat().st_size <= 100 * 1024, image


# --- links ---


def test_no_link_is_dead(site: Path) -> None:
    assert not dead_links(site)


class Links(HTMLParser):
    """What a page points at, and the places in it that can be pointed at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.places: set[str] = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.places.add(value)
            elif name in ("href", "src") and value is not None:
                self.targets.add(value)


def dead_links(site: Path) -> list[str]:
    """Links of the site's pages, within the site, that lead nowhere: no such file, or no such place in it."""
    pages = {path.resolve(): Links(path) for path in site.rglob("*.html")}
    dead = []
    for path, links in pages.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            # 404.html is served at any depth, so its links start at the root.
            found = site / parts.path.lstrip("/") if parts.path.startswith("/") else path.parent / parts.path
            found = (path if not parts.path else found).resolve()
            found = found / "index.html" if found.is_dir() else found
            if not found.exists() or (found in pages and unquote(parts.fragment) not in pages[found].places):
                dead.append(f"{path.relative_to(site.resolve())}: {target}")
    return dead


# --- in a browser ---


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_every_page(site: Path, address: str, browser: Browser, scheme: Any) -> None:
    page = browser.new_context(color_scheme=scheme, reduced_motion="reduce").new_page()
    problems = watched(page, address)
    for name in pages_of(site):
        page.goto(address + name.removesuffix("index.html"), wait_until="load")
        for rule in Axe().run(page).response["violations"]:
            problems += [f"{name}: {rule['id']}: {node['html'][:200]}" for node in rule["nodes"][:3]]
    assert not problems, "\n".join(problems)


def test_no_page_is_wider_than_a_phone(site: Path, address: str, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 360, "height": 740}).new_page()
    for name in pages_of(site):
        page.goto(address + name.removesuffix("index.html"), wait_until="domcontentloaded")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, name


def test_it_opens_from_disk_and_search_works_there(offline_site: Path, browser: Browser) -> None:
    page = browser.new_page()
    problems = watched(page, "file://")
    for name in pages_of(offline_site):
        if name == "404.html":  # shown by a server only
            continue
        page.goto((offline_site / name).as_uri(), wait_until="load")
        assert not problems, f"{name}: {problems}"
    page.goto((offline_site / "index.html").as_uri())
    assert_search_finds(page)
    assert not problems


def test_search_works_on_a_server(address: str, browser: Browser) -> None:
    page = browser.new_page()
    problems = watched(page, address)
    page.goto(address)
    assert_search_finds(page)
    assert not problems


def assert_search_finds(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("receptive field", delay=5)
    result = page.locator(".md-search-result__item").first
    result.wait_for()
    assert "receptive field" in result.inner_text().lower()


# --- faults that the build must see ---


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The site's sources, to plant a fault in."""
    for name in ("docs", "lessons", "digitlab"):
        shutil.copytree(
            REPOSITORY / name, tmp_path / "copy" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(REPOSITORY / "mkdocs.yml", tmp_path / "copy")
    return tmp_path / "copy"


def edit(path: Path, change: Callable[[str], str]) -> None:
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before
    path.write_text(after, encoding="utf-8")


def in_lesson(copy: Path, cell: int, source: str) -> None:
    path = copy / "lessons" / "00_quickstart.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"][cell]["source"] = source
    path.write_text(json.dumps(notebook), encoding="utf-8")


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a dead link in a notebook": (
        lambda copy: in_lesson(copy, -1, "[gone](99_gone.ipynb)"),
        "99_gone",
    ),
    "a dead anchor in a notebook": (
        lambda copy: in_lesson(copy, -1, "[gone](../docs/glossary.md#gone)"),
        "#gone",
    ),
    "a dead link in Markdown": (
        lambda copy: edit(copy / "docs" / "course.md", lambda text: text + "\n[gone](gone.md)\n"),
        "gone.md",
    ),
    "a dead link in a docstring": (
        lambda copy: edit(
            copy / "digitlab" / "metrics.py",
            lambda text: text.replace('"""', '"""See [gone][digitlab.gone]. ', 1),
        ),
        "digitlab.gone",
    ),
    "a dead plain link in a docstring": (
        lambda copy: edit(
            copy / "digitlab" / "metrics.py", lambda text: text.replace('"""', '"""See [gone](gone.md). ', 1)
        ),
        "gone.md",
    ),
    "a lesson left out of the nav": (
        lambda copy: edit(
            copy / "mkdocs.yml",
            lambda text: text.replace("      - lessons/07_learning_from_mistakes.md\n", ""),
        ),
        "07_learning_from_mistakes.md",
    ),
    "a picture without a description": (
        lambda copy: edit(copy / "docs" / "course.md", lambda text: text + "\n![](images/walk.png)\n"),
        "without alt text",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_fails_the_build(copy: Path, tmp_path: Path, fault: str) -> None:
    plant, sign = FAULTS[fault]
    plant(copy)
    done = build(tmp_path / "out", root=copy, PYTHONPATH=str(copy))
    assert done.returncode != 0 and sign in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("source", "sign"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("from matplotlib.pyplot import plot; _ = plot([1])", "without alt text"),
    ],
    ids=["a failing cell", "a picture without a description in a notebook"],
)
def test_a_planted_fault_in_a_cell_fails_the_build(
    copy: Path, tmp_path: Path, source: str, sign: str
) -> None:
    for path in (copy / "lessons").glob("*.ipynb"):  # one short notebook instead of all, to run it quickly
        notebook = nbformat.read(path, as_version=4)
        notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "markdown"]
        if path.stem == "00_quickstart":
            notebook.cells.insert(1, nbformat.v4.new_code_cell(source))
        nbformat.write(notebook, path)
    (copy / "docs" / "gallery.ipynb").write_text(
        nbformat.writes(nbformat.v4.new_notebook()), encoding="utf-8"
    )
    done = build(tmp_path / "out", root=copy, PYTHONPATH=str(copy), DOCS_EXECUTE="true")
    assert done.returncode != 0 and sign in done.stderr + done.stdout, done.stderr
