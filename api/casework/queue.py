"""The alert queue as it is read: filters, order, counts, and the shape that screens show. Everything inside a scope.

Counts are over the same filters less the one they break down, in one query and in the same read transaction as the
rows: two numbers on one screen never disagree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, true
from sqlalchemy.orm import Session

from api import shapes
from api.casework import priority
from api.casework.errors import Invalid
from api.casework.folding import like
from api.casework.paging import Key, after, cursor_of
from api.casework.playbooks import RuleTexts
from api.federation.status import delivery_of, words_of
from api.state.cases import Alert, AlertEntity, AlertHit, AlertHour, History, Incident
from api.state.inventory import Asset, System
from api.state.people import User
from correlator.store.base import Scope
from sensors.clock import rfc3339

HOURS = 24
HITS_SHOWN = 50
SORTS: dict[str, tuple[Any, ...]] = {
    "priority": (Alert.priority, Alert.last_seen),
    "last_seen": (Alert.last_seen,),
    "first_seen": (Alert.first_seen,),
    "created_at": (Alert.created_at,),
    "level": (Alert.level_order, Alert.last_seen),
    "count": (Alert.count,),
}


@dataclass(frozen=True, slots=True)
class Filter:
    ids: tuple[str, ...] = ()  # of these only
    status: str = "open"
    levels: tuple[str, ...] = ()
    q: str = ""
    agency: str = ""
    rule: str = ""
    assignee: str = ""  # me | none | a user's id
    entity: str = ""  # field:value
    system: str = ""  # a system's id, or none
    grades: tuple[int | None, ...] = ()  # None: of no graded system
    sort: str = "-priority"
    me: int = 0


def page(session: Session, scope: Scope, wanted: Filter, *, limit: int, cursor: str, now: float) -> shapes.AlertList:
    down, name = wanted.sort.startswith("-"), wanted.sort.lstrip("-")
    if name not in SORTS:
        raise Invalid("sort", "Không có cách sắp xếp này.", "No such order.")
    keys = [Key(column, down) for column in (*SORTS[name], Alert.id)]
    conditions = _conditions(scope, wanted)
    found = select(Alert).where(*conditions)
    if cursor:
        found = found.where(after(keys, cursor))
    rows = session.scalars(found.order_by(*(key.order() for key in keys)).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    total, counts = _counts(session, scope, wanted)
    return shapes.AlertList(
        items=show(session, rows, now),
        next=cursor_of(keys, rows[-1]) if more else None,
        total=total,
        counts=counts,
        as_of=rfc3339(now),
    )


def find(session: Session, scope: Scope, alert_id: str) -> Alert | None:
    alert = session.get(Alert, alert_id)
    return alert if alert is not None and scope.sees(alert.agency) else None


def show(session: Session, rows: Sequence[Alert], now: float) -> list[shapes.Alert]:
    """Rows as screens see them; four more queries however many rows there are."""
    keys = [row.id for row in rows]
    people = names(session, {row.assignee_id for row in rows if row.assignee_id})
    entities: dict[str, dict[str, list[str]]] = {}
    # Columns, not rows of classes: hundreds of them a page, at a third of the processor's time.
    said = select(AlertEntity.alert_id, AlertEntity.field, AlertEntity.value).where(AlertEntity.alert_id.in_(keys))
    for alert_id, path, value in session.execute(said):
        entities.setdefault(alert_id, {}).setdefault(path, []).append(value)
    first = int(now // 3600) - HOURS + 1
    sparks = {key: [0] * HOURS for key in keys}
    counted = select(AlertHour.alert_id, AlertHour.hour, AlertHour.count).where(
        AlertHour.alert_id.in_(keys), AlertHour.hour.between(first, first + HOURS - 1)
    )
    for alert_id, hour, count in session.execute(counted):
        sparks[alert_id][hour - first] = count
    systems = systems_named(session, rows)
    return [_shape(row, people, entities.get(row.id, {}), sparks[row.id], systems) for row in rows]


def systems_named(session: Session, rows: Sequence[Alert | Incident | Asset]) -> dict[str, shapes.SystemRef]:
    """The systems that these alerts, incidents or assets name, by id. They are of the same agency, so who sees the one
    may read the other's name."""
    wanted = {row.system_id for row in rows if row.system_id}
    if not wanted:
        return {}
    found = session.execute(select(System.id, System.name, System.kind, System.grade).where(System.id.in_(wanted)))
    return {row.id: shapes.SystemRef(id=row.id, name=row.name, kind=row.kind, grade=row.grade) for row in found}


def full(session: Session, alert: Alert, now: float, texts: RuleTexts) -> shapes.AlertFull:
    """`texts`: the rule's description and steps (api/casework/playbooks.py)."""
    hits = session.scalars(
        select(AlertHit)
        .where(AlertHit.alert_id == alert.id)
        .order_by(AlertHit.at.desc(), AlertHit.id)
        .limit(HITS_SHOWN)
    )
    [row] = show(session, [alert], now)
    return shapes.AlertFull.model_construct(
        **dict(row),
        hits=[
            shapes.HitShape(
                id=hit.id,
                at=rfc3339(hit.at),
                event_ids=hit.event_ids,
                reason=shapes.Texts(**hit.reason),
                count=hit.count,
            )
            for hit in hits
        ],
        hits_total=alert.count,
        description=shapes.Texts(**texts.get("description", {})),
        steps=shapes.Steps(**texts.get("steps", {})),
        delivery=delivery_of(session, alert.id),
        words=words_of(session, alert.id),
    )


def event_ids(session: Session, alert: Alert, limit: int) -> list[str]:
    """Ids of the events behind the alert, newest hit first, each once."""
    found: dict[str, None] = {}
    for ids in session.scalars(
        select(AlertHit.event_ids).where(AlertHit.alert_id == alert.id).order_by(AlertHit.at.desc(), AlertHit.id)
    ):
        found.update(dict.fromkeys(reversed(ids)))
        if len(found) >= limit:
            break
    return list(found)[:limit]


def history(session: Session, kind: str, object_id: str) -> shapes.History:
    """Oldest first. The caller has checked that the object may be seen."""
    rows = session.scalars(
        select(History).where(History.kind == kind, History.object_id == object_id).order_by(History.id).limit(1000)
    ).all()
    wanted = {row.actor_id for row in rows if row.actor_id}
    wanted |= {v["assignee_id"] for row in rows for v in (row.before, row.after) if v and v.get("assignee_id")}
    people = names(session, wanted)
    return shapes.History(
        items=[
            shapes.HistoryEntry.model_validate(
                {
                    "at": rfc3339(row.at),
                    "actor": {"id": row.actor_id, "name": people.get(row.actor_id or 0, row.actor_name)},
                    "act": row.act,
                    "from": _readable(row.before, people),
                    "to": _readable(row.after, people),
                    "note": row.note,
                }
            )
            for row in rows
        ]
    )


def names(session: Session, ids: set[int]) -> dict[int, str]:
    if not ids:
        return {}
    rows = session.execute(select(User.id, User.name, User.username).where(User.id.in_(ids)))
    return {row.id: row.name or row.username for row in rows}


def _readable(values: dict[str, Any] | None, people: dict[int, str]) -> dict[str, Any] | None:
    """People by name, times as text."""
    if values is None:
        return None
    out: dict[str, Any] = {}
    for key, value in values.items():
        if key == "assignee_id":
            out["assignee"] = people.get(value) if value else None
        elif key == "coordinator_id":
            out["coordinator"] = people.get(value) if value else None
        elif key.endswith(("_until", "_at")) and value is not None:
            out[key] = rfc3339(value)
        else:
            out[key] = value
    return out


def _conditions(scope: Scope, wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [inside(Alert.agency, scope)]
    if wanted.ids:
        found.append(Alert.id.in_(wanted.ids))
    if wanted.status != "all":
        if wanted.status == "open":
            found.append(Alert.status.in_(("new", "claimed")))
        elif wanted.status == "woken":
            found += [Alert.woken.is_(True), Alert.status.in_(("new", "claimed"))]
        else:
            found.append(Alert.status == wanted.status)
    if wanted.levels:
        found.append(Alert.level.in_(wanted.levels))
    if wanted.agency:
        found.append(Alert.agency == wanted.agency)
    if wanted.rule:
        found.append(Alert.rule_id == wanted.rule)
    if wanted.assignee == "none":
        found.append(Alert.assignee_id.is_(None))
    elif wanted.assignee:
        who = wanted.me if wanted.assignee == "me" else int(wanted.assignee) if wanted.assignee.isdecimal() else -1
        found.append(Alert.assignee_id == who)
    if wanted.system:
        found.append(Alert.system_id.is_(None) if wanted.system == "none" else Alert.system_id == wanted.system)
    if wanted.grades:
        of = Alert.grade.in_([grade for grade in wanted.grades if grade is not None])
        found.append(or_(of, Alert.grade.is_(None)) if None in wanted.grades else of)
    if wanted.entity:
        path, _, value = wanted.entity.partition(":")
        found.append(
            exists().where(AlertEntity.alert_id == Alert.id, AlertEntity.field == path, AlertEntity.value == value)
        )
    for word in wanted.q.split()[:10]:
        found.append(spoken(Alert, word))
    return found


def spoken(of: type[Alert | Incident], word: str) -> ColumnElement[bool]:
    """A word of the thing itself, or of the system that it is about (which is of the same agency)."""
    pattern = like(word)
    systems = select(System.id).where(System.search_text.like(pattern, escape="\\"))
    return or_(of.search_text.like(pattern, escape="\\"), of.system_id.in_(systems))


def inside(column: Any, scope: Scope) -> ColumnElement[bool]:
    """The scope as a condition; every query over agencies' rows carries one."""
    if scope.agencies is None:
        return true()
    return column.in_(scope.agencies)  # type: ignore[no-any-return]


def _counts(session: Session, scope: Scope, wanted: Filter) -> tuple[int, shapes.AlertCounts]:
    """How many in all, by level (of the statuses asked for) and by status (of the levels asked for): one walk."""
    query = (
        select(Alert.status, Alert.level, Alert.woken, func.count())
        .where(*_conditions(scope, replace(wanted, status="all", levels=())))
        .group_by(Alert.status, Alert.level, Alert.woken)
    )
    total = 0
    by_level: Counter[str] = Counter()
    by_status: Counter[str] = Counter()
    for status, level, woken, count in session.execute(query):
        asked_status, asked_level = _has_status(wanted, status, woken), not wanted.levels or level in wanted.levels
        total += count if asked_status and asked_level else 0
        if asked_status:
            by_level[level] += count
        if asked_level:
            by_status[status] += count
    return total, shapes.AlertCounts(level=dict(by_level), status=dict(by_status))


def _has_status(wanted: Filter, status: str, woken: bool) -> bool:
    if wanted.status == "woken":
        return woken and status in ("new", "claimed")
    return wanted.status in ("all", status) or (wanted.status == "open" and status in ("new", "claimed"))


def _shape(
    row: Alert, people: dict[int, str], entities: dict[str, list[str]], spark: list[int],
    systems: dict[str, shapes.SystemRef],
) -> shapes.Alert:  # fmt: skip
    return shapes.Alert.model_construct(
        id=row.id,
        agency=row.agency,
        rule_id=row.rule_id,
        title=shapes.Texts(**row.title),
        reason=shapes.Texts(**row.reason),
        level=row.level,
        type=row.kind,
        status=row.status,
        woken=row.woken,
        count=row.count,
        first_seen=rfc3339(row.first_seen),
        last_seen=rfc3339(row.last_seen),
        created_at=rfc3339(row.created_at),
        group=row.group,
        entities=entities,
        techniques=row.techniques,
        score=row.score,
        assignee=shapes.Person(id=row.assignee_id, name=people.get(row.assignee_id, "")) if row.assignee_id else None,
        snooze=(
            shapes.Snooze(until=rfc3339(row.snooze_until), reason=row.snooze_reason or "", by=row.snooze_by or "")
            if row.snooze_until is not None
            else None
        ),
        disposition=row.disposition,
        incident_id=row.incident_id,
        system=systems.get(row.system_id or ""),
        priority=row.priority,
        priority_terms=[shapes.Term(**term) for term in priority.terms(row.level_order, row.grade)],
        spark=spark,
        revision=row.revision,
    )
