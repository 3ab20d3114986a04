"""Exercises of lesson 07, how good is it: an interval, how many digits a claim needs, a paired test."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from digitlab.exercises import Exercise, edit


# 07.1
def interval(n_correct: int, n: int) -> tuple[float, float]:
    share, z = n_correct / n, 1.96
    # (share - p)^2 = z^2 p (1 - p) / n is a quadratic equation in p; these are the middle and half the distance of its roots.
    pull = z**2 / n  # towards one half: the fewer digits, the stronger
    middle = (share + pull / 2) / (1 + pull)
    half = z * math.sqrt(share * (1 - share) / n + pull / (4 * n)) / (1 + pull)
    return middle - half, middle + half


# 07.2
def digits_needed(p: float, half_width: float) -> int:
    return math.ceil(p * (1 - p) * (1.96 / half_width) ** 2)


# 07.3
def pairs_of_networks() -> list[tuple[Tensor, Tensor]]:
    """A alone right, B alone right, both, neither: most nearly even, one a tie, one in full agreement."""
    counts = [(20, 10, 300, 5), (10, 20, 300, 5), (4, 4, 50, 2), (0, 0, 40, 3), (6, 0, 30, 0), (1, 7, 30, 2)]
    kinds = torch.tensor([(True, False, True, False), (False, True, True, False)])
    cases = []
    for each in counts:
        order = torch.randperm(sum(each), generator=torch.Generator().manual_seed(0))
        right_a, right_b = kinds.repeat_interleave(torch.tensor(each), dim=1)[:, order]
        cases.append((right_a, right_b))
    return cases


def paired_p_value(right_a: Tensor, right_b: Tensor) -> float:
    only_a = int((right_a & ~right_b).sum())
    only_b = int((right_b & ~right_a).sum())
    n, fewer = only_a + only_b, min(only_a, only_b)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    return min(1.0, 2 * tail)  # a tie counts the middle twice


EXERCISES = [
    Exercise(
        number="07.1", title="Which truths are plausible?", name="interval", minutes=12, difficulty="hard",
        starter='def interval(n_correct, n):\n    """(low, high): the true accuracies within 1.96 standard errors of n_correct / n."""\n    ...',
        answer=interval, cases=lambda: [(9_920, 10_000), (180, 200), (20, 20), (0, 7), (3, 4)],
        praise="equal to dl.wilson_interval. Note what it says for 20 of 20: not 100 %, but anything above about 84 %. "
        "A perfect score on few digits is weak evidence.",
        hints=(
            "The standard error belongs to the truth p that is being tried, not to the measured share: sqrt(p * (1 - p) / n).",
            "By trial: p = torch.linspace(0, 1, 200_001, dtype=torch.float64); keep those with "
            "(share - p).abs() <= 1.96 * (p * (1 - p) / n).sqrt(); return the smallest and the largest as numbers.",
            "On paper, square both sides: (share - p)^2 = 1.96^2 * p * (1 - p) / n is quadratic in p. With z = 1.96 the middle of "
            "its roots is (share + z**2 / (2 * n)) / (1 + z**2 / n).",
        ),
        wrong=(
            edit("z**2 / n", "0",
                "this is share ± 1.96 standard errors, with the standard error of the measured share. For 20 of 20 it "
                "is 0, so the interval claims exactly 100 %; cutting at 0 and 1 does not cure that. Use the standard "
                "error of each p that you try."),
            edit("pull = z**2 / n", "pull = z**2",
                "share * (1 - share) / n + pull / (4 * n)", "share * (1 - share) + pull / 4",
                "far too wide: this is how single digits scatter. For a mean, divide p * (1 - p) by n."),
            edit("n_correct / n, 1.96", "n_correct / n, 1.96 / math.sqrt(0.0)",
                "your code divided by zero: for p = 0 and p = 1 the standard error is 0. Compare without dividing, "
                "abs(share - p) <= 1.96 * error."),
            edit("middle - half, middle + half",
                "math.ceil(1000 * (middle - half)) / 1000, math.floor(1000 * (middle + half)) / 1000",
                "both ends are up to a thousandth too far in: a grid of a thousand values of p is too coarse. "
                "Try a hundred thousand."),
            edit("middle - half, middle + half", "torch.empty(0).min(), torch.empty(0).max()",
                "no p is left to take the min() of. For 9,920 of 10,000 the interval is a few thousandths wide, and a "
                "grid of hundredths steps over it: try a hundred thousand values."),
            edit("1.96", "1",
                "these are the truths within one standard error: they miss the truth one time in three. Take 1.96."),
            edit("1.96", "1.645",
                "too narrow: within 1.645 standard errors lie 90 %, as 5 % are left out at *each* end. Take 1.96."),
            edit("middle - half, middle + half", "middle, half",
                "this is the interval's middle and half its length. Return its two ends."),
        ),
    ),
    Exercise(
        number="07.2", title="How many digits does a claim need?", name="digits_needed", minutes=5, difficulty="easy",
        starter="def digits_needed(p, half_width):\n"
        '    """The smallest whole number of digits with which 1.96 standard errors are at most half_width."""\n    ...',
        answer=digits_needed, cases=lambda: [(0.99, 0.001), (0.9, 0.013), (0.5, 0.05), (0.7, 0.02), (0.5, 0.06125)],  # the last: 256 as it is
        praise="to tell 99.0 % from 99.1 % takes tens of thousands of digits, and halving the width takes four times as many.",
        hints=(
            "Write it down first: 1.96 * sqrt(p * (1 - p) / n) <= half_width. Which n makes the two sides equal?",
            "Square both sides: n = p * (1 - p) * (1.96 / half_width) ** 2. Then the next whole number: math.ceil.",
        ),
        wrong=(
            edit("math.ceil(", "int(",
                "one too few: what is behind the point is cut off, and the error is a hair too large. Use math.ceil."),
            edit("math.ceil(p * (1 - p) * (1.96 / half_width) ** 2)", "int(p * (1 - p) * (1.96 / half_width) ** 2) + 1",
                "one too many where the number is whole already: with p = 0.5 and half_width = 0.06125, 256 will do. "
                "'At most' allows the two to be equal, and math.ceil leaves a whole number as it is."),
            edit("p * (1 - p) * (1.96 / half_width) ** 2", "math.sqrt(p * (1 - p)) * 1.96 / half_width",
                "far too few: this is the root of the number asked for. Solving for n, square both sides."),
            edit("(1.96 / half_width) ** 2", "1.96 / half_width",
                "the square is missing: the error falls with the *root* of n, so n grows with (1 / half_width) ** 2."),
            edit("p * (1 - p)", "math.sqrt(p * (1 - p))",
                "far too many: the root is still there. Solving for n, square both sides: p * (1 - p)."),
            edit("math.ceil(", "round(",
                "one too few now and then: round() may round down, and the error is a hair too large. Use math.ceil."),
            edit("(1.96 / half_width) ** 2", "1.96 / half_width ** 2",
                "half_width is squared, 1.96 is not. Square both sides."),
            edit("p * (1 - p)", "0.25",
                "right for p = 0.5 and too many elsewhere: a network that is nearly always right scatters less."),
            edit("1.96", "2", "nearly: you took 2 standard errors. Take 1.96."),
            edit("1.96 / half_width", "1.96 / (2 * half_width)",
                "four times too few: half_width is the distance to one side already; do not double it."),
            edit("1.96 / half_width", "2 * 1.96 / half_width",
                "four times too many: half_width is the distance to one side, not the whole width."),
        ),
    ),
    Exercise(
        number="07.3", title="McNemar's coin", name="paired_p_value", minutes=12, difficulty="medium",
        starter="def paired_p_value(right_a, right_b):\n"
        '    """How often equal networks would differ this much or more; bool tensors (N,) in, a number out."""\n    ...',
        answer=paired_p_value, cases=pairs_of_networks,
        praise="exact, with no tables and no approximation. Note that the number of digits on which both agree never entered: "
        "a thousand more easy digits would not change the p-value.",
        hints=(
            "Count the digits where only A is right, `(right_a & ~right_b).sum()`, and where only B is. The rest does not matter.",
            "With n such digits and `fewer` on the smaller side: the chance of `fewer` or less heads is "
            "sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n.",
            "'Either way' means both ends of the scale, so double it. A tie would give more than 1: return min(1.0, ...).",
        ),
        wrong=(
            edit("min(1.0, 2 * tail)", "tail",
                "this is one end only: 'A wins by this much or more'. Nobody said beforehand which would win, "
                "so B winning by as much is as surprising. Double it, up to 1."),
            edit("min(1.0, 2 * tail)", "2 * tail",
                "right except for a tie: there both ends contain the middle, and the sum exceeds 1. "
                "A p-value is a probability; take min(1.0, ...)."),
            edit("min(only_a, only_b)", "only_a",
                "1 comes back for 20 to 10: more was added up than the splits that are this uneven or more. Add up to "
                "the smaller count, min(only_a, only_b), of n = only_a + only_b coins."),
            edit("range(fewer + 1)", "range(fewer)",
                "the split that was observed does not count here. 'So much or more' includes it: range(fewer + 1)."),
            edit("sum(math.comb(n, k) for k in range(fewer + 1))", "math.comb(n, fewer)",
                "this is twice the chance of exactly this split. With many digits every single split is rare, even the "
                "most ordinary one. Add up all splits that are this uneven or more."),
            edit("n, fewer = only_a + only_b", "n, fewer = len(right_a)",
                "almost nothing comes out: you toss a coin for every digit. "
                "Toss one for each digit where exactly one of the two is right."),
            edit("right_a & ~right_b", "right_a", "right_b & ~right_a", "right_b",
                "you counted all that A got right and all that B got right. What both got right "
                "cannot tell them apart: count the digits where A is right and B is not, and the other way round."),
            edit("min(1.0, 2 * tail)", "math.comb(n, fewer) / 2**n",
                "this is the chance of exactly this split. Add up all that are this uneven or more, at both ends."),
            edit("return min(1.0, 2 * tail)", "return min(1.0, 2 * tail) if n else 0.0",
                "right but where the two never disagree: nothing speaks against equal networks, so it is 1."),
            edit("right_a & ~right_b", "~right_a", "right_b & ~right_a", "~right_b",
                "you counted all that A, or B, got wrong. What both got wrong cannot tell them apart: leave it out."),
            edit("return min(1.0, 2 * tail)",
                "z = abs(only_a - only_b) / max(n, 1) ** 0.5\n    return math.erfc(z / 2**0.5)",
                "this is an approximation, by a bell curve. For few digits it is off. Count exactly, with math.comb."),
        ),
    ),
]
