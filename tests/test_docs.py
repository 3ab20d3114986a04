"""The Python in the README and the site's own pages runs as it stands, on the sample."""

import json
import re
import runpy
from pathlib import Path

import pytest

from digitlab import load_sample, plot_digits

REPOSITORY = Path(__file__).parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
SNIPPETS = [
    pytest.param(code, id=f"{page.relative_to(REPOSITORY)}:{number}")
    for page in PAGES
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    )
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:using the bundled sample")
@pytest.mark.parametrize("code", SNIPPETS)
def test_it_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIGITLAB_DATA", str(tmp_path))
    plot_digits(255 - load_sample("test").images[:3], columns=3).savefig("photo.jpg")
    exec(compile(code, "snippet", "exec"), {})


def test_the_readmes_table_is_made_from_the_results() -> None:
    assert len(SNIPPETS) >= 5
    pytest.importorskip("mkdocs", reason='needs pip install -e ".[site]"')
    recipes = runpy.run_path(str(REPOSITORY / "docs/hooks/results.py"))["_recipes"]
    result = json.loads((REPOSITORY / "docs/results/recipes.json").read_text(encoding="utf-8"))
    assert recipes(result) in (REPOSITORY / "README.md").read_text(encoding="utf-8")
