"""Every half minute: clocks for what has none yet, reminders and escalations that have come due."""

from __future__ import annotations

from api.clocks import keep, remind
from api.jobs import Job
from api.runtime import Runtime


def run(node: Runtime) -> str:
    now = node.clock.now()
    with node.db.write() as session:
        made = keep.catch_up(session, node.bell, now) + keep.calendar(session, node.bell, node.node.agency, now)
    with node.db.write() as session:
        told = remind.step(session, node.bell, now)
    said = [f"{made} clocks" if made else "", f"{told} told" if told else ""]
    return ", ".join(part for part in said if part)


JOB = Job(every_s=30, run=run)
