"""Checking a call: the signature says the shape, and a wrong call is told in one line.

``@checked`` compares the arguments with the signature, whose shapes are written as jaxtyping does:
``Float[Tensor, "N 10"]`` is a tensor of N rows of ten floating-point numbers, and N is the same wherever it stands.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import os
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Integral, Number, Real
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, cast

from beartype import BeartypeConf, beartype
from jaxtyping import TypeCheckError, jaxtyped

_Callable = TypeVar("_Callable", bound=Callable[..., Any])
# With the numeric tower of PEP 484 a whole number will do where a float is asked for.
_typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))


class ArgumentError(TypeError, ValueError):
    """An argument is not what the signature says. The message names it, what was expected and what came."""


def checked(function: _Callable) -> _Callable:
    """Decorator: compare the arguments of each call with the signature, for a function or a dataclass.

    Examples:
        >>> @checked
        ... def double(number: float) -> float:
        ...     return 2 * number
        >>> double("two")
        Traceback (most recent call last):
        digitlab.checks.ArgumentError: number: expected float, got 'two'
    """
    if isinstance(function, type):
        jaxtyped(function, typechecker=_typechecker)
        function.__init__ = _in_one_line(function.__init__)
        return function
    return _in_one_line(jaxtyped(function, typechecker=_typechecker))


def _in_one_line(function: _Callable) -> _Callable:
    """The same function, whose complaint is one line instead of jaxtyping's ten."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except TypeCheckError as error:
            text = str(error)
        name = re.search(r"parameter '(\w+)'", text)
        expected = re.search(r"Expected type: (?:<class '(.*)'>|(.*))\.", text)
        if name is None or expected is None:
            raise ArgumentError(" ".join(text.split()))
        value = inspect.signature(function).bind(*args, **kwargs).arguments[name[1]]
        wanted = re.sub(r"[\w.]+\.(?=\w)", "", expected[1] or expected[2])  # names without their modules
        known = [f"{axis} = {size}" for axis, size in re.findall(r"^(\w+)=(\d+)$", text, flags=re.M)]
        where = [each for each in known if re.search(rf"'.*\b{each.split()[0]}\b.*'", wanted)]
        wanted += f" with {', '.join(where)}" if where else ""
        raise ArgumentError(f"{name[1]}: expected {wanted}, got {described(value)}")

    return call


def check_range(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Refuse a number that is not from ``low`` to ``high``, or not a number at all.

    Examples:
        >>> check_range("dropout", math.nan, 0, 1)
        Traceback (most recent call last):
        ValueError: dropout: expected 0 to 1, got nan
    """
    if not (low <= value <= high):
        raise ValueError(f"{name}: expected {_limits(low, high)}, got {described(value)}")


# --- to go

Kinds = type | UnionType | tuple[type, ...]
Shape = Sequence[int | str]
"""Sizes; a letter is any size, the same wherever it stands: ``("N", 28, 28)``, ``("C", "C")``."""


def described(value: object) -> str:
    """A value in a few words: an array or tensor by its dtype and shape, anything else by a short ``repr``.

    Examples:
        >>> import torch
        >>> described(torch.zeros(3, 28, 28)), described("cnn"), described(list(range(1000)))
        ('torch.float32 (3, 28, 28)', "'cnn'", '[0, 1, 2, 3, 4, 5, ...]')
    """
    if not isinstance(value, type | Number) and hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype} {tuple(value.shape)}"
    text = " ".join(reprlib.repr(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def expect(condition: bool, name: str, expected: str, got: object) -> None:
    """Unless ``condition`` holds, raise a `ValueError`: which argument, what it should be, what it was.

    Examples:
        >>> expect(2 > 3, "epochs", "3 or more", 2)
        Traceback (most recent call last):
        ValueError: epochs: expected 3 or more, got 2
    """
    if not condition:
        raise ValueError(f"{name}: expected {expected}, got {got}")


def check_kind(name: str, value: object, kinds: Kinds, expected: str) -> None:
    """Refuse what is not an instance of ``kinds``; ``expected`` says in words what those are.

    Examples:
        >>> check_kind("title", 3, str | None, "text or None")
        Traceback (most recent call last):
        TypeError: title: expected text or None, got int 3
    """
    if not isinstance(value, kinds):
        raise _wrong_kind(name, value, expected)


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither ``True`` nor ``False``: the text ``"no"`` would count as true.

    Examples:
        >>> check_flag("force", "no")
        Traceback (most recent call last):
        TypeError: force: expected True or False, got str 'no'
    """
    check_kind(name, value, bool, "True or False")


def check_whole_number(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> None:
    """Refuse what is not a whole number from ``low`` to ``high``. NumPy's are welcome; ``True`` is none.

    Examples:
        >>> check_whole_number("k", 11, 1, 10)
        Traceback (most recent call last):
        ValueError: k: expected 1 to 10, got 11
    """
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole:
        raise _wrong_kind(name, value, "a whole number")
    expect(low <= value <= high, name, _limits(low, high), described(value))


def check_number(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> None:
    """Refuse what is not a finite number from ``low`` to ``high``.

    Examples:
        >>> check_number("dropout", math.nan, 0, 1)
        Traceback (most recent call last):
        ValueError: dropout: expected 0 to 1, got nan
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number:
        raise _wrong_kind(name, value, "a number")
    fits = abs(value) < math.inf and low <= value <= high  # not true of NaN either
    expect(fits, name, _limits(low, high), described(value))


def check_each(name: str, values: object, n: int, check: Callable[..., None], *limits: float) -> None:
    """Refuse what is not a tuple (or list) of ``n`` values that pass ``check``.

    Examples:
        >>> check_each("betas", (0.9, 0.999), 2, check_number, 0, 1)
        >>> check_each("betas", (0.9,), 2, check_number, 0, 1)
        Traceback (most recent call last):
        ValueError: betas: expected 2 numbers, got (0.9,)
    """
    if not isinstance(values, tuple | list):
        raise _wrong_kind(name, values, f"{n} numbers")
    expect(len(values) == n, name, f"{n} numbers", described(values))
    for value in values:
        check(name, value, *limits)


def check_choice(name: str, value: object, known: Iterable[str]) -> None:
    """Refuse what is not one of the known names; the message gives the nearest one.

    Examples:
        >>> check_choice("model", "lenet", ["cnn", "lenet5"])
        Traceback (most recent call last):
        ValueError: unknown model 'lenet': did you mean 'lenet5'?
    """
    if not isinstance(value, str):
        raise _wrong_kind(name, value, "a name")
    known = list(known)
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"
        raise ValueError(f"unknown {name} {described(value)}: {hint}")


def check_named(name: str, value: object, expected: str) -> None:
    """Refuse what is not a mapping from text, such as ``{"saliency": heat}``.

    Examples:
        >>> check_named("heats", {1: [0.5]}, "names to maps")
        Traceback (most recent call last):
        TypeError: heats: expected names to maps, got int 1 as a name
    """
    check_kind(name, value, Mapping, expected)
    for key in cast(Mapping[Any, Any], value):
        if not isinstance(key, str):
            raise TypeError(f"{_wrong_kind(name, key, expected)} as a name")


def check_tensor(name: str, value: object, shape: Shape, dtype: str) -> None:
    """Refuse what is not a tensor of that shape and dtype (``"floating point"`` is any such).

    Examples:
        >>> import torch
        >>> check_tensor("matrix", torch.zeros(2, 3, dtype=torch.int64), ("C", "C"), "int64")
        Traceback (most recent call last):
        ValueError: matrix: expected int64 (C, C), got torch.int64 (2, 3)
    """
    from torch import Tensor

    if not isinstance(value, Tensor):
        raise _wrong_kind(name, value, f"a tensor, {in_words(dtype, shape)}")
    is_kind = value.is_floating_point() if dtype == "floating point" else str(value.dtype) == f"torch.{dtype}"
    if not (is_kind and has_shape(value.shape, shape)):
        raise ValueError(f"{name}: expected {in_words(dtype, shape)}, got {described(value)}")


def as_path(name: str, value: Any) -> Path:
    """The path, of text or a `Path`; neither empty nor with a zero byte, which no file's name can have.

    Examples:
        >>> as_path("folder", "runs").name
        'runs'
        >>> as_path("folder", "")
        Traceback (most recent call last):
        ValueError: folder: expected a path, got ''
    """
    check_kind(name, value, (str, Path), "a path")
    text = os.fspath(value)
    expect(text != "" and "\0" not in text, name, "a path", described(text))
    return Path(text)


def has_shape(sizes: Iterable[int], shape: Shape) -> bool:
    """Whether the sizes are as the shape wants them.

    Examples:
        >>> has_shape((3, 28, 28), ("N", 28, 28)), has_shape((2, 3), ("C", "C"))
        (True, False)
    """
    sizes = tuple(sizes)
    letters: dict[str, int] = {}
    return len(sizes) == len(shape) and all(
        size == (letters.setdefault(wanted, size) if isinstance(wanted, str) else wanted)
        for size, wanted in zip(sizes, shape, strict=True)
    )


def in_words(dtype: str, shape: Shape) -> str:
    """How a dtype and a shape are written.

    Examples:
        >>> in_words("uint8", ("N", 28, 28)), in_words("int64", ("N",))
        ('uint8 (N, 28, 28)', 'int64 (N,)')
    """
    sizes = ", ".join(map(str, shape))
    return f"{dtype} ({sizes},)" if len(shape) == 1 else f"{dtype} ({sizes})"


def _limits(low: float, high: float) -> str:
    if high < math.inf:
        return f"{low} to {high}"
    return f"{low} or more" if low > -math.inf else "a finite number"


def _wrong_kind(name: str, value: Any, expected: str) -> TypeError:
    kind = "" if value is None else f"{type(value).__name__} "
    return TypeError(f"{name}: expected {expected}, got {kind}{described(value)}")
