"""The ``digitlab`` command: reads the arguments, calls the library, prints.

No rule of the subject lives here. PyTorch is imported only by the commands that compute, so that ``--help``
answers at once.

Exit status: 0 when it did what was asked; 2 with one line ``digitlab: error: …`` on standard error for
anything that a user can cause; 130 when interrupted. ``DIGITLAB_DEBUG=1`` shows the traceback behind such a
line.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from digitlab.checks import check_choice

if TYPE_CHECKING:
    from torch import Tensor

    from digitlab.photo import Photo
    from digitlab.runs.run import RunSettings

_DEVICES = ("auto", "cpu", "cuda", "mps")


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line, and so is the way out."""

    def error(self, message: str) -> NoReturn:
        _print_error(f"{message} (see {self.prog} --help)")
        raise SystemExit(2)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _build_parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_args, **_kwargs: _print_note(str(message))
            return int(options.run(options))
    except KeyboardInterrupt:
        _print_error("interrupted")
        return 130
    except BrokenPipeError:  # the reader of our output has seen enough, as in `digitlab doctor | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        if os.environ.get("DIGITLAB_DEBUG"):
            raise
        _print_error(_describe(error))
        return 2


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="digitlab", description="Teach a convolutional network to read handwriting, and look inside."
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    train = commands.add_parser("train", help="train a network, test it, and write a report with pictures")
    train.add_argument("--data", help="auto (default), mnist, sample or fashion")
    train.add_argument("--recipe", help="classic (default), fast, thorough or best")
    train.add_argument(
        "--model", help="cnn, softmax, mlp, lenet5, fast, deep, small or tiny; the recipe's own by default"
    )
    train.add_argument("--epochs", type=_positive, metavar="N", help="passes over the training digits")
    train.add_argument("--batch-size", type=_positive, metavar="N", help="digits a step")
    train.add_argument("--seed", type=_seed, metavar="N", help="fixes everything random (default 0)")
    train.add_argument(
        "--committee", type=_positive, metavar="N", help="N networks with the next seeds decide together"
    )
    train.add_argument("--device", help="auto (default), cpu, cuda or mps")
    train.add_argument("--output", type=Path, metavar="DIR", help="default runs/<recipe>-<time>")
    train.add_argument("--resume", action="store_true", help="go on with the interrupted run in --output")
    train.add_argument("--quiet", action="store_true", help="print nothing but errors")
    train.set_defaults(run=_train)

    evaluate = commands.add_parser("evaluate", help="measure a trained network on the test digits")
    evaluate.add_argument(
        "path", type=Path, metavar="PATH", help="a run's or committee's folder, or a model.pt"
    )
    evaluate.add_argument("--data", default="auto", help="auto (default), mnist, sample or fashion")
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    evaluate.set_defaults(run=_evaluate)

    predict = commands.add_parser("predict", help="read the digits in photos or scans")
    predict.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGE", help="a picture of handwritten digits"
    )
    predict.add_argument(
        "--model",
        type=Path,
        metavar="PATH",
        help="a run's or committee's folder, or a model.pt; the shipped network by default",
    )
    predict.add_argument(
        "--stages", type=Path, metavar="DIR", help="save a picture of how each digit was prepared"
    )
    predict.add_argument("--json", action="store_true", help="print JSON")
    predict.set_defaults(run=_predict)

    export = commands.add_parser("export", help="write a trained network for the playground page, or as ONNX")
    export.add_argument("path", type=Path, metavar="PATH", help="a run's folder or its model.pt")
    export.add_argument(
        "--format", required=True, help="js: weights for the playground page (cnn only); onnx: any model"
    )
    export.add_argument("--output", type=Path, required=True, metavar="FILE", help="the file to write")
    export.set_defaults(run=_export)

    bench = commands.add_parser("bench", help="time ways of training side by side on this machine")
    bench.add_argument("--quick", action="store_true", help="under two minutes: smaller parts, fewer seeds")
    bench.add_argument("--ladder", action="store_true", help="what each step from the script to fast gains")
    bench.add_argument("--data", default="auto", help="auto (default), mnist, sample or fashion")
    bench.add_argument("--json", action="store_true", help="print JSON")
    bench.add_argument("--output", type=Path, metavar="FILE", help="write the JSON to a file as well")
    bench.set_defaults(run=_bench)

    lessons = commands.add_parser("lessons", help="copy the course's notebooks into a folder of yours")
    lessons.add_argument("folder", type=Path, metavar="DIR", help="where to; made if it is not there")
    lessons.add_argument("--force", action="store_true", help="overwrite copies that were edited")
    lessons.set_defaults(run=_lessons)

    progress = commands.add_parser("progress", help="show which exercises are solved")
    progress.add_argument("--reset", action="store_true", help="forget all of it")
    progress.set_defaults(run=_progress)

    download = commands.add_parser("download", help="fetch what is missing or damaged of the real digits")
    download.add_argument("--data", default="mnist", help="mnist (default) or fashion")
    download.set_defaults(run=_download)

    doctor = commands.add_parser("doctor", help="say what is installed, what is found and what is missing")
    doctor.set_defaults(run=_doctor)
    return parser


# --- the commands ---------------------------------------------------------------------------------


def _train(options: argparse.Namespace) -> int:
    if options.resume and options.output is None:
        raise ValueError("--resume needs --output, the folder of the interrupted run")
    from digitlab.recipes import get_recipe, list_recipes
    from digitlab.runs import distributed as workers
    from digitlab.runs.committee import train_committee
    from digitlab.runs.interruption import Interrupted
    from digitlab.runs.run import RunSettings, resume_run, saved_settings, train_run

    progress = not options.quiet
    recipe_name = options.recipe or "classic"
    check_choice("recipe", recipe_name, list_recipes())
    settings = _with_options(RunSettings(get_recipe(recipe_name)), options)
    folder = options.output or Path("runs") / f"{recipe_name}-{time.strftime('%Y%m%d-%H%M%S')}"
    try:
        with workers.joined():
            if options.committee is not None:
                summary = train_committee(
                    settings, options.committee, folder, resume=options.resume, progress=progress
                )
            elif options.resume:
                saved = saved_settings(folder)
                if saved is not None and (
                    _with_options(saved, options) != saved or options.recipe not in (None, saved.recipe.name)
                ):
                    raise ValueError(f"{folder} was started with other settings: leave them out to resume it")
                summary = resume_run(folder, progress=progress)
            else:
                summary = train_run(settings, folder, progress=progress)
            progress = progress and workers.rank() == 0
    except (KeyboardInterrupt, workers.WorkerError) as error:
        status = 128 + error.signal if isinstance(error, Interrupted) else 130
        again = f"--resume --output {folder}"
        if options.committee is not None:
            again += f" --recipe {recipe_name} --committee {options.committee}, and the settings as before"
        elif not (folder / "checkpoint.pt").exists():
            raise
        _print_error(f"{str(error) or 'interrupted'}; go on with: digitlab train {again}")
        return status if isinstance(error, KeyboardInterrupt) else 2
    if progress:
        _print_scores("test   ", summary, summary["data"]["n_test"])
        if options.committee is None:
            print(f"report  {folder / 'report.html'}")
        else:
            members = ", ".join(f"{each['test_accuracy']:.2%}" for each in summary["members"])
            print(f"members {members}; each has its report in {folder}")
    return 0


def _with_options(settings: RunSettings, options: argparse.Namespace) -> RunSettings:
    """The settings, changed where the command line says otherwise."""
    from digitlab.data import SOURCES
    from digitlab.models import list_models

    for name, known in (("model", list_models()), ("data", SOURCES), ("device", _DEVICES)):
        if (chosen := getattr(options, name)) is not None:
            check_choice(name, chosen, known)
    data = None if options.data == "auto" else options.data
    of_recipe = _given(model=options.model, epochs=options.epochs, batch_size=options.batch_size)
    of_run = _given(source=data, seed=options.seed, device=options.device)
    return replace(settings, recipe=replace(settings.recipe, **of_recipe), **of_run)


def _evaluate(options: argparse.Namespace) -> int:
    from digitlab.data import SOURCES, load_digits
    from digitlab.device import choose_device
    from digitlab.runs.committee import load_trained
    from digitlab.runs.run import measure
    from digitlab.training import predict

    check_choice("data", options.data, SOURCES)
    model, members = load_trained(options.path, choose_device("auto"))
    test = load_digits("test", options.data)
    scores = measure(predict(model, test.images), test.labels)
    name = " or ".join(sorted({each.model_name for each in members}))
    sources = {each.metadata.get("data", {}).get("name") or "unknown data" for each in members}
    if "mnist" in sources and test.name == "sample":
        _print_note(
            "the sample is part of MNIST's training set, from which this model learnt: too good a figure"
        )
    if options.json:
        about = {"model": name, "n_members": len(members), "data": {"name": test.name, "n_test": len(test)}}
        print(json.dumps({**scores, **about}))
    else:
        together = f"a committee of {len(members)}, each " if len(members) > 1 else ""
        print(f"model   {together}{name}, trained on {' or '.join(sorted(sources))}")
        _print_scores(f"{test.name:<7}", scores, len(test))
    return 0


def _predict(options: argparse.Namespace) -> int:
    import torch

    from digitlab.photo import PhotoError, read_digits
    from digitlab.runs.checkpoint import load_shipped_model
    from digitlab.runs.committee import load_trained
    from digitlab.training import predict

    model = load_trained(options.model)[0] if options.model else load_shipped_model()
    results: list[dict[str, Any]] = []
    failed = False
    for path in options.images:
        try:
            photo = read_digits(path)
        except PhotoError as error:  # the other pictures are still worth reading
            _print_error(str(error))
            failed = True
            continue
        probabilities = predict(model, torch.from_numpy(photo.images))
        if options.stages:
            _save_stages(options.stages, path, photo, probabilities)
        digits = [
            {
                "digit": int(row.argmax()),
                "probability": float(row.max()),
                "probabilities": row.tolist(),
                "box": box,
            }
            for row, box in zip(probabilities, (list(digit.box) for digit in photo.digits), strict=True)
        ]
        results.append({"image": str(path), "digits": digits})
        if not options.json:
            text = "  ".join(f"{digit['digit']} ({digit['probability']:.1%})" for digit in digits)
            print(f"{path if str(path).isprintable() else ascii(str(path))}: {text}")
    if options.json:
        print(json.dumps(results))
    return 2 if failed else 0


def _save_stages(folder: Path, source: Path, photo: Photo, probabilities: Tensor) -> None:
    from digitlab.plots import plot_photo_stages
    from digitlab.plots.style import percent, save_picture

    folder.mkdir(parents=True, exist_ok=True)
    for number, (digit, row) in enumerate(zip(photo.digits, probabilities, strict=True), start=1):
        name = source.stem if len(photo.digits) == 1 else f"{source.stem}-{number}"
        title = f"Read as {int(row.argmax())}, {percent(float(row.max()))} sure"
        save_picture(plot_photo_stages(digit.stages(), title=title), folder / f"{name}-stages.png")


def _export(options: argparse.Namespace) -> int:
    check_choice("format", options.format, ("js", "onnx"))
    from digitlab.export import export_onnx, export_playground

    write = export_playground if options.format == "js" else export_onnx
    write(options.path, options.output)
    print(f"{options.output} written, {options.output.stat().st_size / 1000:.0f} kB")
    return 0


def _bench(options: argparse.Namespace) -> int:
    from digitlab.bench import PLANS, bench_table, ladder_table, run_bench, run_ladder
    from digitlab.data import SOURCES, load_digits
    from digitlab.writing import write_whole

    check_choice("data", options.data, SOURCES)
    if options.ladder:
        result = run_ladder(load_digits("train", options.data)[: 3_000 if options.quick else 12_000])
    else:
        plan = PLANS["quick" if options.quick else "usual"]
        result = run_bench(plan, options.data, None if options.json else _print_progress)
    if options.output:
        write_whole(options.output, (json.dumps(result, indent=1) + "\n").encode())
    if options.json:
        print(json.dumps(result))
    else:
        print(ladder_table(result) if options.ladder else bench_table(result))
    return 0


def _lessons(options: argparse.Namespace) -> int:
    from digitlab.exercises.notebooks import copy_lessons

    written = copy_lessons(options.folder, force=options.force)
    print(f"{len(written)} notebooks copied into {options.folder}")
    print(f'open them with: pip install "digitlab[lab]" && jupyter lab {options.folder}')
    return 0


def _progress(options: argparse.Namespace) -> int:
    from digitlab.exercises import list_exercises
    from digitlab.exercises.progress import progress_file, read_progress, reset_progress

    if options.reset:
        reset_progress()
        print("all progress is forgotten")
        return 0
    entries, exercises = read_progress(), list_exercises()
    for lesson in sorted({each.number[:2] for each in exercises}):
        of_lesson = [each for each in exercises if each.number.startswith(lesson)]
        found = [entries.get(each.number, {}) for each in of_lesson]
        n_solved = sum(bool(entry.get("solved")) for entry in found)
        print(f"lesson {lesson}   {n_solved} of {len(of_lesson)} solved")
        for each, entry in zip(of_lesson, found, strict=True):
            state = "solved" if entry.get("solved") else "tried" if entry.get("attempts") else "open"
            notes = [f"{entry['attempts']} attempts"] if entry.get("attempts", 0) > 1 else []
            notes += [f"{entry['hints']} hints"] if entry.get("hints") else []
            notes += ["solution seen"] if entry.get("looked") else []
            print(f"  {each.number}  {state:<7} {each.title}" + (f"  ({', '.join(notes)})" if notes else ""))
    n_solved = sum(bool(entries.get(each.number, {}).get("solved")) for each in exercises)
    print(f"{n_solved} of {len(exercises)} exercises solved; kept in {progress_file()}")
    return 0


def _download(options: argparse.Namespace) -> int:
    check_choice("data", options.data, ("mnist", "fashion"))
    from digitlab.data.mnist import data_folder, fetch_set

    folder = data_folder()
    print(f"checking {options.data} in {folder}, and fetching what is missing or damaged", flush=True)
    for path in fetch_set(options.data, folder, repair=True):
        print(f"fetched {path}")
    print(f"{options.data} is whole: the checksums of its four files are right")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import torch

    from digitlab.data import SPLITS, load_mnist, load_sample
    from digitlab.data.mnist import DataError, data_folder
    from digitlab.device import choose_device
    from digitlab.runs.checkpoint import load_shipped_model

    def installed(name: str) -> str | None:
        try:
            return version(name)
        except PackageNotFoundError:
            return None

    print(f"digitlab     {_version()}")
    print(f"python       {platform.python_version()} on {platform.system()} {platform.machine()}")
    print(f"torch        {torch.__version__}")
    print(f"torchvision  {installed('torchvision')}")
    print(f"device       {choose_device('auto')}; {torch.get_num_threads()} threads")
    n_sample = len(load_sample("train")) + len(load_sample("test"))
    print(f"sample       {n_sample:,} digits inside the package")
    n_parameters = sum(parameter.numel() for parameter in load_shipped_model().parameters())
    print(f"checkpoint   cnn, {n_parameters:,} parameters, inside the package")
    try:
        n_mnist = sum(len(load_mnist(split, download=False)) for split in SPLITS)
        print(f"mnist        {n_mnist:,} digits in {data_folder()}")
    except DataError as error:
        print(f"mnist        {error}")
        print("             get it with: digitlab download")
    for extra, package in (
        ("lab", "jupyterlab"),
        ("onnx", "onnxruntime"),
        ("docs", "mkdocs"),
        ("test", "pytest"),
    ):
        found = installed(package)
        advice = f'not installed (optional): pip install "digitlab[{extra}]"'
        print(f"{package:<12} {found or advice}")
    return 0


# --- arguments and messages -----------------------------------------------------------------------


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, got {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 4294967295, got {text!r}")
    return int(text)


def _print_scores(label: str, scores: dict[str, Any], n: int) -> None:
    low, high = scores["test_accuracy_ci95"]
    interval = f"95 % interval {low:.2%} to {high:.2%}"
    print(f"{label} {scores['test_accuracy']:.2%} of {n:,} test digits read correctly ({interval})")


def _print_error(message: str) -> None:
    rank = os.environ.get("RANK", "0")  # which of the workers says so, if torchrun started several
    print(f"digitlab: error: {f'worker {rank}: ' * (rank != '0')}{message}", file=sys.stderr)


def _print_progress(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _print_note(message: str) -> None:
    print(f"digitlab: note: {message}", file=sys.stderr)


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot use {error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _version() -> str:
    from importlib.metadata import version

    return version("digitlab")
