"""Notebooks on the site: mkdocs-jupyter runs, keeps and converts them; then they are pages like all others.

By itself the plugin writes HTML, with a style sheet of its own. Our template in ``docs/templates`` makes it write
Markdown, which MkDocs renders: so links and anchors in a notebook are checked, and it is searched and as light, like
any page. What was run is kept in ``.cache`` under a digest of all it depends on; ``DOCS_EXECUTE=false`` runs nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.utils import get_relative_url
from mkdocs_jupyter.config import settings
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert.filters import strip_ansi

from digitlab.data import data_folder, load_digits

REPOSITORY = Path(__file__).parents[2]
TEMPLATES = REPOSITORY / "docs" / "templates"
CACHE = REPOSITORY / ".cache" / "mkdocs-jupyter"
# A reader of the builder's own progress would find exercises that nobody has looked at.
PROGRESS = tempfile.TemporaryDirectory()


def on_config(config: MkDocsConfig) -> None:
    """Say where the template is, what the notebooks see, and where the plugin keeps what it ran."""
    settings.templates_dir = str(TEMPLATES)
    os.environ["JUPYTER_CONFIG_PATH"] = str(TEMPLATES)
    os.environ["DIGITLAB_PROGRESS"] = str(Path(PROGRESS.name) / "progress.json")
    os.environ["DIGITLAB_DATA"] = str(data_folder().resolve())  # a notebook runs in its own folder
    plugin = config.plugins["mkdocs-jupyter"].config
    plugin["mathjax_version"] = 2  # or mkdocs-jupyter 0.27 adds a script to every page
    if plugin["execute"]:
        data = load_digits("train").name  # downloads MNIST, once for all notebooks, if it can be had
        digest = hashlib.sha256(data.encode())
        for path in sorted([*(REPOSITORY / "digitlab").rglob("*"), *TEMPLATES.rglob("*")]):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.read_bytes())
        kept = CACHE / digest.hexdigest()[:16]
        plugin["cache_dir"] = str(kept)
        for old in set(CACHE.glob("*")) - {kept}:
            shutil.rmtree(old)


@event_priority(100)  # before the plugin looks for notebooks
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the lessons, which lie outside of ``docs``."""
    for path in sorted((REPOSITORY / "lessons").glob("*.ipynb")):
        uri = f"lessons/{path.name}"
        files.append(File(uri, str(REPOSITORY), config.site_dir, config.use_directory_urls))
    return files


@event_priority(100)  # before others look at the Markdown
def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Have the plugin run and convert a notebook, and hand the page back to MkDocs as Markdown."""
    if not page.file.src_uri.endswith(".ipynb"):
        return markdown
    try:
        page.render(config, files)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        message = strip_ansi(str(error))
        number = re.search(r"In\[(\d+)\]", message)
        cell = f"cell {number[1]}" if number else "a cell"
        raise PluginError(f"{page.file.src_uri}: {cell} failed.\n{message}") from error
    del page.render  # the plugin's: from here on it is MkDocs's own
    text = html.unescape(page.content.partition("<!-- end -->")[0])
    png = r'src="data:image/png;cell=(\w+);base64,([^"]+)"'
    text = re.sub(png, lambda found: _put_beside(page, f"cell-{found[1]}", found[2], config, files), text)
    # A warning says where it was raised, which is a path on the building machine, and with which line of code.
    return re.sub(r"\S+\.py:\d+: \w*Warning: (.*)\n(?:  .*\n)?", r"\1\n", text)


def _put_beside(page: Any, name: str, base64_png: str, config: MkDocsConfig, files: Files) -> str:
    """Make a file of a picture: Markdown is slow on base64, and so is a page that holds all its pictures."""
    png = base64.b64decode(base64_png)
    name += f"-{hashlib.sha256(png).hexdigest()[:8]}.png"
    file = File.generated(config, f"{page.file.src_uri.removesuffix('.ipynb')}/{name}", content=png)
    files.append(file)
    width, height = struct.unpack(">II", png[16:24])  # so that the page does not jump when it arrives
    return f'src="{get_relative_url(file.url, page.url)}" width="{width}" height="{height}" loading="lazy"'
