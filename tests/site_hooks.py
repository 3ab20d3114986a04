"""The hooks of the site's build, for the tests of what they make."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HOOKS = Path(__file__).parents[1] / "docs" / "hooks"


def load_hook(name: str) -> ModuleType:
    """A hook as a module; the test is skipped where MkDocs is not installed."""
    pytest.importorskip("mkdocs", reason='needs pip install -e ".[docs]"')
    spec = importlib.util.spec_from_file_location(f"{name}_hook", HOOKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
