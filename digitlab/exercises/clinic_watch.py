"""Looks on while a trainer works, and says the first thing that is wrong with it, whatever its accuracy.

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
from digitlab.exercises.checking import same
from digitlab.exercises.clinic_trainer import BATCH_SIZE, Findings, batches, measure
from digitlab.names import MEAN, STD


@dataclass
class Look:
    """A model is given some digits, and an optimiser may take a step after it."""

    model: nn.Module
    labels: Tensor
    places: Tensor  # of the digits in their set
    n_of_test: int
    are_in_evaluation: list[bool]  # the layers to which the mode makes a difference
    n_steps_before: int
    weights: float  # tells them apart from those of another time
    loss: float = math.nan
    gradients: dict[Tensor, Tensor] = field(default_factory=dict)  # what backward() should give, by weight
    fault: str | None = None  # of the step
    rate: float = math.nan  # of the step


class Watch:
    """What was seen of one training on some digits."""

    def __init__(self, train: Digits, test: Digits, fresh: Digits) -> None:
        self.train, self.test, self.fresh = train, test, fresh
        self.looks: list[Look] = []
        self.steps: list[Look] = []  # those after which a step was taken
        self.n_unprepared = 0
        self._known = {
            image.numpy().tobytes(): (int(label), is_test, place)
            for is_test, digits in enumerate((train, test))
            for place, (image, label) in enumerate(zip(digits.images, digits.labels, strict=True))
        }
        self._outermost: nn.Module | None = None

    @contextlib.contextmanager
    def looking_on(self) -> Iterator[None]:
        """While this lasts, every model and every optimiser is watched."""
        with (
            register_module_forward_pre_hook(self._enter),
            register_module_forward_hook(self._leave),
            register_optimizer_step_pre_hook(self._step),
        ):
            yield

    def _enter(self, module: nn.Module, inputs: Any) -> None:
        self._outermost = self._outermost or module

    def _leave(self, module: nn.Module, inputs: Any, logits: Any) -> None:
        if module is not self._outermost:
            return
        self._outermost = None
        images = inputs[0] if inputs else None
        if not isinstance(images, Tensor) or not isinstance(logits, Tensor):
            return
        if logits.shape != (*images.shape[:1], 10) or images.numel() != 784 * len(images):
            return
        given = images.detach().cpu().reshape(-1, 28, 28)
        pixels = ((given * STD + MEAN) * 255).round().clamp(0, 255).to(torch.uint8)
        known = [self._known.get(pixel.numpy().tobytes()) for pixel in pixels]
        if None in known or (normalize(pixels)[:, 0] - given).abs().max() > 0.005:
            self.n_unprepared += len(given)
            return
        labels, is_test, places = torch.tensor(known).unbind(dim=1)
        modes = [not each.training for each in module.modules() if isinstance(each, (_DropoutNd, _NormBase))]
        size = sum(float(each.detach().double().norm()) for each in module.parameters())
        look = Look(module, labels, places, int(is_test.sum()), modes, len(self.steps), size)
        if logits.requires_grad:
            loss = F.cross_entropy(logits, labels.to(logits.device))
            weights = leaves_of(loss)
            gradients = torch.autograd.grad(loss, weights, retain_graph=True)
            look.loss, look.gradients = loss.item(), dict(zip(weights, gradients, strict=True))
        self.looks.append(look)

    def _step(self, optimizer: torch.optim.Optimizer, arguments: Any, options: Any) -> None:
        look = next((each for each in reversed(self.looks) if each.gradients), None)
        if look is not None:
            look.fault = look.fault or self._fault_in_step(look, optimizer)
            look.rate = max(group["lr"] for group in optimizer.param_groups)
            self.steps.append(look)

    def _fault_in_step(self, look: Look, optimizer: torch.optim.Optimizer) -> str | None:
        """What is wrong with one step, in half a sentence that says what was seen."""
        weights, listed = look.gradients.keys(), set(look.model.parameters())
        held = {each for group in optimizer.param_groups for each in group["params"]}
        if n := len(weights - listed):
            hidden = f"{n} of the tensors that compute its logits are not among model.parameters()"
            return f"{hidden}: even if they are trained now, whoever saves or counts the model misses them"
        if n := look.n_of_test:
            return f"it takes a step on {n} test digits"
        if n := len(listed - (weights & held)):
            return f"{n} of its model's parameters take no part in a step"
        if any(look.are_in_evaluation):
            return "while it takes its steps, layers of its model are in evaluation mode"
        right = torch.cat([each.flatten() for each in look.gradients.values()])
        taken = torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten() for w in weights])
        if not (taken - right).norm() <= 0.01 * right.norm():
            times = f"at step {len(self.steps) + 1}, .grad is {float(taken.norm() / right.norm()):.2g} times as long"
            wanted = "as the gradient of cross_entropy(logits, labels) for this batch, or points elsewhere"
            return f"{times} {wanted}: is it emptied in each step, before backward() and not behind it?"
        kind = type(optimizer).__name__
        if kind != "SGD" or any(group["momentum"] for group in optimizer.param_groups):
            return f"it steps with {kind} and its own settings, where the patient has plain SGD"
        return None

    def still_wrong(self, findings: object, healthy: Findings) -> str | None:
        """The first thing that is wrong with the trainer that was watched; ``None`` if it is like the reference cure.

        It reads fresh digits about as well as a healthy one, after about as many digits; each of its steps is the right
        one for its batch; and what it reports is what measuring its model gives.
        """
        if not isinstance(findings, Findings):
            return f"the trainer should return Findings, and returned {type(findings).__name__}"
        model = findings.model
        on_fresh, goal = (measure(each.model, self.fresh).accuracy for each in (findings, healthy))
        fault = self._fault_in_training(findings, healthy.losses)
        if on_fresh < goal - 0.05:
            reads = f"it reads {on_fresh:.1%} of fresh digits, where a healthy one reads {goal:.1%}"
            return f"{reads}, and {fault}" if fault else reads
        n, n_needed = sum(len(step.labels) for step in self.steps), BATCH_SIZE * len(healthy.losses)
        if n > 1.5 * n_needed:
            needs = f"{n:,} digits in its steps, and a healthy one gets there with {n_needed:,}"
            return f"it takes {needs}: patience hides this fault and does not cure it"
        if fault:
            return f"it reads as well as a healthy one, but {fault}"
        if layers_of(model) != layers_of(healthy.model):
            layers = ", ".join(layers_of(healthy.model))
            return f"its model.modules() are not the patient's layers, {layers}: another network is no cure"
        if fault := self._fault_in_report(findings, on_fresh):
            return fault
        device = next(model.parameters()).device
        scores = torch.cat([model(images.to(device)) for images, _ in batches(self.fresh, epochs=1)])
        if scores.min() >= 0 or scores.abs().max() <= 1:
            return "its model does not return logits: no score is below 0, or none is beyond 1"
        return None

    def _fault_in_training(self, findings: Findings, healthy: list[float]) -> str | None:
        """What is wrong with the steps, whose losses are beside a healthy trainer's, likewise."""
        if self.n_unprepared:
            return f"its model is given {self.n_unprepared} images that are not its digits as normalize prepares them"
        if not self.steps:
            return "no step of an optimiser was seen, on images that were given to a model"
        if any(step.model is not findings.model for step in self.steps):
            return "the model that it hands over is not the one that every step was taken with"
        losses = [step.loss for step in self.steps]
        if not same(list(findings.losses)[-len(losses) :], losses, tolerance=1e-3):
            return (
                "its losses are not those of its model's logits and the labels that belong to its images, one for "
                "each step: look at both, as cross_entropy is given them"
            )
        if fault := next((step.fault for step in self.steps if step.fault), None):
            return fault
        n_used = len(torch.cat([step.places for step in self.steps]).unique())
        if n_used < 0.75 * len(self.train):
            return f"it has learnt from {n_used} of its {len(self.train)} training digits"
        for labels in torch.cat([step.labels for step in self.steps]).split(100):
            counts, n = labels.bincount(), len(labels)
            alike = float((counts * (counts - 1)).sum()) / (n * (n - 1))
            if n == 100 and alike > 1 / 6:  # about 1/10 for shuffled ones
                return f"among 100 digits in a row, {alike:.0%} of all pairs have the same label"
        rate = max(step.rate for step in self.steps)
        if max(losses) > max(healthy) + 0.5:
            leaps = f"its loss begins at {losses[0]:.2f} and still leaps to {max(losses):.2f}"
            return f"{leaps}, as a healthy one's never does: its learning rate, {rate:g}, is too high"
        if rate < 0.015:
            end, healthy_end = (sum(each[-20:]) / 20 for each in (losses, healthy))
            falls = f"its loss comes down to {end:.2f}, where a healthy one's reaches {healthy_end:.2f}"
            return f"{falls}: its learning rate, {rate:g}, is still too low"
        return None

    def _fault_in_report(self, findings: Findings, on_fresh: float) -> str | None:
        """What is wrong with the way in which it measured and reports."""
        tests = [look for look in self.looks if look.n_of_test]
        after = [look for look in tests if look.n_steps_before == len(self.steps)]
        n_tested = len({place for look in after for place in look.places.tolist()})
        if 0 < n_tested < len(self.test):
            return f"it measures on {n_tested} of its {len(self.test)} test digits: the rest count as well"
        on_test = measure(findings.model, self.test)
        accuracy, loss = findings.reported_accuracy, findings.reported_loss
        measured = "and measuring the same model on the same digits gives"
        # Batches of 201 and 200, averaged as equals, are off by 5e-5.
        if abs(accuracy - on_test.accuracy) > 1e-5:
            return f"it reports an accuracy of {accuracy:.3%}, {measured} {on_test.accuracy:.3%}"
        if not math.isclose(loss, on_test.loss, rel_tol=2e-5):
            return f"it reports a loss of {loss:.5f}, {measured} {on_test.loss:.5f}"
        if accuracy > on_fresh + 0.05:
            return f"it reads {accuracy:.1%} of its test digits, but only {on_fresh:.1%} that it cannot have seen"
        if any(look.n_steps_before not in (0, len(self.steps)) for look in tests):
            return "it looks at its test digits before the training is over, and may choose by them"
        if len({(look.model, look.weights) for look in after}) > 1:
            return "it measures more than one model on its test digits, and may choose among them"
        if after and not all(after[-1].are_in_evaluation):
            return "while it measures, layers of its model are in training mode"
        return None


def leaves_of(loss: Tensor) -> list[Tensor]:
    """The tensors that a loss depends on and that get a gradient, whether or not a model knows of them."""
    seen: set[Any] = set()
    waiting: set[Any] = {loss.grad_fn}
    while waiting:
        node = waiting.pop()
        seen.add(node)
        waiting |= {earlier for earlier, _ in node.next_functions} - seen - {None}
    return [node.variable for node in seen if hasattr(node, "variable")]


def layers_of(model: nn.Module) -> list[str]:
    """The model's layers in a fixed order, without those that always do the same."""
    layers = [each for each in model.modules() if not list(each.children())]
    return sorted(repr(each) for each in layers if not isinstance(each, (nn.Flatten, nn.ReLU, nn.Identity)))
