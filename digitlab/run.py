"""One training run: settings go in, a folder comes out.

Ties the parts together as ``digitlab train`` does: load and split the data, train by a recipe, test once at
the end, and leave the model, the numbers, the pictures and the report in the output folder. After each epoch
everything that is needed to go on is saved as ``checkpoint.pt``; a finished run has ``model.pt`` instead. No
mathematics here: that is in the files it calls.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from digitlab import __version__, metrics, workers
from digitlab.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from digitlab.data import DigitLoader, Digits, RandomAffine, load_digits, train_val_split
from digitlab.files import write_whole
from digitlab.models import DigitModel, create_model
from digitlab.picture import counted
from digitlab.recipes import Recipe, make_optimizer, make_scheduler
from digitlab.report import write_figures, write_report
from digitlab.training import History, choose_device, fit, has_bfloat16, predict

_UNFINISHED, _FINISHED = "checkpoint.pt", "model.pt"
_OWN_FILES = (_UNFINISHED, _FINISHED, "metrics.json", "history.json", "report.html", "figures")


class RunError(ValueError):
    """A run's folder cannot be used as asked. The message is one line and says what to do."""


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
    gradients with theirs. Each worker's loaders give its own share of every batch.
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
    """
    folder = Path(output)
    found = workers.told_by_first([name for name in _OWN_FILES if (folder / name).exists()])
    if found:
        advice = "go on with --resume, or choose another" if _UNFINISHED in found else "choose another"
        raise RunError(f"{folder} holds a run already ({found[0]}): {advice} --output")
    run = _prepare(settings)
    if workers.rank() > 0:  # the first worker writes; the others only train
        return _train_and_finish(run, folder, progress=False)
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _alone_in(folder):
            return _train_and_finish(run, folder, progress)
    finally:
        if is_new:  # where nothing could be saved, nothing is left behind
            with suppress(OSError):
                folder.rmdir()


def resume_run(output: str | Path, *, progress: bool = True) -> dict[str, Any]:
    """Go on with an interrupted run after its last finished epoch, as if it had never stopped.

    A finished run is left as it is.

    Raises:
        RunError: there is nothing to resume, or another run is using the folder.
        digitlab.checkpoint.CheckpointError: the saved state is damaged.
    """
    folder = Path(output)
    if (folder / _FINISHED).exists() and not (folder / _UNFINISHED).exists():
        metrics_file = folder / "metrics.json"
        return dict(json.loads(metrics_file.read_text(encoding="utf-8")))
    if not (folder / _UNFINISHED).exists():
        raise RunError(f"nothing to resume in {folder}: there is no {_UNFINISHED}")
    if workers.rank() > 0:
        return _train_and_finish(_restore(folder), folder, progress=False)
    with _alone_in(folder):
        return _train_and_finish(_restore(folder), folder, progress)


def train_model(settings: RunSettings) -> Run:
    """Load and split the data and train as `train_run` does, but write nothing.

    Returns:
        The run: ``model`` is the trained network, ``test`` the digits to test it on.

    Raises:
        ValueError: as `train_run`.
    """
    run = _prepare(settings)
    while len(run.history) < settings.recipe.epochs:
        _train_one_epoch(run, progress=False)
    return run


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder. The operating system lifts the lock however this process ends."""
    path = folder / ".lock"
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunError(f"another run is using {folder}: wait for it, or choose another --output") from None
    try:
        yield
    finally:
        lock.release()
        path.unlink(missing_ok=True)


def _restore(folder: Path) -> Run:
    """The interrupted run of a folder, as it stood after its last finished epoch."""
    saved = load_checkpoint(folder / _UNFINISHED)
    try:
        state = saved.training_state or {}
        run = _prepare(_settings_in(state))
        run.model.load_state_dict(saved.model.state_dict())
        run.optimizer.load_state_dict(state["optimizer"])
        if run.scheduler is not None:
            run.scheduler.load_state_dict(state["scheduler"])
        run.history = History.from_list(state["history"])
        run.train_loader.epoch = len(run.history)
        random_states = state["random_states"]
        if len(random_states) != workers.n_workers():
            begun_by = counted(len(random_states), "worker")
            raise RunError(f"{folder} was begun by {begun_by}: go on with as many")
        _set_random_state(random_states[workers.rank()])
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(folder, error) from error
    return run


def _damaged(folder: Path, error: Exception) -> CheckpointError:
    return CheckpointError(f"{folder / _UNFINISHED} is damaged: its training state is incomplete ({error})")


def saved_settings(output: str | Path) -> RunSettings | None:
    """The settings that an interrupted or finished run was started with; ``None`` if the folder holds no run.

    Raises:
        digitlab.checkpoint.CheckpointError: the saved state is damaged.
    """
    folder = Path(output)
    try:
        if (folder / _UNFINISHED).exists():
            return _settings_in(load_checkpoint(folder / _UNFINISHED).training_state or {})
        if (folder / _FINISHED).exists():
            return _settings_in(load_checkpoint(folder / _FINISHED).metadata)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged(folder, error) from error
    return None


def _settings_in(saved: dict[str, Any]) -> RunSettings:
    return RunSettings.from_dict(saved["settings"])


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
    while len(run.history) < recipe.epochs:
        _train_one_epoch(run, progress)
        _save_progress(run, folder)
    summary = _finish(run, folder) if workers.rank() == 0 else None
    return dict(workers.told_by_first(summary))


def _train_one_epoch(run: Run, progress: bool) -> None:
    recipe = run.settings.recipe
    fit(
        run.trained,
        run.train_loader,
        run.val_loader,
        epochs=len(run.history) + 1,
        optimizer=run.optimizer,
        scheduler=run.scheduler,
        autocast=recipe.autocast and has_bfloat16(run.train_loader.device),
        label_smoothing=recipe.label_smoothing,
        history=run.history,
        progress=progress,
    )


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
            "digitlab": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
        },
    }


def _save_progress(run: Run, folder: Path) -> None:
    training_state = {
        "settings": run.settings.to_dict(),
        "optimizer": run.optimizer.state_dict(),
        "scheduler": run.scheduler.state_dict() if run.scheduler is not None else None,
        "history": run.history.to_list(),
        "random_states": workers.gather(_random_state(run.train_loader.device)),
    }
    recipe = run.settings.recipe
    if workers.rank() == 0:
        save_checkpoint(folder / _UNFINISHED, run.model, recipe.model, training_state=training_state)


def _random_state(device: torch.device) -> dict[str, Tensor]:
    """The state of PyTorch's global generators, from which dropout draws."""
    state = {"cpu": torch.get_rng_state()}
    if device.type != "cpu":
        state[device.type] = torch.get_device_module(device).get_rng_state()
    return state


def _set_random_state(state: dict[str, Tensor]) -> None:
    torch.set_rng_state(state["cpu"])
    for device in state.keys() - {"cpu"}:
        torch.get_device_module(device).set_rng_state(state[device])


def _n_parameters(model: DigitModel) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _write_json(path: Path, value: Any) -> None:
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())
