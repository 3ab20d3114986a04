"""Exercises of lesson 10, from minutes to seconds: a loader, fair comparisons, a speed-up, a schedule, time to a target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

import torch
from torch import Tensor

from digitlab.exercises import Exercise, WrongAnswer
from digitlab.exercises.checking import Mistake, NotAttempted

# --- 10.1 ---------------------------------------------------------------------------------------


def in_memory_batches(
    images: Tensor, labels: Tensor, order: Tensor, batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    batches = []
    for chosen in order.split(batch_size):
        pixels = images[chosen][:, None].float() / 255
        batches.append(((pixels - 0.1307) / 0.3081, labels[chosen]))
    return batches


def batches_without_scaling(
    images: Tensor, labels: Tensor, order: Tensor, batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    return [((images[i][:, None].float() - 0.1307) / 0.3081, labels[i]) for i in order.split(batch_size)]


def batches_without_channel(
    images: Tensor, labels: Tensor, order: Tensor, batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    return [(batch[:, 0], some) for batch, some in in_memory_batches(images, labels, order, batch_size)]


def batches_not_normalised(
    images: Tensor, labels: Tensor, order: Tensor, batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    return [(images[i][:, None].float() / 255, labels[i]) for i in order.split(batch_size)]


def batches_with_their_own_mean(
    images: Tensor, labels: Tensor, order: Tensor, batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    pixels = [(images[i][:, None].float() / 255, labels[i]) for i in order.split(batch_size)]
    return [((batch - batch.mean()) / batch.std(), some) for batch, some in pixels]


def batches_with_labels_in_old_order(
    images: Tensor, labels: Tensor, order: Tensor, batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    right = in_memory_batches(images, labels, order, batch_size)
    return [(batch, some) for (batch, _), some in zip(right, labels.split(batch_size), strict=True)]


def batches_in_old_order(
    images: Tensor, labels: Tensor, order: Tensor, batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    return in_memory_batches(images, labels, torch.arange(len(labels)), batch_size)


def batches_without_the_last(
    images: Tensor, labels: Tensor, order: Tensor, batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    whole = len(order) // batch_size * batch_size
    return in_memory_batches(images, labels, order[:whole], batch_size)


def seven_digits() -> list[tuple[Tensor, Tensor, Tensor, int]]:
    generator = torch.Generator().manual_seed(10)
    images = torch.randint(256, (7, 28, 28), generator=generator, dtype=torch.uint8)
    images[:, :, :14] = 0
    images[3] //= 2
    labels = torch.tensor([5, 0, 4, 1, 9, 2, 7])
    return [(images, labels, torch.tensor([6, 2, 0, 5, 3, 1, 4]), 3)]


def given_batches(answer: Any, *inputs: Any) -> list[tuple[Any, ...]]:
    """A list of what the answer returns or yields."""
    batches = answer(*inputs)
    if batches is None:
        raise Mistake("your code returns nothing (None): is the `return` missing?")
    batches = list(batches)
    if not batches or not all(isinstance(batch, tuple | list) and len(batch) == 2 for batch in batches):
        raise Mistake("return a list of pairs (images, labels), one pair for each batch")
    if len(batches) != 3:
        raise Mistake(
            f"7 digits in batches of 3 make 3 batches, the last of one digit; yours are {len(batches)}"
        )
    return [tuple(batch) for batch in batches]


# --- 10.2 ---------------------------------------------------------------------------------------

FAULTS = {"A": "data", "B": "repeats", "C": "steps", "D": "fair", "E": "machine"}


def judged(answer: Any) -> str:
    """Which letters are not right; the right words are not given away."""
    if not isinstance(answer, dict) or set(answer) != set(FAULTS):
        raise Mistake('make it a dictionary with the five letters as keys: {"A": "...", ..., "E": "..."}')
    if any(word is ... for word in answer.values()):
        raise NotAttempted
    if strange := sorted({str(word) for word in answer.values()} - set(FAULTS.values())):
        raise Mistake(
            f"the words to choose from are {', '.join(sorted(FAULTS.values()))}; {strange[0]!r} is none of them"
        )
    wrong = [f"{letter} is not {word!r}" for letter, word in sorted(answer.items()) if word != FAULTS[letter]]
    if wrong:
        raise Mistake(f"not yet: {', '.join(wrong)}. Ask of each what differs *besides* old and new")
    return "all five are right"


# --- 10.3 ---------------------------------------------------------------------------------------


def speed_up(before: list[float], after: list[float]) -> float:
    return median(before[1:]) / median(after[1:])


def speed_up_with_warm_up(before: list[float], after: list[float]) -> float:
    return median(before) / median(after)


def speed_up_of_means(before: list[float], after: list[float]) -> float:
    return (sum(before[1:]) / len(before[1:])) / (sum(after[1:]) / len(after[1:]))


def speed_up_of_torch_medians(before: list[float], after: list[float]) -> float:
    return float(torch.tensor(before[1:]).median() / torch.tensor(after[1:]).median())


def speed_up_turned_round(before: list[float], after: list[float]) -> float:
    return median(after[1:]) / median(before[1:])


def speed_up_of_the_luckiest(before: list[float], after: list[float]) -> float:
    return min(before[1:]) / min(after[1:])


def speed_up_as_difference(before: list[float], after: list[float]) -> float:
    return median(before[1:]) - median(after[1:])


def timings() -> list[tuple[list[float], list[float]]]:
    return [
        ([9.0, 4.0, 4.4, 4.2, 11.0, 4.3], [7.0, 2.0, 2.2, 1.9, 2.1, 2.3]),
        ([5.0, 3.0, 3.3], [6.0, 1.5, 1.9, 1.4, 8.0]),
    ]


# --- 10.4 ---------------------------------------------------------------------------------------


def one_cycle(step: int, total_steps: int, peak: float) -> float:
    turn, last = 0.3 * total_steps - 1, total_steps - 1
    start, end = peak / 25, peak / 25 / 10_000
    if step <= turn:
        a, b, done = start, peak, step / turn
    else:
        a, b, done = peak, end, (step - turn) / (last - turn)
    return a + (b - a) * (1 - math.cos(math.pi * done)) / 2


def cycle_in_straight_lines(step: int, total_steps: int, peak: float) -> float:
    turn, last = 0.3 * total_steps - 1, total_steps - 1
    start, end = peak / 25, peak / 25 / 10_000
    if step <= turn:
        return start + (peak - start) * step / turn
    return peak + (end - peak) * (step - turn) / (last - turn)


def cycle_that_stays_up(step: int, total_steps: int, peak: float) -> float:
    return one_cycle(step, total_steps, peak) if step <= 0.3 * total_steps - 1 else peak


def cycle_from_zero(step: int, total_steps: int, peak: float) -> float:
    turn, last = 0.3 * total_steps - 1, total_steps - 1
    if step <= turn:
        return peak * (1 - math.cos(math.pi * step / turn)) / 2
    return peak * (1 + math.cos(math.pi * (step - turn) / (last - turn))) / 2


def cycle_that_ends_where_it_began(step: int, total_steps: int, peak: float) -> float:
    turn, last, start = 0.3 * total_steps - 1, total_steps - 1, peak / 25
    done = step / turn if step <= turn else 1 - (step - turn) / (last - turn)
    return start + (peak - start) * (1 - math.cos(math.pi * done)) / 2


def cycle_counted_from_one(step: int, total_steps: int, peak: float) -> float:
    turn, last = 0.3 * total_steps, total_steps
    start, end = peak / 25, peak / 25 / 10_000
    if step <= turn:
        a, b, done = start, peak, step / turn
    else:
        a, b, done = peak, end, (step - turn) / (last - turn)
    return a + (b - a) * (1 - math.cos(math.pi * done)) / 2


def cycle_with_its_peak_in_the_middle(step: int, total_steps: int, peak: float) -> float:
    turn, last = 0.5 * total_steps - 1, total_steps - 1
    start, end = peak / 25, peak / 25 / 10_000
    if step <= turn:
        a, b, done = start, peak, step / turn
    else:
        a, b, done = peak, end, (step - turn) / (last - turn)
    return a + (b - a) * (1 - math.cos(math.pi * done)) / 2


def cycle_by_the_share_done(step: int, total_steps: int, peak: float) -> float:
    done, start, end = step / (total_steps - 1), peak / 25, peak / 25 / 10_000
    if done <= 0.3:
        return start + (peak - start) * (1 - math.cos(math.pi * done / 0.3)) / 2
    return peak + (end - peak) * (1 - math.cos(math.pi * (done - 0.3) / 0.7)) / 2


def cycle_that_ends_too_high(step: int, total_steps: int, peak: float) -> float:
    turn, last = 0.3 * total_steps - 1, total_steps - 1
    if step <= turn:
        return one_cycle(step, total_steps, peak)
    done = (step - turn) / (last - turn)
    return peak + (peak / 10_000 - peak) * (1 - math.cos(math.pi * done)) / 2


def steps_of_a_run() -> list[tuple[int, int, float]]:
    return [(step, 50, 100.0) for step in (0, 3, 14, 15, 20, 40, 49)] + [(30, 101, 8.0)]


# --- 10.5 ---------------------------------------------------------------------------------------


def seconds_to_reach(seconds: list[float], accuracies: list[float], target: float) -> float | None:
    total = 0.0
    for lasted, accuracy in zip(seconds, accuracies):  # noqa: B905
        total += lasted
        if accuracy >= target:
            return total
    return None


def seconds_of_that_epoch(
    seconds: Sequence[float], accuracies: Sequence[float], target: float
) -> float | None:
    return next(
        (lasted for lasted, accuracy in zip(seconds, accuracies, strict=True) if accuracy >= target), None
    )


def seconds_before_that_epoch(seconds: list[float], accuracies: list[float], target: float) -> float | None:
    total = 0.0
    for lasted, accuracy in zip(seconds, accuracies, strict=True):
        if accuracy >= target:
            return total
        total += lasted
    return None


def seconds_to_exceed(seconds: list[float], accuracies: list[float], target: float) -> float | None:
    return seconds_to_reach(seconds, accuracies, target + 1e-9)


def seconds_to_the_best(seconds: list[float], accuracies: list[float], target: float) -> float | None:
    best = max(accuracies)
    return seconds_to_reach(seconds, accuracies, best) if best >= target else None


def seconds_in_all(seconds: list[float], accuracies: list[float], target: float) -> float:
    reached = seconds_to_reach(seconds, accuracies, target)
    return sum(seconds) if reached is None else reached


def epochs_to_reach(seconds: list[float], accuracies: list[float], target: float) -> int | None:
    return next((n for n, accuracy in enumerate(accuracies, start=1) if accuracy >= target), None)


def courses() -> list[tuple[list[float], list[float], float]]:
    seconds, accuracies = [3.0, 2.0, 2.5, 2.0], [0.90, 0.95, 0.94, 0.97]
    return [(seconds, accuracies, target) for target in (0.93, 0.95, 0.96, 0.5, 0.99)]


EXERCISES = [
    Exercise(
        number="10.1",
        title="A loader without Python in it",
        name="in_memory_batches",
        minutes=8,
        difficulty="medium",
        starter="def in_memory_batches(images, labels, order, batch_size):\n"
        '    """A list of (images, labels); images come as uint8 (N, 28, 28)."""\n    ...',
        answer=in_memory_batches,
        praise="the same numbers as ToTensor and Normalize give, without a line of Python for each image. The bytes stay "
        "bytes until the batch is needed: a quarter of the memory of floats.",
        hints=(
            "`order.split(batch_size)` gives the indices of each batch; `images[chosen]` takes them all at once.",
            "`[:, None]` inserts the channel: (B, 28, 28) becomes (B, 1, 28, 28).",
            "First .float() / 255, then minus 0.1307, then divided by 0.3081. The labels are labels[chosen].",
        ),
        wrong=(
            WrongAnswer(
                batches_without_scaling,
                "the mean 0.1307 is meant for pixels from 0 to 1, yours go from 0 to 255: divide by 255 first.",
            ),
            WrongAnswer(
                batches_without_channel,
                "the values are right, but the channel is missing: a network expects (B, 1, 28, 28). Index with [:, None].",
            ),
            WrongAnswer(
                batches_not_normalised,
                "scaled to 0..1, as ToTensor does it, but not normalised: subtract 0.1307 and divide by 0.3081.",
            ),
            WrongAnswer(
                batches_with_their_own_mean,
                "each batch is normalised with its *own* mean, so an image's numbers depend on its neighbours in the "
                "batch. Use the two constants.",
            ),
            WrongAnswer(
                batches_with_labels_in_old_order,
                "the images are shuffled, the labels are not: nearly every image has somebody else's label. Index both "
                "with the same numbers.",
            ),
            WrongAnswer(batches_in_old_order, "`order` is not used: the digits come in their old order."),
            WrongAnswer(
                batches_without_the_last,
                "7 digits in batches of 3 make 3 batches, the last of one digit; yours are 2",
            ),
        ),
        cases=seven_digits,
        observe=given_batches,
    ),
    Exercise(
        number="10.2",
        title="Whom do you believe?",
        name="faults",
        minutes=5,
        difficulty="easy",
        starter='faults = ...  # a dictionary: {"A": "...", "B": "...", "C": "...", "D": "...", "E": "..."}',
        answer=FAULTS,
        code='faults = {"A": "data", "B": "repeats", "C": "steps", "D": "fair", "E": "machine"}',
        praise="same data, same steps, same machine in the same state, several runs each. Whoever takes turns between the "
        "versions gets the third almost for free.",
        hints=(
            "Ask of each report what differs between old and new *besides* the version itself.",
            "Exactly one of the five is fair. One of the others ran each version a single time.",
            "A compares different amounts of data; look for the one with different numbers of steps, and for the busy machine.",
        ),
        wrong=(
            WrongAnswer(
                FAULTS | {"B": "fair"},
                "look at B again: one run each, 3.1 s and 2.9 s. Run the *same* version twice and you may see that difference.",
            ),
            WrongAnswer(
                FAULTS | {"E": "fair"},
                "look at E again: five runs each, but on a machine that was busy for one and idle for the other. Take turns.",
            ),
            WrongAnswer(
                FAULTS | {"E": "repeats"},
                "look at E again: five runs each are enough. What was going on beside them was not the same.",
            ),
            WrongAnswer(
                FAULTS | {"A": "steps", "C": "data"},
                "A and C are the wrong way round: in A the number of digits differs, in C how long was trained.",
            ),
            WrongAnswer(
                FAULTS | {"C": "fair"},
                "look at C again: the new schedule had twice as many steps. Anything gets better with twice the training.",
            ),
        ),
        observe=judged,
    ),
    Exercise(
        number="10.3",
        title="How many times as fast?",
        name="speed_up",
        minutes=5,
        difficulty="easy",
        starter="def speed_up(before, after):\n"
        '    """Lists of seconds, the first of each a warm-up; 2.0 means twice as fast."""\n    ...',
        answer=speed_up,
        praise="one slow run among five no longer matters: that is what a median is for. Report the range beside it.",
        hints=(
            "`before[1:]` is the list without its first element; `median` was imported at the top.",
            "Twice as fast means half the time: old divided by new.",
        ),
        wrong=(
            WrongAnswer(
                speed_up_with_warm_up,
                "the first run of each list is the warm-up and should not count: before[1:].",
            ),
            WrongAnswer(
                speed_up_of_means,
                "this compares means, and a single disturbed run (look at the 11 s) moves a mean a long way. Take the median.",
            ),
            WrongAnswer(
                speed_up_of_torch_medians,
                "nearly: for an even number of runs, PyTorch's median takes the lower one of the two in the middle. `median` "
                "from the first cell takes their mean.",
            ),
            WrongAnswer(
                speed_up_turned_round,
                "upside down: 2.0 should mean twice as fast, so the old time is divided by the new.",
            ),
            WrongAnswer(
                speed_up_of_the_luckiest,
                "this compares the luckiest run of each. Some people do, and it can be defended, but here take the median: "
                "the more runs you make, the luckier the luckiest gets.",
            ),
            WrongAnswer(
                speed_up_as_difference,
                "this is how many seconds are saved; how many *times* as fast is a ratio.",
            ),
        ),
        cases=timings,
    ),
    Exercise(
        number="10.4",
        title="One cycle",
        name="one_cycle",
        minutes=12,
        difficulty="hard",
        starter="def one_cycle(step, total_steps, peak):\n"
        '    """The learning rate of this step; steps count from 0."""\n    ...',
        answer=one_cycle,
        praise="equal to torch.optim.lr_scheduler.OneCycleLR, step for step. Note that you had to know total_steps before "
        "the first step: such a schedule cannot be stopped early, only planned shorter.",
        hints=(
            "Two parts. Up to step 0.3 * total_steps - 1 it goes from peak / 25 to peak, after that from peak to peak / 250000.",
            "In each part you need a, b, and how much of that part is done, from 0 to 1: step / turn in the first, "
            "(step - turn) / (last - turn) in the second.",
            "The wave: a + (b - a) * (1 - math.cos(math.pi * done)) / 2.",
        ),
        wrong=(
            WrongAnswer(
                cycle_in_straight_lines,
                "right at the start, the peak and the end, but straight lines in between (a triangle). It works about as "
                "well; PyTorch's default is half a cosine wave.",
            ),
            WrongAnswer(
                cycle_that_stays_up,
                "up it goes, and stays there: the second part is missing. The fall is where most of the errors go.",
            ),
            WrongAnswer(
                cycle_from_zero,
                "it starts from zero; it should start from peak / 25 and end at peak / 250000.",
            ),
            WrongAnswer(
                cycle_that_ends_where_it_began,
                "it comes down to where it began, peak / 25. It should end far lower, at a ten-thousandth of that.",
            ),
            WrongAnswer(
                cycle_counted_from_one,
                "one step late: steps count from 0, so the peak is at 0.3 * total_steps - 1 and the last step is total_steps - 1.",
            ),
            WrongAnswer(
                cycle_by_the_share_done,
                "nearly: you turn after 30 % of the *last* step's number, that is at 0.3 * (total_steps - 1). PyTorch turns at "
                "0.3 * total_steps - 1.",
            ),
            WrongAnswer(
                cycle_that_ends_too_high,
                "it ends at peak / 10,000. It should end at a ten-thousandth of where it *began*, peak / 25: that is peak / 250,000.",
            ),
            WrongAnswer(
                cycle_with_its_peak_in_the_middle,
                "the peak is in the middle; it should come after 30 % of the steps, so that more of them are left to settle.",
            ),
        ),
        cases=steps_of_a_run,
    ),
    Exercise(
        number="10.5",
        title="Seconds to a target",
        name="seconds_to_reach",
        minutes=6,
        difficulty="medium",
        starter="def seconds_to_reach(seconds, accuracies, target):\n"
        '    """seconds of each epoch and accuracy after it; None if the target is never reached."""\n    ...',
        answer=seconds_to_reach,
        praise="and None where it never gets there: 'not reached' is a result too, and better than a number that looks like one.",
        hints=(
            "Go through both lists together with zip, and add up the seconds as you go.",
            "The epoch's own seconds count too: the accuracy is measured after it.",
            "Return the sum at the first accuracy that is at least the target; after the loop, return None.",
        ),
        wrong=(
            WrongAnswer(
                seconds_of_that_epoch,
                "these are the seconds of that epoch alone. From the start: add up all epochs until then.",
            ),
            WrongAnswer(
                seconds_before_that_epoch,
                "the epoch that reached the target is not counted itself: its accuracy is known only when it is over.",
            ),
            WrongAnswer(seconds_to_exceed, "exactly at the target counts as reached: use >=."),
            WrongAnswer(
                seconds_to_the_best,
                "this waits for the *best* accuracy. It may have reached the target long before: stop at the first.",
            ),
            WrongAnswer(
                seconds_in_all,
                "where the target is never reached, you return the time of the whole run, which looks like a success. Return None.",
            ),
            WrongAnswer(
                epochs_to_reach, "these are epochs; the question is how many seconds they took together."
            ),
        ),
        cases=courses,
    ),
]
