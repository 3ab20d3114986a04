"""Looking inside a network: what it keeps, what it looks at, what a decision rests on.

Tensors in, tensors out: nothing is drawn here (see `digitlab.plots`). ``images`` are normalised, as
`digitlab.data.normalize` makes them, with the dtype and on the device of the model. The model is run as in a
test (``eval`` mode) and left as it was: modes, parameters, gradients and the images are not touched. Most
functions take any `torch.nn.Module`. No picture proves a network right: random weights give one, too.

Lessons: 04 measures receptive fields, 05 walks through the shapes, 08 builds hooks, saliency and occlusion.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from digitlab.checks import (
    check_choice,
    check_each,
    check_flag,
    check_kind,
    check_number,
    check_tensor,
    check_whole_number,
    described,
    expect,
)
from digitlab.data import MEAN, STD

BACKGROUND = -MEAN / STD
"""The normalised value of an empty pixel, about -0.42."""

# --- what it keeps ------------------------------------------------------------------------------------------


def first_filters(model: nn.Module) -> Tensor:
    """The weights of the first layer, as pictures. Explained in lessons 02 (templates) and 08 (filters).

    Returns:
        ``(C, kh, kw)``, the kernels of a convolution, or ``(units, 28, 28)``, the templates of a linear
        layer.

    Raises:
        ValueError: the first layer with weights sees neither one channel nor 784 pixels.

    Examples:
        >>> from digitlab.models import create_model
        >>> first_filters(create_model("cnn")).shape, first_filters(create_model("softmax")).shape
        (torch.Size([10, 5, 5]), torch.Size([10, 28, 28]))
    """
    _check_model(model)
    first = next((module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)), None)
    if isinstance(first, nn.Conv2d) and first.in_channels == 1:
        return first.weight.detach().clone().squeeze(1)
    if isinstance(first, nn.Linear) and first.in_features == 784:
        return first.weight.detach().clone().view(-1, 28, 28)
    raise ValueError(f"model: expected a first layer that sees 1 channel or 784 pixels, got {first}")


def feature_maps(model: nn.Module, images: Tensor, layer: str) -> Tensor:
    """The output of one submodule, caught by a forward hook. Built by hand in lesson 08.

    Args:
        model: any module that takes the images.
        images: ``(B, 1, 28, 28)``.
        layer: the submodule's name, as ``named_modules`` gives it: ``"conv1"``, ``"pair2.0"``.

    Returns:
        Maps ``(B, C, H, W)`` of a convolution, vectors ``(B, D)`` of a linear layer.

    Raises:
        ValueError: wrong images, or an unknown layer; the message gives the nearest name.

    Examples:
        >>> from digitlab.models import create_model
        >>> feature_maps(create_model("cnn"), torch.zeros(2, 1, 28, 28), "conv1").shape
        torch.Size([2, 10, 24, 24])
    """
    _check_images(model, images)
    _check_layer(model, layer)
    with _evaluating(model):
        return _run_through(model, images, layer)[0].detach()


@dataclass(frozen=True)
class Step:
    """One step of the forward pass, from `walk`.

    Attributes:
        name: ``"input"``, or the name of a submodule (``"conv1"``) or function (``"relu"``, then
            ``"relu_1"``).
        output: what came out of it, ``(B, ...)``.
    """

    name: str
    output: Tensor

    def __post_init__(self) -> None:
        check_kind("name", self.name, str, "text")
        check_kind("output", self.output, Tensor, "a tensor")


def walk(model: nn.Module, images: Tensor) -> list[Step]:
    """The whole forward pass, step by step, from the input to the logits. Explained in lesson 05.

    Modules and functions are steps alike. Dropout is left out: in a test it does nothing.

    Args:
        model: any module that `torch.fx` can follow; an ``if`` on the value of a tensor is what it cannot.
        images: ``(B, 1, 28, 28)``.

    Raises:
        ValueError: wrong images, or a model that cannot be followed.

    Examples:
        >>> from digitlab.models import create_model
        >>> for step in walk(create_model("softmax"), torch.zeros(1, 1, 28, 28)):
        ...     print(step.name, tuple(step.output.shape))
        input (1, 1, 28, 28)
        flatten (1, 784)
        fc (1, 10)
    """
    _check_images(model, images)
    with _evaluating(model):
        try:
            traced = fx.symbolic_trace(model)
        except Exception as error:  # whatever the model's own code raises when it is run without numbers
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise ValueError(f"model: torch.fx cannot follow its forward pass ({reason})") from error
        recorder = _Recorder(traced)
        recorder.run(images)
    return recorder.steps


class _Recorder(fx.Interpreter):
    """Runs a traced model as its ``forward`` would, and keeps a copy of what comes out of every step."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced)
        self.steps: list[Step] = []

    def run_node(self, n: fx.Node) -> Any:
        inputs = [self.env[source] for source in n.all_input_nodes]
        output = super().run_node(n)
        name = "input" if n.op == "placeholder" else str(getattr(n.target, "__name__", n.target))
        kind = type(self.fetch_attr(name)).__name__ if n.op == "call_module" else name
        # Not every step that returns its own input did nothing: it may have worked in place.
        idle = ("dropout" in kind.lower() or kind == "Identity") and any(output is value for value in inputs)
        if isinstance(output, Tensor) and n.op not in ("get_attr", "output") and not idle:
            taken = {step.name for step in self.steps}
            names = itertools.chain([name], (f"{name}_{i}" for i in itertools.count(1)))
            free = next(each for each in names if each not in taken)
            self.steps.append(Step(free, output.detach().clone()))
        return output


# --- what it looks at ---------------------------------------------------------------------------------------


def receptive_field(model: nn.Module, layer: str, unit: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of the image that one unit sees: the pixels that can change its value. Explained in lesson 04.

    Measured, not derived, so it holds for every kind of layer: of 56 blank images each has one row or one
    column of NaN, and what is computed from a NaN is NaN. Those that reach the unit are the rows and columns
    it sees.

    Args:
        model: any module that takes the images.
        layer: the name of a step of `walk` (``"conv1"``, ``"max_pool2d"``) or of a submodule (``"pair2"``).
        unit: ``(row, column)`` in that layer's maps, whose channels count as one; for vectors ``(0, 0)``.

    Returns:
        ``(top, left, bottom, right)`` in pixels, half-open like slices: ``image[top:bottom, left:right]``.
        Padding is not part of the image; a unit that sees nothing else has ``(0, 0, 0, 0)``.

    Raises:
        ValueError: an unknown layer (the message gives the nearest name), or a unit outside its maps.

    Examples:
        >>> from digitlab.models import create_model
        >>> receptive_field(create_model("cnn"), "max_pool2d", (0, 3))
        (0, 6, 6, 12)
    """
    _check_model(model)
    check_each("unit", unit, 2, check_whole_number)
    check_kind("layer", layer, str, "a name")
    blank = torch.zeros(56, 1, 28, 28, dtype=torch.float64)
    for i in range(28):
        blank[i, 0, i, :] = math.nan
        blank[28 + i, 0, :, i] = math.nan
    # In double precision on the CPU a convolution is summed term by term. The fast algorithms of single
    # precision (Winograd, Fourier) mix whole tiles of pixels, and one NaN would spoil the tile.
    probe = copy.deepcopy(model).cpu().double()
    submodules = _submodule_names(probe)
    if layer in submodules:
        maps = _as_maps(feature_maps(probe, blank, layer))
    else:
        steps = {step.name: step.output for step in walk(probe, blank)}
        check_choice("layer", layer, dict.fromkeys([*steps, *submodules]))
        maps = _as_maps(steps[layer])
    (row, column), (height, width) = unit, maps.shape[2:]
    is_inside = 0 <= row < height and 0 <= column < width
    expect(is_inside, "unit", f"one of {height} rows and {width} columns in {layer!r}", unit)
    reached = maps[:, :, row, column].isnan().any(dim=1)
    if not reached.any():
        return 0, 0, 0, 0
    rows, columns = reached[:28].nonzero(), reached[28:].nonzero()
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


# --- what a decision rests on -------------------------------------------------------------------------------


def saliency(
    model: nn.Module, images: Tensor, targets: Tensor | int | None = None, signed: bool = False
) -> Tensor:
    """How much the target's logit changes with each pixel: its gradient. Built by hand in lesson 08.

    Simonyan et al., "Deep Inside Convolutional Networks" (2013). A gradient speaks of very small changes
    only, which is why it looks noisy beside `occlusion`.

    Args:
        model: any module from images to logits ``(B, 10)``.
        images: ``(B, 1, 28, 28)``.
        targets: the classes to explain, ``int64`` ``(B,)`` or one for all; ``None`` for the predicted ones.
        signed: keep the sign: above 0, more ink here speaks for the target.

    Returns:
        ``(B, 28, 28)``, logits per unit of normalised ink; 0 or more unless ``signed``.

    Raises:
        ValueError: wrong images or targets.

    Examples:
        >>> from digitlab.models import create_model
        >>> saliency(create_model("cnn"), torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 28, 28])
    """
    _check_images(model, images)
    check_flag("signed", signed)
    with _evaluating(model, gradients=True):
        images = images.detach().clone().requires_grad_()
        # In eval mode no image has a say in another's logits, so their sum has each one's own gradient.
        (gradient,) = torch.autograd.grad(_target_logits(model(images), targets).sum(), images)
    gradient = gradient.squeeze(1)
    return gradient if signed else gradient.abs()


def occlusion(
    model: nn.Module,
    images: Tensor,
    targets: Tensor | int | None = None,
    size: int = 5,
    stride: int = 1,
    fill: float = BACKGROUND,
) -> Tensor:
    """How far the target's logit falls when a patch of the image is wiped out. Built by hand in lesson 08.

    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014). A pixel's value is the
    mean fall over the patches that cover it. Below 0, the target is better off without what is there.

    Args:
        model: any module from images to logits ``(B, 10)``.
        images: ``(B, 1, 28, 28)``.
        targets: the classes to explain, ``int64`` ``(B,)`` or one for all; ``None`` for the predicted ones.
        size: side of the square patch in pixels.
        stride: pixels from one patch to the next; the last patches may be cut off by the edge.
        fill: what the patch is filled with, normalised.

    Returns:
        ``(B, 28, 28)`` in logits.

    Raises:
        ValueError: wrong images or targets, or not ``1 <= stride <= size <= 28``.

    Examples:
        >>> from digitlab.models import create_model
        >>> occlusion(create_model("cnn"), torch.zeros(2, 1, 28, 28), size=7, stride=7).shape
        torch.Size([2, 28, 28])
    """
    _check_images(model, images)
    check_whole_number("size", size, 1, 28)
    check_whole_number("stride", stride, 1, size)
    check_number("fill", fill)
    corners = list(itertools.product(range(0, 28 - size + stride, stride), repeat=2))
    patches = torch.zeros(len(corners), 1, 28, 28, dtype=torch.bool, device=images.device)
    for patch, (top, left) in zip(patches, corners, strict=True):
        patch[:, top : top + size, left : left + size] = True

    with _evaluating(model):
        logits = _in_batches(model, images)
        classes = _check_targets(logits, targets)
        falls = []
        for image, label, logit in zip(images, classes, _target_logits(logits, classes), strict=True):
            occluded = torch.where(patches, fill, image)  # (P, 1, 28, 28), at most 784 at once
            falls.append(logit - _in_batches(model, occluded)[:, label])
        cover = patches.flatten(1).to(images.dtype)  # (P, 784)
        return (torch.stack(falls) @ cover / cover.sum(dim=0)).view(-1, 28, 28)


def grad_cam(
    model: nn.Module,
    images: Tensor,
    targets: Tensor | int | None = None,
    layer: str | None = None,
    upsample: bool = True,
) -> Tensor:
    """Where in the last maps the evidence for the target lies. Explained in lesson 08.

    Selvaraju et al., "Grad-CAM" (2017): the maps are summed, each weighted by the mean gradient of the
    target's logit over its places; what speaks against the target is cut off by a ReLU.

    A vector counts as maps of 1x1, so the picture of a dense network is flat, and that is the lesson: it
    keeps no places to point at. (Softmax regression's last map is the image: lit is its ink or its paper.)

    Args:
        model: one of `digitlab.models`; with ``layer``, any module from images to logits ``(B, 10)``.
        images: ``(B, 1, 28, 28)``.
        targets: the classes to explain, ``int64`` ``(B,)`` or one for all; ``None`` for the predicted ones.
        layer: the submodule whose output is weighted; ``None`` for what ``forward_features`` returns.
        upsample: enlarge to the image's size, bilinearly.

    Returns:
        ``(B, 28, 28)``, or the maps' own ``(B, H, W)``: 0 or more, to be compared within one image only.

    Raises:
        ValueError: wrong images or targets, an unknown layer, or no ``forward_features`` to fall back on.

    Examples:
        >>> from digitlab.models import create_model
        >>> grad_cam(create_model("cnn"), torch.zeros(2, 1, 28, 28), upsample=False).shape
        torch.Size([2, 4, 4])
    """
    _check_images(model, images)
    check_flag("upsample", upsample)
    if layer is not None:
        _check_layer(model, layer)
    with _evaluating(model, gradients=True):
        images = images.detach().clone()
        if layer is None:
            forward_features, forward_head = _halves(model)
            features = forward_features(images).detach().requires_grad_()
            logits = forward_head(features)
        else:
            features, logits = _run_through(model, images, layer)
        (gradient,) = torch.autograd.grad(_target_logits(logits, targets).sum(), features)
    maps, weights = _as_maps(features.detach()), _as_maps(gradient).mean(dim=(2, 3), keepdim=True)
    heat = F.relu((weights * maps).sum(dim=1, keepdim=True))  # (B, 1, H, W)
    if upsample:
        # One place has no neighbours to blend with: copied, it stays exactly flat.
        heat = F.interpolate(heat, size=(28, 28), mode="nearest" if heat[0].numel() == 1 else "bilinear")
    return heat.squeeze(1)


# --- how it sees all the digits together --------------------------------------------------------------------


def embedding(model: nn.Module, images: Tensor, n_components: int = 2) -> Tensor:
    """Each image as a point, so that points near each other are alike to the network. Explained in lesson 08.

    The network's own description of a digit, the vector before its last linear layer, has 50 numbers in the
    ``cnn`` (and in ``softmax`` it is the 784 pixels). Principal component analysis keeps the directions in
    which the vectors differ most: the right singular vectors of the centred vectors. Either sign would do;
    here the largest weight of each is positive, so that the same vectors always give the same picture.

    Args:
        model: one of `digitlab.models`.
        images: ``(N, 1, 28, 28)``; they go through in batches, so N may be large.
        n_components: coordinates of a point, 1 to min(N, length of the vector).

    Returns:
        ``(N, n_components)``, the widest spread first, each column with mean 0.

    Raises:
        ValueError: wrong images, ``n_components`` out of range, vectors that are not finite, or a model
            without ``forward_features`` and ``forward_head``.

    Examples:
        >>> from digitlab.models import create_model
        >>> embedding(create_model("cnn"), torch.rand(9, 1, 28, 28)).shape
        torch.Size([9, 2])
    """
    _check_images(model, images)
    check_whole_number("n_components", n_components)
    forward_features, forward_head = _halves(model)
    with _evaluating(model):
        vectors = _in_batches(lambda batch: forward_head(forward_features(batch), pre_logits=True), images)
    check_whole_number("n_components", n_components, 1, min(vectors.shape))
    expect(bool(images.isfinite().all()), "images", "finite numbers", "NaN or infinity")
    is_finite = bool(vectors.isfinite().all())
    expect(is_finite, "model", "finite vectors before the last layer", "NaN or infinity")
    centred = vectors - vectors.mean(dim=0)  # (N, D)
    directions: Tensor = torch.linalg.svd(centred, full_matrices=False).Vh[:n_components]  # (n_components, D)
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return centred @ (directions * largest.sign()).T


# --- shared by the functions above --------------------------------------------------------------------------


@contextmanager
def _evaluating(model: nn.Module, gradients: bool = False) -> Iterator[None]:
    """``eval`` mode for a while; then each submodule is put back in its own mode, even if they differed."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.inference_mode(False), torch.set_grad_enabled(gradients):
            yield
    finally:
        for module, mode in modes:
            module.training = mode


def _run_through(model: nn.Module, images: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    """One submodule's output, and the logits computed from that very tensor: they have a gradient by it."""
    outputs: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Tensor:
        if not isinstance(output, Tensor):
            raise ValueError(f"layer {layer!r}: expected it to return a tensor, got {type(output).__name__}")
        outputs.append(output.detach().clone().requires_grad_())
        return outputs[-1].clone()  # the next layer may work in place

    handle = model.get_submodule(layer).register_forward_hook(keep)
    try:
        logits = model(images)
    finally:
        handle.remove()
    if len(outputs) != 1:
        raise ValueError(
            f"layer {layer!r}: expected it to run once in a forward pass, got {len(outputs)} runs"
        )
    return outputs[0], logits


def _in_batches(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    return torch.cat([function(batch) for batch in torch.split(images, 256)])


def _halves(model: nn.Module) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    features, head = getattr(model, "forward_features", None), getattr(model, "forward_head", None)
    if not (callable(features) and callable(head)):
        raise ValueError(f"model: expected forward_features and forward_head, got {type(model).__name__}")
    return features, head


def _as_maps(output: Tensor) -> Tensor:
    """Maps ``(B, C, H, W)`` as they are, vectors ``(B, D)`` as D maps of 1x1."""
    expect(output.ndim in (2, 4), "layer", "maps (B, C, H, W) or vectors (B, D)", described(output))
    return output if output.ndim == 4 else output[:, :, None, None]


def _target_logits(logits: Tensor, targets: Tensor | int | None) -> Tensor:
    return logits.gather(1, _check_targets(logits, targets)[:, None]).squeeze(1)


def _check_targets(logits: Tensor, targets: Tensor | int | None) -> Tensor:
    """The class to explain for each image, ``int64`` ``(B,)``."""
    expect(logits.ndim == 2, "model", "it to return logits (B, 10)", described(logits))
    n, n_classes = logits.shape
    if targets is None:
        return logits.argmax(dim=1)
    if not isinstance(targets, Tensor):
        check_whole_number("targets", targets, 0, n_classes - 1)
        targets = torch.tensor(targets)
    classes = targets.to(logits.device).expand(n) if targets.ndim == 0 else targets.to(logits.device)
    check_tensor("targets", classes, (n,), "int64")
    is_class = 0 <= int(classes.min()) <= int(classes.max()) < n_classes
    expect(is_class, "targets", f"0 to {n_classes - 1}", described(classes.tolist()))
    return classes


def _check_model(model: nn.Module) -> None:
    check_kind("model", model, nn.Module, "a torch.nn.Module")


def _check_images(model: nn.Module, images: Tensor) -> None:
    _check_model(model)
    check_tensor("images", images, ("B", 1, 28, 28), "floating point")
    expect(len(images) > 0, "images", "one or more", described(images))
    weights = next(model.parameters(), images)
    if (images.dtype, images.device) != (weights.dtype, weights.device):
        wanted, got = (f"{tensor.dtype} on {tensor.device}" for tensor in (weights, images))
        raise ValueError(f"images: expected {wanted} like the model's weights, got {got}")


def _check_layer(model: nn.Module, layer: str) -> None:
    names = _submodule_names(model)
    expect(len(names) > 0, "model", "one with named layers", type(model).__name__)
    check_choice("layer", layer, names)


def _submodule_names(model: nn.Module) -> list[str]:
    return [name for name, _ in model.named_modules(remove_duplicate=False) if name]
