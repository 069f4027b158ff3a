"""Folding: hits become alerts. One open alert per (agency, rule, group key), each hit counted once.

In:  pages of stream "hits" by `EventReader.tail`. Out: rows of api/state/cases.py.
Promise: the tail's cursor and everything a page changed move in ONE transaction; a crash before it replays the page, a
     hit that was stored twice is known by its id. So the count is exact after any kill.
An alert that was quiet for QUIET_S (in event time) takes no more hits: the next one opens a new alert, and the old one
     stays in the queue for a person. A snoozed alert takes hits silently. A closed one takes none.
Bound: PAGE hits a transaction; ENTITY_LIMIT values per field; hit rows live HIT_MEMORY_S, then the newest HITS_KEPT.
A page costs a fixed number of statements however many alerts it makes: in a storm others wait for this transaction.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from api.casework import ids, indicators, priority
from api.casework.changes import Bell, Told, changed, changed_all
from api.casework.folding import search_text
from api.casework.hits import ENTITY_LIMIT, Hit, read
from api.indicators import sightings
from api.inventory import naming
from api.shapes import LEVELS
from api.state.base import Database
from api.state.cases import Alert, AlertEntity, AlertHit, AlertHour, History, Incident, Indicator, Place
from correlator.store.base import EventReader, Gap
from sensors.clock import Clock

READER = "casework"
PAGE = 500
QUIET_S = 24 * 3600.0
HIT_MEMORY_S = 48 * 3600.0  # as long as ingest remembers foreign ids
HITS_KEPT = 200
INDICATORS = 200  # of one incident


Policy = Callable[[Session, Sequence[Alert], float], None]


def each(one: Callable[[Session, Alert, float], None]) -> Policy:
    """A policy of single alerts."""

    def policy(session: Session, alerts: Sequence[Alert], now: float) -> None:
        for alert in alerts:
            one(session, alert, now)

    return policy


@dataclass(slots=True)
class Counters:
    hits: int = 0
    repeated: int = 0
    unreadable: int = 0
    alerts: int = 0
    gaps: int = 0
    newest_at: float = 0.0
    behind: bool = False  # the last page was full: there is more to read


@dataclass(slots=True)
class _Touched:
    """What a page did to one alert, written when the page is through."""

    alert: Alert
    created: bool
    risen: bool = False
    hours: dict[int, int] = field(default_factory=dict)
    entities: dict[tuple[str, str], None] = field(default_factory=dict)


class Casework:
    def __init__(
        self, db: Database, reader: EventReader, clock: Clock, bell: Bell, agency: str, policy: Policy | None = None
    ) -> None:
        self._db, self._reader, self._clock, self._bell, self._agency = db, reader, clock, bell, agency
        self._policy = policy
        self.counters = Counters()

    def lag_s(self) -> float:
        """How far behind the newest hit: 0 when everything there is has been read."""
        return round(max(0.0, self._clock.now() - self.counters.newest_at), 1) if self.counters.behind else 0.0

    def step(self) -> int:
        """One page: read without any lock, then one transaction. The number of hits read (0: nothing new)."""
        with self._db.read() as session:
            place = session.get(Place, READER)
            cursor = place.cursor if place else None
        page = self._reader.tail(cursor, PAGE, "hits")
        now = self._clock.now()
        if isinstance(page, Gap):
            with self._db.write() as session:
                place = _move(session, page.next, now)
                place.gaps += 1
                place.lost += page.lost or 0
            self.counters.gaps += 1
            return 0
        self.counters.behind = len(page.events) >= PAGE
        if not page.events:
            if page.next != cursor:  # an empty stretch (rotated files): keep the place, or it may expire under us
                with self._db.write() as session:
                    _move(session, page.next, now)
            return 0
        hits = [read(event, agency=self._agency, now=now) for event in page.events]
        whole = [hit for hit in hits if hit is not None]
        with self._db.write() as session:
            new, made = fold(session, whole, now, self._bell, self._policy)
            _move(session, page.next, now)
        self.counters.hits += new
        self.counters.repeated += len(whole) - new
        self.counters.unreadable += len(hits) - len(whole)
        self.counters.alerts += made
        if whole:
            self.counters.newest_at = max(self.counters.newest_at, *(hit.at for hit in whole))
        return len(hits)


def fold(
    session: Session, hits: Sequence[Hit], now: float, bell: Bell, policy: Policy | None = None
) -> tuple[int, int]:
    """Fold hits in; returns (hits counted, alerts made). `policy` sees the alerts that are new or have risen in level,
    in the same transaction: what it raises is raised exactly once."""
    fresh = list({hit.id: hit for hit in hits}.values())
    known = set(session.scalars(select(AlertHit.id).where(AlertHit.id.in_([hit.id for hit in fresh]))))
    fresh = [hit for hit in fresh if hit.id not in known]
    keys = {hit.id: open_key(hit.agency, hit.rule_id, hit.group_key) for hit in fresh}
    rows = session.scalars(select(Alert).where(Alert.open_key.in_(set(keys.values()))))
    taking = {row.open_key: _Touched(row, created=False) for row in rows}
    touched: list[_Touched] = list(taking.values())
    took: list[tuple[_Touched, Hit]] = []
    made: list[Alert] = []
    released = False
    with session.no_autoflush:
        for hit in fresh:
            key = keys[hit.id]
            here = taking.get(key)
            if here and hit.at > here.alert.last_seen + QUIET_S:
                here.alert.open_key = None
                released = released or not here.created
                here = None
            if here is None:
                here = taking[key] = _Touched(_new_alert(hit, key, now), created=True)
                touched.append(here)
                made.append(here.alert)
            _take(here, hit)
            took.append((here, hit))
        if released:
            session.flush()  # before the INSERTs that take the keys: the unit of work would insert first
        if made:
            for alert, number in zip(made, ids.next_ids(session, "CB", now, len(made)), strict=True):
                alert.id = number
        touched = [here for here in touched if here.hours]
        if touched:
            _write(session, touched, [_counted(here.alert, hit, now) for here, hit in took], now, bell)
    sightings.note(session, fresh)
    risen = [here.alert for here in touched if here.created or here.risen]
    if policy is not None and risen:
        policy(session, risen, now)
    return len(fresh), len(made)


def open_key(agency: str, rule_id: str, group_key: str) -> str:
    return hashlib.sha256("\x00".join((agency, rule_id, group_key)).encode("utf-8", "replace")).hexdigest()


def _new_alert(hit: Hit, key: str, now: float) -> Alert:
    """Not in the session yet, and without its id: those of a page are taken together."""
    return Alert(
        agency=hit.agency,
        rule_id=hit.rule_id,
        group_key=hit.group_key,
        open_key=key,
        kind=hit.kind,
        level=hit.level,
        level_order=LEVELS.index(hit.level),
        status="new",
        woken=False,
        count=0,
        first_seen=hit.at,
        last_seen=hit.at,
        created_at=now,
        title=hit.title,
        reason=hit.reason,
        group=hit.group,
        techniques=list(hit.techniques),
        score=hit.score,
        search_text="",
        priority=priority.points(LEVELS.index(hit.level), None),
        revision=0,
    )


def _counted(alert: Alert, hit: Hit, now: float) -> dict[str, Any]:
    return {"id": hit.id, "alert_id": alert.id, "at": hit.at, "folded_at": now, "count": hit.count,
            "reason": hit.reason, "event_ids": list(hit.event_ids)}  # fmt: skip


def _take(touched: _Touched, hit: Hit) -> None:
    alert = touched.alert
    alert.count += 1
    alert.first_seen = min(alert.first_seen, hit.at)
    if hit.at >= alert.last_seen:  # the newest hit speaks; a late one only counts
        alert.last_seen, alert.reason, alert.title = hit.at, hit.reason, hit.title
    if LEVELS.index(hit.level) > alert.level_order:
        alert.level, alert.level_order, touched.risen = hit.level, LEVELS.index(hit.level), True
    if hit.score is not None:
        alert.score = max(alert.score or 0.0, hit.score)
    if new := [t for t in hit.techniques if t not in alert.techniques]:
        alert.techniques = [*alert.techniques, *new][:20]
    hour = int(hit.at // 3600)
    touched.hours[hour] = touched.hours.get(hour, 0) + 1
    touched.entities.update(dict.fromkeys(hit.entities))


def _write(
    session: Session, touched: Sequence[_Touched], counted: Sequence[dict[str, Any]], now: float, bell: Bell
) -> None:
    """What the page brought to its alerts; a fixed number of queries however many they are."""
    there_before = [here.alert.id for here in touched if not here.created]
    wanted = {hour for here in touched for hour in here.hours}
    hours: dict[tuple[str, int], AlertHour] = {}
    known: dict[str, list[tuple[str, str]]] = {}
    if there_before:
        rows = session.scalars(
            select(AlertHour).where(AlertHour.alert_id.in_(there_before), AlertHour.hour.in_(wanted))
        )
        hours = {(row.alert_id, row.hour): row for row in rows}
        for entity in session.execute(
            select(AlertEntity.alert_id, AlertEntity.field, AlertEntity.value).where(
                AlertEntity.alert_id.in_(there_before)
            )
        ):
            known.setdefault(entity.alert_id, []).append((entity.field, entity.value))
    new_hours: list[dict[str, Any]] = []
    new_entities: list[dict[str, Any]] = []
    grown: dict[str, bool] = {}
    to_name: list[tuple[Alert, list[tuple[str, str]]]] = []
    told: list[Told] = []
    for here in touched:
        alert = here.alert
        for hour, count in here.hours.items():
            row = hours.get((alert.id, hour))
            if row:
                row.count += count
            else:
                new_hours.append({"alert_id": alert.id, "hour": hour, "count": count})
        there = known.get(alert.id, [])
        new = _new_entities(there, here.entities)
        grown[alert.id] = bool(new)
        new_entities += [{"alert_id": alert.id, "field": path, "value": value} for path, value in new]
        if new or here.created:
            values = [value for _, value in (*there, *new)]
            parts = [alert.id, *alert.title.values(), *values, *alert.reason.values()]
            alert.search_text = search_text([*parts, alert.rule_id, alert.agency, *alert.techniques])
            to_name.append((alert, [*there, *new]))
        if here.risen:
            alert.priority = priority.points(alert.level_order, alert.grade)
        alert.revision += 1
        told.append(Told("alert", alert.id, alert.agency, alert.revision, here.created))
    naming.name_alerts(session, to_name)
    made = [here.alert for here in touched if here.created]
    session.add_all(made)
    session.flush()
    if made:
        session.execute(_HISTORY, [
            {"kind": "alert", "object_id": alert.id, "at": now, "actor_name": "", "act": "created",
             "after": {"status": "new"}} for alert in made
        ])  # fmt: skip
    for statement, values_of in ((_HIT, counted), (_HOUR, new_hours), (_ENTITY, new_entities)):
        if values_of:
            session.execute(statement, values_of)
    changed_all(session, bell, told, now)
    for here in touched:
        if here.alert.incident_id:
            _tell_incident(session, here.alert, now, bell, grown=grown[here.alert.id])


# By table, not by class: rows that nobody asks the session for again, at a third of the processor's time.
_HISTORY, _HIT = insert(cast("Table", History.__table__)), insert(cast("Table", AlertHit.__table__))
_HOUR, _ENTITY = insert(cast("Table", AlertHour.__table__)), insert(cast("Table", AlertEntity.__table__))


def _new_entities(there: Sequence[tuple[str, str]], wanted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of `wanted` that an alert does not have yet, up to ENTITY_LIMIT a field."""
    have = set(there)
    per_field = Counter(path for path, _ in there)
    new = []
    for path, value in wanted:
        if (path, value) not in have and per_field[path] < ENTITY_LIMIT:
            per_field[path] += 1
            new.append((path, value))
    return new


def _tell_incident(session: Session, alert: Alert, now: float, bell: Bell, *, grown: bool) -> None:
    incident = session.get(Incident, alert.incident_id)
    if incident is None or incident.state == "closed":
        return
    incident.last_seen = max(incident.last_seen, alert.last_seen)
    incident.revision += 1
    if grown:
        add_indicators(session, incident.id, [alert.id])
        naming.name_incident(session, incident)
    changed(session, bell, "incident", incident.id, agency=incident.agency, revision=incident.revision, now=now)


def add_indicators(session: Session, incident_id: str, alert_ids: Sequence[str]) -> None:
    """Take over what the alerts' entities say of the other side, up to INDICATORS."""
    rows = session.execute(select(Indicator.type, Indicator.value).where(Indicator.incident_id == incident_id))
    there: set[tuple[str, str]] = {(kind, value) for kind, value in rows}
    for alert_id in alert_ids:
        entities = session.execute(select(AlertEntity.field, AlertEntity.value).where(AlertEntity.alert_id == alert_id))
        for found in indicators.of_entities(entities):
            if found not in there and len(there) < INDICATORS:
                there.add(found)
                session.add(Indicator(incident_id=incident_id, type=found[0], value=found[1][:512]))


def _move(session: Session, cursor: str | None, now: float) -> Place:
    place = session.get(Place, READER)
    if place is None:
        place = Place(reader=READER, lost=0, gaps=0, moved_at=now)
        session.add(place)
    place.cursor, place.moved_at = cursor, now
    return place
