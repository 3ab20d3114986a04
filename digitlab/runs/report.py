"""A run's folder becomes one page, ``report.html``: self-contained, readable on a phone, in the dark and on paper."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import jinja2
from jaxtyping import Float
from torch import Tensor

from digitlab import forward, interpret, metrics, plots
from digitlab.checks import checked
from digitlab.data import Digits, normalize
from digitlab.models import DigitModel
from digitlab.plots.style import read_description, save_picture
from digitlab.training import History
from digitlab.writing import write_whole

_TEMPLATE = Path(__file__).parents[1] / "assets" / "report.html.j2"
_DATA_NAMES = {"mnist": "MNIST", "sample": "the bundled sample of MNIST", "fashion": "Fashion-MNIST"}
_SAMPLE = 3
"""The digit that the report follows through the network: the fourth of the test set, as in the original tutorial."""


@checked
def write_figures(
    folder: Path, model: DigitModel, history: History, test: Digits, probabilities: Float[Tensor, "N C"]
) -> None:
    """Draw the run's pictures into ``folder/figures``, as PNG files; ``probabilities`` are those of the test digits."""
    image, label = test[_SAMPLE]
    predictions = probabilities.argmax(dim=1)
    mistakes = metrics.misclassified(probabilities, test.labels)
    pictures = {
        "prediction": plots.plot_probabilities(probabilities[_SAMPLE], image=image, label=label),
        "walk": plots.plot_walk(forward.walk(model, normalize(image[None]))),
        "filters": plots.plot_filters(interpret.first_filters(model)),
        "curves": plots.plot_training_curves(history),
        "confusion": plots.plot_confusion_matrix(metrics.confusion_matrix(test.labels, predictions)),
        "reliability": plots.plot_reliability(metrics.calibration(probabilities, test.labels)),
    }
    if len(mistakes.indices) > 0:
        pictures["misclassified"] = plots.plot_misclassified(test.images, mistakes)
    (folder / "figures").mkdir(exist_ok=True)
    for name, picture in pictures.items():
        save_picture(picture, folder / "figures" / f"{name}.png")


def write_report(folder: str | Path) -> Path:
    """Write ``report.html`` from the numbers and pictures of a finished run's folder; returns its path."""
    folder = Path(folder)
    summary = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    history = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    figures = {}
    for picture in sorted((folder / "figures").glob("*.png")):
        content = base64.b64encode(picture.read_bytes()).decode()
        alt = read_description(picture)
        figures[picture.stem] = {"source": f"data:image/png;base64,{content}", "alt": alt}
    # StrictUndefined: a name that the template misspells is an error here, not a hole in the page.
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    page = template.render(
        run=summary,
        history=history,
        figures=figures,
        n_wrong=round((1 - summary["test_accuracy"]) * summary["data"]["n_test"]),
        data_name=_DATA_NAMES[summary["data"]["name"]],
    )
    path = folder / "report.html"
    write_whole(path, page.encode())
    return path
