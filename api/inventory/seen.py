"""What the sensors see of the inventory, from the event store: last data per asset and system, and which machines see
one.

In:  one aggregation per agency over the last day (terms of the fields that name a thing, with the newest event of
     each). Values that fell off the end of a full list (TERMS) are asked for by name, CHUNK at a time, CHUNKS a run.
Out: rows of `asset_seen` and `system_seen`; what was not seen in the window keeps its last time, so "silent since"
     stays known, and counts as not sensed. Nothing is written while the store is being asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.inventory.addresses import known
from api.inventory.naming import words
from api.state.base import Database
from api.state.inventory import Address
from api.state.inventory_seen import AssetSeen, SystemSeen
from correlator.store.base import EventReader, Is, Or, Query, Scope
from sensors.clock import rfc3339

WINDOW_S = 24 * 3600.0
TERMS = 1_000
CHUNK = 200
CHUNKS = 20
FIELDS = ("host.name", "source.ip", "destination.ip", "destination.domain", "url.domain")
_OF_KIND = {"ip": ("source.ip", "destination.ip"), "network": ("source.ip", "destination.ip"),
            "name": ("host.name", "destination.domain", "url.domain")}  # fmt: skip


def refresh(db: Database, reader: EventReader, now: float) -> int:
    with db.read() as session:
        agencies = sorted(set(session.scalars(select(Address.agency).distinct())))
    counted = 0
    for agency in agencies:
        newest = _newest(db, reader, agency, now)
        with db.write() as session:
            counted += _write(session, agency, newest, now)
    return counted


def _newest(db: Database, reader: EventReader, agency: str, now: float) -> dict[tuple[str, str], float]:
    """(field, value as events have it) → the newest event's time."""
    scope = Scope(frozenset({agency}))
    since, until = rfc3339(now - WINDOW_S), rfc3339(now + 60)
    aggs = {
        path: {"terms": {"field": path, "size": TERMS}, "aggs": {"at": {"max": {"field": "@timestamp"}}}}
        for path in FIELDS
    }
    query = Query(since=since, until=until, size=1, aggs=aggs)
    newest, full = _read(reader.search(scope, query).aggs, now)
    if full:
        with db.read() as session:
            rows = session.execute(
                select(Address.kind, Address.value).where(
                    Address.agency == agency, Address.until.is_(None), Address.kind != "network"
                )
            )
            seen = {word for path, value in newest for word in words(path, value)}
            unseen = sorted({(kind, value) for kind, value in rows} - {(k, v) for v in seen for k in ("ip", "name")})
        for start in range(0, min(len(unseen), CHUNK * CHUNKS), CHUNK):
            parts = [Is(path, value) for kind, value in unseen[start : start + CHUNK] for path in _OF_KIND[kind]]
            found = reader.search(scope, Query(where=Or(tuple(parts)), since=since, until=until, size=1, aggs=aggs))
            newest |= _read(found.aggs, now)[0]
    return newest


def _read(aggs: Mapping[str, Any], now: float) -> tuple[dict[tuple[str, str], float], bool]:
    newest: dict[tuple[str, str], float] = {}
    full = False
    for path in FIELDS:
        buckets = aggs.get(path, {}).get("buckets", [])
        full = full or len(buckets) >= TERMS
        for bucket in buckets:
            value = bucket.get("at", {}).get("value")
            if value is not None:
                newest[path, str(bucket["key"])] = min(float(value) / 1000, now)  # a clock that runs ahead
    return newest, full


def _write(session: Session, agency: str, newest: Mapping[tuple[str, str], float], now: float) -> int:
    found = known(session, agency, (word for path, value in newest for word in words(path, value)))
    assets: dict[str, float] = {}
    systems: dict[str, float] = {}
    for (path, value), at in newest.items():
        for word in words(path, value):
            held = found.holders(word, at)
            for binding in held:
                if binding.asset_id:
                    assets[binding.asset_id] = max(at, assets.get(binding.asset_id, 0.0))
                if binding.system_id:
                    systems[binding.system_id] = max(at, systems.get(binding.system_id, 0.0))
            if held:
                break  # the whole name speaks; the short one only when nobody has it
    _keep(session, AssetSeen, AssetSeen.asset_id, assets)
    _keep(session, SystemSeen, SystemSeen.system_id, systems)
    return len(assets) + len(systems)


def _keep(session: Session, of: type[Any], key: Any, times: Mapping[str, float]) -> None:
    ids = sorted(times)
    for start in range(0, len(ids), 500):
        chunk = ids[start : start + 500]
        there = {getattr(row, key.key): row for row in session.scalars(select(of).where(key.in_(chunk)))}
        for one in chunk:
            if one in there:
                there[one].last_data_at = max(there[one].last_data_at, times[one])
            else:
                session.add(of(**{key.key: one}, last_data_at=times[one]))
        session.flush()


def sensors_of(reader: EventReader, scope: Scope, agency: str, held: Iterable[tuple[str, str]], now: float) -> list[
    dict[str, Any]
]:  # fmt: skip
    """Which of the agency's sensors have sent events with one of these (kind, value) in the last day: name, events,
    newest; one bounded aggregation. `scope` is the reader's: who may not read events is not told."""
    if not scope.sees(agency):
        return []
    parts = tuple(Is(path, value) for kind, value in list(held)[:CHUNK] for path in _OF_KIND.get(kind, ()))
    if not parts:
        return []
    aggs = {"by": {"terms": {"field": "observer.name", "size": 50}, "aggs": {"at": {"max": {"field": "@timestamp"}}}}}
    found = reader.search(
        Scope(frozenset({agency})),
        Query(where=Or(parts), since=rfc3339(now - WINDOW_S), until=rfc3339(now + 60), size=1, aggs=aggs),
    )
    return [
        {"name": str(bucket["key"]), "events": int(bucket["doc_count"]), "last_at": float(bucket["at"]["value"]) / 1000}
        for bucket in found.aggs.get("by", {}).get("buckets", [])
        if bucket.get("at", {}).get("value") is not None
    ]
