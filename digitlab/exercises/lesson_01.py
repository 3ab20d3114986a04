"""Exercises of lesson 01, meet the digits: class counts, the IDX file, normalisation, and a stratified split."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import numpy as np
import torch
from torch import Tensor

from digitlab.data import load_sample
from digitlab.exercises import Exercise, WrongAnswer, edit
from digitlab.exercises.checking import Mistake, names_used
from digitlab.exercises.kinds_of_split import kind_of_split


# 01.1
def class_counts(labels: Tensor) -> Tensor:
    return torch.stack([(labels == digit).sum() for digit in range(10)])


def some_labels() -> list[tuple[Tensor]]:
    """Ordinary labels, and a small pile without any four, eight or nine."""
    return [(load_sample("test").labels[:300],), (torch.tensor([3, 1, 1, 5, 2, 6, 5, 3, 5, 7, 0]),)]


def counts_as_tensor(answer: Any, labels: Tensor) -> Any:
    """Ten whole numbers are as good as a tensor of integers, in a list, in an array, or as floats."""
    if names_used(answer) & {"train", "test"}:
        raise Mistake("your code counts the labels of train or test. Count `labels`, whatever comes under that name")
    result = answer(labels)
    if isinstance(result, list | tuple | np.ndarray):
        with contextlib.suppress(TypeError, ValueError, RuntimeError):  # no numbers: described as what it is
            result = torch.tensor([float(n) for n in result])
    if isinstance(result, Tensor) and result.is_floating_point() and result.equal(result.round()):
        result = result.long()
    return result


# 01.2
def idx_shape(data: bytes) -> tuple[int, ...]:
    n_sizes = data[3]
    starts = [4 + 4 * i for i in range(n_sizes)]
    return tuple(int.from_bytes(data[start : start + 4], "big") for start in starts)


def idx_files() -> list[tuple[bytes]]:
    """A file of images and one of labels, more than fit into one byte and into two, and one of another shape."""
    digits = load_sample("test")
    contents = (digits.images[:300], digits.labels.to(torch.uint8).repeat(35), digits.images[0, :12])
    headers = [struct.pack(f">4B{each.ndim}I", 0, 0, 8, each.ndim, *each.shape) for each in contents]
    return [(header + each.numpy().tobytes(),) for header, each in zip(headers, contents, strict=True)]


HEADER_OF_200_MILLION = struct.pack(">4BI", 0, 0, 8, 1, 200_000_000)  # all four bytes of the size count


TOO_LARGE = "a size came out larger than four bytes can hold: cut out four for each, data[4:8] for the first"


def compare_sizes(answer: Any, data: bytes) -> Any:
    """The sizes may come as a tuple, a list, an array or a tensor; wrong ones are told beside the header's bytes."""
    wanted = idx_shape(data)
    result = answer(data)
    if isinstance(result, int):
        raise Mistake(TOO_LARGE if result >= 2**32 else f"you return one number, {result}; asked for are all sizes, (N,) or [N] if there is one")
    if not isinstance(result, list | tuple | bytes | Tensor | np.ndarray):
        return result
    if not isinstance(result, bytes) and any(isinstance(size, bytes) for size in result):
        raise Mistake("these are pieces of the file, not numbers yet")
    sizes = tuple(int(size) for size in result)
    if any(size >= 2**32 for size in sizes):
        raise Mistake(TOO_LARGE)
    if sizes != wanted:
        first = ", ".join(map(str, sizes[:4])) + (" and so on" if len(sizes) > 4 else "")
        values = "pixels" if len(wanted) == 3 else "values"
        is_beyond = sizes[: len(wanted)] == wanted or len(sizes) > 4 + 4 * data[3]
        beyond = f"; you went on behind the header, into the {values}" if is_beyond else ""
        sizes_read = "1 size" if len(sizes) == 1 else f"{len(sizes)} sizes"
        raise Mistake(
            f"from the header {list(data[: 4 + 4 * data[3]])} you read {sizes_read} ({first}), "
            f"and not {wanted}{beyond}"
        )
    return sizes


# 01.3
def idx_values(data: bytes, shape: tuple[int, ...]) -> Tensor:
    header = 4 + 4 * len(shape)
    values = np.frombuffer(data, dtype=np.uint8, offset=header)
    return torch.tensor(values).view(shape)


def bytes_as_bytes(answer: Any, data: bytes, shape: tuple[int, ...]) -> Any:
    result = answer(data, shape)
    if isinstance(result, np.ndarray | list):
        kind = "a list" if isinstance(result, list) else "a NumPy array"
        raise Mistake(f"this is {kind}; asked for is a tensor. torch.tensor(values) makes one")
    if isinstance(result, Tensor) and result.dtype != torch.uint8:
        raise Mistake(f"the dtype is {result.dtype}; asked for is torch.uint8, one byte for each pixel")
    return result


# 01.4
def to_input(images: Tensor) -> Tensor:
    pixels = images.float() / 255
    pixels = (pixels - 0.1307) / 0.3081
    return pixels.unsqueeze(1)


def dark_and_light_images() -> list[tuple[Tensor]]:
    """Several images, a single one, and some without any full ink."""
    images = load_sample("test").images
    return [(images[:6],), (images[:1],), (images[6:9] // 2,)]


def input_of_float32(answer: Any, images: Tensor) -> Any:
    if "normalize" in names_used(answer):
        raise Mistake("your code calls a ready-made normalize. Here it is to be written out, in steps of your own")
    result = answer(images)
    if isinstance(result, Tensor) and result.dtype == torch.float64:
        raise Mistake("the dtype is torch.float64; a network's weights are float32, and so must its input be")
    return result


# 01.5
def validation_mask(labels: Tensor, share: float) -> Tensor:
    mask = torch.zeros(len(labels), dtype=torch.bool)
    for digit in range(10):
        members = (labels == digit).nonzero().flatten()
        shuffled = members[torch.randperm(len(members))]
        mask[shuffled[: int(share * len(members))]] = True
    return mask


def piles_of_labels() -> list[tuple[Tensor, float]]:
    """Classes of very different sizes, of which a share is seldom a whole number: in order of class, and mixed."""
    ordered = torch.repeat_interleave(torch.arange(10), torch.arange(22, 232, 21))
    mixed = ordered[torch.randperm(len(ordered), generator=torch.Generator().manual_seed(1))]
    return [(ordered, 0.25), (mixed[:-9], 0.35)]


def describe_split(answer: Any, labels: Tensor, share: float) -> Any:
    """Two right answers draw different digits, so what is compared is what kind of choice it was, in words."""
    if "train_val_split" in names_used(answer):
        raise Mistake(
            "your code calls dl.train_val_split. That takes images with their labels, and gives two piles of them; "
            "here there are labels alone, and the choice is to be yours: shuffle the positions of each class"
        )
    mask = answer(labels.clone(), share)
    if mask is None or mask is ...:
        return mask
    mask = torch.tensor(mask) if isinstance(mask, np.ndarray | list) else mask
    if not isinstance(mask, Tensor):
        raise Mistake(f"expected a tensor of True and False, one for each label, got a {type(mask).__name__}")
    if mask.dtype == torch.int64 and mask.ndim == 1 and 0 < len(mask.unique()) == len(mask) < len(labels):
        raise Mistake("these are positions; asked for is True or False for each label")
    if mask.shape != labels.shape:
        raise Mistake(f"expected True or False for each of the {len(labels)} labels, got the shape {tuple(mask.shape)}")
    if mask.dtype != torch.bool:
        raise Mistake(
            f"the dtype is {mask.dtype}, but should be torch.bool: as an index, a 1 would mean digit number 1, "
            "and only True means that this digit is chosen"
        )
    kind = kind_of_split(mask, labels, share)
    if kind != "a share of each class, drawn at random":
        raise Mistake(f"asked for is a share of each class, drawn at random; your choice is {kind}")
    return kind


EXERCISES = [
    Exercise(
        number="01.1", title="How many of each?", name="class_counts", minutes=4, difficulty="easy",
        starter='def class_counts(labels):\n    """How many labels are 0, how many are 1, ... up to 9: ten numbers."""\n    ...',
        answer=class_counts, cases=some_labels, observe=counts_as_tensor,
        praise="right, for absent classes too. The one-line way is labels.bincount(minlength=10); the minlength keeps the "
        "list ten long when the last classes are missing.",
        hints=(
            "`labels == 3` is True wherever the label is a 3. What does `.sum()` make of it?",
            "Do that for each digit in range(10), and put the ten sums into a list or a tensor (torch.stack).",
        ),
        wrong=(
            edit("range(10)", "labels.unique()",
                "these are the counts of the classes that occur. Where one is missing, all behind it move up "
                "by a place, and position 5 no longer means fives. A missing class must be counted as 0."),
            edit("torch.stack([(labels == digit).sum() for digit in range(10)])", "labels.bincount()",
                "right until the largest classes are missing: then the list is shorter than ten. "
                "Give bincount a minlength."),
            edit("torch.stack([(labels == digit).sum() for digit in range(10)])", "labels.unique(return_counts=True)",
                "two things came back: which labels there are, and how often each one occurs. Only the "
                "counts are asked "
                "for, and a class that is missing must be counted as 0."),
            edit("torch.stack([(labels == digit).sum() for digit in range(10)])",
                "{digit: int((labels == digit).sum()) for digit in range(10)}",
                "the counts are right, but they are in a dictionary. Asked for are ten numbers in order, "
                "as a list or a tensor, so that position 5 is the number of fives."),
            edit("torch.stack([(labels == digit).sum() for digit in range(10)])",
                "torch.histc(labels.float(), bins=10)",
                "the ten bins go from the smallest to the largest label that occurs, so where the largest labels are "
                "missing, the bins are narrower than a digit. Give min=0 and max=9, or compare with each digit."),
            edit("(labels == digit).sum()", "torch.tensor(len(labels == digit))",
                "each count is the number of all labels: `labels == digit` is as long as `labels`, with "
                "True and False "
                "in it. Count the True values with .sum(), not with len()."),
            edit("range(10)", "range(1, 10)",
                "nine numbers came back: range(1, 10) begins at 1, so the zeros are not counted. "
                "The digits go from 0 to 9, range(10)."),
            edit("(labels == digit).sum()", "labels.count(digit)",
                "a tensor has no .count(), as a list has. Compare and add up: (labels == digit).sum()."),
            edit("range(10)", "range(1, 11)",
                "your first number is the count of the ones: the digits go from 0 to 9, range(10)."),
            edit(".sum()", ".sum() / len(labels)",
                "these are shares, which sum to 1. Asked for are counts; leave out the division."),
            edit("(labels == digit)", "labels[labels == digit]",
                "this adds the labels up, so each seven counts as 7 and each zero as nothing. "
                "Count them: sum the True values."),
            edit("torch.stack([(labels == digit).sum() for digit in range(10)])", "labels.unique()",
                "these are the classes that occur, and not how often each one does. "
                "For each digit, sum the True values of labels == digit."),
            edit("range(10)", "range(9)",
                "nine numbers came back: range(9) ends at 8, so the nines are not counted. The digits go from 0 to 9, "
                "range(10)."),
            edit("range(10)", "range(1)",
                "only the zeros were counted. If you go through the digits in a loop: a `return` inside it ends it at "
                "the first."),
            edit("(labels == digit).sum()", "(labels == digit).any().long()",
                "each class that occurs counts 1, however often it occurs. `counts[label] = 1` forgets what was there, "
                "and counts[labels] += 1 adds once to each place: sum the True values of labels == digit."),
        ),
    ),
    Exercise(
        number="01.2", title="Read the header", name="idx_shape", minutes=8, difficulty="medium",
        starter='def idx_shape(data):\n    """The sizes in the header of an IDX file, in order: N, 28 and 28, or N alone."""\n    ...',
        answer=idx_shape, cases=lambda: [*idx_files(), (HEADER_OF_200_MILLION,)], observe=compare_sizes,
        praise="it reads the header of any IDX file of bytes, whatever its number of sizes. With images and labels you are "
        "now independent of everybody's loader.",
        hints=(
            "`data[3]` is a number: how many sizes there are. The first one lies in data[4:8], the next in data[8:12].",
            '`int.from_bytes(data[4:8], "big")` makes one number out of four bytes. "big" is the order: largest first.',
            "For size number i the bytes are data[4 + 4 * i : 8 + 4 * i], with i in range(data[3]).",
        ),
        wrong=(
            edit('"big"', '"little"',
                "the four bytes were read in the wrong order, smallest first, as your processor stores them. "
                'That gives numbers in the millions. IDX is written largest first: "big".'),
            edit("n_sizes = data[3]", "n_sizes = 3",
                "right for images. A file of labels has only one size; "
                "what you read as its second and third are labels already. data[3] says how many sizes there are."),
            edit("[4 + 4 * i for", "[4 + i for",
                "the second size begins a byte after the first. Each size fills four bytes: "
                "size number i begins at byte 4 + 4 * i."),
            edit("for start in starts", "for start in starts[:1]",
                "only the first size was read. Images have three: data[3] says how many sizes there are."),
            edit("data[3]", "data[2]",
                "you read too many sizes: byte 2 is the kind of numbers, 8 for bytes. Their number is in byte 3."),
            edit("for start in starts)", "for start in starts[:1]) + (28, 28)",
                "right for MNIST's images, whose last two sizes are 28. A file of labels has only one size. "
                "Read them all from the header."),
            edit("[4 + 4 * i for", "[4 * i for",
                "your first size contains the four bytes that say what kind of file it is. "
                "The sizes begin at byte 4."),
            edit('int.from_bytes(data[start : start + 4], "big") for start in starts', "data[4 : 4 + n_sizes]",
                "this takes one byte for each size, and those are mostly the leading zeros. "
                "Each size is four bytes long."),
            edit('int.from_bytes(data[start : start + 4], "big") for start in starts', "data[4 : 4 + 4 * n_sizes]",
                "every byte came back by itself: four numbers for each size. Put four bytes together: "
                'int.from_bytes(data[4:8], "big") is the first size.'),
            edit('int.from_bytes(data[start : start + 4], "big")', "data[start + 3]",
                "this takes only the last of the four bytes, so it is right up to 255 and then starts again at 0. "
                "Put all four together with int.from_bytes."),
            edit("start : start + 4]", "start : start + 3]",
                "each size was made of its first three bytes. A slice ends before its second number: "
                "data[4:8] holds the bytes 4, 5, 6 and 7."),
            edit('int.from_bytes(data[start : start + 4], "big")', "data[start : start + 4]",
                "these are pieces of four bytes, not numbers yet. Make one number of each: "
                'int.from_bytes(data[4:8], "big") is the first size.'),
            edit('int.from_bytes(data[start : start + 4], "big")', "sum(data[start : start + 4])",
                "the four bytes were added up as they are. Each counts 256 times as much as the one behind it: "
                "int.from_bytes does that."),
            edit('int.from_bytes(data[start : start + 4], "big")',
                "sum(each * 255**power for each, power in zip(data[start : start + 4], (3, 2, 1, 0)))",
                "a little too small: a byte has 256 values, 0 to 255, so each counts 256 times as much as the one "
                "behind it, and not 255 times."),
            edit('int.from_bytes(data[start : start + 4], "big")', "data[start]",
                "each size was made of its first byte alone, which is mostly a leading zero. Put all four together "
                "with int.from_bytes."),
            edit("[4 + 4 * i for i in range(n_sizes)]", "[4 * i for i in range(n_sizes + 1)]",
                "your first number is 2,051 or the like, made of the four bytes that say what kind of file it is. "
                "The sizes begin at byte 4."),
            edit("range(n_sizes)", "range(n_sizes - 1)",
                "the last size is missing: there are data[3] of them, and range(data[3]) counts from 0."),
            edit("[4 + 4 * i for", "[8 + 4 * i for",
                "your first number is the second size. The first one begins at byte 4: data[4:8]."),
        ),
    ),
    Exercise(
        number="01.3", title="Read the pixels", name="idx_values", minutes=6, difficulty="medium",
        starter='def idx_values(data, shape):\n    """What follows the header in data, the whole file, as a uint8 tensor of that shape."""\n    ...',
        answer=idx_values, cases=lambda: [(data, idx_shape(data)) for (data,) in idx_files()],
        observe=bytes_as_bytes,
        praise="that is a whole dataset reader: a header, then one long row of bytes. Most image sets are no deeper than this.",
        hints=(
            "The header has four bytes, and four more for each size. `len(shape)` says how many sizes there are.",
            "`np.frombuffer(data, dtype=np.uint8, offset=...)` skips the header and takes the rest as bytes.",
            "`torch.tensor(values)` copies them into a tensor, and `.view(shape)` folds the row into images.",
        ),
        wrong=(
            edit("offset=header", "count=int(np.prod(shape))",
                "this starts at byte 0, so the header is taken for pixels and every image slides to the right. "
                "Skip the header: 4 bytes, and 4 for each size."),
            edit(", offset=header", "",
                "there are 16 values more than the shape holds: the header is among them. "
                "Skip it: 4 bytes, and 4 for each size."),
            edit("4 + 4 * len(shape)", "8",
                "right for labels, whose header has 8 bytes. That of images has 16, and 8 values too many "
                "are left for "
                "the shape. Its length is 4 + 4 * len(shape)."),
            edit("4 + 4 * len(shape)", "4 * len(shape)",
                "four values too many are left for the shape: before the sizes stand four more bytes. "
                "The header has 4 + 4 * len(shape) bytes."),
            edit("dtype=np.uint8, ", "",
                "there are too few values for the shape: without a dtype NumPy makes one number out of eight bytes. "
                "Say dtype=np.uint8."),
            edit(".view(shape)", ".view(-1, 28, 28)",
                "right for MNIST's images. Labels are no images of 28 by 28: use the shape that you were given."),
            edit("4 + 4 * len(shape)", "16", "(values).view(shape)", "(values.reshape(shape))",
                "right for images, whose header has 16 bytes. The header of a file of labels has only 8, "
                "so you threw away the first labels. Its length is 4 + 4 * len(shape)."),
            edit("4 + 4 * len(shape)", "16",
                "16 bytes is the length of an image file's header. With a single size it is 8: "
                "you threw away the first labels, and too few are left for the shape. Skip 4 + 4 * len(shape)."),
            edit(".view(shape)", ".view(shape[:-2] + shape[-2:][::-1]).transpose(-1, -min(2, len(shape)))",
                "your digits lie on their side, mirrored: "
                "the bytes go row by row, and you filled the image column by column."),
            edit("np.uint8", "np.int8",
                "every value above 127 came out negative: int8 uses one bit for the sign. "
                "Pixels are unsigned, np.uint8."),
            edit(".view(shape)", "",
                "the values are right, in one long row. "
                "Fold it into the shape that you were given, with .view(shape)."),
            edit("4 + 4 * len(shape)", "4",
                "four values too many are left for each size: only the first four bytes were skipped. "
                "The sizes behind them belong to the header, too: 4 + 4 * len(shape)."),
            edit("    header = 4 + 4 * len(shape)", "    n, height, width = shape\n    header = 16",
                "right for images. Labels have a single size, (N,), and three names cannot share it: "
                "use `shape` as it is, and len(shape)."),
            edit(".view(shape)", ".view(shape[0], shape[1], shape[2])",
                "right for images. Labels have a single size, so there is no shape[1]: use `shape` as a whole, "
                ".view(shape)."),
        ),
    ),
    Exercise(
        number="01.4", title="Bytes to the network's input", name="to_input", minutes=6, difficulty="medium",
        starter='def to_input(images):\n    """uint8 (N, 28, 28) to normalised float32 (N, 1, 28, 28)."""\n    ...',
        answer=to_input, cases=dark_and_light_images, observe=input_of_float32,
        praise="equal to dl.normalize. The two numbers belong to the network from now on: whoever uses it later, on whatever "
        "picture, has to subtract and divide by the same ones.",
        hints=(
            "Three steps: bytes to numbers from 0 to 1, then minus the mean and divided by the standard deviation, then the shape.",
            "Write `images.float() / 255` first: 0.1307 and 0.3081 belong to the scale from 0 to 1.",
            "`.unsqueeze(1)` adds the dimension of size 1 behind the first.",
        ),
        wrong=(
            edit(" / 255", "",
                "0.1307 and 0.3081 belong to pixels between 0 and 1, "
                "and yours still go up to 255, so the ink ends near 827. Divide by 255 first."),
            edit("/ 255", "/ 256",
                "a little too small: you divided by 256. A byte's largest value is 255, and that is full ink, 1."),
            edit("/ 255", "/ images.max()",
                "right where the darkest ink is 255, and wrong for images without any: they are stretched to 1. "
                "Divide by 255, whatever is in the images."),
            edit("(pixels - 0.1307)", "(pixels + 0.1307)",
                "the mean was added. Subtract it, so that the average becomes 0."),
            edit("/ 0.3081", "* 0.3081",
                "you multiplied by the standard deviation. Divide by it, so that the deviation becomes 1."),
            edit("0.1307", "0.5", "0.3081", "0.5",
                "the values go from -1 to 1: that is 0.5 for the mean and 0.5 for the deviation. "
                "MNIST's own are 0.1307 and 0.3081."),
            edit("unsqueeze(1)", "unsqueeze(0)",
                "the shape is (1, N, 28, 28): one image with N channels. The channel comes second, behind the number "
                "of images: .unsqueeze(1)."),
            edit("unsqueeze(1)", "unsqueeze(-1)",
                "the shape is (N, 28, 28, 1): the channel stands last, where Matplotlib and Pillow have it. "
                "PyTorch wants it second: .unsqueeze(1)."),
            edit("(pixels - 0.1307) / 0.3081", "(pixels - pixels.mean()) / pixels.std()",
                "this takes the mean and the standard deviation of the images it is given. Then "
                "the same digit looks different in different company. Use the training set's two numbers, always."),
            edit("(pixels - 0.1307) / 0.3081", "torch.stack([(each - each.mean()) / each.std() for each in pixels])",
                "this gives each image its own mean and deviation: a thin one and a thick one are stretched "
                "differently, and the network was not trained for that. Use the training set's two numbers."),
            edit(".unsqueeze(1)", "",
                "the numbers are right; the shape is (N, 28, 28). "
                "A network expects the number of channels in second place, 1 for grey: .unsqueeze(1)."),
            edit("/ 0.3081", "/ 0.3081**2",
                "you divided by 0.3081 squared, the variance. It is divided by the standard deviation itself."),
            edit("(pixels - 0.1307) / 0.3081", "(pixels - 0.3081) / 0.1307",
                "the two numbers have changed places: "
                "subtract the mean, 0.1307, and divide by the standard deviation, 0.3081."),
            edit("(pixels - 0.1307) / 0.3081", "pixels - 0.1307 / 0.3081",
                "only 0.1307 was divided by 0.3081: division comes before subtraction. "
                "Put brackets around the subtraction."),
            edit("images.float() / 255", "(images // 255).float()",
                "every pixel below 255 has become 0, and the soft edges are gone: // rounds down, and so does a change "
                "to whole numbers. Divide with /, and stay with floats."),
            edit("images.float() / 255", "1 - images.float() / 255",
                "ink and paper have changed places: the polarity is turned round. MNIST's ink is high already."),
            edit("(pixels - 0.1307) / 0.3081", "pixels",
                "scaled to 0..1, and not yet normalised: subtract 0.1307, then divide by 0.3081."),
            edit("0.1307", "0.13098", "0.3081", "0.30851",
                "a little off everywhere: 0.1310 and 0.3085 are the mean and the deviation of the small sample. "
                "The network's two numbers are those of all of MNIST: 0.1307 and 0.3081."),
            edit("(pixels - 0.1307) / 0.3081", "pixels - 0.1307",
                "the mean is subtracted; the division by the standard deviation, 0.3081, is missing."),
            edit("images.float() / 255", "images", "(pixels - 0.1307) / 0.3081", "(pixels - 0.1307) / 0.3081 / 255",
                "the division by 255 comes too late: 0.1307 belongs to pixels between 0 and 1. Divide by 255 first."),
        ),
    ),
    Exercise(
        number="01.5", title="A fair split", name="validation_mask", minutes=10, difficulty="hard",
        starter="def validation_mask(labels, share):\n"
        '    """True for validation: int(share * n) of each class\'s n digits, at random. Bool, (N,)."""\n    ...',
        answer=validation_mask, cases=piles_of_labels, observe=describe_split,
        praise="a share of each class, drawn at random. dl.train_val_split does the same, and takes a seed, so that "
        "everybody gets the same digits.",
        hints=(
            "Begin with `torch.zeros(len(labels), dtype=torch.bool)` and go through the ten classes, one at a time.",
            "`(labels == digit).nonzero().flatten()` gives the positions of one class.",
            "`members[torch.randperm(len(members))]` shuffles them. Set the mask to True at the first int(share * n) of those.",
        ),
        wrong=(
            edit("return mask", "return torch.arange(len(labels)) < share * len(labels)",
                "this takes the head of the list. One of the lists we tried is sorted by class: "
                "your validation set then holds the lowest digits only. Draw at random, from each class."),
            edit("return mask", "return torch.arange(len(labels)) >= (1 - share) * len(labels)",
                "this takes the tail of the list. One of the lists we tried is sorted by class: "
                "your validation set then holds nothing but the highest digits, and training hardly sees them. "
                "Draw at random, from each class."),
            edit("return mask", "return torch.randperm(len(labels)) < int(share * len(labels))",
                "the right number, drawn at random, but from the whole pile. "
                "Rare classes then get more or less than their share by luck. Draw from each class by itself."),
            edit("return mask", "return torch.arange(len(labels)) % int(1 / share) == 0",
                "this takes every so many digits of the whole pile, without any chance in it. "
                "Draw at random, and from each class by itself."),
            WrongAnswer(lambda labels, share: torch.rand(len(labels)) < share,
                "neither the whole number nor each class's is as asked for: a toss for each digit, say, "
                "hits the share only about. "
                "Shuffle each class's positions and take the first int(share * n)."),
            edit("share * len(members)", "share * len(labels) / 10",
                "this takes the same number of each class; "
                "asked for is the same share. The validation digits should be mixed like all the others."),
            edit("int(share", "round(share",
                "some classes give one digit too many, as if share * n was rounded to the nearest whole number or up. "
                "The task says int(share * n), which rounds down."),
            edit("int(share * len(members))", "int(share * len(members)) + 1",
                "each class gives one digit too many. A slice [:k] takes exactly k, those from 0 to k - 1: "
                "no + 1 is needed, and no >= or <=."),
            edit("members[torch.randperm(len(members))]", "members.flip(0)",
                "the numbers are right, but there is no chance in the choice: you take a block of each "
                "class, or every "
                "so many, and a list may have an order of its own. Shuffle first: torch.randperm."),
            edit("members[torch.randperm(len(members))]", "members[torch.randperm(len(members) // 2)]",
                "the numbers are right, but they all come from one part of each class, and the rest is never drawn. "
                "Shuffle all its positions: torch.randperm(len(members))."),
            edit("members[torch.randperm(len(members))]", "members",
                "the numbers are right, but it is always the first ones of each class. If the list is in the order in "
                "which people wrote, you take a few writers and not a cross-section. Shuffle first: torch.randperm."),
            edit("torch.randperm(len(members))", "torch.randint(len(members), (len(members),))",
                "no class has more than its share and some have less: you draw with replacement, so some digits were "
                "drawn twice. Shuffle each class's positions (torch.randperm) and take the first int(share * n)."),
            edit("members[torch.randperm(len(members))]", "torch.randperm(len(members))",
                "all your choices lie near the beginning: randperm(n) gives places *within* the class, and you "
                "used them as places in the whole pile. Translate them first: members[torch.randperm(len(members))]."),
            edit("return mask", "return ~mask",
                "turned round: True marks the digits that are set aside, and you marked the ones to train on."),
            edit("return mask", "return mask.nonzero().flatten()",
                "these are the positions of the chosen digits. Asked for is True or False for each label: "
                "begin with zeros of dtype bool, and set those positions to True."),
            edit("int(share * len(members))", "int(0.1 * len(members))",
                "the same share of each class, but another one than asked for: `share` is given, and int(share * n) "
                "digits of each class are wanted."),
            edit("(labels == digit).nonzero().flatten()", "labels[labels == digit]",
                "only the first ten places or fewer are marked: labels[labels == digit] gives the labels themselves, a "
                "row of sevens, say, and you used them as positions. (labels == digit).nonzero().flatten() gives "
                "those."),
        ),
    ),
]
