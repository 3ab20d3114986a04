import math
import os
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from hostile_checkpoints import (
    HOSTILE,
    call,
    entries_of,
    good_content,
    make_file,
    saved,
    spliced,
    try_all,
    zipped,
)

from digitlab.cli import main
from digitlab.data import Digits, load_sample
from digitlab.models import create_model, list_models
from digitlab.runs.checkpoint import CheckpointError, load_checkpoint, load_shipped_model, save_checkpoint
from digitlab.runs.stranger import read_plain
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


def test_strangers_are_refused_in_one_line_run_nothing_and_take_little_memory() -> None:
    """All in one test, because it starts a process: `python tests/hostile_checkpoints.py` shows the answers."""
    answers, appeared = try_all()
    assert not appeared, "a file wrote"
    faults = []
    for (kind, (_, expected)), answer in zip(HOSTILE.items(), answers, strict=True):
        message = str(answer["message"]).replace(answer["path"], "FILE")
        is_clear = expected in message and message.isprintable() and len(message) < 200
        is_named = "FILE" in message or kind in ("a path of two lines", "a folder for the model")
        grown = answer["peak"] - answer["before"]  # nought on Windows, which does not tell
        if not (answer["error"] == "CheckpointError" and is_clear and is_named and grown < 200):
            faults.append(f"{kind}: {answer['error']}: {message} ({grown:.0f} MB)")
    assert not faults, "\n".join(faults)


def test_the_exploit_is_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loaded with trust, the same file does run its code; so the test above can fail."""
    path = make_file(tmp_path, "code among the metadata")
    monkeypatch.chdir(tmp_path)
    torch.load(path, weights_only=False)
    assert (tmp_path / "exploited").exists()


def test_torch_alone_would_take_the_memory(tmp_path: Path) -> None:
    """Why `digitlab.runs.stranger` does not leave the reading to torch.load, which runs no code either."""
    path = tmp_path / "stranger.pt"
    path.write_bytes(spliced(call("builtins\nbytearray", 10**7)))
    assert len(torch.load(path, weights_only=True)["metadata"]) == 10**7
    with pytest.raises(CheckpointError, match=r"builtins\.bytearray"):
        load_checkpoint(path)


def test_damage_anywhere_is_refused_or_harmless(tmp_path: Path) -> None:
    """Bytes changed at random, in the zip file, and in its pickle with the checksum made right again."""
    chance, path = random.Random(0), tmp_path / "stranger.pt"
    content = saved(good_content())
    entries = entries_of(content)
    n_refused = 0
    for i in range(400):
        whole = bytearray(entries["archive/data.pkl"] if i % 2 else content)
        for _ in range(chance.randint(1, 3)):
            whole[chance.randrange(len(whole))] = chance.randrange(256)
        path.write_bytes(zipped({**entries, "archive/data.pkl": bytes(whole)}) if i % 2 else whole)
        try:
            load_checkpoint(path)
        except CheckpointError as error:
            n_refused += 1
            assert str(error).replace(str(path), "").isprintable()
    assert 200 < n_refused < 400


@pytest.mark.parametrize("command", ["evaluate", "predict", "js", "onnx"])
@pytest.mark.parametrize(
    "kind", ["code among the metadata", "ten billion bytes", "data that is a text", "NaN"]
)
def test_every_command_refuses_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], command: str, kind: str
) -> None:
    path, out = make_file(tmp_path, kind), str(tmp_path / "out")
    if command == "onnx":
        pytest.importorskip("onnxscript")
    arguments = {
        "evaluate": ["evaluate", str(path), "--data", "sample"],
        "predict": ["predict", str(tmp_path / "photo.png"), "--model", str(path)],
    }.get(command, ["export", str(path), "--format", command, "--output", out])
    assert main(arguments) == 2
    printed, said = capfd.readouterr()
    assert printed == "" and said.startswith(f"digitlab: error: {path} ") and said.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["stranger.pt"]


def test_missing_files_and_folders_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        load_checkpoint(tmp_path / "nothing.pt")
    with pytest.raises(CheckpointError, match=r"no checkpoint at .*model\.pt"):
        load_checkpoint(tmp_path)


def test_wrong_arguments_are_named(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.pt", create_model("cnn"), "cnn")
    with pytest.raises(TypeError, match=r"^path: expected a path, got int 3$"):
        load_checkpoint(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^device: expected a device, got int 3$"):
        load_checkpoint(tmp_path, 3)  # type: ignore[arg-type]
    for device in ("toaster", "xpu:99", "cuda:99"):
        with pytest.raises(ValueError, match=f"^device: expected one that this machine has, got '{device}'$"):
            load_checkpoint(tmp_path, device)
    for wrong in ({"model": "cnn"}, {"metadata": [1]}, {"training_state": "later"}):
        arguments: dict[str, Any] = {"model": create_model("cnn"), "model_name": "cnn", **wrong}
        with pytest.raises(TypeError, match=f"^{next(iter(wrong))}: expected"):
            save_checkpoint(tmp_path / "new.pt", **arguments)
    assert not (tmp_path / "new.pt").exists()


# --- what is welcome ---


def test_a_training_state_comes_back_to_the_bit(tmp_path: Path) -> None:
    model = create_model("deep").to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 1, 28, 28)).sum().backward()
    optimizer.step()
    base = torch.arange(12.0)
    state = {
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "kinds": [torch.ones(3).to(getattr(torch, name)) for name in DTYPES],
        "shapes": [torch.tensor(2.5), torch.empty(0), torch.empty(3, 0, 2), torch.ones(1, 1, 3, 1)],
        "views": [base[:6], base[6:].view(2, 3).T, base.view(3, 4)[2]],
        "numbers": [0, -1, 255, 65536, -(1 << 31), 1 << 62, (1 << 64) - 1, 1e-300, math.inf, True, None],
        "texts": ["", "größtes Netz 数字 🙂", 300 * "long"],
        "nested": {1: ({"a": []}, (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))},
        "history": [{"epoch": i, "loss": i / 7} for i in range(1000)],
    }
    save_checkpoint(tmp_path / "checkpoint.pt", model, "deep", training_state=state)
    loaded = load_checkpoint(tmp_path / "checkpoint.pt").training_state
    compare(loaded, state)


DTYPES = ["bool", "bfloat16", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8"]


def compare(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs)
    if isinstance(theirs, torch.Tensor):
        assert ours.dtype == theirs.dtype and torch.equal(ours, theirs)
        assert ours.stride() == theirs.stride(), "the order in memory decides the order of sums"
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        compare(list(ours.values()), list(theirs.values()))
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for our, their in zip(ours, theirs, strict=True):
            compare(our, their)
    else:
        assert ours == theirs


@pytest.mark.parametrize("name", list_models())
def test_our_reader_and_torchs_agree(name: str, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "model.pt", create_model(name), name, {"a": [1, {"b": None}]})
    path = tmp_path / "model.pt"
    compare(read_plain(path.read_bytes()), torch.load(path, weights_only=True))


def test_files_of_other_versions_and_places_are_welcome(tmp_path: Path) -> None:
    content = good_content()
    for name in (
        "mine.v2.pt",
        ".hidden.pt",
        "-x (1).pt",
        "größtes.pt",
    ):  # the entries are named after the file
        torch.save(content, path := tmp_path / name)
        assert load_checkpoint(path).model_name == "cnn"
    torch.save({**content, "weights": create_model("cnn").state_dict()}, path)  # an OrderedDict
    assert load_checkpoint(path).model_name == "cnn"
    entries = entries_of(saved(content))
    for name in [".format_version", ".storage_alignment", ".data/serialization_id", "byteorder"]:
        del entries[f"archive/{name}"]  # earlier versions of PyTorch do not write them
        path.write_bytes(zipped(entries))
        assert load_checkpoint(path).model_name == "cnn"
    path.write_bytes(zipped({**entries, "archive/.something_new": b"1"}))
    assert load_checkpoint(path).model_name == "cnn"
    entries["archive/data.pkl"] = entries["archive/data.pkl"].replace(
        b"X\x03\0\0\0cpu", b"X\x07\0\0\0cuda:99"
    )
    path.write_bytes(zipped(entries))
    assert next(load_checkpoint(path).model.parameters()).device.type == "cpu"


def test_what_could_not_be_loaded_again_is_not_saved(tmp_path: Path) -> None:
    model, path = create_model("cnn"), tmp_path / "model.pt"
    save_checkpoint(path, model, "cnn", {"epoch": 1})
    for fault, parts in {
        r"holds 'pathlib\..*Path', more": {"training_state": {"folder": tmp_path}},
        "'data', got 'mnist'": {"metadata": {"data": "mnist"}},
        "twice, or leaves gaps": {"training_state": {"a": torch.zeros(1).expand(3)}},
        "33 MB: too large": {"training_state": {"a": torch.zeros(33 << 20, dtype=torch.uint8)}},
    }.items():
        with pytest.raises(ValueError, match=f"could not be loaded again: it .*{fault}"):
            save_checkpoint(path, model, "cnn", **parts)  # type: ignore[arg-type]
    assert load_checkpoint(path).metadata == {"epoch": 1}


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
