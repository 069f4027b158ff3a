"""Per agency: a report, a connection's history, a reminder on either side, each with the canary in its texts."""

from __future__ import annotations

from sqlalchemy import func, select

from tests.contract.rows import Rows
from tests.servers.people_port import NOW, NodeUnderTest

_SENT = {"about": "other", "text": "x"}


def _make(node: NodeUnderTest, agency: str, words: str) -> dict[str, str]:
    from api.organisation import register, units
    from api.state.federation import Spoken
    from api.state.national import ConnectionChange, Reminded, Reminder, ReportDay, Reported
    from api.state.people import Agency

    # An agency never sees its own node's row in the national view: these lie below it.
    code = "canary-7731" if "7731" in words else f"{agency}-x"
    parts = {"node": {"version": "1", "name": words, "contact": words}, "data": {"last_at": None}}
    with node.runtime.db.write() as session:
        register.take_in(session, *units.starter())
        number = 1 + (session.scalar(select(func.count()).select_from(Spoken)) or 0)
        session.add(Agency(code=code, name=words, parent=agency, created_at=NOW))
        session.flush()
        session.add(Reported(agency=code, sender=words, at=NOW, received_at=NOW, body={"parts": parts}))
        session.add(ReportDay(agency=code, day="2026-11-17", reports=1, state=words[:16], numbers={}))
        session.add(ConnectionChange(agency=code, at=NOW, state="silent", reason=words[:32]))
        session.add(Spoken(id=number, sender="", at=NOW, item_id=f"NN-{number}", kind="reminder", text=words, by=words,
                           agency=code))  # fmt: skip
        session.add(Reminder(id=f"NN-2025-00000{number}", agency=code, about="other", text=words, at=NOW, by=words,
                             word=number))  # fmt: skip
        session.add(
            Reminded(id=100 + number, ref=words[:20], agency=agency, at=NOW, heard_at=NOW, text=words, by=words)
        )
    return {"member": code, "reminder_id": str(100 + number)}


ROWS = Rows(
    {
        ("GET", "/national"): ("", None, 200),
        ("GET", "/national/agencies/{member}"): ("", None, 200),
        ("GET", "/national/agencies/{member}/reminder"): ("", None, 200),
        ("POST", "/national/agencies/{member}/reminder"): ("", _SENT, 201),
        ("POST", "/national/agencies/{member}/unit"): ("", {"unit": "hue"}, 200),
        ("GET", "/reminders"): ("", None, 200),
        ("POST", "/reminders/{reminder_id}/read"): ("", {}, 200),
    },
    _make,
)
