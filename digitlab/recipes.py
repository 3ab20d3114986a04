"""Recipes: named sets of training settings, and the optimiser and schedule that they stand for.

``classic`` is in lessons 00 and 06, ``fast`` in 12, ``thorough`` and ``best`` in 11. Data, seed and device belong
to a run (`digitlab.runs.run`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from digitlab.checks import check_choice, check_range, checked
from digitlab.data.augmentation import RandomAffine
from digitlab.models import list_models


@checked
@dataclass(frozen=True)
class Recipe:
    """Settings of one training.

    Attributes:
        learning_rate: constant, or the peak of the one-cycle schedule.
        schedule: ``"one_cycle"`` (Smith and Topin 2017) goes up from a small rate and down to nearly nothing.
        weight_decay: AdamW's; 0 makes it Adam.
        betas: how much Adam's averages of the gradient and of its square keep at each step, 0..1.
        label_smoothing: the share of each label that is spread over all classes, 0..1 (Szegedy et al. 2016).
        dropout: the share left out in training, in ``cnn``.
        autocast: forward pass in bfloat16 where the hardware is fast at it.
        n_digits: learn from no more than so many digits, drawn by the run's seed.
    """

    name: str
    description: str
    model: str
    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["constant", "one_cycle"] = "constant"
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    label_smoothing: float = 0.0
    dropout: float = 0.5
    augment: RandomAffine | None = None
    autocast: bool = False
    n_digits: int | None = None

    def __post_init__(self) -> None:
        check_choice("model", self.model, list_models())
        for name in ("epochs", "batch_size"):
            check_range(name, getattr(self, name), 1)
        for name in ("label_smoothing", "dropout"):
            check_range(name, getattr(self, name), 0, 1)
        check_range("weight_decay", self.weight_decay, 0)
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate: expected a finite number above 0, got {self.learning_rate}")
        if self.n_digits is not None:
            check_range("n_digits", self.n_digits, 1)


_RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe(
            name="classic",
            description="the original tutorial: Adam at a constant rate",
            model="cnn",
            epochs=10,
            batch_size=100,
            learning_rate=1e-3,
        ),
        Recipe(
            name="fast",
            description="one look at each of up to 40,000 digits, on a one-cycle schedule",
            model="fast",
            epochs=1,
            batch_size=192,
            learning_rate=1e-2,
            schedule="one_cycle",
            betas=(0.7, 0.9),
            label_smoothing=0.1,
            autocast=True,
            n_digits=40_000,
        ),
        Recipe(
            name="thorough",
            description="the tutorial's network without dropout, long, on altered digits",
            model="cnn",
            epochs=30,
            batch_size=64,
            learning_rate=6e-3,
            schedule="one_cycle",
            weight_decay=1e-2,
            dropout=0.0,
            augment=RandomAffine(degrees=12, scale=0.15, shear=0.15, translate=2),
        ),
        Recipe(
            name="best",
            description="the most accurate: a deeper network on altered digits",
            model="deep",
            epochs=28,
            batch_size=128,
            learning_rate=6e-3,
            schedule="one_cycle",
            weight_decay=1e-2,
            label_smoothing=0.1,
            augment=RandomAffine(degrees=10, scale=0.1, shear=0.15, translate=1.5, elastic=0.5),
            autocast=True,
        ),
    )
}


def list_recipes() -> list[str]:
    """The names that `get_recipe` knows."""
    return list(_RECIPES)


@checked
def get_recipe(name: str) -> Recipe:
    """The recipe of that name; change single settings with ``dataclasses.replace``.

    Examples:
        >>> get_recipe("classic").batch_size
        100
    """
    check_choice("recipe", name, _RECIPES)
    return _RECIPES[name]


@checked
def make_optimizer(recipe: Recipe, model: nn.Module) -> Optimizer:
    """Adam, or AdamW where the recipe has weight decay."""
    kind = torch.optim.AdamW if recipe.weight_decay else torch.optim.Adam
    rate, decay = recipe.learning_rate, recipe.weight_decay
    # fused: the whole step in one kernel, with the same arithmetic (lesson 12).
    return kind(model.parameters(), lr=rate, betas=recipe.betas, weight_decay=decay, fused=True)


@checked
def make_scheduler(recipe: Recipe, optimizer: Optimizer, steps_per_epoch: int) -> LRScheduler | None:
    """The recipe's schedule for a whole run, to be stepped after every batch; ``None`` for a constant rate."""
    if recipe.schedule == "constant":
        return None
    n_steps = recipe.epochs * steps_per_epoch
    # Momentum stays as it is: for Adam, cycling it as well gained nothing that could be measured.
    return OneCycleLR(optimizer, recipe.learning_rate, total_steps=n_steps, cycle_momentum=False)
