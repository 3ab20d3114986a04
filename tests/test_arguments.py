"""Every public function, given what it does not expect, says in one line which argument, what was expected, what came.

`ROWS` has valid arguments for each function. One at a time is replaced by each of the wrong values. A call that then
succeeds is a fault too, unless the row says that this value is right there.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from test_files import small_mnist
from torch import Tensor, nn

import digitlab as dl
from digitlab import files
from digitlab.runs.report import write_figures

# Only the library makes these, from what it has checked or computed itself.
RESULTS = {"Checkpoint", "EpochSums", "NormalizedDigit", "Photo", "PhotoDigit", "Run", "Scores"}

# --- what is tried ---------------------------------------------------------------------------------------------------

WRONG: dict[str, Any] = {
    **{"None": None, "text": "abc", "empty text": "", "bytes": b"abc", "flag": True, "object": object()},
    **{"0": 0, "-1": -1, "7": 7, "0.5": 0.5, "-0.5": -0.5, "NaN": math.nan, "infinity": math.inf, "1j": 1j},
    **{
        "class": int,
        "function": len,
        "module": nn.ReLU(),
        "path": Path("no/such/place"),
        "zero byte": "a\0b",
    },
    **{
        "[]": [],
        "[1, 2]": [1, 2],
        "['a']": ["a"],
        "[None]": [None],
        "ragged": [[1], [1, 2]],
        "pairs": [("a", "b")],
    },
    **{
        "{}": {},
        "{'a': None}": {"a": None},
        "{'a': 'b'}": {"a": "b"},
        "{1: [1.0]}": {1: [1.0, 2.0]},
        "set": {1, 2},
    },
    **{"number in a tensor": torch.tensor(3), "empty tensor": torch.zeros(0), "2-D": torch.zeros(2, 3)},
    **{"5-D": torch.zeros(1, 1, 1, 2, 2), "array": np.zeros((2, 3)), "array of text": np.array(["a", "b"])},
    **{
        "long list": list(range(100_000)),
        "long text": "x" * 100_000,
        "two lines": "a\nb",
        "NumPy's 7": np.int64(7),
    },
}

# Right by themselves perhaps, but not beside the other arguments: the message may name either.
AMBIGUOUS = {"another row", "no rows", "one more", "another name", "2-D", "[1, 2]", "long list", "module"}


def altered(valid: Any) -> Iterator[tuple[str, Any]]:
    """Values that are nearly the valid one."""
    if isinstance(valid, Tensor):
        yield "int16", valid.to(torch.int16)
        yield "float64", valid.double()
        yield "bfloat16", valid.bfloat16()
        yield "complex", valid.to(torch.complex64)
        yield "all NaN", torch.full_like(valid, math.nan, dtype=torch.float32)
        yield "-100", valid.to(valid.dtype if valid.dtype != torch.uint8 else torch.int64) - 100
        yield "another dimension", valid[None]
        yield "a dimension fewer", valid[0]
        yield "another row", torch.cat([valid, valid[:1]])
        yield "no rows", valid[:0]
        yield "as array", valid.numpy()
        yield "as list", valid.tolist()
    if isinstance(valid, dict):
        (name, first), *_ = valid.items()
        yield "another name", {f"{name}?": first}
        yield "a number as name", {5: first}
        yield "seven", {f"{i}": first for i in range(7)}
    if isinstance(valid, list):
        yield "as tuple", tuple(valid)
        yield "one more", [*valid, valid[-1]]
        yield "None in it", [*valid, None]


# What many arguments take.
TEXT = {"text", "empty text", "zero byte", "long text", "two lines"}
TITLE, FLAG, WHOLE, SHARE = TEXT | {"None"}, {"flag"}, {"7", "NumPy's 7"}, {"0", "0.5"}
PLACE = {"text", "path", "two lines"}
FLOATS = {"float64", "bfloat16"}
BLOWN_UP = {"NaN", "infinity"}
UNREAD = {"all NaN", "-100"}  # the numbers in a tensor are not looked at
COUNTED = {"int16", "as array", "as list"}  # pictures take whatever NumPy understands
DRAWN = COUNTED | {"float64"}
TARGETS = {"None", "0", "number in a tensor", "a dimension fewer"} | WHOLE
ANY_TENSOR = UNREAD | FLOATS | {"int16", "complex", "another dimension", "a dimension fewer", "another row"}
ANY_TENSOR |= {"no rows", "number in a tensor", "empty tensor", "2-D", "5-D"}

# --- what is called --------------------------------------------------------------------------------------------------


class Takes(NamedTuple):
    """A valid argument, and which of the wrong values are right for it as well."""

    valid: Any
    right: set[str]


MODEL = dl.CNN().eval()
IMAGES = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
DIGITS, FOUR = dl.load_sample("test")[:3], dl.load_sample("test")[:4]
LABELS, SHARES, EYE = torch.tensor([3, 1, 4]), torch.eye(10)[:3], torch.eye(10, dtype=torch.int64)
SIX = torch.linspace(0, 1, 6)
HISTORY = dl.History([dl.EpochRow(1, 1.0, 0.7, 0.5, 0.9, 1e-3, 2.0)])
OPTIMIZER = torch.optim.SGD(MODEL.parameters())
STEPS = [dl.Step("input", IMAGES[:1]), dl.Step("fc", SHARES[:1])]
MAPS = Takes(IMAGES[:, 0], DRAWN | {"-100", "another row"})
EXPLAINED = dict(model=MODEL, images=Takes(IMAGES, UNREAD), targets=Takes(LABELS, TARGETS))
WHATEVER = Takes(SIX[1:], FLOATS | UNREAD)
SEED, SIZE, POSITIVE = Takes(0, WHOLE | {"0"}), Takes(2, WHOLE), Takes(0.1, SHARE | WHOLE)
DEVICE, FOLDER = Takes("cpu", set()), Takes("new", PLACE)
LOADER = Takes([(IMAGES, LABELS)], {"as tuple", "one more"})
ANY_NAMES = {
    "None",
    "{}",
    "{'a': None}",
    "{'a': 'b'}",
    "{1: [1.0]}",
    "another name",
    "a number as name",
    "seven",
}
PLAIN = Takes({"a": 1}, ANY_NAMES)
ITERABLE = {
    "[]",
    "[1, 2]",
    "['a']",
    "[None]",
    "ragged",
    "pairs",
    "{}",
    "{'a': None}",
    "{'a': 'b'}",
    "{1: [1.0]}",
    "set",
}
ITERABLE |= {"array", "array of text", "long list", "None in it", "as tuple", "one more"}
LINEAR = dl.SoftmaxRegression()
STILL = torch.optim.SGD(LINEAR.parameters(), lr=0.0)
SCHEDULER = Takes(torch.optim.lr_scheduler.ConstantLR(STILL), {"None"})
SMALL = replace(dl.get_recipe("classic"), model="softmax", epochs=1)
SETTINGS = dl.RunSettings(SMALL, device="cpu")
PAGE = torch.zeros(40, 40)
PAGE[10:30, 18:22] = 1
INK = Takes(PAGE, DRAWN | {"another row"})
SOURCE = Takes(PAGE, {"int16", "as array", "float64", "another row", "-100"})

# Each call starts in an empty folder, but for "run" (a finished run) and "a.png" (a picture with its description).
# fmt: off
ROWS: dict[str, dict[str, Any]] = {
    # metrics
    "accuracy": dict(scores=Takes(SHARES, FLOATS | {"-100"}), labels=LABELS, k=Takes(1, WHOLE)),
    "confusion_matrix": dict(labels=LABELS, predictions=LABELS, n_classes=Takes(10, WHOLE)),
    "per_class": dict(matrix=EYE),
    "calibration": dict(probabilities=Takes(SHARES, FLOATS), labels=LABELS, n_bins=Takes(5, WHOLE)),
    "wilson_interval": dict(n_correct=Takes(5, WHOLE | {"0"}), n=Takes(9, WHOLE), confidence=Takes(0.9, {"0.5"})),
    "cross_entropy": dict(probabilities=Takes(SHARES, FLOATS), labels=LABELS),
    "misclassified": dict(probabilities=Takes(SHARES, FLOATS), labels=LABELS),
    "PerClass": dict(precision=WHATEVER, recall=WHATEVER, f1=WHATEVER, support=Takes(EYE[0, :5], {"-100"})),
    "Calibration": dict(edges=Takes(SIX, FLOATS | UNREAD), counts=Takes(EYE[0, :5], {"-100"}), confidences=WHATEVER,
                        accuracies=WHATEVER, expected_error=Takes(0.1, SHARE)),
    "Misclassified": dict(indices=Takes(EYE[0, :5], {"-100"}), labels=Takes(EYE[0, :5], {"-100"}),
                          predictions=Takes(EYE[0, :5], {"-100"}), confidences=WHATEVER, losses=WHATEVER),
    # interpret
    "first_filters": dict(model=MODEL),
    "feature_maps": dict(model=MODEL, images=Takes(IMAGES, UNREAD | {"another row"}), layer="conv1"),
    "walk": dict(model=Takes(MODEL, {"module"}), images=Takes(IMAGES, UNREAD | {"another row"})),
    "receptive_field": dict(model=MODEL, layer="conv1", unit=Takes((1, 2), {"[1, 2]"})),
    "saliency": dict(**EXPLAINED, signed=Takes(False, FLAG)),
    "occlusion": dict(**EXPLAINED, size=Takes(7, WHOLE), stride=Takes(7, WHOLE),
                      fill=Takes(0.1, WHOLE | SHARE | {"-1", "-0.5"})),
    "grad_cam": dict(**EXPLAINED, layer=Takes("conv1", {"None"}), upsample=Takes(True, FLAG)),
    "embedding": dict(model=MODEL, images=Takes(IMAGES, {"-100", "another row"}), n_components=2),
    "Step": dict(name=Takes("relu", TEXT), output=Takes(SIX, ANY_TENSOR)),
    # models and recipes
    "create_model": dict(name="cnn", dropout=Takes(0.4, SHARE)),
    "CNN": dict(dropout=Takes(0.4, SHARE)),
    "SmallCNN": dict(channels=(1, 2, 3, 4)),
    **{f"{name} model": dict(images=Takes(IMAGES, UNREAD | {"another row", "no rows"})) for name in dl.list_models()},
    "Recipe": dict(name=Takes("mine", TEXT), description=Takes("a line", TEXT), model="cnn", epochs=Takes(3, {"7"}),
                   batch_size=Takes(50, {"7"}), learning_rate=Takes(0.01, {"7", "0.5"}), schedule="constant",
                   weight_decay=Takes(0.1, SHARE | {"7"}), betas=(0.9, 0.99), label_smoothing=Takes(0.1, SHARE),
                   dropout=Takes(0.1, SHARE), augment=Takes(dl.RandomAffine(), {"None"}), autocast=Takes(False, FLAG),
                   n_digits=Takes(1000, {"7", "None"})),
    "get_recipe": dict(name="fast"),
    "make_optimizer": dict(recipe=dl.get_recipe("fast"), model=MODEL),
    "make_scheduler": dict(recipe=dl.get_recipe("fast"), optimizer=OPTIMIZER, steps_per_epoch=Takes(9, WHOLE)),
    # pictures
    "Picture": dict(height=Takes(0.1, WHOLE | {"0.5"})),
    "save_picture": dict(picture=dl.Picture(0.1), path=Takes("b.png", {"text", "two lines"})),
    "read_description": dict(path="a.png"),
    "plot_digits": dict(images=Takes(DIGITS.images, {"as array"}), labels=Takes(LABELS, COUNTED | {"-100"}),
                        predictions=Takes(LABELS, COUNTED | {"-100", "None"}), columns=Takes(2, WHOLE),
                        title=Takes("T", TITLE)),
    "plot_misclassified": dict(images=Takes(DIGITS.images, {"as array", "another row"}),
                               mistakes=dl.misclassified(SHARES, LABELS), count=Takes(2, WHOLE)),
    "plot_photo_stages": dict(stages=Takes([("ink", SIX[None])], {"as tuple", "one more"}), title=Takes("T", TITLE)),
    "plot_filters": dict(filters=MAPS, title=Takes("T", TITLE)),
    "plot_feature_maps": dict(maps=MAPS, columns=Takes(2, WHOLE | {"None"}), title=Takes("T", TITLE)),
    "plot_heatmaps": dict(image=Takes(DIGITS.images[0], {"as array"}),
                          heats=Takes({"a": IMAGES[0, 0]}, {"another name", "seven"}), title=Takes("T", TITLE)),
    "plot_training_curves": dict(history=HISTORY),
    "plot_confusion_matrix": dict(matrix=Takes(EYE, COUNTED)),
    "plot_reliability": dict(calibration=dl.calibration(SHARES, LABELS)),
    "plot_intervals": dict(names=Takes(["a"], {"['a']", "as tuple"}), values=Takes([0.5], {"as tuple"}),
                           intervals=Takes([[0.4, 0.6]], {"as tuple"})),
    "plot_probabilities": dict(probabilities=Takes(SHARES[0], DRAWN), label=Takes(3, WHOLE | {"None", "0"}),
                               image=Takes(DIGITS.images[0], {"None", "as array"})),
    "plot_embedding": dict(points=Takes(IMAGES[:, 0, 0, :2], DRAWN | {"-100"}), labels=Takes(LABELS, COUNTED)),
    "plot_lines": dict(series={"a": [1.0, 2.0]}, x=Takes({"a": [1, 2]}, {"None", "[1, 2]"}), xlabel=Takes("x", TEXT),
                       ylabel=Takes("y", TEXT), title=Takes("T", TITLE), log=Takes(False, FLAG)),
    "plot_surface": dict(heights=Takes(IMAGES[0, 0, :2, :3], DRAWN | {"-100", "2-D", "array"}),
                         x=Takes([0, 1, 2], {"as tuple"}), y=Takes([0, 1], {"as tuple", "[1, 2]"}),
                         walks=Takes({"a": IMAGES[0, 0, :2, :2]}, {"None", "{}", "another name"}),
                         xlabel=Takes("x", TEXT), ylabel=Takes("y", TEXT), height_label=Takes("z", TEXT),
                         title=Takes("T", TITLE)),
    "plot_ladder": dict(seconds=Takes({"a": [1.0, 2.0]}, {"another name", "seven"}), xlabel=Takes("s", TEXT),
                        title=Takes("T", TITLE)),
    "plot_walk": dict(steps=Takes(STEPS, {"as tuple", "one more"}), every_step=Takes(False, FLAG)),
    # data
    "Digits": dict(images=DIGITS.images, labels=Takes(LABELS, {"-100"}), name=Takes("mine", TEXT),
                   split=Takes("train", TEXT)),
    "RandomAffine": dict.fromkeys(("degrees", "scale", "shear", "translate", "elastic"), Takes(0.1, SHARE | {"7"})),
    "DigitLoader": dict(digits=DIGITS, batch_size=SIZE, shuffle=Takes(True, FLAG),
                        augment=Takes(dl.RandomAffine(), {"None", "class", "function", "module"}), device="cpu",
                        seed=SEED, rank=Takes(0, {"0"}), n_workers=Takes(1, WHOLE)),
    "load_sample": dict(split="test"),
    "load_mnist": dict(split="test", root=Takes(".", {"None"}), download=Takes(False, FLAG)),
    "load_digits": dict(split="test", source="sample", root=Takes(".", PLACE | {"None", "long text"})),
    "read_idx": dict(path="MNIST/raw/t10k-labels-idx1-ubyte"),
    "train_val_split": dict(digits=FOUR, n_val=Takes(1, {"0"}), seed=SEED),
    "normalize": dict(images=Takes(DIGITS.images, {"another row", "no rows"})),
    # training
    "EpochRow": dict(epoch=Takes(1, WHOLE), lr=POSITIVE, seconds=POSITIVE,
                     train_loss=Takes(0.1, SHARE | WHOLE | BLOWN_UP), train_accuracy=Takes(0.1, SHARE),
                     val_loss=Takes(0.1, SHARE | WHOLE | BLOWN_UP | {"None"}),
                     val_accuracy=Takes(0.1, SHARE | {"None"})),
    "History": dict(rows=Takes(HISTORY.rows, {"[]", "one more"})),
    "choose_device": dict(name="cpu"),
    "as_device": dict(device="cpu"),
    "has_bfloat16": dict(device=torch.device("cpu")),
    "train_one_epoch": dict(model=LINEAR, loader=LOADER, optimizer=STILL, scheduler=SCHEDULER,
                            autocast=Takes(False, FLAG), label_smoothing=Takes(0.1, SHARE),
                            sums=Takes(None, {"None"})),
    "evaluate": dict(model=LINEAR, loader=LOADER),
    "predict": dict(model=LINEAR, images=Takes(DIGITS.images, {"another row", "no rows"}), batch_size=SIZE),
    "fit": dict(model=LINEAR, train_loader=LOADER, val_loader=Takes(LOADER.valid, LOADER.right | {"None"}),
                epochs=Takes(1, WHOLE), optimizer=STILL, scheduler=SCHEDULER, autocast=Takes(False, FLAG),
                label_smoothing=Takes(0.1, SHARE), history=Takes(None, {"None"}), progress=Takes(False, FLAG)),
    "progress_bar": dict(batches=Takes(LOADER.valid, ITERABLE), epoch=Takes(1, WHOLE), progress=Takes(False, FLAG),
                         n_done=Takes(0, WHOLE | {"0"})),
    "finish_epoch": dict(history=dl.History(), train=dl.Scores(0.1, 0.9, 3), model=LINEAR,
                         val_loader=Takes(LOADER.valid, LOADER.right | {"None"}), lr=POSITIVE,
                         started=Takes(0.0, SHARE | WHOLE | {"-1", "-0.5"}), progress=Takes(False, FLAG)),
    "measure": dict(probabilities=Takes(SHARES, FLOATS), labels=LABELS),
    # runs
    "RunSettings": dict(recipe=SMALL, source="sample", seed=Takes(0, {"0", "7"}), device="cpu"),
    "train_run": dict(settings=SETTINGS, output=FOLDER, progress=Takes(False, FLAG)),
    "resume_run": dict(output="run", progress=Takes(False, FLAG)),
    "train_model": dict(settings=SETTINGS),
    "train_committee": dict(settings=SETTINGS, n_members=SIZE, output=FOLDER, resume=Takes(False, FLAG),
                            progress=Takes(False, FLAG)),
    "Committee": dict(members=Takes([MODEL, MODEL], {"as tuple", "one more"})),
    "Committee of two": dict(images=Takes(IMAGES, UNREAD | {"another row", "no rows"})),
    "load_trained": dict(path="run", device="cpu"),
    "saved_settings": dict(output=Takes("run", PLACE)),
    "save_checkpoint": dict(path=Takes("a.pt", {"text", "two lines"}), model=MODEL, model_name="cnn",
                            metadata=PLAIN, training_state=PLAIN),
    "load_checkpoint": dict(path="run", device="cpu"),
    "load_shipped_model": dict(device="cpu"),
    "export_playground": dict(path="run", output=Takes("a.js", {"text", "two lines"})),
    "export_onnx": dict(path="run", output=Takes("a.onnx", {"text", "two lines"})),
    # photos
    "read_photo": dict(source=Takes(PAGE, SOURCE.right | {"2-D", "array"})),
    "find_ink": dict(grey=INK),
    "group_marks": dict(ink=INK, single=Takes(False, FLAG)),
    "thicken_ink": dict(ink=Takes(PAGE, INK.right | {"2-D", "array", "-100"})),
    "normalize_ink": dict(ink=INK),
    "read_digits": dict(source=SOURCE, single=Takes(False, FLAG), thicken=Takes(True, FLAG)),
    # files
    "copy_lessons": dict(folder=Takes("course", PLACE), force=Takes(False, FLAG)),
    "write_report": dict(folder="run"),
    "write_figures": dict(folder=".", model=MODEL, history=HISTORY, test=FOUR, probabilities=torch.eye(10)[:4]),
}
# fmt: on


def anew(train: Callable[..., Any]) -> Callable[..., Any]:
    """The function, in a folder that holds no run from the call before."""

    def call(**arguments: Any) -> None:
        shutil.rmtree("new", ignore_errors=True)
        train(**arguments)

    return call


# What is called, where that is not the public function of the row's name.
CALLED = {f"{name} model": dl.create_model(name).eval() for name in dl.list_models()} | {
    "write_figures": write_figures,
    "train_run": anew(dl.train_run),
    "train_committee": anew(dl.train_committee),
    "Committee of two": dl.Committee([MODEL, MODEL]),
}
# An unknown name is said by what it names.
ALIASES = {("create_model", "name"): "model", ("get_recipe", "name"): "recipe"}
ALIASES |= {
    ("choose_device", "name"): "device",
    ("RunSettings", "source"): "data",
    ("load_digits", "source"): "data",
}
ALIASES |= {("save_checkpoint", "model_name"): "model"}
ALIASES |= {
    ("fit", "train_loader"): "loader",
    ("fit", "val_loader"): "loader",
    ("finish_epoch", "val_loader"): "loader",
}
FILES = {"path", "folder", "output", "root"}
NO_SUCH_FILE = (OSError, dl.DataError, dl.RunError, dl.CheckpointError)
PICTURES = {"source", "grey", "ink"}

# --- the tests -------------------------------------------------------------------------------------------------------


def public_functions() -> set[str]:
    """The public names that take arguments, but for exceptions."""
    variable = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    things = {name: getattr(dl, name) for name in dl.__all__}
    return {
        name
        for name, thing in things.items()
        if callable(thing) and not (isinstance(thing, type) and issubclass(thing, BaseException))
        if any(each.kind not in variable for each in inspect.signature(thing).parameters.values())
    }


def fault(row: str, call: Callable[..., Any], arguments: dict[str, Any], name: str, label: str) -> str | None:
    """What is wrong with the answer to one wrong value, if anything is."""
    try:
        call(**arguments)
    except Exception as error:
        text, kind = str(error), type(error).__name__
        # A path is no wrong argument because there is no such file, nor a picture because nothing stands in it.
        if (
            name in FILES
            and label in PLACE | {"long text"}
            and (isinstance(error, NO_SUCH_FILE) or "there is no folder" in text)
        ):
            return None
        if name in PICTURES and isinstance(error, dl.PhotoError):
            return None
        names = arguments if label in AMBIGUOUS else [name]
        is_named = any(ALIASES.get((row, each), each) in text for each in names)
        says = (
            ("expected" in text and "got" in text)
            or "did you mean" in text
            or "choose from" in text
            or "does not fit" in text
        )
        is_one_line = "\n" not in text and len(text) < 400
        if isinstance(error, ValueError | TypeError) and is_named and says and is_one_line:
            return None
        return f"{kind}: {text[:300]}"
    return "accepted"


def test_every_public_function_has_a_row() -> None:
    rows = set(ROWS) & set(dl.__all__)
    assert public_functions() - rows == RESULTS


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A small MNIST in the current folder, runs on few digits that draw nothing, and a quick ONNX export."""
    contents = small_mnist()
    checksums = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(files, "_MNIST_MD5", checksums)
    monkeypatch.setattr(files, "_N_IMAGES", {"train": 30, "test": 20})
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path))
    (raw := tmp_path / "MNIST" / "raw").mkdir(parents=True)
    for name, content in contents.items():
        (raw / name).write_bytes(content)
    for module in ("run", "committee"):
        monkeypatch.setattr(
            f"digitlab.{module}.load_digits", lambda split, _source: dl.load_sample(split)[:40]
        )
    for drawing in ("write_figures", "write_report"):
        monkeypatch.setattr(f"digitlab.runs.run.{drawing}", lambda *_arguments: None)
    monkeypatch.setattr("digitlab.export.find_spec", lambda _package: True)
    monkeypatch.setattr("digitlab.export._to_onnx", lambda _model: b"")
    monkeypatch.setattr("digitlab.export._check_onnx", lambda _content, _model: None)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("row", ROWS)
def test_wrong_arguments_are_named(
    row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, finished_run: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("run").symlink_to(finished_run)
    (picture := dl.Picture(0.1)).alt_text = "Nothing."
    dl.save_picture(picture, "a.png")
    call = CALLED.get(row) or getattr(dl, row)
    takes = {
        name: each if isinstance(each, Takes) else Takes(each, set()) for name, each in ROWS[row].items()
    }
    valid = {name: each.valid for name, each in takes.items()}
    call(**valid)
    faults = []
    for name, (value, right) in takes.items():
        for label, wrong in (*WRONG.items(), *altered(value)):
            said = fault(row, call, valid | {name: wrong}, name, label)
            if (said == "accepted") != (label in right) or said not in ("accepted", None):
                faults.append(f"{name} = {label}: {said or 'refused, but the row says that it is right'}")
    assert faults == [], "\n" + "\n".join(faults)


def test_no_argument_is_forgotten() -> None:
    for row in set(ROWS) & set(dl.__all__):
        about = inspect.signature(getattr(dl, row)).parameters.values()
        assert set(ROWS[row]) == {each.name for each in about if each.kind != each.VAR_KEYWORD}, row


def test_the_checks_need_neither_torch_nor_numpy() -> None:
    code = "import sys, digitlab.checks; print({'torch', 'numpy'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"
