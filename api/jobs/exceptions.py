"""Exceptions: ends that have come, owners told before and after; the correlator's files made as the rows say, and its
counts taken back."""

from __future__ import annotations

from sqlalchemy import select

from api.casework.alerts import Desk
from api.exceptions import keep, publish
from api.exceptions.publish import Heard
from api.jobs import Job
from api.runtime import Runtime
from api.state.exceptions import Excepted
from correlator.store.base import EVERYTHING


def run(node: Runtime) -> str:
    now = node.clock.now()
    with node.db.read() as session:
        rows = session.scalars(select(Excepted).where(Excepted.state == "active")).all()
        waiting = any(row.until <= now + keep.SOON_S and (row.warned_at is None or row.until <= now) for row in rows)
        said = publish.heard(node.data) if rows else None
        news = {row.id for row in rows if said and (one := said.get(row.id)) and _differs(row, one)}
    warned = over = 0
    if waiting or news:
        with node.db.write() as session:
            desk = Desk(session, EVERYTHING, None, node.audit, node.bell, now)
            for row in session.scalars(select(Excepted).where(Excepted.id.in_(news))) if news else ():
                _take_over(desk, row, (said or {})[row.id])
            warned, over = keep.due(desk)
    files = publish.publish(node)
    done = {"warned": warned, "expired": over, "files": files}
    return ", ".join(f"{count} {what}" for what, count in done.items() if count)


def _differs(row: Excepted, one: Heard) -> bool:
    return one.hidden > row.hidden or row.fault != (one.code or None)


def _take_over(desk: Desk, row: Excepted, one: Heard) -> None:
    if one.hidden > row.hidden:
        row.hidden, row.hidden_at = one.hidden, one.last
    keep.fault(desk, row, one.code or None)


JOB = Job(every_s=10, run=run, first_s=2)
