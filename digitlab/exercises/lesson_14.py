"""Exercises of lesson 14, the bug clinic: four small instruments that find a fault before the training does."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import CHANGED_ITS_INPUT, Mistake, call, names_used, same


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))


def batch(n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 1, 28, 28, generator=generator), torch.randint(10, (n,), generator=generator)


# 14.1
def surplus_at_start(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        loss = F.cross_entropy(model(images), labels)
    return loss.item() - math.log(10)


def untrained_models() -> list[tuple[Any, ...]]:
    """A new network, the same with scores far too large, and one that gives every digit the same score."""
    wild, even = network(1), network(2)
    with torch.no_grad():
        wild.get_parameter("3.weight").mul_(30)
        even.get_parameter("3.weight").zero_()
        even.get_parameter("3.bias").zero_()
    return [(model, *batch(20, seed)) for seed, model in enumerate((network(), wild, even))]


LEFT_IN_EVALUATION = (
    "the number may be right, but the model comes back from your code in evaluation mode: leave the mode alone, or "
    "put it back with model.train()"
)


def surplus_of(answer: Any, model: nn.Module, images: Tensor, labels: Tensor) -> Any:
    """What the answer returns, if it leaves the model as it was."""
    before = copy.deepcopy((model, images, labels))
    surplus = answer(model, images, labels)
    if not same((model, images, labels), before, tolerance=0.0):
        raise Mistake(CHANGED_ITS_INPUT)
    if not model.training:
        raise Mistake(LEFT_IN_EVALUATION)
    return surplus


# 14.2
def equal_neighbours(labels: Tensor) -> float:
    return (labels[1:] == labels[:-1]).float().mean().item()


def rows_of_labels() -> list[tuple[Tensor]]:
    """In any order, sorted, sorted the other way, and a short row."""
    labels = batch(40, seed=5)[1]
    labels[[0, -1]] = 3
    in_order = labels.sort().values
    return [(labels,), (in_order,), (in_order.flip(0),), (torch.tensor([7, 7, 1]),)]


# 14.3
def not_held(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[str]:
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    return [name for name, parameter in model.named_parameters() if id(parameter) not in held]


NOT_WHAT_IS_HELD = {
    "state": "optimizer.state is what an optimiser keeps from the steps it has taken, and there was none yet",
    "state_dict": "optimizer.state_dict() has numbers in place of the parameters",
}


def models_and_optimizers(answer: Any, forgotten: tuple[int, ...]) -> Any:
    """What the answer returns for four layers, of which the optimiser does not hold some; each has its own group."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 10), nn.Linear(10, 10), nn.BatchNorm1d(10), nn.Linear(10, 5))
    model[1].load_state_dict(model[0].state_dict())  # equal numbers, and still two layers
    groups = [{"params": list(layer.parameters())} for i, layer in enumerate(model) if i not in forgotten]
    optimizer = torch.optim.SGD(groups, lr=0.1)

    def asked(model: nn.Module, optimizer: torch.optim.Optimizer) -> Any:
        for parameter in model.parameters() if 1 in forgotten else ():  # a gradient says nothing about who uses it
            parameter.grad = torch.ones_like(parameter)
        return answer(model, optimizer)

    result = call(asked if callable(answer) else answer, model, optimizer)
    if isinstance(result, set) and not all(isinstance(each, str) for each in result):
        raise Mistake("your set holds the parameters themselves. Wanted are their names, in a list")
    used, names = names_used(answer), [name for name, _ in model.named_parameters()]
    is_names = isinstance(result, set | list) and set(map(str, result)) <= set(names)
    if is_names and (isinstance(result, set) or sorted(result, key=names.index) != result):
        raise Mistake("the order should be the model's, and a set has none: collect the names in a list, one after the other")
    if "param_groups" not in used and result == names:
        for name, why in NOT_WHAT_IS_HELD.items():
            if name in used:
                raise Mistake(f"your list names every parameter. {why}. What it holds is in optimizer.param_groups")
    return result


# 14.4
def normalising_network() -> nn.Sequential:
    """One that reads a batch differently in training and in evaluation mode."""
    torch.manual_seed(2)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10))


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
    """Three in training mode, and one that comes in evaluation mode."""
    models = (network(0), network(1), normalising_network(), normalising_network().eval())
    return [(model, *batch(10, seed)) for seed, model in enumerate(models)]


def losses_of(answer: Any, *inputs: Any) -> Any:
    """What the answer returns; the network may change, it is meant to."""
    return answer(*inputs)


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
            edit("math.log(10)", "math.log2(10)",
                "you subtracted 3.32, the logarithm of 10 to base 2. The loss is in nats: math.log(10), about 2.303."),
            edit("- math.log(10)", "- 0.1",
                "you subtracted a tenth, the probability itself. What it costs is its negative logarithm, "
                "math.log(10)."),
            edit("model(images)", "model(images).softmax(dim=1)",
                "your logits went through a softmax before cross_entropy, which applies one itself."),
            edit("model(images), labels", 'model(images), labels, reduction="sum"',
                "this is the sum over the images. What guessing costs, ln 10, is for one image: take the mean."),
            edit("loss.item() - math.log(10)", "math.log(10) - loss.item()",
                "the sign is turned round: the surplus is the loss minus ln 10."),
            edit("loss.item() - math.log(10)", "abs(loss.item() - math.log(10))",
                "one of the models begins a little *below* ln 10, and yours says above: the sign tells which. Leave out "
                "abs."),
            edit("    with torch", "    model.eval()\n    with torch", LEFT_IN_EVALUATION),
            edit(" - math.log(10)", "",
                "this is the whole loss. Wanted is what it has beyond the price of guessing: subtract math.log(10)."),
            edit("- math.log(10)", "- 2.3", "nearly: ln 10 is not quite 2.3. Let math.log(10) be exact."),
            edit("- math.log(10)", "- 2.303", "nearly: ln 10 is not quite 2.303. Let math.log(10) be exact."),
            edit("- math.log(10)", "/ math.log(10)", "this is a ratio, 1 for a healthy start. Subtract instead."),
            edit("- math.log(10)", "- math.log(1 / 10)",
                "your result is above 4: the logarithm of 1/10 is negative, so subtracting it adds. Use math.log(10)."),
            edit("cross_entropy(model", "nll_loss(model",
                "the loss came out below or near zero: nll_loss expects log-probabilities. For logits, use cross_entropy."),
            edit("model(images), labels", "labels, model(images)",
                "cross_entropy stopped: it expects the logits first, and the labels second."),
            edit("model(images)", "images",
                "cross_entropy was given the images themselves. Give it the model's logits: model(images)."),
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
            edit("(labels[1:] == labels[:-1]", "(labels == labels.roll(1)",
                "roll joins the last label to the first, which are no neighbours: you have one pair too many."),
            edit("] == labels", "] >= labels",
                "this counts the pairs that do not fall. Labels sorted from 9 down to 0 would escape you; compare "
                "with ==."),
            edit(".float().mean", ".sum",
                "this is a count. A share does not depend on how many labels there are: take the mean."),
            edit(".float().mean().item()", ".sum().item() / len(labels)",
                "nearly: 40 labels have 39 pairs of neighbours. Divide by the number of pairs."),
            edit("] == labels", "] != labels", "this is the share of pairs that differ; wanted are the equal ones."),
            edit(".mean().item()", "", "your result is one number for each pair. Take their mean, and .item() of it."),
            edit(".float().mean().item()", "", "your result is one truth value for each pair: .float().mean() makes it a share."),
            edit("return (", "return 100 * (", "this is a percentage, up to 100. Wanted is a share, 0 to 1."),
            edit("labels[1:] == labels[:-1]", "labels[2:] == labels[:-2]",
                "these are pairs with one label between them. Neighbours are labels[1:] and labels[:-1]."),
            edit("labels[1:] == labels[:-1]", "labels == labels.sort().values",
                "your result compares each label with the sorted row. Labels sorted downwards would escape it: compare "
                "neighbours with each other."),
            edit("(labels[1:] == labels[:-1]).float().mean().item()",
                "sum(bool(a == b) for a, b in zip(labels[::2], labels[1::2])) / (len(labels) // 2)",
                "only every second pair is counted: the first label with the second, the third with the fourth. The "
                "second and the third are neighbours, too."),
        ),
    ),
    Exercise(
        number="14.3", title="What the optimiser does not hold", name="not_held", minutes=12, difficulty="hard",
        starter="def not_held(model, optimizer):\n"
        '    """Names of the model\'s parameters that the optimiser does not hold, in order."""\n    ...',
        answer=not_held, cases=lambda: [((),), ((1,),), ((0, 3),), ((2,),)], observe=models_and_optimizers,
        praise="this finds layers that were added, or replaced, after the optimiser was made. Tensors are told apart "
        "as objects, by id() or `is`, because == compares their numbers.",
        hints=(
            "`model.named_parameters()` gives pairs of name and parameter. An optimiser keeps its own in "
            '`group["params"]` for each group of `optimizer.param_groups`.',
            "`parameter in a_list` compares numbers and fails. Collect `id(parameter)` in a set instead.",
            "Return the names whose parameter's id is not in the set of held ids.",
        ),
        wrong=(
            edit("not in held", "in held", "these are the names that the optimiser does hold; wanted are the others."),
            edit("held =", "id = lambda parameter: parameter.shape\n    held =",
                "two layers of the same shape are still two layers. Compare the parameters themselves, by id()."),
            edit("{id(parameter)", "[parameter", '"]}', '"]]', "id(parameter) not in held", "not any(torch.equal(parameter, each) for each in held)",
                "your list misses a layer that the optimiser does not hold: another layer holds equal numbers, and you "
                "compare numbers. Ask whether they are the same *object*: id(parameter), or `is`."),
            edit("{id(parameter)", "[parameter", '"]}', '"]]', "if id(parameter)", "if parameter",
                "`in` on a list asks with ==, and == compares two tensors number by number, so there is no single "
                "answer. Ask whether they are the same *object*: collect id(parameter) in a set."),
            edit("group in optimizer.param_groups for parameter in group", "parameter in optimizer.param_groups[0]",
                "an optimiser may keep its parameters in several groups, and you looked into the first one only."),
            edit("id(parameter) not in held", "not parameter.requires_grad",
                "requires_grad says whether a gradient is computed. Whether somebody uses it is another question: "
                "look into optimizer.param_groups."),
            edit("[name for name", "[parameter for name",
                "your list holds the parameters themselves. Wanted are their names."),
            edit("return [name", "return len([name", "not in held]", "not in held])",
                "this is how many there are. Wanted are their names, in a list."),
            edit("id(parameter) not in held", "parameter.grad is None",
                "you ask which have no gradient: before the first backward() none has one, and after it those have "
                "one, too, that the optimiser does not hold. What it holds is in optimizer.param_groups."),
            edit('for group in optimizer.param_groups for parameter in group["params"]',
                "for parameter in optimizer.param_groups",
                "your list names every parameter. Each group of param_groups is a dictionary; the parameters are in "
                "its "
                '["params"].'),
            edit("named_parameters", "named_children",
                "your list holds names of layers. Wanted are those of their parameters: model.named_parameters()."),
            edit("model.named_parameters()", "model.state_dict().items()",
                "your list names everything: the tensors in state_dict() are others with the same numbers, so no id "
                "fits. Take model.named_parameters()."),
            edit("model.named_parameters()", "zip(model.state_dict(), model.parameters())",
                "one of your names is '2.running_mean', which is no parameter: state_dict() lists the averages of "
                "batch normalisation, too, so zip puts names to parameters of others. Take model.named_parameters()."),
            edit("return [name", "return next((name", "not in held]", "not in held), None)",
                "your result is one name, or nothing. There may be several: collect them in a list and return it after "
                "the loop."),
        ),
    ),
    Exercise(
        number="14.4", title="Overfit one batch", name="overfit", minutes=12, difficulty="medium",
        starter="def overfit(model, images, labels):\n"
        '    """Train 50 steps on this batch of normalised images (SGD, lr 0.1); the list of the 50 losses."""\n    ...',
        answer=overfit, cases=networks_and_batches, observe=losses_of,
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
            edit("    optimizer, losses", "    model.eval()\n    optimizer, losses",
                "wrong for a network with batch normalisation: model.eval() switches that off, and dropout too. "
                "Training is done in training mode, and this one came in it: leave the line out."),
            edit("    optimizer, losses", "    model.train()\n    optimizer, losses",
                "right for the networks that came in training mode. One came in evaluation mode, and model.train() "
                "changed that. This test is to show what the model does as it is, in a wrong mode too: leave the "
                "line out."),
            edit("        optimizer.step()\n", "",
                "all your losses are that of the untrained model: the weights have not moved. Is optimizer.step() "
                "called, and does zero_grad come before backward()?"),
            edit("losses.append(loss.item())", "losses.append(F.cross_entropy(model(images), labels).item())",
                "your losses are measured after each step; keep the ones that the steps are computed from, so that "
                "the first is the untrained model's."),
            edit("(model(images),", "(model(images).softmax(dim=1),",
                "the loss stays above 1.4 because a softmax stands before cross_entropy, which applies one itself."),
            edit("return losses", "return losses[-1]",
                "this is the last loss, and right. Return all fifty in a list: the way down is worth looking at."),
            edit("range(50)", "range(1)",
                "your list holds one loss. Is the return inside the loop, or the list made anew in each step?"),
            edit("lr=0.1", "lr=0.01", "the loss falls too slowly: the learning rate should be 0.1."),
            edit("SGD(model.parameters(), lr=0.1)", "Adam(model.parameters(), lr=0.1)",
                "the first loss is right, the second is not: the step is Adam's. Take plain SGD."),
            edit("SGD(model.parameters(), lr=0.1)", "Adam(model.parameters(), lr=0.001)",
                "the loss falls as Adam with its usual rate, 0.001, lets it fall. Take plain SGD with lr=0.1."),
            edit("SGD(model.parameters(), lr=0.1)", "Adam(model.parameters(), lr=0.01)",
                "the loss falls as Adam with a rate of 0.01 lets it fall. Take plain SGD with lr=0.1."),
            edit("lr=0.1", "lr=0.001", "the loss hardly falls: your learning rate is 0.001. Make it 0.1."),
            edit("lr=0.1)", "lr=0.1, momentum=0.9)",
                "two losses are right, and from the third on they are those of SGD with momentum. Take plain SGD."),
            edit("range(50)", "range(51)", "your list holds 51 losses: one for each step, before the step, are 50."),
        ),
    ),
]
