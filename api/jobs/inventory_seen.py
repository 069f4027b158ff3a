"""Which assets and systems have given data in the last day."""

from __future__ import annotations

from api.inventory import seen
from api.jobs import Job
from api.runtime import Runtime


def run(node: Runtime) -> str:
    counted = seen.refresh(node.db, node.reader, node.clock.now())
    return f"{counted} assets and systems with data" if counted else ""


JOB = Job(every_s=300, run=run)
