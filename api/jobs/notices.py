"""Every second: route what has happened, escalate what nobody took, start what is due."""

from __future__ import annotations

from sqlalchemy import or_, select

from api.jobs import Job
from api.notices import route
from api.notices.work import work_of
from api.runtime import Runtime
from api.state.notices import Matter, Notice

LOOK_S = 60.0


def run(node: Runtime) -> str:
    work, now = work_of(node), node.clock.now()
    if now - work.looked_at >= LOOK_S or now < work.looked_at:
        work.looked_at = now
        with node.db.write() as session:
            work.machine.look(session, now)
    with node.db.read() as session:  # most seconds have nothing to do, and take no write lock
        busy = session.scalar(select(Matter.id).where(Matter.routed_at.is_(None)).limit(1)) is not None or (
            session.scalar(select(Notice.id).where(or_(Notice.due_at <= now, Notice.escalate_at <= now)).limit(1))
            is not None
        )
    told = 0
    while busy:
        with node.db.write() as session:
            world = route.World.load(session, node.bell, now, work.office)
            looked = route.gather(world)
            told += looked
            route.send_due(world)
            route.escalate(world)
        busy = looked == route.PAGE
    started = work.outbox.step()
    return f"{told} told, {started} started" if told or started else ""


JOB = Job(1.0, run)
