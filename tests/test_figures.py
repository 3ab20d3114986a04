"""The figures in the lessons that react: their numbers are the library's, a lesson with one stays light, and all can
use it. What needs no browser runs in Node."""

import gzip
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import javascript
import nbformat
import numpy as np
import pytest
import torch
from browsing import PHONE, Page, barriers, press, settle
from site_hooks import load_hook
from torch.nn import functional as F

from digitlab.data import followed_digit, load_sample, normalize, train_val_split
from digitlab.exercises.lesson_11 import shift_matrix, turn_matrix
from digitlab.exercises.lesson_13 import centre_of_mass
from digitlab.interpret import occlusion
from digitlab.metrics import wilson_interval
from digitlab.models import SoftmaxRegression
from digitlab.runs.checkpoint import load_shipped_model
from digitlab.training import predict

DOCS = javascript.DOCS
LESSONS = {path.stem: nbformat.read(path, as_version=4).cells for path in DOCS.parent.glob("lessons/*.ipynb")}
LESSON_OF = {cell.metadata.get("figure"): stem for stem, cells in LESSONS.items() for cell in cells}
HOOK = load_hook("figures")


@cache
def text_of(path: str) -> str:
    """A script of the site, which may be one that a hook makes."""
    return str(HOOK.MADE[path]()) if path in HOOK.MADE else (DOCS / path).read_text("utf-8")


def ask(name: str, question: str, **given: Any) -> Any:
    """What an expression is after the scripts of a figure."""
    scripts = [text_of(path) for path in HOOK.scripts_of(name) if not path.endswith("mount.js")]
    return javascript.ask(scripts, question, **given)


@pytest.mark.parametrize("name", HOOK.FIGURES)
def test_a_lesson_stays_light(name: str) -> None:
    paths = [*HOOK.scripts_of(name), "stylesheets/figures.css"]
    weights = {path: len(gzip.compress(text_of(path).encode())) for path in paths}
    assert sum(weights.values()) <= 60 * 1024, weights


# --- numbers ---


def test_a_kernels_map_is_pytorchs() -> None:
    image = followed_digit().images[0].float() / 255
    kernel = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    given = {"image": image.flatten().tolist(), "kernel": kernel.flatten().tolist()}
    ours = torch.tensor(ask("kernel", "digitlab.kernels.slide(given.image, given.kernel)", **given))
    theirs = F.conv2d(image[None, None], kernel[None, None], padding=2).flatten()
    assert float((ours - theirs).abs().max()) <= 1e-5


def test_the_templates_are_learnt_as_by_pytorch_and_weigh_as_there() -> None:
    train, _ = train_val_split(load_sample("train"), n_val=800, seed=0)
    model = SoftmaxRegression()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    optimizer, pixels = torch.optim.SGD(model.parameters(), lr=0.5), train.images[:, None].float() / 255
    for _ in range(100):
        optimizer.zero_grad()
        F.cross_entropy(model(pixels), train.labels).backward()
        optimizer.step()
    model.requires_grad_(False)
    weigh = "w.weights.map((row, k) => digitlab.linear.weigh(row, w.bias[k], image))"
    asked = f"[w.weights, w.bias, digitlab.learntTemplates.steps, digitlab.tenDigits.map((image) => {weigh})]"
    *made, digits = ask("templates", f"((w) => {asked})(digitlab.linear.unpack(digitlab.learntTemplates))")
    weights, bias, steps = map(torch.tensor, made)
    off = (weights - model.fc.weight).abs().amax(dim=1)
    assert (off <= 0.51 * steps).all(), "rounded to the nearest step"
    assert float((bias - model.fc.bias).abs().max()) <= 1e-4
    sample = load_sample("test")
    for label, each in enumerate(digits):
        image = sample.images[sample.labels == label][0].flatten() / 255
        products = image * weights
        gain, loss = products.clamp(min=0).sum(dim=1), products.clamp(max=0).sum(dim=1)
        expected = {"products": products, "gain": gain, "loss": loss, "score": gain + loss + bias}
        for key, theirs in expected.items():
            assert torch.allclose(torch.tensor([one[key] for one in each]), theirs, atol=1e-4), (label, key)


@pytest.fixture(scope="module")
def rounded() -> torch.nn.Module:
    """What the lessons' figures run, in PyTorch."""
    model = load_shipped_model().eval()
    own = model.state_dict()
    tensors = ask("turn", "digitlab.weightsFile.parse(digitlabWeights).tensors")
    model.load_state_dict({key: torch.tensor(flat).view(own[key].shape) for key, flat in tensors.items()})
    return model.requires_grad_(False)


def test_the_rounded_network_reads_as_the_shipped_one(rounded: torch.nn.Module) -> None:
    images = load_sample("test").images[:300]
    ours, theirs = predict(rounded, images), predict(load_shipped_model(), images)
    assert torch.equal(ours.argmax(1), theirs.argmax(1))
    assert float((ours - theirs).abs().mean()) <= 0.001


def test_the_centre_of_mass_is_the_lessons() -> None:
    ink = torch.randint(0, 256, (20, 13), generator=torch.Generator().manual_seed(0))
    ours = ask("centring", "digitlab.centring.centreOfMass(given.ink, 13)", ink=ink.flatten().tolist())
    assert [ours["row"], ours["column"]] == pytest.approx(centre_of_mass(ink.float()))


@pytest.fixture(scope="module")
def landscape() -> dict[str, Any]:
    """What lesson 03's own cells compute of its landscape, from the sample."""
    train, _ = train_val_split(load_sample("train"), n_val=800, seed=0)
    names = {"train": train, "five": followed_digit(), "torch": torch, "F": F}
    for cell in LESSONS["03_the_training_loop"]:
        if cell.cell_type == "code" and re.match("def (windows|loss_at|walk)", cell.source):
            exec(cell.source.partition("\nplot_surface")[0], names)
    return names


def test_the_landscape_and_the_walks_are_the_lessons(landscape: dict[str, Any]) -> None:
    made = "digitlab.lossSurface.low, digitlab.lossSurface.high, digitlab.relief.depth, digitlab.relief.ENDS"
    each = "(at) => [at.x, at.y, digitlab.surface.lossAt(w, at).loss]"
    walks = f"[0, 0.5].map((momentum) => digitlab.surface.walk(w, 4, momentum, 20).map({each}))"
    asked = f"((w) => [{made}, {walks}])(digitlab.surface.unpack(digitlab.lossSurface))"
    low, high, roots, ends, walked = ask("surface", asked)
    heights = low + (high - low) * torch.tensor(roots).square().view(40, 40)
    assert torch.allclose(heights, landscape["heights"], atol=1e-3)
    assert ends == [[landscape[side][0], landscape[side][-1]] for side in ("left_weight", "right_weight")]
    (places, losses), (plain, rolling) = landscape["walk"](4), torch.tensor(walked)
    assert torch.allclose(plain, torch.cat([places, torch.tensor(losses)[:, None]], dim=1), atol=1e-3)
    moved = (rolling[2] - plain[2])[:2]
    assert torch.allclose(moved, 0.5 * plain[1, :2], atol=1e-3), "momentum"


def test_the_filled_map_is_the_librarys_occlusion(rounded: torch.nn.Module) -> None:
    fill = """((w) => {
      const map = digitlab.occluding.start(w, digitlab.tenDigits[5], 5);
      const { fall } = map.visit(8, 8);
      map.visit(8, 8); // a place that is visited twice counts once
      for (let place = map.next(); place; place = map.next()) map.visit(...place);
      return [fall, map.heat, map.visited()];
    })(digitlab.weightsFile.parse(digitlabWeights))"""
    fall, heat, places = ask("occlusion", fill)
    image = normalize(followed_digit().images)
    expected = occlusion(rounded, image, targets=5)[0]
    assert torch.allclose(torch.tensor(heat).view(28, 28), expected, atol=1e-3) and places == 24 * 24
    wiped = image.clone()
    wiped[:, :, 8:13, 8:13] = image.min()
    assert fall == pytest.approx(float((rounded(image) - rounded(wiped))[0, 5]), abs=1e-3)


def test_a_changed_digit_is_pytorchs() -> None:
    change = {"turn": 30, "right": 3, "down": -1.5, "size": 1.2}
    look = "[m, digitlab.affine.look(digitlab.tenDigits[5], m)]"
    matrix, ours = ask("turn", f"((m) => {look})(digitlab.affine.matrix(given.change))", change=change)
    parts = (turn_matrix(30, 1.2), shift_matrix(3, -1.5))
    first, second = (torch.cat([each, torch.tensor([[0.0, 0, 1]])]) for each in parts)
    expected = (first @ second)[:2]  # the look goes the other way: first back by the shift, then turned
    assert matrix == pytest.approx(expected.flatten().tolist(), abs=1e-6)
    grid = F.affine_grid(expected[None], [1, 1, 28, 28], align_corners=False)
    theirs = F.grid_sample(followed_digit().images[:, None].float(), grid, align_corners=False)
    assert float((torch.tensor(ours) - theirs.flatten().round()).abs().max()) <= 1, "grey levels"


def test_an_interval_is_wilsons() -> None:
    counts = [(0, 25), (194, 200), (9_900, 10_000), (25, 25)]
    ours = ask("wobble", "given.counts.map((each) => digitlab.draws.wilson(...each))", counts=counts)
    assert np.allclose(ours, [wilson_interval(*each) for each in counts])


# --- used, in a browser ---

Open = Callable[..., Any]


@pytest.fixture
def open_figure(address: str, open_page: Callable[..., Page]) -> Open:
    """Opens the lesson of a figure, and scrolls there."""

    def opened(name: str, failing: str = "", **options: Any) -> Any:
        page, url = open_page("about:blank", **options), f"{address}lessons/{LESSON_OF[name]}/"
        # The site of the tests has no outputs, so the picture is put where it would be.
        picture = '<figure><img alt="the picture" src="../../images/walk.png" loading="lazy"></figure>'
        start = f'data-figure="{name}">'

        def with_picture(route: Any) -> None:
            route.fulfill(body=route.fetch().text().replace(start, start + picture))

        page.route(url, with_picture)
        if failing:
            page.route(f"**/figures/{name}.js", lambda route: route.fulfill(body=failing))
        page.goto(url)
        live = page.locator(f'.live[data-figure="{name}"]')
        live.scroll_into_view_if_needed()
        return live

    return opened


def words(live: Any) -> str:
    settle(live.page)
    return str(live.locator(".live-words").inner_text())


def choose(live: Any, name: str) -> None:
    live.get_by_role("button", name=name).press("Enter")


@pytest.mark.parametrize("name", HOOK.FIGURES)
def test_a_figure_takes_the_pictures_place_for_everybody_on_the_screen(open_figure: Open, name: str) -> None:
    live = open_figure(name, **PHONE)
    page = live.page
    live.locator(".live-root").wait_for()
    assert words(live) and not live.locator("figure").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for scheme in ("dark", "light"):
        assert not barriers(page, f'.live[data-figure="{name}"]'), f"before {scheme}"
        page.get_by_title(f"Switch to the {scheme} page").click()
    assert "this picture reacts" not in page.content()
    page.emulate_media(media="print")
    live.locator("figure").wait_for()  # until its picture has come
    assert not live.locator(".live-root").is_visible()


@pytest.mark.parametrize("failing", ["", "digitlab.figures.kernel = () => { throw 1; }"])
def test_where_no_script_runs_or_one_fails_there_is_the_picture(open_figure: Open, failing: str) -> None:
    live = open_figure("kernel", failing, java_script_enabled=bool(failing), complains=True)
    live.locator("figure").wait_for()
    live.page.wait_for_timeout(100)
    assert live.locator(".live-root").count() == 0 and live.locator("figure").is_visible()


def test_a_kernel_by_keyboard(open_figure: Open) -> None:
    live = open_figure("kernel")
    live.get_by_label("upright edges").focus()
    press(live.page, "ArrowLeft")
    assert words(live) == "A mean of nine pixels: a soft five."
    live.get_by_label("Kernel, row 1, column 1").fill("9")
    live.get_by_role("application").focus()
    press(live.page, "ArrowDown", "ArrowUp")
    kernel = torch.full((3, 3), 1 / 9)
    kernel[1, 1] = 9
    value = float((followed_digit().images[0, 14:17, 15:18] / 255 * kernel).sum())
    assert words(live).startswith(f"Row 15, column 16: 9 products add up to {value:.3g}")
    live.get_by_label("5 × 5").check(force=True)
    assert live.locator(".live-terms td").count() == 25 == live.locator(".live-kernel input").count()
    assert f"25 products add up to {value:.3g}" in words(live)


def test_templates_over_what_is_drawn(open_figure: Open) -> None:
    live = open_figure("templates")
    assert words(live).startswith("5 wins with")
    choose(live, "Clear")
    assert words(live).startswith("No ink")
    live.get_by_role("application").focus()
    press(live.page, *6 * ["ArrowUp"], " ", *14 * ["ArrowDown"])
    assert words(live).startswith("1 wins with") and "Template 1: ink on orange adds" in words(live)
    live.get_by_role("radio", name=re.compile("^1 ")).focus()
    press(live.page, "ArrowDown")
    assert words(live).startswith("1 wins with") and "Template 2: " in words(live)


def test_the_way_through_the_network_step_by_step(open_figure: Open) -> None:
    live = open_figure("walk")
    back, on = live.get_by_role("button", name="Back"), live.get_by_role("button", name="Next layer")
    assert on.is_disabled() and re.search(r"^fc2: .* It reads 5, with > 99.9 %\.$", words(live))
    for layer in ("fc1", "pool2", "conv2", "pool1", "conv1", "input"):
        back.press("Enter")
        assert words(live).startswith(f"{layer}: ")
    assert live.locator(".live-ahead").count() == 6 and back.is_disabled()
    live.get_by_label("5", exact=True).focus()
    press(live.page, "ArrowRight")
    on.press("Enter")
    assert words(live).startswith("conv1: ") and live.locator(".live-ahead").count() == 5


def test_ink_is_put_in_its_place(open_figure: Open) -> None:
    live = open_figure("centring")
    assert re.fullmatch(r"Only made small, .* as [^5] .*\. Prepared, it is read as 5 \(.*\)\.", words(live))
    choose(live, "Clear")
    assert words(live) == "No ink yet."
    live.get_by_role("application").focus()
    press(live.page, *3 * ["ArrowRight"], " ", *5 * ["ArrowDown"])
    assert "Prepared, it is read as 1" in words(live)


def test_the_walker_by_keyboard(open_figure: Open, landscape: dict[str, Any]) -> None:
    live = open_figure("surface")
    assert words(live).startswith("Step 0: left weight 0.00, right weight 0.00, loss 0.693.")
    choose(live, "20 steps")
    x, y = landscape["walk"](1)[0][-1].tolist()
    assert words(live).startswith(f"Step 20: left weight {x:.2f}, right weight −{-y:.2f}, loss ")
    live.get_by_role("application").focus()
    press(live.page, "ArrowUp", "ArrowRight")
    assert words(live).startswith(f"Step 0: left weight {x + 0.25:.2f}")
    live.get_by_label("learning rate").press("End")
    choose(live, "20 steps")
    assert "It has left the map" in words(live)
    live.get_by_role("application").click(position={"x": 1, "y": 1})
    assert re.match("Step 0: left weight −(3.00|2.9.), right weight (3.00|2.9.), ", words(live))


def test_the_walker_walks_and_pauses(open_figure: Open) -> None:
    live = open_figure("surface", reduced_motion="no-preference")
    choose(live, "Walk")
    live.get_by_text(re.compile("^Step [3-9]:")).wait_for()
    choose(live, "Pause")
    live.get_by_role("button", name="Walk").wait_for()


def test_a_patch_by_keyboard_fills_the_map(open_figure: Open) -> None:
    live = open_figure("occlusion")
    assert words(live).startswith("Rows 8 to 12, columns 8 to 12 wiped out: the score of 5 ")
    live.get_by_role("application").focus()
    press(live.page, *9 * ["ArrowUp"], *9 * ["ArrowLeft"])
    start = "Rows 0 to 4, columns 0 to 4 wiped out: nothing to miss here, the score of 5 stays."
    assert words(live).startswith(start)
    choose(live, "Fill the map")
    live.get_by_text("The map is full: 576 places.").wait_for()
    assert live.get_by_role("button", name="Fill the map").is_disabled()
    choose(live, "Empty the map")
    assert words(live).startswith(start)


def test_a_digit_is_turned_by_keyboard(open_figure: Open) -> None:
    live = open_figure("turn")
    along = re.search("Along “turn” it is read as 5 from −(.*) to (.*)°", words(live))
    assert words(live).startswith("Read as 5, with") and along is not None
    live.get_by_label("turn").press("Home")
    assert not words(live).startswith("Read as 5") and words(live).endswith(along[0] + ".")
    live.get_by_label("shift right").press("ArrowRight")
    assert "Along “shift right”" in words(live)
    choose(live, "As it was")
    assert words(live).startswith("Read as 5, with")
    assert live.get_by_label("turn").input_value() == live.get_by_label("shift right").input_value() == "0"
