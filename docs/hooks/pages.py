"""What pages need beyond Markdown: formulas, tables that are made from the code and its results, described pictures.

Formulas become MathML here, which browsers draw by themselves: no script, no fonts, and a screen reader can read it.
A comment such as ``<!-- exercises -->`` in a page is replaced by what its name says.
"""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from markdown.extensions.toc import slugify
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url
from PIL import Image

from digitlab.plots.style import read_description

log = get_plugin_logger("pages")

DOCS = Path(__file__).parents[1]
COLAB = "https://colab.research.google.com"


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Replace the comments that ask for something; say how much a page weighs in a search."""
    page.meta.setdefault("search", {"boost": _weight(page.file.src_uri)})
    makers: dict[str, Callable[[str], str]] = {
        "help": _help,
        "buttons": lambda _: _buttons(page.file, config.site_url),
        "picture": _picture,
        "letters": lambda _: _letters(markdown),
        "load": lambda names: _load(names, page, files),
    }
    names = "|".join(makers)
    return re.sub(rf"<!-- ({names}) ?(.*?) ?-->", lambda m: makers[m[1]](m[2]), markdown)


def on_page_content(content: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Draw the formulas; warn of pictures without a description."""
    for image in re.findall(r"<img\b[^>]*>", content):
        if not re.search(r'\balt="[^"]+"', image):
            log.warning(f"{page.file.src_uri}: a picture without alt text: {image[:80]}")
    inline = r'<span class="arithmatex">\\\((.*?)\\\)</span>'
    block = r'<div class="arithmatex">\s*\\\[(.*?)\\\]\s*</div>'
    content = re.sub(inline, lambda m: _formula(m[1], "inline"), content, flags=re.S)
    content = re.sub(block, lambda m: _formula(m[1], "block"), content, flags=re.S)
    # The reference is searched for names and what they do. With its source code the index would be a third larger.
    content = content.replace(
        '<details class="mkdocstrings-source"', '<details data-search-exclude class="mkdocstrings-source"'
    )
    return re.sub(r'<span id="__span-[\d-]+">(?:<span class="w">)?( *)', _indented, content)


def _weight(uri: str) -> float:
    """The course before the guides, and the reference last: most who search want to understand, not to look up."""
    folder = uri.partition("/")[0]
    return {"lessons": 3.0, "guides": 2.0, "glossary.md": 0.5, "api": 0.01}.get(folder, 1.0)


def _indented(line: re.Match[str]) -> str:
    """Say how far in a line of code begins, so that it can go on below on a narrow screen."""
    return line[0].replace(line[0].split(">")[0], f'<span class="i{min(len(line[1]) // 4 * 4, 12)}"')


def _formula(latex: str, display: str) -> str:
    spaced = re.sub(
        r"\\(log|cos) ", r"\\\1\\,", html.unescape(latex)
    )  # TeX's own space after a function's name
    return convert(spaced, display=display)


def _help(command: str) -> str:
    """What ``digitlab COMMAND --help`` prints."""
    run = [sys.executable, "-m", "digitlab", *command.split(), "--help"]
    done = subprocess.run(
        run, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "79"}
    )
    return f"``` {{.text .no-copy}}\n{done.stdout.strip()}\n```"


def _buttons(notebook: File, site_url: str | None) -> str:
    """Download a notebook, and open it in Colab, which opens by itself only what lies on GitHub."""
    path = Path(str(notebook.abs_src_path))
    buttons = f'<a class="md-button" href="{path.name}" download>Download this notebook</a>'
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        # Not the repository's own, which installs from a clone: `.github/workflows/site.yml` lays the site's there.
        colab = f"{COLAB}/github/{repository}/blob/notebooks/{path.name}"
        buttons += f' <a class="md-button" href="{colab}">Open it in Colab</a>'
    elif site_url:
        upload = f'<a href="{COLAB}/#upload=true">upload it there</a>'
        buttons += f" To run it in Colab, download it and then {upload}."
    # Printed with solutions also without a script: the style sheet asks whether this is what the address points at.
    printed = '<a class="md-button" data-print="{}" {}>{}</a>'
    buttons += " " + printed.format("worksheet", 'href="" hidden', "Print as a worksheet")
    buttons += " " + printed.format(
        "solutions", 'id="with-solutions" href="#with-solutions"', "Print with solutions"
    )
    return f'<p class="no-print">{buttons}</p>'


def _picture(name: str) -> str:
    """A picture of ``docs/images`` with the description that is stored inside it."""
    path = DOCS / "images" / name
    with Image.open(path) as image:
        width, height = image.size
    alt = html.escape(read_description(path)).replace("[", "(").replace("]", ")")
    return f'![{alt}](images/{name}){{ width="{width}" height="{height}" }}'


def _letters(markdown: str) -> str:
    """The first letters of a page's second headings, each a link to its first."""
    first: dict[str, str] = {}
    for heading in re.findall(r"(?m)^## (.+)", markdown):
        first.setdefault(heading[0].upper(), slugify(heading, "-"))
    links = " ".join(f'<a href="#{place}">{letter}</a>' for letter, place in first.items())
    return f'<nav class="letters" aria-label="Terms by letter">{links}</nav>'


def _load(names: str, page: Any, files: Files) -> str:
    """The scripts and style sheets that this page alone needs, by their paths in ``docs``, loaded in this order."""
    tags = []
    for name in names.split():
        if files.get_file_from_path(name) is None:
            log.warning(f"{page.file.src_uri}: no such file to load: {name}")
        url = get_relative_url(name, page.url)
        style = f'<link rel="stylesheet" href="{url}">'
        tags.append(style if name.endswith(".css") else f'<script defer src="{url}"></script>')
    return "\n".join(tags)


def on_post_page(output: str, page: Any, config: MkDocsConfig) -> str:
    """Mend what the theme does on every page."""
    return _mended(output)


def on_post_template(output: str, template_name: str, config: MkDocsConfig) -> str:
    """The same for the page that says that there is no such page."""
    return _mended(output)


def _mended(output: str) -> str:
    # Without this mark the theme does not ask GitHub, in the reader's name, for the repository's stars.
    output = output.replace(' data-md-component="source"', "")
    # A name for the search dialog, for those who hear the page.
    dialog = 'data-md-component="search" role="dialog"'
    return output.replace(dialog, f'{dialog} aria-label="Search"')
