"""Event search: the small query language over the event store, inside the person's scope."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.problems import Problem
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out
from correlator.store.base import Query as StoreQuery
from correlator.store.query import QueryError, parse
from sensors.clock import parse_rfc3339, rfc3339

router = APIRouter(tags=["events"])
ROUTES = Resource("/events", router)

Reader = Annotated[Access, Depends(Allow("events.read"))]
DAY_S = 24 * 3600.0
BARS = 60  # about as many as a screen shows apart
_STEPS_S = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 12 * 3600, 86400, 7 * 86400, 30 * 86400)


class EventQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    q: str = Field("", max_length=8192)
    since: str = Field("", max_length=40)
    until: str = Field("", max_length=40)
    limit: int = Field(50, ge=1, le=500)
    cursor: str = Field("", max_length=4096)
    histogram: bool = False


class Bar(Out):
    at: str
    count: int


class EventsFound(Out):
    items: list[dict[str, Any]]
    next: str | None
    total: int
    total_is_floor: bool
    partial: str
    took_ms: float
    histogram: list[Bar]


@router.get("")
def search(request: Request, wanted: Annotated[EventQuery, Query()], access: Reader) -> EventsFound:
    """Newest first. Without `since` the last 24 hours; the histogram has the same bounds."""
    node: Runtime = request.app.state.node
    now = node.clock.now()
    until = _time("until", wanted.until)
    since = _time("since", wanted.since)
    since = (until or now) - DAY_S if since is None else since
    step = next((s for s in _STEPS_S if ((until or now) - since) / s <= BARS), _STEPS_S[-1])
    aggs = {"at": {"date_histogram": {"field": "@timestamp", "fixed_interval": f"{step}s"}}}
    try:
        found = node.reader.search(
            access.scope("events.read"),
            StoreQuery(
                where=parse(wanted.q),
                since=rfc3339(since),
                until=rfc3339(until) if until is not None else None,
                size=wanted.limit,
                after=wanted.cursor or None,
                aggs=aggs if wanted.histogram else None,
            ),
        )
    except QueryError as error:
        first = error.problems[0]
        raise Problem("LT-A0424", (first.vi, first.en), position=error.column) from None
    buckets = found.aggs.get("at", {}).get("buckets", []) if wanted.histogram else []
    return EventsFound(
        items=list(found.events),
        next=found.next,
        total=found.total,
        total_is_floor=found.total_is_floor,
        partial=found.partial,
        took_ms=round(found.took_ms, 1),
        histogram=[Bar(at=rfc3339(float(b["key"]) / 1000), count=int(b["doc_count"])) for b in buckets[:1000]],
    )


def _time(field: str, text: str) -> float | None:
    if not text:
        return None
    found = parse_rfc3339(text)
    if found is None:
        raise Problem("LT-A0422", errors=[{"field": field, "message": "RFC 3339"}])
    return found
