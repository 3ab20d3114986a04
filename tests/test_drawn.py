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


SAMPLE = load_sample("test")[:30]
DRAWN = saved(
    *({"label": SAMPLE[i][1], "pixels": base64.b64encode(SAMPLE[i][0].numpy()).decode()} for i in range(30))
)


def assert_the_sample(text: str, folder: Path) -> None:
    (folder / "my-digits.json").write_text(text)
    mine = load_drawn(folder / "my-digits.json")
    assert torch.equal(mine.images, SAMPLE.images) and torch.equal(mine.labels, SAMPLE.labels)
    assert (mine.name, mine.split) == ("drawn", "test")


def test_what_was_drawn_comes_back_with_its_labels(tmp_path: Path) -> None:
    assert_the_sample(DRAWN, tmp_path)


BAD = {
    "empty": "",
    "no JSON": "digits",
    "not UTF-8": b"\xff" + saved(DIGIT).encode(),
    "UTF-16": saved(DIGIT).encode("utf-16"),
    "huge": saved(*[DIGIT] * 4_000),
    "deep": "[" * 100_000,
    "deep inside": saved(DIGIT).replace("3", "[" * 100_000 + "]" * 100_000),
    "a number": "3",
    "a list": json.dumps([DIGIT]),
    "cut off": saved(DIGIT)[:-3],
    "another format": saved(DIGIT, format="digits"),
    "another version": saved(DIGIT, version=2),
    "no digits": saved(),
    "digits no list": saved(digits={}),
    "digits a word": saved(digits="3"),
    "a digit no object": saved(DIGIT, 3),
    "a digit without pixels": saved(DIGIT, {"label": 3}),
    "one thing more": saved({**DIGIT, "name": "x"}),
    "label 10": saved({**DIGIT, "label": 10}),
    "label -1": saved({**DIGIT, "label": -1}),
    "label true": saved({**DIGIT, "label": True}),
    "label 3.0": saved({**DIGIT, "label": 3.0}),
    "label NaN": saved({**DIGIT, "label": float("nan")}),
    "label a word": saved({**DIGIT, "label": "3"}),
    "label of a million figures": saved(DIGIT).replace("3", "3" * 1_000_000),
    "783 bytes": saved({**DIGIT, "pixels": base64.b64encode(bytes(783)).decode()}),
    "785 bytes": saved({**DIGIT, "pixels": base64.b64encode(bytes(785)).decode()}),
    "no base64": saved({**DIGIT, "pixels": "ü" * 1048}),
    "base64 cut off": saved({**DIGIT, "pixels": PIXELS[:-1]}),
    "pixels a list": saved({**DIGIT, "pixels": [0] * 784}),
    "two labels": saved(DIGIT).replace('"label": 3', '"label": 3, "label": 4'),
    "two labels of other kinds": saved(DIGIT).replace('"label": 3', '"label": 3, "label": "4"'),
    "two lists of digits": saved(DIGIT).replace('"version"', '"digits": [], "version"'),
}


@pytest.mark.parametrize("content", BAD.values(), ids=BAD)
def test_anything_else_is_refused_in_one_line(content: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as refused:
        load_drawn(path)
    message = str(refused.value)
    assert str(path) in message and "\n" not in message and len(message) < 400


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(DataError, match="cannot read"):
            load_drawn(path)


@pytest.fixture
def model(tmp_path: Path) -> str:
    path, about = tmp_path / "model.safetensors", {"data": {"name": "mnist"}}
    save_checkpoint(path, create_model("softmax"), "softmax", about)
    return str(path)


def test_a_network_is_measured_on_them(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my-digits.json"
    path.write_text(saved(DIGIT, DIGIT))
    assert main(["evaluate", model, "--data", str(path)]) == 0
    said = capsys.readouterr()
    assert "of 2 test digits read correctly (95 % interval" in said.out and said.err == ""
    assert main(["evaluate", model, "--data", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == {"name": "drawn", "n_test": 2}


@pytest.mark.parametrize(
    ("data", "fault"), [("gone.json", "cannot read gone.json"), ("smaple", "did you mean 'sample'?")]
)
def test_other_data_is_one_line(
    data: str, fault: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", model, "--data", data]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("digitlab: error: ") and fault in line


# A browser's JSON takes the last of two names, reads 3.0 as 3, and an empty list is what is kept at first.
TAKEN = {"label 3.0", "no digits", "one thing more", "two labels", "two lists of digits"}


def test_the_page_refuses_what_the_library_refuses() -> None:
    texts = {name: text for name, text in BAD.items() if isinstance(text, str)}
    code = """(texts) => texts.map((text) => {
        try { digitlab.own.parse(text); return ""; } catch (error) { return `${error.name}: ${error.message}`; }
    })"""
    answers = dict(zip(texts, ask_playground(f"({code})(given.it)", it=list(texts.values())), strict=True))
    assert {name for name, answer in answers.items() if not answer} - {"two labels of other kinds"} == TAKEN
    for name, answer in answers.items():
        if answer:
            assert answer.startswith("Error: ") and answer.endswith(".") and len(answer) < 120, (name, answer)


def test_what_the_page_saves_the_library_reads_and_the_page_again(tmp_path: Path) -> None:
    code = """(text) => {
        const again = (text) => digitlab.own.toText(digitlab.own.parse(text));
        return [again(text), again(again(text))];
    }"""
    text, again = ask_playground(f"({code})(given.it)", it=DRAWN)
    assert text == again
    assert_the_sample(text, tmp_path)


def test_the_same_digit_is_kept_once_and_no_more_than_there_is_room_for() -> None:
    code = """(text) => {
        const { parse, fresh, MOST } = digitlab.own;
        const [three] = parse(text);
        const digit = (_, i) => ({ label: i % 10, pixels: new Uint8Array(784).fill(i >> 2) });
        const added = [
            fresh([], [three, three]),
            fresh([three], [{ ...three, label: 4 }, three]),
            fresh([three], Array.from({ length: MOST }, digit)),
        ];
        return added.map((digits) => digits.length);
    }"""
    assert ask_playground(f"({code})(given.it)", it=saved(DIGIT)) == [1, 1, 999]
