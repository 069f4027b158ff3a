from __future__ import annotations

import base64
from collections.abc import Mapping

from api.audit import THE_SYSTEM
from api.casework.alerts import Desk
from api.inventory import assets, systems
from correlator.store.base import EVERYTHING
from tests.contract.rows import Rows
from tests.servers.people_port import NodeUnderTest

TABLE = base64.b64encode("Tên hệ thống;Loại\nHệ thống mới;mail\n".encode()).decode()


def make(node: NodeUnderTest, agency: str, words: str) -> Mapping[str, str]:
    """A system with an asset of this agency, the words in every text."""
    runtime = node.runtime
    with runtime.db.write() as session:
        desk = Desk(session, EVERYTHING, None, runtime.audit, runtime.bell, node.clock.now())
        fields = {"name": words, "kind": "services", "grade": 3, "owner": words, "contact": words, "provider": words,
                  "note": words, "names": [f"https://{agency}.example/"]}  # fmt: skip
        system = systems.add(desk, agency, fields)
        host = "canary-7731" if "7731" in words else "may-01"
        asset = assets.add(
            desk, agency, {"host": host, "kind": "server", "owner": words, "note": words, "system_id": system.id,
                           "addresses": ["198.51.100.77" if "7731" in words else "10.1.2.3"]},
        )  # fmt: skip
        runtime.audit.record(session, THE_SYSTEM, "test", system.id, agency=agency)
    return {"system_id": system.id, "asset_id": asset.id}


ROWS = Rows(
    {
        ("GET", "/systems"): ("?q=canary&kind=services,mail&grade=3,0&sort=-grade", None, 200),
        ("GET", "/systems/export"): ("", None, 200),
        ("POST", "/systems"): ("", {"name": "Thư điện tử", "kind": "mail", "agency": "{agency}"}, 201),
        ("POST", "/systems/import"): ("", {"agency": "{agency}", "content": TABLE, "apply": True}, 200),
        ("GET", "/systems/{system_id}"): ("", None, 200),
        ("GET", "/systems/{system_id}/history"): ("", None, 200),
        ("PATCH", "/systems/{system_id}"): ("", {"grade": 4}, 200),
        ("POST", "/systems/{system_id}/retire"): ("", {}, 200),
    },
    make,
    named_in_body=frozenset({("POST", "/systems"), ("POST", "/systems/import")}),
)
