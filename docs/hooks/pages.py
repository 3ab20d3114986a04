"""What pages need beyond Markdown: formulas, tables that are made from the code and its results, described pictures.

Formulas become MathML here, which browsers draw by themselves: no script, no fonts, and a screen reader can read it.
A comment such as ``<!-- exercises -->`` in a page is replaced by what its name says.
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url
from PIL import Image

from digitlab.exercises import exercise, list_exercises
from digitlab.plots.style import read_description
from digitlab.wording import percent

log = get_plugin_logger("pages")

DOCS = Path(__file__).parents[1]
COLAB = "https://colab.research.google.com"


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Replace the comments that ask for something."""
    makers: dict[str, Callable[[str], str]] = {
        "help": _help,
        "buttons": lambda _: _buttons(page.file, config.site_url),
        "hints": _hints,
        "picture": _picture,
        "exercises": lambda _: _exercises(files),
        "lessons": lambda _: _lessons(files),
        "results": _results,
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
    return re.sub(block, lambda m: _formula(m[1], "block"), content, flags=re.S)


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
        steps = (
            f'To run it in Colab, download it and then <a href="{COLAB}/#upload=true">upload it there</a>.'
        )
        buttons += f'</p>\n<p class="no-print">{steps}'
    return f'<p class="no-print">{buttons}</p>'


def _hints(number: str) -> str:
    """The hints and the solution of an exercise, each folded away."""
    one = exercise(number)
    hints = "\n".join(f"{i}. {hint}" for i, hint in enumerate(one.hints, start=1))
    solution = f"``` {{.python}}\n{str(one.solution()).rstrip()}\n```"
    folded = "<details markdown>\n<summary>{}</summary>\n\n{}\n\n</details>"
    return folded.format("Hints", hints) + "\n\n" + folded.format("Solution", solution)


def _picture(name: str) -> str:
    """A picture of ``docs/images`` with the description that is stored inside it."""
    path = DOCS / "images" / name
    with Image.open(path) as image:
        width, height = image.size
    alt = html.escape(read_description(path)).replace("[", "(").replace("]", ")")
    return f'![{alt}](images/{name}){{ width="{width}" height="{height}" }}'


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


def _lessons(files: Files) -> str:
    lines = ["| lesson | time | level |", "| --- | --- | --- |"]
    for _, lesson in sorted(_notebooks(files).items()):
        first = "".join(json.loads(lesson.content_string)["cells"][0]["source"])
        found = re.match(r"# (.*)\n\n\*(\d+ minutes).*?· (easy|medium|hard)", first)
        assert found, lesson.src_uri
        lines.append(f"| [{found[1]}]({lesson.src_uri}) | {found[2]} | {found[3]} |")
    return "\n".join(lines)


def _notebooks(files: Files) -> dict[str, File]:
    """The lessons by number."""
    pages = files.documentation_pages()
    return {page.src_uri[8:10]: page for page in pages if page.src_uri.startswith("lessons/")}


def _exercises(files: Files) -> str:
    lessons = _notebooks(files)
    lines = ["| exercise | what | level | minutes |", "| --- | --- | --- | --- |"]
    for one in list_exercises():
        link = f"{lessons[one.number[:2]].src_uri}#exercise-{one.number.replace('.', '-')}"
        lines.append(f"| [{one.number}]({link}) | {one.title} | {one.difficulty} | {one.minutes} |")
    return "\n".join(lines)


def _results(name: str) -> str:
    """The table of ``docs/results/NAME.json``."""
    result = json.loads((DOCS / "results" / f"{name}.json").read_text(encoding="utf-8"))
    tables = {"recipes": _recipes, "bench": _bench, "scale": _scale}
    return tables[name](result) + f"\n\n*{_machine(result['machine'])}*"


def _machine(machine: dict[str, Any]) -> str:
    return (
        f"Measured with {machine['processors']} processor cores ({machine['architecture']}, {machine['system']}), "
        f"no GPU, PyTorch {machine['torch']}."
    )


def _recipes(result: dict[str, Any]) -> str:
    """Rows of runs that differ in nothing but their seeds."""
    lines = [
        "| recipe | network | parameters | epochs | right | seeds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in result["rows"]:
        first = row["runs"][0]
        lines.append(
            f"| `{first['recipe']}` | `{first['model']}` | {first['parameters']:,} | {first['epochs']} "
            f"| {_mean_and_spread(row['runs'])} | {len(row['runs'])} |"
        )
    return "\n".join(lines)


def _bench(result: dict[str, Any]) -> str:
    lines = ["| training | seconds | tutorial / it | images a second | right | seeds |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for row in result["rows"]:
        runs = row["runs"]
        star = r"\*" * (runs[0]["epochs"] < row["epochs"])
        speed = mean(run["images_per_second"] for run in runs)
        lines.append(
            f"| {row['name']}: {row['what']} | {row['seconds']:.1f}{star} "
            f"| {result['rows'][0]['seconds'] / row['seconds']:.1f} | {speed:,.0f} "
            f"| {_mean_and_spread(runs)} | {len(runs)} |"
        )
    return "\n".join(lines) + "\n\n" + r"\* A part was run, the whole is extrapolated."


def _scale(result: dict[str, Any]) -> str:
    lines = ["| images | file | loading, µs an image | training, µs an image | own memory |"]
    lines += ["| --- | --- | --- | --- | --- |"]
    for row in result["rows"]:
        lines.append(
            f"| {row['images']:,} | {row['file_megabytes']:,.0f} MB | {row['loading_microseconds']:.1f} "
            f"| {row['training_microseconds']:.1f} | {row['own_megabytes']:,.0f} MB |"
        )
    return "\n".join(lines)


def _mean_and_spread(runs: list[dict[str, Any]]) -> str:
    right = [run["test_accuracy"] for run in runs if run["test_accuracy"] is not None]
    if not right:
        return "–"
    spread = f" ± {100 * stdev(right):.2f}" if len(right) > 1 else ""
    return f"{percent(mean(right), 2)}{spread}"


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
