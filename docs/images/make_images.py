"""Draw the pictures of the README and the home page, and write the alt texts of the README's into it.

python docs/images/make_images.py
"""

import json
import re
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from digitlab import (
    load_sample,
    load_shipped_model,
    misclassified,
    normalize,
    normalize_ink,
    plot_digits,
    plot_misclassified,
    plot_walk,
    predict,
    save_picture,
    walk,
)
from digitlab.plots.curves import plot_ladder

LETTERS = "AEHKMRTXY?"


def main() -> None:
    """Write the pictures beside this script."""
    folder = Path(__file__).parent
    model, digits = load_shipped_model(), load_sample("test")
    probabilities = predict(model, digits.images)
    letters = torch.stack([draw_letter(letter) for letter in LETTERS])
    race = json.loads((folder.parent / "results" / "bench.json").read_text(encoding="utf-8"))["rows"]
    seconds = {row["name"].removeprefix("digitlab "): [row["seconds"]] for row in race}
    pictures = {
        "walk": plot_walk(walk(model, normalize(digits.images[:1]))),
        "mistakes": plot_misclassified(digits.images, misclassified(probabilities, digits.labels), count=10),
        "letters": plot_digits(
            letters, predict(model, letters).argmax(dim=1), columns=5, title="Not a digit, and read as one"
        ),
        "race": plot_ladder(
            {name: seconds[name] for name in ("tutorial", "classic", "fast")},
            xlabel="seconds",
            title="From nothing to about 99 %",
        ),
    }
    readme = folder.parents[1] / "README.md"
    text = readme.read_text(encoding="utf-8")
    for name, picture in pictures.items():
        save_picture(picture, folder / f"{name}.png")
        text = re.sub(
            rf"!\[[^\]]*\]\((docs/images/{name}\.png)\)",
            lambda m, p=picture: f"![{p.alt_text}]({m[1]})",
            text,
        )
    readme.write_text(text, encoding="utf-8")


def draw_letter(letter: str) -> torch.Tensor:
    """A printed letter as an image (28, 28), prepared as a digit is."""
    font = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
    paper = Image.new("L", (140, 140))
    ImageDraw.Draw(paper).text((70, 70), letter, fill=255, font=ImageFont.truetype(font, 100), anchor="mm")
    return torch.from_numpy(normalize_ink(np.asarray(paper, np.float32) / 255).image)


if __name__ == "__main__":
    main()
