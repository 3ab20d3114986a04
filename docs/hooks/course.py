"""The course at a glance: a map of the lessons, each with its drawing, and the list of all exercises.

How many exercises of a lesson are done only the reader's browser knows: ``javascripts/exercises.js`` fills it in.
"""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import Any

from drawings import DRAWINGS
from exercises import tick
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url

from digitlab.exercises import list_exercises

# The first lesson of each part.
PARTS = {
    "00": "Learn from examples",
    "05": "Look at neighbours",
    "07": "Measure, and doubt",
    "11": "Get better and faster",
    "13": "Out into the world",
}
STOP = """<li><a href="{url}">{drawing}<strong>{title}</strong></a>
<p>{minutes} · {level}<span data-exercises="{numbers}">{count} exercises</span></p></li>"""


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Replace the comments that ask for one of the two."""
    for name, make in {"lessons": _map, "exercises": _list}.items():
        if (comment := f"<!-- {name} -->") in markdown:
            markdown = markdown.replace(comment, make(page, files))
    return markdown


def _map(page: Any, files: Files) -> str:
    numbers = {
        lesson: [one.number for one in several]
        for lesson, several in groupby(list_exercises(), key=lambda one: one.number[:2])
    }
    lines = []
    for number, lesson in sorted(_lessons(files).items()):
        first = "".join(json.loads(lesson.content_string)["cells"][0]["source"])
        found = re.match(r"# (.*)\n\n\*(\d+ minutes).*?· (easy|medium|hard)", first)
        assert found, lesson.src_uri
        if number in PARTS:
            lines.append(f'{"</ol>" if lines else ""}\n\n## {PARTS[number]}\n\n<ol class="course-map">')
        stop = STOP.format(
            url=get_relative_url(lesson.url, page.url),
            drawing=f'<svg viewBox="0 0 96 60" aria-hidden="true">{DRAWINGS[number]}</svg>',
            title=found[1],
            minutes=found[2],
            level=found[3],
            numbers=" ".join(numbers[number]),
            count=len(numbers[number]),
        )
        lines.append(stop)
    return "\n".join([*lines, "</ol>"])


def _lessons(files: Files) -> dict[str, File]:
    """The lessons by number."""
    pages = files.documentation_pages()
    return {page.src_uri[8:10]: page for page in pages if page.src_uri.startswith("lessons/")}


def _list(page: Any, files: Files) -> str:
    lessons = _lessons(files)
    lines = ["| exercise | what | level | minutes | done |", "| --- | --- | --- | --- | --- |"]
    for one in list_exercises():
        link = f"{lessons[one.number[:2]].src_uri}#exercise-{one.number.replace('.', '-')}"
        row = f"| [{one.number}]({link}) | {one.title} | {one.difficulty} | {one.minutes} | {tick(one.number)} |"
        lines.append(row)
    return "\n".join(lines)
