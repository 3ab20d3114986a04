"""Exercises of lesson 12, the bug clinic: four small instruments that find a fault before the training does."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.exercises import Exercise, WrongAnswer


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))


def batch(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 1, 28, 28, generator=generator), torch.randint(10, (n,), generator=generator)


# --- 12.1 ---------------------------------------------------------------------------------------


def surplus_at_start(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        loss = F.cross_entropy(model(images), labels)
    return loss.item() - math.log(10)


def surplus_over_common_logarithm(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    return F.cross_entropy(model(images), labels).item() - math.log10(10)


def surplus_of_probabilities(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    return F.cross_entropy(model(images).softmax(dim=1), labels).item() - math.log(10)


def surplus_of_the_sum(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    return F.cross_entropy(model(images), labels, reduction="sum").item() - math.log(10)


def surplus_turned_round(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    return -surplus_at_start(model, images, labels)


def untrained_models() -> list[tuple[Any, ...]]:
    """A new network, the same with scores far too large, and one that gives every digit the same score."""
    wild, even = network(1), network(2)
    with torch.no_grad():
        wild.get_parameter("3.weight").mul_(30)
        even.get_parameter("3.weight").zero_()
        even.get_parameter("3.bias").zero_()
    return [(model, *batch(20, seed)) for seed, model in enumerate((network(), wild, even))]


# --- 12.2 ---------------------------------------------------------------------------------------


def equal_neighbours(labels: Tensor) -> float:
    return (labels[1:] == labels[:-1]).float().mean().item()


def equal_neighbours_in_a_ring(labels: Tensor) -> float:
    return (labels == labels.roll(1)).float().mean().item()


def rising_neighbours(labels: Tensor) -> float:
    return (labels[1:] >= labels[:-1]).float().mean().item()


def neighbours_counted(labels: Tensor) -> float:
    return (labels[1:] == labels[:-1]).sum().item()


def unequal_neighbours(labels: Tensor) -> float:
    return (labels[1:] != labels[:-1]).float().mean().item()


def neighbours_over_all_labels(labels: Tensor) -> float:
    return (labels[1:] == labels[:-1]).sum().item() / len(labels)


def rows_of_labels() -> list[tuple[Tensor]]:
    """In any order, sorted, sorted the other way, and a short row."""
    _, labels = batch(40, seed=5)
    labels[0], labels[-1] = 3, 3
    in_order = labels.sort().values
    return [(labels,), (in_order,), (in_order.flip(0),), (torch.tensor([7, 7, 1]),)]


# --- 12.3 ---------------------------------------------------------------------------------------


def not_held(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    return [name for name, parameter in model.named_parameters() if id(parameter) not in held]


def held_instead(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    forgotten = not_held(model, optimizer)
    return [name for name, _ in model.named_parameters() if name not in forgotten]


def not_held_by_shape(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    shapes = {parameter.shape for group in optimizer.param_groups for parameter in group["params"]}
    return [name for name, parameter in model.named_parameters() if parameter.shape not in shapes]


def not_held_by_equality(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return [name for name, parameter in model.named_parameters() if parameter not in held]


def not_held_in_the_first_group(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    held = {id(parameter) for parameter in optimizer.param_groups[0]["params"]}
    return [name for name, parameter in model.named_parameters() if id(parameter) not in held]


def not_asked_for_gradients(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    return [name for name, parameter in model.named_parameters() if not parameter.requires_grad]


def models_and_optimizers(answer: Any, forgotten: Iterable[int]) -> Any:
    """What the answer returns for four layers, of which the optimiser does not hold some; each has its own group."""
    torch.manual_seed(0)
    layers = [nn.Linear(10, 10), nn.Linear(10, 10), nn.Linear(10, 10), nn.Linear(10, 5)]
    model = nn.Sequential(*layers)
    held = [layer for number, layer in enumerate(layers) if number not in tuple(forgotten)]
    groups = [{"params": list(layer.parameters())} for layer in held]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    result = answer(model, optimizer) if callable(answer) else answer
    return sorted(result) if isinstance(result, set) else result


# --- 12.4 ---------------------------------------------------------------------------------------


def overfit(model: nn.Module, images: Tensor, labels: Tensor) -> list[float]:
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
    for _ in range(50):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def overfit_without_zero_grad(model: nn.Module, images: Tensor, labels: Tensor) -> list[float]:
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
    for _ in range(50):
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def overfit_without_step(model: nn.Module, images: Tensor, labels: Tensor) -> list[float]:
    return [F.cross_entropy(model(images), labels).item()] * 50


def overfit_measured_after_each_step(model: nn.Module, images: Tensor, labels: Tensor) -> list[float]:
    losses = overfit(model, images, labels)
    with torch.no_grad():
        return [*losses[1:], F.cross_entropy(model(images), labels).item()]


def overfit_softmax_twice(model: nn.Module, images: Tensor, labels: Tensor) -> list[float]:
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
    for _ in range(50):
        loss = F.cross_entropy(model(images).softmax(dim=1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def overfit_last_loss(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    return overfit(model, images, labels)[-1]


def one_batch() -> list[tuple[Any, ...]]:
    return [(network(seed), *batch(10, seed)) for seed in (0, 1)]


def losses_of(answer: Any, *inputs: Any) -> Any:
    """What the answer returns, as numbers; the network may change, it is meant to."""
    result = answer(*inputs) if callable(answer) else answer
    if isinstance(result, list):
        return [each.item() if isinstance(each, Tensor) and each.numel() == 1 else each for each in result]
    return result


EXERCISES = [
    Exercise(
        number="12.1",
        title="Where a loss must begin",
        name="surplus_at_start",
        minutes=6,
        difficulty="easy",
        starter="def surplus_at_start(model, images, labels):\n"
        '    """The untrained model\'s mean loss, minus what guessing costs."""\n    ...',
        answer=surplus_at_start,
        praise="near zero for a healthy start. Far above, and the network is already sure of itself before it has seen a "
        "digit; below, and it has seen them before.",
        hints=(
            "Guessing gives each of ten digits one tenth. Its cross-entropy is the natural logarithm of 10.",
            "`F.cross_entropy(model(images), labels)` is the mean loss; `.item()` makes it a number; subtract `math.log(10)`.",
        ),
        wrong=(
            WrongAnswer(
                surplus_over_common_logarithm,
                "you subtracted 1, the logarithm of 10 to base 10. The loss is in nats: math.log(10), about 2.303.",
            ),
            WrongAnswer(
                surplus_of_probabilities,
                "your logits went through a softmax before cross_entropy, which applies one itself. Patient 1 sends regards.",
            ),
            WrongAnswer(
                surplus_of_the_sum,
                "this is the sum over the images. What guessing costs, ln 10, is for one image: take the mean.",
            ),
            WrongAnswer(
                surplus_turned_round,
                "the sign is turned round: the surplus is the loss minus ln 10.",
            ),
        ),
        cases=untrained_models,
    ),
    Exercise(
        number="12.2",
        title="Are the labels sorted?",
        name="equal_neighbours",
        minutes=6,
        difficulty="easy",
        starter="def equal_neighbours(labels):\n"
        '    """The share of neighbouring pairs that have the same label, 0..1."""\n    ...',
        answer=equal_neighbours,
        praise="about one tenth for shuffled digits, nearly 1 for sorted ones, in whichever order they were sorted. "
        "One line, worth running on any data set that a stranger gives you.",
        hints=(
            "labels[1:] and labels[:-1] are the right and the left neighbours.",
            "Comparing them gives booleans. `.float().mean()` turns booleans into a share, `.item()` into a number.",
        ),
        wrong=(
            WrongAnswer(
                equal_neighbours_in_a_ring,
                "roll joins the last label to the first, which are no neighbours: you have one pair too many.",
            ),
            WrongAnswer(
                rising_neighbours,
                "this counts the pairs that do not fall. Labels sorted from 9 down to 0 would escape you; compare with ==.",
            ),
            WrongAnswer(
                neighbours_counted,
                "this is a count. A share does not depend on how many labels there are: take the mean.",
            ),
            WrongAnswer(
                neighbours_over_all_labels,
                "nearly: 40 labels have 39 pairs of neighbours. Divide by the number of pairs.",
            ),
            WrongAnswer(
                unequal_neighbours,
                "this is the share of pairs that differ; wanted are the equal ones.",
            ),
        ),
        cases=rows_of_labels,
    ),
    Exercise(
        number="12.3",
        title="What the optimiser does not hold",
        name="not_held",
        minutes=12,
        difficulty="hard",
        starter="def not_held(model, optimizer):\n"
        '    """Names of the model\'s parameters that the optimiser does not hold, in order."""\n    ...',
        answer=not_held,
        praise="this finds layers that were added, or replaced, after the optimiser was made. Tensors are told apart by "
        "id(), because == compares their numbers.",
        hints=(
            "`model.named_parameters()` gives pairs of name and parameter. An optimiser keeps its own in "
            '`group["params"]` for each group of `optimizer.param_groups`.',
            "`parameter in a_list` compares numbers and fails. Collect `id(parameter)` in a set instead.",
            "Return the names whose parameter's id is not in the set of held ids.",
        ),
        wrong=(
            WrongAnswer(
                held_instead,
                "these are the names that the optimiser does hold; wanted are the others.",
            ),
            WrongAnswer(
                not_held_by_shape,
                "two layers of the same shape are still two layers. Compare the parameters themselves, by id().",
            ),
            WrongAnswer(
                not_held_by_equality,
                "`in` on a list asks with ==, and == compares two tensors number by number, so there is no single answer. Ask "
                "whether they are the same *object*: collect id(parameter) in a set.",
            ),
            WrongAnswer(
                not_held_in_the_first_group,
                "an optimiser may keep its parameters in several groups, and you looked into the first one only.",
            ),
            WrongAnswer(
                not_asked_for_gradients,
                "requires_grad says whether a gradient is computed. Whether somebody uses it is another question: look "
                "into optimizer.param_groups.",
            ),
        ),
        cases=lambda: [((),), ((1,),), ((0, 3),)],
        observe=models_and_optimizers,
    ),
    Exercise(
        number="12.4",
        title="Overfit one batch",
        name="overfit",
        minutes=12,
        difficulty="medium",
        starter="def overfit(model, images, labels):\n"
        '    """Train 50 steps on this one batch (SGD, lr 0.1); the list of the 50 losses."""\n    ...',
        answer=overfit,
        praise="close to zero, though the images were noise and the labels were drawn by lot. A network that cannot even "
        "learn ten digits by heart has a fault in its code, and you know after a second.",
        hints=(
            "It is the training loop of lesson 03 with the same batch in each step.",
            "In each step: loss, optimizer.zero_grad(), loss.backward(), optimizer.step().",
            "Begin with losses = [], append loss.item() in each step, and return losses after the loop.",
        ),
        wrong=(
            WrongAnswer(
                overfit_without_zero_grad,
                "the gradients of all steps pile up: zero_grad is missing. This batch is so easy that the loss falls all the same; on many batches it would not.",
            ),
            WrongAnswer(
                overfit_without_step,
                "all your losses are that of the untrained model: the weights have not moved. Is optimizer.step() called?",
            ),
            WrongAnswer(
                overfit_measured_after_each_step,
                "your losses are measured after each step; keep the ones that the steps are computed from, so that the first is "
                "the untrained model's.",
            ),
            WrongAnswer(
                overfit_softmax_twice,
                "the loss stays above 1.4 because a softmax stands before cross_entropy, which applies one itself.",
            ),
            WrongAnswer(
                overfit_last_loss,
                "this is the last loss, and right. Return all fifty in a list: the way down is worth looking at.",
            ),
        ),
        cases=one_batch,
        observe=losses_of,
    ),
]
