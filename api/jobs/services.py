"""Services: what the probes reported since last time, then what the clock brings. Writes only when there is something.

Every two seconds: so an outage is on the screen two seconds after its event was stored. A long backlog (first start
after an upgrade) is worked off in runs of PAGES pages, so that the scheduler's threads stay free for others.
"""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import select

from api.jobs import Job
from api.runtime import Runtime
from api.services import care, days, join, windows
from api.services.follow import Follower
from api.state.cases import Place
from api.state.services import Day, Service

PAGES = 100
SLOW_S = 300.0  # certificates, systems, retention
_SLOW = "services-slow"


def follower(node: Runtime) -> Follower:
    """This process's follower; its counters are shown in /metrics."""
    if node.follower is None:
        made = Follower(node.db, node.reader, node.clock, node.bell, node.node.agency,
                        centre=node.node.role == "national")  # fmt: skip
        node.counters["services"] = lambda: asdict(made.counters)
        node.follower = made
    return node.follower


def run(node: Runtime) -> str:
    found = follower(node).run(PAGES)
    now = node.clock.now()
    done = {"results": found if found > 50 else 0} | tend(node, now)
    return ", ".join(f"{count} {what}" for what, count in done.items() if count)


def tend(node: Runtime, now: float) -> dict[str, int]:
    """What the clock brings."""
    with node.db.read() as session:
        silent = session.scalar(
            select(Service.id).where(Service.state != "unknown", Service.checked_at < now - 90.0).limit(1)
        )
        covered, told, join_due = windows.due(session, now), care.outages_due(session, now), join.waiting(session, now)
        stale = session.scalar(select(Day.day).where(Day.stale).limit(1)) is not None
        slow = session.get(Place, _SLOW)
        slow_due = slow is None or now - slow.moved_at >= SLOW_S
    done: dict[str, int] = {}
    if silent or covered or told or join_due:
        with node.db.write() as session:
            done["silent"] = care.silence(session, node.bell, now)
            windows.begin_and_end(session, node.bell, now)
            done["told"] = care.outages(session, node.bell, now)
            done["joined"] = join.run(session, node.audit, node.bell, now)
    if stale:
        with node.db.write() as session:
            days.roll(session, now)
    if slow_due:
        with node.db.write() as session:
            done["told"] = done.get("told", 0) + care.certificates(session, now)
            care.rename(session, node.bell, now)
            days.clean(session, now)
            place = session.get(Place, _SLOW)
            if place is None:
                session.add(Place(reader=_SLOW, lost=0, gaps=0, moved_at=now))
            else:
                place.moved_at = now
    return done


JOB = Job(every_s=2, run=run)
