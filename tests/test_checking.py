"""A check ends, whatever the answer does, and leaves the notebook as it was."""

import _thread
import contextlib
import io
import math
import random
import sys
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch

from digitlab import exercises
from digitlab.exercises import Exercise, Verdict, WrongAnswer, checking, time_limit
from digitlab.exercises.surroundings import quiet_surroundings

# A thread that is struck once more while it is ending dies of a SystemExit. Python is silent about that, pytest is not.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")


Patch = pytest.MonkeyPatch


@pytest.fixture
def little_time(monkeypatch: Patch) -> None:
    monkeypatch.setattr(exercises, "_SECONDS", 0.2)


def small_exercise(reference: Callable[..., Any], *wrong: WrongAnswer) -> Exercise:
    words = ("99.1", "small", "answer", 1, "easy", "...")
    return Exercise(*words, reference, "well done", ("think",), wrong, lambda: [(torch.ones(3),)])


def double(numbers: torch.Tensor) -> torch.Tensor:
    return 2 * numbers


def threads_left_behind() -> list[threading.Thread]:
    """Those that do not end by themselves within a second."""
    threads = [thread for thread in threading.enumerate() if thread.name == "a learner's answer"]
    for thread in threads:
        thread.join(1)
    return [thread for thread in threads if thread.is_alive()]


def loops(_: Any) -> None:
    while True:
        pass


def catches_errors(_: Any) -> None:
    while True:
        with contextlib.suppress(Exception):
            loops(_)


def catches_everything_three_times(_: Any) -> None:
    for _attempt in range(3):
        with contextlib.suppress(BaseException):
            loops(_)
    loops(_)


def is_right_once_it_is_struck(numbers: torch.Tensor) -> torch.Tensor:
    with contextlib.suppress(BaseException):
        loops(numbers)
    return 2 * numbers


ENDLESS = [loops, catches_errors, catches_everything_three_times, is_right_once_it_is_struck]


@pytest.mark.parametrize("answer", ENDLESS)
@pytest.mark.usefixtures("little_time")
def test_an_answer_without_an_end_is_told_to_look_for_the_loop(answer: Callable[..., Any]) -> None:
    message = "your code had not finished after 0.2 seconds: is there a loop that never ends?"
    assert small_exercise(double).check(answer) == Verdict("incorrect", message)
    with ThreadPoolExecutor() as others:
        assert others.submit(small_exercise(double).check, answer).result().message == message, (
            "in any thread"
        )
    assert not threads_left_behind()


def test_the_limit_is_for_all_cases_together_and_not_for_the_reference(monkeypatch: Patch) -> None:
    outcome = checking.outcome_of(lambda _: time.sleep(0.1), [(1,)] * 5, checking.call, 0.2)
    assert isinstance(outcome, checking.Mistake)
    monkeypatch.setattr(exercises, "_SECONDS", -1)
    wrong = WrongAnswer(lambda x: x, "not doubled")
    assert "had not finished" in small_exercise(double, wrong).check(loops).message


@pytest.mark.usefixtures("little_time")
def test_one_endless_call_is_left_behind_and_does_no_harm_later(monkeypatch: Patch) -> None:
    monkeypatch.setattr(time_limit, "_INSIST_STEPS", 2)
    released = threading.Event()
    verdict = small_exercise(double).check(lambda _: released.wait())
    assert verdict.status == "incorrect" and "restart the kernel" in verdict.message
    torch.manual_seed(99)
    state = torch.get_rng_state()
    released.set()
    assert not threads_left_behind()
    assert torch.equal(torch.get_rng_state(), state), "it put back what it had found before"


def test_the_keyboard_interrupts_an_answer() -> None:
    def interrupted(_: Any) -> None:
        _thread.interrupt_main()
        loops(_)

    with pytest.raises(KeyboardInterrupt):
        small_exercise(double).check(interrupted)
    assert not threads_left_behind()


def test_an_answer_that_ends_at_the_last_instant_never_breaks_the_notebook() -> None:
    generator = random.Random(0)
    for _ in range(200):
        seconds = generator.uniform(0, 0.002)
        outcome = checking.outcome_of(double, [(torch.ones(3),)], checking.call, seconds)
        assert isinstance(outcome, checking.Mistake) or torch.equal(outcome[0], torch.full((3,), 2.0))
    assert not threads_left_behind()


def calls_itself(numbers: torch.Tensor) -> Any:
    return calls_itself(numbers)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (KeyboardInterrupt("so be it"), "KeyboardInterrupt: so be it"),
        (SystemExit(3), "SystemExit: 3"),
        (TimeoutError("two\nlines"), "TimeoutError: two"),
        (MemoryError(), "MemoryError: no message"),
        (type("Unspeakable", (Exception,), {"__str__": None}), "Unspeakable: no message"),
        (calls_itself, "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_whatever_an_answer_raises_it_is_told_so(error: Any, said: str) -> None:
    message = small_exercise(double).check(mock.Mock(side_effect=error)).message
    assert message.startswith(f"your code stopped with {said}") and "\n" not in message


LINEAR = torch.nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("stumble", "meaning"),
    [
        (lambda: len(LINEAR.parameters()), "go through it with `for`"),  # type: ignore[arg-type]
        (lambda: LINEAR.parameters()[0], "go through it with `for`"),  # type: ignore[index]
        (lambda: LINEAR.parameters().numel(), "go through it with `for`"),  # type: ignore[attr-defined]
        (lambda: torch.eye(3).max(1).max(0), ".values or .indices"),  # type: ignore[attr-defined]
        (lambda: torch.zeros(1, 1, 2, 2).max(dim=(2, 3)), "amax takes several"),  # type: ignore[call-overload]
        (lambda: max(torch.eye(3)), "need a single one"),
        (lambda: torch.eye(3)[8], "begin at 0"),
        (lambda: torch.ones(3).shape[1], "begin at 0"),
        (lambda: math.exp(1000), "up to 709"),
        (lambda: torch.eye(3) @ torch.eye(2), "print both shapes"),
        (lambda: torch.ones(3) + torch.ones(2), "do not fit"),
        (lambda: torch.nn.functional.relu(torch.nn.ReLU()), "made first and then called"),  # type: ignore[arg-type]
        (lambda: (torch.eye(2) > 0) - (torch.eye(2) > 0), "where a alone is"),
        (lambda: (torch.eye(2) > 0).mean(), ".float() comes first"),
        (lambda: torch.ones(3)[torch.ones(3).sort()], ".values or .indices"),  # type: ignore[index]
        (lambda: [1, 2] / 2, "torch.tensor(...)"),  # type: ignore[operator]
        (lambda: [].dataset, "a plain list"),  # type: ignore[attr-defined]
        (lambda: setattr(LINEAR.weight, "grad", 0), "model.zero_grad()"),
    ],
)
def test_a_common_error_is_also_told_in_plain_words(stumble: Callable[[], Any], meaning: str) -> None:
    said = small_exercise(double).check(lambda _: stumble()).message
    assert said.startswith("your code stopped with") and meaning in said, said


class Untouchable:
    def __repr__(self) -> str:
        raise RuntimeError

    __eq__ = __hash__ = __repr__  # type: ignore[assignment]


IN_ITSELF: list[Any] = []
IN_ITSELF.append(IN_ITSELF)
WITHOUT_NUMBERS = [torch.eye(3).to_sparse(), torch.zeros(3, device="meta"), np.array(["one"]), np.array(None)]


@pytest.mark.parametrize("reference", [double, lambda x: 3.0, lambda x: [1, 2], lambda x: "text"])
@pytest.mark.parametrize("value", [*WITHOUT_NUMBERS, torch.tensor(1j), 10**400, Untouchable(), IN_ITSELF])
def test_a_value_that_cannot_be_compared_is_incorrect(value: Any, reference: Callable[..., Any]) -> None:
    verdict = small_exercise(reference).check(lambda _: value)
    assert verdict.status == "incorrect"
    assert 10 < len(verdict.message) < 300


def test_a_single_number_may_come_in_an_array() -> None:
    assert small_exercise(lambda _: 3.0).check(lambda _: np.array([[3.0]])).status == "correct"
    assert small_exercise(lambda _: 3.0).check(lambda _: np.array([[4.0]])).status == "incorrect"


CUDNN = torch.backends.cudnn
SURROUNDINGS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "random": (random.getstate, random.random),
    "NumPy's random": (lambda: np.random.get_state()[1].tolist(), np.random.rand),  # type: ignore[index]
    "torch's random": (lambda: torch.get_rng_state().tolist(), lambda: torch.rand(1)),
    "default dtype": (torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float64)),
    "default device": (torch.get_default_device, lambda: torch.set_default_device("meta")),
    "gradients": (torch.is_grad_enabled, lambda: torch.set_grad_enabled(False)),
    "threads": (torch.get_num_threads, lambda: torch.set_num_threads(torch.get_num_threads() + 1)),
    "deterministic": (torch.get_deterministic_debug_mode, lambda: torch.use_deterministic_algorithms(True)),
    "cuDNN's order": (lambda: CUDNN.deterministic, lambda: setattr(CUDNN, "deterministic", True)),
    "cuDNN's trials": (lambda: CUDNN.benchmark, lambda: setattr(CUDNN, "benchmark", True)),
    "anomalies": (torch.is_anomaly_enabled, lambda: torch.autograd.set_detect_anomaly(True)),
    "NumPy's errors": (np.geterr, lambda: np.seterr(all="raise")),
    "warnings": (lambda: list(warnings.filters), lambda: warnings.simplefilter("ignore")),
    "recursion": (sys.getrecursionlimit, lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 1)),
    "output": (lambda: sys.stdout, lambda: setattr(sys, "stdout", io.StringIO())),
    "errors' output": (lambda: sys.stderr, lambda: setattr(sys, "stderr", io.StringIO())),
}


def changes_everything(_: Any = None) -> Any:
    for name, (read, change) in SURROUNDINGS.items():
        before = read()
        change()
        assert read() != before, f"the test does not change {name}"


def test_a_check_puts_everything_back_however_the_answer_ends(monkeypatch: Patch) -> None:
    before = {name: read() for name, (read, _) in SURROUNDINGS.items()}
    assert "returns nothing" in small_exercise(double).check(changes_everything).message
    assert {name: read() for name, (read, _) in SURROUNDINGS.items()} == before
    monkeypatch.setattr(exercises, "_SECONDS", 0.2)
    endless = small_exercise(double).check(lambda _: loops(changes_everything()))
    assert "had not finished" in endless.message
    assert {name: read() for name, (read, _) in SURROUNDINGS.items()} == before


@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad])
def test_a_check_starts_from_pytorchs_own_settings_and_what_the_notebook_has_set_stays(mode: type) -> None:
    def twice_the_ones(_: Any) -> torch.Tensor:
        numbers = torch.ones(3, requires_grad=True)
        (gradient,) = torch.autograd.grad((2 * numbers).sum(), numbers)
        assert (gradient.dtype, gradient.device.type) == (torch.float32, "cpu")
        return gradient

    try:
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        with mode():
            with quiet_surroundings():  # here, too, where no thread begins anew
                assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
            verdict = small_exercise(double).check(twice_the_ones)
            after = torch.get_default_dtype(), torch.get_default_device().type, torch.is_grad_enabled()
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert verdict.status == "correct", verdict
    assert after == (torch.float64, "meta", False)


def test_a_wrong_answer_is_recognised_whatever_it_has_set() -> None:
    def bits(_: Any) -> int:
        return int(torch.finfo(torch.get_default_dtype()).bits)

    def twice_the_bits_and_float64(_: Any) -> int:
        twice = 2 * bits(_)
        torch.set_default_dtype(torch.float64)
        return twice

    each = small_exercise(bits, WrongAnswer(lambda _: 2 * bits(_), "that is twice as many"))
    assert each.check(twice_the_bits_and_float64).message == "that is twice as many"


@pytest.mark.parametrize("in_use", [True, False])
def test_random_states_of_gpus_are_put_back(monkeypatch: Patch, in_use: bool) -> None:
    put_back: list[Any] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: in_use)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", put_back.append)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: in_use)
    for module, name in ((torch.mps, "rng_state"), (torch.cuda, "rng_state_all")):
        monkeypatch.setattr(module, f"get_{name}", lambda module=module: module.__name__)
        monkeypatch.setattr(module, f"set_{name}", put_back.append)
    torch.default_generator.manual_seed(1234)  # with which CUDA would start
    with quiet_surroundings():
        torch.default_generator.manual_seed(5)
    assert put_back == (["torch.cuda", "torch.mps"] if in_use else [1234])
