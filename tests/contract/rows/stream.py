from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/stream"): ("", None, 0),  # endless: test_api_live.py reads it; here only who is refused
    }
)
