"""The course's notebooks: where they are, and a copy of them for a learner.

In a clone of the repository they lie in ``lessons/``; a wheel brings them along as ``digitlab/notebooks/``.
"""

from __future__ import annotations

import re
from pathlib import Path

from digitlab.writing import write_whole

_ANOTHER_PYTHON = "Jupyter runs another Python than the one with digitlab: pip install jupyterlab beside it"


class LessonError(ValueError):
    """The notebooks cannot be copied as asked. The message is one line and says what to do."""


def lessons_folder() -> Path:
    """The folder that holds the course's own notebooks, which are not to be edited.

    Raises:
        LessonError: this installation has none.

    Examples:
        >>> (lessons_folder() / "02_a_linear_classifier.ipynb").exists()
        True
    """
    package = Path(__file__).parents[1]
    for folder in (package / "notebooks", package.parent / "lessons"):
        if any(folder.glob("[0-9][0-9]_*.ipynb")):
            return folder
    raise LessonError("this installation came without the notebooks: install digitlab again")


def copy_lessons(folder: str | Path, *, force: bool = False) -> list[Path]:
    """Copy the notebooks and the glossary into ``folder``, made if it is not there; returns the notebooks written.

    A notebook that is there already and differs is somebody's work: then nothing at all is copied, unless ``force``.

    Raises:
        LessonError: notebooks of those names are there and differ.
        OSError: the folder cannot be written to.
    """
    source = lessons_folder()
    glossary = next(source.glob("glossary.md"), source.parent / "docs" / "glossary.md")
    originals = {Path(folder, path.name): _portable(path) for path in [*source.glob("*.ipynb"), glossary]}
    missing = [path for path in sorted(originals) if not path.exists()]
    edited = [path for path in sorted(originals) if path.exists() and path.read_bytes() != originals[path]]
    if edited and not force:
        names = ", ".join(path.name for path in edited)
        raise LessonError(
            f"{folder} holds edited copies ({names}): --force overwrites them, or choose another folder"
        )
    Path(folder).mkdir(parents=True, exist_ok=True)
    for path in missing + edited:
        write_whole(path, originals[path])
    return [path for path in missing + edited if path.suffix == ".ipynb"]


def _portable(path: Path) -> bytes:
    """A file for any folder: of links to the site's other pages only the names are left, and no clone is near."""
    text = path.read_text(encoding="utf-8").replace("](../docs/glossary.md", "](glossary.md")
    text = text.replace("%pip install -q ..", f"raise ImportError('{_ANOTHER_PYTHON}')")
    text = re.sub(r'    "\[On the site\].*\\n",\n    "\\n",\n', "", text)  # pictures that react there only
    return re.sub(r"\[([^\[\]\n]*)\]\(\.\./[^)]*\)", r"\1", text).encode()
