"""Train the network that doubts, ``doubter.safetensors``.

    DIGITLAB_DATA=<folder with MNIST> python digitlab/assets/train_doubter.py

It is the course's `CNN`, and learns what the shipped one learns, and from things that are no digits (``strangers.py``).
For those the right answer is one tenth for each digit. This is outlier exposure (Hendrycks, Mazeika and Dietterich,
"Deep Anomaly Detection with Outlier Exposure", 2019). The card, ``doubter.md``, says how it measures.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch.optim.lr_scheduler import LambdaLR
from tqdm import trange

from digitlab.assets.strangers import draw_strangers
from digitlab.assets.train_networks import SETTINGS, training_digits
from digitlab.data import load_mnist
from digitlab.models import CNN
from digitlab.names import MEAN, STD
from digitlab.runs.checkpoint import save_checkpoint

SEED = 0
EPOCHS = 12
N_STRANGERS = 30_000
STRANGER = -1  # their label


def main() -> None:
    """Train, and write ``doubter.safetensors`` beside this script."""
    digits = training_digits(n_val=5_000)
    strangers = draw_strangers(N_STRANGERS, seed=1, digits=load_mnist("train").images[10_000:])
    images = torch.cat([digits.images, strangers])
    labels = torch.cat([digits.labels, torch.full((N_STRANGERS,), STRANGER)])
    torch.manual_seed(SEED)
    model = CNN(dropout=0.0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2, fused=True)
    random = torch.Generator().manual_seed(SEED)
    n_steps = EPOCHS * (len(images) // 64)
    scheduler = LambdaLR(optimizer, lambda step: min(1, (step + 1) / 300, 2 - 2 * step / n_steps))
    for _step in trange(n_steps):
        batch = torch.randint(len(images), (64,), generator=random)
        altered = SETTINGS["cnn"].augment(images[batch][:, None] / 255, random)
        loss = loss_of(model((altered - MEAN) / STD), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    about = {
        "data": {"name": "mnist without the sample, strokes, and strangers"},
        "recipe": "shipped",
        "seed": SEED,
    }
    save_checkpoint(Path(__file__).with_name("doubter.safetensors"), model, "cnn", about)


def loss_of(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross-entropy with the label, or with one tenth for each digit."""
    wanted = F.one_hot(labels.clamp(min=0), 10).float()
    wanted[labels == STRANGER] = 0.1
    return F.cross_entropy(logits, wanted)


if __name__ == "__main__":
    main()
