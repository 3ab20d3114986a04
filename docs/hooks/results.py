"""Measured results as tables and a chart, made from the files in ``docs/results``.

A comment such as ``<!-- results recipes -->`` in a page is replaced by the table of that name, and
``<!-- results recipes chart -->`` by a chart.
"""

from __future__ import annotations

import html
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files

from digitlab.recipes import get_recipe
from digitlab.wording import percent

RESULTS = Path(__file__).parents[1] / "results"


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Replace the comments that ask for a table."""
    return re.sub(r"<!-- results (\w+)( chart)? -->", lambda found: _results(found[1], found[2]), markdown)


def _results(name: str, chart: str | None) -> str:
    """The table, or the chart, of ``docs/results/NAME.json``."""
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    if chart:
        return _chart(result)
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
        "| recipe, network | right | seeds | epochs | parameters |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in result["rows"]:
        first = row["runs"][0]
        lines.append(
            f"| `{first['recipe']}`, `{first['model']}` | {_mean_and_spread(row['runs'])} | {len(row['runs'])} "
            f"| {first['epochs']} | {first['parameters']:,} |"
        )
    return "\n".join(lines)


LOWEST, HIGHEST = 98.6, 99.8  # per cent, bottom and top of the chart
LONGEST = 3000  # seconds, its right end; its left end is 1


@dataclass
class Point:
    """A row of the chart: where it stands, in per cent of the chart's width and height, and what it is called."""

    x: float
    y: float
    spread: float
    name: str
    words: str


def _chart(result: dict[str, Any]) -> str:
    """Accuracy against time. All places are shares of the width, so that letters stay the same size on a phone."""
    points = [_point(row["runs"]) for row in result["rows"]]
    parts = []
    for tenth in range(round(10 * LOWEST), round(10 * HIGHEST) + 1, 2):
        y = _height(tenth / 10)
        parts.append(f'<line x1="0" x2="100%" y1="{y:.1f}%" y2="{y:.1f}%"/>')
        parts.append(f'<text x="-8" y="{y:.1f}%" dy="4" text-anchor="end">{tenth / 10:.1f} %</text>')
    for seconds in (1, 10, 100, 1000):
        x = _across(seconds)
        parts.append(f'<line x1="{x:.1f}%" x2="{x:.1f}%" y1="0" y2="100%"/>')
        parts.append(f'<text x="{x:.1f}%" y="100%" dy="18" text-anchor="middle">{seconds:,} s</text>')
    for point in points:
        x, low, high = f"{point.x:.1f}%", f"{point.y + point.spread:.1f}%", f"{point.y - point.spread:.1f}%"
        parts.append(f'<line class="spread" x1="{x}" x2="{x}" y1="{low}" y2="{high}"/>')
        parts.append(f'<circle cx="{x}" cy="{point.y:.1f}%" r="5"/>')
        # Beside its point, on the side with more room; below it where another point stands in the way.
        crowded = any(0 < point.x - other.x < 25 and abs(point.y - other.y) < 8 for other in points)
        anchor, dx = ("end", -9) if point.x > 50 else ("start", 9)
        place = f'x="{x}" y="{point.y:.1f}%" dx="{dx}" dy="{20 if crowded else 4}" text-anchor="{anchor}"'
        parts.append(f'<text class="name" {place}>{point.name}</text>')
    words = html.escape(
        "Right on the test digits against seconds of training. " + "; ".join(p.words for p in points)
    )
    return (
        f'<figure class="chart"><svg role="img" aria-label="{words}.">{"".join(parts)}</svg>'
        "<figcaption>Right on the test digits, with the standard deviation over seeds, against the seconds that the "
        "fastest of the runs trained (each step to the right is ten times as long). Other work ran beside many of "
        "them, so the slowest took several times as long.</figcaption></figure>"
    )


def _point(runs: list[dict[str, Any]]) -> Point:
    right = [100 * run["test_accuracy"] for run in runs]
    seconds = min(run["train_seconds"] for run in runs)
    recipe, model = runs[0]["recipe"], runs[0]["model"]
    name = recipe if get_recipe(recipe).model == model else f"{recipe}, {model}"
    spread = _height(0) - _height(stdev(right))
    words = f"{name}: {_mean_and_spread(runs)} in {seconds:,.0f} seconds"
    return Point(_across(seconds), _height(mean(right)), spread, name, words)


def _across(seconds: float) -> float:
    return 100 * math.log10(seconds) / math.log10(LONGEST)


def _height(right: float) -> float:
    return 100 * (HIGHEST - right) / (HIGHEST - LOWEST)


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
