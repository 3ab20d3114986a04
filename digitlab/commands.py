"""What each ``digitlab`` command does: call the library and print. No rule of the subject lives here.

PyTorch is imported only inside the commands that compute, so that ``digitlab --help`` answers at once.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from torch import Tensor

    from digitlab.photo import Photo
    from digitlab.runs.state import RunSettings


def train(options: argparse.Namespace) -> int:
    """Train a network, test it, and write a report with pictures."""
    if options.resume and options.output is None:
        raise ValueError("--resume needs --output, the folder of the interrupted run")
    from digitlab.recipes import get_recipe
    from digitlab.runs.committee import train_committee
    from digitlab.runs.distributed import WorkerError, process_group, rank
    from digitlab.runs.run import resume_run, saved_settings, train_run
    from digitlab.runs.state import STATE_FILE, RunSettings

    recipe_name = options.recipe or "classic"
    settings = _with_options(RunSettings(get_recipe(recipe_name)), options)
    folder = options.output or Path("runs") / f"{recipe_name}-{time.strftime('%Y%m%d-%H%M%S')}"
    n_members, resume = options.committee, options.resume
    _stop_on_request()
    try:
        with process_group():
            progress = not options.quiet and rank() == 0
            if n_members is not None:
                summary = train_committee(settings, n_members, folder, resume=resume, progress=progress)
            elif resume:
                saved = saved_settings(folder) or settings
                asked = replace(_with_options(saved, options), device=saved.device)
                if asked != saved or options.recipe not in (None, saved.recipe.name):
                    raise ValueError(f"{folder} was started with other settings: leave them out to resume it")
                summary = resume_run(folder, device=options.device, progress=progress)
            else:
                summary = train_run(settings, folder, progress=progress)
    except (KeyboardInterrupt, WorkerError) as stop:
        again = f"--resume --output {folder}"
        if n_members is not None:
            again += f" --recipe {recipe_name} --committee {n_members}, and the settings as before"
        elif not (folder / STATE_FILE).exists():
            raise
        message, *number = stop.args or ("interrupted", signal.SIGINT)
        stop.args = (f"{message}; go on with: digitlab train {again}", *number)
        raise
    if progress:
        _print_scores("test   ", summary, summary["data"]["n_test"])
        if n_members is None:
            print(f"report  {folder / 'report.html'}")
        else:
            members = ", ".join(f"{each['test_accuracy']:.2%}" for each in summary["members"])
            print(f"members {members}; each has its report in {folder}")
    return 0


def _with_options(settings: RunSettings, options: argparse.Namespace) -> RunSettings:
    """The settings, changed where the command line says otherwise."""
    given = {name: value for name, value in vars(options).items() if value not in (None, "auto")}
    of_recipe = {name: given[name] for name in ("model", "epochs", "batch_size") if name in given}
    of_run = {name: given[name] for name in ("source", "seed", "device") if name in given}
    return replace(settings, recipe=replace(settings.recipe, **of_recipe), **of_run)


def evaluate(options: argparse.Namespace) -> int:
    """Measure a trained network on the test digits."""
    from digitlab.data import load_digits, load_drawn
    from digitlab.device import choose_device
    from digitlab.runs.committee import load_trained
    from digitlab.runs.run import measure
    from digitlab.training import predict

    model, members = load_trained(options.path, choose_device("auto"))
    test = load_drawn(options.data) if options.data.endswith(".json") else load_digits("test", options.data)
    scores = measure(predict(model, test.images), test.labels)
    name = " or ".join(sorted({each.model_name for each in members}))
    sources = {each.data_name for each in members}
    if "mnist" in sources and test.name == "sample":
        print_note("too good: the sample is part of MNIST's training set, from which this model learnt")
    if options.json:
        about = {"model": name, "n_members": len(members), "data": {"name": test.name, "n_test": len(test)}}
        print(json.dumps({**scores, **about}))
    else:
        together = f"a committee of {len(members)}, each " if len(members) > 1 else ""
        print(f"model   {together}{name}, trained on {' or '.join(sorted(sources))}")
        _print_scores(f"{test.name:<7}", scores, len(test))
    return 0


def predict(options: argparse.Namespace) -> int:
    """Read the digits in photos or scans."""
    import torch

    from digitlab.doubt import UNLIKE, cut_touching, unlikeness
    from digitlab.photo import PhotoError, read_digits
    from digitlab.photo.doubt import find_doubt, say_left_out
    from digitlab.runs.checkpoint import load_shipped_model
    from digitlab.runs.committee import load_trained
    from digitlab.training import predict

    model = load_trained(options.model)[0] if options.model else load_shipped_model(name="deep")
    results: list[dict[str, Any]] = []
    failed = False
    for path in options.images:
        name = path if str(path).isprintable() else ascii(str(path))
        try:
            photo = cut_touching(read_digits(path), model)
        except PhotoError as error:  # the other pictures are still worth reading
            print_error(str(error) if ascii(str(path))[1:-1] in str(error) else f"{name}: {error}")
            failed = True
            continue
        images = torch.from_numpy(photo.images)
        probabilities, strange = predict(model, images), unlikeness(images).tolist()
        if options.stages:
            _save_stages(options.stages, path, photo, probabilities)
        digits: list[dict[str, Any]] = []
        for row, digit, unlike in zip(probabilities, photo.digits, strange, strict=True):
            first, second = row.topk(2).indices.tolist()
            read = {
                "digit": first,
                "probability": float(row[first]),
                "runner_up": second,
                "unlikeness": unlike,
            }
            doubt = find_doubt(digit.doubt, row.tolist(), unlike > UNLIKE)
            digits.append({**read, "doubt": doubt, "probabilities": row.tolist(), "box": list(digit.box)})
        left_out = [{"box": list(box), "reason": reason} for box, reason in photo.left_out]
        results.append({"image": str(path), "digits": digits, "left_out": left_out})
        if not options.json:
            print(f"{name}: {'  '.join(map(_say, digits))}")
            if left_out:
                print(f"  {say_left_out(reason for _, reason in photo.left_out)}")
    if options.json:
        print(json.dumps(results))
    return 2 if failed else 0


def _say(read: dict[str, Any]) -> str:
    """An answer with its runner-up, and a mark and a reason if it is in doubt: `4? (61.0%, or 9: low margin)`."""
    mark, reason = ("?", f": {read['doubt']}") if read["doubt"] else ("", "")
    return f"{read['digit']}{mark} ({read['probability']:.1%}, or {read['runner_up']}{reason})"


def _save_stages(folder: Path, source: Path, photo: Photo, probabilities: Tensor) -> None:
    from digitlab.plots.digits import plot_photo_stages
    from digitlab.plots.style import save_picture
    from digitlab.wording import percent

    folder.mkdir(parents=True, exist_ok=True)
    for number, (digit, row) in enumerate(zip(photo.digits, probabilities, strict=True), start=1):
        name = source.stem if len(photo.digits) == 1 else f"{source.stem}-{number}"
        title = f"Read as {int(row.argmax())}, {percent(float(row.max()))} sure"
        save_picture(plot_photo_stages(digit.stages(), title=title), folder / f"{name}-stages.png")


def export(options: argparse.Namespace) -> int:
    """Write a trained network for the playground, or as ONNX."""
    from digitlab.export import export_onnx, export_playground

    write = export_playground if options.format == "js" else export_onnx
    write(options.path, options.output)
    print(f"{options.output} written, {options.output.stat().st_size / 1000:.0f} kB")
    return 0


def bench(options: argparse.Namespace) -> int:
    """Time ways of training side by side on this machine."""
    from digitlab.bench.race import bench_table, run_bench
    from digitlab.runs.run import write_json

    progress = None if options.json else partial(print, file=sys.stderr, flush=True)
    result = run_bench(options.quick, options.data, progress)
    if options.output:
        write_json(options.output, result)
    print(json.dumps(result) if options.json else bench_table(result))
    return 0


def lessons(options: argparse.Namespace) -> int:
    """Copy the course's notebooks into a folder of yours."""
    from digitlab.exercises.notebooks import copy_lessons

    written = copy_lessons(options.folder, force=options.force)
    print(f"{len(written)} notebooks copied into {options.folder}")
    print(f"open them with: pip install jupyterlab && jupyter lab {options.folder}")
    return 0


def progress(options: argparse.Namespace) -> int:
    """Show which exercises are solved."""
    from digitlab.exercises import list_exercises
    from digitlab.exercises.progress import progress_table, reset_progress

    if options.reset:
        reset_progress()
        print("all progress is forgotten")
    else:
        print(progress_table({each.number: each.title for each in list_exercises()}))
    return 0


def download(options: argparse.Namespace) -> int:
    """Fetch what is missing or damaged of MNIST or Fashion-MNIST."""
    from digitlab.data.mnist import data_folder, download

    folder = data_folder()
    print(f"checking {options.data} in {folder}, and fetching what is missing or damaged", flush=True)
    fetched = download(options.data, folder, repair=True)
    print(f"{options.data} was fetched" if fetched else f"{options.data} was there already, whole")
    return 0


def doctor(options: argparse.Namespace) -> int:
    """Say what is installed, what is found and what is missing."""
    from digitlab.doctor import examine

    for line in examine():
        print(line)
    return 0


def _stop_on_request() -> None:
    """A closed terminal or a machine that shuts down ends the command as Ctrl-C does."""

    def stop(number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt("asked to stop", number)

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows knows no SIGHUP
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:  # under nohup it is ignored
            signal.signal(number, stop)


def _print_scores(label: str, scores: dict[str, Any], n: int) -> None:
    low, high = scores["test_accuracy_ci95"]
    interval = f"95 % interval {low:.2%} to {high:.2%}"
    print(f"{label} {scores['test_accuracy']:.2%} of {n:,} test digits read correctly ({interval})")


def print_error(message: str) -> None:
    """The one line that a user gets for what went wrong."""
    rank = os.environ.get("RANK", "0")  # which of the workers says so, if torchrun started several
    print(f"digitlab: error: {f'worker {rank}: ' * (rank != '0')}{message}", file=sys.stderr)


def print_note(message: str) -> None:
    """A line that is no error, but should be known."""
    print(f"digitlab: note: {message}", file=sys.stderr)
