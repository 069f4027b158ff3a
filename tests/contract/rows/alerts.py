from __future__ import annotations

from tests.contract.rows import UNTIL, Rows

ROWS = Rows(
    {
        ("GET", "/alerts"): ("?status=all&q=canary", None, 200),
        ("GET", "/alerts/{alert_id}"): ("", None, 200),
        ("GET", "/alerts/{alert_id}/events"): ("", None, 200),
        ("GET", "/alerts/{alert_id}/history"): ("", None, 200),
        ("POST", "/alerts/{alert_id}/claim"): ("", {}, 200),
        ("POST", "/alerts/{alert_id}/release"): ("", {}, 409),
        ("GET", "/alerts/{alert_id}/assignees"): ("", None, 200),
        ("POST", "/alerts/{alert_id}/assign"): ("", {"to": 2_000_000_000}, 422),
        ("POST", "/alerts/{alert_id}/note"): ("", {"text": "x"}, 200),
        ("POST", "/alerts/{alert_id}/snooze"): ("", {"until": UNTIL, "reason": "x"}, 200),
        ("POST", "/alerts/{alert_id}/close"): ("", {"disposition": "test"}, 200),
        ("POST", "/alerts/{alert_id}/reopen"): ("", {}, 409),
    }
)
