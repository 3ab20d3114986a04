"""Exercises of lesson 14, the bug clinic: four small instruments that find a fault before the training does."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake, call


def network(seed: int, *between: nn.Module) -> nn.Sequential:
    """784 pixels, 16 units, 10 logits, and what stands between the two layers."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), *between, nn.ReLU(), nn.Linear(16, 10))


def batch(n: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 1, 28, 28, generator=generator), torch.randint(10, (n,), generator=generator)


# 14.1
def surplus_at_start(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        loss = F.cross_entropy(model(images), labels)
    return loss.item() - math.log(10)


def untrained_models() -> list[tuple[Any, ...]]:
    """A new network, and one with scores far too large."""
    wild = network(1)
    nn.init.normal_(wild.get_parameter("3.weight"), std=5)
    return [(network(0), *batch(20, seed=0)), (wild, *batch(20, seed=1))]


def surplus_of(answer: Any, *inputs: Any) -> Any:
    """What the answer returns, if it leaves the model as it was."""

    def asked(model: nn.Module, images: Tensor, labels: Tensor) -> Any:
        surplus = answer(model, images, labels)
        if not model.training:
            raise Mistake("the model comes back in evaluation mode: leave the mode alone, or end with model.train()")
        return surplus

    return call(asked, *inputs)


# 14.2
def equal_neighbours(labels: Tensor) -> float:
    return (labels[1:] == labels[:-1]).float().mean().item()


def rows_of_labels() -> list[tuple[Tensor]]:
    """In any order, with the first label equal to the last; sorted downwards; and a short row."""
    labels = batch(40, seed=5)[1]
    labels[[0, -1]] = 3
    return [(labels,), (labels.sort(descending=True).values,), (torch.tensor([7, 7, 1]),)]


# 14.3
def not_held(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    return [name for name, parameter in model.named_parameters() if id(parameter) not in held]


def names_not_held(answer: Any, forgotten: tuple[int, ...]) -> Any:
    """What the answer returns for four layers, of which the optimiser does not hold some; each has its own group."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 10), nn.BatchNorm1d(10), nn.Linear(10, 5))
    model[1].load_state_dict(model[0].state_dict())  # equal numbers, and still two layers
    groups = [{"params": list(layer.parameters())} for i, layer in enumerate(model) if i not in forgotten]

    def asked(model: nn.Sequential, optimizer: torch.optim.Optimizer) -> Any:
        for parameter in model[3].parameters():  # a gradient says nothing about who uses it
            parameter.grad = torch.ones_like(parameter)
        return answer(model, optimizer)

    result = call(asked if callable(answer) else answer, model, torch.optim.SGD(groups, lr=0.1))
    if isinstance(result, set):
        raise Mistake("your result is a set, which has no order. Wanted are the names, in the model's order, in a list")
    return result


# 14.4
def overfit(model: nn.Module, images: Tensor, labels: Tensor) -> list[float]:
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
    for _ in range(50):
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def networks_and_batches() -> list[tuple[Any, ...]]:
    """One that reads a batch alike in both modes, and two that do not, of which one comes in evaluation mode."""
    models = (network(0), network(2, nn.BatchNorm1d(16)), network(2, nn.BatchNorm1d(16)).eval())
    return [(model, *batch(10, seed)) for seed, model in enumerate(models)]


EXERCISES = [
    Exercise(
        number="14.1", title="Where a loss must begin", name="surplus_at_start", minutes=6, difficulty="easy",
        starter="def surplus_at_start(model, images, labels):\n"
        '    """The untrained model\'s mean loss on normalised images, minus what guessing costs."""\n    ...',
        answer=surplus_at_start, cases=untrained_models, observe=surplus_of,
        praise="near zero, a little above or below, for a healthy start. Far above, and the network is sure of itself "
        "before it has seen a digit; far below, and it has seen them before.",
        hints=(
            "Guessing gives each of ten digits one tenth. Its cross-entropy is the natural logarithm of 10.",
            "`F.cross_entropy(model(images), labels)` is the mean loss; `.item()` makes it a number; subtract "
            "`math.log(10)`.",
        ),
        wrong=(
            edit("math.log(10)", "math.log10(10)",
                "you subtracted 1, the logarithm of 10 to base 10. The loss is in nats: math.log(10), about 2.303."),
            edit("- math.log(10)", "- 0.1",
                "you subtracted a tenth, the probability itself. What it costs is its negative logarithm, "
                "math.log(10)."),
            edit("- math.log(10)", "- math.log(1 / 10)",
                "your result is above 4: the logarithm of 1/10 is negative, so subtracting it adds. Use math.log(10)."),
            edit(" - math.log(10)", "",
                "this is the whole loss. Wanted is what it has beyond the price of guessing: subtract math.log(10)."),
            edit("- math.log(10)", "- 2.3", "nearly: ln 10 is not quite 2.3. Let math.log(10) be exact."),
            edit("model(images)", "model(images).softmax(dim=1)",
                "your logits went through a softmax before cross_entropy, which applies one itself."),
            edit("cross_entropy(model", "nll_loss(model",
                "the loss came out below or near zero: nll_loss expects log-probabilities. For logits, use cross_entropy."),
            edit("- math.log(10)", "/ math.log(10)", "this is a ratio, 1 for a healthy start. Subtract instead."),
            edit("model(images), labels", 'model(images), labels, reduction="sum"',
                "this is the sum over the images. What guessing costs, ln 10, is for one image: take the mean."),
        ),
    ),
    Exercise(
        number="14.2", title="Are the labels sorted?", name="equal_neighbours", minutes=6, difficulty="easy",
        starter="def equal_neighbours(labels):\n"
        '    """The share of neighbouring pairs that have the same label, 0..1."""\n    ...',
        answer=equal_neighbours, cases=rows_of_labels,
        praise="about one tenth for shuffled digits, nearly 1 for sorted ones, in whichever order they were sorted. "
        "One line, worth running on any data set that a stranger gives you.",
        hints=(
            "labels[1:] and labels[:-1] are the right and the left neighbours.",
            "Comparing them gives booleans. `.float().mean()` turns booleans into a share, `.item()` into a number.",
        ),
        wrong=(
            edit(".float().mean().item()", ".sum().item() / len(labels)",
                "nearly: 40 labels have 39 pairs of neighbours. Divide by the number of pairs."),
            edit("(labels[1:] == labels[:-1]", "(labels == labels.roll(1)",
                "roll joins the last label to the first, which are no neighbours: you have one pair too many."),
            edit("] == labels", "] >= labels",
                "this counts the pairs that do not fall. Labels sorted from 9 down to 0 would escape you; compare "
                "with ==."),
            edit("labels[1:] == labels[:-1]", "labels == labels.sort().values",
                "you compare each label with the sorted row. Labels sorted downwards would escape it: compare "
                "neighbours with each other."),
            edit(".float().mean", ".sum",
                "this is a count. A share does not depend on how many labels there are: take the mean."),
        ),
    ),
    Exercise(
        number="14.3", title="What the optimiser does not hold", name="not_held", minutes=12, difficulty="hard",
        starter="def not_held(model, optimizer):\n"
        '    """Names of the model\'s parameters that the optimiser does not hold, in order."""\n    ...',
        answer=not_held, cases=lambda: [((1,),), ((),), ((0, 3),), ((2,),)], observe=names_not_held,
        praise="this finds layers that were added, or replaced, after the optimiser was made. Tensors are told apart "
        "as objects, by id() or `is`, because == compares their numbers.",
        hints=(
            "`model.named_parameters()` gives pairs of name and parameter. An optimiser keeps its own in "
            '`group["params"]` for each group of `optimizer.param_groups`.',
            "`parameter in a_list` compares numbers and fails. Collect `id(parameter)` in a set instead.",
            "Return the names whose parameter's id is not in the set of held ids.",
        ),
        wrong=(
            edit("{id(parameter)", "[parameter", '"]}', '"]]', "if id(parameter)", "if parameter",
                "`in` on a list asks with ==, and == compares two tensors number by number, so there is no single "
                "answer. Ask whether they are the same *object*: collect id(parameter) in a set."),
            edit("id(parameter) not in held",
                'not any(torch.equal(parameter, each) for group in optimizer.param_groups for each in group["params"])',
                "your list misses a layer that the optimiser does not hold: another one has the same shape and the "
                "same numbers. Ask whether they are the same *object*: id(parameter), or `is`."),
            edit('group["params"]', "group",
                "your list names every parameter: nothing that you compare them with is one that the optimiser holds. "
                'Those are in group["params"], for each group of optimizer.param_groups.'),
            edit("model.named_parameters()", "model.state_dict().items()",
                "your list names everything: the tensors in state_dict() are others with the same numbers, so no id "
                "fits. Take model.named_parameters()."),
            edit("group in optimizer.param_groups for parameter in group", "parameter in optimizer.param_groups[0]",
                "an optimiser may keep its parameters in several groups, and you looked into the first one only."),
            edit("id(parameter) not in held", "parameter.grad is None",
                "you ask which have no gradient: before the first backward() none has one, and after it those have "
                "one, too, that the optimiser does not hold. What it holds is in optimizer.param_groups."),
            edit("id(parameter) not in held", "not parameter.requires_grad",
                "requires_grad says whether a gradient is computed. Whether somebody uses it is another question: "
                "look into optimizer.param_groups."),
            edit("not in held", "in held", "these are the names that the optimiser does hold; wanted are the others."),
            edit("named_parameters", "named_children",
                "your list holds names of layers. Wanted are those of their parameters: model.named_parameters()."),
        ),
    ),
    Exercise(
        number="14.4", title="Overfit one batch", name="overfit", minutes=12, difficulty="medium",
        starter="def overfit(model, images, labels):\n"
        '    """Train 50 steps on this batch of normalised images (SGD, lr 0.1); the list of the 50 losses."""\n    ...',
        answer=overfit, cases=networks_and_batches,
        observe=lambda answer, *inputs: answer(*inputs),  # the network may change, it is meant to
        praise="close to zero, though the images were noise and the labels were drawn by lot. A network that cannot "
        "even learn ten digits by heart has a fault in its code, and you know after a second.",
        hints=(
            "It is the training loop of lesson 03 with the same batch in each step.",
            "In each step: loss, optimizer.zero_grad(), loss.backward(), optimizer.step().",
            "Begin with losses = [], append loss.item() in each step, and return losses after the loop.",
        ),
        wrong=(
            edit("        optimizer.zero_grad()\n", "",
                "the gradients of all steps pile up: zero_grad is missing. This batch is so easy that the loss falls "
                "all the same; on many batches it would not."),
            edit("        optimizer.step()\n", "",
                "all your losses are that of the untrained model: the weights have not moved. Is optimizer.step() "
                "called, and does zero_grad come before backward()?"),
            edit("    optimizer, losses", "    model.train()\n    optimizer, losses",
                "one network came in evaluation mode, and model.train() changed that. This test is to show what the "
                "model does as it is, in a wrong mode too: leave the line out."),
            edit("losses.append(loss.item())", "losses.append(F.cross_entropy(model(images), labels).item())",
                "your losses are measured after each step; keep the ones that the steps are computed from, so that "
                "the first is the untrained model's."),
            edit("(model(images),", "(model(images).softmax(dim=1),",
                "the loss stays above 1.4 because a softmax stands before cross_entropy, which applies one itself."),
            edit("lr=0.1)", "lr=0.1, momentum=0.9)",
                "two losses are right, and from the third on they are those of SGD with momentum. Take plain SGD."),
            edit("SGD(model.parameters(), lr=0.1)", "Adam(model.parameters(), lr=0.1)",
                "the first loss is right, the second is not: the step is Adam's. Take plain SGD."),
            edit("lr=0.1", "lr=0.01", "the loss falls too slowly: the learning rate should be 0.1."),
        ),
    ),
]
