import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from torchvision import transforms

import digitlab
from digitlab.data import MEAN, STD, DigitLoader, Digits, load_digits, load_sample, normalize, train_val_split
from digitlab.data.augmentation import RandomAffine

ASSETS = Path(digitlab.__file__).parent / "assets"


forty = settings(max_examples=40, deadline=None, derandomize=True)


def random_digits(n: int, seed: int = 0) -> Digits:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, 28, 28), dtype=torch.uint8, generator=generator)
    return Digits(images, torch.randint(0, 10, (n,), generator=generator), "sample", "train")


def test_sample_sizes_classes_and_disjoint() -> None:
    train, test = load_sample("train"), load_sample("test")
    assert (len(train), len(test)) == (8000, 2000)
    assert (train.images.dtype, train.labels.dtype) == (torch.uint8, torch.int64)
    # The classes of MNIST's first 10,000 training images, as counted from MNIST itself.
    counts = train.labels.bincount() + test.labels.bincount()
    assert counts.tolist() == [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]
    assert torch.cat([train.images, test.images]).unique(dim=0).shape[0] == 10_000, "no image stands twice"
    assert 0.05 < (train.labels[1:] == train.labels[:-1]).float().mean() < 0.15, "in no order of class"


def test_sample_is_the_file_that_its_card_describes() -> None:
    content = (ASSETS / "sample.npz").read_bytes()
    card = (ASSETS / "sample.md").read_text(encoding="utf-8")
    for words in (hashlib.sha256(content).hexdigest(), f"{len(content):,} bytes", "CC BY-SA 3.0"):
        assert words in card


def test_digits_indexing(test_digits: Digits) -> None:
    images, labels = next(iter(DataLoader(test_digits, batch_size=7)))  # type: ignore[arg-type]
    assert torch.equal(images, test_digits.images[:7]) and torch.equal(labels, test_digits.labels[:7])
    part = test_digits[10:20]
    assert (len(part), part.name, part.split) == (10, "sample", "test")
    assert torch.equal(test_digits[torch.tensor([5, 1])].labels, test_digits.labels[[5, 1]])


@forty
@given(n=st.integers(2, 300), share=st.floats(0, 0.9), seed=st.integers(0, 99))
def test_split_is_a_stratified_partition(n: int, share: float, seed: int) -> None:
    digits, n_val = random_digits(n, seed), int(n * share)
    train, val = train_val_split(digits, n_val, seed)
    assert (len(train), len(val), val.split) == (n - n_val, n_val, "val")
    images = torch.cat([train.images, val.images]).flatten(1)
    assert sorted(map(bytes, images.numpy())) == sorted(map(bytes, digits.images.flatten(1).numpy()))
    exact = digits.labels.bincount(minlength=10) * n_val / n
    assert ((val.labels.bincount(minlength=10) - exact).abs() < 1).all()
    one, same, other = (train_val_split(random_digits(200), 50, seed + i)[1].images for i in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other), "it depends on the seed only"


def test_what_cannot_be_loaded_or_split_is_named() -> None:
    digits = random_digits(20)
    for call, words, fault in (
        (load_digits, ("val", "sample"), "unknown"),
        (load_digits, ("train", "mnits"), "unknown"),
        (train_val_split, (digits, -1), "n_val: expected 0 to 19, got -1"),
        (train_val_split, (digits, 20), "n_val: expected 0 to 19, got 20"),
        (partial(DigitLoader, shuffle=False), (digits, 0), "batch_size: expected 1 or more, got 0"),
        (partial(DigitLoader, shuffle=False), (digits[:0], 1), "digits: expected 1 or more, got 0"),
    ):
        with pytest.raises(ValueError, match=fault):
            call(*words)  # type: ignore[operator]


def test_loader_gives_what_torchvisions_dataloader_gives(test_digits: Digits) -> None:
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    dataset = [(transform(image.numpy()), label) for image, label in (test_digits[i] for i in range(250))]
    ours = list(DigitLoader(test_digits[:250], batch_size=100, shuffle=False))
    theirs = list(DataLoader(dataset, batch_size=100))  # type: ignore[arg-type]
    assert [len(labels) for _, labels in ours] == [100, 100, 50]
    for our_batch, their_batch in zip(ours, theirs, strict=True):
        assert all(map(torch.equal, our_batch, their_batch))


@forty
@given(n=st.integers(1, 60), batch_size=st.integers(1, 70), seed=st.integers(0, 5))
def test_loader_gives_each_image_once(n: int, batch_size: int, seed: int) -> None:
    digits = random_digits(n)
    loader = DigitLoader(digits, batch_size, shuffle=True, seed=seed)
    batches = list(loader)
    assert len(batches) == len(loader)
    images, expected = torch.cat([images for images, _ in batches]), normalize(digits.images)
    assert sorted(map(bytes, images.flatten(1).numpy())) == sorted(map(bytes, expected.flatten(1).numpy()))


def test_loader_order_depends_on_seed_and_epoch_alone() -> None:
    before = torch.get_rng_state()

    def epochs(seed: int, first: int) -> list[torch.Tensor]:
        augment = RandomAffine(degrees=10, translate=2)
        loader = DigitLoader(random_digits(64), 16, shuffle=True, augment=augment, seed=seed)
        loader.epoch = first
        return [torch.cat([images for images, _ in loader]) for _ in range(3)]

    whole = epochs(seed=1, first=0)
    assert torch.equal(whole[2], epochs(seed=1, first=2)[0]), "an epoch can be repeated on its own"
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(whole[0], epochs(seed=2, first=0)[0])
    assert torch.equal(before, torch.get_rng_state()), "the global random state is left alone"


@pytest.mark.parametrize("augment", [None, RandomAffine(translate=1)])
def test_batches_bring_the_layout_that_a_cpu_is_fast_with(augment: RandomAffine | None) -> None:
    images, _ = next(iter(DigitLoader(random_digits(4), 4, shuffle=False, augment=augment)))
    maps = torch.nn.Conv2d(1, 3, kernel_size=5)(images)
    assert maps.is_contiguous(memory_format=torch.channels_last)


def test_affine_agrees_with_scipy(test_digits: Digits) -> None:
    images, seed = test_digits.images[:40].unsqueeze(1) / 255, torch.Generator().manual_seed
    changed = RandomAffine(degrees=30, scale=0.3, shear=0.2, translate=4)(images, seed(5))
    draws = 2 * torch.rand(5, 40, generator=seed(5)) - 1
    for image, ours, (turned, scaled, sheared, right, down) in zip(
        images, changed, draws.T.numpy(), strict=True
    ):
        cos, sin = np.cos(np.radians(30 * turned)), np.sin(np.radians(30 * turned))
        matrix = np.array([[cos, sin], [-sin, cos]]) @ [[1, 0], [0.2 * sheared, 1]] / (1 + 0.3 * scaled)
        offset = 13.5 - matrix @ [13.5, 13.5] + [4 * down, 4 * right]
        theirs = ndimage.affine_transform(image[0], matrix, offset, order=1, mode="grid-constant")
        assert np.abs(ours[0].numpy() - theirs).max() < 1e-4
    assert torch.allclose(RandomAffine()(images, seed(0)), images, atol=1e-5)


def test_elastic_bends_by_as_many_pixels_as_it_says() -> None:
    ramp = torch.arange(28.0).expand(400, 1, 28, 28) / 27  # brighter to the right, one step a pixel
    moved = RandomAffine(elastic=0.5)(ramp, torch.Generator().manual_seed(0))
    shift = ((moved - ramp) * 27)[:, 0, 10:18, 10:18]
    assert shift.mean().abs() < 0.05
    # In between the 5x5 points the shifts are means of several, so they are smaller than at the points.
    assert 0.3 < shift.std() < 0.55
    assert shift.std(dim=(1, 2)).mean() > 0.1  # bent, not moved as a whole
