from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/system/doctor"): ("", None, 200),
        ("POST", "/system/doctor"): ("", None, 200),
    }
)
