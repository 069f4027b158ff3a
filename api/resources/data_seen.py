"""When each kind of data came last: what has gone quiet shows before anybody misses it.

In:  the person's scope. Out: a row per `event.dataset` of the last WINDOW_S: its newest event, and how many came in the
     last day.
Bound: KINDS datasets; two aggregations over the store, whose answer is kept FRESH_S for everybody of the same scope.
Source: lessons.md (silence is found by the newest event, not by a process that runs).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from api.auth.allow import Allow
from api.auth.sessions import Access
from api.resources import Resource
from api.runtime import Runtime
from api.shapes import Out
from correlator.store.base import EventReader, Query, Scope
from sensors.clock import rfc3339

router = APIRouter(tags=["system"])
ROUTES = Resource("/system/data", router)

Reader = Annotated[Access, Depends(Allow("system.read"))]
DAY_S, WINDOW_S = 86_400.0, 7 * 86_400.0
KINDS = 200
NAME = 128  # characters of a dataset's name; a sender may write anything there
FRESH_S, KEPT = 60.0, 32


class DataSeen(Out):
    dataset: str
    last_at: str
    day: int  # events of the last 24 hours


class AllDataSeen(Out):
    items: list[DataSeen]  # who is quiet for longest comes first
    since: str  # older data is not looked for
    more: bool  # there are more kinds than are shown
    partial: str
    as_of: str


class _Kept:
    """The last answers, by scope; bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[frozenset[str] | None, tuple[float, AllDataSeen]] = OrderedDict()

    def get(self, key: frozenset[str] | None, now: float) -> AllDataSeen | None:
        with self._lock:
            at, found = self._found.get(key, (0.0, None))
            return found if found is not None and 0 <= now - at < FRESH_S else None

    def put(self, key: frozenset[str] | None, now: float, found: AllDataSeen) -> None:
        with self._lock:
            self._found[key] = (now, found)
            self._found.move_to_end(key)
            while len(self._found) > KEPT:
                self._found.popitem(last=False)


@router.get("")
def data_seen(request: Request, access: Reader) -> AllDataSeen:
    node: Runtime = request.app.state.node
    kept: _Kept | None = getattr(request.app.state, "data_seen", None)
    if kept is None:
        kept = request.app.state.data_seen = _Kept()
    scope, now = access.scope("system.read"), node.clock.now()
    found = kept.get(scope.agencies, now)
    if found is None:
        found = look(node.reader, scope, now)
        kept.put(scope.agencies, now, found)
    return found


def look(reader: EventReader, scope: Scope, now: float) -> AllDataSeen:
    terms = {"field": "event.dataset", "size": KINDS}
    newest = {"kind": {"terms": terms, "aggs": {"at": {"max": {"field": "@timestamp"}}}}}
    since, until = now - WINDOW_S, rfc3339(now + 60)
    week = reader.search(scope, Query(since=rfc3339(since), until=until, size=1, aggs=newest))
    today = reader.search(
        scope, Query(since=rfc3339(now - DAY_S), until=until, size=1, aggs={"kind": {"terms": terms}})
    )
    counts = {str(one["key"]): int(one["doc_count"]) for one in _buckets(today.aggs)}
    rows = []
    for one in _buckets(week.aggs):
        at = one.get("at", {}).get("value")
        if at is not None:
            # A clock that runs ahead does not make its data newer than now.
            rows.append((min(float(at) / 1000, now), str(one["key"])))
    return AllDataSeen(
        items=[DataSeen(dataset=key[:NAME], last_at=rfc3339(at), day=counts.get(key, 0)) for at, key in sorted(rows)],
        since=rfc3339(since), more=len(rows) >= KINDS, partial=week.partial or today.partial, as_of=rfc3339(now),
    )  # fmt: skip


def _buckets(aggs: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(aggs.get("kind", {}).get("buckets", []))
