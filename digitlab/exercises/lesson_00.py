"""Exercises of lesson 00, the quickstart: scores to answers, accuracy, and the size of a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from digitlab.exercises import Exercise, WrongAnswer, edit
from digitlab.models import create_model


# 00.1
def answers(scores: Tensor) -> Tensor:
    return scores.argmax(dim=1)


def some_scores() -> list[tuple[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(6, 10, generator=generator),), (torch.randn(1, 10, generator=generator),)]


# 00.2
def share_right(answers: Tensor, labels: Tensor) -> float:
    return (answers == labels).float().mean().item()


def some_answers() -> list[tuple[Tensor, Tensor]]:
    """Five of eight are right, a share with three decimals; and three of five."""
    labels = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])
    return [
        (torch.tensor([3, 1, 4, 8, 5, 4, 2, 8]), labels),
        (torch.tensor([5, 3, 5, 5, 6]), torch.tensor([5, 5, 3, 8, 6])),
    ]


# 00.3
def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def some_models() -> list[tuple[nn.Module]]:
    """The CNN, one with layers inside layers and running averages, and a layer whose parts have other names."""
    torch.manual_seed(0)
    block = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    nested = nn.Sequential(nn.Sequential(block), nn.Linear(4, 2))
    return [(create_model("cnn"),), (nested,), (nn.Sequential(nn.GRUCell(3, 2)),)]


EXERCISES = [
    Exercise(
        number="00.1", title="From scores to answers", name="answers", minutes=3, difficulty="easy",
        starter='def answers(scores):\n    """Scores (N, 10), one row for each image, to N digits."""\n    ...',
        answer=answers, cases=some_scores,
        praise="that is all there is to reading a digit off a network: ten scores, and the place of the highest.",
        hints=(
            "Each row holds the scores of the digits 0 to 9 in order, "
            "so the *place* of the highest number is the answer.",
            "`argmax` gives a place. With dim=1 it looks along each row.",
        ),
        wrong=(
            edit("scores.argmax(dim=1)", "scores.max(dim=1).values",
                "these are the highest scores themselves. "
                "Asked for is where they stand: the place is the digit. Use argmax instead of max."),
            edit("argmax(dim=1)", "max(dim=1)",
                "max with a dimension gives two things, the highest scores and the places where they stand. "
                "Only the places are asked for: argmax(dim=1)."),
            edit("=1)", "=0)",
                "this looks down the columns: for each digit it finds the image with the highest score. "
                "You want the best digit for each image: dim=1."),
            edit(".argmax(dim=1", ".argmax(",
                "this is a single place in the whole table. With a dimension, dim=1, argmax gives one for each row."),
            edit("scores.argmax(dim=1)", "scores[0].argmax()",
                "one digit came back, the first image's. "
                "If you go through the rows in a loop: a `return` inside it ends it at the first row."),
            edit("scores.argmax", "scores.argmin",
                "these are the digits with the lowest scores. The highest score is the answer."),
        ),
    ),
    Exercise(
        number="00.2", title="What share is right?", name="share_right", minutes=3, difficulty="easy",
        starter="def share_right(answers, labels):\n"
        '    """The share of the answers that equal their label, from 0 to 1."""\n    ...',
        answer=share_right, cases=some_answers,
        praise="this share is called accuracy. It is the number that everybody reports, "
        "and lesson 07 asks how far to trust it.",
        hints=(
            "`answers == labels` is a row of True and False.",
            "As numbers, True is 1 and False is 0: `.float()`. What is the mean of ones and zeros?",
        ),
        wrong=(
            edit("float().mean", "sum", "this is how many are right. Divide by how many there are, or take the mean."),
            edit("float().mean().item()", "sum().item() // len(labels)",
                "this is 0, although some are right: // and int() round down. Divide with /."),
            edit(".mean().item()", ".sum().item() / 10",
                "you divided by ten, the number of classes. Divide by the number of answers."),
            edit("(answers == labels).float().mean().item()", "(answers[0] == labels[0]).item() / len(labels)",
                "only the first answer counts here. If you go through them in a loop: a `return` inside it ends it at "
                "the first one."),
            edit("(answers == labels).float().mean().item()", "len(answers == labels) / len(labels)",
                "this is always 1: the comparison is as long as the labels, with True and False in it. "
                "Count the True values with .sum(), not with len()."),
            edit("(answers == labels).float().mean().item()", "answers == labels.float().mean()",
                "each answer was compared with the mean of the labels. Put brackets around the comparison: "
                "(answers == labels).float().mean()."),
            edit("(answers == labels).float().mean().item()", "round((answers == labels).float().mean().item(), 2)",
                "the share is rounded to two decimals, so 0.625 became 0.62. Return it as it is; "
                "round where it is printed."),
            edit(".float().mean().item()", "",
                "this is the comparison itself, one True or False for each digit. "
                "The share is its mean, as one number: .float().mean()."),
        ),
    ),
    Exercise(
        number="00.3", title="How big is it?", name="count_parameters", minutes=4, difficulty="easy",
        starter='def count_parameters(model):\n    """How many numbers in the model are learnt."""\n    ...',
        answer=count_parameters, cases=some_models,
        praise="the course's CNN has 21,840. In lesson 06 you will get there with pencil and paper, layer by layer.",
        hints=(
            "Look first: `for parameter in model.parameters(): print(parameter.shape, parameter.numel())`. "
            "Add up the last column.",
            "`sum(... for parameter in model.parameters())`.",
        ),
        wrong=(
            edit("parameter.numel()", "1",
                "this is how many tensors there are. Each holds many numbers: add up their numel()."),
            edit("parameter in model.parameters()", 'name, parameter in model.named_parameters() if "weight" in name',
                "the biases are missing: a layer has its weights and, for each output, one more number that is simply "
                "added, the bias. They are learnt too."),
            WrongAnswer(lambda model: 21_840,
                "right for the course's CNN. Other models were handed in too, and 21,840 came out again: "
                "count what is handed in, `model`, and not a network of the lesson."),
            edit("parameter in model.parameters()",
                "layer in model.modules() if isinstance(layer, (nn.Linear, nn.Conv2d)) for parameter in "
                "layer.parameters()",
                "right for the CNN, too few for a model with other kinds of layers that learn. "
                "model.parameters() gives them all, whatever the layer is called."),
            edit("model.parameters()", "model.state_dict().values()",
                "right for the CNN, too many for a model that also stores things which are not learnt, "
                "such as running averages. Go through model.parameters()."),
            edit("sum(parameter.numel() for parameter in model.parameters())", "next(model.parameters()).numel()",
                "this is the size of the first tensor alone. If you go through them in a loop: a `return` inside it "
                "ends it at the first one."),
            edit("sum(parameter.numel() for parameter in model.parameters())", "[*model.parameters()][-1].numel()",
                "this is the size of the last tensor alone. In a loop, `n = ...` forgets the sizes before; "
                "`n += ...` adds to them."),
            edit("sum(parameter.numel() for parameter in model.parameters())",
                "[each.numel() for each in model.parameters()]",
                "these are the sizes of the single tensors. Asked for is how many numbers there are in all: their "
                "sum."),
            edit("numel()", "sum()",
                "this adds up what the numbers *are*. Asked for is how many there are: numel()."),
            edit("parameter.numel() for parameter in model.parameters()",
                "layer.weight.numel() + layer.bias.numel() for layer in model.modules() if hasattr(layer, 'weight')",
                "right where a layer's numbers are called weight and bias. Some layers have other names for theirs. "
                "model.parameters() gives them all, without asking for a name."),
            edit("parameter in model.parameters()", "layer in model.modules() for parameter in layer.parameters()",
                "too many: model.modules() gives the model itself as well, with everything in it, so numbers were "
                "counted more than once. model.parameters() alone gives each tensor once."),
            edit("parameter in model.parameters()",
                "layer in model.children() for parameter in layer.parameters(recurse=False)",
                "right for the CNN, too few for a model whose layers hold layers: children() goes one floor down. "
                "model.parameters() goes all the way."),
            edit("parameter.numel()", "len(parameter)",
                "len() of a tensor is only its first size. "
                "A tensor of shape (50, 320) holds 16,000 numbers: numel()."),
        ),
    ),
]
