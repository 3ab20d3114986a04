"""One training run: settings go in, a folder with the model, its numbers, pictures and report comes out.

After each epoch everything that is needed to go on is saved as ``checkpoint.pt``; a finished run has
``model.safetensors`` instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from platform import python_version
from typing import Any

import torch
from filelock import FileLock, Timeout
from jaxtyping import Float, Int64
from torch import Tensor

from digitlab import __version__, metrics
from digitlab.checks import checked
from digitlab.data import DigitLoader, load_digits, train_val_split
from digitlab.device import choose_device, has_bfloat16, is_available
from digitlab.models import DigitModel, create_model
from digitlab.recipes import make_optimizer, make_scheduler
from digitlab.runs.checkpoint import MODEL_FILE, save_checkpoint
from digitlab.runs.distributed import broadcast, local_device, rank, world_size, wrap_ddp
from digitlab.runs.report import write_figures, write_report
from digitlab.runs.state import STATE_FILE, RunError, RunSettings, read_settings, restore, save_state
from digitlab.training import History, fit, predict
from digitlab.writing import remove_leftovers, write_whole

_OWN_FILES = (STATE_FILE, MODEL_FILE, "metrics.json", "history.json", "report.html", "figures")


class Run:
    """Everything that a run holds while it trains. Each worker's loaders give its own share of every batch."""

    def __init__(self, settings: RunSettings) -> None:
        recipe, seed = settings.recipe, settings.seed
        device = local_device(choose_device(settings.device))
        torch.manual_seed(seed)
        # Channels last, as the batches are: see `digitlab.data.loader`.
        model = create_model(recipe.model, recipe.dropout)
        self.model = model.to(device).to(memory_format=torch.channels_last)
        # Of several workers, only the first one downloads.
        source = broadcast(load_digits("train", settings.source).name if rank() == 0 else None)
        # What "auto" came to holds for the test too: the sample's digits are training digits of MNIST.
        self.settings = replace(settings, source=source)
        digits, self.test = load_digits("train", source), load_digits("test", source)
        self.train, self.val = train_val_split(digits, len(digits) // 20, seed)
        if recipe.n_digits is not None and recipe.n_digits < len(self.train):
            self.train, _ = train_val_split(self.train, len(self.train) - recipe.n_digits, seed)
        share: dict[str, Any] = {"rank": rank(), "n_workers": world_size(), "device": device}
        altered: dict[str, Any] = {"augment": recipe.augment, "seed": seed, **share}
        self.train_loader = DigitLoader(self.train, recipe.batch_size, shuffle=True, **altered)
        self.val_loader = DigitLoader(self.val, 1000, shuffle=False, **share)
        self.optimizer = make_optimizer(recipe, self.model)
        self.scheduler = make_scheduler(recipe, self.optimizer, len(self.train_loader))
        self.history = History()
        if rank() > 0:  # the first weights are the same for all; what dropout leaves out is not
            torch.manual_seed(seed + rank())


@checked
def train_run(settings: RunSettings, output: str | Path, *, progress: bool = True) -> dict[str, Any]:
    """Train, test once, and fill the output folder; returns the content of ``metrics.json``.

    `RunError` if the folder holds a run already, or another run is using it.
    """
    folder = Path(output)
    # The first worker looks, for all of them: while one looks, another may be writing already.
    found = broadcast([name for name in _OWN_FILES if (folder / name).exists()])
    if found:
        advice = "go on with --resume, or choose another" if STATE_FILE in found else "choose another"
        raise RunError(f"{folder} holds a run already ({found[0]}): {advice} --output")
    run = Run(settings)
    with _alone_in(folder):
        return _train_and_finish(run, folder, progress)


@checked
def resume_run(output: str | Path, *, device: str | None = None, progress: bool = True) -> dict[str, Any]:
    """Go on with an interrupted run after its last whole epoch, as if it had never stopped.

    A finished run is left as it is. On another ``device`` than before, or with another PyTorch, the last bits may
    differ: a `UserWarning` says so. `RunError` if there is nothing to resume, or another run is using the folder;
    `CheckpointError` if the saved state is damaged.
    """
    folder = Path(output)
    if not (folder / STATE_FILE).exists():
        if (folder / MODEL_FILE).exists():
            return dict(json.loads((folder / "metrics.json").read_text(encoding="utf-8")))
        raise RunError(f"nothing to resume in {folder}: there is no {STATE_FILE}")
    with _alone_in(folder):
        settings = read_settings(folder / STATE_FILE)
        usual = settings.device if is_available(settings.device) else "auto"
        run = Run(replace(settings, device=device or usual))
        restore(run, folder / STATE_FILE)
        return _train_and_finish(run, folder, progress)


@checked
def train_model(settings: RunSettings) -> Run:
    """Train as `train_run` does, but write nothing: the result's ``model`` is the trained network."""
    run = Run(settings)
    _fit(run)
    return run


def saved_settings(output: str | Path) -> RunSettings | None:
    """The settings that an unfinished or finished run was started with; ``None`` if the folder holds no run."""
    folder = Path(output)
    if (path := folder / STATE_FILE).exists():
        return read_settings(path)
    if (folder / MODEL_FILE).exists() and (path := folder / "metrics.json").exists():
        return read_settings(path)
    return None


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep a second run out of the folder. The operating system lifts the lock however this process ends."""
    if rank() > 0:  # the first worker writes; the others only train
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunError(f"another run is using {folder}: wait for it, or choose another --output") from None
    try:
        remove_leftovers(folder)
        yield
    finally:
        lock.release()
        with suppress(OSError):  # Windows keeps a file that somebody looks at
            (folder / ".lock").unlink(missing_ok=True)
            folder.rmdir()  # which fails, unless nothing could be saved


def _train_and_finish(run: Run, folder: Path, progress: bool) -> dict[str, Any]:
    progress = progress and rank() == 0
    if progress:
        recipe, train, device = run.settings.recipe, run.train, run.train_loader.device
        print(f"data    {train.name}: {len(train):,} digits to learn from, {len(run.test):,} to test")
        print(f"model   {recipe.model}: {_n_parameters(run.model):,} parameters, on {device}")
        print(f"recipe  {recipe.name}: {recipe.description}", flush=True)
    if not run.history.rows:  # before the first epoch, so that a full disk is noticed now and not after it
        save_state(run, folder / STATE_FILE)
    _fit(run, after_epoch=lambda _: save_state(run, folder / STATE_FILE), progress=progress)
    return dict(broadcast(_finish(run, folder) if rank() == 0 else None))


def _fit(run: Run, after_epoch: Callable[[History], object] | None = None, progress: bool = False) -> None:
    recipe = run.settings.recipe
    fit(
        wrap_ddp(run.model, run.train_loader),
        run.train_loader,
        run.val_loader,
        epochs=recipe.epochs,
        optimizer=run.optimizer,
        scheduler=run.scheduler,
        autocast=recipe.autocast and has_bfloat16(run.train_loader.device),
        label_smoothing=recipe.label_smoothing,
        history=run.history,
        after_epoch=after_epoch,
        progress=progress,
    )


def _finish(run: Run, folder: Path) -> dict[str, Any]:
    """Test once, and write everything but what is written while training."""
    recipe = run.settings.recipe
    model = create_model(recipe.model)  # a plain one, without what several workers need
    model.load_state_dict(run.model.state_dict())
    probabilities = predict(model, run.test.images)
    train_seconds = sum(row.seconds for row in run.history.rows)
    sizes = {"n_train": len(run.train), "n_val": len(run.val), "n_test": len(run.test)}
    summary = {
        **measure(probabilities, run.test.labels),
        "train_seconds": round(train_seconds, 3),
        "images_per_second": round(len(run.train) * len(run.history) / train_seconds, 1),
        "epochs": len(run.history),
        "parameters": _n_parameters(model),
        "model": recipe.model,
        "recipe": recipe.name,
        "seed": run.settings.seed,
        "data": {"name": run.train.name, **sizes},
        "device": str(run.train_loader.device),
        "workers": world_size(),
        "settings": asdict(run.settings),
        "versions": {"digitlab": __version__, "python": python_version(), "torch": str(torch.__version__)},
    }
    write_figures(folder, model, run.history, run.test, probabilities)
    write_json(folder / "history.json", run.history.to_list())
    write_json(folder / "metrics.json", summary)
    write_report(folder)
    save_checkpoint(folder / MODEL_FILE, model, recipe.model, summary)
    (folder / STATE_FILE).unlink()
    return summary


def _n_parameters(model: DigitModel) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@checked
def measure(probabilities: Float[Tensor, "N C"], labels: Int64[Tensor, " N"]) -> dict[str, Any]:
    """The figures of a test, under the names that they have in ``metrics.json``.

    ``test_accuracy`` (0..1), ``test_accuracy_ci95`` (Wilson interval), ``test_loss`` (mean per image, in nats).
    """
    n_correct = int((probabilities.argmax(dim=1) == labels).sum())
    return {
        "test_accuracy": n_correct / len(labels),
        "test_accuracy_ci95": list(metrics.wilson_interval(n_correct, len(labels))),
        "test_loss": metrics.cross_entropy(probabilities, labels).mean().item(),
    }


def write_json(path: Path, value: Any) -> None:
    """Plain data as a file of JSON, whole or not at all."""
    write_whole(path, (json.dumps(value, indent=2) + "\n").encode())
