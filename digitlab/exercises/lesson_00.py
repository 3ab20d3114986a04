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
            "Each row holds the scores of the digits 0 to 9 in order, so the *place* of the highest number is the answer.",
            "`argmax` gives a place. With dim=1 it looks along each row.",
        ),
        wrong=(
            edit("scores.argmax(dim=1)", "scores.max(dim=1).values",
                "these are the highest scores themselves. "
                "Asked for is where they stand: the place is the digit. Use argmax instead of max."),
            edit("argmax(dim=1)", "max(dim=1)",
                "max with a dimension gives two things: the highest scores, and the places where they stand. "
                "Only the places are asked for: argmax(dim=1), or max(dim=1).indices."),
            edit("scores.argmax(dim=1)", "max(scores)",
                "Python's own max() stopped: it asks which *row* is larger, and ten numbers against ten give no single "
                "yes or no. PyTorch's looks along each row, and argmax gives the place: scores.argmax(dim=1)."),
            edit("argmax(dim=1)", "max()",
                "this is one number, the highest score of the whole table. "
                "Asked for is one digit for each image, the place of the highest score in its row: argmax(dim=1)."),
            edit("scores.argmax(dim=1)", "scores.softmax(dim=1)",
                "these are ten probabilities for each image. The digit is the place of the highest: argmax(dim=1)."),
            edit("scores.argmax(dim=1)", "scores[0].argmax()",
                "one digit came back, the first image's. "
                "If you go through the rows in a loop: a `return` inside it ends it at the first row."),
            edit("scores.argmax(dim=1)", "scores[-1].argmax()",
                "one digit came back, the last image's. "
                "If you go through the rows in a loop, keep each row's digit, in a list, say."),
            edit("scores.argmax(dim=1)", "scores.argmax(dim=1) + 1",
                "each digit is too large by one. The first score belongs to the digit 0, so the place is the digit."),
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
            edit("scores.argmax(dim=1)", "[row.index(max(row)) for row in scores]",
                "a tensor has no .index(), as a list has. The place of the highest score in each row is "
                "scores.argmax(dim=1)."),
            edit("scores.argmax(dim=1)", "scores.argsort(dim=1)",
                "these are all ten places of each row, in the order of their scores. "
                "Only that of the highest is asked for: argmax(dim=1)."),
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
            edit(".float()", "",
                "the comparison gives True and False, and PyTorch takes no mean of those. "
                "Make numbers of them first, 1 and 0, with .float()."),
            edit(".float().mean().item()", "",
                "this is the comparison itself, one True or False for each digit. "
                "The share is its mean, as one number: .float().mean()."),
            edit("float().mean().item()", "sum().item() // len(labels)",
                "this is 0, although some are right. // rounds down, so everything short of all right becomes 0: "
                "divide with /. (And `is` is never true of two numbers of a tensor: compare with ==.)"),
            edit("return", "return 100 *",
                'this is in percent. As a share it lies between 0 and 1; percent is for printing: f"{share:.1%}".'),
            edit("(answers ==", "(answers !=", "this is the share that is wrong. Compare with ==, not with !=."),
            edit(".mean().item()", ".sum().item() / 10",
                "you divided by ten, the number of classes. Divide by the number of answers."),
            edit("(answers == labels).float().mean().item()", "sum(answers[i] == labels[i] for i in range(10)) / 10",
                "there is no answer number 8: one of the rows has eight answers. Ten is the number of classes. "
                "Go through range(len(labels)), and divide by len(labels)."),
            edit("(answers == labels).float().mean().item()", "round((answers == labels).float().mean().item(), 2)",
                "the share is rounded to two decimals, so 0.625 became 0.62. Return it as it is; "
                "round where it is printed."),
            edit(".float().mean()", ".all()",
                "this is a single yes or no for all answers together, as all() gives it. "
                "Compare each answer with its label, and take the mean of that."),
            edit("(answers == labels).float().mean().item()", "(answers[0] == labels[0]).item() / len(labels)",
                "only the first answer counts here. If you go through them in a loop: a `return` inside it ends it at "
                "the first one."),
            edit("(answers == labels).float().mean().item()", "len(answers == labels) / len(labels)",
                "this is always 1: the comparison is as long as the labels, with True and False in it. "
                "Count the True values with .sum(), not with len()."),
            edit("(answers == labels).float()", "answers == labels.float()", ".mean().item()", ".mean()",
                "each answer was compared with the mean of the labels. Put brackets around the comparison: "
                "(answers == labels).float().mean()."),
        ),
    ),
    Exercise(
        number="00.3", title="How big is it?", name="count_parameters", minutes=4, difficulty="easy",
        starter='def count_parameters(model):\n    """How many numbers in the model are learnt."""\n    ...',
        answer=count_parameters, cases=some_models,
        praise="the course's CNN has 21,840. In lesson 06 you will get there with pencil and paper, layer by layer.",
        hints=(
            "Look first: `for parameter in model.parameters(): print(parameter.shape, parameter.numel())`. Add up the last column.",
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
                "that number was typed in, or it is the size of a model of the lesson, and not of the one handed in. "
                "Let your code count whatever model it is given."),
            WrongAnswer(lambda model: 21_750,
                "21,750 are the weights of the course's CNN without its 90 biases, one for each output. And it came out "
                "for other models, too, so it was typed in. Let your code count whatever model it is given."),
            edit("parameter.numel()", "parameter.shape[0] * parameter.shape[1]",
                "there is no shape[1] in a tensor with one dimension, and biases have only one. "
                "Others have four. numel() counts the numbers of any tensor."),
            edit("sum(parameter.numel() for parameter in model.parameters())", "len(model.parameters())",
                "model.parameters() gives its tensors one after the other and has no length. (It would be the number of "
                "tensors anyway, and each holds many numbers.) Go through it with `for`, and add up their numel()."),
            edit("parameter.numel()", "len(parameter)",
                "len() of a tensor is only its first size. "
                "A tensor of shape (50, 320) holds 16,000 numbers: numel()."),
            edit("parameter in model.parameters()",
                "layer in model.children() for parameter in layer.parameters(recurse=False)",
                "right for the CNN, too few for a model whose layers hold layers: children() goes one floor down. "
                "model.parameters() goes all the way."),
            edit("parameter in model.parameters()", "layer in model.modules() for parameter in layer.parameters()",
                "too many: model.modules() gives the model itself as well, with everything in it, so numbers were "
                "counted more than once. model.parameters() alone gives each tensor once."),
            edit("parameter in model.parameters()",
                "layer in model.modules() if isinstance(layer, (nn.Linear, nn.Conv2d)) for parameter in "
                "layer.parameters()",
                "right for the CNN, too few for a model with other kinds of layers that learn. "
                "model.parameters() gives them all, whatever the layer is called."),
            edit("parameter.numel() for parameter in model.parameters()",
                "layer.weight.numel() + layer.bias.numel() for layer in model.modules() if hasattr(layer, 'weight')",
                "right where a layer's numbers are called weight and bias. Some layers have other names for theirs. "
                "model.parameters() gives them all, without asking for a name."),
            edit("numel()", "sum()",
                "this adds up what the numbers *are*. Asked for is how many there are: numel()."),
            edit("model.parameters()", "model.state_dict().values()",
                "right for the CNN, too many for a model that also stores things which are not learnt, "
                "such as running averages. Go through model.parameters(), not through the state_dict."),
            edit("sum(parameter.numel() for parameter in model.parameters())", "next(model.parameters()).numel()",
                "this is the size of the first tensor alone. If you go through them in a loop: a `return` inside it "
                "ends it at the first one."),
            edit("sum(parameter.numel() for parameter in model.parameters())", "[*model.parameters()][-1].numel()",
                "this is the size of the last tensor alone. If you go through them in a loop: `n = ...` forgets the "
                "sizes before; `n += ...` adds to them, and n begins at 0, before the loop."),
            edit("parameter.numel()", "parameter.numel",
                "you add up numel itself, the function. Brackets behind its name call it: numel()."),
            edit("parameter.numel()", "sum(parameter.shape)",
                "the sizes of each tensor were added up. A tensor of 50 rows of 320 holds 50 * 320 numbers: numel()."),
            edit("sum(parameter.numel() for parameter in model.parameters())",
                "[each.numel() for each in model.parameters()]",
                "these are the sizes of the single tensors. Asked for is how many numbers there are in all: their "
                "sum."),
        ),
    ),
]
