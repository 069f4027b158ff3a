"""What has had its time leaves the database: ended sessions, used links, old tries, old changes, counted hits."""

from __future__ import annotations

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.auth import links, places, sessions, tries
from api.casework import changes
from api.casework.fold import HIT_MEMORY_S, HITS_KEPT
from api.casework.queue import HOURS
from api.jobs import Job
from api.runtime import Runtime
from api.state.cases import AlertHit, AlertHour
from api.state.people import UsedOnce

AT_ONCE = 500  # rows a transaction: nobody waits long for the write lock
A_RUN = 20_000  # rows a run


def run(node: Runtime) -> str:
    now = node.clock.now()
    with node.db.write() as session:
        gone = {
            "sessions": sessions.clean(session, now, node.limits),
            "links": links.clean(session, now),
            "tries": tries.clean(session, now),
            "places": places.clean(session, now),
            "changes": changes.clean(session),
            "challenges": _ended(session, now),
        }
    with node.db.write() as session:
        hours = session.execute(delete(AlertHour).where(AlertHour.hour < int(now // 3600) - 2 * HOURS))
        gone["hours"] = int(getattr(hours, "rowcount", 0))
    gone["hits"] = _old_hits(node, now)
    node.db.tidy()
    return ", ".join(f"{count} {what}" for what, count in gone.items() if count)


def _ended(session: Session, now: float) -> int:
    gone = session.execute(delete(UsedOnce).where(UsedOnce.ends_at <= now))
    return int(getattr(gone, "rowcount", 0))


def _old_hits(node: Runtime, now: float) -> int:
    """Hit rows past the memory and beyond the newest of their alert; the alert's count stays."""
    with node.db.read() as session:
        rank = func.row_number().over(partition_by=AlertHit.alert_id, order_by=AlertHit.at.desc()).label("rank")
        ranked = select(AlertHit.id, AlertHit.folded_at, rank).subquery()
        old = list(
            session.scalars(
                select(ranked.c.id)
                .where(ranked.c.rank > HITS_KEPT, ranked.c.folded_at < now - HIT_MEMORY_S)
                .limit(A_RUN)
            )
        )
    for start in range(0, len(old), AT_ONCE):
        with node.db.write() as session:
            session.execute(delete(AlertHit).where(AlertHit.id.in_(old[start : start + AT_ONCE])))
    return len(old)


JOB = Job(every_s=300, run=run)
