"""Exercises of lesson 10, looking inside: a forward hook, saliency, occlusion, rank correlation, a step elsewhere."""

from __future__ import annotations

import re
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import digitlab as dl
from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake, call, names_used


def network(seed: int = 8) -> dl.CNN:
    """A network with random weights, its last layer enlarged so that the logits differ clearly."""
    torch.manual_seed(seed)
    model = dl.CNN().eval()
    with torch.no_grad():
        model.fc2.weight.mul_(20)
    return model


# 10.1
def feature_maps(model: nn.Module, images: Tensor, layer: str) -> Tensor:
    caught = []

    def keep(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        caught.append(output.detach())

    handle = model.get_submodule(layer).register_forward_hook(keep)
    model(images)
    handle.remove()
    return caught[0]


def layers_to_catch() -> list[tuple[Any, ...]]:
    images = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    return [(network(), images, "conv1"), (network(9), images, "conv2"), (network(), images[:1], "fc1")]


def maps_without_a_hook_left(answer: Any, model: nn.Module, images: Tensor, layer: str) -> Any:
    """What the answer returns, if it leaves no hook behind."""
    try:
        result = answer(model, images, layer)
    except TypeError as error:
        if "<locals>" in str(error) and "positional argument" in str(error):
            raise Mistake(
                "your code stopped: PyTorch calls a forward hook with three things, the layer, its inputs, and its "
                "output. Make it take these three, and hand over its name without brackets"
            ) from None
        raise
    if any(module._forward_hooks for module in model.modules()):
        raise Mistake(
            "your hook is still in the model and will run at every call from now on. Keep what "
            "register_forward_hook returns and call its remove()."
        )
    return result


# 10.2
def saliency(model: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
    images = images.clone().requires_grad_()
    logits = model(images)
    of_the_targets = logits[torch.arange(len(images)), targets]
    (gradient,) = torch.autograd.grad(of_the_targets.sum(), images)
    return gradient[:, 0].abs()


GIVES_A_TUPLE = (
    "your code stopped: torch.autograd.grad gives a tuple, with one tensor in it. Take it out: "
    "(gradient,) = torch.autograd.grad(...), or [0] behind it."
)


def map_or_tuple(answer: Any, *inputs: Any) -> Any:
    """What the answer returns; where it stopped because autograd gave it a tuple, that."""
    try:
        return call(answer, *inputs)
    except (TypeError, AttributeError) as error:
        if "NoneType" in str(error):
            raise Mistake(
                "your code stopped: a .grad is None. It is kept for the very tensor that was marked by "
                "requires_grad_() before the model read it, not for a copy that was made later"
            ) from None
        raise Mistake(GIVES_A_TUPLE) if re.search("tuple|sequence", str(error)) else error from None


def images_and_targets() -> list[tuple[Any, ...]]:
    images = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(2))
    return [(network(), images, torch.tensor([5, 0, 9])), (network(9), images[:1], torch.tensor([3]))]


# 10.3
def occlusion(model: nn.Module, image: Tensor, target: int, size: int) -> Tensor:
    n = 28 // size
    falls = torch.zeros(n, n)
    with torch.no_grad():
        before = model(image)[0, target]
        for row in range(n):
            for column in range(n):
                wiped = image.clone()
                top, left = row * size, column * size
                wiped[:, :, top : top + size, left : left + size] = image.min()
                falls[row, column] = before - model(wiped)[0, target]
    return falls


def digits_to_occlude() -> list[tuple[Any, ...]]:
    image = dl.normalize(dl.followed_digit().images)
    across = image.transpose(2, 3).contiguous()
    linear = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))  # quick enough for squares of one pixel
    blot = image.clone()  # ink in the corner
    blot[:, :, :2, :2] = image.max()
    by_network = [(network(), *case) for case in ((image, 5, 7), (image, 3, 14), (across, 5, 9), (blot, 5, 7))]
    return [*by_network, (linear, image, 2, 1)]


# 10.4
def rank_correlation(one: Tensor, other: Tensor) -> Tensor:
    def scores(heat: Tensor) -> Tensor:
        values = heat.flatten()
        return torch.sign(values[:, None] - values).sum(dim=1)

    return F.cosine_similarity(scores(one), scores(other), dim=0)


def pairs_of_maps() -> list[tuple[Tensor, Tensor]]:
    """Maps with something in common; the last pair has many zeros, as Grad-CAM has."""
    one, noise = torch.randn(2, 14, 14, generator=torch.Generator().manual_seed(4))
    other = one + noise
    return [(one, other.exp()), (one, -other), ((one - 0.5).relu(), (noise - 0.5).relu())]


def alike(answer: Any, one: Tensor, other: Tensor) -> Any:
    """What the answer returns, if it is the learner's own."""
    if ready := names_used(answer) & {"spearmanr", "corr", "spearman_corrcoef"}:
        raise Mistake(f"your code calls {min(ready)}, which is ready-made. Here you are asked to write it yourself")
    return call(answer, one, other)


# 10.5
def push(model: nn.Module, image: Tensor, wanted: int, present: int, step: float) -> Tensor:
    image = image.clone().requires_grad_()
    logits = model(image)[0]
    (gradient,) = torch.autograd.grad(logits[wanted] - logits[present], image)
    direction: Tensor = gradient / gradient.norm()
    return (image + step * direction).detach()


def digits_to_push() -> list[tuple[Any, ...]]:
    image = dl.normalize(dl.followed_digit().images)
    return [(network(), image, 3, 5, 0.5), (network(9), image.flip(3), 8, 6, 2.0)]


EXERCISES = [
    Exercise(
        number="10.1", title="A forward hook", name="feature_maps", minutes=8, difficulty="medium",
        starter="def feature_maps(model, images, layer):\n"
        '    """What the layer of that name puts out for the images. Leaves no hook behind."""\n    ...',
        answer=feature_maps, cases=layers_to_catch, observe=maps_without_a_hook_left,
        praise="equal to dl.feature_maps, and the model is as it was. A hook that *returns* a tensor replaces the "
        "layer's output: with one line you can switch a channel off and see who misses it.",
        hints=(
            "Make an empty list before, and let the hook append the output to it.",
            "`handle = model.get_submodule(layer).register_forward_hook(your_function)`, then `model(images)`.",
            "Take the hook out with handle.remove(), then return the list's first element.",
        ),
        wrong=(
            edit("    model(images)\n    handle.remove()\n", "    handle.remove()\n    model(images)\n",
                "your code stopped because nothing was caught: the hook was taken out before the model ran, or the "
                "model did not run at all, or the hook is no forward hook. First model(images), then remove(), then "
                "return."),
            edit("return caught[0]", "return caught",
                "this is the list, with the output in it. Return its first element."),
            edit("caught.append(output.detach())", "caught.append(output.detach())\n        return caught",
                "your code stopped because your hook returns something, and what a hook returns replaces the layer's "
                "output. Let it keep the output and return nothing."),
            edit("output.detach()", "output.detach()[0]",
                "these are the maps of the first image only. A hook's output is the whole batch: keep all of it."),
            edit("return caught[0]", "return None",
                "None comes back. Is the `return` missing? Or does the hook say kept = output? That makes a name of "
                "the hook's own, and the one outside stays None: append to a list instead."),
            edit("def feature_maps(model: nn.Module, images: Tensor, layer: str) -> Tensor:\n    caught = []\n",
                "caught = []\n\ndef feature_maps(model: nn.Module, images: Tensor, layer: str) -> Tensor:\n",
                "the first call is right, and each later one returns the first one's output again: a list that is "
                "made outside the function is never emptied. Make it inside."),
            edit("model.get_submodule(layer)", "model.layer",
                "your code stopped: model.layer is a layer called 'layer', and there is none. The name is what the "
                "variable holds: model.get_submodule(layer)."),
            edit("model.get_submodule(layer)", "layer",
                "your code stopped: layer is a name, a piece of text. The layer itself is model.get_submodule(layer)."),
            edit("model.get_submodule(layer)", "model[layer]",
                "your code stopped: a model takes no name in brackets. Use model.get_submodule(layer)."),
            edit("    model(images)\n    handle", "    model.train()\n    model(images)\n    handle",
                "what fc1 puts out is not as expected: it comes after a dropout, and the model was in training "
                "mode. Leave its mode as it is: no model.train()."),
            edit("get_submodule(layer)", "get_submodule('conv1')",
                "you listen at conv1, whichever layer is asked for. Use the name: model.get_submodule(layer)."),
            edit("output.detach()", "inputs[0]",
                "this is what goes into the layer. A hook gets (layer, inputs, output): keep the third."),
            edit("return caught[0]", "return model(images)",
                "this is what the whole model returns, the logits. The layer's own output passes by in the hook: keep "
                "it there."),
            edit("return caught[0]", "return model.get_submodule(layer)(images)",
                "you called the layer on the images themselves. Only the first layer ever sees those; run the whole "
                "model, and let a hook listen at the layer."),
        ),
    ),
    Exercise(
        number="10.2", title="Saliency", name="saliency", minutes=10, difficulty="medium",
        starter="def saliency(model, images, targets):\n"
        '    """|gradient of each image\'s target logit| for each pixel: (B, 1, 28, 28) to (B, 28, 28)."""\n    ...',
        answer=saliency, cases=images_and_targets, observe=map_or_tuple,
        praise="equal to dl.saliency. The logits were summed over the images and yet each image has its own gradient, "
        "because no image has a say in another's logits. (With batch normalisation in training mode it would.)",
        hints=(
            "Autograd must know that you want the gradient by the images: `images = images.clone().requires_grad_()`.",
            "`logits[torch.arange(len(images)), targets]` picks each image's target logit. Their sum is the one "
            "number to differentiate.",
            "`(gradient,) = torch.autograd.grad(number, images)` has the shape (B, 1, 28, 28). Drop the channel, take "
            "abs().",
        ),
        wrong=(
            edit(".abs()", "",
                "this is the gradient with its sign. Saliency asks how much, not which way: take abs()."),
            edit("logits[torch", "logits.softmax(dim=1)[torch",
                "this is the gradient of the probability. When a network is sure, the probability hardly moves "
                "whatever you do, and it moves with the other nine logits as well. Differentiate the logit."),
            edit("of_the_targets.sum()", "F.cross_entropy(logits, targets)",
                "this is the gradient of the loss. It fades as the network gets surer. Differentiate the target's "
                "logit."),
            edit("of_the_targets.sum()", "logits.sum()",
                "this sums all ten logits, so it asks what raises every class at once. Pick each image's target "
                "first."),
            edit("logits[torch.arange(len(images)), targets]", "logits[:, targets]",
                "logits[:, targets] takes every target of every image. Pair them up: image 0 with target 0, image 1 "
                "with target 1: logits[torch.arange(len(images)), targets]."),
            edit("of_the_targets.sum()", "of_the_targets.mean()",
                "every value is too small by the number of images: you took the mean over the batch. An image's map "
                "must not depend on how many others came along: take the sum."),
            edit("of_the_targets.sum()", "logits.amax(dim=1).sum()",
                "this is about the largest logit, whatever was asked for. Pick each image's target: "
                "logits[torch.arange(len(images)), targets]."),
            edit("of_the_targets.sum()", 'F.cross_entropy(logits, targets, reduction="sum")',
                "this is the gradient of the loss, summed over the images. It fades as the network gets surer. Differentiate the target's "
                "logit."),
            edit("of_the_targets.sum()", "logits[0, targets].sum()",
                "the maps of all images but the first are zero: logits[0, ...] is the first image's row. Pair image i "
                "with target i: logits[torch.arange(len(images)), targets]."),
            edit("of_the_targets.sum()", "of_the_targets",
                "your code stopped: autograd differentiates one number, and this is one for each image. Take the "
                "sum()."),
            edit("gradient[:, 0].abs()", "gradient[0].abs()",
                "this is the first image's map only. autograd.grad gives a tuple, and one [0] takes its tensor out; "
                "a second [0] takes the first image. Drop the channel with [:, 0]."),
            edit("gradient[:, 0].abs()", "gradient.squeeze().abs()",
                "right for several images. Of a single one, squeeze() takes away that dimension, too: gradient[:, 0]."),
            edit("gradient[:, 0].abs()", "gradient[0, 0].abs()",
                "this is one map, (28, 28), that of the first image. Keep all images and drop the channel: [:, 0]."),
            edit("(gradient,) =", "gradient =", "gradient[:, 0].abs()", "gradient",
                "this is a tuple with the gradient in it, signs and channel and all. Take the tensor out, then the "
                "channel: (gradient,) = torch.autograd.grad(...), gradient[:, 0].abs()."),
            edit("gradient[:, 0].abs()", "gradient.abs()",
                "the values are right, but the channel is still there. Drop it: gradient[:, 0].abs()."),
            edit("(gradient,) =", "gradient =", GIVES_A_TUPLE),
            edit("    images = images.clone().requires_grad_()\n    logits = model(images)\n",
                "    logits = model(images)\n    images = images.clone().requires_grad_()\n",
                "your code stopped: the images that you ask about are not those that the model has read. Call "
                "requires_grad_() first, and hand that very tensor to the model and to autograd."),
            edit("images.clone().requires_grad_()", "images.clone()",
                "your code stopped: autograd was not told to follow the images. Call images.requires_grad_() before "
                "the model reads them."),
            edit("    logits = model(images)\n", "    with torch.no_grad():\n        logits = model(images)\n",
                "your code stopped: under no_grad nothing is recorded, so there is nothing to differentiate. Leave it "
                "out here."),
            edit("gradient[:, 0].abs()", "(gradient * images)[:, 0].abs()",
                "this is multiplied by the image. (It has a name, gradient times ink, and comes later.) Saliency is the "
                "gradient alone."),
            edit("gradient[:, 0].abs()", "gradient[:, 0] ** 2",
                "this is the square of the gradient. Take abs()."),
            edit("gradient[:, 0].abs()", "gradient[:, 0].abs() / gradient.abs().max()",
                "this is scaled to a largest value of 1. Leave the values as they are: how large they are is part of "
                "the answer."),
        ),
    ),
    Exercise(
        number="10.3", title="Occlusion", name="occlusion", minutes=12, difficulty="medium",
        starter="def occlusion(model, image, target, size):\n"
        '    """Fall of the target\'s logit for each patch: (1, 1, 28, 28) to (28 // size, 28 // size)."""\n    ...',
        answer=occlusion, cases=digits_to_occlude,
        praise="equal to dl.occlusion where the patches lie side by side (stride = size). It treats the network as a "
        "closed box, so it works on anything that answers, a person included.",
        hints=(
            "Keep the target's logit of the whole image. Then two loops, over the rows and the columns of patches.",
            "Patch (row, column) is `[:, :, row * size : (row + 1) * size, column * size : (column + 1) * size]`. "
            "Start from a fresh image.clone() each time.",
            "Empty paper is the smallest value there is: image.min(). The fall is the logit before minus the logit "
            "after.",
        ),
        wrong=(
            edit("image.min()", "0.0",
                "you filled the patch with 0. After normalising, 0 is the average grey; empty paper is about -0.42. "
                "You painted a grey square instead of wiping out. Use image.min()."),
            edit("image.min()", "-0.42",
                "all but right: -0.42 is rounded, and the network sees a trace of ink on the wiped patch. Empty paper "
                "is exactly (0 - 0.1307) / 0.3081, or simply image.min()."),
            edit("image.min()", "-1.0",
                "you filled the patch with −1, which no pixel of an image is: empty paper is about −0.42. "
                "Use image.min()."),
            edit("wiped = image.clone()", "wiped = torch.full_like(image, float(image.min()))",
                "left + size] = image.min()", "left + size] = image[:, :, top : top + size, left : left + size]",
                "you kept the patch and wiped out all the rest. It is the other way round: the patch goes, the rest "
                "stays."),
            edit("before - model(wiped)[0, target]", "model(wiped)[0, target] - before",
                "the sign is turned round: a fall is the logit before minus the logit after."),
            edit("model(image)[0", "model(image).softmax(dim=1)[0", "model(wiped)[0", "model(wiped).softmax(dim=1)[0",
                "these are falls of the probability. A sure network's probability stays near 1 while its logit falls "
                "a long way; measure the logit."),
            edit("wiped = image.clone()", "image = wiped = image.clone()",
                "the first patch is right, and then the image gets emptier and emptier: each patch is wiped out of "
                "what the last one left. Start from a fresh image.clone() each time."),
            edit("before - model(wiped)", "model(wiped)",
                "this is the logit that remains. Subtract it from the logit of the whole image."),
            edit("falls[row, column]", "falls[column, row]",
                "rows and columns are exchanged. In an image tensor the row (from the top) comes first, then the "
                "column."),
            edit("image.min()", "image[0, 0, 0, 0]",
                "right as long as the corner is empty. One of these images has ink there: take the smallest value, "
                "image.min()."),
            edit("image.min()", "image.mean()",
                "you filled the patch with the image's mean, which is a shade of grey. Wiped out means empty paper: "
                "image.min()."),
            edit("image.min()", "image.max()", "you painted the patch full of ink. Empty paper is image.min()."),
            edit("before - model(wiped)[0, target]", "(before - model(wiped)[0, target]).abs()",
                "the sizes are right, but all are positive. Below zero means that the network was better off without "
                "the patch: leave out the abs()."),
            edit("before - model(wiped)[0, target]", "(before - model(wiped)[0, target]).clamp(min=0)",
                "the falls above zero are right; those below are cut off. A patch may also have spoken against the "
                "target: keep the sign."),
            edit("row * size, column * size", "row, column",
                "your patches overlap: each starts one pixel after the last. Side by side, patch number row starts at "
                "row * size."),
            edit("row * size, column * size", "row * 7, column * 7",
                "your patches always start 7 pixels apart. Patch number row starts at row * size."),
            edit("top + size, left : left + size", "top + size - 1, left : left + size - 1",
                "the patch is a pixel too small each way. A slice leaves out its end already."),
            edit("[0, target]\n        for", ".max()\n        for", "model(wiped)[0, target]", "model(wiped).max()",
                "you watched the largest logit, whichever digit it belongs to. Watch the target's: [0, target]."),
            edit("[0, target]\n        for", ".max()\n        for",
                "you subtracted from the largest logit, which need not be the target's. Before and after, take "
                "[0, target]."),
            edit("n = 28 // size", "n = -(-28 // size)",
                "there is a row and a column too many where size does not divide 28: patches that do not fit are "
                "left out, 28 // size."),
            edit("n = 28 // size", "n = 28 / size",
                "your code stopped: 28 / size is 4.0 for Python, and a grid needs whole numbers. Write 28 // size."),
            edit("falls[row, column]", "falls[top, left]",
                "your code stopped: the grid counts patches, not pixels. If you go from pixel to pixel in steps of "
                "size, write into falls[top // size, left // size]."),
            edit("n = 28 // size", "n = 4",
                "the grid is always 4 by 4. That is right for size 7; in general it is 28 // size."),
            edit("return falls", "return falls.repeat_interleave(size, 0).repeat_interleave(size, 1)",
                "the falls are right, but written on a page of 28 by 28. Asked for is one number for each patch: "
                "falls[row, column]."),
        ),
    ),
    Exercise(
        number="10.4", title="How alike are two maps?", name="rank_correlation", minutes=10, difficulty="medium",
        starter="def rank_correlation(one, other):\n"
        '    """Spearman\'s rank correlation of two maps of the same shape, a number from -1 to 1."""\n    ...',
        answer=rank_correlation, cases=pairs_of_maps, observe=alike,
        praise="equal to SciPy's spearmanr, ties included. The scores need no centring: every win of one pixel is a "
        "loss of another, so they sum to zero.",
        hints=(
            "Flatten each map. `values[:, None] - values` holds the difference of every pixel to every other.",
            "`torch.sign(...)` makes that +1 for a win, -1 for a loss, 0 for a tie. Sum along dim=1: the score of "
            "each pixel.",
            "`F.cosine_similarity(scores, other_scores, dim=0)` is the cosine.",
        ),
        wrong=(
            edit("torch.sign(values[:, None] - values).sum(dim=1)", "values - values.mean()",
                "this is the correlation of the values themselves (Pearson's): a few very bright pixels decide it. "
                "Replace each map by its rank scores first."),
            edit("torch.sign(values[:, None] - values).sum(dim=1)", "values",
                "this is the cosine of the values themselves. Replace each map by its rank scores first."),
            edit("heat.flatten()", "heat.flatten().argsort(stable=True).float()",
                "argsort gives the *positions* of the values in order, not each value's rank. Two maps can share all "
                "ranks and still differ here. Count wins minus losses instead."),
            edit("heat.flatten()", "heat.flatten().argsort(stable=True).argsort().float()",
                "right where all values differ. Where many are equal, argsort ranks them by their place in the image, "
                "the same in both maps, and finds a likeness that is not there. Let a tie count 0."),
            edit("heat.flatten()", "heat.flatten().argsort().argsort().float()",
                "right where all values differ. But argsort gives equal values different ranks, in whatever order it "
                "happens to meet them. A tie is neither won nor lost: count wins minus losses instead."),
            edit(".sum(dim=1)", "",
                "you have a number for each pixel: each still holds its wins and losses one by one. Sum them along "
                "dim=1 first, to one score for each pixel."),
            edit(".sum(dim=1)", ".flatten()",
                "this is the cosine of all single wins and losses. (It has a name, Kendall's tau.) Sum them along dim=1 "
                "first, to one score for each pixel."),
            edit("torch.sign(values[:, None] - values)", "(values[:, None] > values).float()",
                "you counted wins only, so all scores are positive and even unrelated maps look alike. Subtract the "
                "losses."),
            edit("torch.sign(values[:, None] - values)", "(2.0 * (values[:, None] >= values) - 1)",
                "you counted a tie as a win for both. Where many values are equal, that finds a likeness that is not "
                "there. A tie counts 0: use > for wins, < for losses, or torch.sign."),
            edit("F.cosine_similarity(scores(one), scores(other), dim=0)", "(scores(one) * scores(other)).sum()",
                "this product grows with the number of pixels. Divide it by the lengths of both score vectors: that is "
                "the cosine."),
            edit("torch.sign(values[:, None] - values).sum(dim=1)",
                "torch.sign(values[:, None] - values).sum(dim=1) + len(values) + 1",
                "these are ranks from 1 upwards, all positive, so even unrelated maps look alike. Subtract their mean, "
                "or count wins minus losses."),
            edit("scores(other), dim=0)", "scores(other))",
                "your code stopped: F.cosine_similarity looks along dim=1 unless it is told otherwise, and a flat "
                "list has only dim=0."),
            edit("heat.flatten()", "heat.flatten().abs()",
                "you dropped the signs of the maps. Then the lowest value counts as one of the highest: compare them "
                "as they are."),
            edit("heat.flatten()", "heat", "sum(dim=1)", "sum(dim=1).flatten()",
                "you compared the pixels within a row or a column only. Flatten the map first: each pixel meets all "
                "others."),
        ),
    ),
    Exercise(
        number="10.5", title="A step towards another digit", name="push", minutes=8, difficulty="medium",
        starter="def push(model, image, wanted, present, step):\n"
        '    """The image moved by a length of `step` along the gradient of (wanted - present logit)."""\n    ...',
        answer=push, cases=digits_to_push, observe=map_or_tuple,
        praise="that is gradient ascent on the image, where training is gradient descent on the weights. Same tool, "
        "other end.",
        hints=(
            "As in 10.2: `image = image.clone().requires_grad_()`, then `torch.autograd.grad(number, image)`.",
            "The number is logits[wanted] - logits[present], from `logits = model(image)[0]`.",
            "A step of a given length: divide the gradient by gradient.norm(), then multiply by step and add it to "
            "the image.",
        ),
        wrong=(
            edit("image + step", "image - step",
                "the sign is turned round: this makes the wanted digit less likely. Training goes *against* the "
                "gradient of a loss; here you want the difference to grow."),
            edit("logits[wanted] - logits[present]", "logits[wanted]",
                "this raises the wanted logit, but may raise the present one just as much. Only differences between "
                "logits count: take the gradient of wanted minus present."),
            edit("gradient / gradient.norm()", "gradient",
                "the direction is right, but the length of your step depends on the gradient's. Divide the gradient "
                "by its norm."),
            edit("gradient / gradient.norm()", "gradient.sign()",
                "this moves every pixel by the same amount, empty paper too. (It has a name, the fast gradient sign "
                "method.) Here the step follows the gradient itself: divide it by its norm."),
            edit("(image + step * direction)", "(step * direction)", "this is the change alone. Add it to the image."),
            edit("logits[wanted] - logits[present]", "-logits[present]",
                "this lowers the present logit, but may lower the wanted one just as much. Take the gradient of wanted "
                "minus present."),
            edit("model(image)[0]", "model(image)[0].softmax(dim=0)",
                "this is the gradient of the probabilities. A sure network's hardly move. Take that of the logits."),
            edit("logits[wanted] - logits[present]", "F.cross_entropy(logits[None], torch.tensor([wanted]))",
                "this follows the loss upwards, away from the wanted digit. Asked for is the gradient of wanted minus "
                "present logit."),
            edit("logits[wanted] - logits[present]", "-F.cross_entropy(logits[None], torch.tensor([wanted]))",
                "this follows the loss of the wanted digit, in which all ten logits have a say. Asked for is the "
                "gradient of wanted minus present logit."),
            edit("step * direction", "direction",
                "this step always has the length 1. Multiply the direction by step."),
            edit("gradient.norm()", "gradient.abs().max()",
                "you divided by the largest value, so the step is longer than `step`. The length of a gradient is "
                "gradient.norm()."),
            edit("gradient.norm()", "gradient.abs().sum()",
                "the step is far too short: you divided by more than the gradient's length, as by the sum of its "
                "sizes, or by the image's length. Take gradient.norm(), the root of the sum of squares."),
            edit("logits[wanted] - logits[present]", "logits[wanted] + logits[present]",
                "this raises both logits. The present one is to fall: wanted minus present."),
            edit("gradient.norm()", "gradient.norm() ** 2",
                "you divided by the squared length. Divide by gradient.norm() once."),
            edit("gradient.norm()", "gradient.norm(dim=-1, keepdim=True)",
                "you divided each row of pixels by its own length. The whole gradient has one: gradient.norm()."),
            edit("step * direction", "step * direction.abs()",
                "this adds ink everywhere. Some pixels must lose some: leave out the abs()."),
            edit("(image + step * direction)", "(image + step * direction).clamp(image.min(), image.max())",
                "the direction is right, but you cut the result to what paper can show. The lesson does that afterwards: "
                "here the step is asked for alone."),
            edit("    return (image", "    direction = saliency(model, image, torch.tensor([wanted]))\n"
                "    direction = direction - saliency(model, image, torch.tensor([present]))\n"
                "    direction = direction / direction.norm()\n    return (image",
                "you subtracted two maps without signs. Which way a pixel must change is in the sign: "
                "dl.saliency(..., signed=True)."),
            edit("model(image)[0]", "model(image)",
                "your code stopped: model(image) has a row for each image, here one. Take it: model(image)[0]."),
        ),
    ),
]
