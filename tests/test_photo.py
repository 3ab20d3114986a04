import io
from pathlib import Path

import fuzz_photos
import numpy as np
import photo_pages
import pytest
import scipy.ndimage as ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from digitlab.data import Digits
from digitlab.photo import PhotoError, find_ink, group_marks, normalize_ink, read_digits, read_photo
from digitlab.photo import read as photo_file
from digitlab.photo.doubt import doubt_shape, find_doubt, name_sign, say_left_out
from digitlab.runs.checkpoint import load_shipped_model
from digitlab.training import predict


def enlarged(digit: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BILINEAR)) / 255


def sheet(digit: np.ndarray) -> np.ndarray:
    """A digit, enlarged, as dark ink on a bright sheet, in bytes."""
    return ((0.95 - 0.85 * np.pad(enlarged(digit, 168), 60)) * 255).astype(np.uint8)


def differ(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def answers(images: np.ndarray) -> list[int]:
    return predict(load_shipped_model(), torch.from_numpy(images)).argmax(dim=1).tolist()


def picture(page: np.ndarray, mode: str) -> Image.Image:
    numbers = {"I;16": page * np.uint16(257), "I": page * np.int32(257), "F": page / np.float32(255)}
    return Image.fromarray(numbers[mode]) if mode in numbers else Image.fromarray(page).convert(mode)


forty = settings(max_examples=40, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def seven(test_digits: Digits) -> np.ndarray:
    return np.asarray(test_digits.images[int((test_digits.labels == 7).nonzero()[0])])


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(mode, "PNG") for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "I;16")]
    + [("I", "TIFF"), ("F", "TIFF"), ("CMYK", "JPEG"), ("YCbCr", "JPEG"), ("RGB", "MPO"), ("L", "JPEG")]
    + [("RGB", "WEBP"), ("RGB", "AVIF"), ("RGB", "BMP"), ("RGB", "GIF"), ("L", "PPM"), ("1", "TIFF")],
)
def test_every_kind_of_picture_gives_the_same_digit(mode: str, kind: str, seven: np.ndarray) -> None:
    page = sheet(seven)
    (digit,) = read_digits(fuzz_photos.save(picture(page, mode), kind)).digits
    # A picture of two colours has lost its soft edges: there the strokes may differ at their borders.
    assert differ(digit.image, read_digits(page).digits[0].image) < (20 if mode == "1" else 4)


@pytest.mark.parametrize("ground", ["black", "clear, with black ink", "clear, with white ink"])
def test_whatever_the_ground_the_ink_is_the_same(ground: str, seven: np.ndarray) -> None:
    ink = np.pad(seven.repeat(8, 0).repeat(8, 1), 20)
    assert differ(find_ink(ink / 255), ink / 255) < 0.01
    drawing = Image.fromarray(255 - ink if ground == "black" else 0 * ink + 255 * ("white" in ground))
    if ground != "black":
        drawing.putalpha(Image.fromarray(ink))
    assert differ(read_digits(drawing).digits[0].image, read_digits(ink).digits[0].image) < 2


def test_a_source_is_read_from_its_start_and_a_pipe_from_where_it_is(seven: np.ndarray) -> None:
    class Pipe(io.BytesIO):
        def seek(self, *_place: int) -> int:
            raise io.UnsupportedOperation("a pipe cannot")

    page = Image.fromarray(sheet(seven))
    data = fuzz_photos.save(page, "GIF")
    moving = fuzz_photos.save(page, "GIF", save_all=True, append_images=[page.rotate(90)])
    file = io.BytesIO(data)
    file.seek(99)
    for source in (file, Pipe(data), moving):
        assert (read_photo(source) == read_photo(data)).all()


GOOD = fuzz_photos.save(Image.new("L", (300, 200)), "PNG")
HUGE = fuzz_photos.save(Image.new("L", (16, 16)), "JPEG")
HUGE = HUGE.replace(b"\0\x10\0\x10\1", (50_000).to_bytes(2, "big") + (3300).to_bytes(2, "big") + b"\1")
LONG = fuzz_photos.save(Image.new("1", (1, 65_536)), "PNG")
PART = b"\xff\xe1\0\x09Exif\0\0\0"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("line\nbreak.png", None, "cannot be opened"),
        ("n" * 300, None, "cannot be opened"),
        ("empty.png", b"", "not a picture of a known kind"),
        ("vector.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "HEIC, PDF and SVG"),
        ("program.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "of a known kind"),
        ("short.png", GOOD[: len(GOOD) // 2], "cannot be opened"),
        ("huge.jpg", HUGE, "more than 60,000,000 pixels"),
        ("exif.jpg", HUGE[:2] + 1500 * PART + HUGE[2:], "more than 8 EXIF parts"),
        ("long.png", LONG, "more than 65,535 pixels on a side"),
        ("bytes.png", bytes(100_000_001), "more than 100,000,000 bytes"),
        ("", None, "a folder or a device"),
    ],
)
def test_what_cannot_be_read_is_one_clear_line(
    name: str, content: bytes | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    decoded: list[object] = []
    if name != "short.png":
        monkeypatch.setattr(photo_file, "_load", decoded.append)
    with pytest.raises(PhotoError, match=words) as error:
        read_photo(tmp_path / name)
    assert str(error.value).isprintable() and ascii(name)[1:-1][-100:] in str(error.value)
    assert not decoded, "a claim is judged before it is decoded"


def test_a_wrong_argument_is_named() -> None:
    for function, name in ((read_photo, "source"), (find_ink, "grey"), (group_marks, "ink")):
        with pytest.raises(TypeError, match=f"{name}: expected"):
            function(5)  # type: ignore[operator]
    with pytest.raises(PhotoError, match="NaN or infinity: save it again"):
        read_photo(np.full((9, 9), np.nan))


NOISE = np.random.default_rng(0).integers(225, 245, (200, 300))


@pytest.mark.parametrize("page", [0, 117, 255, NOISE, np.linspace(90, 250, 300)])
def test_a_blank_page_is_called_blank(page: np.ndarray | int) -> None:
    with pytest.raises(PhotoError, match="blank"):
        read_digits(np.broadcast_to(page, (200, 300)).astype(np.uint8))


def test_a_thin_pen_becomes_thick() -> None:
    line = np.full((500, 300), 250, np.uint8)
    line[150:350, 150:153] = 20
    thin, thick = (read_digits(line, thicken=thicken).digits[0].image for thicken in (False, True))
    assert (thin.max(axis=0) > 30).sum() < (thick.max(axis=0) > 30).sum() and thick.max() > 200


def test_the_bar_of_a_five_belongs_to_it() -> None:
    five = np.zeros((70, 44), np.float32)
    five[:8, 6:] = five[11:, :8] = five[30:38] = five[30:, 36:] = five[62:] = 1  # the bar first
    marks, left_out = group_marks(np.hstack([np.pad(five, 20)] * 2))
    assert [mark.box for mark in marks] == [(20, 20, 90, 64), (20, 104, 90, 148)] and not left_out


@settings(max_examples=300, deadline=None, derandomize=True)
@given(top=st.integers(0, 60), left=st.integers(0, 60), index=st.integers(0, 1999))
def test_a_digit_of_mnist_comes_back_unchanged_from_wherever_it_lies(
    test_digits: Digits, top: int, left: int, index: int
) -> None:
    page, image = np.zeros((90, 90), np.float32), test_digits.images[index].numpy()
    page[top : top + 28, left : left + 28] = image / 255
    assert (normalize_ink(page).image == image).all()


@forty
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 10_000))
def test_whatever_the_ink_it_ends_in_the_box_and_in_the_middle(height: int, width: int, seed: int) -> None:
    ink = np.random.default_rng(seed).uniform(0.5, 1, (height, width)).astype(np.float32)
    digit = normalize_ink(ink)
    rows, columns = digit.boxed.shape
    parts = ink.repeat(rows, 0).repeat(columns, 1)
    means = parts.reshape(rows, height, columns, width).mean(axis=(1, 3), dtype=float)
    assert np.abs(digit.boxed - 255 * means).max() < 0.5001, "a part of a pixel counts as a part"
    assert max(digit.boxed.shape) == 20
    assert digit.image.shape == (28, 28) and digit.image.dtype == np.uint8
    assert int(digit.image.sum()) == int(digit.boxed.sum()), "nothing is cut off"
    assert all(13.5 - 1e-9 <= centre < 14.5 for centre in ndimage.center_of_mass(digit.image))


@forty
@given(
    arrays(st.sampled_from([np.uint8, np.uint16, np.float32, bool]), array_shapes(min_dims=2, max_side=40))
)
def test_any_numbers_give_digits_or_one_line(page: np.ndarray) -> None:
    try:
        photo = read_digits(page)
    except PhotoError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(photo.ink).all() and photo.images.shape[1:] == (28, 28)


def test_what_went_wrong_once_goes_well() -> None:
    outcomes = fuzz_photos.run(fuzz_photos.corpus())
    assert len(outcomes) == len([*fuzz_photos.CORPUS.iterdir()]) - 1 >= 18  # all but its README
    assert {"digits", "reduce it and save it as JPEG"} <= {*outcomes} <= fuzz_photos.GOOD


@pytest.mark.slow
def test_the_first_files_of_the_campaign() -> None:
    outcomes = {*fuzz_photos.run(fuzz_photos.campaign(100))}
    assert "digits" in outcomes <= fuzz_photos.GOOD and len(outcomes) >= 5


@pytest.mark.parametrize("mode", ["L", "1", "CMYK", "RGBA", "LA", "I;16", "F"])
def test_large_pictures_are_averaged_as_small_ones_are(
    mode: str, monkeypatch: pytest.MonkeyPatch, seven: np.ndarray
) -> None:
    page = np.asarray(Image.fromarray(sheet(seven)).resize((1601, 1999)))
    image = picture(page, mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(255 - page // 2))
    small = read_photo(image)
    monkeypatch.setattr(photo_file, "FEW_PIXELS", 1_000_000)
    assert max(small.shape) == photo_file.MAX_SIDE
    coarse = [
        Image.fromarray(each).resize((320, 400), Image.Resampling.BOX) for each in (small, read_photo(image))
    ]
    assert differ(*map(np.asarray, coarse)) < (0.05 if mode == "1" else 0.01)


@pytest.mark.parametrize(("kind", "mode"), [("TIFF", "L"), ("TIFF", "F"), ("TIFF", "RGBA"), ("PNG", "L")])
def test_whatever_the_orientation_it_is_upright(kind: str, mode: str) -> None:
    page = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30) % 251
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        upright = page.T if orientation > 4 else page
        upright = upright[::-1] if orientation in (3, 4, 7, 8) else upright
        upright = upright[:, ::-1] if orientation in (2, 3, 6, 7) else upright
        file = fuzz_photos.save(Image.fromarray(page).convert(mode), kind, exif=exif)
        assert np.abs(read_photo(file) - upright / 255).max() < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize(("n", "sides", "shape"), [(200, (14, 56), (80, 80)), (25, (150, 700), (2200, 4000))])
def test_digits_are_read_from_a_gradient(
    n: int, sides: tuple[int, int], shape: tuple[int, int], test_digits: Digits
) -> None:
    random, images = np.random.default_rng(7), np.zeros((n, 28, 28), np.uint8)
    for i, image in enumerate(test_digits.images[:n].numpy()):
        ink, side = np.zeros(shape), int(random.integers(*sides))
        top, left = random.integers(0, np.array(shape) - side)
        ink[top : top + side, left : left + side] = enlarged(image, side)
        photo = read_digits(np.linspace(0.95, 0.5, shape[1]) * (1 - 0.7 * ink))
        images[i] = photo.images[0] * (len(photo.digits) == 1)
    assert np.mean(answers(images) == test_digits.labels[:n].numpy()) >= 0.96


PAGES = [("shadow: half", 1), ("shadow: corner", 1), ("gradient", 1), ("faint", 0), ("ruled", 1), ("boxes", 1),
         ("boxes", 6), ("combs", 4), ("tilted", 1), ("smudge", 1), ("mixed", 1), ("touching", 9)]  # fmt: skip


@pytest.mark.parametrize(("kind", "i"), PAGES)
def test_light_and_print_are_no_ink_and_only_what_touches_is_cut_and_remarked_on(kind: str, i: int) -> None:
    page, file = photo_pages.make_page(kind, 0, i)
    count = photo_pages.judge(page, file)
    assert count["whole"] and count["false remarks"] == (8 if kind == "touching" else 0), count


def test_digits_come_in_reading_order_and_signs_are_left_out_by_name() -> None:
    for kind, names in ("two rows", []), ("sums", ["a plus or times sign"] * 2 + ["an equals sign"] * 2):
        page, file = photo_pages.make_page(kind, 0, 1)
        photo = read_digits(file)
        assert answers(photo.images) == [label for label, *_ in page.digits]
        assert [reason for _, reason in photo.left_out] == names
    assert name_sign(np.ones((5, 6), np.float32), usual=20) == "a dot"
    assert name_sign(np.ones((5, 9), np.float32), usual=20) == "a minus sign or dash"
    assert say_left_out(["a dot", "a dash", "a dot"]) == "3 marks left out: a dot (2 times), a dash"


def test_doubt_has_a_reason() -> None:
    assert find_doubt("", [0.995, 0.005], False) == ""
    assert find_doubt("", [0.99, 0.01], False) == "low margin"
    assert find_doubt("", [0.99, 0.01], True) == "unlike any digit"
    assert find_doubt("much wider than high", [1.0, 0.0], True) == "much wider than high"
    assert doubt_shape(np.ones((20, 31)), usual=20) == "much wider than high"
    assert doubt_shape(np.ones((10, 8)), usual=20) == "much smaller than the others"
    assert doubt_shape(np.ones((20, 10)), usual=20) == ""
