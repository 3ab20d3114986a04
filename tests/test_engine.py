"""The playground's engine against the library: the same network, the same reasons, the same preparation.

Runs `engine_parity.js` in Node on files that are made here. Without Node these tests are skipped.
"""

import base64
import importlib.util
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch.nn import functional as F

import digitlab
from digitlab.data import Digits, normalize
from digitlab.export import playground_script
from digitlab.interpret import occlusion, receptive_field
from digitlab.models import CNN, DigitModel
from digitlab.photo import _area_weights, normalize_ink
from digitlab.runs.checkpoint import load_shipped_model
from digitlab.training import predict

REPOSITORY = Path(__file__).parents[1]
ENGINE = REPOSITORY / "docs" / "javascripts" / "playground" / "engine.js"
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node, which runs the playground's engine")


@pytest.fixture
def node(tmp_path: Path) -> Callable[..., Any]:
    """Runs a task of engine_parity.js on some files; arrays that it leaves are in the folder."""

    def run(task: str, **files: Any) -> Any:
        for name, content in {"weights.js": script(), **files}.items():
            content = json.dumps(content) if name.endswith(".json") else content
            content = content.encode() if isinstance(content, str) else content
            (tmp_path / name).write_bytes(content)
        command = [
            str(NODE),
            str(Path(__file__).with_name("engine_parity.js")),
            str(ENGINE),
            task,
            str(tmp_path),
        ]
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


def test_every_activation_is_pytorchs(node: Callable[..., Any], tmp_path: Path, test_digits: Digits) -> None:
    digits, model = test_digits[:1000], rounded_model()
    answer = node("activations", **{"images.bin": pixels_of(digits)})
    assert answer["name"] == "shipped network" and answer["measured"] == "not measured"
    theirs: dict[str, torch.Tensor] = {"input": normalize(digits.images)}
    with torch.no_grad():
        theirs["conv1"] = model.conv1(theirs["input"])
        theirs["pool1"] = F.relu(F.max_pool2d(theirs["conv1"], 2))
        theirs["conv2"] = model.conv2(theirs["pool1"])
        theirs["pool2"] = F.relu(F.max_pool2d(theirs["conv2"], 2))
        theirs["fc1"] = F.relu(model.fc1(theirs["pool2"].flatten(1)))
        theirs["logits"] = model(theirs["input"])
        theirs["probabilities"] = theirs["logits"].softmax(1)
    assert answer["shapes"].keys() == theirs.keys()
    for name, expected in theirs.items():
        assert answer["shapes"][name] == list(expected.squeeze(1).shape[1:])
        ours = floats(tmp_path / f"{name}.bin", *expected.shape[1:])
        assert ours.shape == expected.shape
        assert float((ours - expected).abs().max()) <= 1e-4, name
    ours = floats(tmp_path / "logits.bin", 10)
    assert torch.equal(ours.argmax(1), theirs["logits"].argmax(1))


def test_arrays_can_be_used_again(node: Callable[..., Any], test_digits: Digits) -> None:
    assert node("reuse", **{"images.bin": pixels_of(test_digits[:2])}) is True


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
    generator = np.random.default_rng(0)
    made = []
    for _ in range(150):
        width, height = (int(side) for side in generator.integers(28, 320, 2))
        image = Image.new("L", (width, height))
        pen, extent = ImageDraw.Draw(image), generator.uniform(0.05, 1)
        corner = generator.uniform(0, 1 - extent, 2)
        for _ in range(int(generator.integers(1, 4))):
            points = (corner + extent * generator.uniform(0, 1, (4, 2))) * [width, height]
            ink = int(generator.integers(1, 256))
            pen.line([tuple(point) for point in points], fill=ink, width=int(generator.integers(1, 25)))
        array = np.asarray(image).copy()
        if generator.random() < 0.5:  # soft edges, as a browser's canvas draws them
            array = np.asarray(
                image.resize((width // 2 + 1, height // 2 + 1), Image.Resampling.BILINEAR)
            ).copy()
        if array.any():
            made.append(array)
    single, row, column, frame, faint = (np.zeros((90, 70), np.uint8) for _ in range(5))
    single[89, 0] = row[3] = column[:, 69] = frame[[0, -1]] = frame[:, [0, -1]] = 255
    faint[20:60, 30:33] = 1
    small = np.zeros((28, 28), np.uint8)
    small[10:13, 10:12] = 200
    tiny = np.full((1, 1), 255, np.uint8)
    return [*made, single, row, column, frame, faint, small, tiny, np.full((280, 280), 255, np.uint8)]


def test_preparation_is_the_librarys(node: Callable[..., Any], test_digits: Digits) -> None:
    all_drawings = drawings()
    # Digits of MNIST at a canvas's size, in a corner: what a test digit becomes on the page.
    for image in test_digits.images[:20].numpy():
        canvas = np.zeros((280, 280), np.uint8)
        canvas[20:160, 100:240] = np.kron(image, np.ones((5, 5), np.uint8))
        all_drawings += [canvas, image]
    answers = normalized(node, all_drawings)
    assert len(answers) > 180
    for drawing, answer in zip(all_drawings, answers, strict=True):
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


def test_an_empty_canvas_stays_empty(node: Callable[..., Any]) -> None:
    (answer,) = normalized(node, [np.zeros((280, 200), np.uint8)])
    for each in (answer, answer["off"]):
        assert each["box"] is None and each["boxed"] is None and each["image"] == [0] * 784


def normalized(node: Callable[..., Any], all_drawings: list[np.ndarray]) -> list[dict[str, Any]]:
    sizes = [{"width": drawing.shape[1], "height": drawing.shape[0]} for drawing in all_drawings]
    ink = b"".join(drawing.tobytes() for drawing in all_drawings)
    answers: list[dict[str, Any]] = node("normalize", **{"ink.bin": ink, "drawings.json": sizes})
    return answers


def furthest(ours: list[int], theirs: np.ndarray) -> float:
    return float(np.abs(np.array(ours, float) - theirs.ravel()).max())


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
DEEP = 20_000 * "[" + 20_000 * "]"
HOSTILE: dict[str, tuple[Callable[[], str], str]] = {
    "nothing": (lambda: "", "not a weights file, or it is damaged"),
    "a picture": (lambda: "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a weights file, or it is damaged"),
    "a PyTorch file": (lambda: "PK\x03\x04model/data.pkl", "not a weights file, or it is damaged"),
    "a page": (lambda: "<!doctype html><script>alert(1)</script>", "not a weights file, or it is damaged"),
    "cut off": (lambda: script()[:30_000], "not a weights file, or it is damaged"),
    "another program": (lambda: script() + "alert(1);", "not a weights file, or it is damaged"),
    "a program inside": (lambda: script().replace("shipped", "'+alert(1)+'"), "not a weights file, or it is"),
    "another variable": (lambda: script().replace("digitlabWeights", "name"), "not a weights file, or it is"),
    "a number": (lambda: "17", "not a weights file"),
    "null": (lambda: "null", "not a weights file"),
    "a list": (lambda: "[]", "not a weights file"),
    "deeply nested": (lambda: DEEP, "not a weights file"),
    "other JSON": (lambda: '{"cells": []}', "not a weights file"),
    "another prototype": (lambda: '{"__proto__": {"format": "digitlab-weights"}}', "not a weights file"),
    "too large": (lambda: script() + 50_000 * " ", "too large"),
    "a later version": (lambda: changed("version", to=2), "version 2"),
    "a nested version": (
        lambda: json.dumps({"format": "digitlab-weights"})[:-1] + f', "version": {DEEP}}}',
        "version",
    ),
    "another model": (lambda: changed("model", to="deep"), '"cnn", not "deep"'),
    "a long model": (lambda: changed("model", to=900 * "x\n\u202e"), '"cnn", not "x'),
    "another dtype": (lambda: changed("dtype", to="float32"), 'float16, not "float32"'),
    "no name": (lambda: changed("name", to=...), "its name is not one short line"),
    "a long name": (lambda: changed("name", to=201 * "a"), "its name is not one short line"),
    "two lines": (lambda: changed("measured", to="99 %\n100 %"), "its measured is not one short line"),
    "reversed text": (lambda: changed("name", to="\u202ename"), "its name is not one short line"),
    "a number as name": (lambda: changed("name", to=5), "its name is not one short line"),
    "no tensors": (lambda: changed("tensors", to=[]), "holds no tensors"),
    "a tensor missing": (lambda: changed("tensors", "fc2.weight", to=...), "fc2.weight is missing"),
    "a tensor too many": (
        lambda: changed("tensors", "toString", to={}),
        'that the network has not: "toString"',
    ),
    "a tensor that is null": (lambda: changed(*BIAS, to=None), "conv1.bias has no shape or no data"),
    "data that is no text": (lambda: changed(*BIAS, "data", to=[1, 2]), "conv1.bias has no shape or no data"),
    "another shape": (
        lambda: changed("tensors", "fc1.weight", "shape", to=[320, 50]),
        "50 x 320, not 320 x 50",
    ),
    "a vast shape": (lambda: changed(*BIAS, "shape", to=[1e9]), "shape 10, not 1000000000"),
    "a shape of text": (lambda: changed(*BIAS, "shape", to=["10"]), 'shape 10, not "10"'),
    "a shape of lists": (lambda: changed(*BIAS, "shape", to=[[10]] * 9), "shape 10, not a list"),
    "too few bytes": (lambda: changed(*BIAS, "data", to="AAAA"), "conv1.bias has 3 bytes, not 20"),
    "too many bytes": (lambda: changed(*BIAS, "data", to=1000 * "AAAA"), "3000 bytes, not 20"),
    "not base64": (lambda: changed(*BIAS, "data", to=7 * "AA?="), "conv1.bias is not base64"),
    "base64 cut off": (lambda: changed(*BIAS, "data", to=29 * "A"), "conv1.bias is not base64"),
    "spaces in base64": (lambda: changed(*BIAS, "data", to=7 * "A A "), "conv1.bias is not base64"),
    "half a million brackets": (lambda: 500_000 * "[", "too large"),
    "a version that is text": (lambda: changed("version", to="1"), 'version "1"'),
    "a version that is nearly right": (lambda: changed("version", to=1.0000001), "version 1.0000001"),
    "a tensor named __proto__": (
        lambda: json.dumps(content()).replace('"tensors": {', '"tensors": {"__proto__": {}, '),
        'that the network has not: "__proto__"',
    ),
    "tensors in the prototype": (
        lambda: json.dumps(content()).replace('"tensors": {', '"tensors": {"__proto__": {')[:-1] + "}}",
        'that the network has not: "__proto__"',
    ),
    "everything in the prototype": (lambda: json.dumps({"__proto__": content()}), "not a weights file"),
    "a shape in the prototype": (
        lambda: changed(*BIAS, to={"__proto__": {"shape": [10], "data": ""}}),
        "has no shape or no data",
    ),
    "a tensor twice, the second wrong": (
        lambda: json.dumps(content())[:-2] + ', "conv1.bias": {"shape": [10], "data": ""}}}',
        "conv1.bias has 0 bytes, not 20",
    ),
    "a shape that is too long": (
        lambda: changed(*BIAS, "shape", to=[10, *1000 * [1]]),
        "shape 10, not 10 x 1 x 1 x 1 x 1 x 1",
    ),
    "a shape that is not finite": (
        lambda: changed(*BIAS, "shape", to=["HERE"]).replace('"HERE"', "1e999"),
        "not Infinity",
    ),
    "a number that JSON has not": (
        lambda: changed(*BIAS, "shape", to=[float("nan")]),
        "not a weights file, or it is damaged",
    ),
    "an object as data": (lambda: changed(*BIAS, "data", to={"length": 28}), "has no shape or no data"),
    "letters of another alphabet": (lambda: changed(*BIAS, "data", to=28 * "А"), "conv1.bias is not base64"),
    "other NaN": (lambda: with_value(0xFFFF), "conv2.bias holds a value that is no number"),
    "the smallest NaN": (lambda: with_value(0x7C01), "conv2.bias holds a value that is no number"),
    "positive infinity": (lambda: with_value(0x7C00), "conv2.bias holds a value that is no number"),
    "NaN": (lambda: with_value(0x7E00), "conv2.bias holds a value that is no number"),
    "infinity": (lambda: with_value(0xFC00), "conv2.bias holds a value that is no number"),
}


def test_a_hostile_file_gives_one_clear_line(node: Callable[..., Any]) -> None:
    answers = node("texts", **{"texts.json": [make() for make, _ in HOSTILE.values()]})
    for (kind, (_, expected)), answer in zip(HOSTILE.items(), answers, strict=True):
        assert answer is not None, f"{kind} was taken"
        assert answer["kind"] == "Error", (kind, answer)
        assert expected in answer["message"], (kind, answer)
        message = answer["message"]
        assert len(message) <= 200 and message.isprintable() and message.endswith("."), (kind, answer)


def test_a_good_file_is_taken_in_each_form(node: Callable[..., Any]) -> None:
    texts = [
        script(),
        script().replace("\n", "\r\n"),
        json.dumps(content()),
        json.dumps(content(), indent=2),
        with_value(0x7BFF),  # 65,504, the largest
        with_value(0x0001),  # the smallest above 0
        changed("name", to="das größte Netz – 数字"),
    ]
    assert node("texts", **{"texts.json": texts}) == [None] * len(texts)


def test_extreme_weights_still_give_numbers(node: Callable[..., Any], tmp_path: Path) -> None:
    """The engine refuses what is not finite; what is, must not become so on the way."""
    model = CNN()
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 65_504)
    images = np.full((2, 28, 28), 255, np.uint8)
    node(
        "activations", **{"weights.js": playground_script(model, "huge", ""), "images.bin": images.tobytes()}
    )
    assert floats(tmp_path / "logits.bin", 10).isfinite().all()
    assert torch.allclose(floats(tmp_path / "probabilities.bin", 10), torch.tensor(0.1))


def test_half_precision_is_read_exactly(node: Callable[..., Any], tmp_path: Path) -> None:
    """Every kind of number, small ones too: through a bias to the logits of a network of zeros."""
    values = torch.tensor([1.0, -2.5, 0.0, -0.0, 2**-24, -(2**-14), 2**-14 - 2**-24, 65504, 0.1, -1 / 3])
    model = CNN()
    for parameter in model.parameters():
        torch.nn.init.zeros_(parameter)
    model.fc2.bias.data = values
    node("activations", **{"weights.js": playground_script(model, "", ""), "images.bin": bytes(784)})
    assert torch.equal(floats(tmp_path / "logits.bin", 10)[0], values.half().float())


def test_misuse_is_answered_by_name(node: Callable[..., Any], test_digits: Digits) -> None:
    answers = node("misuse", **{"images.bin": pixels_of(test_digits[:1])})
    starts = ["target must"] * 3 + ["expected 1 <= stride"] * 3 + ["ink must"] * 2 + ["no layer"] * 2
    for answer, start in zip(answers, [*starts, "conv2 has rows"], strict=True):
        assert answer is not None and answer.startswith(start), answer


def test_types_are_right() -> None:
    if (tsc := shutil.which("tsc")) is None:
        pytest.skip("needs TypeScript, to check the types in the engine's comments")
    options = ["--checkJs", "--allowJs", "--noEmit", "--strict", "--lib", "dom,es2020", "--target", "es2020"]
    done = subprocess.run([tsc, *options, str(ENGINE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


# --- what the site adds ---


@pytest.fixture
def scripts() -> dict[str, str]:
    pytest.importorskip("mkdocs", reason='needs pip install -e ".[docs]"')
    made: dict[str, str] = load_hook().make_scripts()
    return made


def load_hook() -> ModuleType:
    path = REPOSITORY / "docs" / "hooks" / "playground.py"
    spec = importlib.util.spec_from_file_location("playground_hook", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sites_weights_are_the_shipped_ones(
    node: Callable[..., Any], tmp_path: Path, scripts: dict[str, str], test_digits: Digits
) -> None:
    images = test_digits[:100]
    answer = node("activations", **{"weights.js": scripts["weights.js"], "images.bin": pixels_of(images)})
    with torch.no_grad():
        theirs = rounded_model()(normalize(images.images))
    assert float((floats(tmp_path / "logits.bin", 10) - theirs).abs().max()) <= 1e-4
    assert answer["name"] == "shipped network"
    assert answer["measured"] == "99.44 % of 10,000 test digits (mnist)"


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
    assert digitlab.load_sample("test").name == "sample"
