"""What a decision rests on, and how the network sees all the digits together. Lesson 10 builds these by hand.

``images`` are normalised; the model is left as it was. No picture proves a network right: random weights give one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from digitlab.checks import check_range, checked
from digitlab.forward import Images, as_maps, matching, run_through
from digitlab.modes import evaluating, unwrapped
from digitlab.names import MEAN, STD

Targets = Int64[Tensor, " B"] | Int64[Tensor, ""] | int | None
"""The classes to explain: one for each image, one for all, or ``None`` for the predicted ones."""

BACKGROUND = -MEAN / STD
"""The normalised value of an empty pixel, about -0.42."""


@checked
def first_filters(model: nn.Module) -> Float[Tensor, "C height width"]:
    """The first layer's weights as pictures: a convolution's kernels, a linear layer's templates. Lessons 02 and 10.

    Examples:
        >>> from digitlab.models import create_model
        >>> first_filters(create_model("cnn")).shape, first_filters(create_model("softmax")).shape
        (torch.Size([10, 5, 5]), torch.Size([10, 28, 28]))
    """
    layers = (each for each in unwrapped(model).modules() if isinstance(each, nn.Conv2d | nn.Linear))
    first = next(layers, None)
    if isinstance(first, nn.Conv2d) and first.in_channels == 1:
        return first.weight.detach().clone().squeeze(1)
    if isinstance(first, nn.Linear) and first.in_features == 784:
        return first.weight.detach().clone().view(-1, 28, 28)
    raise ValueError(f"model: expected a first layer that sees 1 channel or 784 pixels, got {first}")


@checked
def saliency(
    model: nn.Module, images: Images, targets: Targets = None, signed: bool = False
) -> Float[Tensor, "B 28 28"]:
    """How much the target's logit changes with each pixel: its gradient, per unit of normalised ink. Lesson 10.

    Simonyan et al., "Deep Inside Convolutional Networks" (2013). ``signed``: above 0, ink speaks for the target.

    Examples:
        >>> from digitlab.models import create_model
        >>> saliency(create_model("cnn"), torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 28, 28])
    """
    model = matching(model, images)
    with evaluating(model, gradients=True):
        images = images.detach().clone().requires_grad_()
        # In eval mode no image has a say in another's logits, so their sum has each one's own gradient.
        (gradient,) = torch.autograd.grad(_target_logits(model(images), targets).sum(), images)
    gradient = gradient.squeeze(1)
    return gradient if signed else gradient.abs()


@checked
def occlusion(
    model: nn.Module,
    images: Images,
    targets: Targets = None,
    size: int = 5,
    stride: int = 1,
    fill: float = BACKGROUND,
) -> Float[Tensor, "B 28 28"]:
    """How far the target's logit falls when a patch of ``size`` x ``size`` pixels is wiped out. Lesson 10.

    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014). A pixel's value is the mean
    fall over the patches that cover it, which are ``stride`` pixels apart.

    Examples:
        >>> from digitlab.models import create_model
        >>> occlusion(create_model("cnn"), torch.zeros(2, 1, 28, 28), size=7, stride=7).shape
        torch.Size([2, 28, 28])
    """
    model = matching(model, images)
    check_range("size", size, 1, 28)
    check_range("stride", stride, 1, size)
    check_range("fill", fill, -math.inf)
    corners = list(itertools.product(range(0, 28 - size + stride, stride), repeat=2))
    patches = torch.zeros(len(corners), 1, 28, 28, dtype=torch.bool, device=images.device)
    for patch, (top, left) in zip(patches, corners, strict=True):
        patch[:, top : top + size, left : left + size] = True

    with evaluating(model):
        logits = _in_batches(model, images)
        classes = _classes(logits, targets)
        falls = []
        for image, label, logit in zip(images, classes, _target_logits(logits, classes), strict=True):
            occluded = torch.where(patches, fill, image)  # (P, 1, 28, 28), at most 784 at once
            falls.append(logit - _in_batches(model, occluded)[:, label])
        cover = patches.flatten(1).to(images.dtype)  # (P, 784)
        return (torch.stack(falls) @ cover / cover.sum(dim=0)).view(-1, 28, 28)


@checked
def grad_cam(
    model: nn.Module, images: Images, targets: Targets = None, layer: str | None = None, upsample: bool = True
) -> Float[Tensor, "B height width"]:
    """Where in the last maps the evidence for the target lies. Explained in lesson 10.

    Selvaraju et al., "Grad-CAM" (2017): the ReLU of the sum of all maps, each weighted by the mean gradient of the
    target's logit over its places. Compare values within one image only. The maps are those of the submodule
    ``layer``, by default what ``forward_features`` returns; ``upsample`` enlarges to 28x28.

    Examples:
        >>> from digitlab.models import create_model
        >>> grad_cam(create_model("cnn"), torch.zeros(2, 1, 28, 28), upsample=False).shape
        torch.Size([2, 4, 4])
    """
    model = matching(model, images)
    with evaluating(model, gradients=True):
        images = images.detach().clone()
        if layer is None:
            forward_features, forward_head = _halves(model)
            features = forward_features(images).detach().requires_grad_()
            logits = forward_head(features)
        else:
            features, logits = run_through(model, images, layer)
        (gradient,) = torch.autograd.grad(_target_logits(logits, targets).sum(), features)
    maps, weights = as_maps(features.detach()), as_maps(gradient).mean(dim=(2, 3), keepdim=True)
    heat = F.relu((weights * maps).sum(dim=1, keepdim=True))  # (B, 1, H, W)
    if upsample:
        # One place has no neighbours to blend with: copied, it stays exactly flat.
        heat = F.interpolate(heat, size=(28, 28), mode="nearest" if heat[0].numel() == 1 else "bilinear")
    return heat.squeeze(1)


@checked
def embedding(model: nn.Module, images: Images, n_components: int = 2) -> Float[Tensor, "B n"]:
    """Each image as a point, so that points near each other are alike to the network. Explained in lesson 10.

    Principal component analysis of the vectors before the last linear layer, each direction's largest weight
    positive, so that the same vectors give the same picture.

    Examples:
        >>> from digitlab.models import create_model
        >>> embedding(create_model("cnn"), torch.rand(9, 1, 28, 28)).shape
        torch.Size([9, 2])
    """
    model = matching(model, images)
    forward_features, forward_head = _halves(model)
    with evaluating(model):
        vectors = _in_batches(lambda batch: forward_head(forward_features(batch), pre_logits=True), images)
    check_range("n_components", n_components, 1, min(vectors.shape))
    if not vectors.isfinite().all():
        raise ValueError("images and model: expected finite vectors before the last layer")
    centred = vectors - vectors.mean(dim=0)  # (N, D)
    directions: Tensor = torch.linalg.svd(centred, full_matrices=False).Vh[:n_components]  # (n_components, D)
    largest = directions.gather(1, directions.abs().argmax(dim=1, keepdim=True))
    return centred @ (directions * largest.sign()).T


def _in_batches(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    return torch.cat([function(batch) for batch in torch.split(images, 256)])


def _halves(model: nn.Module) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    features, head = getattr(model, "forward_features", None), getattr(model, "forward_head", None)
    if not (callable(features) and callable(head)):
        raise ValueError(f"model: expected forward_features and forward_head, got {type(model).__name__}")
    return features, head


def _target_logits(logits: Tensor, targets: Tensor | int | None) -> Tensor:
    return logits.gather(1, _classes(logits, targets)[:, None]).squeeze(1)


def _classes(logits: Tensor, targets: Tensor | int | None) -> Tensor:
    if logits.ndim != 2:
        raise ValueError(f"model: expected it to return logits (B, 10), got {tuple(logits.shape)}")
    if targets is None:
        return logits.argmax(dim=1)
    if isinstance(targets, bool):  # `signed`, perhaps, in the wrong place
        raise ValueError(f"targets: expected 0 to {logits.shape[1] - 1}, got {targets}")
    for target in [targets] if isinstance(targets, int) else targets.flatten().tolist():
        check_range("targets", target, 0, logits.shape[1] - 1)
    return torch.as_tensor(targets, dtype=torch.int64, device=logits.device).expand(len(logits))
