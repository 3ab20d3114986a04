"""The bug clinic: every patient is sick, its cure heals it, and the check tells the two apart, calmly."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import digitlab as dl
from digitlab.data import Digits
from digitlab.exercises import clinic
from digitlab.exercises.clinic import FAULTS, Findings, Patient, list_patients, patient, run, ward
from digitlab.exercises.clinic_patients import healthy
from digitlab.training import Scores

PATIENTS = list_patients()
LESSON = Path(dl.__file__).parents[1] / "lessons" / "14_the_bug_clinic.ipynb"
MISREPORTS = (4, 7, 10, 11)
"""Their models have learnt; what their owners say of them is wrong."""


@pytest.fixture(params=PATIENTS, ids=lambda each: f"{each.number:02}")
def each(request: pytest.FixtureRequest) -> Patient:
    return request.param


def on_test_and_fresh(findings: Findings) -> tuple[Scores, Scores]:
    """Measured without the clinic's own examination."""
    _, test, fresh = ward()
    return tuple(
        dl.evaluate(findings.model, dl.DigitLoader(digits, 100, shuffle=False)) for digits in (test, fresh)
    )


def test_there_are_twelve_and_each_has_a_fault_of_its_own() -> None:
    assert [each.number for each in PATIENTS] == list(range(1, 13))
    assert len({each.fault for each in PATIENTS}) == 12
    assert {each.fault for each in PATIENTS} < set(FAULTS)
    assert patient(3) == PATIENTS[2]
    assert patient(3).fault not in repr(patient(3))
    with pytest.raises(ValueError, match="no patient 13: expected 1 to 12"):
        patient(13)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_it_is_sick_and_the_cure_heals_it(each: Patient, seed: int) -> None:
    sick, cured = run(each.trainer(), seed), run(each.cured(), seed)
    (sick_test, sick_fresh), (cured_test, cured_fresh) = on_test_and_fresh(sick), on_test_and_fresh(cured)
    assert cured_fresh.accuracy > 0.75
    assert cured.reported_accuracy == pytest.approx(cured_test.accuracy, abs=1e-6)
    assert cured.reported_loss == pytest.approx(cured_test.loss, rel=1e-3)
    assert abs(cured_test.accuracy - cured_fresh.accuracy) < 0.04
    if each.number in MISREPORTS:
        assert sick_fresh.accuracy > 0.8, "the model itself has learnt"
        truth = sick_fresh if each.number == 10 else sick_test
        assert abs(sick.reported_accuracy - truth.accuracy) > 0.02
        assert not 0.7 < sick.reported_loss / truth.loss < 1.3
    else:
        assert sick_fresh.accuracy < cured_fresh.accuracy - 0.07
        assert sick.reported_accuracy == pytest.approx(sick_test.accuracy, abs=1e-6), "sick, and honest"


def in_the_notebook(each: Patient) -> Any:
    """The cured trainer as it is there once the learner's cells have run, with the names that the lesson imports."""
    namespace: dict[str, Any] = {"torch": torch, "F": F, "nn": nn, "Tensor": Tensor, "dl": dl}
    names = ("Findings", "batches", "deep_network", "dropout_network", "examine", "small_network")
    namespace |= {name: getattr(clinic, name) for name in names}
    exec(str(each.cure()), namespace)
    return namespace[f"trainer_{each.number:02}"]


def test_the_check_confirms_the_name_and_the_cure_together(each: Patient) -> None:
    right = each.check(f" {each.fault.upper()} ", in_the_notebook(each))
    assert right.status == "correct" and each.lesson in right.message
    not_cured = each.check(each.fault, each.trainer())
    assert not_cured.status == "incorrect" and "the name is right" in not_cured.message
    other = next(name for name in FAULTS if name != each.fault)
    not_named = each.check(other, each.cured())
    assert not_named.status == "incorrect" and FAULTS[other] in not_named.message
    assert "your trainer is healthy" in not_named.message and each.fault not in not_named.message
    assert each.check(..., each.cured()).status == "not attempted"


def test_neither_name_nor_cure() -> None:
    verdict = patient(1).check("missing zero_grad", patient(1).trainer())
    assert verdict.status == "incorrect" and "And the trainer is not healthy yet" in verdict.message


def test_the_code_is_short_and_does_not_tell(each: Patient) -> None:
    code = str(each.code())
    for part in code.split("\n\n\n"):
        assert len([line for line in part.splitlines() if line.strip()]) <= 12
    assert not any(word in code.lower() for word in ("#", '"""', "sick", "fault", "bug", "wrong"))
    assert code != str(each.cure())


def test_symptoms_are_said_in_words_and_do_not_name_the_fault(each: Patient) -> None:
    picture = each.symptoms()
    assert f"Patient {each.number} reports" in picture.alt_text and "Healthy: from" in picture.alt_text
    assert each.fault not in picture.alt_text + each.complaint


def test_the_waiting_room_takes_six() -> None:
    said = clinic.waiting_room([8, 9]).alt_text
    assert "Patient 8: from" in said and "Patient 9: from" in said
    with pytest.raises(ValueError, match="1 to 6"):
        clinic.waiting_room(range(1, 8))


# --- trainers and names of any kind ---


def raises(train: Digits, test: Digits) -> Any:
    raise RuntimeError("two\nlines")


def leaves(train: Digits, test: Digits) -> Any:
    raise SystemExit(3)


def guesses(train: Digits, test: Digits) -> Findings:
    return clinic.examine(clinic.small_network(), [2.3], test)


def boasts(train: Digits, test: Digits) -> Findings:
    return replace(healthy(train, test), reported_accuracy=0.99)


def loses_count(train: Digits, test: Digits) -> Findings:
    return replace(healthy(train, test), losses=[float("nan")])


def returns_probabilities(train: Digits, test: Digits) -> Findings:
    honest = healthy(train, test)
    return replace(honest, model=nn.Sequential(honest.model, nn.Softmax(1)))


@pytest.mark.parametrize(
    ("trainer", "said"),
    [
        (lambda train, test: nn.Flatten(), "should return Findings, and returned Flatten"),
        (raises, "stopped with RuntimeError: two."),
        (leaves, "stopped with SystemExit: 3"),
        (guesses, "of fresh digits, where a healthy one reads"),
        (boasts, "reports an accuracy of 99.0%"),
        (loses_count, "some of its losses are not numbers"),
        (returns_probabilities, "reports a loss of"),
        (3, "stopped with TypeError"),
        (lambda: 3, "stopped with TypeError"),
    ],
)
def test_a_trainer_of_any_kind_is_answered_calmly(trainer: Any, said: str) -> None:
    verdict = patient(8).check("learning rate too high", trainer)
    assert verdict.status == "incorrect"
    assert said in verdict.message and "\n" not in verdict.message


def test_names_of_any_kind_are_answered_calmly() -> None:
    each = patient(8)
    misspelt = each.check("learning rate to high", each.trainer())
    assert "Did you mean 'learning rate too high'?" in misspelt.message
    for name in (3, "gremlins", torch.zeros(3), ["learning rate too high"]):
        assert "is not among FAULTS" in each.check(name, each.trainer()).message
    assert each.check(None, each.trainer()).status == "not attempted"


def test_an_unwritten_trainer_is_not_attempted() -> None:
    def empty(train: Digits, test: Digits) -> Any: ...

    assert patient(8).check("learning rate too high", empty).status == "not attempted"


def test_a_check_leaves_the_digits_and_the_surroundings_as_they_were() -> None:
    def meddles(train: Digits, test: Digits) -> Any:
        train.images.zero_()
        torch.manual_seed(7)
        torch.set_grad_enabled(False)
        return healthy(train, test)

    before, images = torch.get_rng_state(), ward()[0].images.clone()
    patient(8).check("learning rate too high", meddles)
    assert torch.equal(torch.get_rng_state(), before) and torch.is_grad_enabled()
    assert torch.equal(ward()[0].images, images)


# --- other cures ---


def check_with(number: int, old: str, new: str) -> dl.exercises.Verdict:
    each = patient(number)
    assert old in each.code()
    return each.check(each.fault, clinic.trainer_from(each.code().replace(old, new)))


@pytest.mark.slow
@pytest.mark.parametrize("change", [(1, "epochs=4", "epochs=40"), (5, "epochs=6", "epochs=60")])
def test_training_longer_is_no_cure(change: tuple[int, str, str]) -> None:
    assert "patience hides this fault" in check_with(*change).message


OTHER_CURES = [
    (2, "        optimizer.step()\n", "        optimizer.step()\n        optimizer.zero_grad()\n"),
    (3, "    model.eval()\n", ""),
    (5, "    train = train[train.labels.argsort()]\n", ""),
    (7, "test.images[:, None].float()", "(test.images[:, None].float() / 255 - 0.1307) / 0.3081"),
    (8, "lr=1.0", "lr=0.2"),
    (9, "lr=0.0001", "lr=0.03"),
    (11, "200, shuffle", "len(test), shuffle"),
]
HALF_CURES = [
    (6, "train.images[1:], train.labels[:-1]", "train.images[:-1], train.labels[1:]"),
    (7, ".float()", ".float().div(255)"),
    (9, "lr=0.0001", "lr=0.001"),
]


@pytest.mark.parametrize("change", OTHER_CURES)
def test_another_cure_than_the_reference_is_as_good(change: tuple[int, str, str]) -> None:
    assert check_with(*change).status == "correct"


@pytest.mark.parametrize("change", HALF_CURES)
def test_half_a_cure_is_none(change: tuple[int, str, str]) -> None:
    assert check_with(*change).status == "incorrect"


# --- the lesson and the clinic ---


def test_the_lessons_cells_hold_the_patients_code_and_check_it(each: Patient) -> None:
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    number = f"{each.number:02}"

    def tagged(tag: str) -> list[str]:
        return ["".join(cell["source"]) for cell in cells if tag in cell["metadata"].get("tags", [])]

    assert "\n\n\n".join(tagged(f"patient-{number}")).strip() == str(each.code()).strip()
    (check,) = (code for code in tagged("patient-check") if f"name_{number} = ...\n" in code)
    assert f"patient({each.number}).check(name_{number}, trainer_{number})" in check
