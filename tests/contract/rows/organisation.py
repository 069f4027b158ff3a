"""The register is of the whole node: who is granted a part of it may read, and is refused to write (403)."""

from __future__ import annotations

from tests.contract.rows import Rows

_CHANGE = {"act": "renamed", "at": "2030-01-01", "source": "x", "codes": ["hue"], "name": "X"}

ROWS = Rows(
    {
        ("GET", "/organisation"): ("?q=hue", None, 200),
        ("GET", "/organisation/events"): ("", None, 200),
        ("GET", "/organisation/export"): ("", None, 200),
        ("POST", "/organisation/import"): ("", {"units": "x"}, 403),
        ("POST", "/organisation/changes"): ("", _CHANGE, 403),
    }
)
