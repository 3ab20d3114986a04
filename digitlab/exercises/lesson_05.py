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
    """Three channels in, four out, nothing of it square, and another number of images each time; three other kernels.

    A piece that sticks out is told by its size: so the first stride is 3, and each case has a number of its own.
    """
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
    """Lay a kernel over small pictures, and say where the sum is not above, below or at zero, as asked."""
    try:
        weights = torch.as_tensor(kernel).detach().double()
    except (TypeError, ValueError, RuntimeError):
        raise Mistake("the kernel should be a tensor: torch.tensor([[., ., .], [., ., .], [., ., .]])") from None
    if weights.shape != (3, 3):
        raise Mistake(f"the kernel should have 3 rows of 3 numbers; its shape is {tuple(weights.shape)}")
    if not bool(weights.isfinite().all()):
        raise Mistake("some numbers of the kernel are infinite or not a number (nan)")
    if not weights.any():
        raise Mistake("nine zeros give zero on everything: the kernel needs numbers above and below zero")
    ink_below = torch.tensor([[0.0] * 3, [0.5] * 3, [1.0] * 3])
    found = {"even ink": weights.sum(), "an upper edge": (ink_below * weights).sum()}
    found["a lower edge"] = (ink_below.flip(0) * weights).sum()
    if abs(found["even ink"]) < 1e-4:  # else it answers to all ink, that of an upright edge included
        found["an upright edge"] = (ink_below.T * weights).sum()
        if found["an upper edge"] > 1e-4:
            found["an upright edge at its rim"] = weights[:, 2].sum()
    wanted = {"an upper edge": "above zero", "a lower edge": "below zero"}
    faults = []
    for picture, total in found.items():
        sign = "zero" if abs(total) < 1e-4 else "above zero" if total > 0 else "below zero"
        if sign != wanted.get(picture, "zero"):
            faults.append(f"{picture} gives {sign}")
    if not faults and min(weights[1:].sum(), weights[2].sum()) < -1e-4:  # that edge was soft; these are sharp
        faults.append("an upper edge gives below zero where paper turns to ink from one row to the next")
    if faults:
        raise Mistake(f"laid over small pictures, your kernel is not yet as asked: {', '.join(faults)}")
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
                "one too few every time: you counted the steps between the places. "
                "A fence has one post more than gaps."),
            edit(" 2 *", "",
                "right without padding, too small with it: "
                "padding is added at both ends, so the length grows by twice as much."),
            edit(" + 2 * padding", "",
                "right without padding, but `padding` is not used: it makes the image longer at both ends."),
            edit("(size + 2 * padding - kernel) // stride", "size + 2 * padding - kernel // stride",
                "far too many with a stride above 1: // binds more strongly than -, so only the kernel is divided. "
                "Put (size + 2 * padding - kernel) in brackets."),
            edit(") // stride", ") / stride",
                "right where the steps fit evenly, but elsewhere a fraction comes out, and a map has no half row. "
                "A kernel that would stick out is not placed at all: divide with //."),
            edit("(size + 2 * padding - kernel) // stride", "-(-(size + 2 * padding - kernel) // stride)",
                "right where the steps fit evenly, but elsewhere you round up: "
                "that last kernel would stick out of the image. PyTorch leaves it out, so round down, with //."),
            edit(" // stride", "",
                "right with stride 1, but `stride` is not used: larger steps find fewer places. Divide by it."),
            edit(") // stride + 1", " + 1) // stride",
                "the first place costs no step, so its 1 is added after the division, not before. "
                "With stride 1 the two are the same."),
            edit(" - kernel) // stride + 1", " - kernel + 1) // stride + 1",
                "one too many with stride 1, and often with others: the place where the kernel starts was counted "
                "twice, inside the brackets and behind them. Inside is how far it can move, size + 2 * padding - "
                "kernel."),
            edit(" - kernel) // stride + 1", ") // stride",
                "the kernel's size has no say in this. It must fit into the image as a whole, so it can move by "
                "size + 2 * padding - kernel pixels only."),
            edit("size + 2", "size - 2",
                "right without padding, too small with it: padding makes the image longer, and you subtract it."),
            edit("(size + 2 * padding - kernel) // stride + 1", "(size - kernel) // stride + 1 + 2 * padding",
                "right without padding, or with stride 1. Padding makes the *image* longer, and the stride divides "
                "that, too: add it inside the brackets."),
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
                "your kernels are turned by 180 degrees. That is convolution as mathematics has it; "
                "deep learning's conv2d lays the kernel on as it is (cross-correlation)."),
            edit(" + bias\n", "\n",
                "nearly: each output map is off by the same amount everywhere. "
                "That amount is its bias; add bias[channel]."),
            edit("images = F.pad", "stride = 1\n    images = F.pad",
                "right with stride 1, but `stride` is not used otherwise: your map is larger than it should be."),
            edit("    images = F.pad(images, (padding, padding, padding, padding))\n", "",
                "right without padding, but `padding` is not used otherwise: "
                "put that many rows and columns of zeros around the images first, with F.pad."),
            edit("row * stride, column * stride", "row, column",
                "the shape is right, but with a stride above 1 your patches still move by one pixel at a time. "
                "The patch for output row r begins at row r * stride."),
            edit("patch.flatten(1) @ weight.flatten(1).T", "patch[:, :1].flatten(1) @ weight[:, :1].flatten(1).T",
                "only the first channel that comes in counts here. Add up all of them: patch.flatten(1) holds them all."),
            edit("(padding, padding, padding, padding)", "(padding, padding)",
                "right without padding; with it the map has too few rows: F.pad with two numbers pads left and right only. "
                "It takes four: left, right, top, bottom."),
            edit("output[:, :, row, column] =", "output[:, :, column, row] =",
                "there are fewer rows than your code counts: row and column have changed places where you write the "
                "result. The row comes first: output[:, :, row, column]."),
            edit("len(weight), height, width)", "len(weight), width, height)",
                "there are fewer columns than your code counts: the output was made with width and height exchanged. "
                "The height comes first: torch.zeros(len(images), len(weight), height, width)."),
            edit("top, left = row * stride, column * stride", "left, top = row * stride, column * stride",
                "a patch came out too small: at the end of the wide side there are no more rows. The rows of a "
                "patch begin at row * stride, its columns at column * stride; yours are exchanged."),
            edit("top : top + kernel_height, left : left + kernel_width", "left : left + kernel_width, top : top + kernel_height",
                "a patch came out too small: you cut the columns' piece out of the rows and the rows' piece out of the "
                "columns. Rows come first: images[:, :, top : top + kernel_height, left : left + kernel_width]."),
            edit("kernel_height, kernel_width = weight", "kernel_width, kernel_height = weight",
                "right for square kernels only: you read the kernel's height as its width. Its sizes stand in the order "
                "(C_out, C_in, height, width)."),
            edit("(images.shape[2] - kernel", "(images.shape[2] - 2 * padding - kernel",
                "(images.shape[3] - kernel", "(images.shape[3] - 2 * padding - kernel",
                "right without padding; with it the map is too small: its size was worked out from the image before "
                "it was padded. Take the padded image's sizes."),
            edit("images.shape[3] - kernel_width", "images.shape[2] - kernel_height",
                "right for square images and kernels only: work out the width from images.shape[3] and the kernel's width."),
            edit("    return output\n", "    return output.permute(0, 2, 3, 1)\n",
                "the channels come last here. PyTorch puts them second: (B, C_out, H', W')."),
            edit("weight.flatten(1).T", "weight.flatten(1).T / weight.shape[1]",
                "the channels should be added up; you took their mean."),
            edit("+ bias", "+ bias * weight.shape[1]",
                "the bias was added once for every channel that comes in. "
                "It belongs to the output map: add it once, after the sum."),
            edit("top : top + kernel_height, left : left + kernel_width",
                "top : top + kernel_width, left : left + kernel_height",
                "the pieces begin where they should, but their sides are exchanged: a patch is as many rows high as "
                "the kernel, and as many columns wide. Rows come first."),
            edit("kernel_height) // stride + 1", "kernel_height) + 1",
                "kernel_width) // stride + 1", "kernel_width) + 1",
                "a patch came out empty, with a stride above 1. Are there as many places as the stride leaves, "
                "(length - kernel) // stride + 1? And does a piece end at row * stride + kernel_height, and not before?"),
            edit("(images.shape[2] - kernel", "(images.shape[2] + 2 * padding - kernel",
                "(images.shape[3] - kernel", "(images.shape[3] + 2 * padding - kernel",
                "a patch came out too small, with padding: it was counted twice. Once the images are padded, their "
                "sizes hold it already; work out the places without 2 * padding, or from the sizes before."),
            edit("images = F.pad(images, (padding, padding, padding, padding))", "pass",
                "(images.shape[2] - kernel", "(images.shape[2] + 2 * padding - kernel",
                "(images.shape[3] - kernel", "(images.shape[3] + 2 * padding - kernel",
                "a patch came out too small, with padding: the places were counted for a padded image, and the patches "
                "are cut from one that is not. Pad first, with F.pad."),
            edit("images = F.pad(images, (padding, padding, padding, padding))", "stride = 1",
                "right with stride 1 and no padding, but neither of the two is used otherwise. "
                "Pad the images first, and begin each patch at row * stride, column * stride."),
            edit("images = F.pad(images, (padding, padding, padding, padding))", "stride = 1", " + bias\n", "\n",
                "three things are not used yet: bias, stride and padding. Begin with the bias, which is added to each "
                "map; then pad the images; then begin each patch at row * stride, column * stride."),
            edit("(padding, padding, padding, padding))", "(padding, padding, padding, padding), value=1)",
                "right without padding; with it there are numbers other than zero around your images. "
                "F.pad puts zeros there by itself."),
            edit("weight.flatten(1)", "weight.mT.flatten(1)",
                "your kernels lie on their side: height and width have changed places before the product. "
                "Flatten weight as it is, weight.flatten(1)."),
            edit("return output", "return output.permute(2, 3, 0, 1).reshape(output.shape)",
                "the numbers are right, but stand in the wrong places: a stack of the places has the shape (H' * W', "
                "B, C_out), and reshape does not move them. Move the first dimension to the end before: .permute(1, 2, "
                "0)."),
            edit("return output", "return output.permute(0, 2, 3, 1).reshape(output.shape)",
                "the numbers are right, but stand in the wrong places: the channels came last, and reshape does not "
                "move them. Move the dimension before: permute."),
            edit("len(weight), height", "weight.shape[1], height",
                "the output has as many maps as channels came *in*. It has one for each kernel: "
                "C_out is the first size of weight, len(weight)."),
            edit("patch.flatten(1) @ weight.flatten(1).T +", "(patch.flatten(1) @ weight.flatten(1).T).sum(dim=0) +",
                "all images give the same maps: their sums were added up. A .sum() without a dimension takes the "
                "images, too; keep them apart, .sum(dim=(1, 2, 3)) of a patch times a kernel."),
            edit("    return output", "    output[1:] = 0\n    return output",
                "the first image is right, and the others are 0: they are not worked on. "
                "Leave the first dimension whole, as in images[:, ...], or go through it, too."),
            edit("patch.flatten(1) @ weight.flatten(1).T", "patch[:, -1:].flatten(1) @ weight[:, -1:].flatten(1).T",
                "only the last channel that comes in counts here. If you go through the channels in a loop, each one "
                "must be added to those before: +=."),
            edit("kernel_height, kernel_width = weight.shape[2:]", "kernel_height = kernel_width = weight.shape[2]",
                "right for square kernels only: you take the kernel's height for its width. Its sizes stand in the "
                "order (C_out, C_in, height, width)."),
            edit("kernel_height, kernel_width = weight.shape[2:]", "kernel_height = kernel_width = weight.shape[3]",
                "right for square kernels only: you take the kernel's width for its height. Its sizes stand in the "
                "order (C_out, C_in, height, width)."),
            edit("weight.flatten(1).T", "weight.flatten(1)",
                "the two do not fit: each has a row of 18 numbers for a patch or for a kernel. Turn the kernels' rows "
                "into columns, weight.flatten(1).T."),
            edit("patch.flatten(1)", "patch.flatten()",
                "all images of a patch have run together into one row. Keep one row for each image: patch.flatten(1)."),
            edit("(padding, padding, padding, padding)", "padding",
                "F.pad takes four numbers, for left, right, top and bottom: (padding, padding, padding, padding)."),
            edit("kernel_height) // stride + 1", "kernel_height) // stride",
                "kernel_width) // stride + 1", "kernel_width) // stride",
                "one row and one column too few: the place where the kernel starts counts as well. "
                "It is (length - kernel) // stride + 1."),
            edit("range(height)", "range(0, height, stride)", "range(width)", "range(0, width, stride)",
                "with a stride above 1 most places are still 0: the stride is in the loops and in the patch. Go "
                "through all rows and columns of the output, range(height)."),
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
            WrongAnswer(UPPER_EDGE.flip(0),
                "upside down: this one answers to lower edges, where the ink is above. Turn the signs round."),
            WrongAnswer(UPPER_EDGE.T.clone(),
                "this finds upright edges: it compares left with right. "
                "Compare above with below: turn it by a quarter."),
            WrongAnswer(torch.ones(3, 3) / 9,
                "this is a kind of blur: even ink and both edges give more than zero, so it answers to ink, edge or no "
                "edge. Let the nine numbers sum to zero."),
            WrongAnswer(torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]) - 1 / 9,
                "upper edges yes, but it answers to even ink as well: the nine numbers do not sum to zero."),
            WrongAnswer(torch.tensor([[-1.0, -1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]),
                "upper edges yes, but upright edges too: this is a slanted edge. "
                "Make the three numbers of each row equal."),
            WrongAnswer(torch.tensor([[-1.0, -2.0, -1.0], [1.0, -2.0, 1.0], [1.0, 2.0, 1.0]]),
                "upper edges yes, but some upright edges too, those that begin at the rim of the kernel. "
                "Make the three numbers of each row equal."),
            WrongAnswer(torch.tensor([[-1.0, -1.0, -1.0], [-1.0, 8.0, -1.0], [-1.0, -1.0, -1.0]]),
                "upper and lower edges get the same answer: above zero on the side of the ink, below zero on the side of "
                "the paper, and zero in all. So it finds edges, not *upper* ones. Set the upper row against the lower one."),
            WrongAnswer(-UPPER_EDGE.T,
                "this finds upright edges, those with the ink on the left: it compares left with right. "
                "Compare above with below: turn it by a quarter."),
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
            edit("amax", "mean", "this is the mean of each block (average pooling). Take the largest value instead."),
            edit("blocks.amax(dim=(3, 5))", "maps.unfold(2, size, 1).unfold(3, size, 1).amax(dim=(4, 5))",
                "your blocks overlap: each begins one pixel after the last. "
                "They should lie side by side, so move by `size`."),
            edit("= height // size, width // size",
                "= -(-height // size), -(-width // size)\n"
                "    maps = F.pad(maps, (0, columns * size - width, 0, rows * size - height), value=-torch.inf)",
                "right where the blocks fit, but you keep a last, smaller block. "
                "PyTorch leaves out what does not fill a block."),
            edit("rows, size, columns, size)", "rows, columns, size, size)", "(3, 5)", "(4, 5)",
                "the shape is right, but your blocks are not squares of neighbours: "
                "reshape reads the numbers row by row. Cut H into (rows, size) "
                "and W into (columns, size), in that order, and take the maximum along both sizes."),
            edit("maps[:, :, : rows * size, : columns * size]", "maps",
                "right where the blocks fit; else reshape complains, because rows or columns are left over. "
                "Cut them off first: maps[:, :, : rows * size, : columns * size]."),
            edit("blocks.amax(dim=(3, 5))", "blocks[:, :, :, 0, :, 0]",
                "this keeps the upper left value of each block, whatever it is. Take the largest of the block."),
            edit("amax(dim=(3, 5))", "amax(dim=(3, 5)).clamp_min(0)",
                "right for values above zero, but a block of negative numbers gives 0 here. "
                "Its largest value is negative; start from the block's own values, not from zero."),
            edit("blocks.amax", "blocks.abs().amax",
                "a large negative value counts as large here. Leave out the abs()."),
            edit("amax(dim=(3, 5))", "amax(dim=(3, 5)).amax(dim=1, keepdim=True).expand(-1, channels, -1, -1)",
                "all channels give the same maps: you took the largest across channels, too. "
                "Each map is pooled by itself."),
            edit("blocks.amax(dim=(3, 5))", "blocks.amax(dim=(0, 1, 3, 5)).expand(n, channels, rows, columns)",
                "all images and channels give the same numbers: .max() without a dimension takes the largest of the "
                "whole block, over all of them. Take it along the last two only: .amax(dim=(2, 3)) of a block."),
            edit("blocks.amax(dim=(3, 5))", "maps.unfold(2, size, 1).unfold(3, size, 1)[:, :, :rows, :columns].amax(dim=(4, 5))",
                "the shape is right, but your blocks overlap: block r begins at row r instead of r * size, and so "
                "with the columns. Cut out maps[:, :, r * size : (r + 1) * size, c * size : (c + 1) * size]."),
            edit("= height // size, width // size", "= height // 2, width // 2",
                "rows * size, : columns * size]", "rows * 2, : columns * 2]",
                "rows, size, columns, size)", "rows, 2, columns, 2)",
                "right for blocks of 2 by 2, but `size` is given, and may be another."),
            edit("blocks = maps[:, :, : rows * size, : columns * size]",
                "blocks = maps[:, :, height - rows * size :, width - columns * size :]",
                "right where the blocks fit; else you leave out the first rows and columns. "
                "Start at the upper left and leave out the last."),
            edit("blocks.amax(dim=(3, 5))", "maps.amax(dim=(2, 3))",
                "one number came back for each map, the largest of it all. Asked for is the largest of each *block*: "
                "cut the map into blocks first."),
            edit("rows, size, columns, size)", "rows, 2, columns, 2)",
                "right for blocks of 2 by 2; with others reshape stops, for there are more values than its sizes say. "
                "Write `size` instead of the 2."),
            edit("amax(dim=(3, 5))", "amax(dim=(2, 4))",
                "you took the largest over the blocks instead of within them. Of the six dimensions the two `size` "
                "count within a block: the fourth and the sixth, dim=(3, 5)."),
            edit("rows, size, columns, size)", "size, rows, size, columns)", "dim=(3, 5)", "dim=(2, 4)",
                "the shape is right, but your blocks are not squares of neighbours: (size, rows) cuts the height into "
                "`size` long pieces. It is (rows, size) for H and (columns, size) for W."),
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
            edit("out_channels * in_channels *", "out_channels * in_channels * in_channels *",
                "right for one input channel. With more, your weights are too many: in_channels is in the product twice."),
            edit("weights + biases", "(weights + biases) * in_channels",
                "right for one input channel. With more, all is counted in_channels times too often: the weights "
                "have that factor already, and a bias needs none."),
            edit("biases = out_channels", "biases = out_channels * in_channels",
                "a bias too many: it belongs to the output channel, "
                "and is added once, after the sum over input channels."),
            edit("kernel_size * kernel_size", "kernel_size * 2",
                "kernel_size times 2 is two rows of it. A kernel has kernel_size rows of kernel_size weights: ** 2."),
            edit("out_channels * in_channels", "(out_channels + in_channels)",
                "the channels are added here. Each output channel has a kernel for every input channel: multiply."),
            edit("kernel_size * kernel_size", "kernel_size",
                "a kernel has two sides: kernel_size * kernel_size weights."),
            edit("biases = out_channels", "biases = 1",
                "the weights are right, and there is one bias in all. Each output channel has its own."),
            edit("biases = out_channels", "biases = in_channels",
                "the weights are right; the biases belong to the channels that come out, not to those that go in."),
            edit("weights + biases", "(weights + biases) * (28 - kernel_size + 1) ** 2",
                "you counted the weights anew for every place. "
                "They are shared: the same kernel is used at all places, which is the whole point."),
            WrongAnswer(lambda *_: 260,
                "right for the course's first layer, and 260 came out for other layers, too: that number was typed in. "
                "Work it out from the three that you are given."),
            edit("out_channels * in_channels *", "in_channels *",
                "this is one output channel's weights. Each output channel has kernels of its own: times "
                "out_channels."),
            edit("kernel_size * kernel_size", "25",
                "right for kernels of 5 by 5; but `kernel_size` is given, and may be another."),
            edit("biases = out_channels", "biases = in_channels + out_channels",
                "the weights are right; only the channels that come out have a bias, not those that go in."),
            edit("biases = out_channels", "biases = kernel_size",
                "the weights are right; there is one bias for each output channel, whatever the kernel's size."),
        ),
    ),
]
