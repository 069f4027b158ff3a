"""How the node itself is: its processes as they report, the store's use of disk, and how far each stage lags."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.casework.fold import Casework
from api.health import processes
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out
from api.state.audit import JobRun
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


class System(Out):
    processes: list[dict[str, Any]]
    store: Store
    lag: Lag
    jobs: list[Job]


@router.get("")
def system(request: Request, access: Reader) -> System:
    node: Runtime = request.app.state.node
    casework: Casework | None = getattr(request.app.state, "casework", None)
    table = node.config.table("store", StoreTable) if node.config else StoreTable()
    said = processes(node.data)
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
    return System(
        processes=[{key: value for key, value in body.items() if key != "rules"} for body in said],
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
    )


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
