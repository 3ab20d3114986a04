"""The bug clinic: trainers that run without an error and are wrong, and an examination that finds out.

This file is the consulting room: the examination and the check. The twelve patients themselves are in
`digitlab.exercises.clinic_patients`; reading that file spoils lesson 14, which is where they are met.

Everything is measured on digits of the bundled sample, so that every learner sees the same symptoms.
"""

from __future__ import annotations

import copy
import difflib
import inspect
import math
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch

from digitlab.data import Digits, load_sample
from digitlab.exercises import Text, Verdict, clinic_patients, edited
from digitlab.exercises.checking import first_line, is_unwritten
from digitlab.exercises.clinic_patients import (
    CASES,
    Case,
    Findings,
    batches,
    deep_network,
    dropout_network,
    examine,
    healthy,
    measure,
    small_network,
)
from digitlab.exercises.surroundings import quiet_surroundings
from digitlab.plots import Picture, plot_lines
from digitlab.wording import listing

__all__ = [
    "FAULTS",
    "Findings",
    "Patient",
    "batches",
    "deep_network",
    "dropout_network",
    "examine",
    "list_patients",
    "patient",
    "small_network",
    "waiting_room",
    "ward",
]

FAULTS = {
    "softmax before cross-entropy": "the loss falls, and then stays far above zero, because probabilities are never "
    "further apart than 1",
    "missing zero_grad": "each step follows the sum of all gradients so far: the loss falls, and then swings up again",
    "eval mode never left": "batch normalisation does not normalise, and dropout drops nothing, during the training",
    "eval mode never entered": "the network is measured with its dropout on: two measurements of it disagree",
    "data sorted by class": "the loss is zero for long stretches and leaps whenever the next class begins",
    "labels misaligned": "the loss hardly leaves ln 10, as if the labels had nothing to do with the images",
    "normalisation forgotten at test time": "the training looks well, and the model fails on digits prepared otherwise",
    "learning rate too high": "the loss leaps above where it began, or stops being a number",
    "learning rate too low": "the loss is an almost level line that begins where a healthy one begins",
    "test images in the training data": "the reported accuracy is wonderful, and fresh digits do not confirm it",
    "unequal batches averaged as equals": "the reported mean is not the mean over the images",
    "weights not registered": "the optimiser does not hold all the layers: some never change",
    "all weights start at zero": "all units of a layer stay equal for ever, and the loss stays near ln 10",
    "ReLU on the logits": "no score can fall below zero, and some classes may never be learnt",
}
"""The names to choose from, each with its sign. Two of them belong to no patient."""


Trainer = Callable[[Digits, Digits], Findings]
"""Learns from the first digits, measures on the second ones."""


@cache
def ward() -> tuple[Digits, Digits, Digits]:
    """The clinic's digits: 999 to learn from, 401 to test with, and 1,000 fresh ones that no trainer is given.

    The last of the test digits is one to whose label small networks give hardly any probability: patient 11 needs it.

    Examples:
        >>> [len(digits) for digits in ward()]
        [999, 401, 1000]
    """
    test = load_sample("test")
    return load_sample("train")[:999], test[203:604], test[1000:]


def run(trainer: Trainer, seed: int = 0) -> Findings:
    """Let a trainer work on the ward's digits, from weights that depend on the seed alone."""
    train, test, _ = copy.deepcopy(ward())  # a trainer may change them
    with quiet_surroundings():
        torch.manual_seed(seed)
        return trainer(train, test)


def complaint_about(findings: object, healthy_accuracy: float, healthy_steps: int) -> str | None:
    """What is still wrong with a trainer's findings, in a sentence; ``None`` if it is healthy.

    It has learnt if it reads fresh digits about as well as a healthy trainer, in about as many steps. It is honest if
    measuring its model gives what it reports, and fresh digits about the same.
    """
    if not isinstance(findings, Findings):
        return f"the trainer should return Findings, and returned {type(findings).__name__}"
    _, test, fresh = ward()
    on_test, on_fresh = measure(findings.model, test), measure(findings.model, fresh)
    if on_fresh.accuracy < healthy_accuracy - 0.05:
        return f"it reads {on_fresh.accuracy:.1%} of fresh digits, where a healthy one reads {healthy_accuracy:.1%}"
    if len(findings.losses) > 1.5 * healthy_steps:
        steps = f"{len(findings.losses)} steps, and a healthy one gets there in {healthy_steps}"
        return f"it takes {steps}: patience hides this fault and does not cure it"
    if not all(math.isfinite(loss) for loss in findings.losses):
        return "some of its losses are not numbers"
    accuracy, loss = findings.reported_accuracy, findings.reported_loss
    measured = "and measuring the same model on the same digits gives"
    if abs(accuracy - on_test.accuracy) > 0.005:
        return f"it reports an accuracy of {accuracy:.1%}, {measured} {on_test.accuracy:.1%}"
    if not math.isclose(loss, on_test.loss, rel_tol=0.02):
        return f"it reports a loss of {loss:.3f}, {measured} {on_test.loss:.3f}"
    if on_test.accuracy > on_fresh.accuracy + 0.05:
        tested, fresh_ones = f"{on_test.accuracy:.1%}", f"{on_fresh.accuracy:.1%}"
        return (
            f"it reads {tested} of its test digits, but only {fresh_ones} of digits that it cannot have seen"
        )
    return None


def waiting_room(numbers: Sequence[int]) -> Picture:
    """The training losses of up to six patients in one chart, 120 steps of each, every point the mean of ten.

    Raises:
        ValueError: more than six patients, or one that does not exist.
    """
    curves, steps = {}, {}
    for number in numbers:
        means = torch.tensor(_sick(number).losses)[:120].view(-1, 10).mean(dim=1)
        name = f"patient {number}"
        curves[name], steps[name] = means, 10 * torch.arange(1, len(means) + 1)
    title = f"Patients {listing(map(str, numbers))}: all ran without an error"
    return plot_lines(curves, x=steps, xlabel="step", ylabel="training loss", title=title)


class Patient(Case):
    """One sick trainer, to be looked at and cured."""

    def __repr__(self) -> str:
        return f"Patient {self.number}: {self.complaint}"

    def code(self) -> Text:
        """The sick trainer as a learner's cells hold it: the healthy one, with what made it ill."""
        trainer = edited(inspect.getsource(healthy), "healthy", f"trainer_{self.number:02}", *self.sick)
        code = "\n\n".join([*map(inspect.getsource, self.parts), trainer])
        return Text(re.sub(r" -> \w+(?=:)|: (Digits|Tensor)\b", "", code))

    def cure(self) -> Text:
        """The healthy trainer as code: the sick one with the reference cure."""
        return Text(edited(self.code(), *self.remedy))

    def trainer(self) -> Trainer:
        """The sick trainer as a function."""
        return trainer_from(self.code())

    def cured(self) -> Trainer:
        """The healthy trainer as a function."""
        return trainer_from(self.cure())

    def symptoms(self) -> Picture:
        """Its training loss beside a healthy trainer's; the title compares what it reports with fresh digits."""
        findings, healthy = _sick(self.number), _healthy(self.number)[0]
        on_fresh = measure(findings.model, ward()[2])
        title = (
            f"Patient {self.number} reports accuracy {findings.reported_accuracy:.1%} and loss "
            f"{findings.reported_loss:.2f}; fresh digits: {on_fresh.accuracy:.1%} and {on_fresh.loss:.2f}"
        )
        curves = {f"patient {self.number}": findings.losses, "healthy": healthy.losses}
        return plot_lines(curves, xlabel="step", ylabel="training loss", title=title)

    def check(self, name: Any, trainer: Any) -> Verdict:
        """Confirm the name of the fault, and the cure. Never raises for a wrong answer; takes about a second."""
        if is_unwritten(name) or is_unwritten(trainer):
            return Verdict("not attempted", f"what ails patient {self.number}? Choose a name from FAULTS.")
        key = str(name).strip().casefold()
        known = {fault.casefold(): fault for fault in FAULTS}
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            meant = f" Did you mean {known[near[0]]!r}?" if near else ""
            return Verdict("incorrect", f"{name!r} is not among FAULTS.{meant}")
        named, still_wrong = known[key], self._examine(trainer)
        sign = f"the sign of {named!r} would be: {FAULTS[named]}. That is not this patient's trouble."
        is_ill = f"the trainer is not healthy yet: {still_wrong}."
        if named == self.fault:
            if still_wrong is None:
                return Verdict("correct", f"{self.fault}, and cured. {self.lesson}")
            return Verdict("incorrect", f"the name is right, but {is_ill}")
        if still_wrong is None:
            return Verdict("incorrect", f"your trainer is healthy, but the name is another. {sign}")
        return Verdict("incorrect", f"{sign} And {is_ill}")

    def _examine(self, trainer: Any) -> str | None:
        try:
            healthy, accuracy = _healthy(self.number)
            return complaint_about(run(trainer), accuracy, len(healthy.losses))
        except (Exception, SystemExit) as error:  # news for the learner, not a crash here
            return f"it stopped with {type(error).__name__}: {first_line(error)}"


def trainer_from(code: str) -> Trainer:
    """The last function that some code defines, run with the names that the lesson's notebook has."""
    namespace = {**vars(clinic_patients), "dl": sys.modules["digitlab"]}
    exec(compile(code, "<trainer>", "exec"), namespace)
    trainer: Trainer = namespace[re.findall(r"^def (\w+)", code, re.M)[-1]]
    return trainer


@cache
def _sick(number: int) -> Findings:
    return run(patient(number).trainer())


@cache
def _healthy(number: int) -> tuple[Findings, float]:
    """What the reference cure reports, and its accuracy on fresh digits."""
    findings = run(patient(number).cured())
    return findings, measure(findings.model, ward()[2]).accuracy


def list_patients() -> list[Patient]:
    """All twelve, in the order of the lesson."""
    return [Patient(**vars(case)) for case in CASES]


def patient(number: int) -> Patient:
    """The patient of that number.

    Raises:
        ValueError: there is none.

    Examples:
        >>> print(patient(9).complaint)
        It learns, I can see the loss going down. It only needs more time. A week, perhaps?
    """
    patients = {each.number: each for each in list_patients()}
    if number not in patients:
        raise ValueError(f"there is no patient {number!r}: expected 1 to {len(patients)}")
    return patients[number]
