from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/incidents"): ("?q=canary", None, 200),
        ("POST", "/incidents"): ("", {"alert_ids": ["{free_alert}"]}, 201),
        ("GET", "/incidents/{incident_id}"): ("", None, 200),
        ("GET", "/incidents/{incident_id}/history"): ("", None, 200),
        ("POST", "/incidents/{incident_id}/alerts"): ("", {"alert_ids": ["{free_alert}"]}, 200),
        ("POST", "/incidents/{incident_id}/state"): ("", {"state": "contained"}, 200),
        ("POST", "/incidents/{incident_id}/note"): ("", {"text": "x"}, 200),
    }
)
