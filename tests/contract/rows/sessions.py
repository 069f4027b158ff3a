from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/account/sessions"): ("", None, 200),
        ("DELETE", "/account/sessions"): ("", None, 204),
        ("DELETE", "/account/sessions/{session_id}"): ("", None, 404),
    }
)
