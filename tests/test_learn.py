"""The playground's own training, against PyTorch's: gradients, steps, start; and as people use it, in a browser.

Runs `learn_parity.js` in Node on files that are made here. Without Node these tests are skipped.
"""

import base64
import gzip
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from site_hooks import load_hook
from torch.nn import functional as F

from digitlab.data import Digits, load_sample, normalize
from digitlab.models import CNN

DOCS = Path(__file__).parents[1] / "docs"
NODE = shutil.which("node")
SETTINGS = {"rate": 0.02, "momentum": 0.9}
"""The page's own."""


@pytest.fixture
def node(tmp_path: Path) -> Callable[..., Any]:
    """Runs a task of learn_parity.js on some digits; arrays that it leaves are in the folder."""
    if NODE is None:
        pytest.skip("needs Node, which runs the playground's scripts")

    def run(task: str, digits: Digits | None = None, **job: Any) -> Any:
        if digits is not None:
            content = digits.images.numpy().tobytes() + bytes(digits.labels.tolist())
            (tmp_path / "digits.bin").write_bytes(content)
        (tmp_path / "job.json").write_text(json.dumps(job))
        command = [str(NODE), str(Path(__file__).with_name("learn_parity.js")), task, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "answer.json").read_text())

    return run


def tensors(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """The arrays of a task, keyed and shaped as the model's."""
    shapes = {key: value.shape for key, value in CNN().state_dict().items()}
    return {
        key: torch.from_numpy(np.fromfile(folder / f"{name}.{key}.bin", "<f4")).reshape(shape)
        for key, shape in shapes.items()
    }


def model_of(weights: dict[str, torch.Tensor]) -> CNN:
    model = CNN(dropout=0)
    model.load_state_dict(weights)
    return model


# --- the gradients and the steps ---


@pytest.mark.parametrize("seed", [1, 2])
def test_every_weights_gradient_is_pytorchs(
    node: Callable[..., Any], tmp_path: Path, test_digits: Digits, seed: int
) -> None:
    digits = test_digits[:100]
    losses = node("gradients", digits, seed=seed)
    model = model_of(tensors(tmp_path, "weights"))
    theirs = F.cross_entropy(model(normalize(digits.images)), digits.labels, reduction="none")
    theirs.sum().backward()
    assert torch.allclose(torch.tensor(losses), theirs.detach(), atol=1e-5)
    for name, ours in tensors(tmp_path, "gradients").items():
        expected = model.get_parameter(name).grad
        assert expected is not None and float(expected.abs().max()) > 0
        assert float((ours - expected).abs().max() / expected.abs().max()) <= 1e-4, name


def test_the_gradients_are_finite_differences(
    node: Callable[..., Any], tmp_path: Path, test_digits: Digits
) -> None:
    """Of the loss of one digit by some weights of each layer, in double precision."""
    digit = test_digits[:1]
    node("gradients", digit, seed=3)
    model = model_of(tensors(tmp_path, "weights")).double()
    image, width = normalize(digit.images).double(), 1e-6
    for name, ours in tensors(tmp_path, "gradients").items():
        weights = model.get_parameter(name).data.view(-1)
        chosen = ours.flatten().abs().argsort(descending=True)[:10].tolist()
        for at in [*chosen, *range(0, len(weights), 1 + len(weights) // 10)]:
            losses = []
            for shift in (width, -2 * width):
                weights[at] += shift
                losses.append(F.cross_entropy(model(image), digit.labels).item())
            weights[at] += width
            expected = (losses[0] - losses[1]) / (2 * width)
            assert float(ours.flatten()[at]) == pytest.approx(expected, rel=1e-3, abs=1e-5), (name, at)


def test_steps_are_those_of_pytorchs_optimiser(node: Callable[..., Any], tmp_path: Path) -> None:
    """Over the end of a round too: 128 digits are four batches, and each round shows each digit once."""
    digits = load_sample("train")[:128]
    steps = node("steps", digits, seed=1, steps=10, settings=SETTINGS)
    for first in (0, 4):
        shown = [at for step in steps[first : first + 4] for at in step["batch"]]
        assert sorted(shown) == list(range(128)) != shown
    assert steps[0]["batch"] != steps[4]["batch"]
    model = model_of(tensors(tmp_path, "before"))
    optimiser = torch.optim.SGD(model.parameters(), lr=SETTINGS["rate"], momentum=SETTINGS["momentum"])
    for step in steps:
        batch = digits[step["batch"]]
        loss = F.cross_entropy(model(normalize(batch.images)), batch.labels)
        assert step["loss"] == pytest.approx(loss.item(), rel=1e-4)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for name, ours in tensors(tmp_path, "after").items():
        assert torch.allclose(ours, model.get_parameter(name), atol=1e-5), name


def test_the_start_is_pytorchs_and_of_its_seed(
    node: Callable[..., Any], tmp_path: Path, test_digits: Digits
) -> None:
    """Even between -1 and 1 over the root of the inputs, as `torch.nn.Linear` and `Conv2d` begin."""
    starts = []
    for seed in (1, 1, 2):
        node("gradients", test_digits[:1], seed=seed)
        starts.append(tensors(tmp_path, "weights"))
    for name, ours in starts[0].items():
        reach = CNN().get_parameter(name.replace("bias", "weight")).flatten(1).shape[1] ** -0.5
        assert CNN().get_parameter(name).abs().max().item() <= reach
        assert float(ours.abs().max()) <= reach
        assert torch.equal(ours, starts[1][name]) and not torch.equal(ours, starts[2][name])
        if ours.numel() > 200:
            assert float(ours.abs().max()) > 0.95 * reach
            assert float(ours.std()) == pytest.approx(reach / 3**0.5, rel=0.1)
            assert abs(float(ours.mean())) < 0.15 * reach


# --- the trainer, and what the site hands to it ---


@pytest.fixture(scope="module")
def training() -> dict[str, str]:
    made: dict[str, str] = load_hook("playground").make_training(load_sample("test"))
    assert len(json.dumps(made)) < 1_800_000
    return made


def test_the_sites_digits_are_the_samples(training: dict[str, str], test_digits: Digits) -> None:
    content = gzip.decompress(base64.b64decode(training["digits"]))
    count = len(content) // 785
    pixels, labels = content[: 784 * count], content[784 * count :]
    learned, kept = load_sample("train")[: count - 500], test_digits[:500]
    assert pixels == learned.images.numpy().tobytes() + kept.images.numpy().tobytes()
    assert list(labels) == learned.labels.tolist() + kept.labels.tolist()
    same = {bytes(image) for image in learned.images.numpy()} & {
        bytes(image) for image in kept.images.numpy()
    }
    assert not same


def test_the_workers_program_stands_alone(training: dict[str, str], tmp_path: Path) -> None:
    """It is run where there is no page."""
    if NODE is None:
        pytest.skip("needs Node")
    program = tmp_path / "program.js"
    program.write_text(training["program"] + "digitlab.createTrainer(console.log, 50)({ restart: 1 });")
    done = subprocess.run([NODE, str(program)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "working: false" in done.stdout, done.stderr


def test_the_trainer_does_as_it_is_told(
    node: Callable[..., Any], training: dict[str, str], tmp_path: Path, test_digits: Digits
) -> None:
    start, once = {"restart": 1}, {"run": 1}
    orders = [{"load": training["digits"]}, start, {"settings": SETTINGS}, once, {"run": 640}, start, once]
    loaded, begun, _, stepped, ran, again, second = node("orders", packed=None, orders=orders)
    assert "error" not in loaded
    kept = test_digits[:500]
    assert (tmp_path / "kept.bin").read_bytes() == kept.images.numpy().tobytes() + bytes(kept.labels.tolist())
    assert re.fullmatch(
        r"Its weights are random, and it reads \d+\.\d % of the 500 right\. .*", begun["words"]
    )
    assert (stepped["seen"], stepped["steps"], ran["seen"], ran["steps"]) == (32, 1, 672, 21)
    assert stepped["words"].startswith("After 32 digits, 1 step: it reads ")
    assert [one["seen"] for one in ran["right"]] == [0, 32, 352, 672]
    assert ran["loss"] < stepped["loss"] and ran["filters"] != begun["filters"] == again["filters"]
    assert second["filters"] == stepped["filters"]  # the same weights, the same digits


@pytest.mark.parametrize(
    "rate, said",
    [(1, "It is stuck. Steps this large have pushed"), (1e30, "It broke. The steps were so large")],
)
def test_too_large_a_rate_is_said_calmly(
    node: Callable[..., Any], training: dict[str, str], rate: float, said: str
) -> None:
    settings = {"settings": {"rate": rate, "momentum": 0.9}}
    orders = [{"load": training["digits"]}, {"restart": 1}, settings, {"run": 6000}]
    *_, answer = node("orders", packed=None, orders=orders)
    assert answer["words"].startswith(said) and answer["words"].endswith("and start again.")
    assert answer["seen"] < 6000  # it stops by itself


@pytest.mark.parametrize("packed", ["", "AAAA", "H4sIAAAA"])
def test_damaged_digits_are_one_clear_line(node: Callable[..., Any], packed: str) -> None:
    (answer,) = node("orders", orders=[{"load": packed}])
    assert answer["error"].startswith("The digits cannot be unpacked.") and "\n" not in answer["error"]


@pytest.mark.slow
def test_it_learns_to_read(node: Callable[..., Any], training: dict[str, str]) -> None:
    orders = [{"load": training["digits"]}, {"restart": 1}, {"settings": SETTINGS}, {"run": 20_000}]
    *_, answer = node("orders", packed=None, orders=orders)
    assert answer["right"][0]["share"] < 0.2 and answer["right"][-1]["share"] >= 0.95


# --- on the page ---

NO_WORKER = "window.Worker = undefined;"
DEAD_WORKER = (
    "window.Worker = class { constructor() { setTimeout(() => this.onerror()); } postMessage() {} };"
)


def open_page(browser: Any, url: str, script: str = "", **context: Any) -> Any:
    page = browser.new_context(reduced_motion="reduce", **context).new_page()
    page.add_init_script(script)
    page.goto(url)
    return page


def now(page: Any, words: str) -> None:
    """Wait until the page says it of the training."""
    page.locator("#play-learn-now").filter(has_text=re.compile(words)).wait_for()


@pytest.mark.slow
def test_a_network_of_ones_own_reads_the_drawing(address: str, browser: Any) -> None:
    page = open_page(browser, f"{address}playground/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "favicon" not in request.url else None)
    model, use = page.locator("#play-model-name"), page.locator("#play-learn-use")
    now(page, "Its weights are random. It has seen no digit yet.")
    assert use.is_disabled() and not asked
    page.click("#play-learn-step")
    now(page, "After 32 digits, 1 step: ")
    assert [url.rpartition("/")[2] for url in asked if not url.startswith(("blob:", "data:"))] == [
        "training.js"
    ]
    use.click()
    assert model.inner_text() == "your network"
    assert "after 32 digits" in page.locator("#play-model-measured").inner_text()
    page.click("#play-learn-go")
    now(page, r"After \d,\d+ digits, ")
    assert page.locator("#play-learn-go").inner_text() == "Pause"
    page.click("#play-learn-go")
    page.locator("#play-learn-go").filter(has_text="Go on").wait_for()
    seen = page.locator("#play-learn-now").inner_text().split()[1]
    assert (
        f"after {seen} digits" in page.locator("#play-model-measured").inner_text()
    )  # it follows the training
    assert re.search(
        r"\d+ of them misread", str(page.locator("#play-learn-wall").get_attribute("aria-label"))
    )
    assert page.locator("#play-learn-say").inner_text() == page.locator("#play-learn-now").inner_text()
    use.click()
    assert model.inner_text() == "shipped network"
    page.click("#play-learn-again")
    now(page, "Its weights are random, and it reads")
    assert "Dashed: the run before, with rate" in page.locator("#play-learn-before").inner_text()
    assert page.locator(".learn-loss-before").get_attribute("d") and not page.locator(
        ".learn-loss"
    ).get_attribute("d")
    page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("script", ["", NO_WORKER, DEAD_WORKER], ids=["worker", "no worker", "dead worker"])
def test_it_learns_from_disk_and_without_a_worker(site: Path, browser: Any, script: str) -> None:
    page = open_page(browser, (site / "playground" / "index.html").as_uri(), script)
    page.click("#play-learn-step")
    now(page, "After 32 digits, 1 step: ")
    page.context.close()


@pytest.mark.slow
def test_digits_that_do_not_come_are_asked_for_again(address: str, browser: Any) -> None:
    page = open_page(browser, f"{address}playground/")
    page.route("**/training.js", lambda route: route.abort())
    page.click("#play-learn-go")
    now(page, "The digits could not be loaded. Try again.")
    page.unroute("**/training.js")
    page.click("#play-learn-step")
    now(page, "After 32 digits, 1 step: ")
    page.context.close()


@pytest.mark.slow
def test_it_is_broken_and_mended_with_the_keyboard_alone_on_a_phone(address: str, browser: Any) -> None:
    page = open_page(
        browser, f"{address}playground/", viewport={"width": 360, "height": 740}, color_scheme="dark"
    )
    page.locator("#play-learn-rate").focus()
    page.keyboard.press("End")
    assert page.locator("#play-learn-rate").get_attribute("aria-valuetext") == "2"
    page.locator("#play-learn-go").focus()
    page.keyboard.press("Enter")
    now(page, "^It is stuck.")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context="#play-learn").response["violations"]
    assert not found, [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]
    page.context.close()
