"""Exercises of lesson 10, looking inside: a forward hook, saliency, occlusion, rank correlation, a step elsewhere."""

from __future__ import annotations

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
    result = answer(model, images, layer)
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
    image[:, :, :2, :2] = image.max()  # ink in the corner
    linear = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))  # quick enough for squares of one pixel
    return [(network(), image, 5, 7), (network(), across, 5, 9), (linear, image, 2, 1)]


# 10.4
def rank_correlation(one: Tensor, other: Tensor) -> Tensor:
    def scores(heat: Tensor) -> Tensor:
        values = heat.flatten()
        return torch.sign(values[:, None] - values).sum(dim=1)

    return F.cosine_similarity(scores(one), scores(other), dim=0)


def pairs_of_maps() -> list[tuple[Tensor, Tensor]]:
    """Maps with something in common; the last pair is small and has many zeros, as Grad-CAM has."""
    one, noise = torch.randn(2, 14, 14, generator=torch.Generator().manual_seed(4))
    other = one + noise
    return [(one, other.exp()), (one, -other), ((one - 0.5).relu()[:4, :4], (noise - 0.5).relu()[:4, :4])]


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
                "your code stopped because nothing was caught: is the hook taken out before the model runs, or does "
                "the model not run at all? First model(images), then remove(), then return."),
            edit("caught.append(output.detach())", "caught.append(output.detach())\n        return caught",
                "your code stopped because your hook returns something, and what a hook returns replaces the layer's "
                "output. Let it keep the output and return nothing."),
            edit("return caught[0]", "return None",
                "None comes back. Is the `return` missing? Or does the hook say kept = output? That makes a name of "
                "the hook's own, and the one outside stays None: append to a list instead."),
            edit("def feature_maps(model: nn.Module, images: Tensor, layer: str) -> Tensor:\n    caught = []\n",
                "caught = []\n\ndef feature_maps(model: nn.Module, images: Tensor, layer: str) -> Tensor:\n",
                "the first call is right, and each later one returns the first one's output again: a list that is "
                "made outside the function is never emptied. Make it inside."),
            edit("get_submodule(layer)", "get_submodule('conv1')",
                "you listen at conv1, whichever layer is asked for. Use the name: model.get_submodule(layer)."),
        ),
    ),
    Exercise(
        number="10.2", title="Saliency", name="saliency", minutes=10, difficulty="medium",
        starter="def saliency(model, images, targets):\n"
        '    """|gradient of each image\'s target logit| for each pixel: (B, 1, 28, 28) to (B, 28, 28)."""\n    ...',
        answer=saliency, cases=images_and_targets,
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
                "this is the gradient of the probability, which hardly moves when a network is sure, and depends on "
                "the other nine logits as well. Differentiate the logit."),
            edit("of_the_targets.sum()", "F.cross_entropy(logits, targets)",
                "this is the gradient of the loss. It fades as the network gets surer. Differentiate the target's "
                "logit."),
            edit("of_the_targets.sum()", "logits.sum()",
                "this sums all ten logits, so it asks what raises every class at once. Pick each image's target "
                "first."),
            edit("logits[torch.arange(len(images)), targets]", "logits[:, targets]",
                "logits[:, targets] takes every target of every image. Pair image i with target i: "
                "logits[torch.arange(len(images)), targets]."),
            edit("logits[torch.arange(len(images)), targets]", "logits[0, targets]",
                "the maps of all images but the first are zero: logits[0, ...] is the first image's row. Pair image i "
                "with target i: logits[torch.arange(len(images)), targets]."),
            edit("of_the_targets.sum()", "of_the_targets",
                "your code stopped: autograd differentiates one number, and this is one for each image. Take the "
                "sum()."),
            edit("(gradient,) =", "gradient =",
                "your code stopped: torch.autograd.grad gives a tuple, with one tensor in it. Take it out: "
                "(gradient,) = torch.autograd.grad(...), or [0] behind it."),
            edit("    images = images.clone().requires_grad_()\n    logits = model(images)\n",
                "    logits = model(images)\n    images = images.clone().requires_grad_()\n",
                "your code stopped: the images that you ask about are not those that the model has read. Call "
                "requires_grad_() first, and hand that very tensor to the model and to autograd."),
            edit("gradient[:, 0].abs()", "(gradient * images)[:, 0].abs()",
                "this is multiplied by the image. (It has a name, gradient times ink, and comes later.) Saliency is the "
                "gradient alone."),
            edit("of_the_targets.sum()", "of_the_targets.mean()",
                "every value is too small by the number of images: you took the mean over the batch. An image's map "
                "must not depend on how many others came along: take the sum."),
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
                "you filled the patch with 0. After normalising, that is the average grey; empty paper is about -0.42. "
                "You painted a grey square instead of wiping out. Use image.min()."),
            edit("image.min()", "-0.42",
                "all but right: -0.42 is rounded, and the network sees a trace of ink on the wiped patch. Empty paper "
                "is exactly (0 - 0.1307) / 0.3081, or simply image.min()."),
            edit("image.min()", "image.max()", "you painted the patch full of ink. Empty paper is image.min()."),
            edit("image.min()", "image.mean()",
                "you filled the patch with the image's mean, which is a shade of grey. Wiped out means empty paper: "
                "image.min()."),
            edit("image.min()", "image[0, 0, 0, 0]",
                "right as long as the corner is empty. One of these images has ink there: take the smallest value, "
                "image.min()."),
            edit("model(image)[0", "model(image).softmax(dim=1)[0", "model(wiped)[0", "model(wiped).softmax(dim=1)[0",
                "these are falls of the probability. A sure network's probability stays near 1 while its logit falls "
                "a long way; measure the logit."),
            edit("wiped = image.clone()", "image = wiped = image.clone()",
                "the first patch is right, and then the image gets emptier and emptier: each patch is wiped out of "
                "what the last one left. Start from a fresh image.clone() each time."),
            edit("row * size, column * size", "row, column",
                "your patches overlap: each starts one pixel after the last. Side by side, patch number row starts at "
                "row * size."),
            edit("row * size, column * size", "row * 7, column * 7",
                "your patches always start 7 pixels apart. Patch number row starts at row * size."),
            edit("top + size, left : left + size", "top + size - 1, left : left + size - 1",
                "the patch is a pixel too small each way. A slice leaves out its end already."),
            edit("before - model(wiped)", "model(wiped)",
                "this is the logit that remains. Subtract it from the logit of the whole image."),
            edit("n = 28 // size", "n = 28 / size",
                "your code stopped: 28 / size is 4.0 for Python, and a grid needs whole numbers. Write 28 // size."),
            edit("before - model(wiped)[0, target]", "(before - model(wiped)[0, target]).clamp(min=0)",
                "the falls above zero are right; those below are cut off. A patch may also have spoken against the "
                "target: keep the sign."),
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
            edit("torch.sign(values[:, None] - values).sum(dim=1)", "values",
                "this is the cosine of the values themselves: a few very bright pixels decide it. Replace each map by "
                "its rank scores first."),
            edit("torch.sign(values[:, None] - values).sum(dim=1)", "values - values.mean()",
                "this is the correlation of the values themselves (Pearson's): a few very bright pixels decide it. "
                "Replace each map by its rank scores first."),
            edit("heat.flatten()", "heat.flatten().argsort().float()",
                "argsort gives the *positions* of the values in order, not each value's rank. Two maps can share all "
                "ranks and still differ here. Count wins minus losses instead."),
            edit("heat.flatten()", "heat.flatten().argsort().argsort().float()",
                "right where all values differ. But argsort gives equal values different ranks, in whatever order it "
                "happens to meet them. A tie is neither won nor lost: count wins minus losses instead."),
            edit("torch.sign(values[:, None] - values)", "(2.0 * (values[:, None] > values) - 1)",
                "you counted a tie as a loss for both. Where many values are equal, that finds a likeness that is not "
                "there. A tie counts 0: use > for wins and < for losses, or torch.sign."),
            edit("torch.sign(values[:, None] - values)", "(values[:, None] > values).float()",
                "you counted wins only, so all scores are positive and even unrelated maps look alike. Subtract the "
                "losses."),
            edit("F.cosine_similarity(scores(one), scores(other), dim=0)", "(scores(one) * scores(other)).sum()",
                "this product grows with the number of pixels. Divide it by the lengths of both score vectors: that is "
                "the cosine."),
            edit("torch.sign(values[:, None] - values).sum(dim=1)",
                "torch.sign(values[:, None] - values).sum(dim=1) + len(values) + 1",
                "these are ranks from 1 upwards, all positive, so even unrelated maps look alike. Subtract their mean, "
                "or count wins minus losses."),
            edit(".sum(dim=1)", ".flatten()",
                "this is the cosine of all single wins and losses. (It has a name, Kendall's tau.) Sum them along dim=1 "
                "first, to one score for each pixel."),
        ),
    ),
    Exercise(
        number="10.5", title="A step towards another digit", name="push", minutes=8, difficulty="medium",
        starter="def push(model, image, wanted, present, step):\n"
        '    """The image moved by a length of `step` along the gradient of (wanted - present logit)."""\n    ...',
        answer=push, cases=digits_to_push,
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
                "this makes the wanted digit less likely. Training goes *against* the gradient of a loss; here you "
                "want the difference to grow: add."),
            edit("logits[wanted] - logits[present]", "logits[wanted]",
                "this raises the wanted logit, but may raise the present one just as much. Only differences between "
                "logits count: take the gradient of wanted minus present."),
            edit("logits[wanted] - logits[present]", "-logits[present]",
                "this lowers the present logit, but may lower the wanted one just as much. Take the gradient of wanted "
                "minus present."),
            edit("model(image)[0]", "model(image)[0].softmax(dim=0)",
                "this is the gradient of the probabilities. A sure network's hardly move. Take that of the logits."),
            edit("logits[wanted] - logits[present]", "-F.cross_entropy(logits[None], torch.tensor([wanted]))",
                "this follows the loss of the wanted digit, in which all ten logits have a say. Asked for is the "
                "gradient of wanted minus present logit."),
            edit("gradient / gradient.norm()", "gradient",
                "the direction is right, but the length of your step depends on the gradient's. Divide the gradient "
                "by its norm."),
            edit("gradient / gradient.norm()", "gradient.sign()",
                "this moves every pixel by the same amount, empty paper too: sign() and F.normalize look at each pixel "
                "by itself. The whole gradient has one length: divide it by gradient.norm()."),
            edit("step * direction", "direction",
                "this step always has the length 1. Multiply the direction by step."),
            edit("step * direction", "step * direction.abs()",
                "this adds ink everywhere. Some pixels must lose some: leave out the abs()."),
            edit("(image + step * direction)", "(step * direction)", "this is the change alone. Add it to the image."),
            edit("(image + step * direction)", "(image + step * direction).clamp(image.min(), image.max())",
                "the direction is right, but you cut the result to what paper can show. The lesson does that "
                "afterwards: here the step is asked for alone."),
            edit("(gradient,) = torch.autograd.grad(logits[wanted] - logits[present], image)",
                "gradient = saliency(model, image, [wanted]) - saliency(model, image, [present])",
                "you subtracted two maps without signs. Which way a pixel must change is in the sign: "
                "dl.saliency(..., signed=True)."),
            edit("gradient.norm()", "gradient.abs().max()",
                "you divided by the largest value, so the step is longer than `step`. The length of a gradient is "
                "gradient.norm()."),
            edit("logits[wanted] - logits[present]", "F.cross_entropy(logits[None], torch.tensor([wanted]))",
                "this follows the loss upwards, away from the wanted digit. Asked for is the gradient of wanted minus "
                "present logit."),
        ),
    ),
]
