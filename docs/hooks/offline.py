"""A site that opens from disk brings its own way to search: see ``javascripts/iframe-worker.js``.

Material's offline plugin would load such a script from another host, unless one of that name is there.
"""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority


@event_priority(100)
def on_config(config: MkDocsConfig) -> None:
    """Name our own script before the plugin looks."""
    if config.plugins["material/offline"].config.enabled:
        config.extra["polyfills"] = ["javascripts/iframe-worker.js"]
