from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/overview"): ("", None, 200),
        ("POST", "/overview/selftest"): ("", {}, 202),
    }
)
