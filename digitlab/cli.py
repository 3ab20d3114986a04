"""The ``digitlab`` command: reads the arguments and turns errors into one line. What it then does: `digitlab.commands`.

Exit status: 0 when it did what was asked; 2 with one line ``digitlab: error: …`` on standard error for anything
that a user can cause; 130 or 143 when stopped. ``DIGITLAB_DEBUG=1`` shows the traceback behind such a line.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path
from typing import Any, NoReturn

import digitlab.commands as commands
from digitlab.commands import exit_status, print_error, print_note
from digitlab.names import DEVICES, MODELS, RECIPES, SOURCES


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line."""

    def error(self, message: str) -> NoReturn:
        print_error(f"{message} (see {self.prog} --help)")
        raise SystemExit(2)


class _Version(argparse.Action):
    """Looks the version up when it is asked for, which takes a moment."""

    def __call__(self, *_: Any) -> NoReturn:
        print(_version())
        raise SystemExit(0)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file's name may hold what the terminal's encoding does not
            stream.reconfigure(errors="backslashreplace")
    options = _build_parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_args, **_kwargs: print_note(str(message))
            return int(options.run(options))
    except KeyboardInterrupt as stop:
        print_error(str(stop) or "interrupted")
        return exit_status(stop)
    except BrokenPipeError:  # the reader of our output has seen enough, as in `digitlab doctor | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        if os.environ.get("DIGITLAB_DEBUG"):
            raise
        print_error(_describe(error))
        return 2


def _build_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="digitlab", description="Teach a convolutional network to read handwriting, and look inside."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="command")

    train = subparsers.add_parser("train", help="train a network, test it, and write a report with pictures")
    train.add_argument("--data", choices=SOURCES, help="default auto")
    train.add_argument("--recipe", choices=RECIPES, help="default classic")
    train.add_argument("--model", choices=MODELS, help="the recipe's own by default")
    train.add_argument("--epochs", type=_positive, metavar="N", help="passes over the training digits")
    train.add_argument("--batch-size", type=_positive, metavar="N", help="digits a step")
    train.add_argument("--seed", type=_seed, metavar="N", help="fixes everything random (default 0)")
    train.add_argument("--committee", type=_positive, metavar="N", help="N networks decide together")
    train.add_argument("--device", choices=DEVICES, help="default auto")
    train.add_argument("--output", type=Path, metavar="DIR", help="default runs/<recipe>-<time>")
    train.add_argument("--resume", action="store_true", help="go on with the interrupted run in --output")
    train.add_argument("--quiet", action="store_true", help="print nothing but errors")
    train.set_defaults(run=commands.train)

    evaluate = subparsers.add_parser("evaluate", help="measure a trained network on the test digits")
    evaluate.add_argument("path", type=Path, metavar="PATH", help="a run's or committee's folder, or a model")
    evaluate.add_argument("--data", choices=SOURCES, default="auto", help="default auto")
    evaluate.add_argument("--json", action="store_true", help="print JSON")
    evaluate.set_defaults(run=commands.evaluate)

    predict = subparsers.add_parser("predict", help="read the digits in photos or scans")
    predict.add_argument(
        "images", type=Path, nargs="+", metavar="IMAGE", help="a picture of handwritten digits"
    )
    predict.add_argument("--model", type=Path, metavar="PATH", help="the shipped network by default")
    predict.add_argument(
        "--stages", type=Path, metavar="DIR", help="save pictures of how digits were prepared"
    )
    predict.add_argument("--json", action="store_true", help="print JSON")
    predict.set_defaults(run=commands.predict)

    export = subparsers.add_parser("export", help="write a trained network for the playground, or as ONNX")
    export.add_argument("path", type=Path, metavar="PATH", help="a run's folder, or a model")
    formats = "js: for the playground, cnn only; onnx: any model"
    export.add_argument("--format", choices=("js", "onnx"), required=True, help=formats)
    export.add_argument("--output", type=Path, required=True, metavar="FILE", help="the file to write")
    export.set_defaults(run=commands.export)

    bench = subparsers.add_parser("bench", help="time ways of training side by side on this machine")
    bench.add_argument("--quick", action="store_true", help="under two minutes: smaller parts, fewer seeds")
    bench.add_argument("--data", choices=SOURCES, default="auto", help="default auto")
    bench.add_argument("--json", action="store_true", help="print JSON")
    bench.add_argument("--output", type=Path, metavar="FILE", help="write the JSON to a file as well")
    bench.set_defaults(run=commands.bench)

    lessons = subparsers.add_parser("lessons", help="copy the course's notebooks into a folder of yours")
    lessons.add_argument("folder", type=Path, metavar="DIR", help="where to; made if it is not there")
    lessons.add_argument("--force", action="store_true", help="overwrite copies that were edited")
    lessons.set_defaults(run=commands.lessons)

    progress = subparsers.add_parser("progress", help="show which exercises are solved")
    progress.add_argument("--reset", action="store_true", help="forget all of it")
    progress.set_defaults(run=commands.progress)

    download = subparsers.add_parser("download", help="fetch what is missing or damaged of the real digits")
    download.add_argument("--data", choices=("mnist", "fashion"), default="mnist", help="default mnist")
    download.set_defaults(run=commands.download)

    doctor = subparsers.add_parser("doctor", help="say what is installed, what is found and what is missing")
    doctor.set_defaults(run=commands.doctor)
    return parser


# --- arguments and messages -----------------------------------------------------------------------


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, got {text!r}")
    return int(text)


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 to 4294967295, got {text!r}")
    return int(text)


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot use {error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _version() -> str:
    from importlib.metadata import version

    return version("digitlab")
