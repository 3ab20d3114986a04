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
import textwrap
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from digitlab.data import Digits, load_sample
from digitlab.exercises import Text, Verdict, clinic_trainer, edited, progress
from digitlab.exercises.checking import is_unwritten
from digitlab.exercises.clinic_patients import CASES, Case
from digitlab.exercises.clinic_trainer import (
    Findings,
    batches,
    deep_network,
    dropout_network,
    examine,
    healthy,
    measure,
    small_network,
)
from digitlab.exercises.clinic_watch import Health, Watch, still_wrong
from digitlab.exercises.plain_words import first_line
from digitlab.exercises.surroundings import quiet_surroundings
from digitlab.exercises.time_limit import within_seconds
from digitlab.plots import Picture, plot_lines
from digitlab.plots.colours import QUIET
from digitlab.plots.style import draws
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
    "softmax before cross-entropy": "the loss falls, and never below 1.46, because probabilities are never further "
    "apart than 1",
    "missing zero_grad": "the loss falls quickly, and then swings up again: each step follows the sum of all gradients "
    "so far",
    "eval mode never left": "a deep network stays near ln 10, and inside the loop model.training is False",
    "eval mode never entered": "the network is measured with its dropout on: two measurements of it disagree",
    "data sorted by class": "the loss is close to zero for long stretches and leaps whenever the next class begins",
    "labels misaligned": "the loss hardly leaves ln 10, as if the labels had nothing to do with the images",
    "normalisation forgotten at test time": "the training looks well, and in the test the model is given other numbers",
    "learning rate too high": "the loss leaps above where it began, or stops being a number",
    "learning rate too low": "the loss is an almost level line that begins where a healthy one begins",
    "test images in the training data": "the reported accuracy is wonderful, and fresh digits do not confirm it",
    "unequal batches averaged as equals": "the reported loss changes with the size of the test's batches",
    "weights not registered": "model.parameters() lists too few numbers, and some layers are the same before and after",
    "all weights start at zero": "all rows of a layer's weights are equal, for ever, and the loss stays near ln 10",
    "ReLU on the logits": "among the printed scores there are zeros and no negative ones",
}
"""The names to choose from, each with its sign. Two of them belong to no patient."""


# Faults that keep a loss near ln 10, where the curve does not tell one from the other.
_NEAR_LN_10 = (
    "learning rate too low",
    "labels misaligned",
    "weights not registered",
    "all weights start at zero",
    "eval mode never left",
)

# What to look at, and what is seen there if a patient has not that fault.
_REFUTED = {
    "softmax before cross-entropy": "Print a row of what its cross_entropy is given: some numbers are below 0.",
    "missing zero_grad": "Print a weight's .grad before each backward(): it is None, or 0.",
    "eval mode never left": "Print model.training inside the loop: it is True.",
    "eval mode never entered": "Print its layers: there is no dropout and no batch normalisation, so both modes give "
    "the same, however often you measure.",
    "data sorted by class": "Print the labels of its first three batches: they are mixed.",
    "labels misaligned": "Look at a few of its digits with their labels: they belong together.",
    "normalisation forgotten at test time": "Print the mean and the spread of the images that its model is given in "
    "the test, and of those in a batch: they are about the same.",
    "learning rate too low": "Read the rate: it is not far from a healthy one's.",
    "unequal batches averaged as equals": "Measure its model with dl.evaluate on the test digits, in batches of any "
    "size: each time the loss is the reported one.",
    "weights not registered": "Count the parameters that the model lists: none is missing.",
    "all weights start at zero": "Print two rows of its first layer's weights before the training: they differ.",
    "ReLU on the logits": "Print the scores of a few digits: some are below 0.",
}

_IN_ONE_BATCH = "All its test digits go through the model in one batch: len(logits) is 401."
_REFUTED_OTHERWISE = {
    (
        2,
        "learning rate too high",
    ): "But here the loss falls in its first eight steps, to 0.93. With a tenth of "
    "the rate it swings up as well, only later.",
    (5, "learning rate too high"): "Divide its rate by ten: the loss goes up and down in the same rhythm.",
    (3, "eval mode never entered"): "Print model.training while it measures: it is False.",
    (4, "unequal batches averaged as equals"): _IN_ONE_BATCH,
    (7, "unequal batches averaged as equals"): _IN_ONE_BATCH,
}


def _what_refutes(fault: str, number: int) -> str:
    """Something to look at that this patient does not show: in its curve or its report if they tell, else elsewhere."""
    findings = _sick(number)
    losses, first = findings.losses, findings.losses[0]
    least, most, on_fresh = min(losses), max(losses), measure(findings.model, ward()[2]).accuracy
    reported = findings.reported_accuracy
    said = f"it reports {reported:.1%}, and fresh digits give {on_fresh:.1%}"
    never = f"the loss begins at {first:.2f} and never rises above {most:.2f}."
    in_its_numbers = {
        "softmax before cross-entropy": (least < 1.4, f"the loss comes down to {least:.2f}."),
        "missing zero_grad": (most < first + 0.5, never),
        "learning rate too high": (most < first + 0.5, never),
        "learning rate too low": (least < 1.9, f"the loss comes down from {first:.2f} to {least:.2f}."),
        "normalisation forgotten at test time": (reported > on_fresh - 0.05, f"{said}: not far worse."),
        "test images in the training data": (True, f"{said}: not far better."),
    }
    tells, seen = in_its_numbers.get(fault, (False, ""))
    return f"But here {seen}" if tells else _REFUTED_OTHERWISE.get((number, fault)) or _REFUTED[fault]


_SECONDS = 20.0  # for a trainer; the slowest cure needs about one
_hints_given: dict[int, int] = {}

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
    with quiet_surroundings():
        return _learn(trainer, seed)


def _learn(trainer: Trainer, seed: int = 0) -> Findings:
    train, test, _ = copy.deepcopy(ward())  # a trainer may change them
    torch.manual_seed(seed)
    return trainer(train, test)


@draws
def waiting_room(numbers: Sequence[int]) -> Picture:
    """The training losses of up to six patients in one chart, 120 steps of each, every point the mean of ten.

    All such charts have the same axis, with a line where guessing lies.

    Raises:
        ValueError: more than six patients, or one that does not exist.
    """
    curves = {f"patient {number}": _means_of_ten(patient(number).number) for number in numbers}
    steps = {name: 10 * torch.arange(1, len(means) + 1) for name, means in curves.items()}
    title = f"Patients {listing(map(str, numbers))}: all ran without an error"
    picture = plot_lines(curves, x=steps, xlabel="step", ylabel="training loss", title=title)
    (axes,) = picture.axes
    axes.set_ylim(0, 1.05 * max(float(_means_of_ten(case.number).max()) for case in CASES))
    axes.axhline(math.log(10), color=QUIET, linewidth=1, zorder=0)
    axes.text(1.01, math.log(10), "ln 10", transform=axes.get_yaxis_transform(), va="center", color=QUIET)
    return picture.saying(f"{picture.alt_text} A line at ln 10 = {math.log(10):.2f}: guessing.")


class Patient(Case):
    """One sick trainer, to be looked at and cured."""

    def __repr__(self) -> str:
        return f"Patient {self.number}: {self.complaint}"

    @property
    def entry(self) -> str:
        """Its place in the learner's progress."""
        return progress.PATIENTS[self.number - 1]

    def code(self) -> Text:
        """The sick trainer as a learner's cells hold it: the healthy one, with what made it ill."""
        trainer = edited(inspect.getsource(healthy), "healthy", f"trainer_{self.number:02}", *self.sick)
        code = "\n\n".join([*map(inspect.getsource, self.parts), trainer])
        return Text(_without_types(code))

    def diagnose(self, name: Any) -> Text:
        """Whether that is the fault's name; if it is, how the sick trainer differs from a healthy one."""
        named = self._verdict_on(name)
        if named.status != "correct":
            return Text(named)
        well = _without_types(inspect.getsource(healthy)).replace("healthy", f"trainer_{self.number:02}")
        lines = difflib.unified_diff(well.splitlines(), self.code().splitlines(), lineterm="", n=1)
        shown = "\n".join(line for line in lines if not line.startswith(("@@", "---", "+++")))
        return Text(f"{named}\nFrom a healthy trainer (-) to this one (+):\n\n{shown}")

    def hint(self) -> Text:
        """The next of three hints; after the last one, the last one again."""
        number = _hints_given[self.number] = min(_hints_given.get(self.number, 0) + 1, len(self.hints))
        progress.record(self.entry, hints=number)
        return Text(textwrap.fill(f"Hint {number} of {len(self.hints)}: {self.hints[number - 1]}", 88))

    def cure(self) -> Text:
        """The healthy trainer as code: the sick one with the reference cure."""
        progress.record(self.entry, looked=True)
        return self._cure()

    def _cure(self) -> Text:
        return Text(edited(self.code(), *self.remedy))

    def trainer(self) -> Trainer:
        """The sick trainer as a function."""
        return trainer_from(self.code())

    def cured(self) -> Trainer:
        """The healthy trainer as a function."""
        return trainer_from(self._cure())

    def symptoms(self) -> Picture:
        """Its training loss beside a healthy trainer's; the title compares what it reports with fresh digits."""
        findings, healthy = _sick(self.number), _healthy(self.number).findings
        on_fresh = measure(findings.model, ward()[2])
        title = (
            f"Patient {self.number} reports accuracy {findings.reported_accuracy:.1%} and loss "
            f"{findings.reported_loss:.2f}; fresh digits: {on_fresh.accuracy:.1%} and {on_fresh.loss:.2f}"
        )
        curves = {f"patient {self.number}": findings.losses, "healthy": healthy.losses}
        return plot_lines(curves, xlabel="step", ylabel="training loss", title=title)

    def check(self, name: Any, trainer: Any) -> Verdict:
        """Confirm the name of the fault, and the cure.

        Never raises for a wrong answer, and waits at most 20 seconds for a trainer that needs about one.
        """
        named = self._verdict_on(name)
        if named.status == "not attempted" or is_unwritten(trainer):
            return Verdict("not attempted", f"what ails patient {self.number}? Choose a name from FAULTS.")
        wrong = self._examine(trainer)
        verdict = self._verdict(named, wrong)
        progress.record(self.entry, solved=verdict.status == "correct")
        return verdict

    def _verdict_on(self, name: Any) -> Verdict:
        if is_unwritten(name):
            return Verdict("not attempted", f"what ails patient {self.number}? Choose a name from FAULTS.")
        key = str(name).strip().casefold()
        known = {fault.casefold(): fault for fault in FAULTS}
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            meant = f" Did you mean {known[near[0]]!r}?" if near else ""
            return Verdict("incorrect", f"{name!r} is not among FAULTS.{meant}")
        if known[key] == self.fault:
            return Verdict("correct", f"{self.fault}.")
        fault = known[key]
        if fault in _NEAR_LN_10 and self.fault in _NEAR_LN_10:
            said = f"A loss near ln 10 goes with {fault!r} as well, so the curve does not tell."
            return Verdict("incorrect", f"{said} {_REFUTED[fault]}")
        sign = f"The sign of {fault!r} would be: {FAULTS[fault]}"
        return Verdict("incorrect", f"{sign}. {_what_refutes(fault, self.number)}")

    def _verdict(self, named: Verdict, wrong: str | None) -> Verdict:
        if named.status == "correct" and wrong is None:
            return Verdict("correct", f"{self.fault}, and cured. {self.lesson}")
        if named.status == "correct":
            end = "" if str(wrong).endswith((".", "?")) else "."
            return Verdict(
                "incorrect", f"the name is right, but the trainer is not healthy yet: {wrong}{end}"
            )
        if "FAULTS" in named.message:
            return named
        if wrong is None:
            return Verdict("incorrect", f"your trainer is healthy, but the name is another. {named.message}")
        return Verdict("incorrect", f"{named.message} And the trainer is not healthy yet.")

    def _examine(self, trainer: Any) -> str | None:
        health = _healthy(self.number)  # before the clock starts
        watch = Watch(*ward())
        try:
            with (
                quiet_surroundings()
            ):  # around the threads: one that is left behind must not put back anything
                with watch.looking_on():
                    findings = within_seconds(_SECONDS, lambda: _learn(trainer))
                return within_seconds(_SECONDS, lambda: still_wrong(findings, watch, health))
        except TimeoutError as late:
            return str(late)
        except (Exception, SystemExit) as error:  # news for the learner, not a crash here
            return f"it stopped with {type(error).__name__}: {first_line(error)}"


def _without_types(code: str) -> str:
    return re.sub(r" -> \w+(?=:)|: (Digits|Tensor)\b", "", code)


def trainer_from(code: str) -> Trainer:
    """The last function that some code defines, run with the names that the lesson's notebook has."""
    namespace = {**vars(clinic_trainer), "dl": sys.modules["digitlab"]}
    exec(compile(code, "<trainer>", "exec"), namespace)
    trainer: Trainer = namespace[re.findall(r"^def (\w+)", code, re.M)[-1]]
    return trainer


@cache
def _sick(number: int) -> Findings:
    return run(patient(number).trainer())


@cache
def _healthy(number: int) -> Health:
    watch = Watch(*ward())
    with watch.looking_on():
        findings = run(patient(number).cured())
    return Health(findings, measure(findings.model, ward()[2]).accuracy, watch.n_learnt)


def _means_of_ten(number: int) -> Tensor:
    return torch.tensor(_sick(number).losses)[:120].view(-1, 10).mean(dim=1)


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
