"""What `Exercise.check` does: run the learner's answer on a few cases and say, calmly, what it sees.

An answer is compared with the reference solution on every case. When it differs, it is compared with the
known wrong answers: the one that gives the same results names the mistake. When none does, the difference
itself is described. Nothing that a learner's code does (raise, return nonsense, change its input, never end)
reaches the learner as a traceback from here: `time_limit` ends it, and `surroundings` puts back what it changed.
"""

from __future__ import annotations

import contextlib
import copy
import dis
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from digitlab.exercises.plain_words import in_plain_words
from digitlab.exercises.relations import relation
from digitlab.exercises.surroundings import quiet_surroundings
from digitlab.exercises.time_limit import within_seconds

Observe = Callable[..., Any]
"""``observe(answer, *inputs)``: what is compared. By default, what the answer returns for the inputs."""


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class NotAttempted(Exception):
    """The answer is still ``...``."""


class Mistake(Exception):
    """The answer is wrong; the message says why, in one paragraph."""


CHANGED_ITS_INPUT = (
    "your code changed its input in place; use operations that return something new, or work on a copy"
)
_FUNCTIONS = types.FunctionType | types.BuiltinFunctionType | types.MethodType
_NOTHING_DONE = {"RESUME", "NOP", "LOAD_CONST", "RETURN_VALUE", "RETURN_CONST"}


def is_unwritten(answer: object) -> bool:
    """Whether an answer is still the starter: ``...`` itself, or a function or class with nothing but ``...`` in it."""
    if isinstance(answer, type):
        members = vars(answer).values()
        return any(is_unwritten(member) for member in members if isinstance(member, types.FunctionType))
    if isinstance(answer, types.FunctionType):
        does_nothing = all(each.opname in _NOTHING_DONE for each in dis.get_instructions(answer))
        return does_nothing and all(each in (None, ..., answer.__doc__) for each in answer.__code__.co_consts)
    return answer is None or answer is ...


def outcome_of(
    answer: object, cases: Sequence[tuple[Any, ...]], observe: Observe, seconds: float = math.inf
) -> list[Any] | Mistake:
    """What the answer gives for each case, or the mistake that kept it from giving anything.

    All cases together may take so many ``seconds``.

    Raises:
        NotAttempted: a ``...`` came out.
    """
    with quiet_surroundings():  # around the thread: one that is left behind must not put back anything later
        try:
            return within_seconds(seconds, lambda: [_run(answer, inputs, observe) for inputs in cases])
        except (Mistake, TimeoutError) as mistake:
            return Mistake(str(mistake))


def _run(answer: object, inputs: tuple[Any, ...], observe: Observe) -> Any:
    given = copy.deepcopy(inputs)
    torch.manual_seed(0)  # an answer that draws random numbers draws the same ones each time
    try:
        result = observe(answer, *given)
        if _holds_ellipsis(result):
            raise NotAttempted
        return result
    except (NotAttempted, Mistake):
        raise
    except BaseException as error:  # whatever a learner's code raises is news for the learner
        raise Mistake(f"your code stopped with {type(error).__name__}: {in_plain_words(error)}") from None


def call(answer: Any, *inputs: Any, within: TorchFunctionMode | None = None) -> Any:
    """The usual observation: what the answer returns. An answer to no inputs stands for itself."""
    if not callable(answer):
        if inputs:
            raise Mistake(
                "this is a result. Hand over the function itself: its name, without brackets behind it"
            )
        return answer
    given = copy.deepcopy(inputs)
    with within or contextlib.nullcontext():
        result = answer(*given)
    if not same(given, inputs, tolerance=0.0):
        raise Mistake(CHANGED_ITS_INPUT)
    return result


class Without(TorchFunctionMode):
    """PyTorch without the functions whose names fit a pattern: they are what the learner is asked to do without."""

    def __init__(self, pattern: str, advice: str) -> None:
        super().__init__()
        self.pattern, self.advice = pattern, advice

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if re.search(self.pattern, name):
            raise Mistake(f"your code calls PyTorch's {name}. {self.advice}")
        return func(*args, **(kwargs or {}))


def call_without(pattern: str, advice: str = "Here you are asked to write it yourself") -> Observe:
    """An observation like `call`, where the answer may not use some of PyTorch's functions."""
    return lambda answer, *inputs: call(answer, *inputs, within=Without(pattern, advice))


def names_used(answer: Any) -> set[str]:
    """The names of functions and modules in a function's lines, those of functions inside it included."""
    code = getattr(answer, "__code__", answer)
    return (
        set(code.co_names).union(*map(names_used, code.co_consts))
        if isinstance(code, types.CodeType)
        else set()
    )


def describe_difference(
    got: Any, expected: Any, inputs: tuple[Any, ...], results: tuple[str, ...] = ()
) -> str:
    """The first difference in words; `results` says what each of several results is."""
    got = _in_kind(got, expected)
    if got is None:
        return "your code returns nothing (None): is the `return` missing?"
    if isinstance(got, _FUNCTIONS) and not callable(expected):
        return f"your code returns {got.__name__} itself, a function: are the brackets behind it missing?"
    if isinstance(expected, tuple | list) and isinstance(got, tuple | list) and len(got) == len(expected):
        first = next(i for i, item in enumerate(expected) if not same(got[i], item))
        difference = describe_difference(got[first], expected[first], inputs)
        return f"{_which(first, len(expected), results)}: {difference}"
    if isinstance(expected, tuple | list):
        alone = [i for i, item in enumerate(expected) if same(got, item)]
        if alone and len(expected) <= len(_COUNTS):
            return f"this is {_which(alone[0], len(expected), results)}, alone: return all of them"
    if isinstance(expected, Tensor):
        return _describe_tensor_difference(got, expected)
    if isinstance(expected, np.ndarray):
        if not isinstance(got, np.ndarray):
            return f"expected a NumPy array of shape {expected.shape}, got {_brief(got)}"
        return _describe_tensor_difference(got, torch.from_numpy(expected))
    if isinstance(expected, bool) or not isinstance(expected, int | float):
        return f"expected {_brief(expected)}, got {_brief(got)}"
    number = _as_number(got)
    if number is None:
        return f"expected a number, got {_brief(got)}"
    if not math.isfinite(number):
        return f"expected a finite number, got {number}"
    return f"expected {expected:.6g}, got {number:.6g}{_for_the_inputs(inputs)}"


def _which(place: int, n: int, results: tuple[str, ...]) -> str:
    """In words: the first of the two results, the new weights."""
    named = f", {results[place]}" if results else ""
    if n > len(_COUNTS):
        return f"number {place + 1} of the {n} results{named}"
    return f"the {_ORDINALS[place]} of the {_COUNTS[n - 1]} results{named}"


def _for_the_inputs(inputs: tuple[Any, ...]) -> str:
    """Which case it was, if that can be said in a few words: all inputs if they are numbers, else the first."""
    if not inputs or isinstance(inputs[0], nn.Module):
        return ""
    if len(inputs) > 1 and all(isinstance(each, int | float) for each in inputs):
        return f" for the inputs {', '.join(map(str, inputs))}"
    return f" for the input {_brief(inputs[0])}"


def _describe_tensor_difference(got: Any, expected: Tensor) -> str:
    got = _as_tensor(got, expected)
    if not isinstance(got, Tensor):
        return f"expected a tensor of shape {tuple(expected.shape)}, got {_brief(got)}"
    if got.shape != expected.shape:
        wanted = str(tuple(expected.shape)) if expected.ndim else "(), a single number"
        is_same_row = got.numel() == expected.numel() and same(got.flatten(), expected.flatten())
        return (
            f"{'the values are right; ' * is_same_row}the shape is {tuple(got.shape)}, but should be {wanted}"
        )
    if got.is_floating_point() != expected.is_floating_point():
        return f"the dtype is {got.dtype}, but should be {expected.dtype}"
    got, expected = _exact(got), _exact(expected)
    if not got.isfinite().all():
        return (
            "some values are infinite or nan: look for a division by zero, log(0), or exp of a large number"
        )
    if expected.ndim == 0:
        return f"expected {float(expected):.6g}, got {float(got):.6g}"
    if known := relation(got, expected):
        return known
    gap = (got - expected).abs()
    position = tuple(int(i) for i in np.unravel_index(int(gap.argmax()), tuple(gap.shape)))
    share = float((gap > 1e-4).double().mean())
    return (
        f"the shape is right, but {share:.0%} of the values differ; the largest difference is at position {position}: "
        f"{float(got[position]):.5g} instead of {float(expected[position]):.5g}"
    )


def same(got: Any, expected: Any, tolerance: float = 1e-4) -> bool:
    """Equal in kind, shape and value, up to rounding."""
    got = _in_kind(got, expected)
    if isinstance(got, Mistake) or isinstance(expected, Mistake):
        return type(got) is type(expected) and str(got) == str(expected)
    if isinstance(expected, Tensor):
        got = _as_tensor(got, expected)
        if not isinstance(got, Tensor) or got.shape != expected.shape:
            return False
        if got.is_floating_point() != expected.is_floating_point():
            return False
        return torch.allclose(_exact(got), _exact(expected), rtol=tolerance, atol=tolerance, equal_nan=True)
    if isinstance(expected, bool | str) or expected is None:
        return type(got) is type(expected) and got == expected
    if isinstance(expected, int | float):
        number = _as_number(got)
        return number is not None and math.isclose(number, expected, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(expected, np.ndarray):
        is_alike = isinstance(got, np.ndarray) and got.shape == expected.shape
        return is_alike and bool(np.allclose(got, expected, tolerance, tolerance, equal_nan=True))
    if isinstance(expected, nn.Module):
        return isinstance(got, nn.Module) and same(got.state_dict(), expected.state_dict(), tolerance)
    if isinstance(expected, Mapping):
        is_alike = isinstance(got, Mapping) and got.keys() == expected.keys()
        return is_alike and all(same(got[key], expected[key], tolerance) for key in expected)
    if isinstance(expected, tuple | list):
        is_alike = isinstance(got, tuple | list) and len(got) == len(expected)
        return is_alike and all(same(one, other, tolerance) for one, other in zip(got, expected, strict=True))
    return callable(expected) or type(got) is type(expected)


def _exact(tensor: Tensor) -> Tensor:
    """On the CPU first: an answer may come from any device, and Apple's has no float64."""
    return tensor.detach().cpu().double()


def _as_tensor(value: Any, expected: Tensor) -> Any:
    """An array, a list of numbers, or a number where one is expected: as good as a tensor. Anything else as it is."""
    try:
        if expected.ndim == 0 and not isinstance(value, Tensor):
            number = _as_number(value)
            fits = number is not None and (expected.is_floating_point() or number.is_integer())
            return torch.tensor(number, dtype=expected.dtype) if fits else value
        if isinstance(value, np.ndarray):
            return torch.from_numpy(value.copy())
        if type(value) in (list, tuple) and value:
            parts = [_as_tensor(part, expected[0]) for part in value]
            is_tensors = all(isinstance(part, Tensor) for part in parts)
            return torch.stack(parts) if is_tensors else torch.tensor(parts)
    except (TypeError, ValueError, RuntimeError, IndexError, OverflowError):
        pass  # not numbers, or rows of different lengths: described as what it is
    return value


def _in_kind(got: Any, expected: Any) -> Any:
    """NumPy's or torch's single truth value as a bool, and a row of their numbers as a list, where that is expected."""
    if isinstance(got, Tensor | np.ndarray | np.generic):
        if isinstance(expected, bool) and got.ndim == 0 and got.dtype in (torch.bool, np.bool_):
            return bool(got)
        if isinstance(expected, tuple | list) and got.ndim == 1:
            return got.tolist()
    return got


def _as_number(value: Any) -> float | None:
    if isinstance(value, Tensor | np.ndarray | np.generic):
        size = value.numel() if isinstance(value, Tensor) else value.size
        value = value.item() if size == 1 else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _holds_ellipsis(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return any(_holds_ellipsis(item) for item in value)
    return value is Ellipsis


def _brief(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}" if value.numel() > 12 else f"tensor {value.tolist()}"
    if isinstance(value, nn.Module) or (isinstance(value, tuple | list) and value):
        # Not the content: it may be long, and where it is the reference's, it would be the answer.
        return f"a {type(value).__name__}" + ("" if isinstance(value, nn.Module) else f" of {len(value)}")
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
