"""What the playground computes and says, against the library: the same network, reasons, preparation and sums.

Without Node these tests are skipped.
"""

import base64
import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from javascript import CORE, DOCS, PLAYGROUND, ask_playground, rounded_model, shipped_weights
from site_hooks import load_hook

from digitlab.data import Digits, load_sample, normalize
from digitlab.export import playground_script
from digitlab.forward import receptive_field, walk
from digitlab.interpret import occlusion
from digitlab.models import CNN
from digitlab.photo.fit import _area_weights, normalize_ink
from digitlab.training import predict

DIGITS = load_sample("test")[:100]
PIXELS = DIGITS.images.flatten(1).tolist()
PUT = ["put", PIXELS[0]]


# --- the network ---


def activations(images: torch.Tensor) -> dict[str, torch.Tensor]:
    """By the page's names and shapes, as (digits, maps, rows, columns)."""
    steps = {step.name: step.output for step in walk(rounded_model(), normalize(images))}
    fully = {"fc1": steps["relu_2"].view(-1, 1, 10, 5), "fc2": steps["fc2"].view(-1, 1, 1, 10)}
    pools = {"pool1": steps["relu"], "pool2": steps["relu_1"]}
    return {name: steps[name] for name in ("input", "conv1", "conv2")} | pools | fully


def test_every_activation_is_pytorchs() -> None:
    ours, layers = ask_playground("[forward(given.images), digitlab.network.LAYERS]", images=PIXELS)
    theirs = activations(DIGITS.images)
    shapes = {name: (layer["maps"], layer["rows"], layer["columns"]) for name, layer in layers.items()}
    assert shapes == {name: tuple(expected.shape[1:]) for name, expected in theirs.items()}
    theirs["probabilities"] = theirs["fc2"].softmax(-1)
    for name, expected in theirs.items():
        values = torch.tensor([each[name] for each in ours])
        assert float((values - expected.flatten(1)).abs().max()) <= 1e-4, name


@pytest.mark.parametrize("stride", [1, 2])
def test_occlusion_is_the_librarys(stride: int) -> None:
    images, targets = DIGITS.images[:3].clone(), torch.tensor([7, 1, 2])
    images[1] = 0  # nothing but blank patches
    images[2] = 255  # no blank patch to skip
    each = "(image, i) => finish(digitlab.why.occlusion(w, image, given.targets[i], given.options))"
    given = {"images": images.flatten(1).tolist(), "targets": targets.tolist()}
    ours = ask_playground(f"given.images.map({each})", **given, options={"size": 5, "stride": stride})
    theirs = occlusion(rounded_model(), normalize(images), targets, size=5, stride=stride).flatten(1)
    assert float((torch.tensor(ours) - theirs).abs().max()) <= 1e-4
    assert not any(ours[1]) and any(ours[0])


def test_occlusion_in_slices_leaves_time_for_the_pen() -> None:
    answer = ask_playground("occludeInSlices(given.image)", image=PIXELS[0])
    progress = answer["progress"]
    assert len(progress) > 50 and progress == sorted(progress) and progress[-1] < 1
    assert max(answer["lengths"]) <= 20
    assert answer["map"] == answer["whole"], "a stroke that is drawn meanwhile must not show"


def test_receptive_fields_are_the_measured_ones() -> None:
    steps = {"conv1": "conv1", "pool1": "max_pool2d", "conv2": "conv2", "pool2": "max_pool2d_1"}
    places = [(layer, row, 3) for layer in steps for row in (0, 2, 3)]
    question = "given.places.map((place) => digitlab.network.receptiveField(...place))"
    for (layer, *place), field in zip(places, ask_playground(question, places=places), strict=True):
        top, left, size = field["top"], field["left"], field["size"]
        assert (top, left, top + size, left + size) == receptive_field(CNN(), steps[layer], tuple(place))


# --- the preparation ---


def drawings() -> list[np.ndarray]:
    """Ink of many sizes and places, dense and sparse; the sample's own digits, and a full paper."""
    random, made = np.random.default_rng(0), [*DIGITS.images[:20].numpy(), np.full((280, 280), 255, np.uint8)]
    for _ in range(60):
        shape = random.integers(1, 160, 2)
        ink = random.integers(1, 256, shape) * (random.random(shape) < random.random())
        made.append(np.pad(ink, random.integers(0, 90, (2, 2))).astype(np.uint8))
    return [each for each in made if each.any()]


def test_preparation_is_the_librarys() -> None:
    given = [[each.ravel().tolist(), each.shape[1]] for each in (*drawings(), np.zeros((280, 200), np.uint8))]
    each = "digitlab.ink.normalize(ink, width, ink.length / width, centre)"
    question = f"given.drawings.map(([ink, width]) => [true, false].map((centre) => {each}))"
    *answers, empty = ask_playground(question, drawings=given)
    assert empty == 2 * [{"box": None, "boxed": None, "image": [0] * 784}]
    for drawing, (answer, off) in zip(drawings(), answers, strict=True):
        height, width = drawing.shape
        expected, boxed = normalize_ink(drawing / 255), answer["boxed"]
        rows, columns = (np.flatnonzero(drawing.any(axis)) for axis in (1, 0))
        box = {"left": columns[0], "top": rows[0], "width": np.ptp(columns) + 1, "height": np.ptp(rows) + 1}
        assert answer["box"] == off["box"] == box and off["boxed"] is None
        assert (boxed["height"], boxed["width"]) == expected.boxed.shape
        # Switched off: the whole canvas, whatever is on it.
        plain = 255 * (_area_weights(height, 28) @ (drawing / 255) @ _area_weights(width, 28).T)
        pairs = [(boxed["pixels"], expected.boxed), (answer["image"], expected.image), (off["image"], plain)]
        for ours, theirs in pairs:
            assert np.abs(np.array(ours, float) - theirs.ravel()).max() <= 1


# --- what the page knows and says ---


def strokes(*points: tuple[float, float]) -> list[Any]:
    ends = [{"x": float(x), "y": float(y)} for x, y in points]
    return [["stroke", start, end] for start, end in pairwise(ends)]


SEVEN = strokes((70, 60), (200, 60), (180, 110), (140, 170), (115, 235))


def play(*steps: list[Any], names: str | None = None) -> list[dict[str, Any]]:
    """What the page knows after each step, which is a list of changes: see `playground.js`."""
    asked = "play(given.steps, given.names)" if names else "play(given.steps)"
    answers: list[dict[str, Any]] = ask_playground(asked, steps=steps, names=names and names.split())
    return answers


def test_a_stroke_leaves_as_much_ink_as_the_pen_covers() -> None:
    drawn = {20: [(60, 60), (200, 130)], 6: [(50, 200), (50, 90)], 30: [(140, 140), (140, 140)]}
    steps = [[["clear"], ["penWidth", width], *strokes(*ends)] for width, ends in drawn.items()]
    steps.append([["clear"], ["penWidth", 20], *strokes((-50, 100), (400, 100))])  # beyond the paper
    covered = [20 * np.hypot(140, 70) + np.pi * 100, 6 * 110 + np.pi * 9, np.pi * 225, 20 * 280]
    assert [answer["inked"] for answer in play(*steps)] == pytest.approx(covered, rel=0.01)


def test_a_reading_is_said_and_remarked_on() -> None:
    black, down = [["penWidth", 300], *strokes((140, 140), (140, 140))], [["toggleKeyboard"]]
    empty, seven, held, full, cleared = play([], SEVEN, down, black, [["clear"]])
    assert empty["title"] == cleared["announcement"] == "Draw a digit"
    assert empty["remark"] == "Nothing to read yet." and empty["why"] == "Draw a digit, and ask."
    assert seven["title"].startswith("Looks like 7, ") and seven["announcement"] == seven["title"]
    assert held["announcement"].startswith("Pen down. Looks like")
    assert "Almost everything is ink" in full["remark"]


def numbers(text: str) -> list[float]:
    """The numbers in a text that stand by themselves."""
    return [float(number.replace("−", "-")) for number in re.findall(r"(?<![\w.])−?\d+(?:\.\d+)?", text)]


def test_the_sums_are_pytorchs_and_what_one_reads_adds_up() -> None:
    model, made = rounded_model(), activations(DIGITS.images[:1])

    def value_of(unit: dict[str, Any]) -> float:
        return float(made[unit["layer"]][0, unit["map"], unit["row"], unit["column"]])

    maps = {"conv1": 10, "pool1": 10, "conv2": 20, "pool2": 20, "fc1": 1, "fc2": 10}
    opened = [(layer, i) for layer, count in maps.items() for i in range(count)]
    steps = [[["openMap", *each], ["channel", each[1] % 10]] for each in opened]
    _, *answers = play([PUT], *steps, names="sum unit sources")
    for (layer, _), answer in zip(opened, answers, strict=True):
        sentence, parts, unit = answer["sum"]["sentence"], answer["sum"]["parts"], answer["unit"]
        value, products = value_of(unit), [source["product"] for source in answer["sources"]]
        for source in answer["sources"]:
            assert source["value"] == pytest.approx(value_of(source["unit"]), abs=1e-4)
        assert numbers(sentence.split(" is ")[1])[0] == pytest.approx(value, rel=5e-3, abs=6e-4), sentence
        totals = [numbers(part["total"]) for part in parts if "total" in part]
        squares = [square for part in parts for square in part.get("squares", []) if len(square) > 1]
        cells = [np.array([cell["value"] for cell in square["cells"]]) for square in squares]
        if layer.startswith("pool"):
            assert sum(products) == max(0, *cells[0]) == pytest.approx(value, abs=1e-4)
            continue
        own = unit["map"] if layer.startswith("conv") else 5 * unit["row"] + unit["column"]
        score = sum(products) + model.get_parameter(f"{layer}.bias")[own].item()
        assert (max(0, score) if layer == "fc1" else score) == pytest.approx(value, abs=1e-3)
        if layer.startswith("fc"):
            largest, rest, _, bias, total = totals[0]
            assert largest + rest + bias == pytest.approx(total, rel=1e-2, abs=0.02)  # of three digits
            continue
        patch, kernel, square = cells
        assert patch * kernel == pytest.approx(square)
        assert totals[-1][0] + totals[-1][1] == pytest.approx(totals[-1][2], rel=0.02, abs=0.002)
        if layer == "conv2":
            own, rest, total = totals[0]
            assert own + rest == pytest.approx(total, abs=1e-9), "from this map, and from the other nine"
            assert sum(square) == pytest.approx(own, abs=0.06)


def test_the_lit_lines_lead_from_the_score_to_the_pixels() -> None:
    (answer,) = play([PUT])
    assert answer["unit"] == {"layer": "fc2", "map": 0, "row": 0, "column": 5}  # it follows the reading
    links, reached = answer["links"], [answer["unit"], *(link["from"] for link in answer["links"])]
    assert all(link["to"] in reached and -1 <= link["share"] <= 1 for link in links)
    assert {"fc1", "pool2", "conv2", "pool1", "conv1", "input"} == {link["from"]["layer"] for link in links}


def test_the_kernel_slides_until_the_map_is_full() -> None:
    start, names = [PUT, ["openMap", "conv2", 3]], "filled unit field running announcement"
    _, begun, *between = play(start, [["slide play"]], *390 * [[["slide goOn"]]], names=names)
    assert begun["unit"] == {"layer": "conv2", "map": 3, "row": 0, "column": 0}
    assert "14 × 14 pixels of the input: rows 0 to 13, columns 0 to 13" in begun["field"]
    filled = [answer["filled"] for answer in (begun, *between)]
    assert filled == sorted(filled) and {*filled} == {*range(1, 8**2 + 1)}
    assert between[-1]["announcement"] == "The map is full." and not between[-1]["running"]


def test_why_is_answered_by_pytorchs_gradients() -> None:
    images, nth = normalize(DIGITS.images[:20]).requires_grad_(), range(20)
    logits = rounded_model()(images)
    read = logits.argmax(1)
    other, steps = (read + 1 + torch.arange(20) % 9) % 10, []
    for i in nth:
        steps.append([["put", PIXELS[i]], ["way", "saliency"]])
        steps.append([["way", "towards"], ["target", int(other[i])]])
    *answers, itself = play(*steps, [["target", int(read[-1])]], names="heat why")
    for way, score in enumerate([logits[nth, read], logits[nth, other] - logits[nth, read]]):
        (expected,) = torch.autograd.grad(score.sum(), images, retain_graph=True)
        for answer, each in zip(answers[way::2], expected.flatten(1), strict=True):
            assert np.allclose(answer["heat"], each, atol=1e-4 * float(each.abs().max()))
    own, towards = answers[-2]["why"], answers[-1]["why"]
    assert f"raise the score of {read[-1]}" in own and f"from {read[-1]} towards {other[-1]}" in towards
    assert "already" in itself["why"] and not any(itself["heat"])


def test_occlusion_is_coarse_while_one_draws_and_full_afterwards() -> None:
    begin, work = [["way", "occlusion"], ["drawing", True], *SEVEN], [["goOn"]] * 100
    begun, coarse, _, full = play(begin, work, [["drawing", False]], work, names="why working heat")
    assert "Wiping out" in begun["why"] and "the score of 7 falls" in full["why"]
    assert not coarse["working"] and not full["working"] and coarse["heat"] != full["heat"]


# --- links and copies ---

STRANGE = ["", "AP8A_wD_AP8A_wD_", 100_000 * "A", '"]<img src=x onerror=alert(1)>']


def test_a_link_and_a_copy_bring_the_digit_back() -> None:
    random = np.random.default_rng(0).integers(0, 256, 784).tolist()
    drawn = play(
        [["put", random]], *([["put", PIXELS[i]]] for i in range(20)), [["clear"], *SEVEN], names="image link"
    )
    digits = play(*([["readLink", answer["link"]]] for answer in drawn), names="image copied")
    for was, now in zip(drawn[1:], digits[1:], strict=True):
        assert now["image"] == was["image"] and now["copied"] == "" and len(was["link"]) < 1000
    assert len(drawn[0]["link"]) < 2100  # no digit is longer than the longest link that is read
    links = [*(drawn[-1]["link"][:-n] for n in (1, 5, 40)), *(f"#digit={text}" for text in STRANGE)]
    for answer in play(*([*SEVEN, ["readLink", link]] for link in links)):
        assert "no digit that this page can read" in answer["copied"] and answer["title"] == "Draw a digit"
    names: dict[str, Any] = {}
    (answer,) = play([PUT], names="tensor")
    exec(answer["tensor"], names)  # what can be copied, too
    assert torch.equal(names["pixels"], DIGITS.images[0])
    assert torch.allclose(names["images"], normalize(DIGITS[:1].images))


# --- the weights file ---


def content() -> dict[str, Any]:
    return dict(json.loads(shipped_weights().partition("'")[2].rpartition("'")[0]))


def changed(*path: str, to: Any) -> str:
    """The weights' JSON with one value changed; `...` takes it out."""
    whole = inner = content()
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    if to is ...:
        del inner[path[-1]]
    return json.dumps(whole)


def with_value(value: float) -> str:
    values = np.full(20, value, "<f2").tobytes()
    return changed("tensors", "conv2.bias", "data", to=base64.b64encode(values).decode())


SCRIPT, WHOLE = shipped_weights(), json.dumps(content())
BIAS = ("tensors", "conv1.bias")
NO_FILE, NO_LINE = "not a weights file", "not one short line"
HOSTILE = [
    ("null", NO_FILE),
    (SCRIPT + "alert(1);", NO_FILE),
    (SCRIPT + 50_000 * " ", "too large"),
    (changed("version", to=2), "version 2"),
    (changed("model", to=900 * "x\n\u202e"), '"cnn", not "x'),
    (changed("dtype", to="float32"), 'float16, not "float32"'),
    *((changed("name", to=value), f"name is {NO_LINE}") for value in (..., 201 * "a", "\u202ename", 5)),
    (changed("tensors", to=[]), "holds no tensors"),
    (changed("tensors", "fc2.weight", to=...), "fc2.weight is missing"),
    (WHOLE.replace('"tensors": {', '"tensors": {"__proto__": {}, '), 'the network has not: "__proto__"'),
    (changed(*BIAS, to=None), "has no shape or no data"),
    (changed("tensors", "fc1.weight", "shape", to=[320, 50]), "50 x 320, not 320 x 50"),
    (changed(*BIAS, "shape", to=9 * [[10]]), "shape 10, not a list"),
    (changed(*BIAS, "data", to="AAAA"), "conv1.bias has 3 bytes, not 20"),
    (changed(*BIAS, "data", to=7 * "AA?="), "is not base64"),
    *((with_value(value), "conv2.bias holds a value that is no number") for value in (np.nan, -np.inf)),
]
"""Texts that are no weights file, and a part of what is said of them."""


def test_a_hostile_file_gives_one_clear_line() -> None:
    answers = ask_playground("parseEach(given.texts)", texts=[text for text, _ in HOSTILE])
    for (text, expected), answer in zip(HOSTILE, answers, strict=True):
        assert answer["kind"] == "Error", (text[:200], answer)
        message = answer["message"]
        assert expected in message and message.endswith("."), (text[:200], message)
        assert len(message) <= 200 and message.isprintable(), message


def test_a_good_file_is_taken_in_each_form() -> None:
    forms = [SCRIPT, SCRIPT.replace("\n", "\r\n"), json.dumps(content(), indent=2), with_value(65_504)]
    assert ask_playground("parseEach(given.texts)", texts=forms) == 4 * ["shipped network"]


def test_every_half_is_read_exactly() -> None:
    """Every kind of number, small ones too: through a bias to the logits of a network of zeros."""
    values = torch.tensor([1.0, -2.5, 0.0, -0.0, 2**-24, -(2**-14), 2**-14 - 2**-24, 65504, 0.1, -1 / 3])
    model = CNN()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    model.fc2.bias.data = values
    (made,) = ask_playground("forward([Array(784).fill(255)])", playground_script(model, "", ""))
    assert torch.equal(torch.tensor(made["fc2"]), values.half().float())


@pytest.mark.parametrize("page", ["playground", "figures"])
def test_types_are_right(page: str, tmp_path: Path) -> None:
    """Of scripts as one file, in their pages' order: only so does TypeScript see what a namespace is given."""
    if (tsc := shutil.which("tsc")) is None:
        pytest.skip("needs TypeScript, to check the types in the scripts' comments")
    figures = load_hook("figures")
    names = [*CORE, *figures.scripts_of(*figures.FIGURES)]
    if page == "playground":
        names = PLAYGROUND + re.findall(r"javascripts/\S+\.js", (DOCS / "index.md").read_text("utf-8"))
    made = {name: make() for name, make in figures.MADE.items() if not name.endswith("weights.js")}
    made |= {name: (DOCS / name).read_text("utf-8") for name in names if (DOCS / name).exists()}
    joined = "".join(made.get(name, "") for name in dict.fromkeys(names))
    (tmp_path / "joined.js").write_text(joined, encoding="utf-8")
    options = ["--checkJs", "--allowJs", "--noEmit", "--strict", "--lib", "dom,es2023", "--target", "es2023"]
    done = subprocess.run([tsc, *options, "joined.js"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, f"{tmp_path}: {done.stdout}"


# --- what the site adds ---


def test_the_sites_weights_and_digits_are_what_they_say(test_digits: Digits) -> None:
    scripts = load_hook("playground").make_scripts()
    digits = ask_playground("digitlabDigits", scripts["weights.js"] + scripts["digits.js"])
    assert scripts["weights.js"].split('"tensors"')[1] == SCRIPT.split('"tensors"')[1]
    presets, misread = digits[:10], digits[10:]
    assert [digit["label"] for digit in presets] == list(range(10)) and 1 <= len(misread) <= 12
    for digit in digits:
        index = int(digit["source"].removeprefix("sample test "))
        image = test_digits.images[index]
        assert base64.b64decode(digit["pixels"]) == image.numpy().tobytes()
        assert digit["label"] == int(test_digits.labels[index])
        assert digit.get("read", digit["label"]) == int(predict(rounded_model(), image[None]).argmax())
    assert all(digit["read"] != digit["label"] for digit in misread)
