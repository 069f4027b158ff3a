"""Open alerts and incidents follow the inventory."""

from __future__ import annotations

from api.inventory import renaming
from api.jobs import Job
from api.runtime import Runtime


def run(node: Runtime) -> str:
    looked, moved = renaming.run(node.db, node.bell, node.clock.now())
    return f"{moved} of {looked} alerts named anew" if looked else ""


JOB = Job(every_s=5, run=run)
