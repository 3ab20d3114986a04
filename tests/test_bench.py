"""The benchmark: what it trains is what it says, what it times is counted right, and the command prints it."""

import itertools
import json
from pathlib import Path

import pytest
import torch

from digitlab.bench import contenders, race, time_in_turns
from digitlab.bench.contenders import CONTENDERS, Pictures
from digitlab.cli import main
from digitlab.data import DigitLoader, load_sample

BY_NAME = {contender.name: contender for contender in CONTENDERS}


@pytest.fixture(autouse=True)
def _few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (race, contenders):
        monkeypatch.setattr(module, "load_digits", lambda split, _source: load_sample(split)[:500])


def test_the_others_networks_have_the_sizes_of_the_originals() -> None:
    for make_model, size in ((contenders._example_network, 1_199_882), (contenders._study_network, 215_194)):
        assert sum(parameter.numel() for parameter in make_model().parameters()) == size


def test_pictures_are_torchvisions_tensors_and_map_by_map_has_the_usual_order() -> None:
    digits = load_sample("test")[:20]
    loader = DigitLoader(digits, 20, shuffle=False)
    ((last, labels),), ((usual, same),) = loader, race.MapByMap(loader)
    assert torch.equal(usual, last) and torch.equal(labels, same)
    assert (usual.stride(3), last.stride(1)) == (1, 1) and usual.stride(1) == 784
    for scale, expected in ((False, digits.images[1:2] / 255), (True, last[1])):
        image, label = Pictures(digits, normalized=scale)[1]
        assert label == digits.labels[1] and torch.allclose(image, expected)


def test_the_works_take_turns_and_the_first_round_does_not_count() -> None:
    calls: list[str] = []
    seconds = time_in_turns({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=2)
    assert calls == ["a", "b"] * 3
    assert [len(times) for times in seconds.values()] == [2, 2]


def test_a_part_of_a_script_is_extrapolated(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count()  # each look at the clock takes a second
    monkeypatch.setattr(contenders.time, "perf_counter", lambda: float(next(ticks)))
    measured = BY_NAME["tutorial"].train("sample", 0, 0.2)
    # 1 s to load; then 2 of 10 epochs in 5 s: a second to train and a second around it each, and one at the end.
    assert measured.seconds == 1 + 5 * 10 / 2
    assert measured.images_per_second == 500  # 2 x 500 in the 2 s of training
    assert (measured.epochs, measured.test_accuracy) == (2, None)


def test_each_rung_of_the_ladder_trains() -> None:
    rungs = race.ladder(load_sample("train")[:200])
    assert next(iter(rungs)) == "script" and list(rungs)[-1] == "bfloat16"
    for work in rungs.values():
        assert work().n == 200


def test_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    plans = [(1, 0.02), (1, 0.01), (2, 1.0), (1, 0.1), (1, 1.0)]
    monkeypatch.setattr(race, "PLANS", {name: (plan,) for name, plan in zip(BY_NAME, plans, strict=True)})
    target = tmp_path / "race.json"
    assert main(["bench", "--quick", "--data", "sample", "--output", str(target)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines[1:6]] == list(BY_NAME)
    assert lines[1].endswith("not run to its end") and "*" in lines[1]
    assert "n = 1" in lines[5] and "*" not in lines[5]
    assert err.count("seed 0") == 5 and err.count("seed 1") == 1
    result = json.loads(target.read_text())
    study = result["rows"][2]
    assert study["seconds"] == pytest.approx(sum(run["seconds"] for run in study["runs"]) / 2)
    tested = [run["test_accuracy"] is not None for row in result["rows"] for run in row["runs"]]
    assert tested == [False, False, True, True, False, True]
    assert {"processors", "threads", "torch"} <= result["machine"].keys()
