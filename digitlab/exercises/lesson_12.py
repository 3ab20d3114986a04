"""Exercises of lesson 12, from minutes to seconds: a loader, fair comparisons, a speed-up, a schedule, a target."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

import torch
from torch import Tensor

from digitlab.exercises import Exercise, WrongAnswer, edit
from digitlab.exercises.checking import Mistake, NotAttempted


# 12.1
def in_memory_batches(images: Tensor, labels: Tensor, order: Tensor, batch_size: int) -> list[tuple[Tensor, Tensor]]:
    batches = []
    for chosen in order.split(batch_size):
        pixels = images[chosen][:, None].float() / 255
        batches.append(((pixels - 0.1307) / 0.3081, labels[chosen]))
    return batches


def seven_digits() -> list[tuple[Tensor, Tensor, Tensor, int]]:
    images = torch.randint(256, (7, 28, 28), generator=torch.Generator().manual_seed(10), dtype=torch.uint8)
    labels = torch.tensor([5, 0, 4, 1, 9, 2, 7])
    return [
        (images, labels, torch.tensor([6, 2, 0, 5, 3, 1, 4]), 3),
        (images.flip(0), labels.flip(0), torch.tensor([4, 0, 6, 1]), 2),
    ]


def given_batches(answer: Any, *inputs: Any) -> list[Any]:
    """Images and labels of batch after batch, of what the answer returns or yields."""
    batches = list(answer(*inputs))
    if not batches or not all(isinstance(batch, tuple | list) and len(batch) == 2 for batch in batches):
        raise Mistake("return a list of pairs (images, labels), one pair for each batch")
    n, size = len(inputs[2]), inputs[3]
    if len(batches) != -(-n // size):
        raise Mistake(f"{n} digits in batches of {size} make {-(-n // size)} batches; yours are {len(batches)}")
    return [part for batch in batches for part in batch]


# 12.2
FAULTS = {"A": "data", "B": "repeats", "C": "steps", "D": "fair", "E": "machine"}
WHAT_DIFFERS = {
    "A": "60,000 digits stand against 10,000",
    "B": "each version ran a single time",
    "C": "1,000 steps stand against 500",
    "D": "digits, steps and machine are alike, and no old run is as fast as the slowest new one",
    "E": "a busy machine stands against an idle one",
}
ARGUABLE = {("A", "repeats"), ("C", "repeats")}  # they ran once, too; but more runs would not mend them


def judged(answer: Any) -> str:
    """Which letters are not right; the right words are not given away."""
    if not isinstance(answer, dict) or set(answer) != set(FAULTS):
        raise Mistake('make it a dictionary with the five letters as keys: {"A": "...", ..., "E": "..."}')
    if any(word is ... for word in answer.values()):
        raise NotAttempted
    if strange := sorted({str(word) for word in answer.values()} - set(FAULTS.values())):
        words = ", ".join(sorted(FAULTS.values()))
        raise Mistake(f"the words to choose from are {words}; {strange[0]!r} is none of them")
    judged_wrong = [pair for pair in sorted(answer.items()) if pair not in ARGUABLE and pair[1] != FAULTS[pair[0]]]
    if wrong := [f"{letter} is not {word!r}: {WHAT_DIFFERS[letter]}" for letter, word in judged_wrong]:
        raise Mistake(f"not yet. {'. '.join(wrong)}")
    return "all five are right"


# 12.3
def speed_up(before: list[float], after: list[float]) -> float:
    return median(before[1:]) / median(after[1:])


def timings() -> list[tuple[list[float], list[float]]]:
    return [
        ([9.0, 4.0, 4.2, 4.6, 11.0, 4.3], [7.0, 2.3, 2.0, 1.9, 2.1, 2.2]),
        ([5.0, 3.0, 3.3], [1.2, 1.5, 1.9, 1.4, 8.0]),
    ]


# 12.4
def one_cycle(step: int, total_steps: int, peak: float) -> float:
    turn, last = 0.3 * total_steps - 1, total_steps - 1
    start, end = peak / 25, peak / 25 / 10_000
    if step <= turn:
        a, b, done = start, peak, step / turn
    else:
        a, b, done = peak, end, (step - turn) / (last - turn)
    return a + (b - a) * (1 - math.cos(math.pi * done)) / 2


# 12.5
def seconds_to_reach(seconds: list[float], accuracies: list[float], target: float) -> float | None:
    total = 0.0
    for lasted, accuracy in zip(seconds, accuracies, strict=True):
        total += lasted
        if accuracy >= target:
            return total
    return None


def courses() -> list[tuple[list[float], list[float], float]]:
    seconds, accuracies = [3.0, 2.5, 2.625, 2.0, 1.5, 4.0], [0.90, 0.95, 0.96, 0.94, 0.97, 0.95]
    cases = [(seconds, accuracies, target) for target in (0.95, 0.93, 0.96, 0.99)]
    return [*cases, ([2.0, 4.0, 2.5], [0.90, 0.94, 0.97], 0.95)]


EXERCISES = [
    Exercise(
        number="12.1", title="A loader without Python in it", name="in_memory_batches", minutes=8, difficulty="medium",
        starter="def in_memory_batches(images, labels, order, batch_size):\n"
        '    """A list of (images, labels); images come as uint8 (N, 28, 28)."""\n    ...',
        answer=in_memory_batches, cases=seven_digits, observe=given_batches,
        results=tuple(f"the {part} of batch {i}" for i in (1, 2, 3) for part in ("images", "labels")),
        praise="the same numbers as ToTensor and Normalize give. A set that stays in bytes until a batch is needed "
        "takes a quarter of the memory that its floats would take.",
        hints=(
            "`order.split(batch_size)` gives the indices of each batch; `images[chosen]` takes them all at once.",
            "`[:, None]` inserts the channel: (B, 28, 28) becomes (B, 1, 28, 28).",
            "First .float() / 255, then minus 0.1307, then divided by 0.3081. The labels are labels[chosen].",
        ),
        wrong=(
            edit(" / 255", "",
                "the mean 0.1307 is meant for pixels from 0 to 1, yours go from 0 to 255: divide by 255 first."),
            edit(" / 255", " / 256", "nearly: the largest byte is 255, and it should become 1. Divide by 255."),
            edit(".float() / 255", " // 255",
                "before the mean is subtracted, nearly every pixel is 0: // leaves out what is behind the point. "
                "Divide with /."),
            edit("(pixels - 0.1307) / 0.3081", "(pixels - 0.3081) / 0.1307",
                "the two constants are exchanged: subtract the mean, 0.1307, and divide by the spread, 0.3081."),
            edit("(pixels - 0.1307) / 0.3081", "pixels",
                "scaled to 0..1, as ToTensor does it, but not normalised: subtract 0.1307 and divide by 0.3081."),
            edit("(pixels - 0.1307) / 0.3081", "pixels - 0.1307 / 0.3081",
                "only 0.1307 is divided by 0.3081 here, because / comes before -. Put the difference into "
                "parentheses."),
            edit("(pixels - 0.1307) / 0.3081", "(pixels - pixels.mean()) / pixels.std()",
                "each batch is normalised with its *own* mean, so an image's numbers depend on its neighbours in the "
                "batch. Use the two constants."),
            edit("labels[chosen]", "labels.split(batch_size)[len(batches)]",
                "the images are shuffled, the labels are not: nearly every image has somebody else's label. Index "
                "both with the same numbers."),
            edit("order.split(", "torch.arange(len(order)).split(",
                "`order` is not used: the digits come in their old order."),
            edit("labels[chosen]", "labels[: len(chosen)]",
                "each batch has the first labels of the set, whatever its images. Index both with the same numbers: "
                "labels[chosen]."),
            edit("(pixels - 0.1307) / 0.3081", "(pixels - pixels.mean()) / 0.3081",
                "you subtract each batch's *own* mean, so an image's numbers depend on its neighbours in the batch. "
                "Use the two constants."),
        ),
    ),
    Exercise(
        number="12.2", title="Whom do you believe?", name="faults", minutes=5, difficulty="easy",
        starter='faults = ...  # a dictionary: {"A": "...", "B": "...", "C": "...", "D": "...", "E": "..."}',
        answer=FAULTS,
        code='faults = {"A": "data", "B": "repeats", "C": "steps", "D": "fair", "E": "machine"}',
        observe=judged,
        praise="same data, same steps, same machine in the same state, several runs each. Whoever takes turns between "
        "the versions gets the third almost for free. (A and C ran once, too. But more runs would not mend them.)",
        hints=(
            "Ask of each report what differs between old and new *besides* the version itself.",
            "Exactly one of the five is fair. One of the others ran each version a single time.",
            "A compares different amounts of data; look for the one with different numbers of steps, and for the busy "
            "machine.",
        ),
        wrong=(
            WrongAnswer(FAULTS | {"B": "fair"},
                "look at B again: one run each, 3.1 s and 2.9 s. Run the *same* version twice and you may see that "
                "difference."),
            WrongAnswer(FAULTS | {"E": "fair"},
                "look at E again: five runs each, but on a machine that was busy for one and idle for the other. Take "
                "turns."),
        ),
    ),
    Exercise(
        number="12.3", title="How many times as fast?", name="speed_up", minutes=5, difficulty="easy",
        starter="def speed_up(before, after):\n"
        '    """Lists of seconds, the first of each a warm-up; 2.0 means twice as fast. Compare medians."""\n    ...',
        answer=speed_up, cases=timings,
        praise="one slow run among five no longer matters: that is what a median is for. Report the range beside it.",
        hints=(
            "`before[1:]` is the list without its first element; `median` was imported at the top.",
            "Twice as fast means half the time: old divided by new.",
        ),
        wrong=(
            edit("median(before[1:]) / median(after[1:]", "median(before) / median(after",
                "the first run of each list is the warm-up and should not count: before[1:]."),
            edit("before[1:]", "before[:-1]", "after[1:]", "after[:-1]",
                "[:-1] leaves out the last run. The warm-up is the first: [1:]."),
            edit("return", "before, after = sorted(before), sorted(after)\n    return",
                "you sort first and then leave out the first: that is the fastest run. The warm-up is the first as "
                "the list is given."),
            edit("return", "median = lambda runs: sum(runs) / len(runs)\n    return",
                "this compares means. One run took 11 s where the others took 4, and that moves a mean a long way. "
                "Take the median."),
            edit("return", "median = lambda runs: float(torch.tensor(runs).median())\n    return",
                "nearly: for an even number of runs, PyTorch's median takes the lower one of the two in the middle. "
                "`median` from the first cell takes their mean."),
            edit("return", "median = lambda runs: sorted(runs)[len(runs) // 2]\n    return",
                "nearly: for an even number of runs there are two in the middle, and you take the larger one. `median` "
                "from the first cell takes their mean."),
            edit("return", "median = lambda runs: runs[len(runs) // 2]\n    return",
                "this is the run in the middle of the list, as the runs happened. The median is in the middle when "
                "they are sorted by their size."),
            edit(") / median", ") - median",
                "this is how many seconds are saved; how many *times* as fast is a ratio."),
            edit("median(before[1:]) / median(after[1:])", "median(b / a for b, a in zip(before[1:], after[1:]))",
                "this is the median of ratios, run by run. The runs are no pairs, and zip drops those that are left "
                "over: take the median of each list first, then one ratio."),
            edit("return", "median = min\n    return",
                "this compares the luckiest run of each. Some people do, and it can be defended, but here take the "
                "median: the more runs you make, the luckier the luckiest gets."),
        ),
    ),
    Exercise(
        number="12.4", title="One cycle", name="one_cycle", minutes=12, difficulty="hard",
        starter="def one_cycle(step, total_steps, peak):\n"
        '    """The learning rate of this step; steps count from 0."""\n    ...',
        answer=one_cycle,
        cases=lambda: [
            *((step, 50, 100.0) for step in (0, 49, 3, 40)), (30, 101, 8.0), (100, 101, 1e3), (9, 101, 0.05),
        ],
        praise="equal to torch.optim.lr_scheduler.OneCycleLR, step for step. Note that you had to know total_steps "
        "before the first step: such a schedule cannot be stopped early, only planned shorter.",
        hints=(
            "Two parts. Up to step 0.3 * total_steps - 1 it goes from peak / 25 to peak, after that from peak to peak "
            "/ 250000.",
            "In each part you need a, b, and how much of that part is done, from 0 to 1: step / turn in the first, "
            "(step - turn) / (last - turn) in the second.",
            "The wave: a + (b - a) * (1 - math.cos(math.pi * done)) / 2.",
        ),
        wrong=(
            edit("(1 - math.cos(math.pi * done)) / 2", "done",
                "right at the start, the peak and the end, but straight lines in between (a triangle). It works about "
                "as well; PyTorch's default is half a cosine wave."),
            edit("peak, end,", "end, peak,",
                "at the last step the rate is at its peak: in the second part a is the peak, and b the end."),
            edit("(1 - math.cos", "(1 + math.cos",
                "the first step has the highest rate: each part runs backwards. With 1 + cos, t = 0 gives b and t = 1 "
                "gives a; the formula has 1 - cos."),
            edit("(math.pi * done)) / 2", "(math.pi * done))",
                "at the turn the rate is nearly twice the peak: 1 - cos goes from 0 to 2, so halve it."),
            edit("peak / 25, peak / 25 / 10_000", "0.0, 0.0",
                "it starts from zero; it should start from peak / 25, and end at a ten-thousandth of that."),
            edit("peak / 25 / 10_000", "peak / 10_000",
                "it ends at peak / 10,000. It should end at a ten-thousandth of where it *began*, peak / 25: that is "
                "peak / 250,000."),
            edit("(step - turn) / (last - turn)", "step / last",
                "just after the peak the rate jumps down: there your second part does not begin at t = 0. Count its "
                "steps from the turn: (step - turn) / (last - turn)."),
            edit("(step - turn) / (last - turn)", "(step - turn) / last",
                "the fall begins well, and at the last step it has not come down yet: its t ends below 1. The second "
                "part has last - turn steps."),
            edit("(last - turn)", "(total_steps - turn)",
                "at the last step it has not quite come down: steps count from 0, so the last is n - 1, and the second "
                "part has n - 1 - turn steps, not n - turn."),
            edit(" - 1, total_steps - 1", ", total_steps",
                "one step late: steps count from 0, so the peak is at 0.3 * total_steps - 1 and the last step is "
                "total_steps - 1."),
            edit("0.3 * total_steps - 1, total_steps - 1", "0.3 * (total_steps - 1), total_steps - 1",
                "nearly: you turn after 30 % of the *last* step's number, that is at 0.3 * (total_steps - 1). PyTorch "
                "turns at 0.3 * total_steps - 1."),
            edit("0.3", "0.5",
                "the peak is in the middle; it should come after 30 % of the steps, so that more of them are left to "
                "settle."),
            edit("0.3 * total_steps - 1", "int(0.3 * total_steps) - 1",
                "right where 0.3 * total_steps is a whole number, and a little off where it is not: do not round the "
                "turn, it may lie between two steps."),
            edit("peak / 25 / 10_000", "peak / 25",
                "it comes down to where it began, peak / 25. It should end far lower, at a ten-thousandth of that."),
            edit("math.pi * done", "180 * done",
                "the rate jumps up and down from step to step: math.cos counts in radians, half a wave is math.pi and not "
                "180."),
        ),
    ),
    Exercise(
        number="12.5", title="Seconds to a target", name="seconds_to_reach", minutes=6, difficulty="medium",
        starter="def seconds_to_reach(seconds, accuracies, target):\n"
        '    """seconds of each epoch and accuracy after it; None if the target is never reached."""\n    ...',
        answer=seconds_to_reach, cases=courses,
        praise="and None where it never gets there: 'not reached' is a result too, and better than a number that "
        "looks like one.",
        hints=(
            "Go through both lists together with zip, and add up the seconds as you go.",
            "The epoch's own seconds count too: the accuracy is measured after it.",
            "Return the sum at the first accuracy that is at least the target; after the loop, return None.",
        ),
        wrong=(
            edit("total += lasted", "total = lasted",
                "these are the seconds of that epoch alone. From the start: add up all epochs until then."),
            edit("+= lasted", "+= 1", "these are epochs; the question is how many seconds they took together."),
            edit("return total", "return total - lasted",
                "the epoch that reached the target is not counted itself: its accuracy is known only when it is "
                "over."),
            edit("accuracy >= target", "accuracy > target", "exactly at the target counts as reached: use >=."),
            edit("accuracy >= target", "accuracy == target",
                "this waits for exactly the target, which an accuracy may jump over. Reached means at least: use >=."),
            edit("            return total\n", "            return total\n        return None\n",
                "it gives up after the first epoch: a `return` inside the loop ends it. Return None after the loop."),
            edit("            return total\n    return None", "            reached = total\n    return reached",
                "    total = 0.0", "    total, reached = 0.0, None",
                "this is the *last* epoch that was at or above the target. Stop at the first."),
            edit("accuracy >= target", "accuracy == max(accuracies) >= target",
                "this waits for the *best* accuracy. It may have reached the target long before: stop at the first."),
            edit("total = 0.0", "total = 0.0\n    if accuracies[-1] < target:\n        return None",
                "one run reached the target and lost it again in its last epoch, and you say never. The question is "
                "when it was reached *first*."),
        ),
    ),
]
