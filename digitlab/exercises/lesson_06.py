"""Exercises of lesson 06, the CNN: its shapes, its parameters, two layers in one, the network itself, a guessed dimension."""

from __future__ import annotations

import contextlib
import copy
import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.exercises import Exercise, WrongAnswer, edit
from digitlab.exercises.checking import Mistake, same


def in_order(answer: Any, expected: list[Any], places: list[str]) -> Any:
    """Compare a list, or what a function returns, item by item; name the first that is off without giving it away."""
    got = answer() if callable(answer) else answer
    got = got.tolist() if isinstance(got, Tensor | np.ndarray) else got
    if got is None or (isinstance(got, list | tuple) and any(item is Ellipsis for item in got)):
        return got
    n = len(got) if isinstance(got, list | tuple) else type(got).__name__
    if n != len(expected):
        raise Mistake(f"expected a list of {len(expected)}, got {n}")
    for place, item, wanted in zip(places, got, expected, strict=True):
        if same(item, wanted, tolerance=0.0):
            continue
        fault = "is not right"
        sizes = item if isinstance(item, tuple) and all(isinstance(size, int) for size in item) else ()
        if isinstance(wanted, tuple) and isinstance(item, int) and (item,) == wanted:
            fault = f"is the right number, but a shape is a tuple: ({item},), with a comma in it"
        elif isinstance(wanted, tuple) and math.prod(sizes) == math.prod(wanted):
            fault = "holds the right number of values, but in other dimensions"
        raise Mistake(f"{place}, {str(item)[:60]} {fault}")
    return "all right"


# 06.1
STEPS = [f"after {step}" for step in ("conv1", "the first pooling", "conv2", "the second pooling", "flatten", "fc1", "fc2")]
SHAPES = [(10, 24, 24), (10, 12, 12), (20, 8, 8), (20, 4, 4), (320,), (50,), (10,)]


# 06.2
def parameter_counts() -> list[int]:
    conv1 = 10 * 1 * 5 * 5 + 10
    conv2 = 20 * 10 * 5 * 5 + 20
    fc1 = 320 * 50 + 50
    fc2 = 50 * 10 + 10
    return [conv1, conv2, fc1, fc2]


# 06.3
def collapse(weight1: Tensor, bias1: Tensor, weight2: Tensor, bias2: Tensor) -> tuple[Tensor, Tensor]:
    weight = weight2 @ weight1
    bias = weight2 @ bias1 + bias2
    return weight, bias


def pairs_of_layers() -> list[tuple[Tensor, ...]]:
    """Four inputs, four hidden units and four outputs, so that a product in the wrong order runs too; then other sizes."""
    generator = torch.Generator().manual_seed(6)
    sizes = [((4, n_in), (4,), (4, 4), (4,)) for n_in in (4, 3)]
    return [tuple(torch.randn(size, generator=generator) for size in layers) for layers in sizes]


# 06.4
class Network(nn.Module):
    """The seed network: images (B, 1, 28, 28) to logits (B, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d(0.5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Each line says what shape it leaves."""
        x = F.relu(F.max_pool2d(self.conv1(images), 2))  # (B, 10, 12, 12)
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))  # (B, 20, 4, 4)
        x = F.relu(self.fc1(x.flatten(1)))  # (B, 50)
        x = F.dropout(x, 0.5, self.training)  # (B, 50)
        logits: Tensor = self.fc2(x)  # (B, 10)
        return logits


def inputs_of_layers(model: nn.Module, images: Tensor) -> list[Tensor]:
    """What comes in to conv1, conv2, fc1 and fc2 when the model reads the images."""
    caught: dict[nn.Module, Tensor] = {}
    layers = {name: model.get_submodule(name) for name in ("conv1", "conv2", "fc1", "fc2")}

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        caught[layer] = inputs[0]

    with contextlib.ExitStack() as hooks:
        for layer in layers.values():
            hooks.enter_context(layer.register_forward_pre_hook(keep))
        model(images)
    if unused := [name for name, layer in layers.items() if layer not in caught]:
        raise Mistake(
            f"forward never calls self.{unused[0]}. A layer that is made in forward instead, as nn.Conv2d(...)(x), "
            "is a new one with new weights at each call: make layers in __init__, and use them in forward"
        )
    return [caught[layer] for layer in layers.values()]


def observe_network(answer: Any, images: Tensor, reference: nn.Module) -> tuple[Any, ...]:
    """Its logits with the reference's weights, and what its dropout does in training."""
    model = answer() if isinstance(answer, type) else copy.deepcopy(answer)  # it gets other weights, and hooks
    if not isinstance(model, nn.Module):
        raise Mistake("expected a class that inherits from nn.Module, as in: class Network(nn.Module)")
    weights = reference.state_dict()
    got = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name, expected in weights.items():
        if name not in got:
            layers = ", ".join(dict.fromkeys(each.rpartition(".")[0] or each for each in got)) or "none"
            raise Mistake(
                f"there is no parameter {name!r}. Your layers with weights are: {layers}. Weights are handed over by "
                "name, so those with weights must be self.conv1, self.conv2, self.fc1 and self.fc2"
            )
        if got[name] != tuple(expected.shape):
            raise Mistake(f"{name} has the shape {got[name]}, but should have {tuple(expected.shape)}")
    if extra := [name for name in got if name not in weights]:
        raise Mistake(f"there is a parameter too many: {extra[0]!r}")
    model.load_state_dict(weights)
    n, logits = len(images), model.eval()(images)
    if logits is None:
        raise Mistake("forward returns nothing (None): is the `return` missing?")
    if not isinstance(logits, Tensor) or logits.shape != (n, 10):
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise Mistake(f"forward should return one row of ten logits for each image, ({n}, 10); it gives {shape}")
    _, read, usual, _ = inputs_of_layers(model, images)
    if not torch.equal(logits, model(images)):
        raise Mistake(
            "in eval mode two passes over the same images should agree, and yours differ. F.dropout is always on, "
            "unless told otherwise: write F.dropout(x, training=self.training)"
        )
    _, read_now, now, dropped = inputs_of_layers(model.train(), images)
    if not torch.allclose(read_now, read):
        raise Mistake(
            "in training something is left out before conv2 already. The dropout comes right behind it: "
            "self.conv2_drop(self.conv2(x))"
        )
    if torch.allclose(now, usual):
        maps = "no maps are"
    else:  # a map that is left out is zero everywhere, and one that is not is as it was, but for a factor
        kept = ((now > 0) == (usual > 0)).view(-1, 20, 16).all(dim=2)
        whole = kept | (now == 0).view(-1, 20, 16).all(dim=2)
        maps = "whole maps are" if bool(whole.all()) else "parts of maps are"
    undropped = F.relu(F.linear(now, weights["fc1.weight"], weights["fc1.bias"]))
    units = "no" if torch.allclose(dropped, undropped, atol=1e-5) else "some"
    for what, grown in (("maps", times(now, usual)), ("units", times(dropped, undropped))):
        if maps != "parts of maps are" and grown > 1.01 and not math.isclose(grown, 2, rel_tol=0.01):
            share = 1 - 1 / grown
            raise Mistake(f"{share:.0%} of the {what} are left out in training; leave out half, which is the default")
    return logits, f"{maps} left out in training", f"{units} units are left out in training"


def times(now: Tensor, usual: Tensor) -> float:
    """How many times as large the numbers are that are not left out; where none is kept, infinite."""
    kept = now > 1e-3
    return (now[kept] / usual[kept]).median().item() if bool(kept.any()) else math.inf


def eight_images() -> list[tuple[Any, ...]]:
    """Noise will do: what counts is that equal weights give equal logits."""
    torch.manual_seed(5)
    return [(torch.randn(8, 1, 28, 28), Network())]


# 06.5
def guessed_dim(n_dimensions: int) -> int:
    return 0 if n_dimensions in (1, 3) else 1


def dimension_from_the_front(answer: Any, n_dimensions: int) -> Any:
    """What the answer says; a dimension may be counted from the end, too."""
    said = answer(n_dimensions) if callable(answer) else answer
    if isinstance(said, bool | str):
        raise Mistake(f"expected the number of a dimension, 0, 1, 2 or 3, got {said!r}")
    return said + n_dimensions if isinstance(said, int) and -n_dimensions <= said < 0 else said


EXERCISES = [
    Exercise(
        number="06.1", title="The shape table", name="shapes", minutes=6, difficulty="easy",
        starter="# after: conv1, pooling, conv2, pooling, flatten, fc1, fc2; maps as (channels, height, width), vectors as (length,)\n"
        "shapes = ...",
        answer=SHAPES, cases=lambda: [(SHAPES, STEPS)], observe=in_order, code=f"shapes = {SHAPES}",
        praise="and if somebody hands you digits of 32 by 32 pixels, you know which layer will complain: fc1, the only "
        "one that counts on a size.",
        hints=(
            "A 5 by 5 kernel without padding finds size - 5 + 1 places along each side; pooling by 2 halves the size.",
            "conv1 makes 10 maps of 24 by 24: (10, 24, 24). Pooling keeps the 10 and halves the rest.",
            "After the second pooling there are 20 maps of 4 by 4; flattened, that is a vector of 20 * 4 * 4: write (320,).",
        ),
        wrong=(
            WrongAnswer([(10, 28, 28), (10, 14, 14), (20, 14, 14), (20, 7, 7), (980,), (50,), (10,)],
                "these would be the shapes with padding=2. "
                "There is none here, so each convolution makes height and width 4 less."),
            WrongAnswer([(10, 23, 23), (10, 11, 11), (20, 6, 6), (20, 3, 3), (180,), (50,), (10,)],
                "a kernel of 5 finds one place more, 28 - 5 + 1 = 24: the place where it starts counts."),
            WrongAnswer([(10, 24, 24), (10, 12, 12), (200, 8, 8), (200, 4, 4), (3200,), (50,), (10,)],
                "conv2 does slide 200 slices, but adds up ten of them for each output: 20 maps come out."),
            WrongAnswer([(10, 24, 24), (5, 12, 12), (20, 8, 8), (10, 4, 4), (160,), (50,), (10,)],
                "pooling halves height and width, not the number of maps: each map is pooled by itself."),
            WrongAnswer([(24, 24), (12, 12), (8, 8), (4, 4), (320,), (50,), (10,)],
                "(24, 24) is one map, and conv1 makes ten of them. Write (channels, height, width)."),
            WrongAnswer([*SHAPES[:5], (320, 50), (50, 10)],
                "(320, 50) is about fc1's weights. What comes *out* of it is a vector of 50 numbers."),
        ),
    ),
    Exercise(
        number="06.2", title="21,840 parameters", name="parameter_counts", minutes=6, difficulty="easy",
        starter="def parameter_counts():\n"
        '    """Parameters of conv1, conv2, fc1 and fc2: a list of four numbers."""\n    ...',
        answer=parameter_counts, cases=lambda: [(parameter_counts(), ["for conv1", "for conv2", "for fc1", "for fc2"])], observe=in_order,
        praise="21,840 in all, and three quarters of them in fc1. The convolutions, which do most of the work, are cheap: "
        "their weights are shared by all places.",
        hints=(
            "A convolution: out * in * 5 * 5 weights and `out` biases. A linear layer: in * out weights and `out` biases.",
            "conv1: 10 * 1 * 5 * 5 + 10 = 260. conv2 has 10 channels in and 20 out.",
            "fc1 takes the 20 maps of 4 by 4 as 320 numbers and gives 50.",
        ),
        wrong=(
            edit("5 * 5 + 10", "5 * 5", "the weights are right; each output channel and each unit has a bias, too."),
            edit("320 * 50 + 50", "320 * 50", "50 * 10 + 10", "50 * 10",
                "the convolutions are right; a linear layer has biases, too, one for each of its outputs."),
            edit("20 * 10 * 5", "20 * 5",
                "conv2 reads all ten maps: each of its 20 kernels has ten slices of 5 by 5, not one."),
            edit("320 * 50", "20 * 50", "fc1 does not see 20 numbers but 20 maps of 4 by 4: 320 numbers."),
            edit("320 * 50", "784 * 50",
                "fc1 does not read the picture but what is left after the second pooling: 20 maps of 4 by 4."),
            edit("[conv1, conv2,", "[conv1 * 24 * 24, conv2 * 8 * 8,",
                "a convolution has no weights for each place: the same kernel is used at all of them. "
                "Leave out the map's size."),
            edit("320 * 50 + 50", "320 * 50 + 320", "50 * 10 + 10", "50 * 10 + 50",
                "the biases belong to what comes out of a linear layer, not to what goes in: 50 for fc1."),
            edit("10 * 1 * 5 * 5", "10 * 5", "20 * 10 * 5 * 5", "20 * 10 * 5",
                "a kernel of 5 by 5 has 25 weights, not 5."),
        ),
    ),
    Exercise(
        number="06.3", title="Two layers are one", name="collapse", minutes=8, difficulty="medium",
        starter="def collapse(weight1, bias1, weight2, bias2):\n"
        '    """The (weight, bias) of the one linear layer that does what layer 1, then layer 2 do."""\n    ...',
        answer=collapse, cases=pairs_of_layers,
        praise="so a hundred linear layers on top of each other are still ten templates. What makes depth worth having is "
        "the bend between them: the ReLU.",
        hints=(
            "Layer 1 gives h = weight1 @ x + bias1, layer 2 gives weight2 @ h + bias2. Put the first into the second.",
            "weight2 @ (weight1 @ x + bias1) + bias2 = (weight2 @ weight1) @ x + ...: what is left that has no x?",
        ),
        wrong=(
            edit("weight = weight2 @ weight1", "weight = weight1 @ weight2",
                "the product is in the wrong order: weight1 meets x first, so it stands next to x: weight2 @ weight1."),
            edit("weight2 @ bias1 + bias2", "bias2",
                "the first layer's bias is lost. It goes through layer 2 as everything does: weight2 @ bias1."),
            edit("weight2 @ bias1", "bias1",
                "the first bias is added as it is, but it has to go through layer 2's weights: weight2 @ bias1."),
            edit("weight2 @ bias1 + bias2", "weight2 @ bias1",
                "the second layer's bias is lost: it is added at the end, as it is."),
            edit("weight2 @ bias1", "bias1 @ weight2",
                "the bias stands on the wrong side: layer 2 is weight2 @ h, so take weight2 @ bias1."),
            edit("weight2 @ bias1 + bias2", "weight2 @ (bias1 + bias2)",
                "the second bias goes through layer 2's weights here. Add it after them: weight2 @ bias1 + bias2."),
        ),
    ),
    Exercise(
        number="06.4", title="The seed network", name="Network", minutes=15, difficulty="hard",
        starter="class Network(nn.Module):\n"
        '    """The seed network: images (B, 1, 28, 28) to logits (B, 10)."""\n\n'
        "    def __init__(self):\n        super().__init__()\n        ...\n\n"
        "    def forward(self, images):\n        ...",
        answer=Network, cases=eight_images, observe=observe_network,
        praise="the same parameters, and with equal weights the same logits as the reference: this is the network of the "
        "whole course.",
        hints=(
            "In __init__: conv1, conv2 (nn.Conv2d), conv2_drop (nn.Dropout2d), fc1, fc2 (nn.Linear). The shape table has all "
            "their sizes.",
            "In forward, each half is: F.relu(F.max_pool2d(self.conv1(images), 2)). In the second, self.conv2_drop comes "
            "right after self.conv2.",
            "Then flatten(1), fc1, F.relu, F.dropout(x, training=self.training), fc2. Return what fc2 gives, nothing after it.",
        ),
        wrong=(
            edit("return logits", "return logits.log_softmax(dim=1)",
                "it returns log-probabilities, the slip of the original tutorial: its loss takes the log_softmax once "
                "more. Harmless, but the course's networks return logits: end with fc2."),
            edit("return logits", "return logits.softmax(dim=1)",
                "it returns probabilities. The loss applies a softmax again, which squeezes them together, and the "
                "network learns badly without any error. Return the logits."),
            edit("return logits", "return F.relu(logits)",
                "there is a ReLU after the last layer: no logit can be negative any more, and a class that was cut off "
                "gets no gradient. End with fc2."),
            edit("F.relu(self.fc1(x.flatten(1)))", "self.fc1(x.flatten(1))",
                "the ReLU between fc1 and fc2 is missing. Without it the two collapse into one linear layer."),
            edit("F.dropout(x, 0.5, self.training)", "F.dropout(x, self.training)",
                "in training all the units are left out: in F.dropout(x, self.training) the mode stands where the "
                "share belongs, and True counts as 1. Write F.dropout(x, training=self.training)."),
            edit("        super().__init__()\n", "",
                "nn.Module was not set up, so it cannot take layers: begin __init__ with super().__init__()."),
            edit("nn.Dropout2d(0.5)", "nn.Dropout2d",
                "nn.Dropout2d got the maps where the share belongs. Make the layer in __init__, self.conv2_drop = "
                "nn.Dropout2d(), and call that on the maps."),
            edit("x.flatten(1)", "x",
                "fc1 got maps of 4 by 4, not rows of 320 numbers: flatten(1) is missing before it."),
            edit("x.flatten(1)", "x.flatten()",
                "fc1 got one row for all images: flatten() flattens the batch, too. Write flatten(1)."),
            edit("F.max_pool2d(self.conv1(images), 2)", "self.conv1(images)",
                "fc1 got 2,000 numbers for each image, 20 maps of 10 by 10: the pooling after conv1 is missing."),
            edit("F.relu(F.max_pool2d(self.conv1", "(F.max_pool2d(self.conv1",
                "F.relu(F.max_pool2d(self.conv2", "(F.max_pool2d(self.conv2",
                "the ReLU after the pooling is missing: "
                "without a bend, convolution after convolution is one linear step, too."),
            edit("self.conv2_drop(self.conv2(x))", "F.dropout(self.conv2(x), 0.5, self.training)",
                "single numbers of conv2's maps are left out, not whole maps. A number's neighbours say nearly the "
                "same, so little would be missing: conv2_drop should be an nn.Dropout2d."),
            edit("F.max_pool2d(self.conv1", "F.avg_pool2d(self.conv1",
                "F.max_pool2d(self.conv2", "F.avg_pool2d(self.conv2",
                "both poolings take the mean, as avg_pool2d does. Take the largest: F.max_pool2d."),
            edit("F.relu(F.max_pool2d(self.conv1", "(F.max_pool2d(self.conv1",
                "the first ReLU is missing: without a bend, convolution after convolution is one linear step."),
            edit("F.relu(F.max_pool2d(self.conv2", "(F.max_pool2d(self.conv2",
                "the second ReLU is missing: without a bend, what conv2 and fc1 do is one linear step."),
        ),
    ),
    Exercise(
        number="06.5", title="Which dimension does it guess?", name="guessed_dim", minutes=8, difficulty="medium",
        starter="def guessed_dim(n_dimensions):\n"
        '    """The dimension that F.log_softmax(scores) takes, for scores of 1, 2, 3 or 4 dimensions."""\n    ...',
        answer=guessed_dim, cases=lambda: [(1,), (2,), (3,), (4,)], observe=dimension_from_the_front,
        praise="an odd rule, kept for old programs, and the reason for the warning. For a batch of scores it happens to be right; "
        "for a stack of batches it is silently wrong. Write dim=1, or dim=-1.",
        hints=(
            "Try it: torch.randn(4, 10), then torch.randn(2, 4, 10), and so on. Take exp() of what comes out and sum along "
            "each dimension: where all the sums are 1, there the softmax ran.",
            "With 2 dimensions it is 1, with 3 it is not.",
            "It is 0 for 1 and for 3 dimensions, and 1 for 2 and for 4.",
        ),
        wrong=(
            edit("0 if n_dimensions in (1, 3) else 1", "1",
                "right for a batch of scores. But a single row has no dimension 1, "
                "and for three dimensions it guesses otherwise: try torch.randn(2, 4, 10)."),
            edit("0 if n_dimensions in (1, 3) else 1", "n_dimensions - 1",
                "that would be sensible, and it is right for one and two dimensions. "
                "With three it takes another: try torch.randn(2, 4, 10)."),
        ),
    ),
]
