"""What people do with tools like this one, and their neighbours: the right number, or one line that says why."""

import copy
import io
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import digitlab as dl
from digitlab import doctor
from digitlab.cli import main
from digitlab.runs import checkpoint
from digitlab.runs.run import resume_run, train_run
from digitlab.runs.state import STATE_FILE

Patch = pytest.MonkeyPatch
Capture = pytest.CaptureFixture[str]
TEN = dl.load_sample("test")[:10]
IMAGES = dl.normalize(TEN.images)
SHIPPED = dl.load_shipped_model()
ONE_HOT = nn.functional.one_hot(TEN.labels, 10)
NOT_CONTIGUOUS = IMAGES.transpose(2, 3).contiguous().transpose(2, 3)

# What is read from a model, and read of the shipped one while all settings are PyTorch's own.
READINGS: dict[str, Callable[[nn.Module], Any]] = {
    "predict": lambda model: dl.predict(model, TEN.images),
    "feature_maps": lambda model: dl.feature_maps(model, IMAGES, "conv1"),
    "walk": lambda model: dl.walk(model, IMAGES[:1])[-1].output,
    "receptive_field": lambda model: dl.receptive_field(model, "conv2", (1, 1)),
    "saliency": lambda model: dl.saliency(model, IMAGES),
    "occlusion": lambda model: dl.occlusion(model, IMAGES[:1], size=14, stride=14),
    "grad_cam": lambda model: dl.grad_cam(model, IMAGES),
    "first_filters": dl.first_filters,
    "embedding": lambda model: dl.embedding(model, IMAGES),
}
READ = {name: reading(SHIPPED) for name, reading in READINGS.items()}


RIGHT_BATCHES: dict[str, Any] = {
    "int32 labels": [(IMAGES, TEN.labels.int())],
    "uint8 labels": [(IMAGES, TEN.labels.to(torch.uint8))],
    "half images": [(IMAGES.half(), TEN.labels)],
    "images not contiguous": [(NOT_CONTIGUOUS, TEN.labels)],
    "batches of one": [(IMAGES[i : i + 1], TEN.labels[i : i + 1]) for i in range(10)],
    "an empty batch among them": [(IMAGES, TEN.labels), (IMAGES[:0], TEN.labels[:0])],
    "a DataLoader": DataLoader(TensorDataset(IMAGES, TEN.labels), batch_size=4),
    "a generator": ((IMAGES[i : i + 5], TEN.labels[i : i + 5]) for i in (0, 5)),
}
WRONG_BATCHES = {
    "one-hot labels": ((IMAGES, ONE_HOT), "labels: expected Integer"),
    "float labels": ((IMAGES, TEN.labels.float()), "labels: expected Integer"),
    "labels from 1 to 10": ((IMAGES, TEN.labels + 1), "labels: expected 0 to 9, got .*10"),
    "a label that PyTorch ignores": ((IMAGES, TEN.labels.where(TEN.labels != 5, -100)), "expected 0 to 9, got -100"),
    "a list of labels": ((IMAGES, TEN.labels.tolist()), "labels: expected Integer"),
    "too few labels": ((IMAGES, TEN.labels[:4]), "labels: expected Integer.* with B = 10"),
    "raw bytes": ((TEN.images, TEN.labels), "images: expected Float"),
    "images only": ((IMAGES,), "expected batches"),
    "a dictionary": ({"images": IMAGES, "labels": TEN.labels}, "expected batches"),
}  # fmt: skip


@pytest.mark.parametrize("kind", RIGHT_BATCHES)
def test_what_a_loader_may_give(kind: str) -> None:
    right = dl.evaluate(SHIPPED, [(IMAGES, TEN.labels)])
    scores = dl.evaluate(SHIPPED, RIGHT_BATCHES[kind])
    assert (scores.n, scores.accuracy) == (10, right.accuracy)
    assert scores.loss == pytest.approx(right.loss, rel=2e-2, abs=2e-5)


@pytest.mark.parametrize("kind", WRONG_BATCHES)
def test_what_a_loader_may_not_give(kind: str) -> None:
    batch, expected = WRONG_BATCHES[kind]
    in_one_line = rf"\A(?=.*{expected}).{{20,250}}\Z"
    model = copy.deepcopy(SHIPPED).train()
    model.conv2_drop.eval()
    with pytest.raises(ValueError, match=in_one_line):
        dl.evaluate(model, [batch])
    assert model.training and not model.conv2_drop.training, "each layer is in its mode again"
    with pytest.raises(ValueError, match=in_one_line):
        dl.train_one_epoch(model, [batch], torch.optim.SGD(model.parameters(), lr=0.01))
    assert torch.equal(model.conv1.weight, SHIPPED.conv1.weight)
    if "expected 0 to 9" in expected:
        with pytest.raises(ValueError, match=expected):
            dl.Digits(TEN.images, batch[1], "mine", "train")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_pixel_that_is_no_number_is_no_score(value: float) -> None:
    model, images = copy.deepcopy(SHIPPED).train(), IMAGES.clone()
    images[3, 0, 5, 5] = value
    with pytest.raises(dl.TrainingError, match=r"not finite.*NaN"):
        dl.evaluate(model, [(images, TEN.labels)])
    with pytest.raises(ValueError, match="images: expected finite numbers"):
        dl.predict(model, images)
    assert model.training


@pytest.fixture
def foreign_defaults() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    with torch.device("meta"):
        yield
    torch.set_default_dtype(torch.float32)


def fit_a_little(_: Path) -> None:
    model = dl.create_model("cnn")
    loader = dl.DigitLoader(TEN, 5, shuffle=True, augment=dl.RandomAffine(degrees=5, elastic=0.5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    dl.fit(model, loader, loader, epochs=1, optimizer=optimizer, progress=False)
    assert next(model.parameters()).dtype == torch.float32


SHORT = dl.Recipe("short", "", "fast", 1, 500, 1e-3, n_digits=500)
MADE: dict[str, Callable[[Path], object]] = {
    "load": lambda folder: torch.testing.assert_close(dl.load_shipped_model().fc2.bias, SHIPPED.fc2.bias),
    "save": lambda folder: dl.save_checkpoint(folder / "x.safetensors", SHIPPED, "cnn"),
    "fit": fit_a_little,
    "split": lambda folder: dl.train_val_split(TEN, 3),
    "run": lambda folder: train_run(dl.RunSettings(SHORT, "sample"), folder, progress=False),
    "metrics": lambda folder: dl.misclassified(READ["predict"], TEN.labels),
    "playground": lambda folder: dl.export_playground(checkpoint.SHIPPED_FILE, folder / "y.js"),
}


@pytest.mark.usefixtures("foreign_defaults")
@pytest.mark.parametrize("what", MADE)
def test_what_is_made_has_its_own_dtype_and_device(what: str, tmp_path: Path) -> None:
    MADE[what](tmp_path)


@pytest.mark.usefixtures("foreign_defaults")
@pytest.mark.parametrize("what", READINGS)
def test_what_it_reads_from_a_model_is_the_same_everywhere(what: str) -> None:
    torch.testing.assert_close(READINGS[what](SHIPPED), READ[what])


@pytest.mark.parametrize(
    ("machine", "device"), [("cuda with PyTorch 2.9.0", "cuda"), ("cpu with PyTorch 2.6.0+cpu", "auto")]
)
def test_a_run_that_goes_on_elsewhere_says_so(tmp_path: Path, machine: str, device: str) -> None:
    stop = mock.patch("digitlab.training.train_one_epoch", side_effect=KeyboardInterrupt)
    with stop, pytest.raises(KeyboardInterrupt):
        train_run(dl.RunSettings(SHORT, "sample"), tmp_path, progress=False)
    state = torch.load(tmp_path / STATE_FILE, weights_only=True)
    state["machine"], state["settings"]["device"] = machine, device
    state["random_states"][0]["cuda"] = torch.zeros(16, dtype=torch.uint8)
    torch.save(state, tmp_path / STATE_FILE)
    said = f"begun on {re.escape(machine)}, going on on cpu.*bits may differ"
    with pytest.warns(UserWarning, match=said) as warned:
        assert resume_run(tmp_path, progress=False)["epochs"] == 1
    assert len(warned) == 1


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "cp932", "utf-8", "utf-16"])
def test_names_with_other_letters(encoding: str, monkeypatch: Patch, tmp_path: Path) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    paths = [tmp_path / name for name in ("фото.jpg", "数字.jpg", "naïve 5.jpg", "☃ – ½.jpg", "plain.jpg")]
    for path in paths:
        Image.fromarray(255 - TEN.images[0].numpy()).save(path)
    assert main(["predict", str(tmp_path / "no фото ☃.jpg"), *map(str, paths)]) == 2
    assert main(["lessons", str(tmp_path / "уроки")]) == 0 and list((tmp_path / "уроки").glob("*.ipynb"))
    text = terminal.buffer.getvalue().decode(encoding)
    assert "plain.jpg: 5" in text and text.count(": 5 (") == 5
    assert "cannot be opened" in text and "copied" in text


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
def test_a_model_of_any_precision_takes_images_of_any_form(kind: torch.dtype) -> None:
    model = copy.deepcopy(SHIPPED).to(kind)
    for images in (TEN.images, IMAGES, IMAGES.to(kind), IMAGES.double(), NOT_CONTIGUOUS):
        torch.testing.assert_close(dl.predict(model, images), READ["predict"], atol=0.03, rtol=0)
    assert dl.evaluate(model, [(IMAGES, TEN.labels)]).accuracy == 1.0


WRAPPERS: dict[str, Callable[[nn.Module], Any]] = {
    "compiled": lambda model: torch.compile(model, backend="eager"),
    "DataParallel": nn.DataParallel,
    "averaged": torch.optim.swa_utils.AveragedModel,
    "compiled DataParallel": lambda model: torch.compile(nn.DataParallel(model), backend="eager"),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("what", READINGS)
def test_a_wrapped_model_is_the_model_in_it(wrapper: str, what: str) -> None:
    wrapped = WRAPPERS[wrapper](copy.deepcopy(SHIPPED))
    torch.testing.assert_close(READINGS[what](wrapped), READ[what])


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapped_model_is_saved_under_the_plain_names(wrapper: str, tmp_path: Path) -> None:
    dl.save_checkpoint(tmp_path / "x.safetensors", WRAPPERS[wrapper](copy.deepcopy(SHIPPED)), "cnn")
    loaded = dl.load_checkpoint(tmp_path / "x.safetensors").model
    torch.testing.assert_close(loaded.state_dict(), SHIPPED.state_dict(), atol=0, rtol=0)


def test_doctor_goes_on(capsys: Capture) -> None:
    errors = {
        "load_sample": PermissionError(13, "Permission denied"),
        "load_shipped_model": ValueError("is damaged"),
        "load_mnist": OSError(5, "I/O error"),
    }
    faults = {name: mock.Mock(side_effect=error) for name, error in errors.items()}
    with mock.patch.multiple(doctor, **faults):
        assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert all(str(error) in out for error in errors.values())
    assert out.splitlines()[-1].startswith("pytest")


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_training_turns_gradients_on(context: Callable[[], Any]) -> None:
    model = copy.deepcopy(SHIPPED)
    before = model.conv1.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with context():
        dl.fit(model, dl.DigitLoader(TEN, 5, shuffle=False), epochs=1, optimizer=optimizer, progress=False)
    assert not torch.equal(model.conv1.weight, before)
