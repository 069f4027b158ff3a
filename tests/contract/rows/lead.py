from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/incidents/{incident_id}/lead"): ("", None, 200),
        ("POST", "/incidents/{incident_id}/lead"): ("", {"act": "offer"}, 200),
        ("POST", "/inbox/{raised_id}/lead"): ("", {"act": "offer"}, 200),
    }
)
