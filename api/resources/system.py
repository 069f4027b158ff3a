"""How the node itself is: its processes as they report, the store's use of disk, and how far each stage lags."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.fold import Casework
from api.health import processes
from api.overview.now import backup_of
from api.overview.shapes import BackupNow
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out
from api.state.audit import JobRun
from api.state.federation import Outgoing
from api.state.machines import MachineStream
from api.state.migrations import HEAD
from api.state.notices import Sending
from correlator.store.base import Gap
from correlator.store.base import Query as StoreQuery
from correlator.store.config import StoreTable
from sensors.clock import parse_rfc3339, rfc3339
from sensors.errors import LuytreError
from sensors.event import get

router = APIRouter(tags=["system"])
ROUTES = Resource("/system", router)

Reader = Annotated[Access, Depends(Allow("system.read"))]


class Store(Out):
    kind: str
    usage_bytes: int | None
    budget_bytes: int | None
    newest_event_at: str | None
    problem: str | None


class Lag(Out):
    index_s: float | None
    correlator_s: float | None
    casework_s: float | None


class Job(Out):
    name: str
    started_at: str
    took_s: float
    outcome: str
    detail: str


class Waiting(Out):
    """A queue that leads out of this process: how many wait, and since when the oldest does."""

    name: Literal["upstream", "notices"]
    count: int
    oldest_at: str | None


class Disk(Out):
    total_bytes: int
    free_bytes: int
    days_left: float | None  # at the rate of what the store has taken since the first data; None: not known yet


class Files(Out):
    kind: Literal["sqlite", "postgresql"]
    bytes: int | None
    revision: str


class System(Out):
    processes: list[dict[str, Any]]
    store: Store
    lag: Lag
    jobs: list[Job]
    waiting: list[Waiting]
    disk: Disk
    database: Files
    backup: BackupNow
    as_of: str


@router.get("")
def system(request: Request, access: Reader) -> System:
    node: Runtime = request.app.state.node
    casework: Casework | None = getattr(request.app.state, "casework", None)
    table = node.config.table("store", StoreTable) if node.config else StoreTable()
    said, now = processes(node.data), node.clock.now()
    usage, newest, index_s, problem = None, None, None, None
    try:
        usage = node.writer.usage_bytes()
        found = node.reader.search(access.scope("system.read"), StoreQuery(size=1))
        newest = str(found.events[0].get("@timestamp")) if found.events else None
        index_s = _index_lag(said, node)
    except LuytreError as error:
        problem = error.problems[0].en if error.problems else "unavailable"
    with node.db.read() as session:
        jobs = [
            Job(name=run.name, started_at=rfc3339(run.started_at), took_s=round(run.took_s, 3), outcome=run.outcome,
                detail=run.detail)
            for run in session.scalars(select(JobRun).order_by(JobRun.name))
        ]  # fmt: skip
        waiting, disk = _waiting(session), _disk(node, session, usage, now)
    return System(
        processes=[
            {key: value for key, value in body.items() if key != "rules"} | {"memory_bytes": _memory(body.get("pid"))}
            for body in said
        ],
        store=Store(
            kind=table.kind,
            usage_bytes=usage,
            budget_bytes=table.limit_bytes,
            newest_event_at=newest,
            problem=problem,
        ),
        lag=Lag(
            index_s=index_s,
            correlator_s=_correlator_lag(said),
            casework_s=casework.lag_s() if casework else None,
        ),
        jobs=jobs,
        waiting=waiting,
        disk=disk,
        database=_database(node),
        backup=backup_of(node, now),
        as_of=rfc3339(now),
    )


def _waiting(session: Session) -> list[Waiting]:
    up = select(func.count(), func.min(Outgoing.queued_at)).where(Outgoing.state.in_(("waiting", "sent")))
    out = select(func.count(), func.min(Sending.made_at)).where(Sending.state.in_(("waiting", "sending")))
    found: list[Waiting] = []
    for name, query in (("upstream", up), ("notices", out)):
        count, oldest = session.execute(query).one()
        at = None if oldest is None else rfc3339(oldest)
        found.append(Waiting(name=name, count=count, oldest_at=at))  # type: ignore[arg-type]
    return found


def _disk(node: Runtime, session: Session, used: int | None, now: float) -> Disk:
    usage = shutil.disk_usage(node.data)
    first = session.scalar(select(func.min(MachineStream.first_data_at)))
    days = max((now - first) / 86_400.0, 0.05) if first else 0.0
    rate = used / days if used and days else 0.0
    left = round(min(usage.free / rate, 9999.0), 1) if rate else None
    return Disk(total_bytes=usage.total, free_bytes=usage.free, days_left=left)


def _database(node: Runtime) -> Files:
    path = node.data / "state" / "luytre.db"
    if node.api.database and "://" in str(node.api.database):
        return Files(kind="postgresql", bytes=None, revision=HEAD)
    return Files(kind="sqlite", bytes=path.stat().st_size if path.exists() else None, revision=HEAD)


def _memory(pid: object) -> int | None:
    """Resident bytes of a process of this machine, as the kernel says; None when it is gone."""
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return None
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * resource.getpagesize()


def _index_lag(said: list[dict[str, Any]], node: Runtime) -> float | None:
    """The age of the first event that the index had not taken in when it last reported; 0 when there was none."""
    report = next((body["events"] for body in said if body["name"].endswith("index") and "events" in body), None)
    if not isinstance(report, dict):
        return None
    waiting = node.reader.tail(str(report.get("position") or "") or None, 1)
    if isinstance(waiting, Gap) or not waiting.events:
        return 0.0
    stored = parse_rfc3339(str(get(waiting.events[0], "event.ingested") or ""))
    return None if stored is None else round(max(0.0, node.clock.now() - stored), 1)


def _correlator_lag(said: list[dict[str, Any]]) -> float | None:
    """As the correlator reports it: 0 when it has read everything; None when it has not reported."""
    report = next((body for body in said if body["name"] == "correlator"), {})
    lag = report.get("lag_s")
    return float(lag) if isinstance(lag, int | float) else None
