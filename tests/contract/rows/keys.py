from __future__ import annotations

from sensors.clock import rfc3339
from tests.contract.rows import Rows
from tests.servers.people_port import NOW

KEY = {"name": "k", "permissions": ["sensors.read"], "agencies": ["{agency}"], "ends_at": rfc3339(NOW + 86_400)}
ROWS = Rows(
    {
        ("GET", "/account/keys"): ("", None, 200),
        ("POST", "/account/keys"): ("", KEY, 201),
        ("DELETE", "/account/keys/{key_id}"): ("", None, 404),
    }
)
