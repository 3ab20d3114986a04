"""The forward pass, looked into: what each layer makes of normalised images, and what a unit sees."""

from __future__ import annotations

import copy
import itertools
import math
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn

from digitlab.checks import check_choice, checked
from digitlab.modes import evaluating, unwrapped

Images = Float[Tensor, "B 1 28 28"]


@checked
def feature_maps(model: nn.Module, images: Images, layer: str) -> Tensor:
    """The output of one submodule, maps ``(B, C, H, W)`` or vectors ``(B, D)``, caught by a forward hook. Lesson 10.

    Examples:
        >>> from digitlab.models import create_model
        >>> feature_maps(create_model("cnn"), torch.zeros(2, 1, 28, 28), "conv1").shape
        torch.Size([2, 10, 24, 24])
    """
    model = matching(model, images)
    with evaluating(model):
        return run_through(model, images, layer)[0].detach()


@dataclass(frozen=True)
class Step:
    """One step of `walk`: ``"input"``, a submodule (``"conv1"``) or a function (``"relu"``, then ``"relu_1"``)."""

    name: str
    output: Tensor


@checked
def walk(model: nn.Module, images: Images) -> list[Step]:
    """The whole forward pass, step by step, from the input to the logits. Explained in lesson 06.

    Dropout is left out. `torch.fx` cannot follow a model with an ``if`` on the value of a tensor.

    Examples:
        >>> from digitlab.models import create_model
        >>> for step in walk(create_model("softmax"), torch.zeros(1, 1, 28, 28)):
        ...     print(step.name, tuple(step.output.shape))
        input (1, 1, 28, 28)
        flatten (1, 784)
        fc (1, 10)
    """
    return _steps(matching(model, images), images)


def _steps(model: nn.Module, images: Tensor) -> list[Step]:
    with evaluating(model):
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


@checked
def receptive_field(model: nn.Module, layer: str, unit: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of the image that one unit sees: ``(top, left, bottom, right)``, half-open like slices. Lesson 05.

    ``layer`` is a step of `walk` (``"max_pool2d"``) or a submodule (``"pair2"``), ``unit`` the row and column in
    its maps. Measured: of 56 blank images each has one row or column of NaN, and what is computed from a NaN is
    NaN. A unit that sees only padding has ``(0, 0, 0, 0)``.

    Examples:
        >>> from digitlab.models import create_model
        >>> receptive_field(create_model("cnn"), "max_pool2d", (0, 3))
        (0, 6, 6, 12)
    """
    blank = torch.zeros(56, 1, 28, 28, dtype=torch.float64, device="cpu")
    for i in range(28):
        blank[i, 0, i, :] = math.nan
        blank[28 + i, 0, :, i] = math.nan
    # In single precision, fast algorithms (Winograd, Fourier) mix tiles of pixels: one NaN would spoil the tile.
    probe = copy.deepcopy(unwrapped(model)).cpu().double()
    submodules = layer_names(probe)
    if layer in submodules:
        with evaluating(probe):
            maps = as_maps(run_through(probe, blank, layer)[0])
    else:
        steps = {step.name: step.output for step in _steps(probe, blank)}
        check_choice("layer", layer, [*steps, *submodules])
        maps = as_maps(steps[layer])
    (row, column), (height, width) = unit, maps.shape[2:]
    if not (0 <= row < height and 0 <= column < width):
        raise ValueError(f"unit: expected one of {height} rows and {width} columns in {layer!r}, got {unit}")
    reached = maps[:, :, row, column].isnan().any(dim=1)
    if not reached.any():
        return 0, 0, 0, 0
    rows, columns = reached[:28].nonzero(), reached[28:].nonzero()
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


def run_through(model: nn.Module, images: Tensor, layer: str) -> tuple[Tensor, Tensor]:
    """One submodule's output, and the logits computed from that very tensor: they have a gradient by it."""
    check_choice("layer", layer, layer_names(model))
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
        raise ValueError(f"layer {layer!r}: expected it to run once, got {len(outputs)} runs")
    return outputs[0], logits


def layer_names(model: nn.Module) -> list[str]:
    """Of the submodules, shared ones under each of their names."""
    return [name for name, _ in model.named_modules(remove_duplicate=False) if name]


def as_maps(output: Tensor) -> Tensor:
    """Maps ``(B, C, H, W)`` as they are, vectors ``(B, D)`` as D maps of 1x1."""
    if output.ndim not in (2, 4):
        raise ValueError(f"layer: expected maps (B, C, H, W) or vectors (B, D), got {tuple(output.shape)}")
    return output if output.ndim == 4 else output[:, :, None, None]


def matching(model: nn.Module, images: Tensor) -> nn.Module:
    """The model itself; refuse no images, and those of another dtype or device than its weights."""
    model = unwrapped(model)
    weights = next(model.parameters(), images)
    if len(images) == 0 or (images.dtype, images.device) != (weights.dtype, weights.device):
        got = f"{images.dtype} on {images.device}" if len(images) else "none"
        raise ValueError(f"images: expected {weights.dtype} on {weights.device} like the weights, got {got}")
    if not images.isfinite().all():
        raise ValueError("images: expected finite numbers, got NaN or infinity")
    return model
