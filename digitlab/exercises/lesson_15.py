"""Exercises of lesson 15, ship it: convolution and pooling in plain NumPy, a parity test, weights in 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake

Array = npt.NDArray[Any]


def images_and_kernels() -> list[tuple[Array, Array, Array]]:
    """One map and one kernel; then three maps, four kernels, and sides that differ, so that a mix-up shows."""
    random = np.random.default_rng(13)

    def draw(*shape: int) -> Array:
        return np.asarray(random.normal(size=shape), np.float32)

    return [
        (draw(1, 7, 7), draw(1, 1, 3, 3), draw(1)),
        (draw(3, 9, 8), draw(4, 3, 5, 5), draw(4)),
        (draw(2, 6, 6), draw(2, 2, 2, 3), draw(2)),
    ]


# 15.1
def conv2d_numpy(maps: Array, kernels: Array, bias: Array) -> Array:
    patches = np.lib.stride_tricks.sliding_window_view(maps, kernels.shape[2:], axis=(1, 2))
    return np.einsum("cyxij,ocij->oyx", patches, kernels) + bias[:, None, None]


# 15.2
def pool_and_relu(maps: Array) -> Array:
    channels, height, width = maps.shape
    blocks = maps.reshape(channels, height // 2, 2, width // 2, 2)
    return np.maximum(blocks.max(axis=(2, 4)), 0)


def maps_of_even_size() -> list[tuple[Array]]:
    random = np.random.default_rng(14)
    drawn = [(random.normal(size=shape).astype(np.float32),) for shape in ((1, 4, 4), (3, 6, 8))]
    return [*drawn, (-np.ones((2, 4, 4), np.float32),)]


# 15.3
def is_equal_network(ours: Array, theirs: Array, tolerance: float) -> bool:
    largest = np.abs(ours - theirs).max()
    same_answers = (ours.argmax(1) == theirs.argmax(1)).all()
    return bool(largest <= tolerance and same_answers)


def logits_to_compare() -> list[tuple[Array, Array, float]]:
    """Equal; one value far off; one far below; close but with another winner; all slightly off; not a number."""
    logits = np.random.default_rng(15).normal(size=(50, 10)).round(2)
    one_off, one_below, other_winner, broken = (logits.copy() for _ in range(4))
    one_off[7, np.argmin(logits[7])] += 0.5
    one_below[9, np.argmin(logits[9])] -= 0.5
    best, second = np.argsort(logits[3])[[-1, -2]]
    logits_tie = logits.copy()
    other_winner[3, second], logits_tie[3, second] = logits[3, best] + 1e-4, logits[3, best] - 1e-4
    broken[0, np.argmax(logits[0])] = np.nan  # argmax takes nan for the largest: the answers still agree
    return [
        (logits, logits, 1e-4),
        (one_off, logits, 0.01),
        (one_below, logits, 0.01),
        (other_winner, logits_tie, 0.01),
        (logits + 5e-5, logits, 1e-4),
        (broken, logits, 1e-4),
    ]


# 15.4
def to_int8(weights: Array) -> tuple[Array, float]:
    scale = float(np.abs(weights).max()) / 127
    return np.round(weights / scale).astype(np.int8), scale


def restore_int8(answer: Any, weights: Array) -> Array:
    """What is compared: the weights as they come back."""
    result = answer(weights) if callable(answer) else answer
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake("return two things: the whole numbers, and the scale")
    whole, scale = result
    if not isinstance(whole, np.ndarray) or whole.dtype != np.int8:
        kind = f"dtype {whole.dtype}" if isinstance(whole, np.ndarray) else f"a {type(whole).__name__}"
        raise Mistake(f"the first thing should be an array of dtype int8, yours is {kind}: .astype(np.int8)")
    return np.asarray(whole).astype(np.float32) * np.float32(scale)


def weights_to_pack() -> list[tuple[Array]]:
    random = np.random.default_rng(16)
    return [
        (random.normal(size=(20, 30)).astype(np.float32),),
        (np.array([-3.0, -1.2, 0.0, 0.4, 1.0], np.float32),),
        (np.array([0.1, 2.0, 0.333, 1.25], np.float32),),
    ]


EXERCISES = [
    Exercise(
        number="15.1", title="A convolution without PyTorch", name="conv2d_numpy", minutes=12, difficulty="hard",
        starter="def conv2d_numpy(maps, kernels, bias):\n"
        '    """Maps (C, H, W), kernels (O, C, h, w), bias (O,) to maps (O, H-h+1, W-w+1)."""\n    ...',
        answer=conv2d_numpy, cases=images_and_kernels,
        praise="equal to nn.Conv2d, in plain NumPy. Every engine that runs networks, in a phone or a browser, has "
        "these two lines at its heart.",
        hints=(
            "For each output map o: slide over all input maps at once, multiply by kernels[o], sum, and add bias[o].",
            "np.lib.stride_tricks.sliding_window_view(maps, (h, w), axis=(1, 2)) gives all patches, shaped (C, H-h+1, "
            "W-w+1, h, w).",
            'np.einsum("cyxij,ocij->oyx", patches, kernels) does all the sums; the bias needs the shape (O, 1, 1).',
        ),
        wrong=(
            edit("kernels) + bias", "kernels[:, :, ::-1, ::-1]) + bias",
                "your kernels are turned by 180 degrees: that is convolution as mathematicians write it. Networks use "
                "cross-correlation, without the turn (lesson 05)."),
            edit(" + bias[:, None, None]", "",
                "nearly: every map is off by a constant, its bias. Add bias[:, None, None]."),
            edit("patches =", "kernels = kernels.swapaxes(2, 3)\n    patches =",
                "rows and columns of the kernel are exchanged. Its axes are (output, input, row, column)."),
            edit("patches, kernels)", "patches[:1], kernels[:, :1])",
                "only the first input map is used. Each output map is a sum over all input maps."),
        ),
    ),
    Exercise(
        number="15.2", title="Pooling and ReLU without PyTorch", name="pool_and_relu", minutes=8, difficulty="medium",
        starter="def pool_and_relu(maps):\n"
        '    """The largest of each 2x2 block, and 0 where that is negative: (C, H, W) to (C, H/2, W/2)."""\n    ...',
        answer=pool_and_relu, cases=maps_of_even_size,
        praise="equal to PyTorch's. A reshape put each block on axes of its own; nothing was copied pixel by pixel.",
        hints=(
            "Split each side in two axes with a reshape: (C, H, W) to (C, H/2, 2, W/2, 2).",
            "Take the maximum over the two axes of length 2, then np.maximum(..., 0).",
        ),
        wrong=(
            edit("maximum(blocks.max(", "maximum(blocks.mean(",
                "these are the means of the blocks; the network was trained with their maxima."),
            edit("np.maximum(blocks.max(axis=(2, 4)), 0)", "blocks.max(axis=(2, 4))",
                "the pooling is right, but negative values are still there: ReLU makes them 0."),
            edit("blocks.max(axis=(2, 4))", "blocks[:, :, 0, :, 0]",
                "this takes every second pixel. The largest of each block of four may be one of the other three."),
            edit("height // 2, 2, width // 2, 2)", "2, height // 2, 2, width // 2).transpose(0, 2, 1, 4, 3)",
                "the reshape splits each side into two halves, not into pairs of neighbours. The axis of length 2 "
                "must come second: (C, H/2, 2, W/2, 2)."),
        ),
    ),
    Exercise(
        number="15.3", title="A parity test that cannot be fooled",
        name="is_equal_network", minutes=8, difficulty="medium",
        starter="def is_equal_network(ours, theirs, tolerance):\n"
        '    """Whether two networks gave the same logits (N, 10), up to the tolerance, and the same '
        'answers."""\n    ...',
        answer=is_equal_network, cases=logits_to_compare,
        praise="it notices one bad value in five hundred, a changed answer, and nan. A test of equality is only worth "
        "what it would notice.",
        hints=(
            "Look at the largest absolute difference of all. A mean hides one bad value among many good ones.",
            "The answers, the argmax of each row, must agree too. And nan compares as false with everything: is your "
            "test still false then?",
        ),
        wrong=(
            edit("max()", "mean()", " and same_answers", "",
                "an average hides faults: one logit of five hundred was wrong by 0.5 and your test said equal. Use "
                "the largest difference."),
            edit("np.abs(ours - theirs)", "(ours - theirs)", " and same_answers", "",
                "you compare ours minus theirs without its absolute value: a value that is far too low passes. Take "
                "np.abs first."),
            edit("largest <= tolerance and ", "",
                "the answers can agree while the logits do not, and then the next digit may differ. Compare the "
                "logits as well."),
            edit(" and same_answers", "",
                "all differences are within the tolerance, but in one row the two best logits are so close that "
                "another digit wins. Compare the answers, argmax(1), as well."),
            edit("largest <= tolerance", "not largest > tolerance",
                "one logit was nan, not a number, and your test said equal: nan > tolerance is false. Ask whether all "
                "differences *are* within the tolerance, not whether any is beyond it."),
        ),
    ),
    Exercise(
        number="15.4", title="Weights as small whole numbers", name="to_int8", minutes=8, difficulty="medium",
        starter="def to_int8(weights):\n"
        '    """Whole numbers from -127 to 127 (dtype int8), and the scale that gives the weights back."""\n    ...',
        answer=to_int8, cases=weights_to_pack, observe=restore_int8,
        praise="a quarter of the size, and no weight is off by more than half a step. Phones compute with such "
        "numbers directly.",
        hints=(
            "The scale is the size of one step: the largest absolute weight divided by 127.",
            "Divide by the scale, round to the nearest whole number (np.round), then .astype(np.int8). Return both.",
        ),
        wrong=(
            edit("np.round", "",
                "astype cuts off what is behind the point, so every weight moves towards zero. Round first: "
                "np.round."),
            edit("127", "128", "astype(np.int8", "astype(np.int16).astype(np.int8",
                "int8 ends at 127. With 128 steps the largest weight wraps round to -128. Divide by 127."),
            edit("np.abs(weights)", "weights", ".astype", ".clip(-128, 127).astype",
                "the scale comes from the largest weight, but the most negative one may be larger in size, and is cut "
                "off. Use np.abs(weights).max()."),
            edit(".astype(np.int8), scale", ".astype(np.int8), 1 / scale",
                "the whole numbers are right, but the scale is upside down: whole number times scale must give the "
                "weight back."),
        ),
    ),
]
