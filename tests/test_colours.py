import numpy as np
from matplotlib.colors import to_rgb

from digitlab.plots.charts import _ERRORS
from digitlab.plots.colours import BLUE, BLUE_ORANGE, INK, ORANGE, QUIET, colour_scale


def luminance(colour: object) -> float:
    """The relative luminance of WCAG 2."""
    rgb = np.array(to_rgb(colour))  # type: ignore[arg-type]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: object, b: object) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_can_be_read() -> None:
    for colour in (INK, QUIET, BLUE, ORANGE):
        assert contrast(colour, "white") >= 4.5
    for share in (0.0, 0.5, 1.0):  # the numbers on the confusion matrix
        assert contrast(INK, _ERRORS(share)) >= 4.5


def test_the_signed_colours_are_balanced_around_zero() -> None:
    red, green, blue, _ = BLUE_ORANGE(0.5)
    assert max(red, green, blue) - min(red, green, blue) < 0.02 and green > 0.95
    for distance in (0.1, 0.2, 0.3, 0.4, 0.5):
        below, above = BLUE_ORANGE(0.5 - distance), BLUE_ORANGE(0.5 + distance)
        assert below[2] > below[0] + 0.05 and above[0] > above[2] + 0.05  # bluer below, more orange above
        assert contrast(below, above) < 1.5
    darkness = [luminance(BLUE_ORANGE(0.5 + side * share)) for side in (-1, 1) for share in (0, 0.25, 0.5)]
    assert darkness[0] > darkness[1] > darkness[2] and darkness[3] > darkness[4] > darkness[5]


def test_the_sign_is_seen_without_red_or_green_cones() -> None:
    # Machado, Oliveira and Fernandes (2009), severity 1: protanopia and deuteranopia, on linear RGB.
    for matrix in (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    ):
        for below, above in ((BLUE, ORANGE), (BLUE_ORANGE(0.2), BLUE_ORANGE(0.8))):
            seen = [np.array(matrix) @ np.array(to_rgb(colour)) ** 2.2 for colour in (below, above)]
            assert seen[0][2] - seen[0][0] > 0.1 and seen[1][0] - seen[1][2] > 0.05


def test_the_scale_fits_the_values() -> None:
    signed = colour_scale(np.array([-2.0, 5.0]))
    assert (signed["cmap"], signed["vmin"], signed["vmax"]) == (BLUE_ORANGE, -5.0, 5.0)
    positive = colour_scale(np.array([1.0, 5.0]))
    assert (positive["cmap"], positive["vmin"], positive["vmax"]) == ("viridis", 0.0, 5.0)
    assert colour_scale(np.zeros(3))["vmax"] > 0
    constant = colour_scale(np.full(3, -4.0), signed=False)
    assert constant["vmin"] == -4.0 < constant["vmax"]
    assert colour_scale(np.array([1.0] * 999 + [100.0]), spanned=0.9)["vmax"] == 1.0
