"""Is it a digit? The library's measure, and the playground's, which is the same."""

import pytest
import torch
from javascript import ask_playground
from torch import Tensor

from digitlab.assets.strangers import draw_strangers
from digitlab.assets.strokes import draw_digits
from digitlab.data import load_sample
from digitlab.doubt import UNLIKE, unlikeness
from digitlab.export import playground_script
from digitlab.runs.checkpoint import SHIPPED_FILE, load_checkpoint


@pytest.fixture(scope="module")
def strangers() -> Tensor:
    return draw_strangers(200, seed=7, digits=load_sample("train").images[:500])


def test_strangers_are_doubted_and_digits_are_not(strangers: Tensor) -> None:
    drawn, _ = draw_digits(5, seed=8)
    for digits in (load_sample("test").images, drawn.images):
        assert (unlikeness(digits) > UNLIKE).float().mean() <= 0.02
    assert (unlikeness(strangers) > UNLIKE).float().mean() >= 0.9
    both = unlikeness(torch.cat([strangers, drawn.images]))
    assert both.min() >= 0 and both.max() <= 1


def ask(images: Tensor, question: str) -> list[object]:
    """What a function is of each image, on a page with the network that doubts."""
    doubter = playground_script(load_checkpoint(SHIPPED_FILE.with_stem("doubter")).model, "doubter", "")
    answers: list[object] = ask_playground(f"given.images.map({question})", doubter, images=images.tolist())
    return answers


def test_the_page_measures_what_the_library_does(strangers: Tensor) -> None:
    images = torch.cat([strangers[:20], load_sample("test").images[:20]])
    answers = ask(images, "(image) => digitlab.doubt.unlikeness(Uint8Array.from(image.flat()))")
    assert answers == pytest.approx(unlikeness(images).tolist(), abs=0.02)  # its weights are rounded
    assert ask(images[:1], "() => digitlab.doubt.UNLIKE") == [UNLIKE]


def test_the_page_says_why() -> None:
    sheet = torch.zeros(4, 280, 280, dtype=torch.uint8)
    sheet[0, 60:220, 50:70] = sheet[0, 60:220, 190:210] = 255  # two ones side by side
    sheet[1, 120:160, 120:160] = 255  # a blot
    sheet[2, 40:240, 130:150] = 255  # a one
    normalized = "digitlab.ink.normalize(Uint8Array.from(ink.flat()), 280, 280)"
    remark = f"(ink) => digitlab.doubt.remark({{ normalized: {normalized} }})"
    two, blot, one, empty = map(str, ask(sheet, remark))
    assert "two pieces" in two and "blot" in blot and (one, empty) == ("", "")
