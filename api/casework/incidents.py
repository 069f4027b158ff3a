"""Incidents: opened from alerts, moved through states by one coordinator, each act on record.

An incident lies in one agency; alerts of another cannot join it. It names its alerts (and takes over their indicators);
its times are theirs. Closing needs every alert behind it to stay as it is: alerts are closed by their own reason.
States: open → investigating → contained → resolved → closed, forward by any step; back only by `investigating`
(something was missed), from any later state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api import shapes
from api.casework import alerts, ids
from api.casework.alerts import Desk
from api.casework.changes import changed
from api.casework.errors import Invalid, Stale, Unseen, WrongState
from api.casework.fold import add_indicators
from api.casework.folding import search_text
from api.casework.paging import Key, after, cursor_of
from api.casework.queue import inside, names, spoken, systems_named
from api.clocks import keep
from api.federation.status import deliveries_of, delivery_of, words_of
from api.inventory import naming
from api.notices import matters
from api.shapes import LEVELS, IncidentState, Level
from api.state.cases import Alert, History, Incident, Indicator
from correlator.store.base import Scope
from sensors.clock import rfc3339

ALERTS_AT_ONCE = 1_000
STATES: tuple[IncidentState, ...] = ("open", "investigating", "contained", "resolved", "closed")


def open_from(desk: Desk, alert_ids: Sequence[str], title: str | None, level: Level | None) -> Incident:
    """A new incident over these alerts, coordinated by who opens it."""
    assert desk.access is not None
    chosen = _alerts(desk, alert_ids)
    worst = max(LEVELS.index(alert.level) for alert in chosen)
    order = LEVELS.index(level) if level else worst
    first = max(chosen, key=lambda alert: (alert.level_order, alert.last_seen))
    incident = Incident(
        id=ids.next_id(desk.session, "SC", desk.now),
        agency=first.agency,
        title=(title or first.title.get(desk.access.language) or first.title.get("vi") or first.rule_id)[:512],
        level=LEVELS[order],
        level_order=order,
        state="open",
        coordinator_id=desk.access.user_id,
        first_seen=min(alert.first_seen for alert in chosen),
        last_seen=max(alert.last_seen for alert in chosen),
        created_at=desk.now,
        search_text="",
        revision=0,
    )
    desk.session.add(incident)
    desk.session.flush()
    _link(desk, incident, chosen)
    record(desk, incident, "created", None, None, {"state": "open"})
    matters.incident_opened(desk.session, incident, desk.now)
    return incident


def take(desk: Desk, incident_id: str, revision: int | None = None) -> Incident:
    incident = desk.session.get(Incident, incident_id, with_for_update=True)
    if incident is None or not desk.scope.sees(incident.agency):
        raise Unseen
    if revision is not None and revision != incident.revision:
        raise Stale(incident.revision)
    return incident


def add_alerts(desk: Desk, incident: Incident, alert_ids: Sequence[str]) -> None:
    if incident.state == "closed":
        raise WrongState("Sự cố đã đóng.", "The incident is closed.")
    chosen = _alerts(desk, alert_ids, incident)
    incident.first_seen = min(incident.first_seen, *(alert.first_seen for alert in chosen))
    incident.last_seen = max(incident.last_seen, *(alert.last_seen for alert in chosen))
    _link(desk, incident, chosen)
    record(desk, incident, "linked", None, None, {"alerts": [alert.id for alert in chosen]})


def set_state(desk: Desk, incident: Incident, state: IncidentState, text: str | None) -> None:
    here, there = STATES.index(incident.state), STATES.index(state)
    if here == there:
        raise WrongState("Sự cố đang ở trạng thái này.", "The incident is in this state.")
    if there < here and state != "investigating":
        raise WrongState("Chỉ có thể quay lại trạng thái đang xác minh.", "Back only to investigating.")
    before = incident.state
    incident.state = state
    incident.closed_at = desk.now if state == "closed" else None
    act = "closed" if state == "closed" else "reopened" if before == "closed" else "moved"
    record(desk, incident, act, text, {"state": before}, {"state": state})
    if state in ("resolved", "closed") and before not in ("resolved", "closed"):
        matters.incident_over(desk.session, incident, desk.now)


def note(desk: Desk, incident: Incident, text: str) -> None:
    record(desk, incident, "noted", text, None, None)


def page(
    session: Session, scope: Scope, *, state: str, q: str, agency: str, limit: int, cursor: str
) -> shapes.Listed[shapes.IncidentShort]:
    conditions: list[ColumnElement[bool]] = [inside(Incident.agency, scope)]
    if state == "open":  # as on the alert queue: what still needs somebody
        conditions.append(Incident.state != "closed")
    elif state not in ("", "all"):
        conditions.append(Incident.state == state)
    if agency:
        conditions.append(Incident.agency == agency)
    conditions += [spoken(Incident, word) for word in q.split()[:10]]
    keys = [Key(Incident.last_seen, down=True), Key(Incident.id, down=True)]
    found = select(Incident).where(*conditions)
    if cursor:
        found = found.where(after(keys, cursor))
    rows = session.scalars(found.order_by(*(key.order() for key in keys)).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    numbers = dict(
        session.execute(
            select(Alert.incident_id, func.count())
            .where(Alert.incident_id.in_([row.id for row in rows]))
            .group_by(Alert.incident_id)
        ).all()
    )
    people = names(session, {row.coordinator_id for row in rows})
    deliveries = deliveries_of(session, [row.id for row in rows])
    systems = systems_named(session, rows)
    return shapes.Listed[shapes.IncidentShort](
        items=[
            shapes.IncidentShort(**_short(row, people, numbers.get(row.id, 0), deliveries.get(row.id), systems))
            for row in rows
        ],
        next=cursor_of(keys, rows[-1]) if more else None,
        total=session.scalar(select(func.count()).select_from(Incident).where(*conditions)) or 0,
    )


def find(session: Session, scope: Scope, incident_id: str) -> Incident | None:
    incident = session.get(Incident, incident_id)
    return incident if incident is not None and scope.sees(incident.agency) else None


def show(session: Session, incident: Incident) -> shapes.Incident:
    rows = session.scalars(
        select(Alert).where(Alert.incident_id == incident.id).order_by(Alert.first_seen).limit(ALERTS_AT_ONCE)
    ).all()
    found = session.scalars(
        select(Indicator).where(Indicator.incident_id == incident.id).order_by(Indicator.type, Indicator.value)
    )
    total = session.scalar(select(func.count()).where(Alert.incident_id == incident.id)) or 0
    return shapes.Incident(
        **_short(incident, names(session, {incident.coordinator_id}), total, delivery_of(session, incident.id),
                 systems_named(session, [incident])),
        alerts=[
            shapes.IncidentAlert.model_construct(
                id=row.id, title=shapes.Texts(**row.title), level=row.level, status=row.status, count=row.count,
                first_seen=rfc3339(row.first_seen), last_seen=rfc3339(row.last_seen),
            )
            for row in rows
        ],
        indicators=[shapes.IndicatorShape(type=row.type, value=row.value, tlp=row.tlp) for row in found],
        words=words_of(session, incident.id),
    )  # fmt: skip


def _short(
    row: Incident, people: dict[int, str], alerts_count: int, delivery: shapes.Delivery | None,
    systems: dict[str, shapes.SystemRef],
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": row.id,
        "agency": row.agency,
        "title": row.title,
        "level": row.level,
        "state": row.state,
        "coordinator": shapes.Person(id=row.coordinator_id, name=people.get(row.coordinator_id, "")),
        "first_seen": rfc3339(row.first_seen),
        "last_seen": rfc3339(row.last_seen),
        "created_at": rfc3339(row.created_at),
        "closed_at": rfc3339(row.closed_at) if row.closed_at is not None else None,
        "alerts_count": alerts_count,
        "delivery": delivery,
        "system": systems.get(row.system_id or ""),
        "revision": row.revision,
    }


def _alerts(desk: Desk, alert_ids: Sequence[str], incident: Incident | None = None) -> list[Alert]:
    """The alerts, all seen by this scope, all of one agency, none in another incident."""
    wanted = list(dict.fromkeys(alert_ids))
    if not wanted or len(wanted) > ALERTS_AT_ONCE:
        raise Invalid("alert_ids", f"Cần từ 1 đến {ALERTS_AT_ONCE} cảnh báo.", f"1 to {ALERTS_AT_ONCE} alerts.")
    chosen = [alerts.take(desk, alert_id) for alert_id in wanted]
    agency = incident.agency if incident else chosen[0].agency
    if any(alert.agency != agency for alert in chosen):
        raise Invalid("alert_ids", "Các cảnh báo phải thuộc cùng một đơn vị.", "The alerts must be of one agency.")
    here = incident.id if incident else None
    taken = [alert for alert in chosen if alert.incident_id not in (None, here)]
    if taken:
        raise WrongState(
            f"Cảnh báo {taken[0].id} đã thuộc sự cố {taken[0].incident_id}.",
            f"Alert {taken[0].id} belongs to incident {taken[0].incident_id}.",
        )
    return [alert for alert in chosen if alert.incident_id is None] or chosen


def _link(desk: Desk, incident: Incident, chosen: Sequence[Alert]) -> None:
    for alert in chosen:
        if alert.incident_id != incident.id:
            alerts.with_record(desk, alert, "linked", None, lambda a=alert: setattr(a, "incident_id", incident.id))  # type: ignore[misc]
    add_indicators(desk.session, incident.id, [alert.id for alert in chosen])
    desk.session.flush()
    naming.name_incident(desk.session, incident)
    found = desk.session.scalars(select(Indicator.value).where(Indicator.incident_id == incident.id))
    parts = [incident.id, incident.title, incident.agency, *found, *(alert.id for alert in chosen)]
    incident.search_text = search_text([*parts, *incident.search_text.split()])


def record(
    desk: Desk,
    incident: Incident,
    act: str,
    text: str | None,
    before: dict[str, Any] | None,
    now: dict[str, Any] | None,
) -> None:
    access = desk.access
    incident.revision += 1
    desk.session.add(
        History(
            kind="incident",
            object_id=incident.id,
            at=desk.now,
            actor_id=access.user_id if access else None,
            actor_name=access.name if access else "",
            act=act,
            before=before,
            after=now,
            note=text or None,
        )
    )
    if access:
        desk.audit.record(desk.session, access.actor, f"incident.{act}", incident.id, agency=incident.agency)
    keep.sync(desk.session, desk.bell, incident, desk.now)  # every act may set off, move or end a deadline
    changed(
        desk.session, desk.bell, "incident", incident.id, agency=incident.agency, revision=incident.revision,
        now=desk.now, created=act == "created",
    )  # fmt: skip
