from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/events"): ("?q=canary*&histogram=true", None, 200),
    }
)
