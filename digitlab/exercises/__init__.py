"""Exercises that teach back.

    from digitlab.exercises import exercise

    ex = exercise("05.2")
    ex.check(my_conv2d)      # correct | incorrect, with the likely cause | not attempted (the answer is still `...`)
    ex.hint()                # one more each time
    ex.solution()            # the reference

Each lesson's exercises are in a file of their own, ``lesson_01.py`` and so on: data and small functions, no mechanism.
How an answer is compared is in ``checking.py``; ``time_limit.py`` ends one that does not end; ``progress.py`` keeps
what the learner has solved.
"""

from __future__ import annotations
import __future__

import difflib
import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from digitlab.checks import checked
from digitlab.exercises import checking, progress
from digitlab.exercises.checking import Mistake, NotAttempted, outcome_of, same
from digitlab.exercises.relations import relation
from digitlab.exercises.surroundings import quiet_surroundings

__all__ = ["Edit", "Exercise", "Text", "Verdict", "WrongAnswer", "edit", "exercise", "list_exercises"]

# For a learner's answer. The slowest of the known ones needs 0.2 seconds, all its cases together, on two busy cores.
_SECONDS = 10.0


class Text(str):
    """Text that a notebook shows as it is, without quotes and escapes."""

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a check found: a ``status`` and, for the learner, a ``message`` of one paragraph."""

    status: Literal["correct", "incorrect", "not attempted"]
    message: str

    def __repr__(self) -> str:
        return textwrap.fill(f"{self.status.capitalize()}: {self.message}", 88)


def edited(source: str, *texts: str) -> str:
    """The source with texts replaced one after the other, ``old, new, old, new``; each old one stands in it once."""
    for old, new in zip(texts[::2], texts[1::2], strict=True):
        if source.count(old) != 1:
            raise ValueError(f"{old!r} stands {source.count(old)} times in the source, not once: {source}")
        source = source.replace(old, new)
    return source


@dataclass(frozen=True)
class Edit:
    """A wrong answer that differs from the reference in a line or two of its text, and what is said to it."""

    texts: tuple[str, ...]
    diagnosis: str

    def apply(self, reference: Any) -> Any:
        """The reference, a function or a class, with its source `edited`."""
        source = edited(textwrap.dedent(inspect.getsource(reference)), *self.texts)
        names = dict(vars(sys.modules[reference.__module__]))
        exec(compile(source, "<edited>", "exec", __future__.annotations.compiler_flag), names)
        return names[reference.__name__]


def edit(*texts: str) -> Edit:
    """``edit(old, new, diagnosis)``; more pairs of old and new are replaced one after the other."""
    return Edit(texts[:-1], texts[-1])


@dataclass(frozen=True)
class WrongAnswer:
    """A wrong answer that is no edit, a value or a function of another kind, and what is said to it."""

    answer: Any
    diagnosis: str

    def apply(self, _reference: Any) -> Any:
        """The answer itself."""
        return self.answer


@dataclass(repr=False)
class Exercise:
    """One exercise.

    Attributes:
        number: lesson and place, as in ``"04.2"``.
        name: what the learner's cell defines; the solution has the same name.
        minutes: for a learner who knows the lesson so far.
        starter: the learner's cell, with ``...`` where the answer goes.
        answer: the reference: a function, a class, or a value.
        praise: what to say to a correct answer: one thing worth knowing next.
        hints: two or more, each giving away a little more.
        wrong: answers that learners give, two or more, each with what a good teacher would say.
        cases: gives the inputs to try, a tuple each; made anew for each check.
        observe: ``observe(answer, *inputs)``: what is compared with the reference; by default what it returns.
        results: what each of several results is, for a message such as "the first of the two results, the loss".
        code: the reference as text, where it is not the source of ``answer``.
    """

    number: str
    title: str
    name: str
    minutes: int
    difficulty: Literal["easy", "medium", "hard"]
    starter: str
    answer: Any
    praise: str
    hints: tuple[str, ...]
    wrong: tuple[Edit | WrongAnswer, ...]
    cases: Callable[[], list[tuple[Any, ...]]] = lambda: [()]
    observe: checking.Observe = checking.call
    results: tuple[str, ...] = ()
    code: str | None = None
    _hints_given: int = 0
    _known: list[tuple[list[Any] | Mistake, str]] = field(default_factory=list)

    def __repr__(self) -> str:
        about = f"Exercise {self.number}: {self.title} ({self.minutes} minutes, {self.difficulty})."
        return f"{about} Write {self.name}, then check({self.name}); hint() helps."

    def check(self, answer: Any) -> Verdict:
        """Compare an answer with the reference.

        Never raises for a wrong answer, waits at most 10 seconds for it, and puts back what it changed unseen.
        """
        with quiet_surroundings():
            verdict = self._judge(answer)
        if verdict.status != "not attempted":
            progress.record(self.number, solved=verdict.status == "correct")
        return verdict

    def hint(self) -> Text:
        """The next hint; after the last one, the last one again."""
        self._hints_given = number = min(self._hints_given + 1, len(self.hints))
        progress.record(self.number, hints=number)
        return Text(textwrap.fill(f"Hint {number} of {len(self.hints)}: {self.hints[number - 1]}", 88))

    def solution(self) -> Text:
        """The reference as code."""
        progress.record(self.number, looked=True)
        return Text(self.code or textwrap.dedent(inspect.getsource(self.answer)))

    def _judge(self, answer: Any) -> Verdict:
        if checking.is_unwritten(answer):
            return Verdict("not attempted", f"replace the ... in {self.name} and run the cell again.")
        try:
            cases = self.cases()
            expected = outcome_of(self.answer, cases, self.observe)
            if isinstance(expected, Mistake):
                raise expected  # a fault of the exercise, not of the learner's
            got = outcome_of(answer, cases, self.observe, _SECONDS)
        except NotAttempted:
            return Verdict("not attempted", f"there is still a ... in {self.name}.")
        try:
            if same(got, expected):
                return Verdict("correct", self.praise)
            return Verdict("incorrect", self._diagnosis(got, expected, cases))
        except Exception:  # a learner's object may fail at being looked at, or have no numbers to read
            return Verdict("incorrect", "the result cannot be compared: it is of another kind than asked for")

    def _diagnosis(self, got: list[Any] | Mistake, expected: list[Any], cases: list[tuple[Any, ...]]) -> str:
        if not self._known:  # what the known wrong answers give: the same each time
            for each in self.wrong:
                outcome = outcome_of(each.apply(self.answer), cases, self.observe)
                self._known.append((outcome, each.diagnosis))
        for outcome, diagnosis in self._known:
            if same(got, outcome):
                return diagnosis
        if isinstance(got, Mistake):
            return str(got)
        first = next(i for i, result in enumerate(expected) if not same(got[i], result))
        is_constant = len(got) > 1 and all(same(each, got[0]) for each in got[1:])
        if not is_constant:  # a mistake together with another: the first case that differs may still show it
            for outcome, diagnosis in self._known:
                is_as_far = not isinstance(outcome, Mistake) and same(got[: first + 1], outcome[: first + 1])
                if is_as_far:
                    return diagnosis
        return relation(got, expected) or checking.describe_difference(
            got[first], expected[first], cases[first], self.results
        )


def list_exercises() -> list[Exercise]:
    """All exercises, in the order of the course."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("lesson_*.py"))
    return [each for name in names for each in import_module(f"{__name__}.{name}").EXERCISES]


@checked
def exercise(number: str) -> Exercise:
    """The exercise of that number.

    Raises:
        ValueError: there is none; the message gives the nearest ones.

    Examples:
        >>> exercise("02.1").check(...)
        Not attempted: replace the ... in softmax and run the cell again.
    """
    exercises = {each.number: each for each in list_exercises()}
    if number not in exercises:
        near = difflib.get_close_matches(str(number), exercises, n=3) or list(exercises)[:3]
        raise ValueError(f"there is no exercise {number!r}; did you mean {' or '.join(near)}?")
    return exercises[number]
