"""What the site hands out works elsewhere: its wheel, its notebooks, and the links to the playground in them."""

import json
import re
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from javascript import ask_playground

from digitlab.data import followed_digit

pytest.importorskip("mkdocs", reason='needs pip install -e ".[docs]"')

DOCS = Path(__file__).parents[1] / "docs"
LESSONS = sorted((DOCS.parent / "lessons").glob("*.ipynb"))
SITE = "https://example.org/digits/"


@pytest.fixture(scope="module")
def wheel() -> Any:
    """The hook; MkDocs too lets one hook import another."""
    sys.path.insert(0, str(DOCS / "hooks"))
    try:
        import wheel
    finally:
        sys.path.remove(str(DOCS / "hooks"))
    return wheel


def config(site_url: str = "", repo_url: str = "") -> SimpleNamespace:
    return SimpleNamespace(site_url=site_url, repo_url=repo_url, use_directory_urls=True)


@pytest.mark.parametrize(
    ("settings", "repository", "expected"),
    [
        (config(SITE, "https://git.example/a/b"), "a/b", f"%pip install -q {SITE}downloads/digitlab-"),
        (config("", "https://git.example/a/b"), "a/b", "%pip install -q git+https://git.example/a/b"),
        (config(), "a/b", "%pip install -q git+https://github.com/a/b"),
        (config(), "", "# First lay downloads/digitlab-"),
    ],
)
def test_a_notebook_taken_away_says_where_digitlab_is(
    wheel: Any, settings: Any, repository: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", repository)
    for path in LESSONS:
        cells = json.loads(wheel.handed_out(path, settings))["cells"]
        (setup,) = ("".join(cell["source"]) for cell in cells if "setup" in cell["metadata"].get("tags", []))
        assert f"is None:\n    {expected}" in setup and "-q .." not in setup


def test_it_differs_from_the_lesson_in_nothing_else(wheel: Any) -> None:
    for path in LESSONS:
        here = r"\]\((?!https:)[^)]*\)"
        made = wheel.handed_out(path, config(SITE))
        assert not re.search(here, made), "every link is an address"
        plain = re.sub(here, "]()", path.read_text("utf-8")).replace("pip install -q ..", "pip install")
        made = re.sub(rf"pip install -q {SITE}\S+whl", "pip install", made)
        assert re.sub(rf"\]\({SITE}[^)]*\)", "]()", made) == plain


def test_its_links_lead_to_the_site_or_are_words(
    wheel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = {  # in the repository -> on the site, and where that has no address
        "[a](../docs/glossary.md#unit)": (f"[a]({SITE}glossary/#unit)", "a"),
        "[a](04_b.ipynb)": (f"[a]({SITE}lessons/04_b/)", "[a](04_b.ipynb)"),
        "[a](#here)": ("[a](#here)", "[a](#here)"),
        "[a](https://b.c/d)": ("[a](https://b.c/d)", "[a](https://b.c/d)"),
    }
    monkeypatch.setattr(wheel, "REPOSITORY", tmp_path)
    cell = {"cell_type": "markdown", "metadata": {}, "source": [f"{link}\n" for link in links]}
    (tmp_path / "lessons").mkdir()
    (tmp_path / "lessons" / "x.ipynb").write_text(json.dumps({"cells": [cell]}))
    for i, settings in enumerate((config(SITE), config())):
        (made,) = json.loads(wheel.handed_out(tmp_path / "lessons" / "x.ipynb", settings))["cells"]
        assert made["source"] == [f"{link[i]}\n" for link in links.values()]


def test_a_link_to_our_five_is_the_one_that_the_playground_would_make(wheel: Any) -> None:
    pixels = followed_digit().images.flatten().tolist()
    link = ask_playground("digitlab.share.toLink(Uint8Array.from(given.pixels))", pixels=pixels)
    assert link == f"#{wheel.link_of_five()}"


@pytest.mark.slow
def test_the_wheel_is_whole_kept_and_always_the_same(
    wheel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = wheel.make_wheel()
    with zipfile.ZipFile(made) as content:
        names = set(content.namelist())
    assert {f"digitlab/notebooks/{path.name}" for path in LESSONS} | {"digitlab/assets/sample.npz"} <= names
    first = made.stat()
    assert wheel.make_wheel().stat() == first
    monkeypatch.setattr(wheel, "CACHE", tmp_path)
    assert wheel.make_wheel().read_bytes() == made.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [made.parent.name]
