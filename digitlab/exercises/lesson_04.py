"""Exercises of lesson 04, measure and tune: an exact mean loss, momentum, Adam."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake, names_used, same
from digitlab.exercises.lesson_03 import small_batches


# 04.1
def mean_loss(model: nn.Module, batches: list[tuple[Tensor, Tensor]]) -> float:
    was_training = model.training
    model.eval()
    total, n = 0.0, 0
    with torch.no_grad():
        for images, labels in batches:
            total += F.cross_entropy(model(images), labels).item() * len(labels)
            n += len(labels)
    model.train(was_training)
    return total / n


def dropping_models() -> list[tuple[Any, ...]]:
    """Two models with dropout, the second in evaluation mode."""
    torch.manual_seed(11)
    model, other = (nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 3)) for _ in range(2))
    return [(model, small_batches()), (other.eval(), small_batches()[1:])]


def loss_and_manners(answer: Any, model: nn.Sequential, batches: list[tuple[Tensor, Tensor]]) -> Any:
    """The loss and, where it is right, what else happened on the way."""
    wanted = mean_loss(model, batches)
    if "evaluate" in names_used(answer):
        raise Mistake("your code calls dl.evaluate, which does just this. Write it out, with F.cross_entropy")
    was_training = model.training
    recorded: list[bool] = []
    model[0].register_forward_pre_hook(lambda *_: recorded.append(torch.is_grad_enabled()))
    loss = answer(model, batches)
    if loss is None or loss is ...:
        return loss
    if not isinstance(loss, float | int | Tensor | np.number) or (isinstance(loss, Tensor) and loss.numel() != 1):
        raise Mistake("this is not a number. Asked for is a single one, the mean loss of all images")
    if not same(loss, wanted):
        raise Mistake(f"a mean loss of {float(loss):.4f} came out, where it is {wanted:.4f}")
    modes = {each.training for each in model.modules()}
    mode = "a mixed" if len(modes) == 2 else "training" if model.training else "evaluation"
    faults = {
        "autograd took notes": any(recorded),
        f"the model is left in {mode} mode": modes != {was_training},
        "autograd is left off": not torch.is_grad_enabled(),
    }
    if found := [fault for fault, is_there in faults.items() if is_there]:
        raise Mistake(f"the number is right, but {' and '.join(found)}")
    return wanted


# 04.2
def momentum_step(
    weights: Tensor, velocity: Tensor, gradient: Tensor, learning_rate: float, momentum: float
) -> tuple[Tensor, Tensor]:
    new_velocity = momentum * velocity + gradient
    new_weights = weights - learning_rate * new_velocity
    return new_weights, new_velocity


def moving_weights() -> list[tuple[Tensor, Tensor, Tensor, float, float]]:
    generator = torch.Generator().manual_seed(13)
    weights, velocity, gradient = torch.randn(3, 5, generator=generator)
    return [(weights, velocity, gradient, 0.2, 0.9), (weights - 1, gradient, velocity, 0.5, 0.6)]


# 04.3
def adam_step(
    weights: Tensor, gradient: Tensor, mean: Tensor, mean_square: Tensor, number: int
) -> tuple[Tensor, Tensor, Tensor]:
    mean = 0.9 * mean + 0.1 * gradient
    mean_square = 0.999 * mean_square + 0.001 * gradient**2
    corrected_mean = mean / (1 - 0.9**number)
    corrected_square = mean_square / (1 - 0.999**number)
    weights = weights - 0.1 * corrected_mean / (corrected_square.sqrt() + 1e-8)
    return weights, mean, mean_square


def weights_with_a_past() -> list[tuple[Tensor, Tensor, Tensor, Tensor, int]]:
    """The first step, with gradients from large to tiny, where the 1e-8 shows; and the fifth, after others."""
    generator = torch.Generator().manual_seed(17)
    weights, gradient, mean = torch.randn(3, 4, generator=generator)
    sizes = torch.tensor([100.0, -0.01, 1e-8, 0.0])
    square = torch.rand(4, generator=generator) + 0.1
    return [(weights, sizes, torch.zeros(4), torch.zeros(4), 1), (weights - 1, gradient, mean, square, 5)]


EXERCISES = [
    Exercise(
        number="04.1", title="An exact mean", name="mean_loss", minutes=10, difficulty="medium",
        starter="def mean_loss(model, batches):\n"
        '    """Mean cross-entropy per image, a number; dropout off, nothing recorded."""\n    ...',
        answer=mean_loss, cases=dropping_models, observe=loss_and_manners,
        praise="exact for any batch sizes, with the dropout off, and without a trace. You have written dl.evaluate.",
        hints=(
            "cross_entropy gives a batch's mean. Multiply by len(labels) to get its sum; "
            "divide by the number of images at the end.",
            "model.eval() switches dropout off; `with torch.no_grad():` around the loop stops the recording.",
            "Remember model.training before you begin, and put it back with model.train(was_training).",
        ),
        wrong=(
            edit(" * len(labels)", "",
                "this is the slip of the script: a sum of batch *means*, divided by the number of *images*. "
                "It is too small by about the batch size."),
            edit(" * len(labels)", "", "n += len(labels)", "n += 1",
                "the mean of the batches' means: the images of a small last batch count more than the others. "
                "Weigh each batch by its size."),
            edit("n += len(labels)", "n += 1",
                "this is the sum over all images, divided by the number of *batches*. "
                "Divide by the number of images: n += len(labels)."),
            edit("in batches:", "in batches[:1]:",
                "only the first batch counts here. Is the `return` inside the loop? Move it out, to the left."),
            edit("total += F", "total = F",
                "only the last batch's sum is left, for `total = ...` forgets the others. Add up: total += ..."),
            edit("    model.eval()\n", "",
                "dropout was on. torch.no_grad() does not switch it off, "
                "it only stops the recording; model.eval() does."),
            edit("with torch.no_grad():", "with torch.enable_grad():",
                "the number is right, but autograd took notes all along. "
                "eval() does not stop that: add `with torch.no_grad():`."),
            edit("    model.train(was_training)\n", "",
                "the number is right, but a model that came in training mode is left in evaluation mode: training "
                "would go on without dropout. Read model.training *before* model.eval(), and put it back at the end."),
        ),
    ),
    Exercise(
        number="04.2", title="Momentum", name="momentum_step", minutes=6, difficulty="medium",
        starter="def momentum_step(weights, velocity, gradient, learning_rate, momentum):\n"
        '    """Returns the new weights and the new velocity, two new tensors."""\n    ...',
        answer=momentum_step, cases=moving_weights, results=("the new weights", "the new velocity"),
        praise="equal to torch.optim.SGD(momentum=...). Where all gradients agree, the velocity grows to "
        "1 / (1 - momentum) times one of them: ten times, for 0.9.",
        hints=(
            "First the velocity: momentum times the old velocity, plus the gradient.",
            "Then the weights, with the *new* velocity where the gradient used to be.",
        ),
        wrong=(
            edit("+ gradient", "+ (1 - momentum) * gradient",
                "this takes a moving *average* of gradients, (1 - momentum) times the new one. "
                "Some books do; PyTorch adds the gradient whole, so your steps are shorter."),
            edit("learning_rate * new_velocity", "learning_rate * velocity",
                "the weights move by the *old* velocity: this step does not know the gradient it was given. "
                "Update the velocity first."),
            edit("momentum * velocity", "velocity",
                "old gradients never fade: this is a ball without friction. Multiply the old velocity by momentum."),
            edit("momentum * velocity + gradient", "momentum * (velocity + gradient)",
                "the new gradient fades at once: only the *old* velocity is multiplied by momentum."),
            edit("+ gradient", "+ learning_rate * gradient", "learning_rate * new_velocity", "new_velocity",
                "your velocity has the learning rate in it. Some books do that; "
                "PyTorch adds the plain gradient and multiplies by the learning rate when the weights move."),
            edit("+ gradient", "- learning_rate * gradient", "- learning_rate * new_velocity", "+ new_velocity",
                "your velocity points downhill and has the learning rate in it, as in many books. PyTorch's points "
                "uphill: v = momentum * v + gradient, and the weights move by -learning_rate * v."),
            edit("+ gradient", "+ learning_rate * gradient",
                "the learning rate is in it twice, once in the velocity and once when the weights move. "
                "Add the plain gradient to the velocity."),
            edit("weights - learning_rate", "weights + learning_rate",
                "this walks uphill: the velocity is a sum of gradients, and they point uphill. Subtract it."),
            edit("learning_rate * new_velocity", "new_velocity",
                "the velocity is right, but the weights move by all of it: the learning rate is missing."),
            edit(", new_velocity", ", velocity",
                "the weights are right, but the velocity you return is the old one: "
                "the next step would have nothing to build on."),
            edit("weights - learning_rate * new_velocity", "learning_rate * new_velocity",
                "the velocity is right; instead of the weights you return the step. Subtract it from the weights."),
            edit("momentum * velocity + gradient", "momentum * velocity",
                "your velocity only fades: the new gradient is not in it. Add it: momentum * velocity + gradient."),
            edit("momentum * velocity + gradient", "velocity + momentum * gradient",
                "momentum shortens the new gradient, and the old ones never fade. It belongs to the old velocity: "
                "momentum * velocity + gradient."),
            edit("momentum * velocity", "0.9 * velocity",
                "right for a momentum of 0.9, the usual one; but `momentum` is given, and may be another."),
            edit("learning_rate * new_velocity", "learning_rate * gradient",
                "the weights move by the gradient alone, as without momentum. Let them move by the new velocity."),
            edit("+ gradient", "- gradient",
                "the gradient is subtracted twice: once from the velocity, once when the weights move, so this walks uphill. "
                "Add it to the velocity."),
        ),
    ),
    Exercise(
        number="04.3", title="Adam", name="adam_step", minutes=10, difficulty="hard",
        starter="def adam_step(weights, gradient, mean, mean_square, number):\n"
        '    """Step `number`, from 1, with learning rate 0.1: the new weights, mean and mean square."""\n    ...',
        answer=adam_step, cases=weights_with_a_past, results=("the new weights", "the mean", "the mean square"),
        praise="equal to torch.optim.Adam(lr=0.1). In the first step every weight moves by the learning rate, "
        "whether its gradient was 100 or 0.01.",
        hints=(
            "Two running means first: 0.9 * mean + 0.1 * gradient, and the same with 0.999 and 0.001 for gradient**2.",
            "Then the two that have grown to their full size: "
            "mean / (1 - 0.9**number), mean_square / (1 - 0.999**number).",
            "The step: 0.1 * corrected mean / (root of the corrected square + 1e-8). "
            "Return the means without the correction.",
        ),
        wrong=(
            edit(" / (1 - 0.9**number)", "", " / (1 - 0.999**number)", "",
                "the two means begin at 0, and are used as if they did not. "
                "Divide them by 1 - 0.9**number and by 1 - 0.999**number before the step."),
            edit("1 - 0.9**number", "1 - 0.9", "1 - 0.999**number", "1 - 0.999",
                "right in the first step only: the correction becomes smaller from step to step. Use 0.9**number "
                "and 0.999**number."),
            edit("0.999**number", "0.9**number",
                "mean_square fades by 0.999, not by 0.9, so its correction is 1 - 0.999**number."),
            edit("mean / (1 - 0.9**number)", "mean / 1 - 0.9**number",
                "mean_square / (1 - 0.999**number)", "mean_square / 1 - 0.999**number",
                "the root of a negative number came up (nan): mean_square / 1 - 0.999**number divides by 1 and then "
                "subtracts. Put brackets around 1 - 0.999**number, and around 1 - 0.9**number."),
            edit("(corrected_square.sqrt() + 1e-8)", "(corrected_square + 1e-8).sqrt()",
                "the 1e-8 stands under the root, where it counts as 1e-4. Add it after the root."),
            edit("0.001 * gradient**2", "0.001 * mean**2",
                "this squares the *mean* of the gradients; mean_square is the mean of their squares: gradient**2."),
            edit("corrected_square.sqrt()", "corrected_square",
                "you divide by the mean of the squares; divide by its root. "
                "Else a weight with small gradients takes enormous steps."),
            edit("0.1 * gradient\n", "gradient\n", "0.001 * gradient**2", "gradient**2",
                "the new gradient and its square count in full. A running mean takes a share of them, 0.1 and 0.001, "
                "and keeps the rest of the old."),
            edit("weights - 0.1", "weights + 0.1", "this walks uphill. Subtract the step."),
            edit("return weights, mean, mean_square", "return weights, corrected_mean, corrected_square",
                "the weights are right. But what you remember is the corrected mean, "
                "and the next step would correct it once more: return the means as they were before."),
            edit("mean / (1 - 0.9**number)", "mean / 1 - 0.9**number",
                "mean / 1 - 0.9**number divides by 1 and then subtracts. Put brackets around 1 - 0.9**number."),
            edit("weights - 0.1 * corrected_mean", "weights - corrected_mean",
                "the means are right, but your steps are ten times too long: the learning rate, 0.1, is missing."),
            edit("0.001 * gradient**2", "0.001 * gradient",
                "this is a second mean of the gradients. Square them first: their signs should not cancel."),
            edit("weights - 0.1 * corrected_mean / (corrected_square.sqrt() + 1e-8)", "weights - 0.1 * gradient.sign()",
                "every weight moves by 0.1. So it is in the first step; later the step is the corrected mean "
                "divided by the root of the corrected square."),
            edit("0.1 * corrected_mean", "0.1 * gradient",
                "the step goes by this one gradient. Let it go by the corrected mean of the gradients."),
            edit(" + 1e-8", "",
                "where all gradients were 0, as at a pixel that is never inked, you divide 0 by 0. "
                "Below the line stands the root *plus 1e-8*."),
            edit(" / (1 - 0.999**number)", "",
                "the mean of the squares begins at 0 and is used as if it did not, so the first steps are far too long: "
                "divide it by 1 - 0.999**number."),
            edit(" / (1 - 0.9**number)", "",
                "the mean of the gradients begins at 0 and is used as if it did not, so the first steps are far too short: "
                "divide it by 1 - 0.9**number."),
        ),
    ),
]
