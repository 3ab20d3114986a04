"""What ``digitlab doctor`` says: what is installed, what is found and what is missing."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import torch

from digitlab.data import Digits, data_folder, load_mnist, load_sample
from digitlab.device import choose_device
from digitlab.names import SPLITS, Split
from digitlab.runs.checkpoint import load_shipped_model

_EXTRAS = {"jupyterlab": "lab", "onnxruntime": "onnx", "mkdocs": "docs", "pytest": "test"}


def examine() -> Iterator[str]:
    """A line for each thing. What cannot be read is said on its line, and the next thing is looked at."""
    yield f"digitlab     {_installed('digitlab')}"
    yield f"python       {platform.python_version()} on {platform.system()} {platform.machine()}"
    yield f"torch        {torch.__version__}"
    yield f"torchvision  {_installed('torchvision')}"
    yield f"device       {choose_device('auto')}; {torch.get_num_threads()} threads"
    looks: dict[str, Callable[[], str]] = {
        "sample": lambda: f"{_n_digits(load_sample)} digits inside the package",
        "model": lambda: f"{type(load_shipped_model()).__name__}, inside the package",
        "mnist": lambda: f"{_n_digits(partial(load_mnist, download=False))} digits in {data_folder()}",
    }
    for name, look in looks.items():
        try:
            yield f"{name:<12} {look()}"
        except (ValueError, OSError) as error:
            yield f"{name:<12} {error}"
            if name == "mnist":
                yield "             get it with: digitlab download"
    for package, extra in _EXTRAS.items():
        advice = f'not installed (optional): pip install "digitlab[{extra}]"'
        yield f"{package:<12} {_installed(package) or advice}"


def _n_digits(load: Callable[[Split], Digits]) -> str:
    return f"{sum(len(load(split)) for split in SPLITS):,}"


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
