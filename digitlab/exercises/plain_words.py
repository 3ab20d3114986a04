"""What a common error of a learner's code means, in plain words beside PyTorch's own."""

from __future__ import annotations

import re

# From the words of a common error, as a pattern, to what they mean.
IN_PLAIN_WORDS = {
    r"'generator' (object )?has no|'generator' object is not subscriptable": (
        "What gives its items one after the other, as model.parameters() does, has no length, no [0], "
        "and not what its items have: go through it with `for`"
    ),
    r"torch\.return_types\.(max|min)": (
        "With a dimension, max and min give two things, the values and the places where they stand: "
        "take .values or .indices"
    ),
    r"max\(\) received an invalid combination": "max takes one dimension; amax takes several, dim=(2, 3)",
    r"Boolean value of Tensor": (
        "A comparison of whole tensors is many truth values, and `if`, `and`, `not`, a chain as in 0 < x < 1, or "
        "Python's own max(), min() and sorted() need a single one. PyTorch's .max(), .any() and the like take them all"
    ),
    r"index -?\d+ is out of bounds": (
        "There are fewer places than your code counts, and they begin at 0: take their number from len() "
        "or .shape, and see that rows and columns are not exchanged"
    ),
    r"shapes cannot be multiplied|size mismatch, got": (
        "In a @ b, or in a linear layer that reads a, a must have as many columns as b has rows: print both shapes"
    ),
    r"must match the size of tensor b": (
        "Two tensors are set against each other number by number, and their shapes do not fit: print both"
    ),
    r"must be Tensor, not (ReLU|\w*Pool|Dropout|Flatten)|got \((ReLU|\w*Pool|Dropout|Flatten)": (
        "What is written with a capital letter, as nn.ReLU, is made first and then called: nn.ReLU()(x). F.relu(x) "
        "and F.max_pool2d(x, 2) do it at once"
    ),
    r"name '(conv|fc)\w*' is not defined": "What __init__ keeps as self.conv1 is called self.conv1 in forward, too",
    r"to have \d+ channels, but got": (
        "A convolution got another number of maps than it was made for: is it given what the layer before it gives?"
    ),
    r"with two bool tensors is not supported": (
        "Make numbers of them first, with .int(), or say what you mean: a & ~b is True where a alone is"
    ),
    r"could not infer output dtype": "True, False and whole numbers have no mean here: .float() comes first",
    r"common dtype to be floating point": "These are whole numbers: .float() makes others of them",
    r"too many indices for tensor": (
        "Either there are more indices in [...] than dimensions, or what stands there is the pair that sort and topk "
        "give: take its .values or .indices"
    ),
    r"used as indices must be": "Places are whole numbers: argsort gives them, and topk(k).indices",
    r"cannot access local variable": (
        "A name that a function assigns anywhere is its own, and holds nothing before that line has run: set it at "
        "the beginning"
    ),
    r"backward through the graph a second time": (
        "What was recorded is used up by the first gradient: run the model again, or take one gradient of all at once"
    ),
    r"for [-+*/]: '(list|tuple)' and|for [-+*/]: '\w+' and '(list|tuple)'": (
        "Python's lists do not calculate: torch.tensor(...) makes numbers of one"
    ),
    r"'list' object has no attribute 'dataset'": "The batches come as a plain list here, not as a loader",
    r"assigned grad expected": (
        "A .grad is a tensor or None, not a number: model.zero_grad() empties them all"
    ),
}


def in_plain_words(error: BaseException) -> str:
    """Its first line and, where the error is a common one, what that means."""
    said = first_line(error)
    meaning = next((words for pattern, words in IN_PLAIN_WORDS.items() if re.search(pattern, said)), "")
    return f"{said.rstrip('.:')}. {meaning}" if meaning else said


def first_line(error: BaseException) -> str:
    """The first line of its message, which may be long."""
    try:
        lines = str(error).strip().splitlines()
    except Exception:  # a learner's own class, which fails even at that
        lines = []
    return lines[0][:200] if lines else "no message"
