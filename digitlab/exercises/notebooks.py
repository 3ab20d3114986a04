"""The course's notebooks: where they are, and a copy of them for a learner.

In a clone of the repository they lie in ``lessons/``; a wheel brings them along as ``digitlab/notebooks/``.
"""

from __future__ import annotations

from pathlib import Path

from digitlab.writing import write_whole


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
    """Copy the notebooks into ``folder``, which is made if it is not there.

    A notebook that is there already and differs is somebody's work: then nothing at all is copied, unless ``force``.


    Returns:
        The copies that were written; those that were there already, unchanged, are left alone.

    Raises:
        LessonError: notebooks of those names are there and differ.
        OSError: the folder cannot be written to.
    """
    folder = Path(folder)
    contents = {folder / path.name: path.read_bytes() for path in sorted(lessons_folder().glob("*.ipynb"))}
    missing = [path for path in contents if not path.exists()]
    changed = [path for path in contents if path.exists() and path.read_bytes() != contents[path]]
    if changed and not force:
        names = ", ".join(path.name for path in changed)
        raise LessonError(
            f"{folder} holds edited copies ({names}): --force overwrites them, or choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing + changed:
        write_whole(path, contents[path])
    return missing + changed
