"""Exercises of lesson 02, a linear classifier: softmax, cross-entropy, its gradient, and a double softmax."""

from __future__ import annotations

import math  # noqa: F401  (in a wrong answer)

import torch
import torch.nn.functional as F
from torch import Tensor

from digitlab.exercises import Exercise, edit


def random_logits() -> list[tuple[Tensor]]:
    """Ordinary scores, one image, and scores so large that exp() of them overflows."""
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(6, 10, generator=generator)
    return [(logits,), (logits[:1],), (logits * 300,)]


def logits_and_labels() -> list[tuple[Tensor, Tensor]]:
    """Ordinary scores with labels; the last ones are so far apart that a probability rounds to zero."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(6, 10, generator=generator)
    labels = torch.tensor([3, 1, 4, 1, 5, 9])
    return [(logits, labels), (logits * 3, labels.flip(0)), (logits[:1], labels[:1]), (logits * 300, labels)]


# 02.1
def softmax(logits: Tensor) -> Tensor:
    largest = logits.max(dim=1, keepdim=True).values
    exponentials = torch.exp(logits - largest)
    return exponentials / exponentials.sum(dim=1, keepdim=True)


# 02.2
def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    log_probabilities = logits - logits.logsumexp(dim=1, keepdim=True)
    of_the_label = log_probabilities[torch.arange(len(labels)), labels]
    return -of_the_label.mean()


# 02.3
def gradient(logits: Tensor, labels: Tensor) -> Tensor:
    wanted = F.one_hot(labels, num_classes=10)
    return (logits.softmax(dim=1) - wanted) / len(labels)


# 02.4
def largest_difference(logits: Tensor, labels: Tensor) -> float:
    once = F.cross_entropy(logits, labels)
    twice = F.cross_entropy(logits.log_softmax(dim=1), labels)
    return float((once - twice).abs())


EXERCISES = [
    Exercise(
        number="02.1", title="Softmax", name="softmax", minutes=8, difficulty="medium",
        starter='def softmax(logits):\n    """Logits (N, 10) to probabilities (N, 10)."""\n    ...',
        answer=softmax, cases=random_logits,
        praise="equal to PyTorch's, on large scores too. Subtracting the largest changes nothing but the rounding, "
        "because a factor common to all ten cancels.",
        hints=(
            "Each row is one image: its ten numbers should be positive and sum to 1. `torch.exp` makes numbers positive.",
            "Divide the exponentials by their sum along dim=1, with keepdim=True so that the shapes fit.",
            "exp(89) is more than a float32 can hold. Subtract each row's largest logit first: the result is the same.",
        ),
        wrong=(
            edit("exponentials / exponentials.sum(dim=1, keepdim=True)", "logits.softmax(dim=0)",
                "each row should sum to 1, but your columns do: this is the softmax over the batch. "
                "An image's probabilities must not depend on the other images; sum along dim=1."),
            edit("logits - largest", "logits",
                "right for ordinary scores, but for large ones exp() overflows, and infinity divided "
                "by infinity is not a number (nan). Subtract each row's largest logit before the exponential."),
            edit("logits.max(dim=1, keepdim=True).values", "logits.max()",
                "nearly: you subtract the largest logit of the *whole batch*. "
                "An image whose logits lie far below it gets ten zeros, and zero divided "
                "by zero is not a number (nan). Each row has its own largest: max(dim=1, keepdim=True)."),
            edit("torch.exp(logits - largest)", "logits",
                "the rows sum to 1, but some of your probabilities are negative: logits can be below zero. "
                "Apply torch.exp before dividing."),
            edit("exponentials / exponentials.sum(dim=1, keepdim=True)", "logits.view(-1).softmax(0).view_as(logits)",
                "all your numbers together sum to 1; each row should. Give `sum` the dimension: dim=1."),
            edit("exponentials / exponentials.sum(dim=1, keepdim=True)", "logits.log_softmax(dim=1)",
                "these are the logarithms of the probabilities: all negative. Leave out the log."),
        ),
    ),
    Exercise(
        number="02.2", title="Cross-entropy", name="cross_entropy", minutes=10, difficulty="medium",
        starter='def cross_entropy(logits, labels):\n    """Mean of -log(probability of the label), one number, in nats."""\n    ...',
        answer=cross_entropy, cases=logits_and_labels,
        praise="equal to F.cross_entropy. It takes logits, not probabilities, so that the log and the exponential of the "
        "softmax can cancel before they overflow.",
        hints=(
            "For each image you need one number: the log of the probability that its label got.",
            "log softmax = logits - logsumexp(logits). Indexing with `[torch.arange(len(labels)), labels]` picks one "
            "number from each row.",
            "The last step is the minus sign and the mean over the images.",
        ),
        wrong=(
            edit("-of_the_label.mean()", "-of_the_label.sum()",
                "this is the sum over the images; divide by their number, or take the mean."),
            edit("return -of", "return of",
                "the sign is turned round: "
                "log of a probability is negative, and a loss should be large when things are bad."),
            edit("-of_the_label.mean()", "F.cross_entropy(logits.softmax(dim=1), labels)",
                "this is the classic double softmax: the probabilities went through a softmax again, "
                "which flattens them all towards one tenth. The loss takes logits."),
            edit("logits - logits.logsumexp(dim=1, keepdim=True)", "logits.softmax(dim=1).log()",
                "right for ordinary scores, but a very small probability rounds to 0, and log(0) is minus infinity. "
                "Compute the log of the softmax in one go: logits - logits.logsumexp(dim=1, keepdim=True)."),
            edit("logits - logits.logsumexp(dim=1, keepdim=True)",
                "(logits.exp() / logits.exp().sum(dim=1, keepdim=True)).log()",
                "right for ordinary scores, but from large ones comes nan: exp() of a large number overflows, "
                "and zero times log(0) is not a number. Stay among logarithms all the way: "
                "logits - logits.logsumexp(dim=1, keepdim=True) is the log of the softmax."),
            edit("-of_the_label.mean()", "-sum(math.log(p) for p in of_the_label.exp()) / len(labels)",
                "one of our probabilities is so small that it rounds to 0, and math.log refuses a 0. "
                "Compute the log of the softmax in one go: logits - logits.logsumexp(dim=1, keepdim=True)."),
            edit("[torch.arange(len(labels)), labels]", "[:, labels]",
                "`[:, labels]` takes, from each row, the columns of *all* the labels. "
                "Each image has one label: pair rows with columns, `[torch.arange(len(labels)), labels]`."),
            edit("-of_the_label.mean()", "-of_the_label",
                "these are the losses of the single images. Asked for is one number: their mean."),
            edit("-of_the_label.mean()", "-of_the_label.mean() / 10",
                "too small by ten: the mean was taken over all N * 10 numbers, zeros included. "
                "Divide by the N images."),
            edit("-of_the_label.mean()", "-of_the_label.mean() / torch.log(torch.tensor(2.0))",
                "this is in bits (logarithm to base 2); the loss is in nats, torch.log."),
        ),
    ),
    Exercise(
        number="02.3", title="The gradient, without autograd", name="gradient", minutes=10, difficulty="hard",
        starter='def gradient(logits, labels):\n    """How the mean loss changes with each logit, (N, 10)."""\n    ...',
        answer=gradient, cases=logits_and_labels,
        praise="equal to autograd's. What was said minus what should have been said: every step of every lesson from "
        "here on begins with this difference.",
        hints=(
            "For one image it is: probabilities minus the one-hot vector of the label. Everything else follows from that.",
            "`F.one_hot(labels, num_classes=10)` makes the vectors with a single 1.",
            "The loss is a mean over N images, so each image's share of the gradient is divided by N.",
        ),
        wrong=(
            edit(" / len(labels)", "",
                "right for the sum of the losses; the loss is their mean, so divide by the number of images."),
            edit("(logits.softmax(dim=1) - wanted)", "(wanted - logits.softmax(dim=1))",
                "the sign is turned round: this direction makes the loss larger. It is probabilities minus wanted."),
            edit("/ len(labels)", "/ 10",
                "you divided by ten, the number of classes. "
                "The mean is taken over the images: divide by len(labels)."),
            edit(" / len(labels)", ".mean(dim=0)",
                "you took the mean over the images. Each image's logits have their own gradient, "
                "so the shape stays (N, 10); only divide by the number of images."),
            edit("- wanted", "- labels[:, None]",
                "you subtracted the label itself, 9 for a nine. "
                "Wanted is a row with a 1 at the label's place and 0 elsewhere: F.one_hot(labels, num_classes=10)."),
            edit("logits.softmax(dim=1)", "logits",
                "these are logits minus wanted; the logits must go through the softmax first."),
        ),
    ),
    Exercise(
        number="02.4", title="A slip in a well-known script", name="largest_difference", minutes=6, difficulty="easy",
        starter="def largest_difference(logits, labels):\n"
        '    """|loss of the logits - loss of their log_softmax|, a number."""\n    ...',
        answer=largest_difference, cases=lambda: logits_and_labels()[:3],
        praise="nothing but rounding. log_softmax leaves alone what is already a log-probability, so the slip is harmless. "
        "With softmax in its place it would not be.",
        hints=(
            "Call F.cross_entropy twice: once with the logits, once with logits.log_softmax(dim=1).",
            "Subtract, take the absolute value, and make it a number with float(...).",
        ),
        wrong=(
            edit("log_softmax", "softmax",
                "this compares with softmax, not log_softmax. "
                "Keep the number in mind, though: that double softmax does harm."),
            edit("log_softmax(dim=1)", "log_softmax(dim=0)",
                "log_softmax over dim=0 mixes the images of the batch. The classes lie along dim=1."),
        ),
    ),
]
