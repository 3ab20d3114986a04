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
    r"index -?\d+ is out of bounds|(list|tuple) index out of range": (
        "There are fewer places than your code counts, and they begin at 0: take their number from len() "
        "or .shape, and see that rows and columns are not exchanged"
    ),
    r"shapes cannot be multiplied|size mismatch, got|matmul: Input operand": (
        "In a @ b, or in a linear layer that reads a, a must have as many columns as b has rows: print both shapes"
    ),
    r"size of tensor a \(0\) must match": (
        "The 0 belongs to an empty slice, one that begins behind the end: more places are counted than there are"
    ),
    r"must match the size of tensor b|could not be broadcast together": (
        "Two tensors or arrays are set against each other number by number, and their shapes do not fit: print both"
    ),
    r"truth value of an array": (
        "A comparison of whole arrays is many truth values, and `if`, `and` or Python's max() need a single one"
    ),
    r"element 0 of tensors does not require grad": (
        "It is not known how this loss was computed: torch.no_grad(), .item() or .detach() cut that off"
    ),
    r"'NoneType' object has no attribute 'append'": (
        "append changes the list and returns nothing: write a_list.append(...), without a_list = before it"
    ),
    r"'(SGD|Adam\w*)' object has no attribute": "What an optimiser holds is in its param_groups",
    r"setting an array element with a sequence": "One place of an array takes one number, and was given several",
    r"expected UInt8\[.*got torch\.float": (
        "That function prepares images that are still bytes, and these are normalised already: leave it out"
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
    r"for [-+*/]: '(list|tuple)' and|for [-+*/]: '\w+' and '(list|tuple)'": (
        "Python's lists do not calculate: torch.tensor(...) makes numbers of one"
    ),
    r"'(builtin_function_or_method|method|function)'": (
        "A function stands where its result is needed: brackets behind its name call it, as in x.numel()"
    ),
    r"context manager protocol": "Brackets are missing behind a name: `with torch.no_grad():`",
    r"'Tensor' object is not callable": "Brackets call a function, and this is a tensor: .grad takes none",
    r"'Tensor' object has no attribute '(count|append|extend|remove)'": (
        "A tensor is no list and lacks some of its methods; .tolist() makes a list of it"
    ),
    r"'NoneType'": (
        "None stands where a value is needed. It comes from a function without `return`, from list.sort() and "
        "random.shuffle(), which change a list in place, and from .grad before backward()"
    ),
    r"(slice indices must be|'float' object cannot be interpreted as|must be tuple of ints, ?but got float)": (
        "A place or a size is a whole number, and this one has a decimal point: divide with //, or use int()"
    ),
    r"'bytes' object cannot be interpreted as an integer": "data[3:4] is a piece of the file; data[3] is a number",
    r"invalid literal for int\(\) with base 10: b": (
        'int() reads digits written as text; of bytes, int.from_bytes(data[4:8], "big") makes a number'
    ),
    r"invalid data type 'bytes'": "torch.tensor takes no bytes: np.frombuffer, or list(), makes numbers of them",
    r"Dimension out of range": (
        "The tensor has fewer dimensions than `dim` says, and they are counted from 0: print its .shape"
    ),
    r"backward through the graph a second time": (
        "The first backward(), or grad(), uses up what was recorded, so there is one for each loss: does it stand "
        "inside a loop, over the parameters for instance? Two gradients of one pass are taken at once"
    ),
    r"Tensor\.index\(\)": "A tensor has no .index(), as a list has: argmax gives the place of the largest",
    r"values to unpack": "On the left stand more or fewer names than there are values: print what is on the right",
    r"is invalid for input of size": (
        "The sizes of a shape, multiplied, must give the number of values there are (the last number): "
        "are some too many, or are they not divided evenly?"
    ),
    r"not implemented for '(Long|Byte)'": (
        "These are whole numbers, such as labels, where scores are needed: are two arguments exchanged?"
    ),
    r"Expected floating point type for target": (
        "cross_entropy takes the scores, (N, classes), and then the labels, (N,): no argmax before it"
    ),
    r"must be Tensor, not (tuple|list)": (
        "Several things came where one tensor is needed. A batch is a pair: `for images, labels in batches`"
    ),
    r"must be Tensor, not [A-Z]": "A layer stands where its result is needed: call it, as in layer(x)",
    r"math (range|domain) error": "math.exp goes up to 709, math.log begins above 0, and math.sqrt at 0",
    r"operand type\(s\) for \^": "Python's power is **; ^ is another thing",
    r"(one element tensors|a Tensor with \d+ elements) (can|cannot) be converted": (
        "A single number is needed, and this is a tensor of many. The functions of `math` take one number; "
        "torch.sqrt, torch.exp and torch.log take them all"
    ),
    r"expanded size of the tensor|^expand\(": (
        "What is written and the place where it is written have different shapes: print both"
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
