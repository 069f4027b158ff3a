"""Snoozed alerts whose time has come return to the queue."""

from __future__ import annotations

from api.casework import alerts
from api.casework.alerts import Desk
from api.jobs import Job
from api.runtime import Runtime
from correlator.store.base import EVERYTHING


def run(node: Runtime) -> str:
    with node.db.write() as session:
        woken = alerts.wake(Desk(session, EVERYTHING, None, node.audit, node.bell, node.clock.now()))
    return f"{woken} woken" if woken else ""


JOB = Job(every_s=5, run=run)
