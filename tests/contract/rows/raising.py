from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("POST", "/alerts/{alert_id}/raise"): ("", {}, 200),
        ("POST", "/incidents/{incident_id}/raise"): ("", {"note": "x"}, 200),
    }
)
