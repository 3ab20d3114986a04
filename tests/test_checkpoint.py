import re
import subprocess
import sys
from pathlib import Path

import hostile_models
import pytest
import torch
from safetensors.torch import load_file

import digitlab
from digitlab.data import load_sample
from digitlab.models import create_model, list_models
from digitlab.runs.checkpoint import CheckpointError, load_checkpoint, load_shipped_model, save_checkpoint
from digitlab.training import predict


@pytest.mark.parametrize("name", list_models())
def test_what_is_saved_is_what_is_loaded(name: str, tmp_path: Path) -> None:
    model = create_model(name)
    before = torch.get_rng_state()
    save_checkpoint(tmp_path / "model.safetensors", model, name, {"note": "ü", "list": [1, 2.5, None]})
    loaded = load_checkpoint(tmp_path)
    assert torch.equal(torch.get_rng_state(), before), "neither draws random numbers of the program's"
    assert loaded.model_name == name and not loaded.model.training
    assert loaded.metadata == {"note": "ü", "list": [1, 2.5, None]}
    theirs = load_file(tmp_path / "model.safetensors")  # any program can read it
    for read in (loaded.model.state_dict(), theirs):
        torch.testing.assert_close(read, {**model.state_dict()}, rtol=0, atol=0)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda model: model.fc.bias.data.fill_(torch.nan), "not finite numbers, in fc.bias"),
        (lambda model: model.double(), "float64"),
        (lambda model: setattr(model, "fc", torch.nn.Linear(784, 9)), "expected torch.float32 (10, 784)"),
        (lambda model: setattr(model, "more", torch.nn.Linear(2, 2)), "does not have 'more.bias'"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(spoil, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, create_model("softmax"), "softmax")
    before = path.read_bytes()
    model = create_model("softmax")
    spoil(model)
    with pytest.raises(ValueError, match=re.escape(fault)):
        save_checkpoint(path, model, "softmax")
    with pytest.raises(ValueError, match="unknown model 'resnet'"):
        save_checkpoint(path, create_model("softmax"), "resnet")
    assert path.read_bytes() == before


def test_hostile_files_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = hostile_models.make(tmp_path)
    faults = {name: fault for name, path in paths.items() if (fault := hostile_models.fault_of(path))}
    assert len(paths) >= 40 and faults == {}
    assert not (tmp_path / hostile_models.MARK).exists()


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts memory as Linux does")
def test_hostile_files_take_little_memory() -> None:
    done = subprocess.run([sys.executable, hostile_models.__file__], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_message_says_what_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, create_model("mlp"), "mlp")
    path.write_bytes(path.read_bytes().replace(b'"model":"mlp"', b'"model":"cnn"'))
    with pytest.raises(CheckpointError, match=r"safetensors .* not fit a CNN, which needs 'conv1\.bias'"):
        load_checkpoint(path)


@pytest.mark.parametrize(("name", "n_bytes"), [("cnn", 100_000), ("deep", 900_000)])
def test_a_shipped_model_is_what_its_card_says(name: str, n_bytes: int) -> None:
    assets = Path(digitlab.__file__).parent / "assets"
    assert (assets / f"{name}.safetensors").stat().st_size < n_bytes
    metadata = load_checkpoint(assets / f"{name}.safetensors").metadata
    card = (assets / f"{name}.md").read_text(encoding="utf-8")
    for figures in metadata["measured"].values():
        assert f"{100 * figures['test_accuracy']:.2f} %" in card
    for style, share in metadata["styles"].items():
        assert re.search(rf"\| {style} \|.* {100 * share:.1f} % \|\n", card), style
    test = load_sample("test")
    right = predict(load_shipped_model(name=name), test.images).argmax(1) == test.labels
    assert right.double().mean() == metadata["measured"]["sample test"]["test_accuracy"]
