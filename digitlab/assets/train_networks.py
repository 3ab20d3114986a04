"""Train the shipped network, ``cnn.safetensors``, or the larger one that it is measured against.

    DIGITLAB_DATA=<folder with MNIST> python digitlab/assets/train_networks.py cnn
    DIGITLAB_DATA=<folder with MNIST> python digitlab/assets/train_networks.py deep

They learn from MNIST's training images and from digits drawn by ``strokes.py``, in the end with more ones; then the
weights of ``cnn`` are averaged over its last steps. Left out
are the bundled sample, which is the first 10,000 training images, and twenty styles, on which settings were chosen.
MNIST's test set, the sample and ten more styles are read once, at the end. ``cnn`` goes on from
``cnn_mnist_only.safetensors``, the course's network after 60 epochs of MNIST alone. ``deep`` begins at random. The
card, ``cnn.md``, says the rest.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from digitlab.assets.strokes import draw_digits
from digitlab.data import DigitLoader, Digits, RandomAffine, load_mnist, load_sample, train_val_split
from digitlab.models import DigitModel, create_model
from digitlab.runs.checkpoint import load_shipped_model, save_checkpoint
from digitlab.runs.run import measure
from digitlab.training import fit, predict


@dataclass(frozen=True)
class Settings:
    """How one network is trained: some epochs, then some with more ones at a third of the rate.

    ``n_val`` digits of MNIST's are set aside to choose settings on.
    """

    epochs: int
    epochs_with_more_ones: int
    averaged: bool
    learning_rate: float
    augment: RandomAffine
    label_smoothing: float
    n_val: int


SETTINGS = {
    # No MNIST digits are set aside here: the network that this one goes on from has learnt from all 50,000.
    "cnn": Settings(
        40,
        15,
        True,
        1.5e-3,
        RandomAffine(degrees=12, scale=0.15, shear=0.15, translate=2),
        label_smoothing=0.0,
        n_val=0,
    ),
    "deep": Settings(
        24,
        8,
        False,
        3e-3,
        RandomAffine(degrees=10, scale=0.1, shear=0.15, translate=1.5, elastic=0.5),
        label_smoothing=0.1,
        n_val=5_000,
    ),
}
SEED = 0


def training_digits(n_val: int) -> Digits:
    """MNIST's digits without the sample and without ``n_val`` more, and 300 drawn ones of each style."""
    mnist, _ = train_val_split(load_mnist("train")[10_000:], n_val, seed=0)
    drawn, _ = draw_digits(300, seed=1, part="train")
    return join(mnist, drawn)


def more_ones() -> Digits:
    """2,000 of each way to write a one: with a flag it looks like the sevens of MNIST's writers, who make none."""
    drawn, _ = draw_digits(2_000, seed=4, part="train", label=1)
    return drawn


def join(some: Digits, more: Digits) -> Digits:
    """Both together."""
    images, labels = torch.cat([some.images, more.images]), torch.cat([some.labels, more.labels])
    return Digits(images, labels, "mnist without the sample, and strokes", "train")


def train(name: str) -> DigitModel:
    """First on every style alike, then with more ones."""
    settings = SETTINGS[name]
    torch.manual_seed(SEED)
    # Dropout guards a large network against learning by heart. The course's is small, and altered digits guard it.
    model = create_model(name, dropout=0.0)
    if name == "cnn":
        model.load_state_dict(load_shipped_model(name="cnn_mnist_only").state_dict())
    digits = training_digits(settings.n_val)
    learn(model, digits, settings, settings.epochs, settings.learning_rate)
    digits = join(digits, more_ones())
    epochs, rate = settings.epochs_with_more_ones, settings.learning_rate / 3
    if settings.averaged:
        return learn_and_average(model, digits, settings, epochs, rate)
    learn(model, digits, settings, epochs, rate)
    return model


def learn(model: DigitModel, digits: Digits, settings: Settings, epochs: int, rate: float) -> None:
    """Half of the steps at a constant rate, then down to 0 in a straight line."""
    loader = DigitLoader(digits, 64, shuffle=True, augment=settings.augment, seed=SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-2, fused=True)
    n_steps = epochs * len(loader)
    scheduler = LambdaLR(optimizer, lambda step: min(1, (step + 1) / 300, 2 - 2 * step / n_steps))
    fit(
        model,
        loader,
        epochs=epochs,
        optimizer=optimizer,
        scheduler=scheduler,
        autocast=True,
        label_smoothing=settings.label_smoothing,
    )


def learn_and_average(
    model: DigitModel, digits: Digits, settings: Settings, epochs: int, rate: float
) -> DigitModel:
    """All steps at one rate, after which the weights wander about a good place: their running mean is nearer to it."""
    loader = DigitLoader(digits, 64, shuffle=True, augment=settings.augment, seed=SEED)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-2, fused=True)
    mean = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9999), use_buffers=True)
    optimizer.register_step_post_hook(lambda *_: mean.update_parameters(model))
    fit(model, loader, epochs=epochs, optimizer=optimizer, autocast=True)
    return cast(DigitModel, mean.module)


def calibrate(model: DigitModel) -> None:
    """Make it as sure as it is right (lesson 08), by one number on the digits set aside.

    Smoothed labels leave a network less sure than it might be. The number goes into the last layer's weights.
    """
    _, val = train_val_split(load_mnist("train")[10_000:], SETTINGS["deep"].n_val, seed=0)
    logits = predict(model, val.images).log()  # up to a constant for each image
    candidates = [number / 50 for number in range(10, 101)]
    best = min(candidates, key=lambda t: F.cross_entropy(logits / t, val.labels).item())
    last = [module for module in model.modules() if isinstance(module, nn.Linear)][-1]
    last.weight.data /= best
    last.bias.data /= best
    print("temperature", best)


def measure_and_save(name: str, model: DigitModel) -> None:
    """Write the network beside this script, with what it reads of what it has never seen."""
    figures = {}
    for test in (load_mnist("test"), load_sample("train"), load_sample("test")):
        figures[f"{test.name} {test.split}"] = measure(predict(model, test.images), test.labels)
    drawn, styles = draw_digits(300, seed=3, part="report")
    right = predict(model, drawn.images).argmax(dim=1) == drawn.labels
    of_style = dict(zip(styles[::300], right.view(-1, 300).double().mean(dim=1).tolist(), strict=True))
    metadata = {
        "data": {"name": "mnist without the sample, and strokes"},
        "recipe": "shipped",
        "seed": SEED,
        "measured": figures,
        "styles": of_style,
    }
    save_checkpoint(Path(__file__).with_name(f"{name}.safetensors"), model, name, metadata)
    for what, figure in [*figures.items(), *of_style.items()]:
        print(what, figure)


if __name__ == "__main__":
    trained = train(sys.argv[1])
    if SETTINGS[sys.argv[1]].label_smoothing:
        calibrate(trained)
    measure_and_save(sys.argv[1], trained)
