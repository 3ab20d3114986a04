"""Exercises of lesson 02, a linear classifier: softmax, cross-entropy, its gradient, and a softmax too many."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from digitlab.exercises import Exercise, edit
from digitlab.exercises.checking import Mistake, Without, call, call_without, same


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


LOSS = "Here the loss is to be written out: the log of the softmax, the label's number in each row, the mean"


def uncapped(answer: Any, logits: Tensor, labels: Tensor) -> Any:
    """A loss that is right for ordinary scores and too small for large ones has a cap in it: the usual stopgap."""
    result = call(answer, logits, labels, within=Without("cross_entropy|nll_loss", LOSS))
    wanted, smaller = cross_entropy(logits, labels), logits / 100
    is_number = isinstance(result, float) or (isinstance(result, Tensor) and result.ndim == 0)
    is_too_small = is_number and logits.abs().max() > 100 and 0 < result < wanted - 1
    if is_too_small and same(answer(smaller, labels), cross_entropy(smaller, labels)):
        raise Mistake(
            f"right for ordinary scores, too small for large ones ({float(result):.1f}, and not {float(wanted):.1f}). "
            "A small number added before the log, or a clamp, hides the log(0): no loss can be larger than the log of "
            "that number. Compute the log of the softmax in one go, with logsumexp."
        )
    return result


# 02.3
def gradient(logits: Tensor, labels: Tensor) -> Tensor:
    wanted = F.one_hot(labels, num_classes=10)
    return (logits.softmax(dim=1) - wanted) / len(labels)


# 02.4
def change_in_loss(logits: Tensor, labels: Tensor, last_step: nn.Module) -> Tensor:
    before = F.cross_entropy(logits, labels)
    after = F.cross_entropy(last_step(logits), labels)
    return after - before


def last_steps() -> list[tuple[Tensor, Tensor, nn.Module]]:
    """ReLU, and softmax, which makes one loss smaller and one larger."""
    (logits, labels), *_ = logits_and_labels()
    relu, softmax = nn.ReLU(), nn.Softmax(dim=1)
    return [(logits, labels, relu), (logits, labels, softmax), (logits * 3, logits.argmax(dim=1), softmax)]


EXERCISES = [
    Exercise(
        number="02.1", title="Softmax", name="softmax", minutes=8, difficulty="medium",
        starter='def softmax(logits):\n    """Logits (N, 10) to probabilities (N, 10)."""\n    ...',
        answer=softmax, cases=random_logits, observe=call_without("softmax"),
        praise="equal to PyTorch's, on large scores too. Subtracting the largest changes nothing but the rounding, "
        "because a factor common to all ten cancels.",
        hints=(
            "Each row is one image: its ten numbers should be positive and sum to 1. "
            "`torch.exp` makes numbers positive.",
            "Divide the exponentials by their sum along dim=1, with keepdim=True so that the shapes fit.",
            "exp(89) is more than a float32 can hold. Subtract each row's largest logit first: the result is the same.",
        ),
        wrong=(
            edit("exponentials / exponentials.sum(dim=1, keepdim=True)",
                "logits.exp() / logits.exp().sum(dim=0, keepdim=True)",
                "each row should sum to 1, but your columns do: this is the softmax over the batch. "
                "An image's probabilities must not depend on the other images; sum along dim=1."),
            edit(".sum(dim=1, keepdim=True)", ".sum(dim=0, keepdim=True)",
                "each row should sum to 1, but your columns do: the sum goes over the images. Sum along dim=1."),
            edit("exponentials / exponentials.sum(dim=1, keepdim=True)", "logits.exp() / logits.exp().sum()",
                "all your numbers together sum to 1; each row should. Give `sum` the dimension: dim=1."),
            edit(".sum(dim=1, keepdim=True)", ".sum(dim=1)",
                "sizes 10 and 6 do not fit: a sum or a maximum along dim=1 gives one number for each of 6 images, "
                "and PyTorch sets them against the 10 columns. With keepdim=True they stay beside their rows."),
            edit("logits - largest", "logits",
                "right for ordinary scores, but for large ones exp() overflows, and infinity divided "
                "by infinity is not a number (nan). Subtract each row's largest logit before the exponential."),
            edit("logits.max(dim=1, keepdim=True).values", "logits.max()",
                "nearly: you subtract the largest logit of the *whole batch*. An image whose logits lie far below it "
                "gets ten zeros, and 0 / 0 is nan. Each row has its own largest: max(dim=1, keepdim=True)."),
            edit("logits.max(dim=1, keepdim=True).values", "logits.mean(dim=1, keepdim=True)",
                "right for ordinary scores. You subtract the row's mean, and above it exp() still overflows for large "
                "ones. Subtract the row's largest logit: nothing is above it."),
            edit("torch.exp(logits - largest)", "logits - largest",
                "the rows sum to 1, but the largest logit gets the smallest share: there is no exponential. "
                "Apply torch.exp to the differences before dividing."),
            edit("exponentials / exponentials.sum(dim=1, keepdim=True)", "exponentials",
                "each row's largest is 1, and the rows sum to more: the exponentials are right, and not yet divided. "
                "Divide them by the sum of their row."),
            edit("torch.exp(logits - largest)", "logits",
                "the rows sum to 1, but some of your probabilities are negative: logits can be below zero. "
                "Apply torch.exp before dividing."),
            edit("logits - largest", "logits / largest",
                "the rows sum to 1, but the probabilities are others: you divided by the largest logit, which changes "
                "the differences within the row. Subtract it: that changes none."),
            edit("exponentials / exponentials.sum(dim=1, keepdim=True)", "logits.sigmoid()",
                "each score was turned into a number from 0 to 1 by itself (that is the sigmoid), so the rows do not "
                "sum to 1. Divide the exponentials by the sum of their row."),
            edit("exponentials / exponentials.sum(dim=1, keepdim=True)", "logits.exp()",
                "all positive, but the rows do not sum to 1. Divide each by the sum of its row."),
            edit(".sum(dim=1, keepdim=True)", ".sum()",
                "all your numbers together sum to 1, and each row should: `sum` without a dimension adds up the whole "
                "table. Give it dim=1."),
            edit("logits.max(dim=1, keepdim=True).values", "logits.max(dim=0, keepdim=True).values",
                "you subtract the largest logit of each column. It has to be one number for each image, or the "
                "differences within a row change: max(dim=1, keepdim=True)."),
        ),
    ),
    Exercise(
        number="02.2", title="Cross-entropy", name="cross_entropy", minutes=10, difficulty="medium",
        starter="def cross_entropy(logits, labels):\n"
        '    """Mean of -log(probability of the label), one number, in nats."""\n    ...',
        answer=cross_entropy, cases=logits_and_labels, observe=uncapped,
        praise="equal to F.cross_entropy. It takes logits, not probabilities, so that the log and the exponential of "
        "the softmax can cancel before they overflow.",
        hints=(
            "For each image you need one number: the log of the probability that its label got.",
            "log softmax = logits - logsumexp(logits). Indexing with `[torch.arange(len(labels)), labels]` picks one "
            "number from each row.",
            "The last step is the minus sign and the mean over the images.",
        ),
        wrong=(
            edit("-of_the_label.mean()", "-of_the_label.sum()",
                "this is the sum over the images; divide by their number, or take the mean."),
            edit("logits - logits.logsumexp(dim=1, keepdim=True)", "logits.softmax(dim=1).log_softmax(dim=1)",
                "this is the classic double softmax: the probabilities went through a softmax again, "
                "which flattens them all towards one tenth. The loss takes logits."),
            edit("logits - logits.logsumexp(dim=1, keepdim=True)", "logits.softmax(dim=1).log()",
                "right for ordinary scores, but infinite for large ones: a very small probability rounds to 0, and "
                "log(0) is minus infinity. Compute the log of the softmax in one go, with logsumexp."),
            edit("logits.logsumexp(dim=1, keepdim=True)", "logits.logsumexp(dim=0, keepdim=True)",
                "the softmax ran over the batch (dim=0), so each image's loss depends on the other images. "
                "The classes lie along dim=1."),
            edit("-of_the_label.mean()", "-of_the_label.exp().mean().log()",
                "this is the log of the mean probability. Take the log of each image's first, and then the "
                "mean of the logs."),
            edit("-of_the_label.mean()", "-log_probabilities.mean()",
                "this is the mean over all ten classes, and the labels have no say in it. "
                "Pick each image's own: `[torch.arange(len(labels)), labels]`."),
            edit("logits - logits.logsumexp(dim=1, keepdim=True)", "logits",
                "these are the labels' logits themselves. They must go through a log softmax first."),
            edit("logits - logits.logsumexp(dim=1, keepdim=True)", "logits.log()",
                "this takes the log of the logits, and some are negative (nan). The log is of *probabilities*: "
                "logits - logits.logsumexp(dim=1, keepdim=True)."),
            edit("[torch.arange(len(labels)), labels]", "[:, labels]",
                "`[:, labels]` takes, from each row, the columns of *all* the labels. "
                "Each image has one label: pair rows with columns, `[torch.arange(len(labels)), labels]`."),
            edit("-of_the_label.mean()", "(logits.logsumexp(dim=1) - logits).mean()",
                "6 images have 6 sums, and you set them against all ten logits of each. What is subtracted is the "
                "label's logit alone: pick it first, logits[torch.arange(len(labels)), labels]."),
            edit("logits.logsumexp(dim=1, keepdim=True)", "logits.exp().sum(dim=1, keepdim=True)",
                "the label's logit is subtracted from the *sum* of the exponentials. The log of that sum is missing: "
                "logsumexp takes both in one go."),
            edit("-of_the_label.mean()", "-of_the_label[0]",
                "this is the loss of the first image alone. "
                "If you go through them in a loop: a `return` inside it ends it at the first."),
            edit("-of_the_label.mean()", "logits.logsumexp(dim=1).mean()",
                "this is the mean of logsumexp alone, and the labels have no say in it. "
                "Subtract the label's logit from each: logits[torch.arange(len(labels)), labels]."),
            edit("-of_the_label.mean()", "-log_probabilities.max(dim=1).values.mean()",
                "the labels have no say in this: it is the loss of each image's *highest* logit. "
                "Pick the label's: `[torch.arange(len(labels)), labels]`."),
            edit("-of_the_label.mean()", "(logits.logsumexp(dim=1) - labels).mean()",
                "you subtracted the labels themselves, 9 for a nine. What is subtracted is the label's *logit*: "
                "logits[torch.arange(len(labels)), labels]."),
            edit("-of_the_label.mean()", "(1 - of_the_label.exp()).mean()",
                "this is the probability that the label did *not* get. The loss is the negative log of the "
                "one it got."),
            edit("-of_the_label.mean()", "-of_the_label.exp().mean()",
                "this is the mean probability of the labels with a minus sign. The log is missing."),
            edit("logits - logits.logsumexp(dim=1, keepdim=True)",
                "(logits.exp() / logits.exp().sum(dim=1, keepdim=True)).log()",
                "right for ordinary scores, but from large ones comes nan: exp() overflows, or a probability rounds "
                "to 0, and infinity / infinity or 0 times log(0) is not a number. Stay among logarithms all the way: "
                "logits - logits.logsumexp(dim=1, keepdim=True) is the log of the softmax."),
        ),
    ),
    Exercise(
        number="02.3", title="The gradient, without autograd", name="gradient", minutes=10, difficulty="hard",
        starter='def gradient(logits, labels):\n    """How the mean loss changes with each logit, (N, 10)."""\n    ...',
        answer=gradient, cases=lambda: logits_and_labels()[:3],
        observe=call_without("backward|grad", "Here it is to be written as a formula: p - y, and the mean"),
        praise="equal to autograd's. What was said minus what should have been said: every step of every lesson from "
        "here on begins with this difference.",
        hints=(
            "For one image it is: probabilities minus the one-hot vector of the label. "
            "Everything else follows from that.",
            "`F.one_hot(labels, num_classes=10)` makes the vectors with a single 1.",
            "The loss is a mean over N images, so each image's share of the gradient is divided by N.",
        ),
        wrong=(
            edit(" / len(labels)", "",
                "right for the sum of the losses; the loss is their mean, so divide by the number of images."),
            edit("(logits.softmax(dim=1) - wanted) / len(labels)", "wanted - logits.softmax(dim=1)",
                "two slips: the sign is turned round, it is probabilities minus wanted; and the loss is a mean, "
                "so it is divided by the number of images."),
            edit("(logits.softmax(dim=1) - wanted) / len(labels)", "logits.softmax(dim=1) - wanted / len(labels)",
                "only the one-hot rows were divided by the number of images: division comes before subtraction. "
                "Put brackets around the difference."),
            edit("dim=1", "dim=0",
                "the softmax ran over the batch (dim=0). Each image has its own ten probabilities: dim=1."),
            edit("(logits.softmax(dim=1) - wanted)", "(logits.softmax(dim=1) * wanted - wanted)",
                "only the labels' logits got a gradient. The others have one, too, their probability: "
                "each of them should go down as much as it was believed."),
            edit(", num_classes=10", "",
                "one_hot made as many columns as it saw labels, and that can be fewer than ten. Say num_classes=10."),
            edit("(logits.softmax(dim=1) - wanted)", "(logits.softmax(dim=1) - wanted.amax(dim=0))",
                "the 1 was subtracted in the columns of all the labels, in every row. Each image has one label: pair "
                "rows with columns, [torch.arange(len(labels)), labels]."),
            edit("(logits.softmax(dim=1) - wanted)", "(logits.softmax(dim=1) + wanted)",
                "wanted was added. It is probabilities *minus* wanted, so the label's own number is below zero."),
            edit("F.one_hot(labels, num_classes=10)", "F.one_hot(logits.argmax(dim=1), num_classes=10)",
                "the 1 stands where the highest logit is. It belongs to the label's place, whatever the model says: "
                "F.one_hot(labels, num_classes=10)."),
            edit("logits.softmax(dim=1)", "logits.log_softmax(dim=1)",
                "these are the logarithms of the probabilities minus wanted. "
                "The gradient takes the probabilities themselves: softmax."),
            edit("logits.softmax(dim=1)", "logits",
                "these are logits minus wanted; the logits must go through the softmax first."),
            edit("- wanted", "- labels[:, None]",
                "you subtracted the label itself, 9 for a nine. "
                "Wanted is a row with a 1 at the label's place and 0 elsewhere: F.one_hot(labels, num_classes=10)."),
            edit("/ len(labels)", "/ 10",
                "you divided by ten, the number of classes. "
                "The mean is taken over the images: divide by len(labels)."),
            edit(" - wanted", "",
                "these are the probabilities alone. Subtract what was wanted: 1 for the label, 0 elsewhere."),
            edit("logits.softmax(dim=1)", "logits.exp()",
                "the exponentials were not divided by their row's sum, so they are no probabilities yet."),
        ),
    ),
    Exercise(
        number="02.4", title="A slip in a well-known script", name="change_in_loss", minutes=6, difficulty="easy",
        starter="def change_in_loss(logits, labels, last_step):\n"
        '    """The loss of last_step(logits), minus the loss of the logits: one number."""\n    ...',
        answer=change_in_loss, cases=last_steps,
        praise="now you can try any last step. Below it is tried with log_softmax and with softmax.",
        hints=(
            "F.cross_entropy(logits, labels) is the loss of the logits. What is the loss of last_step(logits)?",
            "last_step is called like a function, with the logits. Hand the result to F.cross_entropy. Then "
            "subtract.",
        ),
        wrong=(
            edit("after - before", "after",
                "this is the loss after the last step alone. Subtract the loss of the logits."),
            edit("last_step(logits)", "logits.softmax(dim=1)",
                "right for softmax only. Which step it is comes as the third argument: call last_step(logits)."),
            edit("last_step(logits)", "logits.log_softmax(dim=1)",
                "no change was found, whatever the last step. Did `logits` get a new value before both losses? Compute "
                "the first loss before. Or is it always log_softmax? Call last_step(logits)."),
            edit("F.cross_entropy(last_step(logits), labels)", "F.nll_loss(last_step(logits), labels)",
                "nll_loss takes logarithms of probabilities. Both losses are to be F.cross_entropy."),
            edit("after - before", "after / before",
                "this is how many times as large the loss became. Asked for is the difference."),
            edit("after - before", "after + before", "the two losses are added. Asked for is their difference."),
            edit("after - before", "before",
                "this is the loss of the logits alone, so the last step had no say. Subtract it from the loss after it."),
        ),
    ),
]
