"""Every hour: notices, matters and covers that have had their time leave the database, in short transactions."""

from __future__ import annotations

from collections import Counter

from api.jobs import Job
from api.notices import forget
from api.runtime import Runtime

TIMES = 20  # transactions a run: what a day makes goes in one run, a long backlog in a few


def run(node: Runtime) -> str:
    gone: Counter[str] = Counter()
    for _ in range(TIMES):
        with node.db.write() as session:
            done = forget.step(session, node.clock.now())
        gone.update(done)
        if not done:
            break
    return ", ".join(f"{count} {what}" for what, count in gone.items())


JOB = Job(every_s=3600, run=run)
