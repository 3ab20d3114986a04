"""What each fault of the clinic looks like, and what to look at where a patient has not the fault that was named."""

from __future__ import annotations

from digitlab.exercises.clinic_trainer import Findings

FAULTS = {
    "softmax before cross-entropy": "the loss falls, and never below 1.46, because probabilities are never further "
    "apart than 1",
    "missing zero_grad": "the loss falls quickly, and then swings up again: each step follows the sum of all gradients "
    "so far",
    "eval mode never left": "a deep network stays near ln 10, and inside the loop model.training is False",
    "eval mode never entered": "the network is measured with its dropout on: two measurements of it disagree",
    "data sorted by class": "the loss is close to zero for long stretches and leaps whenever the next class begins",
    "labels misaligned": "the loss hardly leaves ln 10, as if the labels had nothing to do with the images",
    "normalisation forgotten at test time": "the training looks well, and in the test the model is given other numbers",
    "learning rate too high": "the loss leaps above where it began, or stops being a number",
    "learning rate too low": "the loss is an almost level line that begins where a healthy one begins",
    "test images in the training data": "the reported accuracy is wonderful, and fresh digits do not confirm it",
    "unequal batches averaged as equals": "the reported loss changes with the size of the test's batches",
    "weights not registered": "model.parameters() lists too few numbers, and some layers are the same before and after",
    "all weights start at zero": "all rows of a layer's weights are equal, for ever, and the loss stays near ln 10",
    "ReLU on the logits": "among the printed scores there are zeros and no negative ones",
}
"""The names to choose from, each with its sign. Two of them belong to no patient."""

# Faults that keep a loss near ln 10, where the curve does not tell one from the other.
NEAR_LN_10 = {
    "learning rate too low",
    "labels misaligned",
    "weights not registered",
    "all weights start at zero",
    "eval mode never left",
}

# What to look at where neither the curve nor the report tells, and what is seen there if a patient has not that fault.
REFUTED = {
    "softmax before cross-entropy": "Print a row of what its cross_entropy is given: some numbers are below 0.",
    "missing zero_grad": "Print a weight's .grad before each backward(): it is None, or 0.",
    "eval mode never left": "Print model.training inside the loop: it is True.",
    "eval mode never entered": "Measure its model twice, as its owner does: the two agree.",
    "data sorted by class": "Print the labels of its first three batches: they are mixed.",
    "labels misaligned": "Look at a few of its digits with their labels: they belong together.",
    "normalisation forgotten at test time": "Print the mean and the spread of the images that its model is given in "
    "the test, and of those in a batch: they are about the same.",
    "learning rate too low": "Read the rate: it is not far from a healthy one's.",
    "unequal batches averaged as equals": "Read how it measures: on all test digits in one batch, or by examine, "
    "which gives each of them the same weight.",
    "weights not registered": "Count the parameters that the model lists: none is missing.",
    "all weights start at zero": "Print two rows of its first layer's weights before the training: they differ.",
    "ReLU on the logits": "Print the scores of a few digits: some are below 0.",
}


def what_refutes(named: str, fault: str, findings: Findings, on_fresh: float) -> str:
    """The named fault's sign, and what a patient with another fault shows instead: in its own numbers, if they tell."""
    if {named, fault} <= NEAR_LN_10:
        return f"A loss near ln 10 goes with {named!r} as well, so the curve does not tell. {REFUTED[named]}"
    losses, first, reported = findings.losses, findings.losses[0], findings.reported_accuracy
    least, is_calm = min(losses), max(losses) < first + 0.5
    said = f"it reports {reported:.1%}, and fresh digits give {on_fresh:.1%}"
    never = f"the loss begins at {first:.2f} and never rises above {max(losses):.2f}."
    swings = f"it comes down first, to {min(losses[:8]):.2f}, and swings with a tenth of the rate as well."
    in_its_numbers = {
        "softmax before cross-entropy": (least < 1.4, f"the loss comes down to {least:.2f}."),
        "missing zero_grad": (is_calm, never),
        "learning rate too high": (True, never if is_calm else swings),
        "learning rate too low": (least < 1.9, f"the loss comes down from {first:.2f} to {least:.2f}."),
        "normalisation forgotten at test time": (reported > on_fresh - 0.05, f"{said}: not far worse."),
        "test images in the training data": (True, f"{said}: not far better."),
    }
    tells, seen = in_its_numbers.get(named, (False, ""))
    return (
        f"The sign of {named!r} would be: {FAULTS[named]}. {f'But here {seen}' if tells else REFUTED[named]}"
    )
