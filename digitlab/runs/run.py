"""One training run: settings go in, a folder comes out.

Ties the parts together as ``digitlab train`` does: load and split the data, train by a recipe, test once at
the end, and leave the model, the numbers, the pictures and the report in the output folder. After each epoch,
and every ten seconds of a long one, everything that is needed to go on is saved as ``checkpoint.pt``
(`digitlab.runs.run_state`); a finished run has ``model.pt`` instead. No mathematics here: that is in the files it calls.
"""

from __future__ import annotations

import json
import math
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from importlib.metadata import version
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from digitlab import metrics
from digitlab.runs import distributed as workers
from digitlab.checks import (
    as_path,
    check_choice,
    check_flag,
    check_kind,
    check_tensor,
    check_whole_number,
    expect,
)
from digitlab.data.augmentation import RandomAffine
from digitlab.runs.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from digitlab.data import SOURCES, DigitLoader, Digits, load_digits, train_val_split
from digitlab.device import choose_device, has_bfloat16
from digitlab.writing import write_whole
from digitlab.history import EpochSums, History
from digitlab.runs.interruption import Interrupted, RunError, alone_in, hold_signals
from digitlab.models import DigitModel, create_model
from digitlab.plots.style import counted
from digitlab.recipes import Recipe, make_optimizer, make_scheduler
from digitlab.runs.report import write_figures, write_report
from digitlab.runs.run_state import get_state, set_state
from digitlab.training import finish_epoch, predict, progress_bar, train_one_epoch

_UNFINISHED, _FINISHED = "checkpoint.pt", "model.pt"
_SAVE_SECONDS = 10.0
_OWN_FILES = (_UNFINISHED, _FINISHED, "metrics.json", "history.json", "report.html", "figures")


@dataclass(frozen=True)
class RunSettings:
    """What decides a run's outcome: the same settings on the same machine give bit-identical weights.

    Attributes:
        recipe: how to train.
        source: the name of the data, one of `digitlab.data.SOURCES`.
        seed: fixes the first weights, the validation split, the order of the images, dropout and
            augmentation.
        device: one of ``auto``, ``cpu``, ``cuda``, ``mps``.
    """

    recipe: Recipe
    source: str = "auto"
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        check_kind("recipe", self.recipe, Recipe, "a Recipe")
        check_choice("data", self.source, SOURCES)
        check_whole_number("seed", self.seed, 0, 2**32 - 1)
        expect(not hasattr(self.seed, "dtype"), "seed", "a number of Python's own", repr(self.seed))
        check_choice("device", self.device, ("auto", "cpu", "cuda", "mps"))

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


@dataclass
class Run:
    """Everything that a run holds while it trains.

    ``trained`` is what the loop calls: the model itself or, with several workers, the model that adds up its
    gradients with theirs. Each worker's loaders give its own share of every batch. ``sums`` is what an epoch
    that is not finished has added up, and ``batches`` gives the rest of it; both are ``None`` between two epochs.
    """

    settings: RunSettings
    train: Digits
    val: Digits
    test: Digits
    model: DigitModel
    trained: nn.Module
    train_loader: DigitLoader
    val_loader: DigitLoader
    optimizer: Optimizer
    scheduler: LRScheduler | None
    history: History
    sums: EpochSums | None = None
    batches: Iterator[tuple[Tensor, Tensor]] | None = None


def train_run(settings: RunSettings, output: str | Path, *, progress: bool = True) -> dict[str, Any]:
    """Train, test once, and fill the output folder.

    Args:
        settings: see `RunSettings`.
        output: the folder; made if it is not there.
        progress: say what happens, a line for each epoch.

    Returns:
        The content of ``metrics.json``.

    Raises:
        RunError: the folder holds a run already, or another run is using it.
        ValueError: a setting is wrong; `digitlab.data.DataError` and `digitlab.training.TrainingError` are
            among them.
        OSError: the folder cannot be written to.
        Interrupted: somebody asked it to stop; what was done is saved, and `resume_run` goes on from there.
    """
    check_kind("settings", settings, RunSettings, "RunSettings")
    check_flag("progress", progress)
    folder = as_path("output", output)
    _check_unused(folder)
    run = _prepare(settings)
    if workers.rank() > 0:  # the first worker writes; the others only train
        return _train_and_finish(run, folder, progress=False)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with alone_in(folder):
            if workers.n_workers() == 1:  # a run that ended while this one was preparing
                _check_unused(folder)
            return _train_and_finish(run, folder, progress)
    finally:
        if is_new:  # where nothing could be saved, nothing is left behind
            with suppress(OSError):
                folder.rmdir()


def _check_unused(folder: Path) -> None:
    found = workers.told_by_first([name for name in _OWN_FILES if (folder / name).exists()])
    if found:
        advice = "go on with --resume, or choose another" if _UNFINISHED in found else "choose another"
        raise RunError(f"{folder} holds a run already ({found[0]}): {advice} --output")


def resume_run(output: str | Path, *, progress: bool = True) -> dict[str, Any]:
    """Go on with an interrupted run where it was last saved, as if it had never stopped.

    A finished run is left as it is.

    Raises:
        Interrupted: as `train_run`.
        RunError: there is nothing to resume, or another run is using the folder.
        digitlab.runs.checkpoint.CheckpointError: the saved state is damaged.
    """
    check_flag("progress", progress)
    folder = as_path("output", output)
    if (folder / _FINISHED).exists() and not (folder / _UNFINISHED).exists():
        metrics_file = folder / "metrics.json"
        return dict(json.loads(metrics_file.read_text(encoding="utf-8")))
    if not (folder / _UNFINISHED).exists():
        raise RunError(f"nothing to resume in {folder}: there is no {_UNFINISHED}")
    if workers.rank() > 0:
        return _train_and_finish(_restore(folder), folder, progress=False)
    with alone_in(folder):
        return _train_and_finish(_restore(folder), folder, progress)


def train_model(settings: RunSettings) -> Run:
    """Load and split the data and train as `train_run` does, but write nothing.

    Returns:
        The run: ``model`` is the trained network, ``test`` the digits to test it on.

    Raises:
        ValueError: as `train_run`.
    """
    check_kind("settings", settings, RunSettings, "RunSettings")
    run = _prepare(settings)
    while len(run.history) < settings.recipe.epochs:
        _train_a_while(run, progress=False)
    return run


def _restore(folder: Path) -> Run:
    """The interrupted run of a folder, as it stood when it was last saved."""
    path = folder / _UNFINISHED
    saved = load_checkpoint(path)
    state = saved.training_state or {}
    run = _prepare(_settings_in(path, state))
    run.model.load_state_dict(saved.model.state_dict())
    n_begun = len(state.get("random_states", ()))
    if n_begun != workers.n_workers():
        raise RunError(f"{folder} was begun by {counted(n_begun, 'worker')}: go on with as many")
    try:
        set_state(run, state)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise _damaged(path, error) from error
    return run


def _damaged(path: Path, error: Exception) -> CheckpointError:
    fault = " ".join(str(error).split())[:200] or type(error).__name__
    return CheckpointError(f"{path} is damaged: its training state is incomplete or does not fit ({fault})")


def saved_settings(output: str | Path) -> RunSettings | None:
    """The settings that an interrupted or finished run was started with; ``None`` if the folder holds no run.

    Raises:
        digitlab.runs.checkpoint.CheckpointError: the saved state is damaged.
    """
    folder = as_path("output", output)
    if (path := folder / _UNFINISHED).exists():
        return _settings_in(path, load_checkpoint(path).training_state or {})
    if (path := folder / _FINISHED).exists():
        return _settings_in(path, load_checkpoint(path).metadata)
    return None


def _settings_in(path: Path, saved: dict[str, Any]) -> RunSettings:
    try:
        return RunSettings.from_dict(saved["settings"])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(path, error) from error


def _prepare(settings: RunSettings) -> Run:
    """Check the settings, load the data, build the model and what trains it. Writes nothing."""
    recipe = settings.recipe
    device = workers.local_device(choose_device(settings.device))
    torch.manual_seed(settings.seed)
    # Channels last, as the batches are: see `digitlab.data.normalize`.
    model = create_model(recipe.model, recipe.dropout).to(device)
    model = model.to(memory_format=torch.channels_last)
    if workers.rank() == 0:  # so that, with several workers, only one of them downloads
        digits = load_digits("train", settings.source)
        workers.told_by_first(digits.name)
    else:
        digits = load_digits("train", workers.told_by_first(None))
    # What "auto" came to holds for the test too, and for resuming: the sample's digits are training digits of
    # MNIST.
    settings = replace(settings, source=digits.name)
    test = load_digits("test", digits.name)
    train, val = train_val_split(digits, len(digits) // 20, settings.seed)
    if recipe.n_digits is not None and recipe.n_digits < len(train):
        train, _ = train_val_split(train, len(train) - recipe.n_digits, settings.seed)
    share: dict[str, Any] = {"rank": workers.rank(), "n_workers": workers.n_workers(), "device": device}
    train_loader = DigitLoader(
        train, recipe.batch_size, shuffle=True, augment=recipe.augment, seed=settings.seed, **share
    )
    val_loader = DigitLoader(val, 1000, shuffle=False, **share)
    optimizer = make_optimizer(recipe, model)
    scheduler = make_scheduler(recipe, optimizer, len(train_loader))
    trained = workers.divided(model, train_loader)
    if workers.rank() > 0:  # the first weights are the same for all; what dropout leaves out is not
        torch.manual_seed(settings.seed + workers.rank())
    return Run(
        settings, train, val, test, model, trained, train_loader, val_loader, optimizer, scheduler, History()
    )


def _train_and_finish(run: Run, folder: Path, progress: bool) -> dict[str, Any]:
    recipe = run.settings.recipe
    if progress:
        sizes = f"{len(run.train):,} digits to learn from, {len(run.val):,} to validate, {len(run.test):,} to test"
        print(f"data    {run.train.name}: {sizes}")
        print(
            f"model   {recipe.model}: {_n_parameters(run.model):,} parameters, on {run.train_loader.device}"
        )
        print(f"recipe  {recipe.name}: {recipe.description}", flush=True)
    if not run.history.rows:  # before the first epoch, so that a full disk is noticed now and not after it
        _save_progress(run, folder)
    # Of several workers, each would stop at another batch: they stop and save after whole epochs only.
    is_alone = workers.n_workers() == 1
    with hold_signals() if is_alone else nullcontext(()) as requests:
        while len(run.history) < recipe.epochs and not requests:
            _train_a_while(run, progress, requests, _SAVE_SECONDS if is_alone else math.inf)
            _save_progress(run, folder)
    if requests:
        raise Interrupted(requests[0])
    summary = _finish(run, folder) if workers.rank() == 0 else None
    return dict(workers.told_by_first(summary))


def _train_a_while(run: Run, progress: bool, requests: Sequence[int] = (), seconds: float = math.inf) -> None:
    """Train until the epoch ends, a request to stop comes, or so many seconds have passed."""
    recipe, loader = run.settings.recipe, run.train_loader
    if run.sums is None:
        run.sums = EpochSums(lr=float(run.optimizer.param_groups[0]["lr"]))
    started = time.perf_counter()
    before = started - run.sums.seconds
    if run.batches is None:
        run.batches = iter(progress_bar(loader, len(run.history) + 1, progress, run.sums.n_batches))
    scores = train_one_epoch(
        run.trained,
        _until(run.batches, requests, started + seconds),
        run.optimizer,
        scheduler=run.scheduler,
        autocast=recipe.autocast and has_bfloat16(loader.device),
        label_smoothing=recipe.label_smoothing,
        sums=run.sums,
    )
    if run.sums.n_batches == len(loader):
        times = {"lr": run.sums.lr, "started": before}
        finish_epoch(run.history, scores, run.trained, run.val_loader, **times, progress=progress)
        run.sums = run.batches = None
    else:
        run.sums.seconds = time.perf_counter() - before


def _until(
    batches: Iterator[tuple[Tensor, Tensor]], requests: Sequence[int], deadline: float
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches until somebody asks to stop or the time is up, but at least one."""
    for batch in batches:
        yield batch
        if requests or time.perf_counter() > deadline:
            return


def _finish(run: Run, folder: Path) -> dict[str, Any]:
    """Test once, and write everything but what is written while training."""
    recipe = run.settings.recipe
    model = create_model(recipe.model)  # the bare one, without what several workers need
    model.load_state_dict(run.model.state_dict())
    probabilities = predict(model, run.test.images)
    summary = _summarise(run, probabilities)
    write_figures(folder, model, run.history, run.test, probabilities)
    _write_json(folder / "history.json", run.history.to_list())
    _write_json(folder / "metrics.json", summary)
    write_report(folder)
    save_checkpoint(folder / _FINISHED, model, recipe.model, metadata=summary)
    (folder / _UNFINISHED).unlink()
    return summary


def measure(probabilities: Tensor, labels: Tensor) -> dict[str, Any]:
    """The figures of a test, under the names that they have in ``metrics.json``.

    Args:
        probabilities: ``(N, 10)``.
        labels: ``(N,)``.

    Returns:
        ``test_accuracy`` (0..1), ``test_accuracy_ci95`` (Wilson interval), ``test_loss`` (mean per image, in
        nats).
    """
    check_tensor("probabilities", probabilities, ("N", 10), "floating point")
    check_tensor("labels", labels, (len(probabilities),), "int64")
    expect(len(labels) > 0, "labels", "at least one", "none")
    n_correct = int((probabilities.argmax(dim=1) == labels).sum())
    return {
        "test_accuracy": n_correct / len(labels),
        "test_accuracy_ci95": list(metrics.wilson_interval(n_correct, len(labels))),
        "test_loss": metrics.cross_entropy(probabilities, labels).mean().item(),
    }


def _summarise(run: Run, probabilities: Tensor) -> dict[str, Any]:
    train_seconds = sum(row.seconds for row in run.history.rows)
    recipe = run.settings.recipe
    sizes = {"n_train": len(run.train), "n_val": len(run.val), "n_test": len(run.test)}
    return {
        **measure(probabilities, run.test.labels),
        "train_seconds": round(train_seconds, 3),
        "images_per_second": round(len(run.train) * len(run.history) / train_seconds, 1),
        "epochs": len(run.history),
        "parameters": _n_parameters(run.model),
        "model": recipe.model,
        "recipe": recipe.name,
        "seed": run.settings.seed,
        "data": {"name": run.train.name, **sizes},
        "device": str(run.train_loader.device),
        "workers": workers.n_workers(),
        "settings": run.settings.to_dict(),
        "versions": {
            "digitlab": version("digitlab"),
            "python": platform.python_version(),
            "torch": str(torch.__version__),
        },
    }


def _save_progress(run: Run, folder: Path) -> None:
    state = get_state(run)
    if workers.rank() == 0:
        save_checkpoint(folder / _UNFINISHED, run.model, run.settings.recipe.model, training_state=state)


def _n_parameters(model: DigitModel) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _write_json(path: Path, value: Any) -> None:
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())
