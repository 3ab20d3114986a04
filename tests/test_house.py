"""How the house is built: which file imports which, lazily or not. A picture of it is in CONTRIBUTING.md."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import digitlab

ROOT = Path(digitlab.__file__).parent


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in ROOT.rglob("*.py") if "assets" not in path.parts}


def imports_of(path: Path) -> set[str]:
    """The package's own modules that a file imports, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    own = {name for name in found if name in MODULES and name != name_of(path)}
    # `from digitlab.data.loader import ...` is an import of the file, not of all that its room holds.
    return {name for name in own if not any(other.startswith(f"{name}.") for other in own)}


# `digitlab` itself imports every file, when a name is asked for; nothing may import it.
FILES = {name: imports_of(path) for name, path in MODULES.items() if name != "digitlab"}


def room_of(name: str) -> str:
    """The file at the top, or the folder: ``digitlab.data.loader`` is in ``data``."""
    return name.split(".")[1].replace("__main__", "cli")


def n_floors(house: dict[str, set[str]]) -> int:
    """On the first floor is what imports nothing; a `graphlib.CycleError` names a circle."""
    sorter, n = TopologicalSorter(house), 0
    sorter.prepare()
    while sorter.is_active():
        sorter.done(*sorter.get_ready())
        n += 1
    return n


def test_files_and_rooms_import_in_no_circle_and_the_rooms_stand_on_few_floors() -> None:
    assert [name for name, own in FILES.items() if "digitlab" in own] == []
    n_floors(FILES)
    rooms: dict[str, set[str]] = {}
    for name, own in FILES.items():
        rooms.setdefault(room_of(name), set()).update({room_of(each) for each in own} - {room_of(name)})
    assert n_floors(rooms) <= 7, rooms


def test_a_file_is_one_idea() -> None:
    for name, path in MODULES.items():  # a lesson's exercises are a table: with more, it needs another lesson
        limit = 360 if ".lesson_" in name else 320
        assert len(path.read_text(encoding="utf-8").splitlines()) <= limit, name
