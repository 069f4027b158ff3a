"""What has had its time: notices and matters of more than a year ago, covers long past. A batch a transaction.

In:  a write session, the moment. Out: how many rows went, by kind; 0 when nothing is left.
Kept: whatever still waits to be sent, routed or escalated, however old; a matter that a younger notice tells of.
Why a year: the yearly report and a dispute about who was told look back that far; alerts, incidents and the audit
record keep what happened anyway. A matter's key can be told anew afterwards: its alert or clock is a year behind.
Bound: A_TIME notices and matters a transaction.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Delete, delete, or_, select
from sqlalchemy.orm import Session

from api.state.notices import Cover, Matter, Notice, Sending, Told

KEPT_S = 366 * 86_400.0
UNMADE_COVER_S = 30 * 86_400.0  # asked and never taken, declined, withdrawn: after their time nobody asks
A_TIME = 200
OPEN = ("waiting", "sending")


def step(session: Session, now: float) -> dict[str, int]:
    old = now - KEPT_S
    busy = select(Sending.id).where(Sending.notice_id == Notice.id, Sending.state.in_(OPEN)).exists()
    notices = session.scalars(
        select(Notice.id)
        .where(Notice.at < old, Notice.due_at.is_(None), Notice.escalate_at.is_(None), ~busy)
        .order_by(Notice.id)
        .limit(A_TIME)
    ).all()
    gone = {
        "sendings": _rows(session, delete(Sending).where(Sending.notice_id.in_(notices))),
        "told": _rows(session, delete(Told).where(Told.notice_id.in_(notices))),
        "notices": _rows(session, delete(Notice).where(Notice.id.in_(notices))),
    }
    told = select(Told.matter_id).where(Told.matter_id == Matter.id).exists()
    first = select(Notice.id).where(Notice.first_id == Matter.id).exists()
    matters = session.scalars(
        select(Matter.id)
        .where(Matter.at < old, Matter.routed_at.is_not(None), ~told, ~first)
        .order_by(Matter.id)
        .limit(A_TIME)
    ).all()
    gone["matters"] = _rows(session, delete(Matter).where(Matter.id.in_(matters)))
    covers = delete(Cover).where(or_(Cover.end < old, (Cover.state != "agreed") & (Cover.end < now - UNMADE_COVER_S)))
    gone["covers"] = _rows(session, covers)
    return {what: count for what, count in gone.items() if count}


def _rows(session: Session, statement: Delete) -> int:
    done: Any = session.execute(statement)
    return int(done.rowcount)
