"""The ``digitlab`` command: reads the arguments and turns errors into one line. What it then does: `digitlab.commands`.

Exit status: 0 when it did what was asked; 2 with one line ``digitlab: error: …`` on standard error for anything
that a user can cause; 130 or 143 when stopped. ``DIGITLAB_DEBUG=1`` shows the traceback behind such a line.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from digitlab import __version__, commands
from digitlab.commands import print_error, print_note
from digitlab.names import DEVICES, MODELS, RECIPES, SOURCES


class _Parser(argparse.ArgumentParser):
    """argparse, but an error is one line."""

    def error(self, message: str) -> NoReturn:
        print_error(f"{message} (see {self.prog} --help)")
        raise SystemExit(2)


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
        message, number = stop.args or ("interrupted", signal.SIGINT)
        print_error(message)
        return 128 + int(number)
    except BrokenPipeError:  # the reader of our output has seen enough, as in `digitlab doctor | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        if os.environ.get("DIGITLAB_DEBUG"):
            raise
        print_error(_describe(error))
        return 2


def _build_parser() -> argparse.ArgumentParser:
    description = "Teach a convolutional network to read handwriting, and look inside."
    parser = _Parser(prog="digitlab", description=description)
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(required=True, metavar="command")

    def add(run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        command = subparsers.add_parser(run.__name__, help=run.__doc__)
        command.set_defaults(run=run)
        return command

    train = add(commands.train)
    train.add_argument("--data", dest="source", choices=SOURCES, help="default auto")
    train.add_argument("--recipe", choices=RECIPES, help="default classic")
    train.add_argument("--model", choices=MODELS, help="the recipe's own by default")
    train.add_argument("--epochs", type=int, metavar="N", help="passes over the training digits")
    train.add_argument("--batch-size", type=int, metavar="N", help="digits a step")
    train.add_argument("--seed", type=int, metavar="N", help="fixes everything random (default 0)")
    train.add_argument("--committee", type=int, metavar="N", help="N networks decide together")
    train.add_argument("--device", choices=DEVICES, help="default auto")
    train.add_argument("--output", type=Path, metavar="DIR", help="default runs/<recipe>-<time>")
    train.add_argument("--resume", action="store_true", help="go on with the interrupted run in --output")
    train.add_argument("--quiet", action="store_true", help="print nothing but errors")

    evaluate = add(commands.evaluate)
    evaluate.add_argument("path", type=Path, metavar="PATH", help="a run's or committee's folder, or a model")
    evaluate.add_argument("--data", default="auto", help=f"one of {SOURCES}, or FILE.json, digits you drew")
    evaluate.add_argument("--json", action="store_true", help="print JSON")

    predict = add(commands.predict)
    predict.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="a photo or scan")
    predict.add_argument("--model", type=Path, metavar="PATH", help="the shipped network by default")
    predict.add_argument("--stages", type=Path, metavar="DIR", help="save how digits were prepared")
    predict.add_argument("--json", action="store_true", help="print JSON")

    export = add(commands.export)
    export.add_argument("path", type=Path, metavar="PATH", help="a run's folder, or a model")
    export.add_argument("--format", choices=("js", "onnx"), required=True, help="js is for cnn only")
    export.add_argument("--output", type=Path, required=True, metavar="FILE", help="the file to write")

    bench = add(commands.bench)
    bench.add_argument("--quick", action="store_true", help="under two minutes: smaller parts, fewer seeds")
    bench.add_argument("--data", choices=SOURCES, default="auto", help="default auto")
    bench.add_argument("--json", action="store_true", help="print JSON")
    bench.add_argument("--output", type=Path, metavar="FILE", help="write the JSON to a file as well")

    lessons = add(commands.lessons)
    lessons.add_argument("folder", type=Path, metavar="DIR", help="where to; made if it is not there")
    lessons.add_argument("--force", action="store_true", help="overwrite copies that were edited")

    progress = add(commands.progress)
    progress.add_argument("--reset", action="store_true", help="forget all of it")

    download = add(commands.download)
    download.add_argument("--data", choices=("mnist", "fashion"), default="mnist", help="default mnist")

    add(commands.doctor)
    return parser


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"cannot use {error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error).split()) or type(error).__name__
