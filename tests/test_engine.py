"""What the playground computes and says, against the library: the same network, reasons, preparation and sums.

Runs `engine_parity.js` in Node on files that are made here. Without Node these tests are skipped.
"""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from site_hooks import load_hook
from torch.nn import functional as F

from digitlab.data import Digits, normalize
from digitlab.export import playground_script
from digitlab.forward import receptive_field
from digitlab.interpret import occlusion
from digitlab.models import CNN, DigitModel
from digitlab.photo.fit import _area_weights, normalize_ink
from digitlab.runs.checkpoint import load_shipped_model
from digitlab.training import predict

REPOSITORY = Path(__file__).parents[1]
DOCS = REPOSITORY / "docs"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node, which runs the playground's scripts")


@pytest.fixture
def node(tmp_path: Path) -> Callable[..., Any]:
    """Runs a task of engine_parity.js on some files; arrays that it leaves are in the folder."""

    def run(task: str, **files: Any) -> Any:
        for name, content in {"weights.js": script(), **files}.items():
            content = json.dumps(content) if name.endswith(".json") else content
            content = content.encode() if isinstance(content, str) else content
            (tmp_path / name).write_bytes(content)
        command = [str(NODE), str(Path(__file__).with_name("engine_parity.js")), task, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads((tmp_path / "answer.json").read_text())

    return run


def script() -> str:
    return playground_script(load_shipped_model(), "shipped network", "not measured")


def rounded_model() -> DigitModel:
    """PyTorch with the weights of the page: the shipped ones in half precision."""
    return load_shipped_model().half().float().eval()


def pixels_of(digits: Digits) -> bytes:
    return digits.images.numpy().tobytes()


def floats(path: Path, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.fromfile(path, "<f4").reshape(-1, *shape))


# --- the network ---


def activations(images: torch.Tensor) -> dict[str, torch.Tensor]:
    model, made = rounded_model(), {"input": normalize(images)}
    with torch.no_grad():
        made["conv1"] = model.conv1(made["input"])
        made["pool1"] = F.relu(F.max_pool2d(made["conv1"], 2))
        made["conv2"] = model.conv2(made["pool1"])
        made["pool2"] = F.relu(F.max_pool2d(made["conv2"], 2))
        made["fc1"] = F.relu(model.fc1(made["pool2"].flatten(1)))
        made["fc2"] = model(made["input"])
        made["probabilities"] = made["fc2"].softmax(1)
    return made


def test_every_activation_is_pytorchs(node: Callable[..., Any], tmp_path: Path, test_digits: Digits) -> None:
    answer = node("activations", **{"images.bin": pixels_of(test_digits[:1000])})
    assert answer["name"] == "shipped network" and answer["measured"] == "not measured"
    theirs = activations(test_digits.images[:1000])
    assert [*answer["layers"], "probabilities"] == list(theirs)
    for name, expected in theirs.items():
        ours = floats(tmp_path / f"{name}.bin", *expected.shape[1:])
        assert float((ours - expected).abs().max()) <= 1e-4, name
        if expected.ndim == 4:
            layer = answer["layers"][name]
            assert (layer["maps"], layer["rows"], layer["columns"]) == expected.shape[1:]


def test_saliency_is_pytorchs_gradient(node: Callable[..., Any], tmp_path: Path, test_digits: Digits) -> None:
    digits, model = test_digits[:1000], rounded_model()
    targets = (digits.labels + torch.arange(1000)) % 10  # the digit's own class and all others
    node("saliency", **{"images.bin": pixels_of(digits), "targets.json": targets.tolist()})
    images = normalize(digits.images).requires_grad_()
    model(images).gather(1, targets[:, None]).sum().backward()
    assert images.grad is not None
    theirs = images.grad.flatten(1)
    difference = (floats(tmp_path / "saliency.bin", 784) - theirs).abs().amax(1)
    assert float((difference / theirs.abs().amax(1)).max()) <= 1e-4


@pytest.mark.parametrize("size, stride", [(5, 1), (5, 2), (7, 3), (28, 28), (1, 1)])
def test_occlusion_is_the_librarys(
    node: Callable[..., Any], tmp_path: Path, test_digits: Digits, size: int, stride: int
) -> None:
    images = test_digits.images[:4].clone()
    images[3] = 255  # no blank patch to skip
    images[2] = 0  # nothing but blank patches
    targets = torch.tensor([7, 1, 2, 3])
    job = {"targets": targets.tolist(), "options": {"size": size, "stride": stride}}
    node("occlusion", **{"images.bin": images.numpy().tobytes(), "targets.json": job})
    theirs = occlusion(rounded_model(), normalize(images), targets, size=size, stride=stride)
    ours = floats(tmp_path / "occlusion.bin", 28, 28)
    assert float((ours - theirs).abs().max()) <= 1e-4
    assert float(ours[2].abs().max()) == 0 < float(ours[0].abs().max())


def test_occlusion_in_slices_leaves_time_for_the_pen(node: Callable[..., Any], test_digits: Digits) -> None:
    answer = node("slices", **{"images.bin": pixels_of(test_digits[:1])})
    assert len(answer["progress"]) > 50
    assert answer["progress"] == sorted(answer["progress"])
    assert all(0 <= share < 1 for share in answer["progress"])
    assert max(answer["lengths"]) <= 20
    assert answer["equal"], "a stroke that is drawn meanwhile must not show"


def test_receptive_fields_are_the_measured_ones(node: Callable[..., Any]) -> None:
    steps = {"conv1": "conv1", "pool1": "max_pool2d", "conv2": "conv2", "pool2": "max_pool2d_1"}
    answer, model = node("fields"), CNN()
    for layer, fields in answer.items():
        side = round(len(fields) ** 0.5)
        for row, column in [(0, 0), (0, side - 1), (side - 1, side - 1), (side // 2, 1)]:
            field = fields[row * side + column]
            top, left, size = field["top"], field["left"], field["size"]
            expected = receptive_field(model, steps[layer], (row, column))
            assert (top, left, top + size, left + size) == expected, layer


# --- the preparation ---


def drawings() -> list[np.ndarray]:
    """Strokes of many sizes and places, with hard and soft edges, and what nobody would draw."""
    random, made = np.random.default_rng(0), []
    for i in range(150):
        width, height = (int(side) for side in random.integers(28, 320, 2))
        image = Image.new("L", (width, height))
        extent = random.uniform(0.05, 1)
        corner = random.uniform(0, 1 - extent, 2)
        points = (corner + extent * random.uniform(0, 1, (8, 2))) * [width, height]
        ink, pen = (int(random.integers(1, end)) for end in (256, 25))
        ImageDraw.Draw(image).line([tuple(point) for point in points], fill=ink, width=pen)
        if i % 2:  # soft edges, as a browser's canvas draws them
            image = image.resize((width // 2 + 1, height // 2 + 1), Image.Resampling.BILINEAR)
        made.append(np.array(image))
    single, row, column, frame, faint = (np.zeros((90, 70), np.uint8) for _ in range(5))
    single[89, 0] = row[3] = column[:, 69] = frame[[0, -1]] = frame[:, [0, -1]] = 255
    faint[20:60, 30:33] = 1
    full = [np.full(shape, 255, np.uint8) for shape in ((1, 1), (280, 280))]
    return [each for each in (*made, single, row, column, frame, faint, *full) if each.any()]


def test_preparation_is_the_librarys(node: Callable[..., Any], test_digits: Digits) -> None:
    all_drawings = [*drawings(), *test_digits.images[:20].numpy(), np.zeros((280, 200), np.uint8)]
    sizes = [{"width": drawing.shape[1], "height": drawing.shape[0]} for drawing in all_drawings]
    ink = b"".join(drawing.tobytes() for drawing in all_drawings)
    *answers, empty = node("normalize", **{"ink.bin": ink, "drawings.json": sizes})
    for each in (empty, empty["off"]):
        assert each["box"] is None and each["boxed"] is None and each["image"] == [0] * 784
    assert len(answers) > 160
    for drawing, answer in zip(all_drawings, answers, strict=False):
        height, width = drawing.shape
        expected = normalize_ink(drawing / 255)
        rows, columns = (np.flatnonzero(drawing.any(axis)) for axis in (1, 0))
        box = {"left": columns[0], "top": rows[0], "width": np.ptp(columns) + 1, "height": np.ptp(rows) + 1}
        assert answer["box"] == answer["off"]["box"] == box
        boxed = answer["boxed"]
        assert (boxed["height"], boxed["width"]) == expected.boxed.shape
        assert furthest(boxed["pixels"], expected.boxed) <= 1
        assert furthest(answer["image"], expected.image) <= 1
        # Switched off: the whole canvas, whatever is on it.
        plain = 255 * (_area_weights(height, 28) @ (drawing / 255) @ _area_weights(width, 28).T)
        assert furthest(answer["off"]["image"], plain) <= 1
        assert answer["off"]["boxed"] is None


def furthest(ours: list[int], theirs: np.ndarray) -> float:
    return float(np.abs(np.array(ours, float) - theirs.ravel()).max())


# --- what the page knows and says ---


def strokes(*points: tuple[float, float]) -> list[Any]:
    ends = [{"x": float(x), "y": float(y)} for x, y in points]
    return [["stroke", start, end] for start, end in pairwise(ends)]


SEVEN = strokes((70, 60), (200, 60), (180, 110), (140, 170), (115, 235))


def play(node: Callable[..., Any], *steps: list[Any]) -> list[dict[str, Any]]:
    """What the page knows after each step, which is a list of changes: see `engine_parity.js`."""
    answers: list[dict[str, Any]] = node("play", **{"steps.json": steps})
    return answers


def pixels_at(digits: Digits, index: int) -> list[int]:
    return [int(pixel) for pixel in digits.images[index].flatten()]


def test_a_stroke_leaves_as_much_ink_as_the_pen_covers(node: Callable[..., Any]) -> None:
    drawn = {20: [(60, 60), (200, 130)], 6: [(50, 200), (50, 90)], 30: [(140, 140), (140, 140)]}
    steps = [[["clear"], ["penWidth", width], *strokes(*ends)] for width, ends in drawn.items()]
    steps.append([["clear"], ["penWidth", 20], *strokes((-50, 100), (400, 100))])  # beyond the paper
    covered = [20 * np.hypot(140, 70) + np.pi * 100, 6 * 110 + np.pi * 9, np.pi * 225, 20 * 280]
    assert [answer["inked"] for answer in play(node, *steps)] == pytest.approx(covered, rel=0.01)


def test_a_reading_is_said_and_remarked_on(node: Callable[..., Any]) -> None:
    black = [["penWidth", 300], *strokes((140, 140), (140, 140))]
    down = [["moveKeyboard", -60, 0], ["toggleKeyboard"]]
    empty, seven, held, full, cleared = play(node, [], SEVEN, down, black, [["clear"]])
    assert empty["title"] == cleared["title"] == cleared["announcement"] == "Draw a digit"
    assert empty["remark"] == "Nothing to read yet." and empty["why"] == "Draw a digit, and ask."
    assert (
        re.fullmatch(r"Looks like 7, (> )?\d+ %", seven["title"]) and seven["announcement"] == seven["title"]
    )
    assert held["announcement"].startswith("Pen down. Looks like")
    assert "Almost everything is ink" in full["remark"]


def numbers(text: str) -> list[float]:
    """The numbers in a text that stand by themselves."""
    return [float(number.replace("−", "-")) for number in re.findall(r"(?<![\w.])−?\d+(?:\.\d+)?", text)]


def test_the_sums_are_pytorchs(node: Callable[..., Any], test_digits: Digits) -> None:
    model, made = rounded_model(), activations(test_digits.images[:1])
    values = {
        (layer, i): float(maps[0, i].max()) if layer != "fc1" else float(maps.max())
        for layer, maps in made.items()
        for i in range(1 if layer == "fc1" else maps.shape[1])
        if layer not in ("input", "probabilities")
    }
    put = [["put", pixels_at(test_digits, 0)]]
    _, *answers = play(node, put, *([["openMap", *opened]] for opened in values))
    for ((layer, number), value), answer in zip(values.items(), answers, strict=True):
        sentence, parts = answer["sum"]["sentence"], answer["sum"]["parts"]
        assert numbers(sentence.split(" is ")[1])[0] == pytest.approx(value, rel=5e-3, abs=6e-4), sentence
        assert answer["announcement"] == sentence
        totals = [numbers(part["total"]) for part in parts if "total" in part]
        squares = [square for part in parts for square in part.get("squares", []) if len(square) > 1]
        cells = [np.array([cell["value"] for cell in square["cells"]]) for square in squares]
        if layer.startswith("conv"):
            patch, kernel, products = cells
            assert patch * kernel == pytest.approx(products)
            kernels = getattr(model, layer).weight[number].detach().flatten(1).numpy()
            assert np.abs(kernels - kernel).max(axis=1).min() <= 1e-6  # one of them
            assert totals[0][0] + totals[0][1] == pytest.approx(totals[0][2], rel=0.02, abs=0.002)
        elif layer.startswith("pool"):
            assert max(0, *cells[0]) == pytest.approx(value, abs=1e-4)
            assert ("nothing passes" in sentence) == (value == 0)
        else:
            largest, rest, _, bias, score = totals[0]
            assert largest + rest + bias == pytest.approx(score, rel=1e-2, abs=0.02)  # of three digits
            products = [abs(row["cells"][-1]["value"]) for row in parts[1]["table"]["rows"]]
            assert len(products) == 8 and products == sorted(products, reverse=True) and products[0] > 0


def test_sources_add_up_to_their_unit(node: Callable[..., Any], test_digits: Digits) -> None:
    """And each of them is the number that it says it is."""
    made, model = activations(test_digits.images[:1]), rounded_model()
    units = [("conv1", 3), ("conv2", 6), ("fc1", 0), ("fc2", 7)]
    opened = [[["openMap", layer, number]] for layer, number in units]
    _, *answers = play(node, [["put", pixels_at(test_digits, 0)]], *opened)
    for (layer, _), answer in zip(units, answers, strict=True):
        index = unit_index(answer["unit"], made)
        total = sum(source["product"] for source in answer["sources"])
        bias = getattr(model, layer).bias.detach()
        value = total + float(bias[index if layer.startswith("fc") else answer["unit"]["map"]])
        passed = max(0, value) if layer == "fc1" else value
        assert passed == pytest.approx(float(made[layer].flatten()[index]), abs=1e-3)
        for source in answer["sources"]:
            expected = float(made[source["unit"]["layer"]].flatten()[unit_index(source["unit"], made)])
            assert source["value"] == pytest.approx(expected, abs=1e-4)


def unit_index(unit: dict[str, Any], made: dict[str, torch.Tensor]) -> int:
    rows, columns = {"fc1": (10, 5), "fc2": (1, 10)}.get(unit["layer"], made[unit["layer"]].shape[-2:])
    return int((unit["map"] * rows + unit["row"]) * columns + unit["column"])


def test_what_one_map_and_the_other_nine_add_is_what_all_add(
    node: Callable[..., Any], test_digits: Digits
) -> None:
    steps = [
        [["openMap", "conv2", number], ["channel", channel]] for number in range(20) for channel in (0, 7)
    ]
    _, *answers = play(node, [["put", pixels_at(test_digits, 0)]], *steps)
    for answer in answers:
        said = next(part["total"] for part in answer["sum"]["parts"] if "total" in part)
        own, rest, total = numbers(said)
        assert "from this map" in said and "from the other nine" in said
        assert own + rest == pytest.approx(total, abs=1e-9), said
        cells = next(part["maps"] for part in answer["sum"]["parts"] if "maps" in part)
        (chosen,) = [cell["value"] for cell in cells if cell["chosen"]]
        assert chosen == pytest.approx(own, abs=0.06)


def test_the_lit_lines_lead_from_the_score_to_the_pixels(
    node: Callable[..., Any], test_digits: Digits
) -> None:
    (answer,) = play(node, [["put", pixels_at(test_digits, 0)]])
    assert answer["unit"] == {"layer": "fc2", "map": 0, "row": 0, "column": 5}  # it follows the reading
    links = answer["links"]
    reached = [answer["unit"], *(link["from"] for link in links)]
    assert all(link["to"] in reached for link in links)
    assert {"fc1", "pool2", "conv2", "pool1", "conv1", "input"} == {link["from"]["layer"] for link in links}
    assert all(-1 <= link["share"] <= 1 for link in links)


def test_one_number_is_followed_to_the_pixels_and_back(node: Callable[..., Any], test_digits: Digits) -> None:
    unit = {"layer": "pool2", "map": 1, "row": 0, "column": 3}
    below = {"layer": "conv2", "map": 1, "row": 1, "column": 6}
    steps = [[["openMap", "fc2", 7]], [["follow", unit]], [["follow", below]], [["goBack"]], [["goBack"]]]
    _, start, one, two, back, home = play(node, [["put", pixels_at(test_digits, 0)]], *steps)
    assert two["unit"] == below and two["trail"] == [start["unit"], unit]
    assert back["unit"] == one["unit"] == unit and back["trail"] == [start["unit"]]
    assert home["unit"] == start["unit"] and home["trail"] == []
    assert "conv2, map 1, row 1, column 6 is" in two["announcement"]


def test_strokes_are_undone_one_after_another(node: Callable[..., Any], test_digits: Digits) -> None:
    line = strokes((60, 60), (60, 60), (200, 130), (90, 200))
    other = strokes((200, 60), (200, 60), (100, 230))
    undo = [["undo"]]
    digit = [["put", pixels_at(test_digits, 0)]]
    answers = play(node, line, other, digit, [["clear"]], undo, undo, undo, undo, undo)
    first, both, put, clean, *undone = (answer["image"] for answer in answers)
    assert sum(clean) == 0
    assert undone == [put, both, first, clean, clean]
    assert [answer["announcement"] for answer in answers[-2:]] == [
        "Draw a digit",
        "There is nothing to undo.",
    ]


@pytest.mark.parametrize("stills", [False, True])
def test_a_replay_draws_the_same_again(node: Callable[..., Any], test_digits: Digits, stills: bool) -> None:
    digit = [["put", pixels_at(test_digits, 0)], *SEVEN]
    pictures = [[["replay goOn"]]] * (120 if stills else 150)
    before, start, *between = play(node, digit, [["replay start", stills]], *pictures)
    assert start["inked"] == 0 and start["running"]
    assert between[-1]["image"] == before["image"] and not between[-1]["running"]
    inked = [answer["inked"] for answer in between]
    assert inked == sorted(inked)
    different = len(set(inked))
    assert different == 3 if stills else different > 15  # nothing, the digit, the stroke
    (_, _, drawn) = play(node, digit, [["replay start"]], SEVEN)  # a stroke does not wait for its end
    assert drawn["image"] == before["image"] and not drawn["running"]


def test_the_pages_own_digit_goes_with_the_first_stroke(
    node: Callable[..., Any], test_digits: Digits
) -> None:
    shown, drawn, alone = play(node, [["showExample", pixels_at(test_digits, 0)]], SEVEN, [["clear"], *SEVEN])
    assert shown["image"] == pixels_at(test_digits, 0)
    assert drawn["image"] == alone["image"] != shown["image"]


@pytest.mark.parametrize("layer, places", [("conv1", 24), ("conv2", 8)])
def test_the_kernel_slides_until_the_map_is_full(
    node: Callable[..., Any], test_digits: Digits, layer: str, places: int
) -> None:
    put = [["put", pixels_at(test_digits, 0)], ["openMap", layer, 3]]
    pictures = [[["slide goOn"]]] * (places**2 * (1 if layer == "conv1" else 6) + 6)
    _, begun, *between = play(node, put, [["slide play"]], *pictures)
    assert begun["filled"] == 1 and begun["unit"] == {"layer": layer, "map": 3, "row": 0, "column": 0}
    filled = [answer["filled"] for answer in between]
    assert filled == sorted(filled) and set(filled) == {*range(filled[0], places**2 + 1)}
    assert between[-1]["announcement"] == "The map is full." and not between[-1]["running"]
    step, pause, choose = [["slide step"]], [["slide pause"]], [["chooseUnit", begun["unit"]]]
    *_, two, held, chosen = play(node, put, step, step, [["slide play"]], pause, choose)
    assert two["filled"] == held["filled"] == 2 and "Paused." in held["announcement"]
    assert chosen["filled"] is None  # all of it again


def test_a_unit_that_is_off_its_map_is_the_nearest(node: Callable[..., Any]) -> None:
    places = [(-1, 9), (7, -3), (2, 1)]
    units = [{"layer": "pool2", "map": 3, "row": row, "column": column} for row, column in places]
    answers = play(node, *([["chooseUnit", unit]] for unit in units))
    nearest = [(answer["unit"]["row"], answer["unit"]["column"]) for answer in answers]
    assert nearest == [(0, 3), (3, 0), (2, 1)]
    assert "16 × 16 pixels of the input: rows 8 to 23, columns 4 to 19" in answers[-1]["field"]


def test_why_is_answered_in_three_ways(node: Callable[..., Any], test_digits: Digits) -> None:
    index = int((test_digits.labels == 5).nonzero()[0])
    asked = [["put", pixels_at(test_digits, index)]]
    other, same = [["way", "towards"], ["target", 6]], [["target", 5]]
    five, six, itself = play(node, asked, other, same)
    images = normalize(test_digits[index : index + 1].images).requires_grad_()
    logits = rounded_model()(images)[0]
    for answer, what in [(five, logits[5]), (six, logits[6] - logits[5])]:
        (expected,) = torch.autograd.grad(what, images, retain_graph=True)
        assert np.allclose(answer["heat"], expected.flatten(), atol=1e-4 * float(expected.abs().max()))
    assert "raise the score of 5" in five["why"] and "from 5 towards 6" in six["why"]
    assert "already" in itself["why"] and not any(itself["heat"])


def test_occlusion_is_coarse_while_one_draws_and_full_afterwards(node: Callable[..., Any]) -> None:
    begin, work = [["way", "occlusion"], ["drawing", True], *SEVEN], [["goOn"]] * 100
    more, lift, leave = [["goOn"], *strokes((60, 60), (70, 60))], [["drawing", False]], [["way", "saliency"]]
    answers = play(node, begin, work, more, lift, work, [], leave)
    working = [answer["working"] for answer in answers]
    assert working == [True, False, True, True, False, False, False]
    begun, coarse, _, lifted, full, still, _ = answers
    assert "Wiping out" in begun["why"] and "the score of 7 falls" in full["why"]
    assert coarse["heat"] == lifted["heat"] != full["heat"] == still["heat"]


# --- links and copies ---


def test_a_link_brings_the_digit_back(node: Callable[..., Any], test_digits: Digits) -> None:
    random = np.random.default_rng(0).integers(0, 256, 784).tolist()
    put = [[["put", pixels]] for pixels in [random, *(pixels_at(test_digits, i) for i in range(20))]]
    drawn = play(node, *put, [["clear"], *SEVEN])
    back = play(node, *([["readLink", answer["link"]]] for answer in drawn))
    for was, now in zip(drawn[1:], back[1:], strict=True):
        assert now["image"] == was["image"] and now["copied"] == "" and len(was["link"]) < 1000
    assert len(drawn[0]["link"]) < 2100  # no digit is longer than the longest link that is read
    cut = [drawn[-1]["link"][:-n] for n in (1, 5, 40)]
    strange = [
        "",
        "AAAA",
        "AP8A_wD_AP8A_wD_",
        "%3Cscript%3Ealert(1)%3C/script%3E",
        "A" * 100_000,
        "A",
        "_____w",
    ]
    strange.append('"]<img src=x onerror=alert(1)>')
    links = [*cut, *(f"#digit={digit}" for digit in strange)]
    for answer in play(node, *([*SEVEN, ["readLink", link]] for link in links)):
        assert "no digit that this page can read" in answer["copied"] and answer["title"] == "Draw a digit"


def test_the_copied_tensor_is_what_the_network_gets(node: Callable[..., Any], test_digits: Digits) -> None:
    (answer,) = play(node, [["put", pixels_at(test_digits, 0)]])
    names: dict[str, Any] = {}
    exec(answer["tensor"], names)
    assert torch.equal(names["pixels"], test_digits.images[0])
    assert torch.allclose(names["images"], normalize(test_digits[:1].images))


# --- the weights file ---


def content() -> dict[str, Any]:
    return dict(json.loads(script().partition("'")[2].rpartition("'")[0]))


def changed(*path: str, to: Any) -> str:
    """The weights' JSON with one value changed; `...` takes it out."""
    whole: dict[str, Any] = content()
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    if to is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = to
    return json.dumps(whole)


def with_value(bits: int) -> str:
    """Half precision has values that are no numbers."""
    data = bytearray(base64.b64decode(content()["tensors"]["conv2.bias"]["data"]))
    data[6:8] = bits.to_bytes(2, "little")
    return changed("tensors", "conv2.bias", "data", to=base64.b64encode(data).decode())


BIAS = ("tensors", "conv1.bias")
PROTO = '"tensors": {"__proto__": {}, '
TWICE = ', "conv1.bias": {"shape": [10], "data": ""}}}'


def hostile() -> list[tuple[str, str]]:
    """Texts that are no weights file, and a part of what is said of them."""
    whole = json.dumps(content())
    damaged = [
        "",
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "PK\x03\x04model/data.pkl",
        script()[:30_000],
        script() + "alert(1);",
        script().replace("shipped", "'+alert(1)+'"),
        changed(*BIAS, "shape", to=[float("nan")]),
    ]
    strange = ["null", 20_000 * "[" + 20_000 * "]", '{"__proto__": {"format": "digitlab-weights"}}']
    names = [
        ("name", ...),
        ("name", 201 * "a"),
        ("name", "\u202ename"),
        ("name", 5),
        ("measured", "99 %\n100 %"),
    ]
    shapes = [
        ([1e9], "not 1000000000"),
        (["10"], 'not "10"'),
        ([[10]] * 9, "not a list"),
    ]
    data = [
        ([1, 2], "has no shape or no data"),
        ("AAAA", "has 3 bytes, not 20"),
        (1000 * "AAAA", "has 3000 bytes, not 20"),
        *((7 * letters, "is not base64") for letters in ("AA?=", "A A ", 4 * "А")),
    ]
    return [
        *((text, "not a weights file, or it is damaged") for text in damaged),
        *((text, "not a weights file") for text in strange),
        *((changed(key, to=value), f"its {key} is not one short line") for key, value in names),
        *((changed(*BIAS, "shape", to=shape), f"shape 10, {said}") for shape, said in shapes),
        *((changed(*BIAS, "data", to=value), f"conv1.bias {said}") for value, said in data),
        *((with_value(bits), "conv2.bias holds a value that is no number") for bits in (0x7C01, 0xFC00)),
        (script() + 50_000 * " ", "too large"),
        (changed("version", to=2), "version 2"),
        (changed("version", to="1"), 'version "1"'),
        (changed("model", to="deep"), '"cnn", not "deep"'),
        (changed("model", to=900 * "x\n\u202e"), '"cnn", not "x'),
        (changed("dtype", to="float32"), 'float16, not "float32"'),
        (changed("tensors", to=[]), "holds no tensors"),
        (changed("tensors", "fc2.weight", to=...), "fc2.weight is missing"),
        (changed("tensors", "toString", to={}), 'that the network has not: "toString"'),
        (whole.replace('"tensors": {', PROTO), 'that the network has not: "__proto__"'),
        (changed(*BIAS, to=None), "conv1.bias has no shape or no data"),
        (changed(*BIAS, to={"__proto__": {"shape": [10], "data": ""}}), "has no shape or no data"),
        (changed("tensors", "fc1.weight", "shape", to=[320, 50]), "50 x 320, not 320 x 50"),
        (changed(*BIAS, "shape", to=["HERE"]).replace('"HERE"', "1e999"), "not Infinity"),
        (whole[:-2] + TWICE, "conv1.bias has 0 bytes, not 20"),
    ]


def test_a_hostile_file_gives_one_clear_line(node: Callable[..., Any]) -> None:
    cases = hostile()
    answers = node("texts", **{"texts.json": [text for text, _ in cases]})
    for (text, expected), answer in zip(cases, answers, strict=True):
        assert answer is not None and answer["kind"] == "Error", (text[:200], answer)
        message = answer["message"]
        assert expected in message and message.endswith("."), (text[:200], message)
        assert len(message) <= 200 and message.isprintable(), message


def test_a_good_file_is_taken_in_each_form(node: Callable[..., Any]) -> None:
    texts = [
        script(),
        script().replace("\n", "\r\n"),
        json.dumps(content(), indent=2),
        with_value(0x7BFF),  # 65,504, the largest
        with_value(0x0001),  # the smallest above 0
        changed("name", to="das größte Netz – 数字"),
    ]
    assert node("texts", **{"texts.json": texts}) == [None] * len(texts)


@pytest.mark.parametrize("weight", [0.0, 65_504.0])
def test_every_half_is_read_exactly_and_extreme_ones_give_numbers(
    node: Callable[..., Any], tmp_path: Path, weight: float
) -> None:
    """Every kind of number, small ones too: through a bias to the logits of a network of zeros."""
    values = torch.tensor([1.0, -2.5, 0.0, -0.0, 2**-24, -(2**-14), 2**-14 - 2**-24, 65504, 0.1, -1 / 3])
    model = CNN()
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, weight)
    if weight == 0:
        model.fc2.bias.data = values
    node("activations", **{"weights.js": playground_script(model, "", ""), "images.bin": 784 * b"\xff"})
    logits = floats(tmp_path / "fc2.bin", 10)[0]
    if weight == 0:
        assert torch.equal(logits, values.half().float())
    else:
        assert logits.isfinite().all()
        assert torch.allclose(floats(tmp_path / "probabilities.bin", 10), torch.tensor(0.1))


def test_types_are_right(tmp_path: Path) -> None:
    if (tsc := shutil.which("tsc")) is None:
        pytest.skip("needs TypeScript, to check the types in the scripts' comments")
    pages = [(DOCS / page).read_text("utf-8") for page in ("playground.md", "index.md")]
    names = dict.fromkeys(
        re.findall(r"javascripts/[\w/]+\.js", " ".join(pages))
    )  # each once, in the pages' order
    written = [DOCS / name for name in names if (DOCS / name).exists()]  # two are made by the site's hook
    assert {*written} >= {*(DOCS / "javascripts" / "playground").rglob("*.js")}
    # As one file, in the pages' order: only so does TypeScript see what is added to a namespace.
    joined = tmp_path / "joined.js"
    joined.write_text("".join(path.read_text("utf-8") for path in written), encoding="utf-8")
    options = ["--checkJs", "--allowJs", "--noEmit", "--strict", "--lib", "dom,es2023", "--target", "es2023"]
    done = subprocess.run([tsc, *options, str(joined)], capture_output=True, text=True)
    lines = joined.read_text("utf-8").splitlines()
    wrong = [
        f"{error}\n    {lines[int(row) - 1].strip()}"
        for error, row in re.findall(r"(.*js\((\d+),.*)", done.stdout)
    ]
    assert done.returncode == 0, "\n".join(wrong) or done.stdout


# --- what the site adds ---


@pytest.fixture
def scripts() -> dict[str, str]:
    made: dict[str, str] = load_hook("playground").make_scripts()
    return made


def test_the_sites_weights_are_the_shipped_ones(node: Callable[..., Any], scripts: dict[str, str]) -> None:
    answer = node("activations", **{"weights.js": scripts["weights.js"], "images.bin": bytes(784)})
    assert (answer["name"], answer["measured"]) == (
        "shipped network",
        "99.34 % of 10,000 test digits (mnist)",
    )
    assert scripts["weights.js"].split('"tensors"')[1] == script().split('"tensors"')[1]


def test_the_sites_digits_are_what_they_say(scripts: dict[str, str], test_digits: Digits) -> None:
    start, end = "window.digitlabDigits = ", ";\n"
    text = scripts["digits.js"]
    assert text.startswith(start) and text.endswith(end)
    digits = json.loads(text.removeprefix(start).removesuffix(end))
    presets, misread = digits[:10], digits[10:]
    assert [digit["label"] for digit in presets] == list(range(10))
    assert 1 <= len(misread) <= 12
    for digit in digits:
        index = int(digit["source"].removeprefix("sample test "))
        image = test_digits.images[index]
        assert base64.b64decode(digit["pixels"]) == image.numpy().tobytes()
        assert digit["label"] == int(test_digits.labels[index])
        read = int(predict(rounded_model(), image[None]).argmax())
        assert read == digit.get("read", digit["label"])
    assert all("read" not in digit for digit in presets)
    assert all(digit["read"] != digit["label"] for digit in misread)
