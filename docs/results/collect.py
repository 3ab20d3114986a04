"""Gather the metrics of finished runs into ``recipes.json``, from which the results page is made.

for seed in 0 1 2 3 4; do
  for recipe in classic fast thorough best; do
    digitlab train --data mnist --recipe $recipe --seed $seed --output runs/$recipe-$seed
  done
  digitlab train --data mnist --recipe thorough --model small --seed $seed --output runs/small-$seed
  digitlab train --data mnist --recipe thorough --model tiny --seed $seed --output runs/tiny-$seed
done
python docs/results/collect.py runs/*
"""

import json
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from digitlab.bench import describe_machine
from digitlab.models import list_models
from digitlab.recipes import list_recipes


def main(folders: list[str]) -> None:
    """Write the runs, whole, in the order of the recipes and seeds."""
    runs: list[dict[str, Any]] = [
        json.loads((Path(folder) / "metrics.json").read_text()) for folder in folders
    ]

    def order(run: dict[str, Any]) -> tuple[int, int]:
        return list_recipes().index(run["recipe"]), list_models().index(run["model"])

    runs.sort(key=lambda run: (*order(run), run["seed"]))
    result = {
        "machine": describe_machine(),
        "rows": [{"runs": list(group)} for _, group in groupby(runs, key=order)],
    }
    target = Path(__file__).with_name("recipes.json")
    target.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
