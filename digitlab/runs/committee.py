"""A committee: several networks that differ in their seed alone, each a run of its own, decide together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from digitlab.checks import check_range, checked
from digitlab.data import load_digits
from digitlab.runs.checkpoint import Checkpoint, load_checkpoint
from digitlab.runs.distributed import broadcast, rank
from digitlab.runs.run import measure, resume_run, saved_settings, train_run, write_json
from digitlab.runs.state import RunError, RunSettings
from digitlab.training import predict

_MEMBER = "seed-{}"  # the folder of one member's run


class Committee(nn.Module):
    """Several networks as one, whose probabilities are the mean of theirs. Its logits are their logarithms."""

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: Tensor) -> Tensor:
        """Images ``(B, 1, 28, 28)`` to logits ``(B, 10)``."""
        opinions = [member(images).softmax(dim=1) for member in self.members]
        return torch.stack(opinions).mean(dim=0).log()


def load_trained(path: str | Path, device: str | torch.device = "cpu") -> tuple[nn.Module, list[Checkpoint]]:
    """The model in a checkpoint or a run's folder, in evaluation mode, and the checkpoints that it was made of.

    A committee's folder gives its members as one model, in the order of their seeds. `CheckpointError` if one cannot
    be loaded, or has not been trained to the end.
    """
    folders = sorted(Path(path).glob(_MEMBER.format("*")), key=lambda folder: (len(folder.name), folder.name))
    members = [load_checkpoint(each, device) for each in folders or [Path(path)]]
    return members[0].model if not folders else Committee([each.model for each in members]).eval(), members


@checked
def train_committee(
    settings: RunSettings, n_members: int, output: str | Path, *, resume: bool = False, progress: bool = True
) -> dict[str, Any]:
    """Train networks with the seeds from ``settings.seed`` on, each in a folder ``seed-N``, and test them together.

    With ``resume``, finished members are kept and an interrupted one goes on. Returns the content of the committee's
    ``metrics.json``. `RunError` if there are members already, without ``resume`` or with other settings.
    """
    check_range("n_members", n_members, 2)
    folder = Path(output)
    seeds = range(settings.seed, settings.seed + n_members)
    members = {folder / _MEMBER.format(seed): replace(settings, seed=seed) for seed in seeds}
    # The first worker looks, for all of them: while one looks, another may be writing already.
    kept = broadcast({each: _kept(each, own) for each, own in members.items()} if rank() == 0 else None)
    if any(kept.values()) and not resume:
        raise RunError(f"{folder} holds members already: go on with --resume, or choose another --output")
    summaries = []
    for member, own in members.items():
        if progress and rank() == 0:
            print(f"member  seed {own.seed}", flush=True)
        if kept[member]:
            summaries.append(resume_run(member, device=own.device, progress=progress))
        else:
            summaries.append(train_run(own, member, progress=progress))
    together: dict[str, Any] = {}
    if rank() == 0:
        test = load_digits("test", summaries[0]["data"]["name"])
        model = Committee([load_checkpoint(member).model for member in members])
        together = {
            **measure(predict(model, test.images), test.labels),
            "members": [{"seed": each["seed"], "test_accuracy": each["test_accuracy"]} for each in summaries],
            **{key: summaries[0][key] for key in ("recipe", "data", "versions")},
        }
        write_json(folder / "metrics.json", together)
    return dict(broadcast(together))


def _kept(member: Path, settings: RunSettings) -> bool:
    """Whether the member was begun before. Mixing settings would make a committee that nobody asked for."""
    saved = saved_settings(member)
    if saved is None:
        return False
    source = saved.source if settings.source == "auto" else settings.source  # the run knows what that came to
    if saved != replace(settings, source=source, device=saved.device):
        raise RunError(f"{member} was trained with other settings: choose another --output")
    return True
