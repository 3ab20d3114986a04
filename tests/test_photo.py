import io
from collections.abc import Callable
from pathlib import Path

import fuzz_photos
import numpy as np
import pytest
import scipy.ndimage as ndimage
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from digitlab.data import Digits
from digitlab.doubt import cut_touching
from digitlab.photo import (
    PhotoError,
    find_ink,
    group_marks,
    normalize_ink,
    read_digits,
    read_photo,
    thicken_ink,
)
from digitlab.photo import read as photo_file
from digitlab.photo.doubt import doubt_shape, find_doubt, say_left_out
from digitlab.runs.checkpoint import load_shipped_model
from digitlab.training import predict


def sheet(digit: np.ndarray, scale: int = 6, margin: int = 60) -> np.ndarray:
    """A digit in bytes, enlarged, as dark ink on a bright sheet of bytes."""
    large = (
        np.asarray(Image.fromarray(digit).resize((28 * scale, 28 * scale), Image.Resampling.BILINEAR)) / 255
    )
    return ((0.95 - 0.85 * np.pad(large, margin)) * 255).astype(np.uint8)


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
    image: np.ndarray = test_digits.images[int((test_digits.labels == 7).nonzero()[0])].numpy()
    return image


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


@pytest.mark.parametrize("colour", [0, 255])
def test_ink_on_a_transparent_ground(colour: int, seven: np.ndarray) -> None:
    mask = np.pad(seven.repeat(5, 0).repeat(5, 1), 30)
    drawing = np.full((*mask.shape, 4), colour, np.uint8)
    drawing[..., 3] = mask
    (digit,) = read_digits(Image.fromarray(drawing)).digits
    assert differ(digit.image, read_digits(mask).digits[0].image) < 3


def test_polarity_does_not_matter(seven: np.ndarray) -> None:
    page = sheet(seven)
    dark, bright = read_digits(page).digits[0].image, read_digits(255 - page).digits[0].image
    assert np.abs(dark.astype(int) - bright.astype(int)).max() <= 2


def test_the_first_frame_of_a_moving_picture(seven: np.ndarray) -> None:
    page, other = Image.fromarray(sheet(seven)), Image.fromarray(sheet(seven.T.copy()))
    moving = fuzz_photos.save(page, "GIF", save_all=True, append_images=[other])
    assert (read_photo(moving) == read_photo(fuzz_photos.save(page, "GIF"))).all()


GOOD = fuzz_photos.save(Image.new("L", (300, 200)), "PNG")
HUGE = fuzz_photos.save(Image.new("L", (16, 16)), "JPEG")
HUGE = HUGE.replace(b"\0\x10\0\x10\1", (50_000).to_bytes(2, "big") + (3300).to_bytes(2, "big") + b"\1")
LONG = fuzz_photos.save(Image.new("1", (1, 65_536)), "PNG")
PART = b"\xff\xe1\0\x09Exif\0\0\0"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.png", None, "cannot be opened"),
        ("line\nbreak.png", None, "cannot be opened"),
        ("empty.png", b"", "not a picture of a known kind"),
        ("text.png", b"no picture at all", "not a picture of a known kind"),
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
    monkeypatch.setattr(photo_file, "_load", decoded.append)
    if name == "short.png":
        monkeypatch.undo()
    with pytest.raises(PhotoError, match=words) as error:
        read_photo(tmp_path / name)
    assert str(error.value).isprintable() and ascii(name)[1:-1] in str(error.value)
    assert not decoded, "a claim is judged before it is decoded"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: read_photo(5), "source: expected a path"),
        (lambda: read_photo(np.zeros((2, 2, 5))), "numbers of shape"),
        (lambda: read_photo(np.zeros((0, 5))), "numbers of shape"),
        (lambda: read_photo(np.full((9, 9), np.nan)), "NaN or infinity"),
        (lambda: find_ink(np.zeros((9, 9), np.uint8)), "grey: expected Float"),
        (lambda: group_marks(np.zeros((9, 9, 3))), "ink: expected Float"),
        (lambda: thicken_ink([[0.0, 1.0]]), "ink: expected Float"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(call: Callable[[], object], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words) as error:
        call()
    assert str(error.value).isprintable()


NOISE = np.random.default_rng(0).integers(225, 245, (200, 300))


@pytest.mark.parametrize("page", [0, 117, 255, NOISE, np.linspace(90, 250, 300)])
def test_a_blank_page_is_called_blank(page: np.ndarray | int) -> None:
    with pytest.raises(PhotoError, match="blank"):
        read_digits(np.broadcast_to(page, (200, 300)).astype(np.uint8))


def test_digits_come_in_reading_order(test_digits: Digits) -> None:
    page = np.zeros((260, 420), np.uint8)
    for i in range(8):
        row, column = divmod(i, 4)
        large = test_digits.images[i].numpy().repeat(3, 0).repeat(3, 1)
        top = 20 + 120 * row + 5 * (i % 2)  # nobody writes on a perfect line
        page[top : top + 84, 10 + 100 * column : 94 + 100 * column] = large
    photo = read_digits(page)
    assert answers(photo.images) == test_digits.labels[:8].tolist()
    top, left, bottom, right = photo.digits[5].box
    assert 130 < top < bottom < 240 and 100 < left < right < 205


def test_a_thin_pen_becomes_thick() -> None:
    line = np.full((500, 300), 250, np.uint8)
    line[150:350, 150:153] = 20
    thin, thick = (read_digits(line, thicken=thicken).digits[0].image for thicken in (False, True))
    assert (thin.max(axis=0) > 30).sum() < (thick.max(axis=0) > 30).sum() and thick.max() > 200


def test_the_bar_of_a_five_belongs_to_it() -> None:
    page = np.zeros((120, 200), np.uint8)
    for left in (20, 110):
        page[20:28, left + 12 : left + 50] = 255  # the bar
        page[31:90, left + 6 : left + 14] = 255
        page[50:90, left + 38 : left + 46] = 255
        page[82:90, left + 6 : left + 45] = 255
    assert len(read_digits(page).digits) == 2


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
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(0, 1000),
    st.sampled_from([255, 65535, np.nan, np.inf]),
)
def test_any_picture_gives_digits_or_one_line(height: int, width: int, seed: int, value: float) -> None:
    page = np.random.default_rng(seed).random((height, width))
    page = (page * value).astype(np.uint16) if np.isfinite(value) else np.where(page < 0.01, value, page)
    try:
        photo = read_digits(page)
    except PhotoError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(photo.ink).all() and photo.images.shape[1:] == (28, 28)


def test_what_went_wrong_once_goes_well() -> None:
    results = fuzz_photos.run(fuzz_photos.corpus())
    assert not [each for each in results if each.problem]
    n_files = len(list(fuzz_photos.CORPUS.iterdir())) - 1  # all but its README
    assert sum(each.kind == "read" for each in results) == n_files >= 18
    assert {"digits", "too large"} <= {each.outcome for each in results}


@pytest.mark.slow
def test_the_first_200_files_of_the_campaign() -> None:
    results = fuzz_photos.run(fuzz_photos.campaign(range(200), seed=0))
    assert not [each for each in results if each.problem]
    assert {each.kind for each in results} == {"strange path", "bombs", "saved", "mutated", "grafted"}
    assert {each.outcome for each in results} >= {"digits", "blank", "damaged", "not a picture", "no file"}


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGB", "CMYK", "RGBA", "LA", "I;16", "F"])
def test_large_pictures_are_averaged_as_small_ones_are(
    mode: str, monkeypatch: pytest.MonkeyPatch, seven: np.ndarray
) -> None:
    page = np.asarray(Image.fromarray(sheet(seven, scale=60, margin=300)).resize((1601, 1999)))
    image = picture(page, mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(255 - page // 2))
    expected = read_photo(image)
    monkeypatch.setattr(photo_file, "FEW_PIXELS", 1_000_000)
    both = [
        Image.fromarray(grey).resize((320, 400), Image.Resampling.BOX)
        for grey in (expected, read_photo(image))
    ]
    assert max(expected.shape) == photo_file.MAX_SIDE
    assert differ(*map(np.asarray, both)) < (0.05 if mode == "1" else 0.01)


@pytest.mark.parametrize(("kind", "mode"), [("TIFF", "L"), ("TIFF", "F"), ("TIFF", "RGBA"), ("PNG", "L")])
def test_whatever_the_orientation_it_is_upright(kind: str, mode: str) -> None:
    page = np.arange(20 * 30, dtype=np.uint8).reshape(20, 30) % 251
    for orientation in range(1, 9):
        file, exif = io.BytesIO(), Image.Exif()
        exif[274] = orientation
        how = {"tiffinfo": {274: orientation}} if kind == "TIFF" else {"exif": exif}
        Image.fromarray(page).convert(mode).save(file, kind, **how)
        upright = page.T if orientation > 4 else page
        upright = upright[::-1] if orientation in (3, 4, 7, 8) else upright
        upright = upright[:, ::-1] if orientation in (2, 3, 6, 7) else upright
        assert np.abs(read_photo(file) - upright / 255).max() < 1e-6


def test_an_open_file_is_read_from_its_start_and_a_pipe_from_where_it_is(seven: np.ndarray) -> None:
    class Pipe(io.BytesIO):
        def seek(self, *_place: int) -> int:
            raise io.UnsupportedOperation("a pipe cannot")

    data = fuzz_photos.save(Image.fromarray(sheet(seven)), "PNG")
    file = io.BytesIO(data)
    file.seek(99)
    assert (read_photo(file) == read_photo(data)).all()
    assert (read_photo(Pipe(data)) == read_photo(data)).all()


def test_the_ink_of_a_canvas_is_the_canvas(seven: np.ndarray) -> None:
    canvas = np.pad(seven.repeat(8, 0).repeat(8, 1), 20).astype(np.float32) / 255
    assert differ(find_ink(canvas), canvas) < 0.01


def changed(image: np.ndarray, kind: str, random: np.random.Generator) -> np.ndarray:
    """One test digit, as somebody might photograph it."""
    side = int(random.integers(150, 700) if kind == "in a large photo" else random.integers(14, 56))
    ink = np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR))
    if kind == "scaled":
        return np.pad(ink, 4)
    height, width = (2200, 4000) if kind == "in a large photo" else (side + 24, side + 24)
    top, left = random.integers(0, height - side), random.integers(0, width - side)
    page = np.pad(ink, ((top, height - side - top), (left, width - side - left))) / 255
    return (np.linspace(0.95, 0.5, width) * (1 - 0.7 * page) * 255).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "n"), [("scaled", 200), ("on a gradient", 200), ("in a large photo", 60)])
def test_altered_digits_are_still_read(kind: str, n: int, test_digits: Digits) -> None:
    random, images = np.random.default_rng(7), np.zeros((n, 28, 28), np.uint8)
    for i, image in enumerate(test_digits.images[:n].numpy()):
        photo = read_digits(changed(image, kind, random))
        images[i] = photo.images[0] * (len(photo.digits) == 1)
    assert np.mean(answers(images) == test_digits.labels[:n].numpy()) >= 0.96


def row(labels: list[int], test_digits: Digits, step: int = 130, ink: float = 0.8) -> np.ndarray:
    """These digits in a row on paper with a little grain: grey, from 0 to 1."""
    page = np.zeros((300, 40 + step * len(labels)))
    for i, label in enumerate(labels):
        image = test_digits.images[int((test_digits.labels == label).nonzero()[1])].numpy()
        large = np.asarray(Image.fromarray(image).resize((112, 112), Image.Resampling.BICUBIC)) / 255
        page[90:202, 25 + step * i : 137 + step * i] = np.clip(4 * large - 1, 0, 1)
    grain = np.random.default_rng(0).normal(0, 0.006, page.shape)
    return np.clip(0.9 * (1 - ink * page) + grain, 0, 1)


@pytest.mark.parametrize(
    "kind", ["half", "corner", "soft", "boxes", "walls", "combs", "turned", "faint", "ruled", "specks"]
)
def test_light_and_print_are_no_ink(kind: str, test_digits: Digits) -> None:
    labels = [3, 1, 4, 7, 5, 9, 2, 6]
    page = row(labels, test_digits, ink=0.12 if kind == "faint" else 0.8)
    rows, columns = np.indices(page.shape)
    edge = {"half": columns + rows // 3 - 500, "corner": np.maximum(columns - 700, rows - 160)}
    if kind in edge:
        page[edge[kind] < 0] *= 0.6
    if kind == "ruled":
        page[30::60] = np.minimum(page[30::60], 0.75)
    if kind == "specks":
        page[10:12, 10:12] = page[-12:-10, 50:52] = 0.1
    if kind == "soft":
        page *= np.clip(0.6 + (columns - 400) / 200, 0.6, 1)
    if kind in ("boxes", "walls", "combs", "turned"):
        page[236:240, 20:-20] = 0.2
        for left in range(20, page.shape[1], 130):
            page[150 if kind == "combs" else 60 : 240, left : left + 4] = 0.2
            if kind == "walls":  # of two boxes, side by side
                page[60:240, left - 5 : left - 1] = 0.2
        if kind != "combs":
            page[60:64, 20:-20] = 0.2
    if kind == "turned":
        page = ndimage.rotate(page, 4, order=1, mode="nearest").astype(np.float64)
    assert answers(read_digits(page).images) == labels


def test_signs_are_left_out_by_name(test_digits: Digits) -> None:
    page = row([3, 4, 7], test_digits, step=300)
    for left in (200, 500):  # a plus, then an equals sign
        page[145:153, left : left + 60] = 0.1
    page[119:179, 226:234] = 0.1
    page[165:173, 500:560] = 0.1
    page[180:198, 800:818] = 0.1
    photo = read_digits(page)
    assert answers(photo.images) == [3, 4, 7]
    reasons = [reason for _, reason in photo.left_out]
    assert sorted(reasons) == ["a dot", "a plus or times sign", "an equals sign"]
    assert say_left_out(["a dot", "a dash", "a dot"]) == "3 marks left out: a dot (2 times), a dash"


@pytest.mark.parametrize("labels", [[5, 3], [2, 4]])
def test_touching_digits_are_cut_and_remarked_on(labels: list[int], test_digits: Digits) -> None:
    page = row(labels, test_digits, step=130)
    page[140:148, 100:200] = 0.2  # a stroke that joins them
    model = load_shipped_model(name="deep")
    photo = read_digits(page)
    cut = cut_touching(photo, model)
    assert len(photo.digits) == 1 and answers(cut.images) == labels
    assert [digit.doubt for digit in cut.digits] == ["cut from a wider mark"] * 2


def test_a_digit_is_not_cut(test_digits: Digits) -> None:
    photo = read_digits(row(list(range(10)), test_digits))
    cut = cut_touching(photo, load_shipped_model(name="deep"))
    assert cut.digits == photo.digits and answers(cut.images) == list(range(10))


@pytest.mark.parametrize(
    ("shape", "probabilities", "unlike", "words"),
    [
        ("", [0.995, 0.005], False, ""),
        ("", [0.99, 0.01], False, "low margin"),
        ("", [0.99, 0.01], True, "unlike any digit"),
        ("much wider than high", [1.0, 0.0], True, "much wider than high"),
    ],
)
def test_doubt_has_a_reason(shape: str, probabilities: list[float], unlike: bool, words: str) -> None:
    assert find_doubt(shape, probabilities, unlike) == words


@pytest.mark.parametrize(
    ("height", "width", "words"),
    [(20, 31, "much wider than high"), (10, 8, "much smaller than the others"), (20, 10, "")],
)
def test_a_strange_shape_is_doubted(height: int, width: int, words: str) -> None:
    assert doubt_shape(np.ones((height, width)), usual=20) == words
