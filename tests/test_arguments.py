"""Every argument of every public function: what it does not expect is refused in one line that names it."""

import copy
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import digitlab as dl
from digitlab.forward import walk
from digitlab.training import EpochRow

DIGITS = dl.load_sample("test")[:6]
BYTES, LABELS = DIGITS.images, DIGITS.labels
IMAGES = dl.normalize(BYTES).requires_grad_()
MODEL = dl.load_shipped_model()
SHARES = dl.predict(MODEL, BYTES)
MATRIX = dl.confusion_matrix(LABELS, SHARES.argmax(1))
RECIPE = dl.get_recipe("classic")
OPTIMIZER = torch.optim.SGD(MODEL.parameters(), lr=0.0)
SETTINGS = dl.RunSettings(RECIPE, "sample")
HISTORY = dl.History([EpochRow(1, 0.7, 0.8, 0.2, 0.95, 0.001, 2.0)])
LOADER = dl.DigitLoader(DIGITS, 3, shuffle=False)
INK = (BYTES[0] / 255).numpy()
PATH = Path(__file__) / "nowhere"  # below a file, where nothing can be written
TRAINING = dict(optimizer=OPTIMIZER, scheduler=None, autocast=False, label_smoothing=0.0)
EXPLAINED = dict(model=MODEL, images=IMAGES, targets=LABELS)

# For each public function that takes some: valid arguments, of which the tests replace one at a time.
ROWS: dict[str, dict[str, Any]] = {
    "CNN": dict(dropout=0.5),
    "DigitLoader": dict(
        digits=DIGITS, batch_size=2, shuffle=True, augment=None, device="cpu", seed=0, rank=0, n_workers=1
    ),
    "Digits": dict(images=BYTES, labels=LABELS, name="mine", split="test"),
    "History": dict(rows=HISTORY.rows),
    "RandomAffine": dict(degrees=1.0, scale=0.1, shear=1.0, translate=1.0, elastic=1.0),
    "Recipe": vars(RECIPE),
    "RunSettings": vars(SETTINGS),
    "accuracy": dict(scores=SHARES, labels=LABELS, k=2),
    "calibration": dict(probabilities=SHARES, labels=LABELS, n_bins=5),
    "choose_device": dict(name="cpu"),
    "confusion_matrix": dict(labels=LABELS, predictions=LABELS, n_classes=10),
    "create_model": dict(name="cnn", dropout=0.1),
    "cross_entropy": dict(probabilities=SHARES, labels=LABELS),
    "embedding": dict(model=MODEL, images=IMAGES, n_components=2),
    "evaluate": dict(model=MODEL, loader=LOADER),
    "exercise": dict(number="02.1"),
    "export_onnx": dict(path=PATH, output=PATH),
    "export_playground": dict(path=PATH, output=PATH),
    "feature_maps": dict(model=MODEL, images=IMAGES, layer="conv1"),
    "first_filters": dict(model=MODEL),
    "fit": dict(
        model=MODEL, train_loader=LOADER, val_loader=LOADER, epochs=1, history=None, after_epoch=None,
        progress=False, **TRAINING,
    ),
    "get_recipe": dict(name="classic"),
    "grad_cam": dict(**EXPLAINED, layer="conv2", upsample=True),
    "load_checkpoint": dict(path=PATH, device="cpu"),
    "load_digits": dict(split="test", source="sample", root=None),
    "load_drawn": dict(path=PATH),
    "load_mnist": dict(split="test", root=PATH, download=False),
    "load_sample": dict(split="test"),
    "load_shipped_model": dict(name="cnn", device="cpu"),
    "make_optimizer": dict(recipe=RECIPE, model=MODEL),
    "make_scheduler": dict(recipe=RECIPE, optimizer=OPTIMIZER, steps_per_epoch=3),
    "misclassified": dict(probabilities=SHARES, labels=LABELS),
    "normalize": dict(images=BYTES),
    "normalize_ink": dict(ink=INK),
    "occlusion": dict(**EXPLAINED, size=14, stride=14, fill=0.0),
    "per_class": dict(matrix=MATRIX),
    "plot_confusion_matrix": dict(matrix=MATRIX),
    "plot_digits": dict(images=BYTES, labels=LABELS, predictions=LABELS, columns=3, title="six"),
    "plot_embedding": dict(points=torch.rand(6, 2), labels=LABELS, title="mine"),
    "plot_feature_maps": dict(maps=torch.rand(3, 4, 4), title="maps"),
    "plot_filters": dict(filters=torch.rand(3, 5, 5), title="filters"),
    "plot_heatmaps": dict(image=BYTES[0], heats={"saliency": torch.rand(28, 28)}, title="heat"),
    "plot_intervals": dict(names=["a"], values=[0.5], intervals=[[0.4, 0.6]]),
    "plot_misclassified": dict(images=BYTES, mistakes=dl.misclassified(SHARES, (LABELS + 1) % 10), count=2),
    "plot_photo_stages": dict(stages=[("ink", INK)], title="stages"),
    "plot_probabilities": dict(probabilities=SHARES[0], image=BYTES[0], label=5),
    "plot_reliability": dict(calibration=dl.calibration(SHARES, LABELS)),
    "plot_training_curves": dict(history=HISTORY),
    "plot_walk": dict(steps=walk(MODEL, IMAGES[:1])),
    "predict": dict(model=MODEL, images=BYTES, batch_size=4),
    "read_digits": dict(source=INK, single=True, thicken=False),
    "receptive_field": dict(model=MODEL, layer="conv1", unit=(0, 0)),
    "resume_run": dict(output=PATH, device="cpu", progress=False),
    "saliency": dict(**EXPLAINED, signed=True),
    "save_checkpoint": dict(path=PATH, model=MODEL, model_name="cnn", metadata={}),
    "save_picture": dict(picture=dl.plot_digits(BYTES), path=PATH),
    "train_model": dict(settings=SETTINGS),
    "train_one_epoch": dict(model=MODEL, loader=LOADER, **TRAINING),
    "train_run": dict(settings=SETTINGS, output=PATH, progress=False),
    "train_val_split": dict(digits=DIGITS, n_val=2, seed=0),
    "unlikeness": dict(images=BYTES),
    "walk": dict(model=MODEL, images=IMAGES),
    "wilson_interval": dict(n_correct=3, n=6, confidence=0.9),
}  # fmt: skip
# These read or write files, or train for long: they have tests of their own.
NOT_CALLED = {
    "export_onnx", "export_playground", "load_checkpoint", "load_drawn", "load_mnist", "resume_run",
    "save_checkpoint", "save_picture", "train_model", "train_run",
}  # fmt: skip
OTHER_WORK = {"recipe", "path", "optimizer"}
READERS = [name for name, row in ROWS.items() if row.get("model") is MODEL and not row.keys() & OTHER_WORK]

WRONG: dict[str, Callable[[Tensor], Tensor]] = {
    "one dimension more": lambda valid: valid[None],
    "one dimension fewer": lambda valid: valid[0],
    "complex": lambda valid: valid.to(torch.complex64),
    "another kind of number": lambda valid: valid.long() if valid.is_floating_point() else valid.float(),
    "one-hot": lambda valid: torch.nn.functional.one_hot(valid.flatten().long().clamp(0, 9), 10),
    "empty": lambda valid: valid[:0],
    "one fewer": lambda valid: valid[:-1],
    "NaN": lambda valid: valid * torch.nan,
}
# What is right nevertheless: any number of images, whatever numbers can be drawn, one class for all images.
WELCOME = {
    "one dimension fewer": "grad_cam targets, occlusion targets, saliency targets",
    "another kind of number": "plot_embedding points, plot_feature_maps maps, plot_filters filters",
    "empty": "normalize images, predict images, unlikeness images",
    "one fewer": """embedding images, feature_maps images, normalize images, plot_feature_maps maps, predict images,
        plot_filters filters, plot_misclassified images, unlikeness images, walk images""",
}
# Not @checked, for its warning points at the line that called it.
OTHER_WORDS = {("load_digits", "source"): "data", ("load_digits", "root"): "PathLike"}


def arguments(kind: type = object) -> list[tuple[str, str]]:
    rows = ROWS.items()
    return [(name, each) for name, row in rows for each, value in row.items() if isinstance(value, kind)]


def refuses(function: str, argument: str, value: object) -> bool:
    """Whether it does, in one line that names the argument, or a tensor that this one should go with."""
    named = [OTHER_WORDS.get((function, argument), argument)]
    if isinstance(value, Tensor):
        named += [each for name, each in arguments(Tensor) if name == function]
    try:
        getattr(dl, function)(**{**ROWS[function], argument: value})
    except (TypeError, ValueError) as error:
        message = str(error)
        assert any(each in message for each in named), f"names no argument: {message}"
        assert "\n" not in message and len(message) < 250, message
        return True
    return False


def test_every_public_function_and_argument_has_a_row() -> None:
    public = [name for name in dl.__all__ if not name.endswith("Error")]
    taken = {name: {*inspect.signature(getattr(dl, name)).parameters} - {"options"} for name in public}
    assert {name: {*row} for name, row in ROWS.items()} == {name: own for name, own in taken.items() if own}


@pytest.mark.parametrize("function", [name for name in ROWS if name not in NOT_CALLED])
def test_a_valid_call_is_valid_and_leaves_its_tensors_alone(function: str) -> None:
    row = ROWS[function]
    before = {name: value.clone() for name, value in row.items() if isinstance(value, Tensor)}
    getattr(dl, function)(**row)
    assert all(torch.equal(value, row[name]) for name, value in before.items())


@pytest.mark.parametrize("function", READERS)
def test_what_reads_a_model_leaves_everything_as_it_was(function: str) -> None:
    model = copy.deepcopy(MODEL).train()
    model.conv2_drop.eval()  # one part frozen, as in fine-tuning
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    before, random_state = copy.deepcopy(model), torch.get_rng_state()
    result = getattr(dl, function)(**{**ROWS[function], "model": model})
    assert torch.is_grad_enabled() and not getattr(result, "requires_grad", False)
    assert IMAGES.grad is None and torch.equal(torch.get_rng_state(), random_state)
    for ours, theirs in zip(model.modules(), before.modules(), strict=True):
        assert ours.training == theirs.training and not ours._forward_hooks
    for ours, theirs in zip(model.parameters(), before.parameters(), strict=True):
        assert ours.requires_grad and torch.equal(ours, theirs) and (ours.grad == 1).all()


@pytest.mark.parametrize(("function", "argument"), arguments())
def test_what_is_of_no_known_kind_is_refused(function: str, argument: str) -> None:
    assert refuses(function, argument, object())


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(("function", "argument"), arguments(Tensor))
def test_a_wrong_tensor_is_refused(function: str, argument: str, wrong: str) -> None:
    welcome = f"{function} {argument}" in map(str.strip, WELCOME.get(wrong, "").split(","))
    assert refuses(function, argument, WRONG[wrong](ROWS[function][argument])) is not welcome
