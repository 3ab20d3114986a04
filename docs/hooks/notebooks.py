"""Notebooks on the site: each is run in the build and becomes a Markdown page with its outputs.

A page made of Markdown is one that MkDocs understands: its links and anchors are checked like all others, it is
searched like all others, and it weighs as little. The notebooks are those of ``lessons/`` and any in ``docs/``.

A run is kept in ``.cache/notebooks`` under a digest of all that it depends on: the notebook, the library and the
data. ``DOCS_EXECUTE=false`` runs nothing and shows the outputs that are there. A cell that fails ends the build.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
import struct
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from digitlab.data.mnist import data_folder, is_complete
from digitlab.exercises import exercise

log = get_plugin_logger("notebooks")

REPOSITORY = Path(__file__).parents[2]
CACHE = REPOSITORY / ".cache" / "notebooks"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page, its figures and the notebook itself (to download) for each notebook."""
    lessons = [(path, f"lessons/{path.name}") for path in sorted((REPOSITORY / "lessons").glob("*.ipynb"))]
    own = [(Path(str(f.abs_src_path)), f.src_uri) for f in files if f.src_uri.endswith(".ipynb")]
    execute = bool(config.extra["execute"])
    # A reader of the builder's home would find exercises that nobody has looked at.
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DIGITLAB_PROGRESS"] = str(Path(folder) / "progress.json")
        surroundings = _surroundings(execute)
        for path, uri in lessons + own:
            page, figures = render(run(path, surroundings, execute), uri)
            made = {uri.replace(".ipynb", ".md"): page, uri: path.read_bytes()}
            made |= {f"{uri.removesuffix('.ipynb')}/{name}": image for name, image in figures.items()}
            for name, content in made.items():
                if (old := files.get_file_from_path(name)) is not None:
                    files.remove(old)
                files.append(File.generated(config, name, content=content))
    return files


# --- running ---------------------------------------------------------------------------------------------------------


def _surroundings(execute: bool) -> str:
    """What every notebook depends on, as text: the library with its assets, and which digits are there."""
    os.environ["DIGITLAB_DATA"] = str(data_folder().resolve())  # a notebook runs in its own folder
    if execute:
        from digitlab.data import load_digits

        load_digits("train")  # downloads MNIST once, if it can be had, before the notebooks ask for it
    digest = hashlib.sha256()
    for path in sorted((REPOSITORY / "digitlab").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.read_bytes())
    return f"{digest.hexdigest()} {'mnist' if is_complete('mnist', data_folder()) else 'sample'}"


def run(path: Path, surroundings: str, execute: bool) -> Any:
    """The notebook with its outputs, from the cache or a fresh kernel."""
    key = hashlib.sha256(surroundings.encode() + path.read_bytes()).hexdigest()[:16]
    kept = CACHE / f"{path.stem}-{key}.ipynb"
    if kept.exists():
        return nbformat.read(kept, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    if not execute:
        return notebook
    began = time.perf_counter()
    client = NotebookClient(
        notebook,
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],  # or each kernel would say that it speaks without encryption
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise PluginError(f"{path.name}: a cell failed.\n{error}") from error
    log.info(f"{path.name} ran in {time.perf_counter() - began:.0f} s")
    CACHE.mkdir(parents=True, exist_ok=True)
    for old in CACHE.glob(f"{path.stem}-*.ipynb"):
        old.unlink()
    nbformat.write(notebook, kept)
    return notebook


# --- from cells to Markdown ------------------------------------------------------------------------------------------


def render(notebook: Any, uri: str) -> tuple[str, dict[str, bytes]]:
    """The page's Markdown, and its figures: file name to PNG."""
    parts: list[str] = []
    figures: dict[str, bytes] = {}
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "markdown":
            parts.append(_prose(cell.source))
            if len(parts) == 1:
                parts.append(_buttons(uri))
            continue
        code = _fence(cell.source, ".python")
        if "setup" in tags:
            code = _folded("If digitlab is not installed yet", code)
        if "exercise" in tags:
            code = f'<div class="exercise" markdown>\n\n{code}\n\n</div>'
        parts.append(code)
        parts += [_output(output, uri, figures) for output in _joined(cell.get("outputs", []))]
        if "check" in tags:
            parts.append(_help(re.findall(r'exercise\("([\d.]+)"\)', cell.source)[0]))
    return "\n\n".join(parts) + "\n", figures


def _prose(source: str) -> str:
    # Links between notebooks, and between them and the site's pages, as they are in the repository.
    source = re.sub(r"(\]\([\w./-]+)\.ipynb", r"\1.md", source)
    source = source.replace("](../docs/", "](../").replace("](../lessons/", "](lessons/")
    source = source.replace("<details>", "<details markdown>")
    # An anchor for the index of exercises.
    return re.sub(
        r"^\*\*Exercise (\d\d)\.(\d+)\*\*", r'<span id="exercise-\1-\2"></span>\g<0>', source, flags=re.M
    )


def _buttons(uri: str) -> str:
    """Download, and open in Colab where the environment says which repository this is."""
    name = uri.rpartition("/")[2]
    buttons = [f"[Download this notebook]({name}){{ .md-button download={name} }}"]
    if repository := os.environ.get("GITHUB_REPOSITORY"):
        source = uri if uri.startswith("lessons/") else f"docs/{uri}"
        colab = f"https://colab.research.google.com/github/{repository}/blob/main/{source}"
        buttons.append(f"[Open it in Colab]({colab}){{ .md-button }}")
    return " ".join(buttons) + "\n{ .no-print }"


def _help(number: str) -> str:
    """The hints and the solution of an exercise, each folded away."""
    one = exercise(number)
    hints = "\n".join(f"{i}. {hint}" for i, hint in enumerate(one.hints, start=1))
    return _folded("Hints", hints) + "\n\n" + _folded("Solution", _fence(str(one.solution()), ".python"))


def _folded(summary: str, content: str) -> str:
    return f"<details markdown>\n<summary>{summary}</summary>\n\n{content}\n\n</details>"


def _fence(text: str, kind: str) -> str:
    ticks = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{ticks} {{{kind}}}\n{text.rstrip()}\n{ticks}"


def _joined(outputs: list[Any]) -> list[Any]:
    """The outputs, with what was printed piece by piece in one piece."""
    joined: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and joined and joined[-1].output_type == "stream":
            joined[-1] = nbformat.v4.new_output("stream", text=joined[-1].text + output.text)
        else:
            joined.append(output)
    return joined


def _output(output: Any, uri: str, figures: dict[str, bytes]) -> str:
    data = output.get("data", {})
    source = re.search(r'src="data:image/png;base64,([^"]+)"', data.get("text/html", ""))
    if source is not None:
        alt = re.search(r'alt="([^"]+)"', data["text/html"])
        name = f"figure-{len(figures) + 1:02}.png"
        if alt is None:
            log.warning(f"{uri}: {name} has no alt text")
        figures[name] = base64.b64decode(source[1])
        return _figure(name, figures[name], html.unescape(alt[1]) if alt else "", lazy=len(figures) > 1)
    if any(kind.startswith("image/") for kind in data):
        log.warning(f"{uri}: a picture without alt text: make it with one of digitlab's plot functions")
    text = output.text if output.output_type == "stream" else data.get("text/plain", "")
    # A warning says where it was raised, which is a path on the building machine, and with which line of code.
    text = re.sub(r"^\S+\.py:\d+: \w*Warning: (.*)\n(?:  .*\n)?", r"\1\n", text, flags=re.M)
    return _fence(text, ".text .output .no-copy")


def _figure(name: str, png: bytes, alt: str, lazy: bool) -> str:
    width, height = struct.unpack(">II", png[16:24])  # so that the page does not jump when the image arrives
    loading = ' loading="lazy"' if lazy else ""
    alt = html.escape(" ".join(alt.split()))
    return (
        f'<figure><img src="FIGURES/{name}" alt="{alt}" width="{width}" height="{height}"{loading}></figure>'
    )


def on_page_content(content: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Point the figures at their files: beside the page, or in a folder of its name where it is opened from disk."""
    folder = "" if config.use_directory_urls else Path(page.file.dest_uri).stem + "/"
    return content.replace('src="FIGURES/', f'src="{folder}')
