"""Train the shipped networks, ``cnn.safetensors`` and ``deep.safetensors``.

    DIGITLAB_DATA=<folder with MNIST> python digitlab/assets/train_networks.py cnn
    DIGITLAB_DATA=<folder with MNIST> python digitlab/assets/train_networks.py deep

They learn from MNIST's training images and from digits drawn by ``strokes.py``. Left out are the bundled sample, which
is the first 10,000 training images, and 5,000 digits and twenty styles, on which settings were chosen. MNIST's test
set, the sample and twenty more styles are read once, at the end. The cards, ``cnn.md`` and ``deep.md``, say the rest.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.optim.lr_scheduler import LambdaLR

from digitlab.assets.strokes import draw_digits
from digitlab.data import DigitLoader, Digits, RandomAffine, load_mnist, load_sample, train_val_split
from digitlab.models import DigitModel, create_model
from digitlab.runs.checkpoint import save_checkpoint
from digitlab.runs.run import measure
from digitlab.training import fit, predict


@dataclass(frozen=True)
class Settings:
    """How one network is trained; ``per_style`` digits of each style beside MNIST's 45,000."""

    epochs: int
    per_style: int
    batch_size: int
    augment: RandomAffine
    label_smoothing: float


SETTINGS = {
    "cnn": Settings(20, 300, 64, RandomAffine(degrees=12, scale=0.15, shear=0.15, translate=2), 0.0),
    "deep": Settings(
        6, 300, 128, RandomAffine(degrees=10, scale=0.1, shear=0.15, translate=1.5, elastic=0.5), 0.1
    ),
}
SEED = 0


def training_digits(per_style: int) -> tuple[Digits, Digits]:
    """What the networks learn from, and MNIST's 5,000 for validation."""
    train, val = train_val_split(load_mnist("train")[10_000:], n_val=5_000, seed=0)
    drawn, _ = draw_digits(per_style, seed=1, part="train")
    images, labels = torch.cat([train.images, drawn.images]), torch.cat([train.labels, drawn.labels])
    return Digits(images, labels, "mnist without the sample, and strokes", "train"), val


def train(name: str) -> DigitModel:
    """Half of the steps at a constant rate, then down to 0 in a straight line."""
    settings = SETTINGS[name]
    digits, val = training_digits(settings.per_style)
    loader = DigitLoader(digits, settings.batch_size, shuffle=True, augment=settings.augment, seed=SEED)
    torch.manual_seed(SEED)
    # Dropout guards a large network against learning by heart. The course's is small, and altered digits guard it.
    model = create_model(name, dropout=0.0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2, fused=True)
    n_steps = settings.epochs * len(loader)
    scheduler = LambdaLR(optimizer, lambda step: min(1, (step + 1) / 300, 2 - 2 * step / n_steps))
    fit(
        model,
        loader,
        DigitLoader(val, 1000, shuffle=False),
        epochs=settings.epochs,
        optimizer=optimizer,
        scheduler=scheduler,
        autocast=True,
        label_smoothing=settings.label_smoothing,
    )
    return model


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
    measure_and_save(sys.argv[1], train(sys.argv[1]))
