import html
import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from digitlab.data import load_sample
from digitlab.models import create_model
from digitlab.plots.style import read_description
from digitlab.runs.report import write_figures, write_report
from digitlab.training import EpochRow, History

HISTORY = History([EpochRow(1, 1.0, 0.7, float("inf"), 0.9, 1e-3, 2.0)])  # a validation that blew up


def test_the_page_is_whole_and_asks_nobody_for_anything(finished_run: Path) -> None:
    page = (finished_run / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|iframe|object|embed)\b", page)
    assert not re.search(r"""\b(src|href|srcset)\s*=\s*(?!"data:)""", page)
    assert not re.search(r"url\(|@import", page)

    right = json.loads((finished_run / "metrics.json").read_text())["test_accuracy"]
    text = html.unescape(re.sub(r"<[^>]*>", "", page))
    for said in (f"{100 * right:.2f}\u00a0%", f"{2000 * right:,.0f} of 2,000 test digits", "CC BY-SA 3.0"):
        assert said in text

    alts = [html.unescape(alt) for alt in re.findall(r'<img\b[^>]*\balt="([^"]*)"', page)]
    figures = sorted((finished_run / "figures").glob("*.png"))
    assert len(alts) == len(figures) == page.count("<img") == 7
    assert set(alts) == {read_description(path) for path in figures}


def test_the_page_can_be_made_again_from_the_folder(finished_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(finished_run, tmp_path / "copy")
    before = (copy / "report.html").read_bytes()
    (copy / "report.html").unlink()
    assert write_report(copy).read_bytes() == before
    (copy / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError):
        write_report(copy)


def test_a_perfect_model_has_no_gallery_of_mistakes(tmp_path: Path, finished_run: Path) -> None:
    test = load_sample("test")[:100]
    perfect = torch.nn.functional.one_hot(test.labels, 10).float()
    write_figures(tmp_path, create_model("softmax"), HISTORY, test, perfect)
    assert not (tmp_path / "figures" / "misclassified.png").exists()
    summary = json.loads((finished_run / "metrics.json").read_text())
    (tmp_path / "metrics.json").write_text(json.dumps({**summary, "test_accuracy": 1.0}))
    (tmp_path / "history.json").write_text(json.dumps(HISTORY.to_list()))
    assert "Not one test digit was misread" in write_report(tmp_path).read_text(encoding="utf-8")
