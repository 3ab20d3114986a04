"""Checking a call: the signature says the shape, and a wrong call is told in one line.

``Float[Tensor, "N 10"]`` is jaxtyping's: N rows of ten floating-point numbers, N the same wherever it stands.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import math
import re
import reprlib
from collections.abc import Callable, Iterable
from numbers import Number
from typing import Any, TypeVar, cast

from beartype import BeartypeConf, beartype
from jaxtyping import TypeCheckError, jaxtyped

_Callable = TypeVar("_Callable", bound=Callable[..., Any])
# With the numeric tower of PEP 484 a whole number will do where a float is asked for.
_typechecker = beartype(conf=BeartypeConf(is_pep484_tower=True))
_COMPLAINT = re.compile(r"parameter '(\w+)'.*?Expected type: (?:<class ')?(.*?)(?:'>)?\.\n", flags=re.DOTALL)


class ArgumentError(TypeError, ValueError):
    """An argument is not what the signature says. The message names it, what was expected and what came."""


def checked(function: _Callable) -> _Callable:
    """Decorator: compare the arguments of each call with the signature, for a function or a dataclass.

    A wrong one is an `ArgumentError` such as ``number: expected float, got 'two'``.
    """
    known: Any = jaxtyped(function, typechecker=_typechecker)
    if isinstance(function, type):
        known.__init__ = _in_one_line(known.__init__)
        return cast(_Callable, known)
    return cast(_Callable, _in_one_line(known))


def _in_one_line(function: _Callable) -> _Callable:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any(getattr(value, "is_meta", False) for value in (*args, *kwargs.values())):
            raise ArgumentError(f"{function.__qualname__}: expected numbers, got a tensor on device 'meta'")
        try:
            return function(*args, **kwargs)
        except TypeCheckError as error:
            text = str(error)
        found = _COMPLAINT.search(text)
        if found is None:
            raise ArgumentError(" ".join(text.split()))
        value = inspect.signature(function).bind(*args, **kwargs).arguments[found[1]]
        wanted = re.sub(r"[\w.]+\.(?=\w)", "", found[2])  # names without their modules
        sizes = re.findall(r"^(\w+)=(\d+)$", text, flags=re.M)
        known = [f"{axis} = {size}" for axis, size in sizes if re.search(rf"'.*\b{axis}\b.*'", wanted)]
        wanted += f" with {', '.join(known)}" if known else ""
        raise ArgumentError(f"{found[1]}: expected {wanted}, got {described(value)}")

    return cast(_Callable, call)


def check_range(name: str, value: float, low: float, high: float = math.inf) -> None:
    """Refuse a number that is not from ``low`` to ``high``: ``dropout: expected 0 to 1, got nan``."""
    if not (low <= value <= high and abs(value) < math.inf):
        limits = f"{low} to {high}" if high < math.inf else f"{low} or more"
        expected = limits if low > -math.inf else "a finite number"
        raise ValueError(f"{name}: expected {expected}, got {described(value)}")


def check_choice(name: str, value: object, known: Iterable[str]) -> None:
    """Refuse what is not one of the known names: ``unknown model 'lenet': did you mean 'lenet5'?``."""
    known = list(known)
    if value not in known:
        near = difflib.get_close_matches(str(value), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(known)}"
        raise ValueError(f"unknown {name} {described(value)}: {hint}")


def described(value: object) -> str:
    """A value in a few words: an array or tensor by its dtype and shape, anything else by a short ``repr``."""
    if not isinstance(value, type | Number) and hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype} {tuple(value.shape)}"
    text = " ".join(reprlib.repr(value).split())
    return text if len(text) <= 60 else f"{text[:59]}…"
