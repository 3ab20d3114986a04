import matplotlib.colors
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from digitlab import plots
from digitlab.metrics import Calibration
from digitlab.plots.charts import CLASS_COLOURS
from digitlab.training import EpochRow, History

NAN = float("nan")


def title(picture: plots.Picture) -> str:
    return picture.get_suptitle().replace("\n", " ")


def bars(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


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
    assert [(bar.get_x(), bar.get_width()) for bar in bars(above)] == [(25, 25), (75, 25)]
    assert [bar.get_height() for bar in bars(above)] == pytest.approx([0, 95])
    assert [bar.get_height() for bar in bars(below)] == [1, 1999]


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
    assert np.allclose([bar.get_width() for bar in bars(axes)], 100 * shares)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "1", "label 2", *"3456789"]
    alone = plots.plot_probabilities(torch.eye(10)[3])
    assert title(alone) == "Read as 3, 100 % sure" and len(alone.axes) == 1


def test_every_class_has_its_colour_and_is_named_at_its_median() -> None:
    points = torch.tensor([[0.0, 0.0], [1.0, 10.0], [2.0, 80.0], [-5.0, 4.0]])
    picture = plots.plot_embedding(points, torch.tensor([6, 6, 6, 2]), title="Untrained")
    assert picture.alt_text == (
        "Untrained: 4 digits as points in two dimensions. Medians of the classes: 2 at (−5, 4), 6 at (1, 10)."
    )
    places = {text.get_text(): text.get_position() for text in picture.axes[0].texts}
    assert places == {"2": (-5, 4), "6": (1, 10)} and title(picture) == "Untrained"
    (dots,) = picture.axes[0].collections
    for (x, _), colour in zip(dots.get_offsets(), dots.get_facecolors(), strict=True):
        assert matplotlib.colors.to_hex(colour) == CLASS_COLOURS[2 if x == -5 else 6]
    assert len(set(CLASS_COLOURS)) == 10
