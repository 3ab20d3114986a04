"""The site's scripts in Node: what an expression is, once they have run."""

import functools
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from digitlab.export import playground_script
from digitlab.models import DigitModel
from digitlab.runs.checkpoint import load_shipped_model

DOCS = Path(__file__).parents[1] / "docs"
PLAYGROUND = re.findall(r"javascripts/playground/\S+\.js", (DOCS / "playground.md").read_text("utf-8"))
"""The scripts of the playground, in the order in which it loads them."""
CORE = [name for name in PLAYGROUND if re.search(r"/core/|/digitlab\.js", name)]


def ask(scripts: Iterable[str], question: str, **given: Any) -> Any:
    """What an expression in JavaScript is, or promises, after some scripts; arrays come as lists."""
    if (node := shutil.which("node")) is None:
        pytest.skip("needs Node, which runs the site's scripts")
    before = f"globalThis.window = globalThis; const given = JSON.parse({json.dumps(json.dumps(given))});"
    plain = "(_, value) => (ArrayBuffer.isView(value) ? [...value] : value)"
    after = f"(answer) => console.log(JSON.stringify(answer ?? null, {plain}))"
    program = "\n".join([before, *scripts, f"Promise.resolve({question}).then({after});"])
    done = subprocess.run([node, "-"], input=program, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@functools.cache
def shipped_weights() -> str:
    return playground_script(load_shipped_model(), "shipped network", "not measured")


def rounded_model() -> DigitModel:
    """PyTorch with the weights of the page: the shipped ones in half precision."""
    return load_shipped_model().half().float().eval()


def ask_playground(question: str, weights: str | None = None, **given: Any) -> Any:
    """What an expression is on the playground, with the network `w` and the functions of `playground.js`."""
    scripts = [*((DOCS / name) for name in CORE), Path(__file__).with_name("playground.js")]
    return ask(
        [weights or shipped_weights(), *(path.read_text("utf-8") for path in scripts)], question, **given
    )
