import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from digitlab.checkpoint import CheckpointError, load_checkpoint, load_shipped_model, save_checkpoint
from digitlab.data import Digits, load_sample
from digitlab.models import create_model, list_models
from digitlab.training import predict


@pytest.mark.parametrize("name", list_models())
def test_what_is_saved_is_loaded(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create_model(name)
    model(torch.randn(8, 1, 28, 28))  # gives batch normalisation something to remember
    save_checkpoint(tmp_path / "model.pt", model, name, {"note": "ü", "list": [1, 2.5, None]})
    loaded = load_checkpoint(tmp_path / "model.pt")
    assert loaded.model_name == name
    assert loaded.metadata == {"note": "ü", "list": [1, 2.5, None]}
    assert not loaded.model.training
    for key, tensor in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[key], tensor)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_the_file_is_what_torch_reads_without_trust(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.pt", create_model("cnn"), "cnn")
    content = torch.load(tmp_path / "model.pt", weights_only=True)
    assert content["model"] == "cnn"


def test_a_runs_folder_stands_for_its_model(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.pt", create_model("mlp"), "mlp")
    assert load_checkpoint(tmp_path).model_name == "mlp"


def test_loading_leaves_the_random_state_alone(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.pt", create_model("cnn"), "cnn")
    before = torch.get_rng_state()
    load_checkpoint(tmp_path / "model.pt")
    assert torch.equal(torch.get_rng_state(), before)


def test_saving_checks_its_arguments(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown model"):
        save_checkpoint(tmp_path / "model.pt", create_model("cnn"), "resnet")
    with pytest.raises(TypeError):
        save_checkpoint(tmp_path / "model.pt", create_model("cnn"), "cnn", {"model": create_model("cnn")})
    assert not list(tmp_path.iterdir())


def test_an_interrupted_save_keeps_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    save_checkpoint(path, create_model("cnn"), "cnn", {"epoch": 1})

    def interrupt(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, create_model("cnn"), "cnn", {"epoch": 2})
    assert load_checkpoint(path).metadata == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


# --- strangers ---


class Exploit:
    """Unpickling this would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def good_content(model_name: str = "cnn") -> dict[str, Any]:
    return {
        "format": "digitlab checkpoint 1",
        "model": model_name,
        "weights": dict(create_model(model_name).state_dict()),
        "metadata": {},
        "training_state": None,
    }


def saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def changed_weights(change: Callable[[dict[str, torch.Tensor]], object]) -> bytes:
    content = good_content()
    change(content["weights"])
    return saved(content)


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            archive.writestr(f"archive/data/{i}", bytes(100 << 20))
    return buffer.getvalue()


def huge_claim() -> bytes:
    """A tensor that claims a million times the memory that it brings along."""
    return changed_weights(
        lambda weights: weights.update({"fc1.weight": torch.zeros(1).expand(50_000, 1_000_000)})
    )


def lying_zip() -> bytes:
    """A table of contents that claims entries of four gigabytes."""
    content = bytearray(saved(good_content()))
    start = 0
    while (start := content.find(b"PK\x01\x02", start)) >= 0:
        content[start + 24 : start + 28] = struct.pack("<I", 0xFFFFFFF0)
        start += 4
    return bytes(content)


STRANGERS: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda path: b"",
    "text": lambda path: b"this is not a network",
    "cut short": lambda path: saved(good_content())[:-3000],
    "cut in half": lambda path: saved(good_content())[:40_000],
    "a damaged byte in the middle": lambda path: saved(good_content()).replace(b"weights", b"wei\xffhts", 1),
    "a plain pickle": lambda path: pickle.dumps(good_content()),
    "a plain pickle with code": lambda path: pickle.dumps(Exploit(path / "exploited")),
    "code in a torch file": lambda path: saved({**good_content(), "metadata": Exploit(path / "exploited")}),
    "code beside the weights": lambda path: saved([Exploit(path / "exploited")]),
    "a whole module": lambda path: saved(create_model("cnn")),
    "an old torch file": lambda path: old_format(),
    "another dictionary": lambda path: saved({"state_dict": {}}),
    "a list": lambda path: saved([1, 2, 3]),
    "a tensor": lambda path: saved(torch.zeros(3)),
    "weights alone": lambda path: saved(create_model("cnn").state_dict()),
    "another format": lambda path: saved({**good_content(), "format": "digitlab checkpoint 99"}),
    "an unknown model": lambda path: saved({**good_content(), "model": "resnet50"}),
    "a model name that is no text": lambda path: saved({**good_content(), "model": ["cnn"]}),
    "weights of another architecture": lambda path: saved({**good_content("mlp"), "model": "cnn"}),
    "no weights": lambda path: saved({**good_content(), "weights": None}),
    "metadata that is no dictionary": lambda path: saved({**good_content(), "metadata": 3}),
    "training state that is no dictionary": lambda path: saved({**good_content(), "training_state": "later"}),
    "a missing tensor": lambda path: changed_weights(lambda weights: weights.pop("fc2.bias")),
    "a tensor too many": lambda path: changed_weights(lambda weights: weights.update(extra=torch.zeros(1))),
    "another shape": lambda path: changed_weights(
        lambda weights: weights.update({"fc2.bias": torch.zeros(11)})
    ),
    "another dtype": lambda path: changed_weights(
        lambda weights: weights.update({"fc2.bias": torch.zeros(10, dtype=torch.float64)})
    ),
    "a sparse tensor": lambda path: changed_weights(
        lambda weights: weights.update({"fc2.bias": torch.zeros(10).to_sparse()})
    ),
    "NaN": lambda path: changed_weights(lambda weights: weights["conv1.bias"].fill_(float("nan"))),
    "infinity": lambda path: changed_weights(lambda weights: weights["conv1.bias"].fill_(float("inf"))),
    "a number for a tensor": lambda path: changed_weights(lambda weights: weights.update({"fc2.bias": 3})),  # type: ignore[dict-item]
    "a zip bomb": lambda path: zip_bomb(),
    "a zip that lies": lambda path: lying_zip(),
    "a huge claim": lambda path: huge_claim(),
}


def old_format() -> bytes:
    buffer = io.BytesIO()
    torch.save(good_content(), buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_are_refused_in_one_line_and_run_nothing(stranger: str, tmp_path: Path) -> None:
    path = tmp_path / "stranger.pt"
    path.write_bytes(STRANGERS[stranger](tmp_path))
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 300 + len(str(path))
    assert not (tmp_path / "exploited").exists()


def test_the_exploit_is_real(tmp_path: Path) -> None:
    """Loaded with trust, the same file does run its code; so the test above can fail."""
    path = tmp_path / "stranger.pt"
    path.write_bytes(STRANGERS["code in a torch file"](tmp_path))
    torch.load(path, weights_only=False)
    assert (tmp_path / "exploited").exists()


def test_missing_files_and_folders_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "nothing.pt")
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*model\.pt"):
        load_checkpoint(tmp_path)


def test_the_fault_is_named(tmp_path: Path) -> None:
    path = tmp_path / "stranger.pt"
    for stranger, fault in {
        "another shape": r"fc2.bias is torch.float32 \(11,\), expected torch.float32 \(10,\)",
        "a missing tensor": "needs 'fc2.bias'",
        "NaN": "conv1.bias is not finite",
        "an unknown model": "'resnet50'",
        "code in a torch file": "nothing in it was run",
        "a zip bomb": "would unpack to 300 MB",
    }.items():
        path.write_bytes(STRANGERS[stranger](tmp_path))
        with pytest.raises(CheckpointError, match=fault):
            load_checkpoint(path)


# --- the shipped checkpoint ---


def test_the_shipped_model_reads_digits_that_it_was_not_trained_on(test_digits: Digits) -> None:
    model = load_shipped_model()
    accuracy = (predict(model, test_digits.images).argmax(1) == test_digits.labels).float().mean().item()
    train = load_sample("train")
    accuracy_train = (predict(model, train.images).argmax(1) == train.labels).float().mean().item()
    assert accuracy > 0.99
    assert accuracy_train > 0.99


def test_the_shipped_file_is_small_and_its_card_says_what_it_measures() -> None:
    assets = Path(__import__("digitlab").__file__).parent / "assets"
    assert (assets / "cnn.pt").stat().st_size < 200_000
    metadata = load_checkpoint(assets / "cnn.pt").metadata
    card = (assets / "cnn.md").read_text(encoding="utf-8")
    for scores in metadata["measured"].values():
        assert f"{100 * scores['test_accuracy']:.2f} %" in card
