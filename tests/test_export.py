import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from digitlab import export
from digitlab.cli import main
from digitlab.data import Digits, normalize
from digitlab.export import export_onnx, export_playground, playground_script
from digitlab.models import CNN, create_model, list_models
from digitlab.runs.checkpoint import load_checkpoint, load_shipped_model, save_checkpoint

Fails = Callable[..., str]


def save(path: Path, model_name: str = "cnn", metadata: dict[str, Any] | None = None) -> Path:
    save_checkpoint(path, create_model(model_name), model_name, metadata)
    return path


def content_of(script: str) -> dict[str, Any]:
    start, end = "window.digitlabWeights = '", "';\n"
    assert script.startswith(start) and script.endswith(end) and script.count("\n") == 1
    inside = script.removeprefix(start).removesuffix(end)
    assert not set(inside) & set("'\\"), "would end or change the string in JavaScript"
    return dict(json.loads(inside))


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Fails:
    def fail(path: Path, output: Path, form: str = "js") -> str:
        assert main(["export", str(path), "--format", form, "--output", str(output)]) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith("digitlab: error: ") and err.count("\n") == 1, err
        return err

    return fail


def test_the_weights_come_back_rounded_once() -> None:
    content = content_of(playground_script(load_shipped_model(), "mine", "well"))
    tensors = content.pop("tensors")
    about = {"format": "digitlab-weights", "version": 1, "model": "cnn", "dtype": "float16"}
    assert content == {**about, "name": "mine", "measured": "well"}
    expected = load_shipped_model().half().state_dict()
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        values = np.frombuffer(base64.b64decode(tensor["data"]), "<f2").reshape(tensor["shape"])
        assert np.array_equal(values, expected[name]), name


@pytest.mark.parametrize("file", ["", "model.safetensors"])
def test_a_run_is_exported_with_its_name_and_figures(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    metrics = json.loads((finished_run / "metrics.json").read_text())
    expected = f"{100 * metrics['test_accuracy']:.2f} % of 2,000 test digits (sample)"
    output = tmp_path / "out.js"
    assert main(["export", str(finished_run / file), "--format", "js", "--output", str(output)]) == 0
    assert capsys.readouterr() == (f"{output} written, 59 kB\n", "")
    content = content_of(output.read_text(encoding="utf-8"))
    assert (content["name"], content["measured"]) == ("finished", expected)
    assert [*tmp_path.iterdir()] == [output]


@pytest.mark.parametrize("accuracy", [0.5, "much"])
@pytest.mark.parametrize("data", ["mnist", {"name": "mnist", "n_test": float("inf")}])
def test_what_was_not_measured_says_so(tmp_path: Path, accuracy: object, data: object) -> None:
    path = save(tmp_path / "other.safetensors", metadata={"test_accuracy": accuracy, "data": data})
    export_playground(path, tmp_path / "a.js")
    content = content_of((tmp_path / "a.js").read_text(encoding="utf-8"))
    assert (content["name"], content["measured"]) == ("other", "not measured")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("it's a\"b\\c\nd", "it_s a_b_c_d"),
        ("größtes Netz 数字 </script>", "größtes Netz 数字 </script>"),
        ("\u202elatin\u2028", "_latin_"),
        (300 * "x", 100 * "x"),
    ],
)
def test_any_name_fits_into_the_script(name: str, expected: str) -> None:
    content = content_of(playground_script(CNN(), name, name))
    assert content["name"] == content["measured"] == expected


def test_weights_beyond_half_precision_are_refused() -> None:
    model = CNN()
    model.fc1.bias.data[3] = 65_520  # the first that rounds to infinity
    with pytest.raises(ValueError, match=r"fc1\.bias holds weights beyond 65,504"):
        playground_script(model, "", "")
    model.fc1.bias.data[3] = 65_519
    assert content_of(playground_script(model, "", ""))


def test_missing_packages_are_named(tmp_path: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    for present, named in ((), "onnx and onnxscript"), (("onnx",), "onnxscript"):
        monkeypatch.setattr(export, "find_spec", lambda name, present=present: name in present or None)
        message = fails(tmp_path, tmp_path / "out.onnx", "onnx")
        assert f'needs {named}: pip install "digitlab[onnx]"' in message


@pytest.fixture
def runtime() -> Any:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        found = pytest.importorskip(package, reason='needs pip install -e ".[onnx]"')
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", list_models())
def test_onnx_runtime_agrees(name: str, runtime: Any, tmp_path: Path, test_digits: Digits) -> None:
    path, output = save(tmp_path / "a.safetensors", name), tmp_path / "model.onnx"
    export_onnx(path, output)
    assert {*tmp_path.iterdir()} == {path, output}, "weights in a second file would be left behind"
    session = runtime.InferenceSession(output, providers=["CPUExecutionProvider"])
    for n_images in (1, 2, 100):
        images = normalize(test_digits.images[:n_images])
        (logits,) = session.run(["logits"], {"images": images.numpy()})
        with torch.no_grad():
            expected = load_checkpoint(path).model(images)
        torch.testing.assert_close(torch.from_numpy(logits), expected, atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("runtime")
def test_another_network_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, to_onnx = save(tmp_path / "a.safetensors"), export._to_onnx
    monkeypatch.setattr(export, "_to_onnx", lambda model: to_onnx(create_model("cnn").eval()))
    with pytest.raises(ValueError, match="differ from PyTorch's by"):
        export_onnx(path, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_what_cannot_be_exported_is_one_line(tmp_path: Path, fails: Fails) -> None:
    path, output = save(tmp_path / "model.safetensors"), tmp_path / "out.js"
    before = path.read_bytes()
    (tmp_path / "link.pt").symlink_to(path)
    for target in (path, tmp_path / "link.pt"):
        assert "is the model itself" in fails(tmp_path, target)
    assert path.read_bytes() == before
    assert "no model at" in fails(tmp_path / "nowhere", output)
    assert "No such file or directory" in fails(path, tmp_path / "no" / "out.js")
    assert "cannot use" in fails(path, tmp_path)
    assert "'cnn', and" in fails(save(tmp_path / "tiny.safetensors", "tiny"), output)
    assert not output.exists()
