"""Exercises of lesson 05, convolution by hand: the output's size, conv2d, a kernel of one's own, max-pooling, parameters."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from digitlab.exercises import Exercise, WrongAnswer, edit
from digitlab.exercises.checking import Mistake, call_without


# 05.1
def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    return (size + 2 * padding - kernel) // stride + 1


# 05.2
def conv2d(images: Tensor, weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
    images = F.pad(images, (padding, padding, padding, padding))
    kernel_height, kernel_width = weight.shape[2:]
    height = (images.shape[2] - kernel_height) // stride + 1
    width = (images.shape[3] - kernel_width) // stride + 1
    output = torch.zeros(len(images), len(weight), height, width)
    for row in range(height):
        for column in range(width):
            top, left = row * stride, column * stride
            patch = images[:, :, top : top + kernel_height, left : left + kernel_width]
            output[:, :, row, column] = patch.flatten(1) @ weight.flatten(1).T + bias
    return output


def layers() -> list[tuple[Any, ...]]:
    """Three channels in, four out, nothing of it square, another number of images each time; then other kernels."""
    generator = torch.Generator().manual_seed(4)
    images = torch.randn(5, 3, 7, 9, generator=generator)
    weight = torch.randn(4, 3, 3, 2, generator=generator)
    bias = torch.randn(4, generator=generator)
    options = ((3,), (), (3, 2), (1, 1))
    cases = [(images[:n], weight, bias, *each) for n, each in enumerate(options, start=2)]
    return [*cases, (images[:1], weight[1:].mT, bias[:3])]


# 05.3
UPPER_EDGE = torch.tensor([[-1.0, -1.0, -1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])


def what_it_finds(kernel: Any) -> str:
    """Lay a kernel over small pictures of ink on paper: is the sum above zero, or zero, where it should be?"""
    try:
        weights = torch.as_tensor(kernel).detach().double()
    except (TypeError, ValueError, RuntimeError):
        raise Mistake("the kernel should be a tensor: torch.tensor([[., ., .], [., ., .], [., ., .]])") from None
    if weights.shape != (3, 3):
        raise Mistake(f"the kernel should have 3 rows of 3 numbers; its shape is {tuple(weights.shape)}")
    rows, columns = weights.sum(dim=1), weights.sum(dim=0)
    found = [
        ("even ink", weights.sum(), "zero"),
        ("an upright edge", columns[1] / 2 + columns[2], "zero"),  # paper, half ink, ink
        ("an upper edge", rows[1] / 2 + rows[2], "above zero"),  # and a lower one below: together they are even ink
        ("a sharp upright edge", columns[2], "zero"),
        ("a sharp upper edge", min(rows[1] + rows[2], rows[2]), "zero or above zero"),
    ]
    for picture, total, wanted in found:
        sign = "zero" if abs(total) < 1e-4 else "above zero" if total > 0 else "below zero"
        if sign not in wanted.split(" or "):
            raise Mistake(f"laid over {picture}, your kernel gives {sign}, but should give {wanted}")
    return "as asked"


# 05.4
def max_pool2d(maps: Tensor, size: int) -> Tensor:
    n, channels, height, width = maps.shape
    rows, columns = height // size, width // size
    blocks = maps[:, :, : rows * size, : columns * size].reshape(n, channels, rows, size, columns, size)
    return blocks.amax(dim=(3, 5))


def maps_to_pool() -> list[tuple[Tensor, int]]:
    """Maps that fit, maps with rows and columns left over, a single one of each image, and maps below zero."""
    maps = torch.randn(2, 3, 7, 8, generator=torch.Generator().manual_seed(5))
    return [(maps[:, :, :6, :6], 3), (maps[:, :1, :, :7], 2), (maps[:1, :, :5, :6] - 4, 2)]


# 05.5
def conv_parameters(in_channels: int, out_channels: int, kernel_size: int) -> int:
    weights = out_channels * in_channels * kernel_size * kernel_size
    biases = out_channels
    return weights + biases


EXERCISES = [
    Exercise(
        number="05.1", title="How large is the map?", name="output_size", minutes=6, difficulty="easy",
        starter="def output_size(size, kernel, stride=1, padding=0):\n"
        '    """How many places a kernel finds along one side of an image, a whole number."""\n    ...',
        answer=output_size,
        cases=lambda: [(28, 5), (24, 2, 2), (28, 3, 1, 1), (28, 5, 2, 2), (28, 3, 2, 1), (7, 2, 2), (11, 4, 3)],
        praise="that one line answers most shape errors you will ever meet. Keep it near: a network is a chain of these, "
        "and pooling obeys it too (stride equal to size).",
        hints=(
            "Without padding and with stride 1, a kernel of 5 fits into 28 pixels at 24 places: 28 - 5 + 1.",
            "Padding makes the image longer at both ends: size + 2 * padding.",
            "The kernel can be moved (length - kernel) pixels. In steps of `stride` that is (length - kernel) // stride "
            "steps, and the place where it started counts as well.",
        ),
        wrong=(
            edit(" + 1", "",
                "one too few every time: you counted the steps between the places. A fence has one more post."),
            edit(" 2 *", "",
                "right without padding, too small with it: padding is added at both ends, so it counts twice."),
            edit("(size + 2 * padding - kernel) // stride", "size + 2 * padding - kernel // stride",
                "too many with a stride above 1: // binds more strongly than -, so only the kernel is divided."),
            edit("(size + 2 * padding - kernel) // stride", "-(-(size + 2 * padding - kernel) // stride)",
                "right where the steps fit evenly; else you round up, and the last kernel would stick out. Use //."),
            edit(") // stride + 1", " + 1) // stride",
                "with stride 1 it is right. The first place costs no step, so its 1 is added after the division."),
            edit("(size + 2 * padding - kernel) // stride + 1", "(size - kernel) // stride + 1 + 2 * padding",
                "right without padding, or with stride 1. Padding makes the *image* longer: add it before //."),
            edit(" - kernel) // stride + 1", " - kernel + 1) // stride + 1",
                "one too many: the place where the kernel starts was counted twice, inside the brackets and behind."),
            edit(" - kernel) // stride + 1", ") // stride",
                "the kernel's size has no say in this: it can move by size + 2 * padding - kernel pixels only."),
        ),
    ),
    Exercise(
        number="05.2", title="Convolution, the whole layer", name="conv2d", minutes=15, difficulty="hard",
        starter="def conv2d(images, weight, bias, stride=1, padding=0):\n"
        '    """Images (B, C_in, H, W), weight (C_out, C_in, kh, kw), bias (C_out,) to maps (B, C_out, H\', W\')."""\n    ...',
        answer=conv2d, cases=layers, observe=call_without("conv"),
        praise="equal to F.conv2d. Each patch is a small image and each kernel its template, so the heart of it is the "
        "matrix product of lesson 02, made once for every place.",
        hints=(
            "Pad first: F.pad(images, (padding, padding, padding, padding)). Then work out height and width of the output, "
            "and make it with torch.zeros(len(images), len(weight), height, width).",
            "Loop over row and column of the *output*. Its patch begins at row * stride, column * stride, and holds all "
            "images and all channels: images[:, :, top : top + kh, left : left + kw].",
            "patch.flatten(1) is (B, C_in*kh*kw) and weight.flatten(1) is (C_out, C_in*kh*kw). Their product, "
            "patch.flatten(1) @ weight.flatten(1).T + bias, is (B, C_out): output[:, :, row, column].",
        ),
        wrong=(
            edit("weight.flatten(1)", "weight.flip(2, 3).flatten(1)",
                "your kernels are turned by 180 degrees. That is convolution as mathematics has it; deep learning's "
                "conv2d lays the kernel on as it is (cross-correlation)."),
            edit(" + bias\n", "\n",
                "nearly: each output map is off by the same amount everywhere. That amount is its bias: add it."),
            edit("images = F.pad", "stride = 1\n    images = F.pad",
                "right with stride 1, but `stride` is not used: your map is larger than it should be. The patch for "
                "output row r begins at row r * stride."),
            edit("    images = F.pad(images, (padding, padding, padding, padding))\n", "",
                "right without padding, but `padding` is not used: put that many rows and columns of zeros around the "
                "images first, with F.pad."),
            edit("row * stride, column * stride", "row, column",
                "the shape is right, but with a stride above 1 your patches still move by one pixel at a time. The "
                "patch for output row r begins at row r * stride."),
            edit("patch.flatten(1) @ weight.flatten(1).T", "patch[:, :1].flatten(1) @ weight[:, :1].flatten(1).T",
                "only the first channel that comes in counts here: patch.flatten(1) holds all of them."),
            edit("patch.flatten(1) @ weight.flatten(1).T", "patch[:, -1:].flatten(1) @ weight[:, -1:].flatten(1).T",
                "only the last channel that comes in counts here. In a loop, each one is added to those before: +=."),
            edit("(padding, padding, padding, padding)", "(padding, padding)",
                "right without padding; with it the map has too few rows: F.pad with two numbers pads left and right "
                "only. It takes four: left, right, top, bottom."),
            edit("+ bias", "+ bias * weight.shape[1]",
                "the bias was added once for every channel that comes in. Add it once, to the output map."),
            edit("(images.shape[2] - kernel", "(images.shape[2] + 2 * padding - kernel",
                "(images.shape[3] - kernel", "(images.shape[3] + 2 * padding - kernel",
                "a patch came out too small: padding was counted twice. Once the images are padded, their sizes hold "
                "it already: leave out 2 * padding there."),
            edit("patch.flatten(1) @ weight.flatten(1).T +", "(patch.flatten(1) @ weight.flatten(1).T).sum(dim=0) +",
                "all images give the same maps: their sums were added up. A .sum() without a dimension takes the "
                "images, too; keep them apart, .sum(dim=(1, 2, 3)) of a patch times a kernel."),
            edit("kernel_height, kernel_width = weight.shape[2:]", "kernel_height = kernel_width = weight.shape[2]",
                "right for square kernels only: the height is weight.shape[2], and the width weight.shape[3]."),
            edit("range(height)", "range(0, height, stride)", "range(width)", "range(0, width, stride)",
                "with a stride above 1 most places are still 0: the stride is in the loops and in the patch. Go "
                "through all rows and columns of the output, range(height)."),
            edit("weight.flatten(1).T", "weight.flatten(1).T / weight.shape[1]",
                "the channels should be added up; you took their mean."),
        ),
    ),
    Exercise(
        number="05.3", title="Design a kernel", name="upper_edge", minutes=6, difficulty="medium",
        starter="# 3 rows of 3 numbers: above zero on an upper edge, below zero on a lower one, zero on even ink and upright edges\n"
        "upper_edge = ...",
        answer=UPPER_EDGE, observe=what_it_finds, code=f"upper_edge = torch.tensor({UPPER_EDGE.tolist()})",
        praise="a pattern of plus and minus that sums to zero ignores brightness and answers to change only. "
        "In lesson 06 nobody designs a kernel: the loss decides what they look for.",
        hints=(
            "On even ink the sum of the nine numbers comes out. It must be zero, so some numbers are negative.",
            "An upper edge has paper above and ink below: what should the sign of the upper row be, and of the lower row?",
            "Left and right should not matter: make the three numbers of each row equal.",
        ),
        wrong=(
            WrongAnswer(torch.ones(3, 3) / 9,
                "even ink gives more than zero: it answers to ink, edge or no edge. Let the nine numbers sum to zero."),
            WrongAnswer(UPPER_EDGE.T.clone(),
                "it answers to upright edges: it compares left with right. Make the three numbers of each row equal."),
            WrongAnswer(torch.tensor([[-1.0, -1.0, -1.0], [-1.0, 8.0, -1.0], [-1.0, -1.0, -1.0]]),
                "an upper edge gives zero, as a lower one does: it may find edges, but not *upper* ones. Set the upper "
                "row against the lower one."),
        ),
    ),
    Exercise(
        number="05.4", title="Max-pooling", name="max_pool2d", minutes=10, difficulty="medium",
        starter="def max_pool2d(maps, size):\n"
        '    """Maps (B, C, H, W) to (B, C, H // size, W // size): the largest value of each block."""\n    ...',
        answer=max_pool2d, cases=maps_to_pool, observe=call_without("pool"),
        praise="equal to F.max_pool2d. It has no parameters: nothing in it is learnt. What the network learns is what to put "
        "into the maps so that the largest value is worth keeping.",
        hints=(
            "With H and W divisible by size, `maps.reshape(B, C, H // size, size, W // size, size)` cuts each map into "
            "blocks. Two of the six dimensions count within a block: which?",
            "`.amax(dim=(3, 5))` takes the largest along both. (Two loops over output rows and columns do as well.)",
            "Rows and columns that do not fill a block are left out: cut first, maps[:, :, : rows * size, : columns * size].",
        ),
        wrong=(
            edit("rows, size, columns, size)", "rows, columns, size, size)", "(3, 5)", "(4, 5)",
                "your blocks are not squares of neighbours: reshape reads the numbers row by row. Cut H into (rows, "
                "size) and W into (columns, size), in that order, and take the maximum along both sizes."),
            edit("amax(dim=(3, 5))", "amax(dim=(3, 5)).clamp_min(0)",
                "a block of negative numbers gives 0 here. Start from the block's own values, not from zero."),
            edit("blocks.amax(dim=(3, 5))", "blocks.amax(dim=(0, 1, 3, 5)).expand(n, channels, rows, columns)",
                "all images and channels give the same numbers: .max() without a dimension takes the largest over all "
                "of them. Take it along the last two only: .amax(dim=(2, 3)) of a block."),
            edit("blocks.amax(dim=(3, 5))",
                "maps.unfold(2, size, 1).unfold(3, size, 1)[:, :, :rows, :columns].amax(dim=(4, 5))",
                "your blocks overlap: block r begins at row r instead of r * size, and so with the columns. Cut out "
                "maps[:, :, r * size : (r + 1) * size, c * size : (c + 1) * size]."),
            edit("amax(dim=(3, 5))", "amax(dim=(2, 4))",
                "you took the largest over the blocks instead of within them. Of the six dimensions the two `size` "
                "count within a block: the fourth and the sixth, dim=(3, 5)."),
            edit("amax", "mean", "this is the mean of each block (average pooling). Take the largest value instead."),
            edit("blocks.amax(dim=(3, 5))", "blocks[:, :, :, 0, :, 0]",
                "this keeps the upper left value of each block, whatever it is. Take the largest of the block."),
            edit("blocks.amax", "blocks.abs().amax",
                "a large negative value counts as large here. Leave out the abs()."),
            edit("amax(dim=(3, 5))", "amax(dim=(3, 5)).amax(dim=1, keepdim=True).expand(-1, channels, -1, -1)",
                "all channels give the same maps: you took the largest across channels, too. "
                "Each map is pooled by itself."),
            edit("amax", "amin", "this is the smallest value of each block. Take the largest."),
        ),
    ),
    Exercise(
        number="05.5", title="Count the parameters", name="conv_parameters", minutes=4, difficulty="easy",
        starter="def conv_parameters(in_channels, out_channels, kernel_size):\n"
        '    """Numbers to learn in a convolution with square kernels and a bias."""\n    ...',
        answer=conv_parameters, cases=lambda: [(1, 10, 5), (10, 20, 5), (3, 64, 3)],
        praise="and notice what is missing from the formula: the size of the image. The same 260 numbers of the "
        "course's first layer would serve a photograph.",
        hints=(
            "Each output channel has one kernel for every input channel, and one bias.",
            "out_channels * in_channels * kernel_size * kernel_size weights, and then the biases.",
        ),
        wrong=(
            edit("weights + biases", "weights", "the weights are right; each output channel also has a bias."),
            edit("out_channels * in_channels * kernel_size", "out_channels * kernel_size",
                "right for one input channel. With more, each output channel has a kernel for every one of them."),
            edit("biases = out_channels", "biases = out_channels * in_channels",
                "biases too many: each output channel has one. It is added after the sum over input channels."),
            edit("kernel_size * kernel_size", "kernel_size",
                "a kernel has two sides: kernel_size * kernel_size weights."),
            edit("biases = out_channels", "biases = 1",
                "the weights are right. Each channel that comes out has a bias, and nothing else has: out_channels."),
            edit("weights + biases", "(weights + biases) * (28 - kernel_size + 1) ** 2",
                "you counted the weights anew for every place. They are shared: one kernel is used at all places."),
            edit("out_channels * in_channels *", "out_channels * in_channels * in_channels *",
                "right for one input channel. With more, in_channels is in the product twice."),
            edit("kernel_size * kernel_size", "kernel_size * 2",
                "kernel_size times 2 is two rows of it. A kernel has kernel_size rows of kernel_size weights."),
            edit("out_channels * in_channels", "(out_channels + in_channels)",
                "the channels are added here. Each output channel has a kernel for every input channel: multiply."),
            edit("out_channels * in_channels *", "in_channels *",
                "this is one output channel's weights. Each output channel has its own: times out_channels."),
        ),
    ),
]
