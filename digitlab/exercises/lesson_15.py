"""Exercises of lesson 15, ship it: convolution and pooling in plain NumPy, a parity test, weights in 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake, call, call_without

Array = npt.NDArray[Any]


def maps_of(answer: Any, *inputs: Array) -> Any:
    """What the answer returns without PyTorch; its maps may come in a list."""
    maps = call_without("", "The receiver has no PyTorch: NumPy's arrays must do")(answer, *inputs)
    return np.asarray(maps) if isinstance(maps, list) else maps


def draw(seed: int, *shapes: tuple[int, ...]) -> tuple[Array, ...]:
    random = np.random.default_rng(seed)
    return tuple(random.normal(size=shape).astype(np.float32) for shape in shapes)


# 15.1
def conv2d_numpy(maps: Array, kernels: Array, bias: Array) -> Array:
    patches = np.lib.stride_tricks.sliding_window_view(maps, kernels.shape[2:], axis=(1, 2))
    return np.einsum("cyxij,ocij->oyx", patches, kernels) + bias[:, None, None]


# 15.2
def pool_and_relu(maps: Array) -> Array:
    channels, height, width = maps.shape
    blocks = maps.reshape(channels, height // 2, 2, width // 2, 2)
    return np.maximum(blocks.max(axis=(2, 4)), 0)


# 15.3
def is_equal_network(ours: Array, theirs: Array, tolerance: float) -> bool:
    largest = np.abs(ours - theirs).max()
    same_answers = (ours.argmax(1) == theirs.argmax(1)).all()
    return bool(largest <= tolerance and same_answers)


def logits_to_compare() -> list[tuple[Array, Array, float, str]]:
    """Logits of two networks, the tolerance, and how the two differ."""
    logits = np.random.default_rng(15).normal(size=(50, 10)).round(2)
    halves = (2 * logits).round() / 2  # without rounding errors: 0.5 more is exactly the tolerance

    def changed(row: int, ranks: Any, change: Any) -> Array:
        """The logits with a change in one row, at the given ranks from the smallest, 0, to the largest, -1."""
        other = logits.copy()
        other[row, logits[row].argsort()[ranks]] += change
        return other

    return [
        (logits, logits, 1e-4, "nothing differs"),
        (changed(7, 0, 0.5), logits, 0.1, "one logit is too high"),
        (changed(9, 0, -0.5), logits, 0.1, "one logit is too low"),
        (changed(11, -1, 0.5), logits, 0.1, "the winner's logit is too high"),
        (changed(4, -2, -2.0), logits, 0.1, "a logit is -1 instead of 1"),
        (changed(2, [0, 1], [0.72, -0.72]), logits, 0.1, "two logits are exchanged"),
        (changed(0, -1, np.nan), logits, 1e-4, "a logit is nan"),  # argmax takes nan for the largest
        (changed(5, -2, 0.03), logits, 0.1, "another digit wins"),
        (logits, changed(5, -2, 0.03), 0.1, "another digit wins"),
        (logits + 0.05, logits, 0.1, "all differ by half the tolerance"),
        (halves + 0.5, halves, 0.5, "all differ by the tolerance"),
        (logits + 0.05, logits, 0.01, "all differ by five tolerances"),
        (1000 * changed(5, 0, 5e-6), 1000 * logits, 1e-3, "one differs by five tolerances"),
    ]


def what_it_says(answer: Any, ours: Array, theirs: Array, tolerance: float, how: str) -> Any:
    """The verdict in words, so that a wrong one shows what was overlooked."""
    says = call(answer, ours, theirs, tolerance)
    is_verdict = np.ndim(says) == 0 and np.asarray(says).dtype == bool
    return f"{'equal' if says else 'unequal'}, where {how}" if is_verdict else says


# 15.4
def to_int8(weights: Array) -> tuple[Array, float]:
    scale = float(np.abs(weights).max()) / 127
    return np.round(weights / scale).astype(np.int8), scale


def restore_int8(answer: Any, weights: Array) -> Any:
    """What is compared: the weights as they come back."""
    result = call(answer, weights)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake("return two things: the whole numbers, and the scale")
    whole, scale = result
    if not isinstance(whole, np.ndarray) or whole.dtype != np.int8:
        kind = f"of dtype {whole.dtype}" if isinstance(whole, np.ndarray) else f"a {type(whole).__name__}"
        raise Mistake(f"the first thing should be the whole numbers, an array of dtype int8; yours is {kind}")
    if np.size(scale) != 1:
        raise Mistake(f"you return {np.size(scale)} scales, and all weights should share one: .max() without axis")
    return whole.astype(np.float32) * np.float32(scale)


EXERCISES = [
    Exercise(
        number="15.1", title="A convolution without PyTorch", name="conv2d_numpy", minutes=12, difficulty="hard",
        starter="def conv2d_numpy(maps, kernels, bias):\n"
        '    """Maps (C, H, W), kernels (O, C, h, w), bias (O,) to maps (O, H-h+1, W-w+1)."""\n    ...',
        answer=conv2d_numpy, observe=maps_of,
        cases=lambda: [draw(13, (1, 7, 7), (1, 1, 3, 3), (1,)), draw(14, (3, 9, 8), (4, 3, 5, 4), (4,))],
        praise="equal to nn.Conv2d, in plain NumPy. Every engine that runs networks, in a phone or a browser, has "
        "these sums at its heart.",
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
            edit("patches, kernels)", "patches[:1], kernels[:, :1])",
                "only the first input map is used. Each output map is a sum over all input maps."),
            edit(" + bias[:, None, None]", "",
                "nearly: every map is off by a constant, its bias. Add bias[:, None, None]."),
            edit("bias[:, None, None]", "len(maps) * bias[:, None, None]",
                "the bias is added once for each input map. It belongs to the output map: add it once, after the sum "
                "over the input maps."),
            edit("    return ", "    maps = ", "bias[:, None, None]",
                "bias[:, None, None]\n    maps[:, -1], maps[:, :, -1] = 0, 0\n    return maps",
                "the last row and the last column of every map are still 0: there are H - h + 1 places for the kernel, "
                "and range(H - h) stops one too early."),
            edit("kernels) +", "kernels) / len(maps) +",
                "right for a single input map. With several you take their mean, and a convolution adds them up: do not "
                "divide by their number."),
            edit("patches =", "kernels = kernels.swapaxes(2, 3)\n    patches =",
                "rows and columns of the kernel are exchanged. Its axes are (output, input, row, column)."),
        ),
    ),
    Exercise(
        number="15.2", title="Pooling and ReLU without PyTorch", name="pool_and_relu", minutes=8, difficulty="medium",
        starter="def pool_and_relu(maps):\n"
        '    """The largest of each 2x2 block, and 0 where that is negative: (C, H, W) to (C, H/2, W/2)."""\n    ...',
        answer=pool_and_relu, cases=lambda: [draw(14, (2, 6, 8))], observe=maps_of,
        praise="equal to PyTorch's. A reshape can put each block on axes of its own, and then no loop runs over the "
        "pixels.",
        hints=(
            "Split each side in two axes with a reshape: (C, H, W) to (C, H/2, 2, W/2, 2).",
            "Take the maximum over the two axes of length 2, then np.maximum(..., 0).",
        ),
        wrong=(
            edit("maps.reshape(channels, height // 2, 2, width // 2, 2)",
                "maps.reshape(channels, height // 2, width // 2, 2, 2)", "(2, 4)", "(3, 4)",
                "your reshape puts four neighbours of one *row* together. A block is two pixels of one row and two of "
                "the next: (C, H/2, 2, W/2, 2), and the maximum over the two axes of length 2."),
            edit("blocks.max(axis=(2, 4))", "np.lib.stride_tricks.sliding_window_view(maps, (2, 2), axis=(1, 2))"
                ".max(axis=(3, 4))[:, : height // 2, : width // 2]",
                "your blocks overlap and reach only half as far as the maps: the block of place (y, x) begins at "
                "row 2 * y and column 2 * x."),
            edit("blocks.max(axis=(2, 4))", "blocks[:, :, 0, :, 0]",
                "this takes every second pixel. The largest of each block of four may be one of the other three."),
            edit("np.maximum(", "np.max(",
                "np.max(..., 0) takes the largest along axis 0. np.maximum(..., 0) compares each number with 0."),
            edit("np.maximum(", "np.minimum(",
                "everything positive has become 0: np.minimum keeps the smaller of the two. Take np.maximum(..., 0)."),
            edit("height // 2, 2, width // 2, 2)", "2, height // 2, 2, width // 2).transpose(0, 2, 1, 4, 3)",
                "the reshape splits each side into two halves, not into pairs of neighbours. The axis of length 2 "
                "must come second: (C, H/2, 2, W/2, 2)."),
            edit("blocks.max(", "np.abs(blocks).max(",
                "a large negative value has become a large positive one: ReLU does not take the absolute value, it "
                "makes negative values 0."),
            edit("np.maximum(blocks.max(axis=(2, 4)), 0)", "blocks.max(axis=(2, 4))",
                "the pooling is right, but negative values are still there: ReLU makes them 0."),
            edit("maximum(blocks.max(", "maximum(blocks.mean(",
                "these are the means of the blocks; the network was trained with their maxima."),
        ),
    ),
    Exercise(
        number="15.3", title="A parity test that cannot be fooled",
        name="is_equal_network", minutes=8, difficulty="medium",
        starter="def is_equal_network(ours, theirs, tolerance):\n"
        '    """Whether two networks gave the same logits (N, 10), up to the tolerance, and the same '
        'answers."""\n    ...',
        answer=is_equal_network, cases=logits_to_compare, observe=what_it_says,
        praise="it notices one bad value in five hundred, a changed answer, and nan. A test of equality is only worth "
        "what it would notice.",
        hints=(
            "Look at the largest absolute difference of all. A mean hides one bad value among many good ones.",
            "The answers, the argmax of each row, must agree too. And nan compares as false with everything: is your "
            "test still false then?",
        ),
        wrong=(
            edit("max()", "mean()",
                "one logit of five hundred was wrong by 0.5 and your test said equal: a mean overlooks it, and equal "
                "answers are not enough. The largest difference must be within the tolerance, too."),
            edit("np.abs(ours - theirs)", "(ours - theirs)",
                "one logit was far too low and your test said equal: ours minus theirs is negative there. Take np.abs "
                "of it first."),
            edit(" and same_answers", "",
                "all differences are within the tolerance, but in one row the two best logits are so close that "
                "another digit wins. Compare the answers, argmax(1), as well."),
            edit("largest <= tolerance", "not largest > tolerance",
                "one logit was nan, not a number, and your test said equal: nan > tolerance is false. Ask whether all "
                "differences *are* within the tolerance, not whether any is beyond it."),
            edit("largest <= tolerance", "np.allclose(ours, theirs, atol=tolerance)",
                "where the logits are in the thousands, one was off by five times the tolerance, and your test said "
                "equal: np.allclose also allows 1e-5 of each number's size. Switch that off with rtol=0."),
        ),
    ),
    Exercise(
        number="15.4", title="Weights as small whole numbers", name="to_int8", minutes=8, difficulty="medium",
        starter="def to_int8(weights):\n"
        '    """Whole numbers from -127 to 127 (dtype int8), and the scale that gives the weights back."""\n    ...',
        answer=to_int8, cases=lambda: [draw(16, (20, 30)), draw(17, (5,))], observe=restore_int8,
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
            edit("np.abs(weights)", "weights",
                "some weights come back with the other sign: the scale comes from the largest weight, and the most "
                "negative one, which may be larger in size, does not fit. Use np.abs(weights).max()."),
            edit("scale = float(np.abs(weights).max()) / 127", "scale = (weights.max() - weights.min()) / 255",
                "the largest weights come back with the other sign: the range was divided into 255 steps, but 0 need "
                "not be in its middle. Let 127 be the largest *absolute* weight."),
            edit("127", "255", "astype(np.int8", "astype(np.int16).astype(np.int8",
                "the large weights come back with the other sign: 255 steps on *each* side do not fit into int8. The "
                "255 steps go from -127 to 127: divide by 127."),
            edit("127", "128", "astype(np.int8", "astype(np.int16).astype(np.int8",
                "int8 ends at 127. With 128 steps the largest weight wraps round to -128. Divide by 127."),
            edit(".astype(np.int8), scale", ".astype(np.int8), 1 / scale",
                "the whole numbers are right, but the scale is upside down: whole number times scale must give the "
                "weight back."),
            edit("scale = float(np.abs(weights).max()) / 127", "scale = 1.0",
                "every weight was rounded to a whole number, and most became 0. Divide by the scale first."),
            edit("np.round", "np.floor",
                "the weights come back too low, by up to a whole step: np.floor rounds down. Round to the nearest: "
                "np.round."),
        ),
    ),
]
