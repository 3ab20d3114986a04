"""What a training has come to so far: a row for each epoch, and the sums of an epoch that is still running.

Plain numbers, in dataclasses; what trains is in `digitlab.training`, what draws them in `digitlab.plots.charts`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from digitlab.checks import check_kind, check_number, check_whole_number


@dataclass(frozen=True)
class EpochRow:
    """One epoch in numbers.

    The training figures are measured while learning, with dropout and augmentation on.

    Attributes:
        epoch: counted from 1.
        train_loss: mean per image over the epoch, in nats.
        train_accuracy: 0..1.
        val_loss: after the epoch; ``None`` without validation images.
        val_accuracy: 0..1; ``None`` without validation images.
        lr: learning rate with which the epoch began.
        seconds: wall time, validation included.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    lr: float
    seconds: float

    def __post_init__(self) -> None:
        check_whole_number("epoch", self.epoch, 1)
        _check_loss("train_loss", self.train_loss)
        if self.val_loss is not None:
            _check_loss("val_loss", self.val_loss)
        check_number("lr", self.lr, 0)
        check_number("seconds", self.seconds, 0)
        check_number("train_accuracy", self.train_accuracy, 0, 1)
        if self.val_accuracy is not None:
            check_number("val_accuracy", self.val_accuracy, 0, 1)

    def __str__(self) -> str:
        text = (
            f"epoch {self.epoch:>2}  {self.seconds:5.1f} s   "
            f"train loss {self.train_loss:.4f}  accuracy {self.train_accuracy:7.2%}"
        )
        if self.val_loss is not None and self.val_accuracy is not None:
            text += f"   val loss {self.val_loss:.4f}  accuracy {self.val_accuracy:7.2%}"
        return text


@dataclass
class History:
    """The epochs of one training, in order.

    Examples:
        >>> history = History([EpochRow(1, 0.7, 0.8, 0.2, 0.95, 0.001, 2.0)])
        >>> History.from_list(history.to_list()) == history
        True
    """

    rows: list[EpochRow] = field(default_factory=list)

    def __post_init__(self) -> None:
        check_kind("rows", self.rows, list, "a list of EpochRow")
        for row in self.rows:
            check_kind("rows", row, EpochRow, "a list of EpochRow")

    def __len__(self) -> int:
        return len(self.rows)

    def to_list(self) -> list[dict[str, Any]]:
        """Plain data, as it stands in ``history.json``."""
        return [asdict(row) for row in self.rows]

    @classmethod
    def from_list(cls, rows: list[dict[str, Any]]) -> History:
        """The inverse of `to_list`."""
        return cls([EpochRow(**row) for row in rows])


@dataclass
class EpochSums:
    """What an epoch has added up so far.

    Kept with an interrupted run, so that the epoch goes on where it stopped (`digitlab.runs.run`).

    Attributes:
        lr: learning rate with which the epoch began.
        n_batches: batches learnt from.
        n_images: images learnt from.
        n_correct: of these, read correctly.
        total_loss: sum of their losses, in nats.
        seconds: wall time spent.
    """

    lr: float
    n_batches: int = 0
    n_images: int = 0
    n_correct: int = 0
    total_loss: float = 0.0
    seconds: float = 0.0


def _check_loss(name: str, value: float) -> None:
    has_blown_up = isinstance(value, float) and not math.isfinite(value)  # NaN is news, and is drawn
    if not has_blown_up:
        check_number(name, value, 0)
