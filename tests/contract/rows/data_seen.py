from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/system/data"): ("", None, 200),
    }
)
