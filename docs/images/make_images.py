"""Draw the README's two pictures, from the shipped network and the sample, and write their alt texts into it.

python docs/images/make_images.py
"""

import re
from pathlib import Path

from digitlab import (
    load_sample,
    load_shipped_model,
    misclassified,
    normalize,
    plot_misclassified,
    plot_walk,
    predict,
    save_picture,
    walk,
)


def main() -> None:
    """Write ``walk.png`` and ``mistakes.png`` beside this script."""
    folder = Path(__file__).parent
    model, digits = load_shipped_model(), load_sample("test")
    probabilities = predict(model, digits.images)
    pictures = {
        "walk": plot_walk(walk(model, normalize(digits.images[:1]))),
        "mistakes": plot_misclassified(digits.images, misclassified(probabilities, digits.labels), count=10),
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


if __name__ == "__main__":
    main()
