"""One small drawing for each lesson, on 96 by 60: lines in the colour of the text, what matters in orange or blue.

Classes instead of colours, so that a drawing follows the page into the dark: ``o`` and ``b`` are orange and blue lines,
``O`` and ``B`` areas, ``t`` a thin line.
"""

from __future__ import annotations

from collections.abc import Iterable

FIVE = "M-5 -10H7M-5 -10L-6 -1C0 -5 8 -3 8 3S0 12 -7 9"  # a hasty five, about (0, 0)


def _path(d: str, kind: str = "") -> str:
    return f'<path{_class(kind)} d="{d}"/>'


def _box(x: float, y: float, width: float, height: float, kind: str = "") -> str:
    return f'<rect{_class(kind)} x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>'


def _dot(x: float, y: float, radius: float, kind: str = "") -> str:
    return f'<circle{_class(kind)} cx="{x:g}" cy="{y:g}" r="{radius:g}"/>'


def _five(x: float, y: float, kind: str = "", size: float = 1, turn: float = 0) -> str:
    return f'<path{_class(kind)} transform="translate({x:g} {y:g}) rotate({turn:g}) scale({size:g})" d="{FIVE}"/>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _cells(rows: Iterable[str], x: float, y: float, side: float) -> str:
    """A grid from rows of letters: O orange, B blue, # the text's colour, . empty."""
    kinds = {"O": "O", "B": "B", "#": "T", ".": "t"}
    return "".join(
        _box(x + column * side, y + row * side, side, side, kinds[letter])
        for row, letters in enumerate(rows)
        for column, letter in enumerate(letters)
    )


def _arrow(x: float, y: float, length: float, kind: str = "") -> str:
    return _path(f"M{x:g} {y:g}h{length:g}m-5 -5l5 5l-5 5", kind)


def _bars(heights: list[float], x: float, base: float, width: float, orange: int) -> str:
    return "".join(
        _box(x + i * (width + 2), base - height, width, height, "O" if i == orange else "T")
        for i, height in enumerate(heights)
    )


DRAWINGS = {
    # A digit goes in, and one of ten bars is the tallest.
    "00": _box(6, 14, 32, 32) + _five(21, 30, "o") + _arrow(43, 30, 12)
    + _bars([4, 3, 6, 5, 3, 30, 4, 3], 60, 46, 2, orange=5),
    # A picture is a wall of numbers.
    "01": _cells([".....", ".###.", ".#...", ".##..", "...#.", ".##.."], 28, 3, 9),
    # A template: for and against.
    "02": _cells(["..OO.", ".O...", "BOOB.", "B..OB", ".OO.B"], 6, 8, 9) + _arrow(56, 30, 12)
    + _path("M82 22v16M74 30h16", "o"),
    # Downhill, step by step.
    "03": _path("M8 6C24 64 60 64 88 12") + _path("M14 22L22 38L32 46L44 50", "o")
    + "".join(_dot(x, y, 3, "O") for x, y in ((14, 22), (22, 38), (32, 46), (44, 50))),
    # Too small, too large, right: three learning curves.
    "04": _path("M10 6V52H90") + _path("M14 12L86 22", "b") + _path("M14 14L26 34L36 12L48 38L58 10L70 36L84 16", "t")
    + _path("M14 14C24 44 40 46 86 47", "o"),
    # A small kernel slides over the picture.
    "05": _cells(["......", "......", "......", "......", "......"], 8, 6, 9.5) + _box(17.5, 15.5, 28.5, 28.5, "o")
    + _arrow(48, 30, 16, "o") + _box(72, 22, 16, 16, "O"),
    # Maps that shrink, and ten numbers at the end.
    "06": _box(4, 8, 30, 30) + _box(9, 13, 30, 30, "p") + _box(14, 18, 30, 30, "p") + _box(48, 18, 16, 16)
    + _box(52, 23, 16, 16, "p") + _box(56, 28, 16, 16, "p")
    + "".join(_dot(86, 9 + 8.4 * i, 2.6, "O" if i == 3 else "T") for i in range(6)),
    # Two results, each with its interval: they overlap.
    "07": _path("M10 52H90", "t") + _path("M20 20H62M20 15v10M62 15v10") + _dot(41, 20, 4, "T")
    + _path("M36 38H78M36 33v10M78 33v10", "o") + _dot(57, 38, 4, "O"),
    # As sure as it is right, or surer.
    "08": _path("M14 4V54H90") + _bars([8, 14, 22, 28, 36], 18, 54, 11, orange=4) + _path("M16 54L86 6", "b"),
    # One digit in the crowd is misread.
    "09": "".join(
        _five(x, y, "o" if (x, y) == (48, 16) else "", 0.75) for y in (16, 45) for x in (17, 48, 79)
    ) + _box(36, 3, 24, 25, "o"),
    # A lens over a digit.
    "10": _five(40, 28, "", 1.9) + _dot(46, 32, 17, "o") + _path("M58 44L72 57", "o"),
    # The same five, turned and turned again.
    "11": _five(18, 30, "t", 1.2, -22) + _five(48, 30, "", 1.3) + _five(78, 30, "o", 1.2, 22),
    # A stopwatch.
    "12": _dot(48, 34, 22) + _path("M48 12V5M42 4h12M66 17l4 -4") + _path("M48 34L58 22", "o") + _dot(48, 34, 3, "O"),
    # Paper and pen.
    "13": _box(12, 6, 46, 48) + _five(34, 30, "o", 1.4) + _path("M60 46L84 14l6 5L66 50l-8 4z"),
    # A bug.
    "14": '<ellipse class="o" cx="48" cy="34" rx="13" ry="18"/>' + _path("M48 17V52", "o")
    + _path("M40 13a8 8 0 0 1 16 0M35 26L22 18M35 34H19M36 43L24 52M61 26L74 18M61 34H77M60 43L72 52"),
    # A box that is sent off.
    "15": _path("M10 20L34 9L58 20V44L34 55L10 44ZM10 20L34 31L58 20M34 31V55") + _arrow(64, 32, 24, "o"),
    # Four workers, one sum.
    "16": _path("M18 14L40 26M78 14L56 26M18 46L40 34M78 46L56 34") + _dot(48, 30, 8, "O")
    + "".join(_dot(x, y, 6, "p") for x in (14, 82) for y in (11, 49)),
}  # fmt: skip
