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
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from digitlab.data import Digits, load_sample
from digitlab.exercises import Text, Verdict, clinic_trainer, edited, progress
from digitlab.exercises.checking import is_unwritten
from digitlab.exercises.clinic_patients import CASES, Case
from digitlab.exercises.clinic_signs import FAULTS, what_refutes
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
from digitlab.exercises.clinic_watch import Watch
from digitlab.exercises.plain_words import first_line
from digitlab.exercises.surroundings import quiet_surroundings
from digitlab.exercises.time_limit import within_seconds
from digitlab.plots import Picture, plot_lines
from digitlab.plots.colours import QUIET
from digitlab.plots.style import draws
from digitlab.wording import listing

__all__ = ["Patient", "list_patients", "patient", "waiting_room", "ward"]
__all__ += ["FAULTS", "Findings", "batches", "deep_network", "dropout_network", "examine", "small_network"]

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
    axes.set_ylim(0, 1.05 * max(float(_means_of_ten(each).max()) for each in CASES))
    axes.axhline(math.log(10), color=QUIET, linewidth=1, zorder=0)
    axes.text(1.01, math.log(10), "ln 10", transform=axes.get_yaxis_transform(), va="center", color=QUIET)
    return picture.saying(f"{picture.alt_text} A line at ln 10 = {math.log(10):.2f}: guessing.")


@dataclass(frozen=True, kw_only=True, repr=False)
class Patient(Case):
    """One sick trainer, to be looked at and cured."""

    number: int

    def __repr__(self) -> str:
        return f"Patient {self.number}: {self.complaint}"

    @property
    def hints(self) -> tuple[str, ...]:
        """What to measure, where to look, and what to change."""
        return self.measure, self.look, self.change

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
        findings, healthy = _sick(self.number), _healthy(self.number)
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
        named = self._verdict_on(... if is_unwritten(trainer) else name)
        if named.status == "not attempted":
            return named
        wrong = self._examine(trainer)
        is_named, is_cured = named.status == "correct", wrong is None
        progress.record(self.entry, solved=is_named and is_cured)
        if is_named and is_cured:
            return Verdict("correct", f"{self.fault}, and cured. {self.lesson}")
        if is_named:
            return Verdict("incorrect", f"the name is right, but the trainer is not healthy yet: {wrong}")
        if is_cured:
            return Verdict("incorrect", f"your trainer is healthy, but the name is another. {named.message}")
        return Verdict("incorrect", f"{named.message} And the trainer is not healthy yet.")

    def _verdict_on(self, name: Any) -> Verdict:
        if is_unwritten(name):
            return Verdict("not attempted", f"what ails patient {self.number}? Choose a name from FAULTS.")
        key = str(name).strip().casefold()
        fault = next((each for each in FAULTS if each.casefold() == key), None)
        if fault == self.fault:
            return Verdict("correct", f"{fault}.")
        if fault is None:
            near = difflib.get_close_matches(key, FAULTS, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            return Verdict("incorrect", f"{name!r} is not among FAULTS.{meant}")
        findings = _sick(self.number)
        on_fresh = measure(findings.model, ward()[2]).accuracy
        return Verdict("incorrect", what_refutes(fault, self.fault, findings, on_fresh))

    def _examine(self, trainer: Any) -> str | None:
        """What is still wrong with a trainer, in a sentence; ``None`` if it is healthy."""
        healthy = _healthy(self.number)  # before the clock starts
        watch = Watch(*ward())
        try:
            # Around the threads: one that is left behind must not put back anything.
            with quiet_surroundings():
                with watch.looking_on():
                    findings = within_seconds(_SECONDS, lambda: _learn(trainer))
                wrong = within_seconds(_SECONDS, lambda: watch.still_wrong(findings, healthy))
        except TimeoutError as late:
            wrong = str(late)
        except (Exception, SystemExit) as error:  # news for the learner, not a crash here
            wrong = f"it stopped with {type(error).__name__}: {first_line(error)}"
        return wrong if wrong is None or wrong.endswith((".", "?")) else f"{wrong}."


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
def _healthy(number: int) -> Findings:
    return run(patient(number).cured())


def _means_of_ten(number: int) -> Tensor:
    return torch.tensor(_sick(number).losses)[:120].view(-1, 10).mean(dim=1)


def list_patients() -> list[Patient]:
    """All twelve, in the order of the lesson."""
    return [patient(number) for number in CASES]


def patient(number: int) -> Patient:
    """The patient of that number.

    Raises:
        ValueError: there is none.

    Examples:
        >>> print(patient(9).complaint)
        It learns, I can see the loss going down. It only needs more time. A week, perhaps?
    """
    if number not in CASES:
        raise ValueError(f"there is no patient {number!r}: expected 1 to {len(CASES)}")
    return Patient(number=number, **vars(CASES[number]))
