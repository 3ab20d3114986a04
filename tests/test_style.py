import base64
import html
import io
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.style
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from digitlab.plots.charts import _ERRORS
from digitlab.plots.colours import BLUE, BLUE_ORANGE, INK, ORANGE, QUIET
from digitlab.plots.style import Picture, draw_tile, draws, new_page, read_description, save_picture

SPOKEN = 'Digits "4" & <9> → 98.1 %'


@draws
def draw() -> Picture:
    picture, page = new_page(1.0, "A title")
    draw_tile(page, np.arange(9).reshape(3, 3), 0.1, 0.0, 0.9, cmap="viridis")
    return picture.saying(SPOKEN)


DRAWN = draw()


def test_a_picture_is_one_html_image_with_its_alt_text() -> None:
    parts = '<figure><img alt="(.*?)" .*src="data:image/png;base64,(.*?)"></figure>'
    found = re.fullmatch(parts, DRAWN._repr_html_())
    assert found and html.unescape(found[1]) == repr(DRAWN) == SPOKEN
    shown = Image.open(io.BytesIO(base64.b64decode(found[2])))
    assert (shown.format, shown.width) == ("PNG", 640)


def test_matplotlibs_own_notebook_format_adds_no_second_image(monkeypatch: pytest.MonkeyPatch) -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    formatter = formatters.DisplayFormatter()
    formatter.formatters["image/png"].for_type(Figure, lambda figure: b"what pyplot registers")
    assert formatter.format(Figure())[0]["image/png"] == b"what pyplot registers"
    assert formatter.format(DRAWN) == ({}, {})
    assert len(shown) == 1


def test_the_description_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_text("an older file")
    with pytest.raises(ValueError, match=r"picture\.png is not a PNG image"):
        read_description(path)
    save_picture(DRAWN, path)
    assert read_description(path) == SPOKEN
    assert list(tmp_path.iterdir()) == [path]
    Image.open(path).save(path)
    with pytest.raises(ValueError, match=r"picture\.png carries no description"):
        read_description(path)


def test_the_notebooks_style_does_not_leak_in() -> None:
    plain = DRAWN.png()
    with matplotlib.style.context(["dark_background", {"font.size": 30, "savefig.dpi": 50}]):
        before = dict(matplotlib.rcParams)
        assert DRAWN.png() == plain
        assert draw().png() == plain
        assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported() -> None:
    code = "import sys, digitlab.plots; print('matplotlib.pyplot' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def luminance(colour: object) -> float:
    """The relative luminance of WCAG 2."""
    rgb = np.array(to_rgb(colour))  # type: ignore[arg-type]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: object, b: object) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_can_be_read() -> None:
    assert min(contrast(colour, "white") for colour in (INK, QUIET, BLUE, ORANGE)) >= 4.5
    assert min(contrast(INK, _ERRORS(share)) for share in (0.0, 0.5, 1.0)) >= 4.5


def test_the_signed_colours_are_balanced_around_zero() -> None:
    red, green, blue, _ = BLUE_ORANGE(0.5)
    assert max(red, green, blue) - min(red, green, blue) < 0.02 and green > 0.95
    sides = [(BLUE_ORANGE(0.5 - distance), BLUE_ORANGE(0.5 + distance)) for distance in np.arange(1, 6) / 10]
    for below, above in sides:
        assert below[2] > below[0] + 0.05 and above[0] > above[2] + 0.05  # bluer below, more orange above
        assert contrast(below, above) < 1.5
    for side in zip(*sides, strict=True):
        assert (np.diff([luminance(colour) for colour in side]) < 0).all(), "darker and darker"


def test_the_sign_is_seen_without_red_or_green_cones() -> None:
    # Machado, Oliveira and Fernandes (2009), severity 1: protanopia and deuteranopia, on linear RGB.
    for eye in (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    ):
        for pair in ((BLUE, ORANGE), (BLUE_ORANGE(0.2), BLUE_ORANGE(0.8))):
            below, above = (np.array(eye) @ np.array(to_rgb(colour)) ** 2.2 for colour in pair)
            assert below[2] - below[0] > 0.1 and above[0] - above[2] > 0.05
