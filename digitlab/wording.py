"""How numbers are put into words: in alt texts, titles, reports and error messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def counted(n: int, noun: str) -> str:
    """The number with its noun: ``1 digit``, ``2,000 digits``."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def percent(share: float, decimals: int = 1) -> str:
    """A share 0..1 as a percentage. Never rounds to all or nothing what is neither: ``> 99.9 %``."""
    if share in (0.0, 1.0):
        return f"{100 * share:.0f} %"
    rounded, step = round(100 * share, decimals), 10.0**-decimals
    if rounded in (0.0, 100.0):
        return f"< {step:g} %" if rounded == 0.0 else f"> {100 - step:g} %"
    return f"{100 * share:.{decimals}f} %"


def signed_text(value: float) -> str:
    """A number in three digits, with a true minus sign: ``−0.123``, ``1,230``."""
    rounded = float(f"{value:.3g}")
    text = f"{rounded:,.0f}" if 100 <= abs(rounded) < 1e6 else f"{rounded:.3g}"
    return text.replace("-", "−")


def value_range(values: Any) -> str:
    """From the least to the greatest value of an array or tensor: ``−1 to 0.5``."""
    return f"{signed_text(values.min())} to {signed_text(values.max())}"


def listing(items: Iterable[str], limit: int = 30) -> str:
    """The first ``limit`` of the items, for a description should end some time: ``1, 2 and 40 more``."""
    all_items = list(items)
    rest = len(all_items) - limit
    return ", ".join(all_items[:limit]) + (f" and {rest:,} more" if rest > 0 else "")


def sentence(title: str | None, what: str) -> str:
    """A description that begins with the picture's title, where it has one: ``Ten digits: a grid.``."""
    if title and title[-1] not in ".?!":
        return f"{title}: {what}."
    return f"{title or ''} {what[0].upper()}{what[1:]}.".lstrip()
