"""Run by ``torchrun`` in test_workers.py: each worker trains, and the first writes what they did.

Arguments: the file to write. Without ``torchrun`` the same is done by one worker.
"""

import sys

import torch

from digitlab.data import DigitLoader, load_sample
from digitlab.data.augmentation import RandomAffine
from digitlab.models import create_model
from digitlab.runs.distributed import all_gather, process_group, rank, world_size, wrap_ddp
from digitlab.training import evaluate, train_one_epoch

N_TRAIN, N_TEST = 301, 103  # three batches of 100 and one of a single image: two of three workers have none


def main() -> None:
    """Two models, a few steps each; then an evaluation, and which images each worker saw."""
    torch.set_num_threads(1)
    train, test = load_sample("train")[:N_TRAIN], load_sample("test")[:N_TEST]
    found: dict[str, object] = {}
    with process_group():
        own = {"rank": rank(), "n_workers": world_size()}
        for name in ("lenet5", "mlp"):
            torch.manual_seed(0)
            model = create_model(name).double()
            augment = RandomAffine(degrees=10, elastic=0.5)
            loader = DigitLoader(train, 100, shuffle=True, augment=augment, seed=1, **own)
            trained = wrap_ddp(model, loader)
            batches = _InDoublePrecision(loader)
            scores = train_one_epoch(trained, batches, torch.optim.SGD(model.parameters(), lr=0.05))
            test_loader = _InDoublePrecision(DigitLoader(test, 50, shuffle=False, **own))
            found[name] = (model.state_dict(), scores, evaluate(trained, test_loader))
        numbered = DigitLoader(test, 50, shuffle=False, **own)
        numbered.labels = torch.arange(N_TEST)  # labels that say which image it is
        shares = [labels.tolist() for _, labels in numbered]
        found["seen"] = [number for worker in all_gather(shares) for share in worker for number in share]
        if rank() == 0:
            torch.save(found, sys.argv[1])


class _InDoublePrecision:
    """So that rounding cannot hide a difference, nor make one."""

    def __init__(self, loader: DigitLoader) -> None:
        self.loader = loader

    def __iter__(self):
        for images, labels in self.loader:
            yield images.double(), labels


if __name__ == "__main__":
    main()
