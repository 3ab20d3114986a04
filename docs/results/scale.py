"""Measure what an image costs, in time and memory, from ten thousand to six million: writes ``scale.json``.

    python docs/results/scale.py [IMAGES ...]

Each size is measured in a process of its own, since a process gives memory back late. Linux only: it reads the
process's own memory, without mapped files, from /proc.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from digitlab.bench import describe_machine
from digitlab.data import DigitLoader, Digits, load_mnist
from digitlab.models import create_model
from digitlab.recipes import get_recipe, make_optimizer
from digitlab.training import train_one_epoch
from digitlab.writing import write_whole

N_TRAIN = 60_000
"""Images for which training is timed; the loader is timed on all."""


def measure(n: int, path: Path) -> dict[str, Any]:
    """One size: MNIST is repeated in the file ``path`` until there are ``n`` images."""
    mnist = load_mnist("train")
    repeats = np.arange(n) % len(mnist)
    with path.open("wb") as file:
        for part in np.array_split(repeats, max(1, n // 60_000)):
            file.write(mnist.images.numpy()[part].tobytes())
    labels = mnist.labels[torch.from_numpy(repeats)]
    images = np.memmap(path, dtype=np.uint8, mode="c", shape=(n, 28, 28))
    del mnist, repeats
    digits = Digits(torch.from_numpy(images), labels, "mnist, repeated", "train")
    loader = DigitLoader(digits, 256, shuffle=True)
    started = time.perf_counter()
    for _images, _labels in loader:
        pass
    loading = time.perf_counter() - started

    torch.manual_seed(0)
    model = create_model("fast")
    optimizer = make_optimizer(get_recipe("fast"), model)
    train_one_epoch(model, DigitLoader(digits[:5_000], 256, shuffle=True), optimizer)  # a warm-up
    started, n_seen = time.perf_counter(), 0

    def first_batches() -> Any:
        nonlocal n_seen
        for batch_images, batch_labels in loader:
            yield batch_images, batch_labels
            n_seen += len(batch_labels)
            if n_seen >= N_TRAIN:
                return

    train_one_epoch(model, first_batches(), optimizer)
    training = time.perf_counter() - started
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "images": n,
        "file_megabytes": n * 784 / 1e6,
        "loading_microseconds": loading / n * 1e6,
        "training_microseconds": training / n_seen * 1e6,
        "own_megabytes": int(status["RssAnon"].split()[0]) / 1e3,
    }


def report(n: int, path: str) -> None:
    """One size, printed as JSON."""
    print(json.dumps(measure(n, Path(path))))


def main(sizes: list[int]) -> None:
    """All sizes, one after the other."""
    rows = []
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            code = f"import scale; scale.report({n}, '{folder}/digits')"
            command, here = [sys.executable, "-c", code], Path(__file__).parent
            done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
        print(rows[-1], flush=True)
    result = {"machine": describe_machine(), "rows": rows}
    target = Path(__file__).with_name("scale.json")
    write_whole(target, (json.dumps(result, indent=1) + "\n").encode())


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000, 100_000, 1_000_000, 6_000_000])
