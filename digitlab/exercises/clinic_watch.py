"""Look on while a trainer works, and say which fault is in it, whatever its accuracy.

Each step is held against the one that should have been taken: the gradient of the cross-entropy of the model's logits,
for the digits that were just given to it. So a cure is judged by what the trainer does, not by how it is written.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim.optimizer import register_optimizer_step_pre_hook

from digitlab.data import Digits, normalize
from digitlab.exercises.clinic_trainer import Findings
from digitlab.names import MEAN, STD

_WINDOW = 100  # of digits in a row; shuffled ones have about a tenth of their pairs alike, and never a sixth


@dataclass
class Look:
    """A model is given some digits: once for each call, in whatever mode."""

    model: nn.Module
    labels: Tensor
    places: Tensor  # of the digits in their set
    n_of_test: int
    is_in_evaluation: list[bool]  # each layer to which it makes a difference
    weights: float  # tells them apart from those of another time
    n_steps_before: int
    loss: float = math.nan
    gradients: dict[Tensor, Tensor] = field(default_factory=dict)  # what backward() should give, by weight


@dataclass
class Step:
    """An optimiser takes a step, after a look."""

    look: Look
    error: float  # of its gradient, as a share of the right one
    length: float  # of its gradient, the right one's being 1
    is_sum: bool  # its gradient is that of all steps so far together
    n_unlisted: int  # weights that compute the logits and are not among the model's parameters
    n_left: int  # the model's parameters that take no part, or that the optimiser does not hold
    optimizer: torch.optim.Optimizer
    rates: list[float]


@dataclass(frozen=True)
class Health:
    """What the reference cure of a patient does."""

    findings: Findings
    accuracy: float
    n_learnt: int


class Watch:
    """What was seen of one training on some digits."""

    def __init__(self, train: Digits, test: Digits, fresh: Digits) -> None:
        self.train, self.test, self.fresh = train, test, fresh
        self.looks: list[Look] = []
        self.steps: list[Step] = []
        self.n_unprepared = 0
        self._sum = torch.empty(0)  # of the gradients of all steps so far
        self._known = {
            image.numpy().tobytes(): (int(label), is_test, place)
            for is_test, digits in enumerate((train, test))
            for place, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True))
        }
        self._outermost: nn.Module | None = None

    @contextlib.contextmanager
    def looking_on(self) -> Iterator[None]:
        """While this lasts, every model and every optimiser is watched."""
        handles = (
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave),
            register_optimizer_step_pre_hook(self._step),
        )
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        self._outermost = self._outermost or module

    def _leave(self, module: nn.Module, inputs: Any, logits: Any) -> None:
        if module is not self._outermost:
            return
        self._outermost = None
        images = inputs[0] if inputs and isinstance(inputs[0], Tensor) else torch.empty(0)
        if images.shape[-1:] not in ((28,), (784,)) or not isinstance(logits, Tensor):
            return
        given = images.detach().cpu().reshape(-1, 28, 28)
        if logits.shape != (len(given), 10):
            return
        pixels = ((given * STD + MEAN) * 255).round().clamp(0, 255).to(torch.uint8)
        known = [self._known.get(pixel.numpy().tobytes()) for pixel in pixels]
        if None in known or (normalize(pixels)[:, 0] - given).abs().max() > 0.005:
            self.n_unprepared += len(given)
            return
        labels, is_test, places = torch.tensor(known).unbind(dim=1)
        look = Look(
            module,
            labels,
            places,
            int(is_test.sum()),
            [not each.training for each in module.modules() if isinstance(each, (_DropoutNd, _NormBase))],
            sum(float(each.detach().double().norm()) for each in module.parameters()),
            len(self.steps),
        )
        if logits.requires_grad:
            loss = F.cross_entropy(logits, labels.to(logits.device))
            weights = _leaves(loss)
            gradients = torch.autograd.grad(loss, weights, retain_graph=True)
            look.loss, look.gradients = loss.item(), dict(zip(weights, gradients, strict=True))
        self.looks.append(look)

    def _step(self, optimizer: torch.optim.Optimizer, arguments: Any, options: Any) -> None:
        look = next((each for each in reversed(self.looks) if each.gradients), None)
        if look is None:
            return
        wanted = torch.cat([each.flatten() for each in look.gradients.values()])
        given = torch.cat(
            [(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for w in look.gradients]
        )
        size = float(wanted.norm()) or 1e-9
        self._sum = wanted + self._sum if self.steps and len(self._sum) == len(wanted) else wanted
        held = {each for group in optimizer.param_groups for each in group["params"]}
        listed = set(look.model.parameters())
        self.steps.append(
            Step(
                look,
                float((given - wanted).norm()) / size,
                float(given.norm()) / size,
                bool(self.steps) and float((given - self._sum).norm()) < 0.01 * float(self._sum.norm()),
                len(look.gradients.keys() - listed),
                len(listed - (look.gradients.keys() & held)),
                optimizer,
                [group["lr"] for group in optimizer.param_groups],
            )
        )

    @property
    def n_learnt(self) -> int:
        """How many images the steps were taken on, each counted as often as it came."""
        return sum(len(step.look.labels) for step in self.steps)

    @property
    def n_unlisted(self) -> int:
        """How many tensors compute the logits and are hidden from ``model.parameters()``."""
        return max((step.n_unlisted for step in self.steps), default=0)

    @property
    def n_tested(self) -> int:
        """How many different test digits were looked at after the last step."""
        tests = [look for look in self.looks if look.n_of_test and look.n_steps_before == len(self.steps)]
        return len({place for look in tests for place in look.places.tolist()})

    def fault_in_training(self, findings: Findings, health: Health) -> str | None:
        """What is wrong with the steps, in half a sentence that says what was seen."""
        steps = self.steps
        if self.n_unprepared:
            return f"its model is given {self.n_unprepared} images that are not its digits as normalize prepares them"
        if n := self.n_unlisted:
            return f"{n} of the tensors that compute its logits are not among model.parameters()"
        if not steps:
            return "no step of an optimiser was seen, on images that were given to a model"
        if n := sum(step.look.n_of_test for step in steps):
            return f"it takes steps on test digits, {n} times"
        if any(step.look.model is not findings.model for step in steps):
            return "the model that it hands over is not the one that every step was taken with"
        if n := max(step.n_left for step in steps):
            return f"{n} of its model's parameters take no part in a step"
        if any(any(step.look.is_in_evaluation) for step in steps):
            return "while it takes its steps, layers of its model are in evaluation mode"
        worst = max(range(len(steps)), key=lambda i: steps[i].error)
        if all(step.length == 0 for step in steps):
            return "the gradients are empty whenever it takes a step: is zero_grad() between backward() and step()?"
        if any(step.is_sum and not step.error < 0.01 for step in steps):
            return (
                "its steps follow the sum of all gradients so far: empty them in each step, before backward()"
            )
        if not steps[worst].error < 0.01:
            if self._fault_in_losses(findings):
                return (
                    "its losses are not those of its model's logits and the labels that belong to its images: "
                    "look at both, as cross_entropy is given them"
                )
            seen = f"at step {worst + 1}, the gradient is {steps[worst].length:.2g} times as long as that"
            return f"{seen} of cross_entropy(logits, labels) for this batch, or has another direction"
        return self._fault_in_order() or self._fault_in_rate(health)

    def _fault_in_order(self) -> str | None:
        labels = torch.cat([step.look.labels for step in self.steps])
        alike = [_pairs_alike(labels[i : i + _WINDOW]) for i in range(0, len(labels) - _WINDOW + 1, _WINDOW)]
        n_used = len(torch.cat([step.look.places for step in self.steps]).unique())
        if n_used < 0.75 * len(self.train):
            return f"it has learnt from {n_used} of its {len(self.train)} training digits"
        if max(alike, default=0.0) > 1 / 6:
            return f"among {_WINDOW} digits that follow each other, {max(alike):.0%} of all pairs have the same label"
        return None

    def _fault_in_losses(self, findings: Findings) -> str | None:
        losses = [step.look.loss for step in self.steps]
        told = [float(loss) for loss in findings.losses][-len(losses) :]
        if len(told) != len(losses) or not torch.allclose(
            torch.tensor(told), torch.tensor(losses), 1e-3, 1e-3
        ):
            return "its losses are not the cross-entropies of its steps, one for each"
        return None

    def _fault_in_rate(self, health: Health) -> str | None:
        for step in self.steps:
            kind = type(step.optimizer).__name__
            if kind != "SGD" or any(group["momentum"] for group in step.optimizer.param_groups):
                return f"it steps with {kind} and its own settings, where the patient has plain SGD"
        rates = [rate for step in self.steps for rate in step.rates]
        mean = sum(rates) / len(rates)
        losses, healthy = [step.look.loss for step in self.steps], health.findings.losses
        if max(losses) > max(healthy) + 0.5:
            leaps = f"its loss begins at {losses[0]:.2f} and still leaps to {max(losses):.2f}"
            return f"{leaps}, as a healthy one's never does: its learning rate, {max(rates):g}, is too high"
        if mean < 0.015:
            falls = f"its loss comes down to {_end(losses):.2f}, where a healthy one's reaches {_end(healthy):.2f}"
            return f"{falls}: its learning rate, {mean:g} in the mean, is still too low"
        return None

    def fault_in_report(self, findings: Findings) -> str | None:
        """What is wrong with the way in which it measured and reports, likewise."""
        if fault := self._fault_in_losses(findings):
            return fault
        tests = [look for look in self.looks if look.n_of_test]
        if any(look.n_steps_before not in (0, len(self.steps)) for look in tests):
            return "it looks at its test digits before the training is over, and may choose by them"
        tests = [look for look in tests if look.n_steps_before]
        if len({(look.model, look.weights) for look in tests}) > 1:
            return "it measures more than one model on its test digits, and may choose among them"
        if not all(all(look.is_in_evaluation) for look in tests[-1:]):
            return "while it measures, layers of its model are in training mode"
        return None


def _leaves(loss: Tensor) -> list[Tensor]:
    """The tensors that a loss depends on and that get a gradient, whether or not a model knows of them."""
    leaves, seen, waiting = [], set(), [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.append(node.variable)
        waiting += [earlier for earlier, _ in node.next_functions]
    return leaves


def _end(losses: list[float]) -> float:
    """The mean of the last ones."""
    return sum(losses[-20:]) / len(losses[-20:])


def _pairs_alike(labels: Tensor) -> float:
    counts, n = labels.bincount(), len(labels)
    return float((counts * (counts - 1)).sum()) / (n * (n - 1))
