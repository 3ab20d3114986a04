import hashlib
from pathlib import Path

import pytest
import scipy.ndimage as ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.transforms.functional import affine

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
    assert hashlib.sha256(content).hexdigest() in card
    assert f"{len(content):,} bytes" in card
    assert "CC BY-SA 3.0" in card


@pytest.mark.parametrize(("split", "source"), [("val", "sample"), ("train", "mnits")])
def test_unknown_names(split: str, source: str) -> None:
    with pytest.raises(ValueError, match="unknown"):
        load_digits(split, source)  # type: ignore[arg-type]


def test_digits_indexing(test_digits: Digits) -> None:
    image, label = test_digits[3]
    assert torch.equal(image, test_digits.images[3])
    assert label == test_digits.labels[3]
    part = test_digits[10:20]
    assert (len(part), part.name, part.split) == (10, "sample", "test")
    chosen = test_digits[torch.tensor([5, 1])]
    assert torch.equal(chosen.labels, test_digits.labels[[5, 1]])


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


def test_split_depends_on_the_seed_only() -> None:
    digits = random_digits(200)
    same = [train_val_split(digits, 50, seed=3)[1].images for _ in range(2)]
    assert torch.equal(*same)
    assert not torch.equal(same[0], train_val_split(digits, 50, seed=4)[1].images)


@pytest.mark.parametrize("n_val", [-1, 20, 21])
def test_split_refuses_to_leave_nothing(n_val: int) -> None:
    with pytest.raises(ValueError, match="n_val: expected 0 to 19"):
        train_val_split(random_digits(20), n_val)


def test_loader_gives_what_torchvisions_dataloader_gives(test_digits: Digits) -> None:
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    dataset = [(transform(image.numpy()), label) for image, label in (test_digits[i] for i in range(250))]
    ours = list(DigitLoader(test_digits[:250], batch_size=100, shuffle=False))
    theirs = list(DataLoader(dataset, batch_size=100))  # type: ignore[arg-type]
    assert [len(labels) for _, labels in ours] == [100, 100, 50]
    for our_batch, their_batch in zip(ours, theirs, strict=True):
        assert all(map(torch.equal, our_batch, their_batch))


def test_digits_work_in_pytorchs_own_dataloader(test_digits: Digits) -> None:
    images, labels = next(iter(DataLoader(test_digits, batch_size=7)))  # type: ignore[arg-type]
    assert torch.equal(images, test_digits.images[:7])
    assert torch.equal(labels, test_digits.labels[:7])


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
    digits, augment = random_digits(64), RandomAffine(degrees=10, translate=2)
    before = torch.get_rng_state()

    def epochs(seed: int, first: int, n: int) -> list[torch.Tensor]:
        loader = DigitLoader(digits, 16, shuffle=True, augment=augment, seed=seed)
        loader.epoch = first
        return [torch.cat([images for images, _ in loader]) for _ in range(n)]

    whole = epochs(seed=1, first=0, n=3)
    assert torch.equal(whole[2], epochs(seed=1, first=2, n=1)[0]), "an epoch can be repeated on its own"
    assert not torch.equal(whole[0], whole[1])
    assert not torch.equal(whole[0], epochs(seed=2, first=0, n=1)[0])
    assert torch.equal(before, torch.get_rng_state()), "the global random state is left alone"


def test_loader_refuses_what_cannot_be_iterated() -> None:
    with pytest.raises(ValueError, match="batch_size: expected 1 or more, got 0"):
        DigitLoader(random_digits(3), 0, shuffle=False)
    with pytest.raises(ValueError, match="number of digits: expected 1 or more, got 0"):
        DigitLoader(random_digits(3)[:0], 1, shuffle=False)


@pytest.mark.parametrize("augment", [None, RandomAffine(translate=1)])
def test_batches_bring_the_layout_that_a_cpu_is_fast_with(augment: RandomAffine | None) -> None:
    images, _ = next(iter(DigitLoader(random_digits(4), 4, shuffle=False, augment=augment)))
    maps = torch.nn.Conv2d(1, 3, kernel_size=5)(images)
    assert maps.is_contiguous(memory_format=torch.channels_last)


def test_no_change_is_the_identity_and_draws_nothing_to_bend_by() -> None:
    images, ours, expected = torch.rand(5, 1, 28, 28), torch.Generator(), torch.Generator()
    assert torch.allclose(RandomAffine()(images, ours.manual_seed(0)), images, atol=1e-5)
    torch.rand(5, 5, generator=expected.manual_seed(0))
    assert torch.equal(ours.get_state(), expected.get_state())


@pytest.mark.parametrize(("degrees", "scale", "shift"), [(30.0, 0, 0), (0, 0.3, 0), (0, 0, 4.0)])
def test_affine_agrees_with_torchvision(
    degrees: float, scale: float, shift: float, test_digits: Digits
) -> None:
    images = test_digits.images[:40].unsqueeze(1) / 255
    change = RandomAffine(degrees=degrees, scale=scale, translate=shift)
    changed = change(images, torch.Generator().manual_seed(5))
    draws = 2 * torch.rand(5, 40, generator=torch.Generator().manual_seed(5)) - 1
    for i, (turned, scaled, _, right, down) in enumerate(draws.T.tolist()):
        how = {"angle": -turned * degrees, "scale": 1 + scaled * scale, "translate": [0, 0], "shear": [0.0]}
        expected = affine(images[i], **how, interpolation=transforms.InterpolationMode.BILINEAR)
        if shift:  # torchvision shifts by whole pixels only
            moved = ndimage.shift(
                images[i, 0], (-down * shift, -right * shift), order=1, mode="grid-constant"
            )
            expected = torch.from_numpy(moved)[None]
        assert (changed[i] - expected).abs().max() < 0.02


def test_elastic_bends_by_as_many_pixels_as_it_says() -> None:
    ramp = torch.arange(28.0).expand(400, 1, 28, 28) / 27  # brighter to the right, one step a pixel
    moved = RandomAffine(elastic=0.5)(ramp, torch.Generator().manual_seed(0))
    shift = ((moved - ramp) * 27)[:, 0, 10:18, 10:18]
    assert shift.mean().abs() < 0.05
    # In between the 5x5 points the shifts are means of several, so they are smaller than at the points.
    assert 0.3 < shift.std() < 0.55
    assert shift.std(dim=(1, 2)).mean() > 0.1  # bent, not moved as a whole
