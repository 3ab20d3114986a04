"""Every public function, given a tensor that it does not expect, refuses it in one line that names the argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import digitlab as dl

DIGITS = dl.load_sample("test")[:6]
BYTES, LABELS = DIGITS.images, DIGITS.labels
IMAGES = dl.normalize(BYTES)
MODEL = dl.load_shipped_model()
PROBABILITIES = dl.predict(MODEL, BYTES)
MATRIX = dl.confusion_matrix(LABELS, PROBABILITIES.argmax(1))

# For each public function its valid arguments; the tensors among them are replaced, one at a time.
ROWS: dict[str, dict[str, Any]] = {
    "Digits": dict(images=BYTES, labels=LABELS, name="mine", split="test"),
    "accuracy": dict(scores=PROBABILITIES, labels=LABELS),
    "calibration": dict(probabilities=PROBABILITIES, labels=LABELS),
    "confusion_matrix": dict(labels=LABELS, predictions=LABELS),
    "cross_entropy": dict(probabilities=PROBABILITIES, labels=LABELS),
    "embedding": dict(model=MODEL, images=IMAGES),
    "feature_maps": dict(model=MODEL, images=IMAGES, layer="conv1"),
    "grad_cam": dict(model=MODEL, images=IMAGES),
    "misclassified": dict(probabilities=PROBABILITIES, labels=LABELS),
    "normalize": dict(images=BYTES),
    "occlusion": dict(model=MODEL, images=IMAGES[:1], size=14, stride=14),
    "per_class": dict(matrix=MATRIX),
    "plot_confusion_matrix": dict(matrix=MATRIX),
    "plot_digits": dict(images=BYTES),
    "plot_embedding": dict(points=torch.rand(6, 2), labels=LABELS),
    "plot_feature_maps": dict(maps=torch.rand(3, 4, 4)),
    "plot_filters": dict(filters=torch.rand(3, 5, 5)),
    "plot_heatmaps": dict(image=BYTES[0], heats={"saliency": torch.rand(28, 28)}),
    "plot_misclassified": dict(images=BYTES, mistakes=dl.misclassified(PROBABILITIES, (LABELS + 1) % 10)),
    "plot_probabilities": dict(probabilities=PROBABILITIES[0]),
    "predict": dict(model=MODEL, images=BYTES),
    "saliency": dict(model=MODEL, images=IMAGES),
    "walk": dict(model=MODEL, images=IMAGES),
}
# Those that take no tensor, or what the library itself makes; their other arguments have tests of their own.
WITHOUT_TENSORS = {
    "CNN", "CheckpointError", "DataError", "DigitLoader", "History", "PhotoError", "Picture", "RandomAffine", "Recipe",
    "RunSettings", "SoftmaxRegression", "TrainingError", "choose_device", "create_model", "data_folder", "evaluate",
    "exercise", "export_onnx", "export_playground", "first_filters", "fit", "followed_digit", "get_recipe",
    "list_models", "list_recipes", "load_checkpoint", "load_digits", "load_mnist", "load_sample", "load_shipped_model",
    "make_optimizer", "make_scheduler", "normalize_ink", "plot_intervals", "plot_photo_stages", "plot_reliability",
    "plot_training_curves", "plot_walk", "read_digits", "receptive_field", "resume_run", "save_checkpoint",
    "save_picture", "train_model", "train_one_epoch", "train_run", "train_val_split", "wilson_interval",
}  # fmt: skip

WRONG: dict[str, Callable[[Tensor], object]] = {
    "None": lambda valid: None,
    "text": lambda valid: "abc",
    "a list of texts": lambda valid: ["a", "b"],
    "one dimension more": lambda valid: valid[None],
    "one dimension fewer": lambda valid: valid[0],
    "complex": lambda valid: valid.to(torch.complex64),
    "another kind of number": lambda valid: valid.long() if valid.is_floating_point() else valid.float(),
    "one-hot": lambda valid: torch.nn.functional.one_hot(valid.flatten().long().clamp(0, 9), 10),
    "empty": lambda valid: valid[:0],
    "rows of other lengths": lambda valid: [[1], [1, 2]],
    "an array of texts": lambda valid: np.array(["a", "b"]),
}
# What is right, though it is not what the row has: pictures take whatever numbers they can draw.
WELCOME = {
    ("confusion_matrix", "empty"), ("Digits", "empty"), ("misclassified", "empty"), ("normalize", "empty"),
    ("predict", "empty"),
    ("per_class", "empty"), ("plot_confusion_matrix", "another kind of number"),
    ("plot_feature_maps", "another kind of number"), ("plot_filters", "another kind of number"),
    ("plot_embedding", "another kind of number"), ("plot_heatmaps", "another kind of number"),
    ("plot_probabilities", "another kind of number"), ("predict", "one dimension fewer"),
}  # fmt: skip

CASES = [
    (function, argument, wrong)
    for function, row in ROWS.items()
    for argument, value in row.items()
    if isinstance(value, Tensor)
    for wrong in WRONG
]


def test_every_public_name_is_accounted_for() -> None:
    assert set(ROWS) | WITHOUT_TENSORS == set(dl.__all__)
    assert not set(ROWS) & WITHOUT_TENSORS


@pytest.mark.parametrize("function", ROWS)
def test_the_valid_call_is_valid(function: str) -> None:
    getattr(dl, function)(**ROWS[function])


@pytest.mark.parametrize(("function", "argument", "wrong"), CASES)
def test_a_wrong_tensor_is_refused_in_one_line(function: str, argument: str, wrong: str) -> None:
    valid = ROWS[function][argument]
    default = inspect.signature(getattr(dl, function)).parameters[argument].default
    if wrong == "None" and default is None:
        return
    try:
        getattr(dl, function)(**{**ROWS[function], argument: WRONG[wrong](valid)})
    except (TypeError, ValueError) as error:
        message = str(error)
        others = [each for each, value in ROWS[function].items() if isinstance(value, Tensor)]
        assert any(each in message for each in others), f"names no argument: {message}"
        assert "\n" not in message and len(message) < 250, message
        assert "expected" in message, message
    else:
        assert (function, wrong) in WELCOME, "this should be refused"


@pytest.mark.parametrize("function", sorted(ROWS))
def test_the_arguments_are_left_as_they_were(function: str) -> None:
    row = {
        name: value.clone() if isinstance(value, Tensor) else value for name, value in ROWS[function].items()
    }
    getattr(dl, function)(**row)
    for name, value in row.items():
        if isinstance(value, Tensor):
            assert torch.equal(value, ROWS[function][name]), name


def test_a_folder_is_not_needed_to_be_text(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", str(tmp_path / "b")):
        dl.save_checkpoint(folder, MODEL, "cnn")
        assert dl.load_checkpoint(folder).model_name == "cnn"
