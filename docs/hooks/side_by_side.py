"""Lessons run side by side, one on each processor, before the pages are made; mkdocs-jupyter keeps what it ran."""

from __future__ import annotations

import contextlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Navigation

MEASURES_TIME = r"/(12|16)_"  # such a lesson has the machine to itself, later


def on_nav(nav: Navigation, config: MkDocsConfig, files: Files) -> None:
    """Have the plugin run the lessons, which it would run one after the other."""
    plugin: Any = config.plugins["mkdocs-jupyter"]
    if not plugin.config["execute"]:
        return
    lessons = [page for page in nav.pages if page.file.src_uri.endswith(".ipynb")]

    def run(page: Any) -> None:
        with contextlib.suppress(Exception):  # it comes again, and is told, when the page is made
            plugin.on_pre_page(page, config=config, files=files).render(config, files)

    # One thread each: several processes with as many threads as processors wait for each other.
    with patch.dict(os.environ, OMP_NUM_THREADS="1"), ThreadPoolExecutor(os.cpu_count()) as pool:
        pool.map(run, (page for page in lessons if not re.search(MEASURES_TIME, page.file.src_uri)))
