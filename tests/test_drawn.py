"""One's own test digits, as the playground saves them: what is read, and how everything else is refused.

The page's own reader, ``core/own.js``, is run in Node; without it those tests are skipped.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from javascript import ask_playground

from digitlab import load_drawn, load_sample
from digitlab.cli import main
from digitlab.data import DataError
from digitlab.models import create_model
from digitlab.runs.checkpoint import save_checkpoint

PIXELS = base64.b64encode(bytes(range(256)) * 3 + bytes(16)).decode()
DIGIT = {"label": 3, "pixels": PIXELS}


def saved(*digits: Any, **changes: Any) -> str:
    return json.dumps({"format": "digitlab digits", "version": 1, "digits": list(digits), **changes})


BAD = {
    "no JSON": "digits",
    "not UTF-8": b"\xff" + saved(DIGIT).encode(),
    "huge": saved(*[DIGIT] * 4_000),
    "deep": "[" * 100_000,
    "a list": json.dumps([DIGIT]),
    "another format": saved(DIGIT, format="digits"),
    "another version": saved(DIGIT, version=2),
    "no digits": saved(),
    "digits a word": saved(digits="3"),
    "a digit no object": saved(DIGIT, 3),
    "a digit without pixels": saved(DIGIT, {"label": 3}),
    "one thing more": saved({**DIGIT, "name": "x"}),
    **{f"label {label}": saved({**DIGIT, "label": label}) for label in (10, -1, True, 3.0, "3")},
    "785 bytes": saved({**DIGIT, "pixels": base64.b64encode(bytes(785)).decode()}),
    "no base64": saved({**DIGIT, "pixels": "ü" * 1048}),
    "pixels a list": saved({**DIGIT, "pixels": [0] * 784}),
    "two labels": saved(DIGIT).replace('"label": 3', '"label": 3, "label": 4'),
}
# A browser's JSON takes the last of two names, reads 3.0 as 3, and an empty list is what is kept at first.
TAKEN_BY_THE_PAGE = {"label 3.0", "no digits", "one thing more", "two labels"}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_anything_else_is_refused_in_one_line(content: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as refused:
        load_drawn(path)
    message = str(refused.value)
    assert str(path) in message and "\n" not in message and len(message) < 400


def test_the_page_refuses_what_the_library_refuses() -> None:
    texts = {name: text for name, text in BAD.items() if isinstance(text, str)}
    code = """given.texts.map((text) => {
        try { digitlab.own.parse(text); return ""; } catch (error) { return `${error.name}: ${error.message}`; }
    })"""
    answers = dict(zip(texts, ask_playground(code, texts=list(texts.values())), strict=True))
    assert {name for name, answer in answers.items() if not answer} == TAKEN_BY_THE_PAGE
    for name in answers.keys() - TAKEN_BY_THE_PAGE:
        answer = answers[name]
        assert answer.startswith("Error: ") and answer.endswith(".") and len(answer) < 120, (name, answer)


def test_a_network_is_measured_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_checkpoint("model.safetensors", create_model("softmax"), "softmax", {"data": {"name": "mnist"}})
    Path("mine.json").write_text(saved(DIGIT, DIGIT))
    command = ["evaluate", "model.safetensors", "--data"]
    assert main([*command, "mine.json"]) == 0
    said = capsys.readouterr()
    assert "of 2 test digits read correctly (95 % interval" in said.out and said.err == ""
    assert main([*command, "mine.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == {"name": "drawn", "n_test": 2}
    for data, fault in {"gone.json": "cannot read gone", "smaple": "did you mean 'sample'?"}.items():
        assert main([*command, data]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("digitlab: error: ") and fault in line


def test_what_the_page_saves_the_library_reads_and_the_page_again(tmp_path: Path) -> None:
    sample, path = load_sample("test")[:30], tmp_path / "mine.json"
    pixels = [base64.b64encode(image.numpy()).decode() for image in sample.images]
    digits = zip(sample.labels.tolist(), pixels, strict=True)
    drawn = saved(*({"label": label, "pixels": text} for label, text in digits))
    code = "((again) => [again(given.text), again(again(given.text))])"
    again = "(text) => digitlab.own.toText(digitlab.own.parse(text))"
    text, twice = ask_playground(f"{code}({again})", text=drawn)
    assert text == twice
    for each in (drawn, text):
        path.write_text(each)
        mine = load_drawn(path)
        assert torch.equal(mine.images, sample.images) and torch.equal(mine.labels, sample.labels)
        assert (mine.name, mine.split) == ("drawn", "test")


def test_the_same_digit_is_kept_once_and_no_more_than_there_is_room_for() -> None:
    code = """(([three], { fresh, MOST }) => [
        fresh([], [three, three]),
        fresh([three], [{ ...three, label: 4 }, three]),
        fresh([three], Array.from({ length: MOST }, (_, i) => ({ ...three, label: i, pixels: [i] }))),
    ].map((digits) => digits.length))(digitlab.own.parse(given.text), digitlab.own)"""
    assert ask_playground(code, text=saved(DIGIT)) == [1, 1, 999]
