"""What the playground page needs beyond its own scripts: the networks' weights and digits, as four scripts.

All are made from what the package holds, the shipped network and the bundled sample, so that nothing is stored twice.
The page opens from disk, where a browser fetches no data; a script it may load. A link to ``playground.md#five``,
in any page or lesson, opens it with the digit that the course follows.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url

from digitlab.data import Digits, followed_digit, load_sample
from digitlab.export import measured_in_words, playground_script
from digitlab.runs.checkpoint import SHIPPED_FILE, load_checkpoint
from digitlab.training import predict

FOLDER = "javascripts/playground"
MOST_MISREAD = 12
LEARNED, KEPT_APART = 6000, 500
"""Digits that the page's own network learns from, and others that it is measured on."""
WORKER = ["digitlab", *(f"core/{name}" for name in ("layers", "network", "gradients", "learning", "trainer"))]
"""The scripts that run beside the page: a page that is opened from disk may start a worker only from a text."""
FIVE = "playground.md#five"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add them; ``training.js`` the page loads only when it is asked to."""
    for name, content in make_scripts().items():
        files.append(File.generated(config, f"{FOLDER}/{name}", content=content))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Put the followed digit's pixels into the links that ask for it; MkDocs would look for a heading of that name."""

    def link(found: re.Match[str]) -> str:
        playground = files.get_file_from_path("playground.md")
        assert playground is not None
        return f'<a href="{get_relative_url(playground.url, page.url)}#{link_of_five()}">{found[1]}</a>'

    return re.sub(rf"\[([^\]]+)\]\([./]*{re.escape(FIVE)}\)", link, markdown)


def link_of_five() -> str:
    """The end of a link, as ``core/share.js`` reads it: of each run of zeros a zero and how many follow."""
    pixels = followed_digit().images.numpy().tobytes()
    packed = re.sub(rb"\0{1,256}", lambda run: bytes([0, len(run[0]) - 1]), pixels)
    return "digit=" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def make_scripts() -> dict[str, str]:
    """The four scripts, by name."""
    shipped = load_checkpoint(SHIPPED_FILE)
    accuracy = shipped.metadata["measured"]["mnist test"]["test_accuracy"]
    weights = playground_script(
        shipped.model, "shipped network", measured_in_words(accuracy, 10_000, "mnist")
    )
    doubter = playground_script(load_checkpoint(SHIPPED_FILE.with_stem("doubter")).model, "doubter", "")
    # The page runs the rounded weights, so what it misreads is what they misread.
    model = shipped.model.half().float()
    sample = load_sample("test")
    read = predict(model, sample.images).argmax(dim=1)
    right = read == sample.labels
    presets = [int((right & (sample.labels == label)).nonzero()[0]) for label in range(10)]
    misread = (~right).nonzero()[:MOST_MISREAD, 0].tolist()
    digits = []
    for index in presets + misread:
        digit = {
            "label": int(sample.labels[index]),
            "pixels": base64.b64encode(sample.images[index].numpy().tobytes()).decode(),
            "source": f"sample test {index}",
        }
        if not right[index]:
            digit["read"] = int(read[index])
        digits.append(digit)
    return {
        "weights.js": weights,
        "doubter.js": doubter.replace("digitlabWeights", "digitlabDoubter", 1),
        "digits.js": f"window.digitlabDigits = {json.dumps(digits)};\n",
        "training.js": f"window.digitlabTraining = {json.dumps(make_training(sample))};\n",
    }


def make_training(sample: Digits) -> dict[str, str]:
    """Digits to learn from and to measure on, packed as ``core/trainer.js`` reads them; its worker's program."""
    parts = [load_sample("train")[:LEARNED], sample[:KEPT_APART]]
    pixels = b"".join(part.images.numpy().tobytes() for part in parts)
    labels = b"".join(bytes(part.labels.tolist()) for part in parts)
    # 6 of 9: fifteen times as quick, for two hundredths more.
    packed = base64.b64encode(gzip.compress(pixels + labels, 6, mtime=0)).decode()
    folder = Path(__file__).parents[1] / FOLDER
    program = "".join((folder / f"{name}.js").read_text(encoding="utf-8") for name in WORKER)
    return {"digits": packed, "program": program}
