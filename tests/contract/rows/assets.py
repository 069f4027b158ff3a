from __future__ import annotations

import base64

from tests.contract.rows import Rows

TABLE = base64.b64encode("Tên máy;Địa chỉ\nmay-09;10.9.9.9\n".encode()).decode()

ROWS = Rows(
    {  # the objects are those of rows/systems.py
        ("GET", "/assets"): ("?q=may", None, 200),
        ("GET", "/assets/export"): ("", None, 200),
        ("POST", "/assets"): ("", {"host": "may-02", "addresses": ["10.1.2.4"], "agency": "{agency}"}, 201),
        ("POST", "/assets/import"): ("", {"agency": "{agency}", "content": TABLE, "apply": True}, 200),
        ("GET", "/assets/{asset_id}"): ("", None, 200),
        ("GET", "/assets/{asset_id}/history"): ("", None, 200),
        ("PATCH", "/assets/{asset_id}"): ("", {"owner": "Phòng CNTT"}, 200),
        ("POST", "/assets/{asset_id}/retire"): ("", {}, 200),
    },
    named_in_body=frozenset({("POST", "/assets"), ("POST", "/assets/import")}),
)
