"""Measured results as tables and a chart, made from the files in ``docs/results``.

A comment such as ``<!-- results recipes -->`` in a page is replaced by the table of that name; ``chart`` is the chart.
"""

from __future__ import annotations

import html
import json
import math
import re
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files

from digitlab.wording import percent

RESULTS = Path(__file__).parents[1] / "results"


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Replace the comments that ask for a table."""
    return re.sub(r"<!-- results (\w+) -->", lambda found: _results(found[1]), markdown)


def _results(name: str) -> str:
    """The table of ``docs/results/NAME.json``."""
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
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
