from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/audit"): ("", None, 200),
        ("GET", "/audit/chain"): ("", None, 200),
        ("GET", "/audit/export"): ("", None, 200),
    }
)
