"""Exercises of lesson 15, ship it: convolution and pooling in plain NumPy, a parity test, weights in 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor
from torch.overrides import TorchFunctionMode

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import CHANGED_ITS_INPUT, Mistake, call

Array = npt.NDArray[Any]


class NoTorch(TorchFunctionMode):
    """PyTorch without any of its functions, down to the indexing of a tensor."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise Mistake("your code computes with PyTorch, and the receiver has none: NumPy's arrays must do")


def call_with_arrays(answer: Any, *inputs: Any, within: TorchFunctionMode | None = None) -> Any:
    """What the answer returns; a division by 0 in it is not worth a warning."""
    try:
        with np.errstate(all="ignore"):
            return call(answer, *inputs, within=within)
    except Mistake as mistake:
        if str(mistake) != CHANGED_ITS_INPUT:
            raise
        raise Mistake("your code changed its input in place; work on a copy, array.copy()") from None


def maps_of(answer: Any, *inputs: Array) -> Array:
    """What is compared: the maps as an array; they may come as lists of numbers."""
    maps = call_with_arrays(answer, *inputs, within=NoTorch())
    if maps is None:
        raise Mistake("your code returns nothing (None): is the `return` missing?")
    if isinstance(maps, Tensor):
        raise Mistake("return a NumPy array; yours is a tensor of PyTorch")
    return np.asarray(maps)


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
    """Pairs of logits that are equal or slightly off, and pairs that differ in one way each."""
    logits = np.random.default_rng(15).normal(size=(50, 10)).round(2)
    one_off, one_below, other_winner, tie, broken, exchanged, flipped = (logits.copy() for _ in range(7))
    one_off[7, np.argmin(logits[7])] += 0.5
    one_below[9, np.argmin(logits[9])] -= 0.5
    best, second = np.argsort(logits[3])[[-1, -2]]
    other_winner[3, second], tie[3, second] = logits[3, best] + 1e-4, logits[3, best] - 1e-4
    broken[0, np.argmax(logits[0])] = np.nan  # argmax takes nan for the largest: the answers still agree
    third, last = np.argsort(logits[2])[[-3, 0]]
    exchanged[2, third], exchanged[2, last] = logits[2, last], logits[2, third]
    flipped[4, np.argsort(logits[4])[-2]] *= -1
    winner = logits.copy()
    winner[11, np.argmax(logits[11])] += 0.5
    halves = (2 * logits).round() / 2  # without rounding errors: 0.5 more is exactly the tolerance
    large, large_off = 1000 * logits, 1000 * logits
    large_off[5, np.argmin(logits[5])] += 5e-3  # little beside the logit, and five times the tolerance
    return [
        (logits, logits, 1e-4),
        (one_off, logits, 0.1),
        (one_below, logits, 0.1),
        (other_winner, tie, 0.01),
        (tie, other_winner, 0.01),
        (halves + 0.5, halves, 0.5),
        (logits + 5e-5, logits, 1e-4),
        (broken, logits, 1e-4),
        (large_off, large, 1e-3),
        (logits + 0.05, logits, 0.1),
        (logits + 1e-4, logits, 0.1),
        (logits + 0.05, logits, 0.01),
        (exchanged, logits, 0.1),
        (flipped, logits, 0.1),
        (winner, logits, 0.1),
    ]


# 15.4
def to_int8(weights: Array) -> tuple[Array, float]:
    scale = float(np.abs(weights).max()) / 127
    return np.round(weights / scale).astype(np.int8), scale


def restore_int8(answer: Any, weights: Array) -> Array:
    """What is compared: the weights as they come back."""
    result = call_with_arrays(answer, weights)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake("return two things: the whole numbers, and the scale")
    whole, scale = result
    if isinstance(scale, np.ndarray) and scale.ndim and not np.ndim(whole):
        raise Mistake("the order is the other way round: the whole numbers first, then the scale.")
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
        answer=conv2d_numpy, cases=images_and_kernels, observe=maps_of,
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
            edit(" + bias[:, None, None]", "",
                "nearly: every map is off by a constant, its bias. Add bias[:, None, None]."),
            edit("patches =", "kernels = kernels.swapaxes(2, 3)\n    patches =",
                "rows and columns of the kernel are exchanged. Its axes are (output, input, row, column)."),
            edit("patches, kernels)", "patches[:1], kernels[:, :1])",
                "only the first input map is used. Each output map is a sum over all input maps."),
            edit("return ", "maps = ", "None, None]", "None, None]\n    return maps.astype(int)",
                "your maps hold whole numbers: what is behind the point was cut off. Make them floats."),
            edit("kernels) +", "kernels) / kernels[0].size +",
                "these are means, and a convolution is a sum: the products are added up and not divided by their "
                "number."),
            edit("kernels) +", "kernels) / len(maps) +",
                "right for a single input map. With several you take their mean, and a convolution adds them up: do not "
                "divide by their number."),
            edit("bias[:, None, None]", "bias[0]",
                "every map gets the first bias. Output map o has a bias of its own, bias[o]."),
            edit("bias[:, None, None]", "len(maps) * bias[:, None, None]",
                "the bias is added once for each input map. It belongs to the output map: add it once, after the sum "
                "over the input maps."),
            edit("    return ", "    maps = ", "bias[:, None, None]",
                "bias[:, None, None]\n    maps[:, -1], maps[:, :, -1] = 0, 0\n    return maps",
                "the last row and the last column of every map are still 0: there are H - h + 1 places for the kernel, "
                "and range(H - h) stops one too early."),
            edit("    return ", "    result = ", "bias[:, None, None]", "bias[:, None, None]\n"
                "    larger = np.zeros((len(kernels), *maps.shape[1:]))\n"
                "    larger[:, : result.shape[1], : result.shape[2]] = result\n    return larger",
                "your maps are as large as the input. Without padding a kernel of 3 rows has two places less: "
                "H - h + 1."),
            edit("    patches = np", '    import torch\n    return torch.nn.functional.conv2d('
                "*(torch.from_numpy(each) for each in (maps[None], kernels, bias)))[0].numpy()\n    patches = np",
                "your code computes with PyTorch, and the receiver has none: NumPy's arrays must do"),
        ),
    ),
    Exercise(
        number="15.2", title="Pooling and ReLU without PyTorch", name="pool_and_relu", minutes=8, difficulty="medium",
        starter="def pool_and_relu(maps):\n"
        '    """The largest of each 2x2 block, and 0 where that is negative: (C, H, W) to (C, H/2, W/2)."""\n    ...',
        answer=pool_and_relu, cases=maps_of_even_size, observe=maps_of,
        praise="equal to PyTorch's. A reshape can put each block on axes of its own, and then no loop runs over the "
        "pixels.",
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
            edit(", 0)", ", 0).astype(int)",
                "your maps hold whole numbers: what is behind the point was cut off. Make them floats."),
            edit("blocks.max(", "blocks.min(",
                "these are the smallest of each block; the network was trained with the largest."),
            edit("blocks.max(", "blocks.sum(",
                "these are the sums of the blocks; the network was trained with their maxima."),
            edit("blocks.max(", "np.abs(blocks).max(",
                "a large negative value has become a large positive one: ReLU does not take the absolute value, it "
                "makes negative values 0."),
            edit("np.maximum(blocks.max(axis=(2, 4)), 0)", "np.abs(blocks.max(axis=(2, 4)))",
                "where all four of a block are negative, yours gives a positive number: ReLU is no absolute value. It makes "
                "negative values 0: np.maximum(..., 0)."),
            edit("np.maximum(", "np.minimum(",
                "everything positive has become 0: np.minimum keeps the smaller one of the two. Take np.maximum(..., "
                "0)."),
            edit("np.maximum(blocks.max(axis=(2, 4)), 0)", "np.maximum(maps, 0)",
                "the negative values are gone, but nothing was pooled: each block of 2x2 becomes one value."),
            edit("blocks.max(axis=(2, 4))",
                "np.lib.stride_tricks.sliding_window_view(maps, (2, 2), axis=(1, 2)).max(axis=(3, 4))",
                "your blocks overlap: the window moves by one pixel. Let it move by two."),
            edit("blocks.max(axis=(2, 4))", "np.lib.stride_tricks.sliding_window_view(maps, (2, 2), axis=(1, 2))"
                ".max(axis=(3, 4))[:, : height // 2, : width // 2]",
                "your blocks overlap and reach only half as far as the maps: the block of place (y, x) begins at "
                "row 2 * y and column 2 * x."),
            edit("blocks.max(axis=(2, 4))", "blocks.max(axis=(0, 2, 4))[None].repeat(channels, axis=0)",
                "right for a single map. With several you take the largest of all maps together: each has its own."),
            edit("np.maximum(", "np.max(",
                "np.max(..., 0) takes the largest along axis 0. np.maximum(..., 0) compares each number with 0."),
            edit("maps.reshape(channels, height // 2, 2, width // 2, 2)",
                "maps.reshape(channels, height // 2, width // 2, 4, 1)", "(2, 4)", "(3, 4)",
                "your reshape puts four neighbours of one *row* together. A block is two pixels of one row and two of "
                "the next: (C, H/2, 2, W/2, 2), and the maximum over the two axes of length 2."),
            edit("np.maximum(blocks.max(axis=(2, 4)), 0)", "torch.from_numpy(blocks).amax((2, 4)).relu().numpy()",
                "    channels", "    import torch\n    channels",
                "your code computes with PyTorch, and the receiver has none: NumPy's arrays must do"),
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
        answer=is_equal_network, cases=logits_to_compare, observe=call_with_arrays,
        praise="it notices one bad value in five hundred, a changed answer, and nan. A test of equality is only worth "
        "what it would notice.",
        hints=(
            "Look at the largest absolute difference of all. A mean hides one bad value among many good ones.",
            "The answers, the argmax of each row, must agree too. And nan compares as false with everything: is your "
            "test still false then?",
        ),
        wrong=(
            edit("max()", "mean()",
                "an average hides faults: one logit of five hundred was wrong by 0.5 and your test said equal. Use "
                "the largest difference."),
            edit("max()", "mean()", " and same_answers", "",
                "one logit of five hundred was wrong by 0.5 and your test said equal: an average hides faults. Use the "
                "largest difference, and compare the answers as well."),
            edit("np.abs(ours - theirs)", "(ours - theirs)",
                "you compare ours minus theirs without its absolute value: a value that is far too low passes. Take "
                "np.abs first."),
            edit("np.abs(ours - theirs)", "(ours - theirs)", " and same_answers", "",
                "a value that is far too low passes: ours minus theirs needs its absolute value. And compare the "
                "answers as well."),
            edit("np.abs(ours - theirs).max()", "np.sqrt(((ours - theirs) ** 2).mean())",
                "one logit of five hundred was wrong by 0.5 and your test said equal: a root of a *mean* square is an "
                "average too. Use the largest difference."),
            edit("largest <= tolerance", "np.allclose(ours, theirs, atol=tolerance)",
                "where the logits are in the thousands, one was off by five times the tolerance, and your test said "
                "equal: np.allclose also allows 1e-5 of each number's size. Switch that off with rtol=0."),
            edit("largest <= tolerance", "np.allclose(ours, theirs, atol=tolerance)", " and same_answers", "",
                "where the logits are in the thousands, one was off by five times the tolerance, and your test said "
                "equal: np.allclose also allows 1e-5 of each number's size (rtol=0 switches that off). And compare "
                "the answers as well."),
            edit("largest <= tolerance", "np.allclose(ours, theirs)",
                "the tolerance is not used: np.allclose has one of its own. Give it atol=tolerance and rtol=0."),
            edit("largest <= tolerance", "largest <= 1e-4",
                "two pairs differ by 0.05; with a tolerance of 0.1 they are equal, with 0.01 not, and your test says "
                "the same of both. Use the tolerance that is handed in."),
            edit("largest <= tolerance", "largest < tolerance",
                "where the largest difference is exactly the tolerance, your test says unequal. Up to the tolerance "
                "includes it: <=."),
            edit("largest <= tolerance", "largest == 0",
                "networks that differ by rounding only are told apart: the tolerance is not used."),
            edit("tolerance and same_answers", "tolerance or same_answers",
                "one logit was wrong by 0.5 and your test said equal, because the answers agree. *Both* must hold: "
                "and, not or."),
            edit("np.abs(ours - theirs)", "np.abs(np.abs(ours) - np.abs(theirs))",
                "a logit that had changed its sign passed: compare ours - theirs, and take the absolute value of "
                "*that*."),
            edit("np.abs(ours - theirs)", "np.abs(np.sort(ours) - np.sort(theirs))",
                "two logits of one row had been exchanged, and your test said equal: do not sort them, each belongs "
                "to its digit."),
            edit("largest <= tolerance", "(np.abs(ours - theirs) <= tolerance).any()",
                "one logit was wrong by 0.5 and your test said equal: any() is content with a single pair that agrees. "
                "All must."),
            edit("np.abs(ours - theirs).max()", "np.abs(ours.sum() - theirs.sum())",
                "you compare two sums, in which small differences add up and opposite ones cancel. Compare logit by "
                "logit, and take the largest difference."),
            edit("np.abs(ours - theirs).max()", "np.linalg.norm(ours - theirs)",
                "small differences everywhere are within the tolerance, and your test said unequal: a norm or a sum "
                "adds them all up. Use the largest one."),
            edit("np.abs(ours - theirs).max()", "(np.abs(ours - theirs) / np.abs(theirs)).max()",
                "you divide each difference by the logit, and near 0 that makes rounding look large. The tolerance is "
                "for the difference itself."),
            edit("np.abs(ours - theirs).max()", "np.abs(ours.max(1) - theirs.max(1)).max()",
                "one logit of five hundred was wrong by 0.5 and your test said equal: you look at the largest logit of "
                "each row only. Compare all of them."),
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
            edit("np.abs(weights)", "weights",
                "some weights come back with the other sign: the scale comes from the largest weight, and the most "
                "negative one, which may be larger in size, does not fit. Use np.abs(weights).max()."),
            edit("np.round", "np.floor",
                "the weights come back too low, by up to a whole step: np.floor rounds down. Round to the nearest: "
                "np.round."),
            edit("np.round", "np.ceil",
                "the weights come back too high, by up to a whole step: np.ceil rounds up. Round to the nearest: "
                "np.round."),
            edit("scale = float(np.abs(weights).max()) / 127", "scale = (weights.max() - weights.min()) / 255",
                "the largest weights come back with the other sign: the range was divided into 255 steps, but 0 need "
                "not be in its middle. Let 127 be the largest *absolute* weight."),
            edit("scale = float(np.abs(weights).max()) / 127", "scale = (weights.max() - weights.min()) / 254",
                "large weights come back wrong: the whole range was divided into 254 steps, but 0 need not be in "
                "its middle. Let 127 be the largest *absolute* weight."),
            edit("scale = float(np.abs(weights).max()) / 127", "scale = (weights.max() - weights.min()) / 254",
                ".astype", ".clip(-127, 127).astype",
                "weights are cut off, or are coarser than they need be: the whole range was divided into 254 steps, "
                "but 0 need not be in its middle. Let 127 be the largest *absolute* weight."),
            edit("scale = float(np.abs(weights).max()) / 127", "scale = (weights.max() - weights.min()) / 254",
                "weights / scale", "(weights - weights.min()) / scale - 127",
                "whole number times scale does not give the weights back: they are shifted. Some formats keep such a "
                "zero point beside the scale; here there is a scale only, so 0 must stay 0."),
            edit("scale = float(np.abs(weights).max()) / 127", "scale = 1 / 127",
                "large weights come back wrong: you take it that they lie between -1 and 1. Let 127 stand for the "
                "largest weight there is."),
            edit("scale = float(np.abs(weights).max()) / 127", "scale = 1.0",
                "every weight was rounded to a whole number, and most became 0. Divide by the scale first."),
            edit(".astype(np.int8), scale", ".astype(np.int8), scale * 127",
                "the weights come back 127 times too large: hand over the size of one step, not the largest weight."),
            edit("np.abs(weights).max()", "np.abs(weights).mean()",
                "large weights come back wrong: the scale comes from the *mean* weight, and most are too large for "
                "it. Take the largest."),
            edit("float(np.abs(weights).max())", "np.abs(weights).max(axis=0)",
                "each column has a scale of its own. That is done too, but here one scale is asked for: .max() "
                "without axis."),
            edit("float(np.abs(weights).max())", "np.abs(weights).max(axis=-1, keepdims=True)",
                "each row has a scale of its own. That is done too, and keeps more, but here one scale is asked for: "
                ".max() without axis."),
            edit("float(np.abs(weights).max())", "np.abs(weights).max(axis=1, keepdims=True)",
                "your code asks for the largest of each row, axis=1, and some weights, the biases, have one dimension only. "
                "One scale is asked for: .max() without axis."),
            edit("127", "255", ".astype", ".clip(-127, 127).astype",
                "the large weights come back too small: with 255 steps on *each* side they do not fit into int8, and clip "
                "cuts them off. The 255 steps go from -127 to 127: divide by 127."),
            edit("127", "255", ".astype", ".clip(-128, 127).astype",
                "the large weights are cut off at -128 and 127: 255 steps on *each* side do not fit into int8. The 255 steps "
                "go from -127 to 127: divide by 127."),
            edit("127", "255", "astype(np.int8", "astype(np.int16).astype(np.int8",
                "the large weights come back with the other sign: 255 steps on *each* side do not fit into int8. The 255 "
                "steps go from -127 to 127: divide by 127."),
            edit("weights / scale", "weights * scale",
                "nearly every weight became 0: you multiply by the scale. Divide by it."),
            edit("np.round(weights / scale).astype(np.int8), scale", "scale, np.round(weights / scale).astype(np.int8)",
                "the order is the other way round: the whole numbers first, then the scale."),
            edit("np.abs(weights)", "weights", ".astype", ".clip(-128, 127).astype",
                "the scale comes from the largest weight, but the most negative one may be larger in size, and is cut "
                "off. Use np.abs(weights).max()."),
            edit(".astype(np.int8), scale", ".astype(np.int8), 1 / scale",
                "the whole numbers are right, but the scale is upside down: whole number times scale must give the "
                "weight back."),
        ),
    ),
]
