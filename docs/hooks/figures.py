"""Figures that react: a cell of a lesson asks for one, and its page loads what that figure needs and nothing else.

How to add the figure NAME:
1. ``docs/javascripts/figures/NAME.js`` sets ``digitlab.figures.NAME = (root, helpers) => ...``; ``parts.js`` helps.
2. A line in ``FIGURES`` names the scripts that it stands on, in their order; data that are made here are in ``MADE``.
3. The code cell whose picture comes to life gets the metadata ``"figure": "NAME"``. The picture is shown on paper and
   where no script runs; so the figure, too, shows what the text after it speaks of.
4. The Markdown cell after it begins with a paragraph ``[On the site](../docs/index.md) this picture reacts: ...``, for
   those who read the notebook itself. The site leaves it out: there the figure says what to do.
5. ``tests/test_figures.py`` holds its numbers against the library's, and uses it by keyboard.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from digitlab.data import followed_digit, load_sample, train_val_split
from digitlab.export import playground_script
from digitlab.runs.checkpoint import load_shipped_model
from digitlab.training import predict

NETWORK = ["playground/core/layers", "playground/core/network", "playground/core/weights_file"]
PAPER = ["playground/core/ink", "figures/paper"]
WEIGHTS = [*NETWORK, "figures/weights"]  # 35 KB of a page's 60: for a figure that runs the whole network

FIGURES: dict[str, list[str]] = {
    "templates": ["figures/digits", "figures/templates_learnt", *PAPER],
    "surface": ["figures/loss_surface", "figures/relief"],
    "kernel": ["figures/digits"],
    "walk": ["figures/digits", *WEIGHTS],
    "wobble": [],
    "margin": ["figures/margins"],
    "occlusion": ["figures/digits", *WEIGHTS, "figures/ten"],
    "turn": ["figures/digits", *WEIGHTS, "figures/ten"],
    "centring": ["figures/digits", *PAPER, *WEIGHTS],
}
"""What each figure stands on, beside ``ALWAYS``: paths in ``docs/javascripts`` without ``.js``."""

ALWAYS = [
    "playground/digitlab",
    "playground/core/colours",
    "playground/core/words",
    "playground/page/dom",
    "figures/parts",
]


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Ask for the scripts of the page's figures, and leave out the sentences for those who are not on the site."""
    names = re.findall(r'<div class="live" data-figure="(.*?)"', markdown)
    if not names:
        return markdown
    if unknown := [name for name in names if name not in FIGURES]:
        raise PluginError(f"{page.file.src_uri}: no figure named {unknown[0]} in docs/hooks/figures.py")
    paths = scripts_of(*names)
    for path in paths:
        if path in MADE and files.get_file_from_path(path) is None:
            files.append(File.generated(config, path, content=MADE[path]()))
    markdown = re.sub(r"(?m)^\[On the site\]\(\.\./index\.md\) this picture reacts.*\n", "", markdown)
    return f"{markdown}\n\n<!-- load stylesheets/figures.css {' '.join(paths)} -->\n"


def scripts_of(*names: str) -> list[str]:
    """What a page with these figures loads, each once, in this order: paths in ``docs``."""
    own = [script for name in names for script in [*FIGURES[name], f"figures/{name}"]]
    return [f"javascripts/{script}.js" for script in dict.fromkeys([*ALWAYS, *own, "figures/mount"])]


def make_digits() -> str:
    """Ten digits of the sample that no shipped weight has seen, by their labels; the five is the course's."""
    sample, five = load_sample("test"), followed_digit()
    images = [sample.images[sample.labels == label][0] for label in range(10)]
    assert bool((images[5] == five.images[0]).all())
    pixels = [base64.b64encode(image.numpy().tobytes()).decode() for image in images]
    return f"digitlab.tenDigits = {json.dumps(pixels)}.map(digitlab.parts.bytes);\n"


def make_weights() -> str:
    """The shipped network for the playground's engine, 9 KB lighter: 5 bits of each fraction are kept, of 10."""
    model = load_shipped_model().half()
    for weights in model.parameters():
        bits = (weights.detach().view(torch.int16) + 0b10000) & ~0b11111  # to the nearest
        weights.data = bits.view(torch.float16)
    return playground_script(model, "shipped network", "rounded for the lessons")


def make_templates() -> str:
    """The ten templates of lesson 02, learnt as there from the bundled sample; each weight as one of 255 steps."""
    train, _ = train_val_split(load_sample("train"), n_val=800, seed=0)
    pixels, one_hot = train.images.flatten(1).float() / 255, F.one_hot(train.labels, 10).float()
    weights, bias = torch.zeros(10, 784), torch.zeros(10)
    for _step in range(100):
        difference = ((pixels @ weights.T + bias).softmax(dim=1) - one_hot) / len(train)
        weights -= 0.5 * difference.T @ pixels
        bias -= 0.5 * difference.sum(dim=0)
    steps = weights.abs().amax(dim=1) / 127
    whole = (weights / steps[:, None]).round().to(torch.int8)
    made = {
        "weights": base64.b64encode(whole.numpy().tobytes()).decode(),
        "steps": [float(f"{step:.6g}") for step in steps.tolist()],
        "bias": [round(each, 4) for each in bias.tolist()],
    }
    return f"digitlab.learntTemplates = {json.dumps(made)};\n"


def make_surface() -> str:
    """Lesson 03's fives and threes, as the ink in their two windows, and the loss over its two weights, 40 by 40."""
    train, _ = train_val_split(load_sample("train"), n_val=800, seed=0)
    fives, threes = (train.images[train.labels == label][:, 8:14].int() for label in (5, 3))
    upper_half = torch.cat([fives, threes])
    windows = upper_half[:, :, 10:14], upper_half[:, :, 14:18]
    sums = torch.stack([each.sum(dim=(1, 2)) for each in windows], dim=1)  # (N, 2)
    is_five = (torch.arange(len(sums)) < len(fives)).float().expand(1600, -1)
    rows, columns = torch.linspace(-6, 3, 40), torch.linspace(-3, 6, 40)
    weights = torch.cartesian_prod(rows, columns).flip(1)  # (1600, 2), the left one first
    scores = weights @ (sums.float() / 24 / 255 * 4).T
    heights = F.binary_cross_entropy_with_logits(scores, is_five, reduction="none").mean(dim=1)
    low, high = heights.min(), heights.max()
    steps = ((heights - low) / (high - low) * 65535).round()
    ends = {"low": float(low), "high": float(high)}
    made = {"ink": _two_bytes(sums), "fives": len(fives), "steps": _two_bytes(steps), **ends}
    return f"digitlab.lossSurface = {json.dumps(made)};\n"


def _two_bytes(whole: torch.Tensor) -> str:
    """Whole numbers of 0..65535, two bytes each, the lower first."""
    return base64.b64encode(whole.numpy().astype("<u2").tobytes()).decode()


def make_margins() -> str:
    """Lesson 09's 4,000 digits in the order of their margins: where the mistakes are, and the first sixty."""
    digits = load_sample("train")[:4000]
    top = predict(load_shipped_model(), digits.images).topk(2, dim=1)
    margins, read = top.values[:, 0] - top.values[:, 1], top.indices[:, 0]
    order = margins.argsort(stable=True)
    wrong = (read != digits.labels)[order].nonzero().flatten().tolist()
    shown = [
        {
            "margin": round(float(margins[place]), 2),
            "label": int(digits.labels[place]),
            "read": int(read[place]),
            "image": base64.b64encode(digits.images[place].numpy().tobytes()).decode(),
        }
        for place in order[:60].tolist()
    ]
    return f"digitlab.margins = {json.dumps({'n': len(digits), 'mistakes': wrong, 'shown': shown})};\n"


MADE: dict[str, Callable[[], str]] = {
    "javascripts/figures/digits.js": make_digits,
    "javascripts/figures/templates_learnt.js": make_templates,
    "javascripts/figures/weights.js": make_weights,
    "javascripts/figures/loss_surface.js": make_surface,
    "javascripts/figures/margins.js": make_margins,
}
"""Scripts that are made from what the package holds, so that nothing is stored twice."""
