"""Runs the jobs of this folder and writes down how it went."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from api.jobs import Job, all_jobs
from api.runtime import Runtime
from api.state.audit import JobRun

THREADS = 2
QUIET_S = 60.0  # a job that runs every few seconds and has nothing to say writes its row at most this often


class Scheduler:
    def __init__(self, node: Runtime) -> None:
        self._node = node
        self._written: dict[str, float] = {}
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # a failed job is in our log, with its name
        self._inner = BackgroundScheduler(executors={"default": ThreadPoolExecutor(THREADS)}, timezone="UTC")
        now = datetime.now(UTC)
        for name, job in all_jobs().items():
            self._inner.add_job(
                self.run, "interval", args=(name, job), seconds=job.every_s, id=name, max_instances=1, coalesce=True,
                misfire_grace_time=None,
                next_run_time=now + timedelta(seconds=job.every_s if job.first_s is None else job.first_s),
            )  # fmt: skip

    def start(self) -> None:
        self._inner.start()

    def close(self) -> None:
        self._inner.shutdown(wait=True)

    def run(self, name: str, job: Job) -> None:
        node, started = self._node, self._node.clock.now()
        begun = time.perf_counter()
        try:
            detail, outcome = job.run(node), "done"
        except Exception as error:
            detail, outcome = type(error).__name__, "failed"
            node.log.exception("job failed", job=name)
        if outcome == "done" and not detail and started - self._written.get(name, 0.0) < QUIET_S:
            return
        self._written[name] = started
        took = time.perf_counter() - begun
        with node.db.write() as session:
            row = session.get(JobRun, name)
            if row is None:
                row = JobRun(name=name)
                session.add(row)
            row.started_at, row.took_s, row.outcome, row.detail = started, took, outcome, detail[:500]
