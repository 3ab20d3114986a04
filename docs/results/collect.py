"""Gather the metrics of finished runs into ``recipes.json``, from which the results page is made.

for recipe in classic fast; do for seed in 0 1 2 3 4; do
  digitlab train --data mnist --recipe $recipe --seed $seed --output runs/$recipe-$seed
done; done
python docs/results/collect.py runs/*
"""

import json
import os
import platform
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from digitlab.recipes import get_recipe, list_recipes


def main(folders: list[str]) -> None:
    """Write the runs, whole, in the order of the recipes and seeds."""
    runs: list[dict[str, Any]] = [
        json.loads((Path(folder) / "metrics.json").read_text()) for folder in folders
    ]
    runs.sort(key=lambda run: (list_recipes().index(run["recipe"]), run["seed"]))
    rows = [
        {"name": f"`{name}`: {get_recipe(name).description}", "runs": list(group)}
        for name, group in groupby(runs, key=lambda run: run["recipe"])
    ]
    result = {
        "title": "Recipes",
        "what": "`digitlab train --recipe …`, each seed trained once, tested once on MNIST's 10,000 test digits.",
        "machine": f"{os.cpu_count()} cores ({platform.machine()}, {platform.system()}), no GPU, "
        f"PyTorch {runs[0]['versions']['torch'].partition('+')[0]}",
        "rows": rows,
    }
    target = Path(__file__).with_name("recipes.json")
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
