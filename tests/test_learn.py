"""The playground's own training, against PyTorch's: gradients, steps, start; and as people use it, in a browser.

Without Node its tests against PyTorch are skipped.
"""

import base64
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from browsing import PHONE, Page, barriers, press
from javascript import ask, ask_playground
from site_hooks import load_hook
from torch.nn import functional as F

from digitlab.data import Digits, load_sample, normalize
from digitlab.models import CNN

SETTINGS = {"rate": 0.02, "momentum": 0.9}  # the page's own


def tensors(named: dict[str, list[float]]) -> dict[str, torch.Tensor]:
    """Shaped as the model's."""
    return {key: torch.tensor(named[key]).view(value.shape) for key, value in CNN().state_dict().items()}


# --- the gradients and the steps ---


def test_gradients_and_steps_are_pytorchs() -> None:
    """Over the end of a round too: 128 digits are four batches, and each round shows each digit once."""
    digits, model = load_sample("train")[:128], CNN(dropout=0)
    plain = {"images": digits.images.flatten(1).tolist(), "labels": digits.labels.tolist()}
    made = ask_playground("learn(given.digits, 1, 6, given.settings)", digits=plain, settings=SETTINGS)
    steps, orders = made["steps"], [step["batch"] for step in made["steps"]]
    shown = [at for order in orders[:4] for at in order]
    assert sorted(shown) == list(range(128)) != shown
    assert not {*map(tuple, orders[4:])} & {*map(tuple, orders[:4])}, "the next round has another order"
    model.load_state_dict(tensors(made["before"]))
    optimiser = torch.optim.SGD(model.parameters(), lr=SETTINGS["rate"], momentum=SETTINGS["momentum"])
    for step in steps:
        batch = digits[step["batch"]]
        loss = F.cross_entropy(model(normalize(batch.images)), batch.labels)
        assert step["loss"] == pytest.approx(loss.item(), rel=1e-4)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for name, ours in tensors(made["after"]).items():
        assert torch.allclose(ours, model.get_parameter(name), atol=2e-6), name


def test_the_start_is_pytorchs_and_of_its_seed() -> None:
    """Even between -1 and 1 over the root of the inputs, as `torch.nn.Linear` and `Conv2d` begin."""
    each = "(seed) => digitlab.learning.createLearner(seed).weights.tensors"
    first, again, other = map(tensors, ask_playground(f"[1, 1, 2].map({each})"))
    for name, ours in first.items():
        assert torch.equal(ours, again[name]) and not torch.equal(ours, other[name])
        reach = CNN().get_parameter(name.replace("bias", "weight")).flatten(1).shape[1] ** -0.5
        assert float(ours.abs().max()) <= reach
        if ours.numel() > 200:
            assert abs(float(ours.mean())) < 0.15 * reach
            assert float(ours.std()) == pytest.approx(reach / 3**0.5, rel=0.1)


# --- the trainer, and what the site hands to it ---


@pytest.fixture(scope="module")
def training() -> dict[str, str]:
    made: dict[str, str] = load_hook("playground").make_training(load_sample("test"))
    assert len(json.dumps(made)) < 1_800_000
    return made


def obey(*orders: dict[str, Any]) -> list[dict[str, Any]]:
    """What the page would say after each order."""
    answers: list[dict[str, Any]] = ask_playground("obey(given.orders)", orders=orders)
    return answers


def test_the_sites_digits_are_the_samples(training: dict[str, str], test_digits: Digits) -> None:
    content = gzip.decompress(base64.b64decode(training["digits"]))
    count = len(content) // 785
    pixels, labels = content[: 784 * count], content[784 * count :]
    learned, kept = load_sample("train")[: count - 500], test_digits[:500]
    assert pixels == learned.images.numpy().tobytes() + kept.images.numpy().tobytes()
    assert list(labels) == learned.labels.tolist() + kept.labels.tolist()


def test_the_workers_program_stands_alone(training: dict[str, str]) -> None:
    """It is run where there is no page."""
    trainer = "digitlab.createTrainer((news) => news.working || done(news.readAt), 50)({ restart: 1 })"
    assert ask([training["program"]], f"new Promise((done) => {trainer})") == 0


def test_the_trainer_does_as_it_is_told(training: dict[str, str], test_digits: Digits) -> None:
    start, once = {"restart": 1}, {"run": 1}
    orders = [{"load": training["digits"]}, start, {"settings": SETTINGS}, once, {"run": 640}, start, once]
    loaded, begun, _, stepped, ran, again, second = obey(*orders)
    kept = test_digits[:500]
    assert loaded["kept"] == {"images": kept.images.flatten().tolist(), "labels": kept.labels.tolist()}
    words = r"Its weights are random, and it reads \d+\.\d % of the 500 right\. .*"
    assert re.fullmatch(words, begun["words"])
    assert (stepped["seen"], stepped["steps"], ran["seen"], ran["steps"]) == (32, 1, 672, 21)
    assert stepped["words"].startswith("After 32 digits, 1 step: it reads ")
    assert [one["seen"] for one in ran["right"]] == [0, 32, 352, 672]
    assert ran["loss"] < stepped["loss"] and ran["filters"] != begun["filters"] == again["filters"]
    assert second["filters"] == stepped["filters"]  # the same weights, the same digits


def test_too_large_a_rate_is_said_calmly(training: dict[str, str]) -> None:
    settings = {"settings": {"rate": 1e30, "momentum": 0.9}}
    *_, answer = obey({"load": training["digits"]}, {"restart": 1}, settings, {"run": 6000})
    assert answer["words"].startswith("It broke. The steps were so large")
    assert answer["seen"] < 6000  # it stops by itself


@pytest.mark.slow
def test_it_learns_to_read(training: dict[str, str]) -> None:
    orders = [{"load": training["digits"]}, {"restart": 1}, {"settings": SETTINGS}, {"run": 5000}]
    right = obey(*orders)[-1]["right"]
    assert right[0]["share"] < 0.2 and right[-1]["share"] >= 0.85


# --- on the page ---

Open = Callable[..., Page]
DEAD = "window.Worker = class { constructor() { setTimeout(() => this.onerror()); } postMessage() {} };"


def now(page: Page, words: str) -> None:
    """Wait until the page says it of the training."""
    page.locator("#play-learn-now", has_text=re.compile(words)).wait_for()


def test_a_network_of_ones_own_reads_the_drawing(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    now(page, "Its weights are random. It has seen no digit yet.")
    assert page.is_disabled("#play-learn-use") and "training.js" not in asked
    page.click("#play-learn-step")
    now(page, "After 32 digits, 1 step: ")
    assert "training.js" in asked
    page.click("#play-learn-use")
    assert page.inner_text("#play-model-name") == "your network"
    assert "after 32 digits" in page.inner_text("#play-model-measured")
    page.click("#play-learn-go")
    now(page, r"After \d,\d+ digits, ")
    assert page.inner_text("#play-learn-go") == "Pause"
    page.click("#play-learn-go")
    page.locator("#play-learn-go", has_text="Go on").wait_for()
    said = page.inner_text("#play-learn-now")
    assert f"after {said.split()[1]} digits" in page.inner_text("#play-model-measured")  # it follows
    assert re.search(r"\d+ of them misread", page.get_attribute("#play-learn-wall", "aria-label"))
    assert page.inner_text("#play-learn-say") == said
    page.click("#play-learn-use")
    assert page.inner_text("#play-model-name") == "shipped network"
    page.click("#play-learn-again")
    now(page, "Its weights are random, and it reads")
    assert "Dashed: the run before, with rate" in page.inner_text("#play-learn-before")
    assert page.get_attribute(".learn-loss-before", "d") and not page.get_attribute(".learn-loss", "d")


@pytest.mark.parametrize("worker", ["", DEAD], ids=["worker", "dead worker"])
def test_it_learns_from_disk_and_without_a_worker(site: Path, open_page: Open, worker: str) -> None:
    page = open_page((site / "playground" / "index.html").as_uri(), worker, complains=True)
    page.click("#play-learn-step")
    now(page, "After 32 digits, 1 step: ")


def test_it_is_broken_and_mended_with_the_keyboard_alone_on_a_phone(open_page: Open) -> None:
    page = open_page("playground/", **PHONE, color_scheme="dark", complains=True)
    page.route("**/training.js", lambda route: route.abort())
    page.focus("#play-learn-go")
    press(page, "Enter")
    now(page, "The digits could not be loaded. Try again.")
    page.unroute("**/training.js")
    page.focus("#play-learn-rate")
    press(page, "End")
    assert page.get_attribute("#play-learn-rate", "aria-valuetext") == "2"
    page.focus("#play-learn-go")
    press(page, "Enter")
    now(page, "^It is stuck.")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    assert not barriers(page, "#play-learn")
