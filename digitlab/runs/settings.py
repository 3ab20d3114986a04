"""What decides a run's outcome."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from digitlab.checks import check_choice, check_range, checked
from digitlab.data import RandomAffine
from digitlab.names import DEVICES, SOURCES
from digitlab.recipes import Recipe


@checked
@dataclass(frozen=True)
class RunSettings:
    """What decides a run's outcome: the same settings on the same machine give bit-identical weights.

    ``seed`` fixes the first weights, the validation split, the order of the images, dropout and augmentation.
    """

    recipe: Recipe
    source: str = "auto"
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        check_choice("data", self.source, SOURCES)
        check_choice("device", self.device, DEVICES)
        check_range("seed", self.seed, 0, 2**32 - 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it is saved with a run."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunSettings:
        """The inverse of `to_dict`."""
        recipe = dict(values["recipe"])
        if recipe["augment"] is not None:
            recipe["augment"] = RandomAffine(**recipe["augment"])
        recipe["betas"] = tuple(recipe["betas"])
        return cls(**{**values, "recipe": Recipe(**recipe)})
