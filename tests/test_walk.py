import re

import numpy as np
import pytest
import torch

from digitlab.data import load_sample, normalize
from digitlab.forward import Step, walk
from digitlab.models import create_model, list_models
from digitlab.plots.colours import BLUE_ORANGE
from digitlab.plots.style import Picture
from digitlab.plots.walk import plot_walk

IMAGE = normalize(load_sample("test").images[:1])
INPUT = Step("input", IMAGE)
LOGITS = Step("fc", torch.tensor([[-3.0, 1, 0, 0.5, 0, 0, 0, 0, 12.25, 2]]))


def texts(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.axes[0].texts]


@pytest.mark.parametrize("name", list_models())
def test_every_model_can_be_walked_through(name: str) -> None:
    torch.manual_seed(0)
    model = create_model(name).eval()
    picture = plot_walk(walk(model, IMAGE))
    first, second = model(IMAGE)[0].topk(2).indices.tolist()
    assert texts(picture)[0] == f"From 784 pixels to the digit {first}"
    assert re.search(rf"The highest score is that of {first} \(.*\), then {second} \(", picture.alt_text)


def test_shapes_ranges_and_scores_are_said_and_what_keeps_the_shape_is_drawn_together() -> None:
    maps = torch.zeros(1, 3, 4, 5)
    maps[0, 1, 2, 3], maps[0, 0, 0, 0] = 7.0, -2.0
    steps = [
        Step("input", torch.eye(28)[None, None]),
        *(Step(name, maps) for name in ("conv", "norm", "relu")),
    ]
    picture = plot_walk([*steps[:3], Step("relu", maps.relu()), LOGITS])
    assert picture.alt_text == (
        "One digit on its way through a network: input, 28 × 28, 0 to 1; conv … relu, 3 maps of 4 × 5, 0 to 7; "
        "fc, 10 numbers, −3 to 12.2. The highest score is that of 8 (12.2), then 9 (2)."
    )
    for image, expected in zip(picture.axes[0].images[1:4], maps[0].relu(), strict=True):
        assert np.array_equal(image.get_array(), expected)
    picture = plot_walk([INPUT, Step("features", torch.zeros(1, 50))])
    assert texts(picture)[0] == "From 784 pixels to 50 numbers" and "score" not in picture.alt_text


def test_the_colours_tell_the_sign_and_no_more_maps_are_drawn_than_can_be_seen() -> None:
    conv, pool = Step("conv", torch.randn(1, 96, 7, 7)), Step("pool", torch.rand(1, 2, 3, 3))
    picture = plot_walk([INPUT, conv, pool, Step("mean", torch.rand(1, 96)), LOGITS])
    assert "96 maps of 7 × 7, 20 shown" in texts(picture)
    image, *maps = picture.axes[0].images[:23]
    names = [each.get_cmap().name for each in (image, *maps)]
    assert names == ["gray", *[BLUE_ORANGE.name] * 20, *["viridis"] * 2]
    assert maps[0].get_clim()[0] == -maps[0].get_clim()[1] and maps[-1].get_clim()[0] == 0
    assert all(0 <= each.get_extent()[0] < each.get_extent()[1] <= 6.4 for each in maps)


def test_the_scores_stand_over_their_digits() -> None:
    picture = plot_walk([INPUT, LOGITS])
    (bars,) = picture.axes[0].containers
    heights = -np.array([bar.get_height() for bar in bars])  # the page's y points down
    assert np.allclose(heights / heights.max(), LOGITS.output[0] / 12.25)
    digits = {text.get_text(): text for text in picture.axes[0].texts if text.get_fontsize() == 17}
    assert list(digits) == list("0123456789")
    assert [name for name, text in digits.items() if text.get_bbox_patch() is not None] == ["8"]
    for name, bar in zip(digits.values(), bars, strict=True):
        assert name.get_position()[0] == pytest.approx(bar.get_x() + bar.get_width() / 2)
    assert "12.2" in texts(picture) and "−3" in texts(picture)
