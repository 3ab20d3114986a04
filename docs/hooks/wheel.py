"""The package on the site: its wheel in ``downloads/``, and notebooks to take away that install it from there.

digitlab is on no package index, so nothing here says ``pip install digitlab``: the name there is nobody's.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import posixpath
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url
from playground import FIVE, link_of_five

import digitlab

REPOSITORY = Path(__file__).parents[2]
CACHE = REPOSITORY / ".cache" / "wheel"
PARTS = ("digitlab", "lessons", "docs/glossary.md", "pyproject.toml", "README.md", "LICENSE")
"""What the wheel is made of."""
WHEEL = f"digitlab-{digitlab.__version__}-py3-none-any.whl"
ADDRESS = f"downloads/{WHEEL}"
IN_CLONE = "%pip install -q .."
"""What the first cell of a lesson does in the repository."""
BESIDE = f"# First lay {ADDRESS} of the course's site beside this notebook.\n    "


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the wheel."""
    files.append(File.generated(config, ADDRESS, abs_src_path=str(make_wheel())))
    return files


def make_wheel() -> Path:
    """The wheel of the sources as they are; kept until one of them changes."""
    digest = hashlib.sha256()
    for part in PARTS:
        found = sorted((REPOSITORY / part).rglob("*")) or [REPOSITORY / part]
        for path in found:
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{path.relative_to(REPOSITORY)}\n{path.stat().st_size}\n".encode())
                digest.update(path.read_bytes())
    kept = CACHE / digest.hexdigest()[:16]
    if not (kept / WHEEL).exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        for old in CACHE.iterdir():
            shutil.rmtree(old, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            _build(folder)
            kept.mkdir(exist_ok=True)
            (Path(folder) / WHEEL).replace(kept / WHEEL)
    return kept / WHEEL


def _build(folder: str) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder]
    if importlib.util.find_spec("hatchling"):  # else pip fetches what builds the wheel
        command.append("--no-build-isolation")
    done = subprocess.run([*command, str(REPOSITORY)], capture_output=True, text=True)
    if done.returncode or not (Path(folder) / WHEEL).exists():
        said = (done.stderr.strip() or "pip made another file").splitlines()[-1]
        raise PluginError(f"the wheel of digitlab cannot be built ({said}): pip install hatchling")


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Say how to install from this site, where a page asks for it with ``<!-- install -->``."""
    file = f'<a href="{get_relative_url(ADDRESS, page.url)}">{WHEEL}</a>'
    source = _source(config)
    how = f"```\npip install {source}\n```" if source else f"Download {file}, and `pip install` that file."
    return markdown.replace("<!-- install -->", how).replace(IN_CLONE, _install(config))


@event_priority(-100)  # after the plugin has copied the notebook
def on_post_page(output: str, page: Any, config: MkDocsConfig) -> str:
    """Have the notebook that a reader takes away install from here, and its links lead here."""
    if page.file.src_uri.endswith(".ipynb"):
        copy = Path(page.file.abs_dest_path).with_name(Path(page.file.src_uri).name)
        copy.write_text(handed_out(Path(page.file.abs_src_path), config), "utf-8")
    return output


def handed_out(path: Path, config: MkDocsConfig) -> str:
    """A notebook of the repository, as JSON, made to work wherever it is taken."""
    folder = path.parent.relative_to(REPOSITORY).as_posix()
    content = json.loads(path.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        text = "".join(cell["source"]).replace(IN_CLONE, _install(config))
        if cell["cell_type"] == "markdown":
            text = re.sub(r"\[([^\]]*)\]\(([^):]+)\)", lambda m: _link(m[1], m[2], folder, config), text)
        cell["source"] = text.splitlines(keepends=True)
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _link(text: str, target: str, folder: str, config: MkDocsConfig) -> str:
    """A link of a notebook in ``folder``, to the site; where that has no address, only what the link said."""
    path, _, place = target.partition("#")
    if not config.site_url or not path:
        return f"[{text}]({target})" if "/" not in path else text  # other lessons may lie beside this one
    uri = posixpath.normpath(posixpath.join(folder, path)).removeprefix("docs/")
    url = File(uri.replace(".ipynb", ".md"), "", "", config.use_directory_urls).url  # the page, not the file
    place = link_of_five() if f"{uri}#{place}" == FIVE else place
    return f"[{text}]({config.site_url.rstrip('/')}/{url}{place and '#' + place})"


def _install(config: MkDocsConfig) -> str:
    """What the first cell does in a copy that was taken from the site."""
    source = _source(config)
    return f"{'' if source else BESIDE}%pip install -q {source or WHEEL}"


def _source(config: MkDocsConfig) -> str:
    """What pip can install from: the site, or else the repository, or else nothing that has an address."""
    if config.site_url:
        return f"{config.site_url.rstrip('/')}/{ADDRESS}"
    repository = os.environ.get("GITHUB_REPOSITORY")
    address = config.repo_url or (f"https://github.com/{repository}" if repository else "")
    return f"git+{address}" if address else ""
