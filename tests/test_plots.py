import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.image import AxesImage
from matplotlib.text import Text
from PIL import Image

from digitlab import plots
from digitlab.data import load_sample, normalize
from digitlab.forward import Step, walk
from digitlab.metrics import Calibration, Misclassified, calibration, confusion_matrix, misclassified
from digitlab.models import create_model, list_models
from digitlab.plots.charts import CLASS_COLOURS
from digitlab.plots.colours import BLUE_ORANGE, INK
from digitlab.plots.style import Picture
from digitlab.runs.checkpoint import load_shipped_model
from digitlab.training import EpochRow, History

TEST = load_sample("test")
GENERATOR = torch.Generator().manual_seed(0)
# What a middling network might say: mostly the label, with noise.
LOGITS = 3 * torch.eye(10)[TEST.labels] + 1.2 * torch.randn(len(TEST), 10, generator=GENERATOR)
PROBABILITIES = LOGITS.softmax(dim=1)
PREDICTIONS = PROBABILITIES.argmax(dim=1)
NOISE = torch.randn(32, 12, 12, generator=GENERATOR)
HISTORY = History([EpochRow(k, 1 / k, 1 - 0.2 / k, 0.8 / k, 1 - 0.1 / k, 0.001, 2.0) for k in range(1, 11)])
WALK = walk(load_shipped_model(name="deep"), normalize(TEST.images[:1]))
PHOTO = (torch.rand(300, 400, generator=GENERATOR) * 255).to(torch.uint8)
NAMES: dict[str, Any] = {"xlabel": "step", "ylabel": "loss", "title": "A chart"}
GRID: dict[str, Any] = {"x": range(12), "y": range(12)}
TIMES: dict[str, Any] = {"xlabel": "seconds", "title": "A"}
ENDS = [[0.97, 0.985], [0.98, 0.995]]

EVERY: dict[str, Callable[[], Picture]] = {
    "digits": lambda: plots.plot_digits(TEST.images[:60], TEST.labels[:60], predictions=PREDICTIONS[:60]),
    "many digits": lambda: plots.plot_digits(TEST.images[:200], columns=20, title="200"),
    "training curves": lambda: plots.plot_training_curves(HISTORY),
    "confusion matrix": lambda: plots.plot_confusion_matrix(confusion_matrix(TEST.labels, PREDICTIONS)),
    "reliability": lambda: plots.plot_reliability(calibration(PROBABILITIES, TEST.labels)),
    "filters": lambda: plots.plot_filters(NOISE),
    "feature maps": lambda: plots.plot_feature_maps(NOISE, title="Noise through a layer"),
    "heatmaps": lambda: plots.plot_heatmaps(TEST.images[3], {name: torch.rand(28, 28) for name in "abcde"}),
    "misclassified": lambda: plots.plot_misclassified(TEST.images, misclassified(PROBABILITIES, TEST.labels)),
    "embedding": lambda: plots.plot_embedding(torch.randn(2000, 2, generator=GENERATOR), TEST.labels),
    "probabilities": lambda: plots.plot_probabilities(PROBABILITIES[0], image=TEST.images[0], label=3),
    "walk": lambda: plots.plot_walk(WALK),
    "stages": lambda: plots.plot_photo_stages([("photo", PHOTO), ("x", TEST.images[0])]),
    "lines": lambda: plots.plot_lines({name: torch.rand(40) for name in "abcdef"}, log=True, **NAMES),
    "surface": lambda: plots.plot_surface(NOISE[0], walks={"rate 1": 3 + NOISE[1, :, :2]}, **GRID, **NAMES),
    "ladder": lambda: plots.plot_ladder({"script": [90.0, 101.0], "fast": [9.0]}, **TIMES),
    "intervals": lambda: plots.plot_intervals(["cnn", "deep"], [0.98, 0.99], ENDS),
}


@pytest.mark.parametrize("name", EVERY)
def test_every_picture(name: str) -> None:
    """Describes itself with numbers; is wide, white, small, readable on a phone; leaves no settings behind."""
    before = dict(matplotlib.rcParams)
    picture = EVERY[name]()
    png = picture.png()
    assert dict(matplotlib.rcParams) == before

    assert re.fullmatch(r"[A-Z0-9].*\d.*\.", picture.alt_text) and len(picture.alt_text) < 1500
    assert "nan" not in picture.alt_text
    assert len(png) <= 100_000
    with Image.open(io.BytesIO(png)) as image:
        assert image.width == 640
        assert image.convert("RGB").getpixel((639, 0)) == (255, 255, 255)
    for text in picture.findobj(Text):
        if text.get_visible() and text.get_text().strip() and text.axes is not None:
            box = text.get_window_extent()
            assert text.get_fontsize() >= 12 and box.x0 >= -1 and box.x1 <= 641, text


def test_few_colours_are_lost_in_the_file() -> None:
    """The PNG has 256; a picture of many more looks the same, and its zero is still no colour."""
    ramp = torch.linspace(-1, 1, 784).view(28, 28)
    noise = torch.randn(28, 28, generator=torch.Generator().manual_seed(0))
    heats = {
        "sparse": noise.where(ramp.abs() > 0.5, 0),
        "up": ramp.abs(),
        "noise": noise,
        "signed": ramp * ramp.T,
    }
    picture, full = plots.plot_heatmaps(TEST.images[3], heats), io.BytesIO()
    picture.savefig(full, format="png")
    files = (full, io.BytesIO(picture.png()))
    before, after = (np.asarray(Image.open(file).convert("RGB")).astype(int) for file in files)
    zero = (before == before[100, 300]).all(axis=2)
    assert before[100, 300].min() >= 245 and 5000 < zero.sum() < zero.size / 2
    assert np.abs(before - after).max() <= 20 and np.abs(before - after)[zero].max() <= 2


def tiles(picture: Picture) -> list[AxesImage]:
    return list(picture.axes[0].images)


def texts(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.axes[0].texts if text.get_text()]


def test_digits_are_drawn_in_order_and_misread_ones_are_marked_by_more_than_colour() -> None:
    labels = TEST.labels[:6]
    predictions = labels.clone()
    predictions[2], predictions[5] = 1, 0
    picture = plots.plot_digits(TEST.images[:6], labels, predictions=predictions, title="Six", columns=4)
    assert texts(picture) == ["Six", "5", "7", "7 → 1", "8", "3", "2 → 0"]
    assert len(picture.axes[0].patches) == 2
    said = "Six: 6 handwritten digits in 2 rows, 4 read correctly; wrong: 7 read as 1, 2 read as 0."
    assert picture.alt_text == said
    for tile, image in zip(tiles(picture), TEST.images[:6], strict=True):
        assert np.array_equal(tile.get_array(), image) and tile.get_clim() == (0, 255)
    lefts = [tile.get_extent()[0] for tile in tiles(picture)]
    assert lefts[0] == lefts[4] < lefts[1] == lefts[5] < lefts[2]
    right = plots.plot_digits(TEST.images[:6], labels, predictions=labels)
    assert right.alt_text == "6 handwritten digits in 1 row, 6 read correctly."
    assert not right.axes[0].patches


NAN, FLAT, EYE, PLACES = float("nan"), torch.zeros(2, 3), torch.eye(10), {"xlabel": "a", "ylabel": "b"}
NO_DIGITS = Calibration(torch.linspace(0, 1, 3), torch.tensor([0, 0]), torch.ones(2), torch.ones(2), 0.0)
REFUSED: dict[str, Callable[[], Picture]] = {
    "labels: expected one for each": lambda: plots.plot_digits(TEST.images[:2], predictions=TEST.labels[:2]),
    "columns: expected 1 or more, got 0": lambda: plots.plot_digits(TEST.images[:2], columns=0),
    "number of images: expected 1 to 500, got 501": lambda: plots.plot_digits(TEST.images[:501]),
    "images: expected all that were tested": lambda: plots.plot_misclassified(TEST.images[:9], MISTAKES),
    r"stages\['a'\]: expected numbers": lambda: plots.plot_photo_stages([("a", torch.zeros(3, 4, 5))]),
    r"heats\['a'\]: .* got torch.float32": lambda: plots.plot_heatmaps(TEST.images[0], {"a": EYE}),
    "history: expected .* at least one epoch": lambda: plots.plot_training_curves(History()),
    "matrix: expected .* got the sum 0": lambda: plots.plot_confusion_matrix(0 * EYE.long()),
    "matrix: expected counts": lambda: plots.plot_confusion_matrix(2 - 3 * EYE.long()),
    "calibration: expected at least one": lambda: plots.plot_reliability(NO_DIGITS),
    "probabilities: .* got the sum 10": lambda: plots.plot_probabilities(torch.ones(10)),
    "label: expected 0 to 9, got 10": lambda: plots.plot_probabilities(EYE[0], label=10),
    "labels: expected 0 to 9": lambda: plots.plot_embedding(torch.zeros(1, 2), torch.tensor([10])),
    "expected at least one finite number": lambda: plots.plot_lines({"a": [NAN]}, **NAMES),
    "x for 'a': expected numbers": lambda: plots.plot_lines({"a": [1.0]}, x={"b": [1.0]}, **NAMES),
    r"x for 'a': .* \(2\)": lambda: plots.plot_lines({"a": [1.0, 2.0]}, x=[1.0], **NAMES),
    r"walks\['a'\]": lambda: plots.plot_surface(FLAT, x=[0, 1, 2], y=[0, 1], walks={"a": FLAT}, **PLACES),
    "at least one rung": lambda: plots.plot_ladder({}, **TIMES),
    "all times above 0": lambda: plots.plot_ladder({"a": [1.0, 0.0]}, **TIMES),
    r"values: expected .*\(1\)": lambda: plots.plot_intervals(["a"], [0.5, 0.6], ENDS),
    r"intervals: .* got \[\[1\], \[1, 2\]\]": lambda: plots.plot_intervals(["a", "b"], [1, 1], [[1], [1, 2]]),
    "filters: .* got torch.bfloat16": lambda: plots.plot_filters(EYE[None].bfloat16()),
    "steps: expected at least one": lambda: plots.plot_walk([]),
    r"steps\['a'\]: .* \(1 _ _ _\)": lambda: plots.plot_walk([Step("a", torch.zeros(2, 3, 4, 4))]),
}


@pytest.mark.parametrize("message", REFUSED)
def test_wrong_arguments_are_named(message: str) -> None:
    with pytest.raises(ValueError, match=rf"\A.*{message}.*\Z"):  # in one line
        REFUSED[message]()


WORST = torch.tensor([40, 7, 1999])
SURE, LOSSES = torch.tensor([0.99999, 0.75, 0.5]), torch.tensor([9.0, 3.0, 1.0])
MISTAKES = Misclassified(WORST, torch.tensor([6, 8, 9]), torch.tensor([1, 2, 3]), SURE, LOSSES)


def test_the_worst_mistakes_come_first_and_none_are_said_to_be_none() -> None:
    picture = plots.plot_misclassified(TEST.images, MISTAKES, count=2)
    title = "3 mistakes in 2,000 digits, the 2 worst"
    assert texts(picture) == [title, "6 → 1", "> 99.9 %", "8 → 2", "75.0 %"]
    assert picture.alt_text == f"{title}: 6 read as 1 (> 99.9 % sure), 8 read as 2 (75.0 % sure)."
    assert np.array_equal([tile.get_array() for tile in tiles(picture)], TEST.images[WORST[:2]])
    picture = plots.plot_misclassified(TEST.images, misclassified(EYE[TEST.labels], TEST.labels))
    assert picture.alt_text == "No mistakes in 2,000 digits."


def test_photo_stages_keep_their_shape_and_their_scale() -> None:
    picture = plots.plot_photo_stages([("photo", PHOTO), ("ink", np.full((20, 10), 0.25))], title="An 8")
    said = "An 8: from photograph to digit in 2 stages, width × height: photo (400 × 300), ink (10 × 20)."
    assert picture.alt_text == said
    photo, ink = tiles(picture)
    assert photo.get_clim() == (0, 255) and ink.get_clim() == (0, 1)
    left, right, bottom, top = ink.get_extent()
    assert (bottom - top) / (right - left) == pytest.approx(2)


def test_channels_share_a_scale() -> None:
    weights = torch.tensor([[[-0.5, 0.25]], [[0.0, 0.1]]], requires_grad=True)
    filters, maps = (
        plots.plot_filters(weights),
        plots.plot_feature_maps(16 * weights.abs(), title="After ReLU"),
    )
    assert all(tile.get_cmap() == BLUE_ORANGE and tile.get_clim() == (-0.5, 0.5) for tile in tiles(filters))
    assert all(tile.get_cmap().name == "viridis" and tile.get_clim() == (0, 8) for tile in tiles(maps))
    assert len(filters.axes) == len(maps.axes) == 2  # the page and the colour bar
    assert texts(maps) == ["After ReLU", "0", "1"]


def test_heatmaps_take_the_colours_that_fit() -> None:
    signed, positive, nothing = torch.zeros(3, 28, 28)
    signed[5, 9], signed[6, 6], positive[20, 3] = -4.0, 1.0, 0.5
    block = torch.zeros(28, 28, dtype=torch.uint8)
    block[7:21, 14:28] = 255  # rows 7 to 20, the right half
    picture = plots.plot_heatmaps(block, {"saliency": signed, "Grad-CAM": positive, "none": nothing})
    assert picture.alt_text == (
        "A digit and 3 heat maps of it: saliency from −4 to 1, strongest at row 5, column 9; "
        "Grad-CAM from 0 to 0.5, strongest at row 20, column 3; none from 0 to 0."
    )
    digit, *heats = tiles(picture)
    assert np.array_equal(digit.get_array(), block)
    assert [heat.get_cmap().name for heat in heats] == [BLUE_ORANGE.name, "viridis", "viridis"]
    assert [heat.get_clim() for heat in heats] == [(-4, 4), (0, 0.5), (0, 1)]
    outlines = picture.axes[0].collections
    colours = [to_hex(outline.get_edgecolor()[0]) for outline in outlines]
    assert colours == [INK, "#ffffff", "#ffffff"]  # each is seen on its map
    assert {"−4 to 1", "0 to 0.5", "0 to 0"} <= set(texts(picture))

    left, right, bottom, top = heats[0].get_extent()
    points = np.concatenate([path.vertices for path in outlines[0].get_paths()])
    points = (points - [left, top]) / [right - left, bottom - top] * 28  # now in pixels of the image
    assert points[:, 0].min() == pytest.approx(14, abs=0.2)
    assert (points[:, 1].min(), points[:, 1].max()) == pytest.approx((7, 21), abs=0.2)


def title(picture: Picture) -> str:
    return picture.get_suptitle().replace("\n", " ")


def test_training_curves_say_how_it_went() -> None:
    losses, accuracies = ([1.2, 0.6, 0.5], [0.4, 0.2, 0.3]), ([50, 80, 85], [90, 96, 94])
    shares = [[each / 100 for each in row] for row in accuracies]
    columns = zip(range(1, 4), losses[0], shares[0], losses[1], shares[1], strict=True)
    picture = plots.plot_training_curves(History([EpochRow(*each, 0.001, 1.0) for each in columns]))
    assert title(picture) == "94.0 % of the validation digits right after 3 epochs"
    assert picture.alt_text == (
        "Training curves over 3 epochs: training loss from 1.2 to 0.5; training accuracy from 50.0 % to 85.0 %; "
        "validation loss from 0.4 to 0.3; validation accuracy from 90.0 % to 94.0 %."
    )
    for axes, values in zip(picture.axes, (losses, accuracies), strict=True):
        assert np.allclose([line.get_ydata() for line in axes.lines], values)
        training, validation = axes.lines  # not told apart by colour alone
        assert training.get_linestyle() != validation.get_linestyle()
        assert training.get_marker() != validation.get_marker()

    picture = plots.plot_training_curves(History([EpochRow(1, 0.7, 0.8, None, None, 0.001, 1.0)]))
    assert title(picture) == "80.0 % of the training digits right after 1 epoch"
    assert "validation" not in picture.alt_text
    assert all(len(axes.lines) == 1 for axes in picture.axes)


def test_a_training_that_blew_up_is_still_drawn() -> None:
    rows = [EpochRow(1, 2.3, 0.1, 1e30, 0.1, 1.0, 1.0), EpochRow(2, NAN, 0.1, NAN, 0.1, 1.0, 1.0)]
    picture = plots.plot_training_curves(History(rows))
    assert "training loss from 2.3 to nan" in picture.alt_text and picture.png()


def test_the_matrix_says_its_most_frequent_confusion() -> None:
    matrix = torch.eye(10, dtype=torch.int64) * 196
    assert plots.plot_confusion_matrix(matrix).alt_text.endswith("(100 %); most frequent confusion: none.")
    matrix[4, 9], matrix[7, 2], matrix[9, 4] = 27, 5, 6
    picture = plots.plot_confusion_matrix(matrix)
    assert picture.alt_text == (
        "Confusion matrix: 1,960 of 1,998 digits right (98.1 %); most frequent confusion: 4 read as 9, 27 times."
    )
    cells = {text.get_position(): text.get_text() for text in picture.axes[0].texts}
    assert len(cells) == 13  # the zeros are left blank
    assert (cells[9, 4], cells[2, 7], cells[0, 0]) == ("27", "5", "196")  # x is the prediction, y the label
    (shown,) = picture.axes[0].images
    assert (~np.ma.getmaskarray(shown.get_array())).sum() == 3  # the errors only have a colour
    assert shown.get_clim() == (0, 27)


def test_reliability_leaves_empty_bins_out() -> None:
    sure, right = torch.tensor([NAN, 0.4, NAN, 0.9]), torch.tensor([NAN, 0.0, NAN, 0.95])
    counts = torch.tensor([0, 1, 0, 1999])
    picture = plots.plot_reliability(Calibration(torch.linspace(0, 1, 5), counts, sure, right, 0.05))
    assert title(picture) == "Confidence is 5 percentage points off on average"
    assert picture.alt_text == (
        "Reliability diagram of 2,000 digits: expected calibration error 5.0 %. Bins, from the least sure: "
        "40.0 % sure and 0 % right (1 digit), 90.0 % sure and 95.0 % right (1,999 digits)."
    )
    above, below = picture.axes
    assert below.get_yscale() == "log"  # or one bin of thousands would hide the others
    assert [(bar.get_x(), bar.get_width()) for bar in above.patches] == [(25, 25), (75, 25)]
    assert [bar.get_height() for bar in above.patches] == pytest.approx([0, 95])
    assert [bar.get_height() for bar in below.patches] == [1, 1999]


def test_probabilities_are_said_from_the_largest_beside_the_image() -> None:
    shares = torch.tensor([0.0, 0.0001, 0.2, 0, 0.0999, 0, 0, 0.7, 0, 0])
    image = torch.arange(784).view(28, 28).remainder(256).to(torch.uint8)
    picture = plots.plot_probabilities(shares, image=image, label=2)
    assert title(picture) == "Read as 7, 70.0 % sure; the label is 2"
    assert picture.alt_text == (
        "Probabilities of the ten digits: 7 with 70.0 %, 2 with 20.0 %, 4 with 10.0 %. The label is 2."
    )
    left, axes = picture.axes
    assert np.array_equal(left.images[0].get_array(), image)
    assert np.allclose([bar.get_width() for bar in axes.patches], 100 * shares)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "1", "label 2", *"3456789"]
    alone = plots.plot_probabilities(torch.eye(10)[3])
    assert title(alone) == "Read as 3, 100 % sure" and len(alone.axes) == 1


def test_every_class_has_its_colour_and_is_named_at_its_median() -> None:
    labels = torch.arange(10).repeat(3)
    points = torch.stack([labels - 5, torch.arange(30) ** 2], dim=1)
    picture = plots.plot_embedding(points, labels, title="Untrained")
    said = "Untrained: 30 digits as points in two dimensions. Medians of the classes: 0 at (−5, 100), 1 at"
    assert picture.alt_text.startswith(said) and title(picture) == "Untrained"
    places = {text.get_text(): text.get_position() for text in picture.axes[0].texts}
    assert places == {f"{k}": (k - 5, (k + 10) ** 2) for k in range(10)}
    (dots,) = picture.axes[0].collections
    for (x, _), colour in zip(dots.get_offsets(), dots.get_facecolors(), strict=True):
        assert to_hex(colour) == CLASS_COLOURS[int(x) + 5]
    assert len(set(CLASS_COLOURS)) == 10


INPUT = Step("input", normalize(TEST.images[:1]))
LOGITS = Step("fc", torch.tensor([[-3.0, 1, 0, 0.5, 0, 0, 0, 0, 12.25, 2]]))


@pytest.mark.parametrize("name", list_models())
def test_every_model_can_be_walked_through(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name).eval()
    picture = plots.plot_walk(walk(model, INPUT.output))
    first, second = model(INPUT.output)[0].topk(2).indices.tolist()
    assert texts(picture)[0] == f"From 784 pixels to the digit {first}"
    assert re.search(rf"The highest score is that of {first} \(.*\), then {second} \(", picture.alt_text)


def test_shapes_ranges_and_scores_are_said_and_what_keeps_the_shape_is_drawn_together() -> None:
    maps = torch.zeros(1, 3, 4, 5)
    maps[0, 1, 2, 3], maps[0, 0, 0, 0] = 7.0, -2.0
    steps = [
        Step("input", torch.eye(28)[None, None]),
        *(Step(name, maps) for name in ("conv", "norm", "relu")),
    ]
    picture = plots.plot_walk([*steps[:3], Step("relu", maps.relu()), LOGITS])
    assert picture.alt_text == (
        "One digit on its way through a network: input, 28 × 28, 0 to 1; conv … relu, 3 maps of 4 × 5, 0 to 7; "
        "fc, 10 numbers, −3 to 12.2. The highest score is that of 8 (12.2), then 9 (2)."
    )
    for image, expected in zip(picture.axes[0].images[1:4], maps[0].relu(), strict=True):
        assert np.array_equal(image.get_array(), expected)
    picture = plots.plot_walk([INPUT, Step("features", torch.zeros(1, 50))])
    assert texts(picture)[0] == "From 784 pixels to 50 numbers" and "score" not in picture.alt_text


def test_the_colours_tell_the_sign_and_no_more_maps_are_drawn_than_can_be_seen() -> None:
    conv, pool = Step("conv", torch.randn(1, 96, 7, 7)), Step("pool", torch.rand(1, 2, 3, 3))
    picture = plots.plot_walk([INPUT, conv, pool, Step("mean", torch.rand(1, 96)), LOGITS])
    assert "96 maps of 7 × 7, 20 shown" in texts(picture)
    image, *maps = picture.axes[0].images[:23]
    names = [each.get_cmap().name for each in (image, *maps)]
    assert names == ["gray", *[BLUE_ORANGE.name] * 20, *["viridis"] * 2]
    assert maps[0].get_clim()[0] == -maps[0].get_clim()[1] and maps[-1].get_clim()[0] == 0
    assert all(0 <= each.get_extent()[0] < each.get_extent()[1] <= 6.4 for each in maps)


def test_the_scores_stand_over_their_digits() -> None:
    picture = plots.plot_walk([INPUT, LOGITS])
    (bars,) = picture.axes[0].containers
    heights = -np.array([bar.get_height() for bar in bars])  # the page's y points down
    assert np.allclose(heights / heights.max(), LOGITS.output[0] / 12.25)
    digits = {text.get_text(): text for text in picture.axes[0].texts if text.get_fontsize() == 17}
    assert list(digits) == list("0123456789")
    assert [name for name, text in digits.items() if text.get_bbox_patch() is not None] == ["8"]
    for name, bar in zip(digits.values(), bars, strict=True):
        assert name.get_position()[0] == pytest.approx(bar.get_x() + bar.get_width() / 2)
    assert "12.2" in texts(picture) and "−3" in texts(picture)
