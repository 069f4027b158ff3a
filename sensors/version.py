"""Which Lũy Tre this is: told with every heartbeat, so that a node sees which of its sensors are behind."""

from __future__ import annotations

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """As the package was installed; empty in a tree that was never installed."""
    try:
        return metadata.version("luytre")
    except metadata.PackageNotFoundError:
        return ""
