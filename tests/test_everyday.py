"""What people do with tools like this one, and their neighbours: the right number, or one line that says why."""

import copy
import gzip
import hashlib
import io
import re
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import digitlab as dl
from digitlab import doctor
from digitlab.cli import main
from digitlab.data import mnist
from digitlab.runs import checkpoint
from digitlab.runs import state as run_state
from digitlab.runs.run import resume_run, train_run
from digitlab.runs.state import STATE_FILE

TEN = dl.load_sample("test")[:10]
IMAGES = dl.normalize(TEN.images)
SHIPPED = dl.load_shipped_model()
ONE_HOT = nn.functional.one_hot(TEN.labels, 10)


def one_line(error: BaseException) -> str:
    text = str(error)
    assert text and "\n" not in text and len(text) < 250, text
    return text


# --- 1. batches and labels ---

RIGHT_BATCHES = {
    "int32 labels": [(IMAGES, TEN.labels.int())],
    "uint8 labels": [(IMAGES, TEN.labels.to(torch.uint8))],
    "int16 labels": [(IMAGES, TEN.labels.short())],
    "float64 images": [(IMAGES.double(), TEN.labels)],
    "half images": [(IMAGES.half(), TEN.labels)],
    "images not contiguous": [(IMAGES.transpose(2, 3).contiguous().transpose(2, 3), TEN.labels)],
    "images with a gradient": [(IMAGES.clone().requires_grad_(), TEN.labels)],
    "lists instead of tuples": [[IMAGES, TEN.labels]],
    "batches of one": [(IMAGES[i : i + 1], TEN.labels[i : i + 1]) for i in range(10)],
    "an empty batch among them": [(IMAGES, TEN.labels), (IMAGES[:0], TEN.labels[:0])],
    "a DataLoader": DataLoader(TensorDataset(IMAGES, TEN.labels), batch_size=4),
    "a DataLoader over Digits": DataLoader(
        TEN,
        3,
        collate_fn=lambda pairs: (
            dl.normalize(torch.stack([p[0] for p in pairs])),
            torch.tensor([p[1] for p in pairs]),
        ),
    ),
    "a generator": ((IMAGES[i : i + 5], TEN.labels[i : i + 5]) for i in (0, 5)),
}
WRONG_BATCHES = {
    "one-hot float labels": ((IMAGES, ONE_HOT.float()), "labels: expected Integer"),
    "one-hot whole labels": ((IMAGES, ONE_HOT), "labels: expected Integer"),
    "one-hot, batch of one": ((IMAGES[:1], ONE_HOT[:1].float()), "labels: expected Integer"),
    "float labels": ((IMAGES, TEN.labels.float()), "labels: expected Integer"),
    "bool labels": ((IMAGES, TEN.labels > 4), "labels: expected Integer"),
    "labels in a column": ((IMAGES, TEN.labels[:, None]), "labels: expected Integer"),
    "labels from 1 to 10": ((IMAGES, TEN.labels + 1), "labels: expected 0 to 9, got . to 10"),
    "a label that PyTorch ignores": ((IMAGES, TEN.labels.where(TEN.labels != 5, -100)), "expected 0 to 9, got -100"),
    "labels below 0": ((IMAGES, TEN.labels - 5), "labels: expected 0 to 9, got -. to ."),
    "a list of labels": ((IMAGES, TEN.labels.tolist()), "labels: expected Integer"),
    "too few labels": ((IMAGES, TEN.labels[:4]), "labels: expected Integer.* with B = 10"),
    "raw bytes": ((TEN.images, TEN.labels), "images: expected Float"),
    "images only": ((IMAGES,), "expected batches"),
    "a dictionary": ({"images": IMAGES, "labels": TEN.labels}, "expected batches"),
    "a batch that is no pair": (IMAGES, "expected batches"),
}  # fmt: skip


@pytest.mark.parametrize("kind", RIGHT_BATCHES)
def test_what_a_loader_may_give(kind: str) -> None:
    right = dl.evaluate(SHIPPED, [(IMAGES, TEN.labels)])
    scores = dl.evaluate(SHIPPED, RIGHT_BATCHES[kind])
    assert (scores.n, scores.accuracy) == (10, right.accuracy)
    assert scores.loss == pytest.approx(right.loss, rel=2e-2, abs=2e-5)


@pytest.mark.parametrize("kind", WRONG_BATCHES)
@pytest.mark.parametrize("train", [False, True])
def test_what_a_loader_may_not_give(kind: str, train: bool) -> None:
    batch, expected = WRONG_BATCHES[kind]
    model = copy.deepcopy(SHIPPED)
    before = model.conv1.weight.clone()
    with pytest.raises(ValueError, match=expected) as error:
        if train:
            dl.train_one_epoch(model, [batch], torch.optim.SGD(model.parameters(), lr=0.01))
        else:
            dl.evaluate(model, [batch])
    one_line(error.value)
    assert torch.equal(model.conv1.weight, before)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_pixel_that_is_no_number_is_no_score(value: float) -> None:
    images = IMAGES.clone()
    images[3, 0, 5, 5] = value
    with pytest.raises(dl.TrainingError, match=r"not finite.*NaN"):
        dl.evaluate(SHIPPED, [(images, TEN.labels)])
    with pytest.raises(ValueError, match="images: expected finite numbers"):
        dl.predict(SHIPPED, images)


@pytest.mark.parametrize("label", [-1, 10, 255, -100])
def test_digits_have_ten_labels(label: int) -> None:
    with pytest.raises(ValueError, match=f"labels: expected 0 to 9, got {label}"):
        dl.Digits(TEN.images, torch.full((10,), label), "mine", "train")


def test_an_evaluation_that_fails_leaves_the_mode_as_it_was() -> None:
    model = copy.deepcopy(SHIPPED).train()
    model.conv2_drop.eval()
    for call in (lambda: dl.evaluate(model, [IMAGES]), lambda: dl.predict(model, IMAGES * torch.nan)):
        with pytest.raises(ValueError):
            call()
        assert model.training and not model.conv2_drop.training


# --- 2. somebody else's defaults ---


@pytest.fixture(params=["float64", "bfloat16", "float16", "meta"])
def foreign_default(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "meta":
        torch.set_default_device("meta")
    else:
        torch.set_default_dtype(getattr(torch, request.param))
    yield request.param
    torch.set_default_device(None)
    torch.set_default_dtype(torch.float32)


def _fit_a_little() -> None:
    model = dl.create_model("cnn")
    loader = dl.DigitLoader(
        dl.load_sample("train")[:32], 16, shuffle=True, augment=dl.RandomAffine(degrees=5, elastic=0.5)
    )
    dl.fit(
        model,
        loader,
        loader,
        epochs=1,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01),
        progress=False,
    )
    assert next(model.parameters()).dtype == torch.float32


UNDER_FOREIGN_DEFAULTS: dict[str, Callable[[Path], object]] = {
    "load": lambda folder: torch.testing.assert_close(dl.load_shipped_model().fc2.bias, SHIPPED.fc2.bias),
    "save": lambda folder: dl.save_checkpoint(folder / "x.safetensors", SHIPPED, "cnn"),
    "fit": lambda folder: _fit_a_little(),
    "split": lambda folder: dl.train_val_split(TEN, 3),
    "run": lambda folder: dl.train_run(
        dl.RunSettings(dl.Recipe("short", "", "fast", 1, 500, 1e-3, n_digits=500), "sample"), folder, progress=False
    ),
    "predict": lambda folder: torch.testing.assert_close(dl.predict(SHIPPED, TEN.images).argmax(1), TEN.labels),
    "metrics": lambda folder: dl.misclassified(dl.predict(SHIPPED, TEN.images), TEN.labels),
    "walk": lambda folder: dl.walk(SHIPPED, IMAGES[:1]),
    "receptive field": lambda folder: dl.receptive_field(SHIPPED, "conv2", (0, 0)),
    "saliency": lambda folder: dl.saliency(SHIPPED, IMAGES),
    "occlusion": lambda folder: dl.occlusion(SHIPPED, IMAGES[:1], size=14, stride=14),
    "grad_cam": lambda folder: dl.grad_cam(SHIPPED, IMAGES),
    "embedding": lambda folder: dl.embedding(SHIPPED, IMAGES),
    "playground": lambda folder: dl.export_playground(checkpoint.SHIPPED_FILE, folder / "y.js"),
}  # fmt: skip


@pytest.mark.parametrize("what", UNDER_FOREIGN_DEFAULTS)
def test_what_the_library_makes_it_makes_with_its_own_dtype_and_device(
    foreign_default: str, what: str, tmp_path: Path
) -> None:
    UNDER_FOREIGN_DEFAULTS[what](tmp_path)


# --- 3. a run that goes on elsewhere ---


@pytest.fixture(scope="module")
def half_a_run(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("half") / "run"

    class Stop(Exception): ...

    def stop(self: Any, *_args: Any) -> None:
        if len(self.history):
            raise Stop

    with pytest.MonkeyPatch.context() as patch:
        saved = run_state.save_state
        patch.setattr("digitlab.runs.run.save_state", lambda run, path: (saved(run, path), stop(run)))
        recipe = dl.Recipe("short", "", "cnn", 2, 500, 1e-3, n_digits=1000)
        with pytest.raises(Stop):
            train_run(dl.RunSettings(recipe, "sample"), folder, progress=False)
    return (folder / STATE_FILE).read_bytes()


@pytest.mark.parametrize(
    "machine", ["cuda with PyTorch 2.9.0", "mps with PyTorch 2.14.1", "cpu with PyTorch 2.6.0+cpu"]
)
@pytest.mark.parametrize("device", ["cuda", "mps", "auto", "cpu"])
def test_a_run_goes_on_elsewhere_and_says_that_bits_may_differ(
    half_a_run: bytes, tmp_path: Path, machine: str, device: str
) -> None:
    state = torch.load(io.BytesIO(half_a_run), weights_only=True)
    state["machine"], state["settings"]["device"] = machine, device
    state["random_states"][0]["cuda"] = torch.zeros(16, dtype=torch.uint8)
    torch.save(state, tmp_path / STATE_FILE)
    with pytest.warns(
        UserWarning, match=f"begun on {re.escape(machine)}, going on on cpu.*bits may differ"
    ) as warned:
        assert resume_run(tmp_path, progress=False)["epochs"] == 2
    assert len(warned) == 1


def test_another_device_may_be_named_when_a_run_goes_on(half_a_run: bytes, tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_bytes(half_a_run)
    assert main(["train", "--resume", "--output", str(tmp_path), "--device", "cpu", "--quiet"]) == 0


@pytest.mark.parametrize("lost", ["model", "optimizer", "history", "random_states", "settings"])
def test_a_state_that_lacks_something_is_damaged(half_a_run: bytes, tmp_path: Path, lost: str) -> None:
    state = torch.load(io.BytesIO(half_a_run), weights_only=True)
    del state[lost]
    torch.save(state, tmp_path / STATE_FILE)
    with pytest.raises(dl.CheckpointError, match="is damaged") as error:
        resume_run(tmp_path, progress=False)
    one_line(error.value)


# --- 4. a terminal, a file or a folder that knows other letters ---


def in_terminal(monkeypatch: pytest.MonkeyPatch, encoding: str, *arguments: str) -> tuple[int, str]:
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    status = main(list(arguments))
    for stream in streams:
        stream.flush()
    return status, b"".join(stream.buffer.getvalue() for stream in streams).decode(encoding)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "cp932", "cp850", "utf-8", "utf-16"])
@pytest.mark.parametrize("name", ["фото.jpg", "数字.jpg", "naïve 5.jpg", "☃ – ½.jpg"])
def test_names_with_other_letters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str, name: str
) -> None:
    for each in (name, "plain.jpg"):
        Image.fromarray(255 - TEN.images[0].numpy()).save(tmp_path / each)
    status, text = in_terminal(
        monkeypatch,
        encoding,
        "predict",
        str(tmp_path / name),
        str(tmp_path / "plain.jpg"),
        str(tmp_path / f"no {name}"),
    )
    assert status == 2 and "plain.jpg: 5" in text and "cannot be opened" in text and text.count("5 (") == 2


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
def test_folders_with_other_letters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str) -> None:
    status, text = in_terminal(monkeypatch, encoding, "lessons", str(tmp_path / "уроки"))
    assert status == 0 and "copied" in text and list((tmp_path / "уроки").glob("*.ipynb"))


# --- 5. precision ---


@pytest.mark.parametrize("kind", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    "form", ["bytes", "float32", "as the model", "float64", "not contiguous", "with a gradient"]
)
def test_predict_takes_a_model_of_any_precision(kind: torch.dtype, form: str) -> None:
    images = {
        "bytes": TEN.images,
        "float32": IMAGES,
        "as the model": IMAGES.to(kind),
        "float64": IMAGES.double(),
        "not contiguous": IMAGES.transpose(2, 3).contiguous().transpose(2, 3),
        "with a gradient": IMAGES.clone().requires_grad_(),
    }[form]
    probabilities = dl.predict(copy.deepcopy(SHIPPED).to(kind), images)
    torch.testing.assert_close(probabilities, dl.predict(SHIPPED, IMAGES), atol=0.03, rtol=0)
    assert dl.evaluate(copy.deepcopy(SHIPPED).to(kind), [(IMAGES, TEN.labels)]).accuracy == 1.0


# --- 6. wrapped models ---

WRAPPERS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "compiled": lambda model: torch.compile(model, backend="eager"),  # type: ignore[return-value]
    "DataParallel": nn.DataParallel,
    "averaged": torch.optim.swa_utils.AveragedModel,
    "compiled DataParallel": lambda model: torch.compile(nn.DataParallel(model), backend="eager"),  # type: ignore[return-value]
}
OF_WRAPPED: dict[str, Callable[[nn.Module], Any]] = {
    "predict": lambda model: dl.predict(model, IMAGES),
    "feature_maps": lambda model: dl.feature_maps(model, IMAGES, "conv1"),
    "walk": lambda model: dl.walk(model, IMAGES[:1])[-1].output,
    "receptive_field": lambda model: torch.tensor(dl.receptive_field(model, "conv2", (1, 1))),
    "saliency": lambda model: dl.saliency(model, IMAGES),
    "occlusion": lambda model: dl.occlusion(model, IMAGES[:1], size=14, stride=14),
    "grad_cam": lambda model: dl.grad_cam(model, IMAGES),
    "first_filters": lambda model: dl.first_filters(model),
    "embedding": lambda model: dl.embedding(model, IMAGES),
}


@pytest.mark.parametrize("wrapper", WRAPPERS)
@pytest.mark.parametrize("what", OF_WRAPPED)
def test_a_wrapped_model_is_the_model_in_it(wrapper: str, what: str) -> None:
    wrapped = WRAPPERS[wrapper](copy.deepcopy(SHIPPED))
    torch.testing.assert_close(OF_WRAPPED[what](wrapped), OF_WRAPPED[what](SHIPPED))


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapped_model_is_saved_under_the_plain_names(wrapper: str, tmp_path: Path) -> None:
    dl.save_checkpoint(tmp_path / "x.safetensors", WRAPPERS[wrapper](copy.deepcopy(SHIPPED)), "cnn")
    loaded = dl.load_checkpoint(tmp_path / "x.safetensors").model
    assert all(map(torch.equal, loaded.state_dict().values(), SHIPPED.state_dict().values()))


# --- 7. packed files ---


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder with MNIST's four files of 30 and 10 made-up images, packed; no network."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    sums = {}
    for name in mnist._MNIST_MD5:
        n = 30 if name.startswith("train") else 10
        shape = (n, 28, 28) if "images" in name else (n,)
        body = (np.arange(np.prod(shape)) % 10).astype(np.uint8).tobytes()
        content = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + body
        (raw / f"{name}.gz").write_bytes(gzip.compress(content))
        sums[name] = hashlib.md5(content).hexdigest()
    monkeypatch.setattr(mnist, "_MNIST_MD5", sums)
    monkeypatch.setattr(mnist, "_N_IMAGES", {"train": 30, "test": 10})
    return tmp_path


@pytest.mark.parametrize("level", [0, 1, 9])
def test_files_packed_by_anybody(packed: Path, level: int) -> None:
    for path in packed.rglob("*.gz"):
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), level))
    assert (len(dl.load_mnist("test", packed)), len(dl.load_digits("train", "auto", packed))) == (10, 30)


def test_some_packed_and_some_not(packed: Path) -> None:
    for path in packed.rglob("t10k*.gz"):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert len(dl.load_mnist("train", packed)) == 30


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-9], lambda b: b"", lambda b: b[:40] + b"x" * 9 + b[49:], lambda b: gzip.compress(b"no")],
)
def test_damaged_packed_files_are_not_taken(packed: Path, damage: Callable[[bytes], bytes]) -> None:
    path = next(packed.rglob("train-images*.gz"))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(dl.DataError, match="train-images-idx3-ubyte is missing or damaged") as error:
        dl.load_mnist("train", packed)
    assert "\n" not in str(error.value)


# --- 8. streams and files that are not there ---


@pytest.mark.parametrize("closed", ["stderr", "stdout", "both"])
def test_train_with_closed_streams(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, closed: str) -> None:
    for stream in ("stdout", "stderr"):
        if closed in (stream, "both"):
            monkeypatch.setattr(sys, stream, None)
    assert main(["train", "--recipe", "fast", "--data", "sample", "--output", str(tmp_path / "run")]) == 0


@pytest.mark.parametrize("what", ["load_sample", "load_shipped_model", "load_mnist"])
@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), ValueError("is damaged"), OSError(5, "I/O error")]
)
def test_doctor_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str, error: Exception
) -> None:
    def refuse(*_args: Any, **_named: Any) -> None:
        raise error

    monkeypatch.setattr(doctor, what, refuse)
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(str(error).splitlines()[0][-9:] in line for line in lines) and lines[-1].startswith("pytest")


# --- 9. no network ---


@pytest.mark.parametrize("name", ["mnist", "fashion"])
@pytest.mark.parametrize("command", ["train", "evaluate", "download"])
def test_what_to_do_without_a_network(
    capsys: pytest.CaptureFixture[str], finished_run: Path, tmp_path: Path, name: str, command: str
) -> None:
    arguments = {
        "train": ["--output", str(tmp_path / "run")],
        "evaluate": [str(finished_run)],
        "download": [],
    }
    assert main([command, *arguments[command], "--data", name]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "lay the four files there" in line and "--data sample" in line


# --- 10. foreign versions, and training where gradients are off ---


@pytest.mark.parametrize("form", ["digitlab model 2", "pt", ""])
def test_a_file_of_another_format(tmp_path: Path, form: str) -> None:
    from safetensors.torch import save_file

    save_file(
        SHIPPED.state_dict(), tmp_path / "x.safetensors", {"format": form, "model": "cnn", "metadata": "{}"}
    )
    with pytest.raises(dl.CheckpointError, match="not from this version") as error:
        dl.load_checkpoint(tmp_path / "x.safetensors")
    one_line(error.value)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_training_turns_gradients_on(context: Callable[[], Any]) -> None:
    model = copy.deepcopy(SHIPPED)
    before = model.conv1.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with context():
        dl.fit(model, dl.DigitLoader(TEN, 5, shuffle=False), epochs=1, optimizer=optimizer, progress=False)
    assert not torch.equal(model.conv1.weight, before)
