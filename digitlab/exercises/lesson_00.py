"""Exercises of lesson 00, the quickstart: scores to answers, accuracy, and the size of a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from digitlab.exercises import Exercise, edit
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
    labels = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])
    return [
        (torch.tensor([3, 1, 4, 7, 5, 4, 2, 6]), labels),
        (torch.tensor([5, 5, 5, 5]), torch.tensor([5, 3, 8, 6])),
    ]


# 00.3
def count_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def some_models() -> list[tuple[nn.Module]]:
    return [(create_model("cnn"),), (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)),)]


EXERCISES = [
    Exercise(
        number="00.1", title="From scores to answers", name="answers", minutes=3, difficulty="easy",
        starter='def answers(scores):\n    """Scores (N, 10), one row for each image, to N digits."""\n    ...',
        answer=answers, cases=some_scores,
        praise="that is all there is to reading a digit off a network: ten scores, and the place of the highest.",
        hints=(
            "Each row holds the scores of the digits 0 to 9 in order, so the *place* of the highest number is the answer.",
            "`argmax` gives a place. With dim=1 it looks along each row.",
        ),
        wrong=(
            edit("scores.argmax(dim=1)", "scores.max(dim=1).values",
                "these are the highest scores themselves. "
                "Asked for is where they stand: the place is the digit. Use argmax instead of max."),
            edit("=1)", "=0)",
                "this looks down the columns: for each digit it finds the image with the highest score. "
                "You want the best digit for each image: dim=1."),
            edit(".argmax(dim=1", ".argmax(",
                "this is a single place in the whole table. "
                "Give argmax a dimension, dim=1, and you get one for each row."),
            edit("=1)", "=1, keepdim=True)",
                "the digits are right, but they stand in a column, (N, 1). "
                "Compared with labels of shape (N,), a column gives a whole N by N table. Leave out keepdim."),
            edit("scores.argmax", "scores.argmin",
                "these are the digits with the lowest scores. The highest score is the answer."),
        ),
    ),
    Exercise(
        number="00.2", title="What share is right?", name="share_right", minutes=3, difficulty="easy",
        starter='def share_right(answers, labels):\n    """The share of the answers that equal their label, from 0 to 1."""\n    ...',
        answer=share_right, cases=some_answers,
        praise="this share is called accuracy. It is the number that everybody reports, and lesson 07 asks how far to trust it.",
        hints=(
            "`answers == labels` is a row of True and False.",
            "As numbers, True is 1 and False is 0: `.float()`. What is the mean of ones and zeros?",
        ),
        wrong=(
            edit("float().mean", "sum", "this is how many are right. Divide by how many there are, or take the mean."),
            edit("return", "return 100 *",
                'this is in percent. As a share it lies between 0 and 1; percent is for printing: f"{share:.1%}".'),
            edit("(answers ==", "(answers !=", "this is the share that is wrong. Compare with ==, not with !=."),
            edit(".mean().item()", ".sum().item() / 10",
                "you divided by ten, the number of classes. Divide by the number of answers."),
            edit(".float().mean()", ".all()",
                "this says whether *all* are right. Take the mean of the comparison instead of all()."),
        ),
    ),
    Exercise(
        number="00.3", title="How big is it?", name="count_parameters", minutes=4, difficulty="easy",
        starter='def count_parameters(model):\n    """How many numbers in the model are learnt."""\n    ...',
        answer=count_parameters, cases=some_models,
        praise="the course's CNN has 21,840. In lesson 06 you will get there with pencil and paper, layer by layer.",
        hints=(
            "`model.parameters()` gives the model's tensors, one after the other. `numel()` is how many numbers a tensor holds.",
            "`sum(... for parameter in model.parameters())`.",
        ),
        wrong=(
            edit("parameter.numel()", "1",
                "this is how many tensors there are. Each holds many numbers: add up their numel()."),
            edit("parameter in model.parameters()", 'name, parameter in model.named_parameters() if "weight" in name',
                "the biases are missing: each output of a layer also has one number that is simply added. "
                "They are learnt too."),
            edit("parameter.numel()", "len(parameter)",
                "len() of a tensor is only its first size. "
                "A tensor of shape (50, 320) holds 16,000 numbers: numel()."),
            edit("model.parameters()", "model.state_dict().values()",
                "right for the CNN, too many for a model that also stores things which are not learnt, "
                "such as running averages. Go through model.parameters(), not through the state_dict."),
        ),
    ),
]
