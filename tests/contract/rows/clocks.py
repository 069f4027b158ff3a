from __future__ import annotations

from sqlalchemy import select

from api.clocks import keep
from api.state.cases import Incident
from api.state.clocks import Clock, Finding
from sensors.clock import rfc3339
from tests.contract.rows import Rows
from tests.servers.people_port import NOW, NodeUnderTest

RULE = {
    "id": "own-48h", "text": {"vi": "Báo cáo trong 48 giờ"}, "valid_from": "2026-01-01", "trigger": "incident",
    "clock": {"starts": "detection", "hours": 48},
}  # fmt: skip


def make(node: NodeUnderTest, agency: str, words: str) -> dict[str, str]:
    """An incident with clocks that nothing else touches: one to meet, one to end, one that was ended by mistake."""
    with node.runtime.db.write() as session:
        number = len(session.scalars(select(Finding.incident_id)).all())
        incident = Incident(
            id=f"SC-2026-7{number:05d}", agency=agency, title=words, level="high", level_order=3, state="open",
            coordinator_id=1, first_seen=NOW, last_seen=NOW, created_at=NOW, search_text=words,
        )  # fmt: skip
        flags = {flag: {"since": NOW, "by": words, "reason": words} for flag in keep.FLAGS}
        session.add(incident)
        session.flush()
        session.add(Finding(incident_id=incident.id, flags=flags, particulars={"description": words}))
        session.flush()
        keep.sync(session, node.runtime.bell, incident, NOW)
        rows = session.scalars(select(Clock).where(Clock.incident_id == incident.id).order_by(Clock.id)).all()
        rows[2].state, rows[2].ended_by, rows[2].reason = "void", 1, {"vi": words, "en": words}
        return {
            "clocked_id": incident.id, "clock_id": str(rows[0].id), "other_clock": str(rows[1].id),
            "ended_clock": str(rows[2].id),
        }  # fmt: skip


ROWS = Rows(
    {
        ("GET", "/clocks"): ("?state=all", None, 200),
        ("GET", "/incidents/{incident_id}/clocks"): ("", None, 200),
        ("POST", "/incidents/{incident_id}/assessment"): ("", {"serious": True, "reason": "x"}, 200),
        ("POST", "/clocks/{clock_id}/meet"): ("", {"at": rfc3339(NOW), "number": "21/BC"}, 200),
        ("POST", "/clocks/{clock_id}/void"): ("", {"reason": "x"}, 409),  # met by the row before
        ("POST", "/clocks/{clock_id}/resume"): ("", {"reason": "x"}, 200),
        ("GET", "/clock-rules"): ("", None, 200),
        ("POST", "/clock-rules"): ("", RULE, 409),  # the matrix's node has a centre above
    },
    make,
)
