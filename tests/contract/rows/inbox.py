from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/inbox"): ("?state=all", None, 200),
        ("GET", "/inbox/shared"): ("", None, 200),
        ("GET", "/inbox/{raised_id}"): ("", None, 200),
        ("POST", "/inbox/{raised_id}/acknowledge"): ("", {}, 200),
        ("POST", "/inbox/{raised_id}/note"): ("", {"text": "x"}, 200),
    }
)
