"""Writing a file so that it is there whole, or as it was before, whenever the process or the machine stops."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

PREFIX = ".digitlab-"
"""What a process that is killed while it writes leaves behind begins with this."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or, with an `OSError`, not at all: every file that digitlab leaves is written here."""
    if path.exists() and not path.is_file():
        raise OSError(22, "not an ordinary file", str(path))  # as root, /dev/null could be replaced
    temporary = None
    try:
        # The name does not hold the file's own, which may be as long as a name can be.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=PREFIX)
        temporary = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # else a power cut may leave the new name on an empty file
        with contextlib.suppress(OSError):  # some network drives know no permissions
            temporary.chmod(0o644)  # a temporary file is private; this should be readable by the class
        temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what `write_whole` left, in a folder that nobody else writes to, when its process was killed."""
    for leftover in folder.rglob(f"{PREFIX}????????"):
        leftover.unlink(missing_ok=True)
