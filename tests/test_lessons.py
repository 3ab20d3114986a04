"""The notebooks: well-formed, short cells, and they run with the answers in place; what their prose claims is true.

The site's build runs them as they are stored, and checks their links. A cell's claims are expressions in its metadata,
true after it has run: on the bundled sample, and on MNIST where DIGITLAB_LESSON_DATA says where that is.
"""

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from digitlab.exercises import exercise
from digitlab.exercises.notebooks import LessonError, copy_lessons, lessons_folder

LESSONS = sorted(lessons_folder().glob("*.ipynb"))


@pytest.fixture(params=LESSONS, ids=lambda path: path.stem[:2])
def lesson(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def cells_of(path: Path) -> list[Any]:
    return list(nbformat.read(path, as_version=4).cells)


def test_it_is_valid_and_stored_without_outputs_in_short_cells(lesson: Path) -> None:
    nbformat.validate(nbformat.read(lesson, as_version=4))
    assert not re.search(r"/(home|work|root|Users|tmp)/", lesson.read_text(encoding="utf-8"))
    for cell in cells_of(lesson):
        assert not cell.get("outputs") and cell.get("execution_count") is None
        lines = [line for line in cell.source.splitlines() if line.strip()]
        assert cell.cell_type != "code" or len(lines) <= 12, cell.source


def test_it_has_the_parts_of_a_lesson(lesson: Path) -> None:
    number, cells = lesson.stem[:2], cells_of(lesson)
    prose = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert re.match(rf"# {number} · ", cells[0].source)
    assert re.search(r"\*\d+ minutes.* · (easy|medium|hard)", cells[0].source)
    exercises = [cell.metadata.exercise for cell in cells if "exercise" in cell.metadata]
    assert len(exercises) >= 3 and exercises == re.findall(r"\*\*Exercise (\d\d\.\d)\*\*", prose)
    if number != "00":
        assert prose.count("**Predict first.**") >= 2
        assert prose.count("<details>") >= 2 and prose.count("<details>") == prose.count("</details>")
        assert "glossary.md#" in prose
    assert any("followed_digit()" in cell.source for cell in cells), "the one digit is in every lesson"


def test_all_lessons_begin_with_the_same_set_up() -> None:
    cells = [cell for path in LESSONS for cell in cells_of(path) if "setup" in cell.metadata.get("tags", [])]
    assert len(cells) == len(LESSONS) and "%pip install -q .." in cells[0].source
    assert len({cell.source for cell in cells}) == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("data", ["sample", "mnist"])
def test_it_runs_with_the_answers_in_place_and_its_claims_are_true(
    lesson: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if data == "mnist":
        if "DIGITLAB_LESSON_DATA" not in os.environ:
            pytest.skip("DIGITLAB_LESSON_DATA names no folder with MNIST")
        monkeypatch.setenv("DIGITLAB_DATA", os.environ["DIGITLAB_LESSON_DATA"])
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    notebook = nbformat.read(lesson, as_version=4)
    exercises = [cell for cell in notebook.cells if "exercise" in cell.metadata]
    for cell in exercises:
        cell.source = str(exercise(cell.metadata["exercise"]).solution())
    for cell in [cell for cell in notebook.cells if "claims" in cell.metadata]:
        asserts = "\n".join(f"assert {claim}, {claim!r}" for claim in cell.metadata["claims"])
        notebook.cells.insert(notebook.cells.index(cell) + 1, nbformat.v4.new_code_cell(asserts))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(lesson.parent)}}).execute()
    verdicts = []
    for cell in notebook.cells:
        for data in (output["data"] for output in cell.get("outputs", []) if "data" in output):
            assert "image/png" not in data, "a picture without a description"
            for alt in re.findall(r'<img alt="([^"]*)"', data.get("text/html", "")):
                assert re.search(r"\d", alt), f"a description without a number: {alt}"
            verdicts += [data["text/plain"]] if "check" in cell.metadata.get("tags", []) else []
    assert len(verdicts) == len(exercises)
    assert all(verdict.startswith("Correct:") for verdict in verdicts), verdicts


def test_copies_are_made_again_where_missing_and_a_learners_work_stays(tmp_path: Path) -> None:
    mine, *_, other = written = copy_lessons(tmp_path / "course")
    assert [path.name for path in written] == [path.name for path in LESSONS]
    for path in written:
        nbformat.validate(nbformat.read(path, as_version=4))
    other.unlink()
    assert copy_lessons(tmp_path / "course") == [other] and copy_lessons(tmp_path / "course") == []
    mine.write_text("my own answers")
    other.unlink()
    with pytest.raises(LessonError, match=mine.name):
        copy_lessons(tmp_path / "course")
    assert mine.read_text() == "my own answers" and not other.exists(), "all or nothing"
    assert copy_lessons(tmp_path / "course", force=True) == [other, mine]
    assert cells_of(mine)[0] == cells_of(LESSONS[0])[0]


def test_a_copy_has_no_dead_link(tmp_path: Path) -> None:
    copy_lessons(tmp_path)
    glossary = (tmp_path / "glossary.md").read_text(encoding="utf-8")
    terms = [re.sub(r"[^\w -]", "", term.lower()) for term in re.findall(r"(?m)^## (.*)", glossary)]
    places = {"", *(term.replace(" ", "-") for term in terms)}
    for path in tmp_path.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "](glossary.md#" in text or path.stem[:2] in ("00", "gl")
        assert "pip install -q .." not in text and "On the site" not in text, "no clone is near"
        for target in re.findall(r"\]\(([^)#]*(?:#[^)]*)?)\)", text):
            file, _, term = target.partition("#")
            is_near = (not file or (tmp_path / file).is_file()) and "../" not in file
            assert "://" in target or (is_near and term in places), (path.name, target)
