"""Whether a trainer that was watched is cured, and if not, the first thing that is still wrong."""

from __future__ import annotations

import math

import torch
from torch import nn

from digitlab.exercises.clinic_trainer import Findings, batches, measure
from digitlab.exercises.clinic_watch import Health, Watch


def still_wrong(findings: object, watch: Watch, health: Health) -> str | None:
    """What is wrong with a trainer that was watched, in a sentence; ``None`` if it is healthy.

    It reads fresh digits about as well as a healthy one, after about as many digits; each of its steps is the right
    one for its batch; and what it reports is what measuring its model gives.
    """
    if not isinstance(findings, Findings):
        return f"the trainer should return Findings, and returned {type(findings).__name__}"
    model = findings.model
    on_test, on_fresh = measure(model, watch.test), measure(model, watch.fresh)
    healthy = health.accuracy
    if on_fresh.accuracy < healthy - 0.05:
        reads = f"it reads {on_fresh.accuracy:.1%} of fresh digits, where a healthy one reads {healthy:.1%}"
        fault = watch.fault_in_training(findings, health)
        return f"{reads}, and {fault}" if fault else reads
    if watch.n_learnt > 1.5 * health.n_learnt:
        needs = (
            f"{watch.n_learnt:,} digits in its steps, and a healthy one gets there with {health.n_learnt:,}"
        )
        return f"it takes {needs}: patience hides this fault and does not cure it"
    if not all(math.isfinite(loss) for loss in findings.losses):
        return "some of its losses are not numbers"
    if n := watch.n_unlisted:
        hidden = f"{n} of the tensors that compute its logits are not among model.parameters()"
        return f"{hidden}: even if they are trained now, whoever saves or counts the model misses them"
    if layers_of(model) != layers_of(health.findings.model):
        layers = ", ".join(layers_of(health.findings.model))
        return f"its model.modules() are not the patient's layers, {layers}: another network is no cure"
    device = next(model.parameters()).device
    scores = torch.cat([model(images.to(device)) for images, _ in batches(watch.fresh, epochs=1)])
    if scores.min() >= 0 or scores.abs().max() <= 1:
        return "its model does not return logits: no score is below 0, or none is beyond 1"
    if fault := watch.fault_in_training(findings, health):
        return f"it reads as well as a healthy one, but {fault}"
    accuracy, loss = findings.reported_accuracy, findings.reported_loss
    if 0 < watch.n_tested < len(watch.test):
        return f"it measures on {watch.n_tested} of its {len(watch.test)} test digits: the rest count as well"
    measured = "and measuring the same model on the same digits gives"
    if abs(accuracy - on_test.accuracy) > 1e-5:  # batches of 201 and 200, averaged as equals, are off by 5e-5
        return f"it reports an accuracy of {accuracy:.3%}, {measured} {on_test.accuracy:.3%}"
    if not math.isclose(loss, on_test.loss, rel_tol=2e-5):
        return f"it reports a loss of {loss:.5f}, {measured} {on_test.loss:.5f}"
    if on_test.accuracy > on_fresh.accuracy + 0.05:
        tested, unseen = f"{on_test.accuracy:.1%}", f"{on_fresh.accuracy:.1%}"
        return f"it reads {tested} of its test digits, but only {unseen} of digits that it cannot have seen"
    return watch.fault_in_report(findings)


def layers_of(model: nn.Module) -> list[str]:
    """The model's layers in a fixed order, without those that always do the same."""
    layers = [each for each in model.modules() if not list(each.children())]
    return sorted(repr(each) for each in layers if not isinstance(each, (nn.Flatten, nn.ReLU, nn.Identity)))
