"""Where the shipped data lies: rules/ and the built dashboard.

Looked up in this order: the configured folder (`[node] share`), beside the code (a checkout), the installed shared data
(`share/luytre/…` under the environment). Packaging: design.md "Folders".
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def rules(configured: str = "") -> Path | None:
    return _first(_places(configured, "rules", "rules"))


def dashboard(configured: str = "") -> Path | None:
    """The folder with index.html, or None when the dashboard has not been built."""
    return _first(
        path for path in _places(configured, "dashboard", "dashboards/dist") if (path / "index.html").is_file()
    )


def _places(configured: str, installed: str, beside: str) -> Iterator[Path]:
    if configured:
        yield Path(configured) / installed
    yield _ROOT / beside
    for base in dict.fromkeys((sysconfig.get_path("data"), sys.prefix)):
        yield Path(base) / "share" / "luytre" / installed


def _first(places: Iterator[Path]) -> Path | None:
    return next((path for path in places if path.is_dir()), None)
