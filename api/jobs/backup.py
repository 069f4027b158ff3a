"""The backup by the clock: when `[backup] target` is set and the last good one is older than `every_h`.

Made by a process of its own at the lowest priority (packing gigabytes would take the interpreter from ingest); this job
starts it and, some runs later, sees how it ended. What went wrong is in `state/backups.json` and on the screen, and it
is tried again after RETRY_S.
"""

from __future__ import annotations

import os
import subprocess
import sys

from api.jobs import Job
from api.node.keeping import ledger
from api.node.keeping.settings import BackupTable
from api.runtime import Runtime

RETRY_S = 1800.0
_running: dict[str, subprocess.Popen[bytes]] = {}
_tried: dict[str, float] = {}


def run(node: Runtime) -> str:
    if node.config is None:
        return ""
    table, here = node.config.table("backup", BackupTable), str(node.data)
    child = _running.get(here)
    if child is not None:
        status = child.poll()
        if status is None:
            return "running"
        del _running[here]
        if status:
            problem = (ledger.load(node.data).get("problem") or {}).get("en", f"exit {status}")
            node.log.error("the backup failed", problem=problem)
            raise RuntimeError("the backup failed")  # the scheduler's row says `failed`
        return "made"
    if not table.target or not _due(node, table, here):
        return ""
    _tried[here] = node.clock.now()
    words = [sys.executable, "-m", "api.node.keeping", "create", "--scheduled", "--config", str(node.config.path)]
    _running[here] = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONSAFEPATH": "1"}, start_new_session=True,
    )  # fmt: skip
    return "begun"


def _due(node: Runtime, table: BackupTable, here: str) -> bool:
    now = node.clock.now()
    last = ledger.load(node.data).get("last_good_at") or 0.0
    if not isinstance(last, int | float) or last > now:
        last = 0.0
    return now - last >= table.every_h * 3600 and now - _tried.get(here, float("-inf")) >= RETRY_S


JOB = Job(every_s=60, run=run)
