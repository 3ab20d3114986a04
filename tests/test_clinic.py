"""The bug clinic: every patient is sick, its cure heals it, and the check tells the two apart, calmly."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch
from torch import nn

import digitlab as dl
from digitlab import cli
from digitlab.data import Digits
from digitlab.exercises import clinic, edited
from digitlab.exercises.clinic import FAULTS, Findings, Patient, list_patients, patient, trainer_from, ward
from digitlab.exercises.clinic_trainer import healthy
from digitlab.exercises.progress import read_progress
from digitlab.training import Scores

PATIENTS = list_patients()
LESSON = Path(dl.__file__).parents[1] / "lessons" / "14_the_bug_clinic.ipynb"
MISREPORTS = (4, 7, 10, 11)
"""Their models have learnt; what their owners say of them is wrong."""


@pytest.fixture(params=PATIENTS, ids=lambda each: f"{each.number:02}")
def each(request: pytest.FixtureRequest) -> Patient:
    return request.param


def measured(findings: Findings) -> list[Scores]:
    """On test and on fresh digits, without the clinic's own examination."""
    return [dl.evaluate(findings.model, dl.DigitLoader(digits, 100, shuffle=False)) for digits in ward()[1:]]


def test_there_are_twelve_and_each_has_a_fault_of_its_own() -> None:
    assert [each.number for each in PATIENTS] == list(range(1, 13))
    assert len({each.fault for each in PATIENTS} & set(FAULTS)) == 12 < len(FAULTS)
    assert patient(3) == PATIENTS[2]
    with pytest.raises(ValueError, match="no patient 13: expected 1 to 12"):
        patient(13)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_it_is_sick_and_the_cure_heals_it(each: Patient, seed: int) -> None:
    if seed == 0:  # as the clinic itself trains them
        sick, cured = clinic._sick(each.number), clinic._healthy(each.number)
    else:
        sick, cured = clinic.run(each.trainer(), seed), clinic.run(each.cured(), seed)
    (sick_test, sick_fresh), (cured_test, cured_fresh) = measured(sick), measured(cured)
    assert abs(sick.losses[0] - math.log(10)) < 0.2, "it begins near the price of guessing"
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


def test_the_check_confirms_the_name_and_the_cure_together(each: Patient) -> None:
    right = each.check(f" {each.fault.upper()} ", trainer_from(str(each.cure())))
    assert right.status == "correct" and each.lesson in right.message
    not_cured = each.check(each.fault, each.trainer())
    assert not_cured.status == "incorrect" and "the name is right" in not_cured.message


def test_the_cure_without_the_name() -> None:
    first, named = patient(1), "missing zero_grad"
    said = first.check(named, first.cured()).message
    assert FAULTS[named] in said and "your trainer is healthy" in said and first.fault not in said
    assert "And the trainer is not healthy yet" in first.check(named, first.trainer()).message


def test_nothing_that_is_shown_names_the_fault(each: Patient) -> None:
    code, picture = str(each.code()), each.symptoms()
    for part in code.split("\n\n\n"):
        assert len([line for line in part.splitlines() if line.strip()]) <= 12
    assert not any(word in code.lower() for word in ("#", '"""', "sick", "fault", "bug", "wrong"))
    assert code != str(each.cure())
    assert f"Patient {each.number} reports" in picture.alt_text and "Healthy: from" in picture.alt_text
    for shown in (picture.alt_text, each.complaint, repr(each), *each.hints):
        assert each.fault not in shown


def test_the_difference_is_shown_to_those_who_name_the_fault(each: Patient) -> None:
    shown = str(each.diagnose(each.fault))
    assert shown.startswith(f"Correct: {each.fault}.") and re.search(r"\n[-+] ", shown)
    other = next(name for name in FAULTS if name != each.fault)
    for name, start in ((other, "Incorrect: (The sign|A loss near)"), (..., "Not att"), ("gremlins", "Inc")):
        said = str(each.diagnose(name))
        assert re.match(start, said) and not re.search(r"\n[-+]", said)


def test_hints_and_cures_have_a_place_in_the_progress(capsys: pytest.CaptureFixture[str]) -> None:
    each = patient(8)
    clinic._hints_given.clear()
    assert [patient(8).hint()[:11] for _ in range(4)] == [f"Hint {n} of 3" for n in (1, 2, 3, 3)]
    each.check(each.fault, each.cured())
    assert read_progress() == {"14.P08": {"attempts": 1, "solved": True, "hints": 3, "looked": False}}
    each.cure()
    assert read_progress()["14.P08"]["looked"]
    assert cli.main(["progress"]) == 0
    shown = capsys.readouterr().out
    assert "14.P08  solved  patient 8 of the bug clinic  (3 hints, solution seen)" in shown
    assert all(len(set(each.hints)) == 3 for each in PATIENTS)
    assert len({each.entry for each in PATIENTS}) == 12


def test_the_waiting_room_takes_six() -> None:
    said = clinic.waiting_room([8, 9]).alt_text
    assert "Patient 8: from" in said and "Patient 9: from" in said
    assert said.endswith("A line at ln 10 = 2.30: guessing.")
    axes = [clinic.waiting_room(numbers).axes[0] for numbers in ([8, 9], [4, 7])]
    assert axes[0].get_ylim() == axes[1].get_ylim() and axes[0].get_ylim()[0] == 0
    assert axes[0].texts[0].get_text() == "ln 10"
    with pytest.raises(ValueError, match="1 to 6"):
        clinic.waiting_room(range(1, 8))


# --- trainers and names of any kind ---

# Lines of the patients' code.
ZERO_GRAD = "        optimizer.zero_grad()\n"
BACKWARD = "        loss.backward()\n"
STEP = "        optimizer.step()\n"
SORTED = "    train = train[train.labels.argsort()]\n"
PAIRED = "train.images[1:], train.labels[:-1]"
RAW = "test.images[:, None].float()"
HIDDEN = "[nn.Linear(784, 64), nn.Linear(64, 64), nn.Linear(64, 64)]"
JOINED = "images, labels = torch.cat([train.images, test.images]), torch.cat([train.labels, test.labels])"
ACCURACY = "accuracy = sum(each.accuracy for each in scores) / len(scores)"


@pytest.mark.parametrize(
    ("trainer", "said"),
    [
        (lambda train, test: nn.Flatten(), "should return Findings, and returned Flatten"),
        (mock.Mock(side_effect=RuntimeError("two\nlines")), "stopped with RuntimeError: two."),
        (mock.Mock(side_effect=SystemExit(3)), "stopped with SystemExit: 3"),
        (lambda train, test: clinic.examine(clinic.small_network(), [2.3], test), "of fresh digits, where a healthy"),
        (lambda train, test: replace(healthy(train, test), losses=[math.nan]), "its losses are not those"),
        (3, "stopped with TypeError"),
    ],
)  # fmt: skip
def test_a_trainer_of_any_kind_is_answered_calmly(trainer: Any, said: str) -> None:
    n_hooks = len(torch.nn.modules.module._global_forward_hooks)
    verdict = patient(8).check("learning rate too high", trainer)
    assert verdict.status == "incorrect"
    assert said in verdict.message and "\n" not in verdict.message
    assert len(torch.nn.modules.module._global_forward_hooks) == n_hooks, "a watch leaves nothing behind"


@pytest.mark.parametrize(
    ("number", "name", "said"),
    [
        *((number, "all weights start at zero", "the curve does not tell. Print two rows") for number in (3, 6, 9, 12)),
        (2, "learning rate too high", "comes down first, to 0.93, and swings with a tenth of the rate"),
        (5, "missing zero_grad", "Print a weight's .grad"),
        (4, "normalisation forgotten at test time", "Print the mean and the spread"),
        (6, "softmax before cross-entropy", "some numbers are below 0"),
        (10, "missing zero_grad", "never rises above 2.32"),
        (11, "eval mode never entered", "the two agree"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_told_what_is_not_there(number: int, name: str, said: str) -> None:
    assert said in " ".join(patient(number).diagnose(name).split())


def test_names_of_any_kind_are_answered_calmly() -> None:
    each = patient(8)
    misspelt = each.check("learning rate to high", nn.Flatten)
    assert "Did you mean 'learning rate too high'?" in misspelt.message
    for name in (3, "gremlins", torch.zeros(3), ["learning rate too high"]):
        assert "is not among FAULTS" in each.check(name, nn.Flatten).message
    for name, trainer in ((None, healthy), (..., healthy), (each.fault, lambda train, test: ...)):
        assert each.check(name, trainer).status == "not attempted"


def test_a_trainer_that_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(train: Digits, test: Digits) -> Any:
        while True:
            train[:10]

    clinic._healthy(8)
    monkeypatch.setattr(clinic, "_SECONDS", 0.5)
    verdict = patient(8).check("learning rate too high", endless)
    assert verdict.status == "incorrect" and "\n" not in verdict.message
    assert verdict.message.endswith("had not finished after 0.5 seconds: is there a loop that never ends?")


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


# The patient, and what is said; then the texts that are replaced.
WRONG_CURES = [
    (1, "its losses are not those of its model's logits", "lr=0.1", "lr=1.0"),
    (1, "patience hides this fault", "epochs=4", "epochs=40"),
    (1, "the model that it hands over is not the one", ".softmax(dim=1)", "", "lr=0.1", "lr=0.9",
     "= small_network()", "= nn.Sequential(small_network(), nn.Softmax(1))", "examine(model,", "examine(model[0],"),
    (2, "is it emptied in each step, before backward()", "lr=0.1", "lr=0.003"),
    (2, "times as long as the gradient", STEP, f"        nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n{STEP}"),
    (2, ".grad is 0 times as long", BACKWARD, BACKWARD + ZERO_GRAD),
    (3, "in evaluation mode", "optimizer =", "model[-2].train()\n    model[2].train()\n    optimizer ="),
    (4, "another network is no cure", "dropout_network", "small_network"),
    (4, "in evaluation mode", BACKWARD, f"{BACKWARD}        model.eval()\n"),
    (5, "from 400 of its 999", ", shuffle=False", "", SORTED, "    train = train[:400]\n"),
    (5, "of all pairs have the same label", "batches(train, epochs=6, shuffle=False)",
     "[b for s in (False, True, True, True, True, True) for b in batches(train, 1, shuffle=s)]"),
    (7, "given 401 images that are not", RAW, "dl.normalize(test.images).clamp(0, 1)"),
    (8, "still leaps to 3.90, as a healthy one's never does: its learning rate, 0.5", "lr=1.0", "lr=0.5"),
    (8, "its learning rate, 0.01, is still too low", "lr=1.0", "lr=0.01", "epochs=6", "epochs=9"),
    (8, "steps with Adam", "SGD(model.parameters(), lr=1.0)", "Adam(model.parameters(), lr=0.001)"),
    (8, "has plain SGD", "SGD(model.parameters(), lr=1.0)", "SGD(model.parameters(), lr=0.02, momentum=0.9)"),
    (8, "one for each", "lr=1.0", "lr=0.1", "losses.append(loss.item())", "losses.append(0.1 * loss.item())"),
    (10, "it takes a step on 13 test digits", "epochs=10", "epochs=3"),
    (10, "may choose by them", "batches(digits", "batches(train", STEP, f"{STEP}        examine(model, [], test)\n"),
    (10, "may choose among them", "batches(digits", "batches(train",
     "    return", "    rival = small_network()\n    examine(rival, [], test)\n    return"),
    (10, "may choose among them", "batches(digits", "batches(train", "model, losses =", "states, model, losses = [],",
     STEP, f"{STEP}        states.append({{name: each.clone() for name, each in model.state_dict().items()}})\n",
     "    return", "    for state in states[::-100]:\n        model.load_state_dict(state)\n"
     "        last = examine(model, losses, test)\n    return last\n    return"),
    (11, "it reports an accuracy", "200, shuffle", "201, shuffle"),
    (11, "it reports a loss", ACCURACY, "accuracy = sum(each.accuracy * each.n for each in scores) / len(test)"),
    (11, "on 400 of its 401 test digits", "200, shuffle=False)", "200, shuffle=False) if len(batch[1]) > 1"),
    (12, "whoever saves or counts the model misses them",
     "SGD(model.parameters()", "SGD([*model.parameters(), *nn.ModuleList(model.hidden).parameters()]"),
    (12, "6 of its model's parameters take no part in a step", HIDDEN, f"nn.ModuleList({HIDDEN})",
     "SGD(model.parameters()", "SGD([*model.last.parameters()]"),
]  # fmt: skip
RIGHT_CURES = [
    (1, "loss = F.cross_entropy(probabilities, labels)", "loss = F.nll_loss(probabilities.log(), labels)"),
    (1, "F.cross_entropy(probabilities, labels)", "nn.CrossEntropyLoss()(model(images), labels)"),
    (2, STEP, STEP + ZERO_GRAD),
    (3, "        loss =", "        model.train()\n        loss ="),
    (3, "    model.eval()\n    losses = [F.cross_entropy(model(dl.normalize(train.images)), train.labels).item()]",
     "    losses = [dl.evaluate(model, batches(train, 1)).loss]"),
    (4, "    logits = model(dl.normalize(test.images))",
     "    model.eval()\n    with torch.no_grad():\n        logits = model(dl.normalize(test.images))"),
    (5, "train[train.labels.argsort()]", "train[torch.randperm(len(train))]"),
    (6, f"dl.Digits({PAIRED}, train.name, train.split)", "train[1:]"),
    (7, RAW, f"({RAW} / 255 - 0.1307) / 0.3081"),
    (9, "lr=0.0001", "lr=0.03"),
    (10, JOINED, "images, labels = train.images, train.labels"),
    (11, "200, shuffle", "len(test), shuffle"),
    (11, "    scores =", "    return examine(model, losses, test)\n    scores ="),
    (12, HIDDEN, f"nn.Sequential(*{HIDDEN})"),
]  # fmt: skip


@pytest.mark.parametrize("cure", WRONG_CURES, ids=lambda cure: f"{cure[0]}")
def test_a_wrong_cure_is_told_what_it_leaves(cure: tuple[Any, ...]) -> None:
    number, said, *edits = cure
    sick = patient(number)
    verdict = sick.check(sick.fault, trainer_from(edited(sick.code(), *edits)))
    assert verdict.status == "incorrect" and said in verdict.message, verdict


@pytest.mark.slow
@pytest.mark.parametrize("cure", RIGHT_CURES, ids=lambda cure: f"{cure[0]}")
def test_another_right_cure_is_right(cure: tuple[Any, ...]) -> None:
    number, *edits = cure
    sick = patient(number)
    assert sick.check(sick.fault, trainer_from(edited(sick.code(), *edits))).status == "correct"


def test_the_lessons_cells_hold_the_patients_code_and_check_it(each: Patient) -> None:
    cells = json.loads(LESSON.read_text(encoding="utf-8"))["cells"]
    sources, number = ["".join(cell["source"]) for cell in cells], f"{each.number:02}"
    tags = [cell["metadata"].get("tags", []) for cell in cells]
    code = [source for source, own in zip(sources, tags, strict=True) if f"patient-{number}" in own]
    assert "\n\n\n".join(code).strip() == str(each.code()).strip()
    asks = f"name_{number} = ...\npatient({each.number}).diagnose(name_{number})"
    check = f"patient({each.number}).check(name_{number}, trainer_{number})"
    order = [sources.index(text) for text in (asks, code[0], check)]
    assert order == sorted(order) and f"*“{each.complaint}”*" in sources
