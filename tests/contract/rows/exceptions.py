from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from api.state.exceptions import Excepted
from api.state.people import User
from tests.contract.rows import Rows
from tests.servers.people_port import NOW, NodeUnderTest

DRAFT = {"alert_id": "{alert_id}", "conditions": [{"field": "host.name", "values": ["cong-01"]}]}


def make(node: NodeUnderTest, agency: str, words: str) -> Mapping[str, str]:
    with node.runtime.db.write() as session:
        owner = session.scalars(select(User.id)).first()
        assert owner is not None
        row = Excepted(
            id=f"NL-{agency}"[:24], agency=agency, alert_id="CB-2026-000001", level="medium", reason=words,
            rules=[{"id": words, "title": {"vi": words, "en": words}, "level": "medium", "logsource": {}}],
            selection=[{"field": "host.name", "op": "is", "values": [words]}], owner_id=owner, owner_name=words,
            created_at=NOW, until=NOW + 86_400 * 30, state="active", hidden=0,
            tested={"at": "2026-11-18T10:26:40Z", "days": 30, "complete": True, "alerts": 0, "hits": 0, "by_level": {},
                    "warnings": []},
        )  # fmt: skip
        session.add(row)
        return {"exception_id": row.id}


ROWS = Rows(
    {
        ("GET", "/alerts/{alert_id}/exception"): ("", None, 200),
        ("POST", "/exceptions/preview"): ("", DRAFT, 409),  # the alerts of this world have no rule
        ("POST", "/exceptions"): ("", {**DRAFT, "reason": "x"}, 409),
        ("GET", "/exceptions"): ("", None, 200),
        ("GET", "/exceptions/{exception_id}"): ("", None, 200),
        ("POST", "/exceptions/{exception_id}/end"): ("", {"reason": "x"}, 200),
    },
    make,
)
