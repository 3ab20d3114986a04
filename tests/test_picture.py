import base64
import io
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import matplotlib.style
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from digitlab import picture as p
from digitlab.plots.charts import _ERRORS
from digitlab.plots.style import Picture, read_description, save_picture

SPOKEN = 'Digits "4" & <9> → 98.1 %'


def draw() -> Picture:
    with p.house_style():
        picture, page = p.new_page(1.0, "A title")
        p.draw_tile(page, np.arange(9).reshape(3, 3), 0.1, 0.0, 0.9, cmap="viridis")
    picture.alt_text = SPOKEN
    return picture


@pytest.fixture
def drawn() -> Picture:
    return draw()


def parse(html: str) -> list[tuple[str, dict[str, str | None]]]:
    tags = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append((tag, dict(attributes)))  # type: ignore[method-assign]
    parser.feed(html)
    return tags


# --- in a notebook --------------------------------------------------------------------------------------------------


def test_a_picture_is_one_html_image_with_its_alt_text(drawn: Picture) -> None:
    html = drawn._repr_html_()
    assert html.startswith("<figure><img alt=") and html.endswith("</figure>")
    assert 'alt="Digits &quot;4&quot; &amp; &lt;9&gt; → 98.1 %"' in html
    (figure, _), (tag, image) = parse(html)
    assert (figure, tag) == ("figure", "img")
    assert image["alt"] == SPOKEN
    assert image["style"] == "max-width:100%"
    kind, data = str(image["src"]).split(",")
    assert kind == "data:image/png;base64"
    shown = Image.open(io.BytesIO(base64.b64decode(data)))
    assert shown.format == "PNG" and shown.width == 640
    assert repr(drawn) == SPOKEN


def test_it_displays_itself_once(drawn: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    stand_in = SimpleNamespace(display=lambda *args, **options: calls.append((args, options)))
    monkeypatch.setitem(sys.modules, "IPython.display", stand_in)
    drawn._ipython_display_()
    (((bundle,), options),) = calls
    assert options == {"raw": True}
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == SPOKEN and "<img" in bundle["text/html"]


def test_matplotlibs_own_notebook_format_adds_no_second_image(
    drawn: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda bundle, raw: shown.append(bundle))
    formatter = formatters.DisplayFormatter()
    formatter.formatters["image/png"].for_type(Figure, lambda figure: b"what pyplot registers")
    assert formatter.format(Figure())[0]["image/png"] == b"what pyplot registers"
    assert formatter.format(drawn) == ({}, {})
    assert len(shown) == 1


# --- on the disk ----------------------------------------------------------------------------------------------------


def test_the_description_survives_the_file(drawn: Picture, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_text("an older file")
    save_picture(drawn, path)
    assert read_description(path) == SPOKEN
    assert [file.name for file in tmp_path.iterdir()] == ["picture.png"]
    with Image.open(path) as image:
        assert image.convert("RGB").getpixel((639, 0)) == (255, 255, 255)


def test_files_without_a_description(tmp_path: Path, drawn: Picture) -> None:
    with pytest.raises(FileNotFoundError):
        save_picture(drawn, tmp_path / "no" / "folder.png")
    with pytest.raises(FileNotFoundError):
        read_description(tmp_path / "nothing.png")
    (tmp_path / "text.png").write_text("not an image")
    with pytest.raises(ValueError, match=r"text\.png is not a PNG image"):
        read_description(tmp_path / "text.png")
    Image.new("RGB", (3, 3)).save(tmp_path / "mute.png")
    with pytest.raises(ValueError, match=r"mute\.png carries no description"):
        read_description(tmp_path / "mute.png")


# --- settings -------------------------------------------------------------------------------------------------------


def test_the_notebooks_style_does_not_leak_in(drawn: Picture) -> None:
    plain = drawn.png()
    with matplotlib.style.context(["dark_background", {"font.size": 30, "savefig.dpi": 50}]):
        before = dict(matplotlib.rcParams)
        assert drawn.png() == plain
        assert draw().png() == plain
        assert dict(matplotlib.rcParams) == before


def test_pyplot_is_never_imported() -> None:
    code = "import sys, digitlab.plots; print('matplotlib.pyplot' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"


# --- colours --------------------------------------------------------------------------------------------------------


def luminance(colour: object) -> float:
    """The relative luminance of WCAG 2."""
    rgb = np.array(to_rgb(colour))  # type: ignore[arg-type]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a: object, b: object) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colour", [p.INK, p.QUIET, p.BLUE, p.ORANGE])
def test_text_can_be_read_on_white(colour: str) -> None:
    assert contrast(colour, "white") >= 4.5


def test_numbers_can_be_read_on_the_matrix() -> None:
    assert min(contrast(p.INK, _ERRORS(share)) for share in (0.0, 0.5, 1.0)) >= 4.5


def test_the_signed_colours_are_balanced_around_zero() -> None:
    red, green, blue, _ = p.BLUE_ORANGE(0.5)
    assert max(red, green, blue) - min(red, green, blue) < 0.02 and green > 0.95
    for distance in (0.1, 0.2, 0.3, 0.4, 0.5):
        below, above = p.BLUE_ORANGE(0.5 - distance), p.BLUE_ORANGE(0.5 + distance)
        assert below[2] > below[0] + 0.05 and above[0] > above[2] + 0.05  # bluer below, more orange above
        assert contrast(below, above) < 1.5
    darkness = [luminance(p.BLUE_ORANGE(0.5 + side * share)) for side in (-1, 1) for share in (0, 0.25, 0.5)]
    assert darkness[0] > darkness[1] > darkness[2] and darkness[3] > darkness[4] > darkness[5]


def test_the_sign_is_seen_without_red_or_green_cones() -> None:
    # Machado, Oliveira and Fernandes (2009), severity 1: protanopia and deuteranopia, on linear RGB.
    for matrix in (
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    ):
        for below, above in ((p.BLUE, p.ORANGE), (p.BLUE_ORANGE(0.2), p.BLUE_ORANGE(0.8))):
            seen = [np.array(matrix) @ np.array(to_rgb(colour)) ** 2.2 for colour in (below, above)]
            assert seen[0][2] - seen[0][0] > 0.1 and seen[1][0] - seen[1][2] > 0.05


def test_the_scale_fits_the_values() -> None:
    signed = p.colour_scale(np.array([-2.0, 5.0]))
    assert (signed["cmap"], signed["vmin"], signed["vmax"]) == (p.BLUE_ORANGE, -5.0, 5.0)
    positive = p.colour_scale(np.array([1.0, 5.0]))
    assert (positive["cmap"], positive["vmin"], positive["vmax"]) == ("viridis", 0.0, 5.0)
    assert p.colour_scale(np.zeros(3))["vmax"] > 0
    constant = p.colour_scale(np.full(3, -4.0), signed=False)
    assert constant["vmin"] == -4.0 < constant["vmax"]
    assert p.colour_scale(np.array([1.0] * 999 + [100.0]), spanned=0.9)["vmax"] == 1.0


# --- checks and words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "shape", "kind", "message"),
    [
        (
            torch.zeros(2, 3),
            ("N", 4),
            "numbers",
            r"maps: expected numbers \(N, 4\), got float32 \(2, 3\)",
        ),
        (torch.zeros(2), ("N", 2), "numbers", r"got float32 \(2,\)"),
        (torch.zeros(0, 4), ("N", 4), "numbers", r"maps: expected at least one, got float32 \(0, 4\)"),
        (torch.zeros(3), (3,), "integers", "expected integers"),
        (torch.zeros(3, dtype=torch.int16), (3,), "uint8", "expected uint8"),
        (["a", "b"], (2,), "numbers", "expected numbers"),
        (
            torch.tensor([1.0, float("nan")]),
            (2,),
            "numbers",
            "maps: expected finite numbers, got NaN or infinity",
        ),
        (torch.tensor([1.0, float("inf")]), (2,), "numbers", "finite"),
        ([[1], [1, 2]], ("N", 2), "numbers", r"maps: expected numbers \(N, 2\), got \[\[1\], \[1, 2\]\]"),
        (torch.zeros(2, dtype=torch.bfloat16), (2,), "numbers", r"got torch.bfloat16 \(2,\)"),
        (torch.zeros(2, dtype=torch.complex64), (2,), "numbers", "expected numbers"),
    ],
)
def test_what_does_not_fit_is_named(values: object, shape: tuple[int], kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        p.as_array("maps", values, shape, kind)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_tensors_become_arrays() -> None:
    values = torch.tensor([1.0, float("nan")], requires_grad=True)
    assert p.as_array("values", values, (2,), finite=False)[0] == 1.0
    assert p.as_array("values", [True, False], ("N",)).tolist() == [True, False]


@given(st.floats(0, 1), st.sampled_from([1, 2]))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_percentages_never_round_to_all_or_nothing(share: float, decimals: int) -> None:
    text = p.percent(share, decimals)
    assert text.endswith(" %")
    number = float(text.removesuffix(" %").lstrip("<> "))
    assert abs(number - 100 * share) <= 10.0**-decimals + 1e-9
    if text[0].isdigit():
        assert (number in (0.0, 100.0)) == (share in (0.0, 1.0))


def test_long_lists_end() -> None:
    assert p.listing(str(i) for i in range(40)).endswith("28, 29 and 10 more")
    assert p.listing(["1", "2"]) == "1, 2"
    assert p.counted(0, "map") == "0 maps"
    assert p.signed_text(-1e-7) == "−1e−07" and p.signed_text(123456) == "123,000"
