from __future__ import annotations

from tests.contract.rows import Rows

ROWS = Rows(
    {
        ("GET", "/sensors"): ("", None, 200),
        ("GET", "/sensors/{sensor_id}"): ("", None, 200),
        ("POST", "/sensors/tokens"): ("", {"name": "cb-9", "role": "sensor", "agency": "{agency}"}, 201),
        ("POST", "/sensors/{sensor_id}/revoke"): ("", {"reason": "x"}, 200),
    },
    named_in_body=frozenset({("POST", "/sensors/tokens")}),
)
