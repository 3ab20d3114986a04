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


def compare_sizes(answer: Any, data: bytes) -> Any:
    """The sizes may come as a tuple, a list, an array or a tensor; wrong ones are told beside the header's bytes."""
    wanted, result = idx_shape(data), answer(data)
    if isinstance(result, int):
        raise Mistake("you return one number; asked for are all sizes, (N,) or [N] if there is one")
    if not isinstance(result, list | tuple | bytes | Tensor | np.ndarray):
        return result
    if not isinstance(result, bytes) and any(isinstance(size, bytes) for size in result):
        raise Mistake('these are pieces of the file: int.from_bytes(data[4:8], "big") makes a number of four bytes')
    sizes = tuple(int(size) for size in result)
    if any(size >= 2**32 for size in sizes):
        raise Mistake("a size came out larger than four bytes can hold: cut out four for each, data[4:8] for the first")
    if sizes != wanted:
        first = ", ".join(map(str, sizes[:4])) + (" and so on" if len(sizes) > 4 else "")
        is_beyond = sizes[: len(wanted)] == wanted or len(sizes) > 4 + 4 * data[3]
        raise Mistake(
            f"from the header {list(data[: 4 + 4 * data[3]])} you read ({first}), and not {wanted}"
            f"{'; you went on behind the header, into the values' * is_beyond}"
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
        raise Mistake("your code calls dl.train_val_split. Here you are to choose: shuffle each class's positions")
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
        raise Mistake(f"the dtype is {mask.dtype}, but should be torch.bool: as an index, 1 would mean digit number 1")
    kind = kind_of_split(mask, labels, share)
    if kind != "a share of each class, drawn at random":
        raise Mistake(f"asked for is a share of each class, drawn at random; your choice is {kind}")
    return kind


EXERCISES = [
    Exercise(
        number="01.1", title="How many of each?", name="class_counts", minutes=4, difficulty="easy",
        starter="def class_counts(labels):\n"
        '    """How many labels are 0, how many are 1, ... up to 9: ten numbers."""\n    ...',
        answer=class_counts, cases=some_labels, observe=counts_as_tensor,
        praise="right, for absent classes too. The one-line way is labels.bincount(minlength=10); the minlength keeps "
        "the list ten long when the last classes are missing.",
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
            edit("(labels == digit)", "labels[labels == digit]",
                "this adds the labels up, so each seven counts as 7 and each zero as nothing. "
                "Count them: sum the True values of labels == digit."),
            edit("(labels == digit).sum()", "(labels == digit).any().long()",
                "each class that occurs counts 1. `counts[label] = 1` forgets what was there, and "
                "counts[labels] += 1 adds once to each place: sum the True values of labels == digit."),
            edit("torch.stack([(labels == digit).sum() for digit in range(10)])", "labels.unique()",
                "these are the classes that occur, and not how often each one does. "
                "For each digit, sum the True values of labels == digit."),
            edit("range(10)", "range(1, 11)",
                "your first number is the count of the ones: the digits go from 0 to 9, range(10)."),
            edit("(labels == digit).sum()", "torch.tensor(len(labels == digit))",
                "each count is the number of all labels: `labels == digit` is as long as `labels`, with "
                "True and False "
                "in it. Count the True values with .sum(), not with len()."),
            edit("torch.stack([(labels == digit).sum() for digit in range(10)])",
                "{digit: int((labels == digit).sum()) for digit in range(10)}",
                "the counts are right, but they are in a dictionary. Asked for are ten numbers in order, "
                "as a list or a tensor, so that position 5 is the number of fives."),
        ),
    ),
    Exercise(
        number="01.2", title="Read the header", name="idx_shape", minutes=8, difficulty="medium",
        starter="def idx_shape(data):\n"
        '    """The sizes in the header of an IDX file, in order: N, 28 and 28, or N alone."""\n    ...',
        answer=idx_shape, cases=lambda: [*idx_files(), (HEADER_OF_200_MILLION,)], observe=compare_sizes,
        praise="it reads the header of any IDX file of bytes, whatever its number of sizes. With images and labels "
        "you are now independent of everybody's loader.",
        hints=(
            "`data[3]` is a number: how many sizes there are. The first one lies in data[4:8], the next in data[8:12].",
            '`int.from_bytes(data[4:8], "big")` makes one number out of four bytes. "big" is the order: largest first.',
            "For size number i the bytes are data[4 + 4 * i : 8 + 4 * i], with i in range(data[3]).",
        ),
        wrong=(
            edit('"big"', '"little"',
                "the four bytes were read smallest first, as your processor stores them, and numbers in the millions "
                'came out. IDX is written largest first: "big".'),
            edit("[4 + 4 * i for", "[4 + i for",
                "the second size begins a byte after the first. Each size fills four bytes: "
                "size number i begins at byte 4 + 4 * i."),
            edit('int.from_bytes(data[start : start + 4], "big")', "data[start + 3]",
                "this takes only the last of the four bytes, so it is right up to 255 and then starts again at 0. "
                "Put all four together with int.from_bytes."),
            edit("start : start + 4]", "start : start + 3]",
                "each size was made of its first three bytes. A slice ends before its second number: "
                "data[4:8] holds the bytes 4, 5, 6 and 7."),
            edit('int.from_bytes(data[start : start + 4], "big")', "sum(data[start : start + 4])",
                "the four bytes were added up as they are. Each counts 256 times as much as the one behind it: "
                "int.from_bytes does that."),
        ),
    ),
    Exercise(
        number="01.3", title="Read the pixels", name="idx_values", minutes=6, difficulty="medium",
        starter="def idx_values(data, shape):\n"
        '    """What follows the header in data, the whole file, as a uint8 tensor of that shape."""\n    ...',
        answer=idx_values, cases=lambda: [(data, idx_shape(data)) for (data,) in idx_files()],
        observe=bytes_as_bytes,
        praise="that is a whole dataset reader: a header, then one long row of bytes. "
        "Most image sets are no deeper than this.",
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
            edit("dtype=np.uint8, ", "",
                "there are too few values for the shape: without a dtype NumPy makes one number out of eight bytes. "
                "Say dtype=np.uint8."),
            edit("4 + 4 * len(shape)", "16",
                "right for images, whose header has 16 bytes. That of labels has only 8, so the first labels were "
                "thrown away. Skip 4 + 4 * len(shape)."),
        ),
    ),
    Exercise(
        number="01.4", title="Bytes to the network's input", name="to_input", minutes=6, difficulty="medium",
        starter='def to_input(images):\n    """uint8 (N, 28, 28) to normalised float32 (N, 1, 28, 28)."""\n    ...',
        answer=to_input, cases=dark_and_light_images, observe=input_of_float32,
        praise="equal to dl.normalize. The two numbers belong to the network from now on: whoever uses it later, on "
        "whatever picture, has to subtract and divide by the same ones.",
        hints=(
            "Three steps: bytes to numbers from 0 to 1, then minus the mean and "
            "divided by the standard deviation, then the shape.",
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
                "right where the darkest ink is 255. Images without any are stretched to 1, too: divide by 255, "
                "whatever is in them."),
            edit("0.1307", "0.5", "0.3081", "0.5",
                "the values go from -1 to 1: that is 0.5 for the mean and 0.5 for the deviation. "
                "MNIST's own are 0.1307 and 0.3081."),
            edit("(pixels - 0.1307) / 0.3081", "(pixels - pixels.mean()) / pixels.std()",
                "this takes the mean and the standard deviation of the images it is given, so the same digit "
                "looks different in different company. Use the training set's two numbers, always."),
            edit("(pixels - 0.1307) / 0.3081", "torch.stack([(each - each.mean()) / each.std() for each in pixels])",
                "this gives each image its own mean and deviation: a thin one and a thick one are stretched "
                "differently. Use the training set's two numbers."),
            edit("(pixels - 0.1307) / 0.3081", "pixels - 0.1307 / 0.3081",
                "only 0.1307 was divided by 0.3081: division comes before subtraction. "
                "Put brackets around the subtraction."),
            edit("images.float() / 255", "(images // 255).float()",
                "every pixel below 255 has become 0, and the soft edges are gone: // rounds down, and so does a change "
                "to whole numbers. Divide with /, and stay with floats."),
            edit("(pixels - 0.1307) / 0.3081", "pixels",
                "scaled to 0..1, and not yet normalised: subtract 0.1307, then divide by 0.3081."),
            edit("0.1307", "0.13098", "0.3081", "0.30851",
                "a little off everywhere: 0.1310 and 0.3085 are the mean and the deviation of the small sample. "
                "The network's two numbers are those of all of MNIST: 0.1307 and 0.3081."),
            edit("(pixels - 0.1307) / 0.3081", "pixels - 0.1307",
                "the mean is subtracted; the division by the standard deviation, 0.3081, is missing."),
            edit("images.float() / 255", "1 - images.float() / 255",
                "ink and paper have changed places: the polarity is turned round. MNIST's ink is high already."),
            edit("(pixels - 0.1307) / 0.3081", "(pixels - 0.3081) / 0.1307",
                "the two numbers have changed places: "
                "subtract the mean, 0.1307, and divide by the standard deviation, 0.3081."),
            edit("/ 0.3081", "* 0.3081",
                "you multiplied by the standard deviation. Divide by it, so that the deviation becomes 1."),
            edit("(pixels - 0.1307)", "(pixels + 0.1307)",
                "the mean was added. Subtract it, so that the average becomes 0."),
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
            "`members[torch.randperm(len(members))]` shuffles them. "
            "Set the mask to True at the first int(share * n) of those.",
        ),
        wrong=(
            edit("return mask", "return torch.arange(len(labels)) < share * len(labels)",
                "this takes the head of the list. One of the lists we tried is sorted by class: "
                "your validation set then holds the lowest digits only. Draw at random, from each class."),
            edit("return mask", "return torch.randperm(len(labels)) < int(share * len(labels))",
                "the right number, drawn at random, but from the whole pile. "
                "Rare classes then get more or less than their share by luck. Draw from each class by itself."),
            WrongAnswer(lambda labels, share: torch.rand(len(labels)) < share,
                "neither the whole number nor each class's is as asked for: a toss for each digit hits the share only "
                "about. Shuffle each class's positions and take the first int(share * n)."),
            edit("members[torch.randperm(len(members))]", "members",
                "the numbers are right, but it is always the first ones of each class. If the list is in the order in "
                "which people wrote, you take a few writers and not a cross-section. Shuffle first: torch.randperm."),
            edit("torch.randperm(len(members))", "torch.randint(len(members), (len(members),))",
                "no class has more than its share and some have less: drawn with replacement, some digits came "
                "twice. Shuffle each class's positions (torch.randperm) and take the first int(share * n)."),
            edit("members[torch.randperm(len(members))]", "torch.randperm(len(members))",
                "all your choices lie near the beginning: randperm(n) gives places *within* the class, and you "
                "used them as places in the whole pile. Translate them first: members[torch.randperm(len(members))]."),
        ),
    ),
]
