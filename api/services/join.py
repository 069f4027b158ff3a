"""An outage and an attack on the same system are one incident: joined by the system, on record, undone by a person.

In:  outages that are open or ended within LATE_S. Out: the rule's alert of the outage (rules/services/service_down.yml
     raises it) is found; when an incident of the same system or host is open and was seen from HOUR_S before the outage
     to its end, the alert joins it, with a line in both histories. Where there is no incident yet, the high alerts of
     that system are named on the outage, and a person opens the incident with one press: an incident has a coordinator,
     and a machine cannot be one.
A link that a person took back (`undone`) is not made again. Bound: OUTAGES a run, RELATED alerts an outage.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from api.audit import THE_SYSTEM, Audit
from api.casework import alerts, incidents
from api.casework.alerts import Desk
from api.casework.changes import Bell, changed
from api.casework.errors import CaseError, WrongState
from api.state.cases import Alert, AlertEntity, Incident
from api.state.services import Outage, Service
from correlator.store.base import Scope

RULE = "27342ce4-1b74-4acd-97d7-ca1d0b342204"  # rules/services/service_down.yml; a test holds the two together
HOUR_S = 3_600.0
LATE_S = 3_600.0  # an incident may be opened after the outage
NEAR_S = 600.0  # how far apart the rule's alert and our outage may tell the time
OUTAGES, RELATED, CANDIDATES = 200, 20, 200
HIGH = 3  # LEVELS.index("high")
HOST_FIELDS = ("host.name", "destination.ip", "destination.domain", "url.domain", "tls.client.server_name")
NOTE = (
    "Hệ thống tự liên kết: cùng hệ thống, gián đoạn trong lúc có tấn công ({service}). / "
    "Linked by the system: same system, outage during attack ({service})."
)


def waiting(session: Session, now: float) -> bool:
    return session.scalar(_pending(now).with_only_columns(Outage.id).limit(1)) is not None


def _pending(now: float):  # type: ignore[no-untyped-def]  # noqa: ANN202  # a Select of rows
    return select(Outage).where(
        Outage.incident_id.is_(None), Outage.undone.is_(False), or_(Outage.until.is_(None), Outage.until > now - LATE_S)
    )


def run(session: Session, audit: Audit, bell: Bell, now: float) -> int:
    """Look at each outage that may still join; how many did."""
    joined = 0
    for outage in session.scalars(_pending(now).order_by(Outage.since.desc()).limit(OUTAGES)):
        service = session.get_one(Service, outage.service_id)
        alert = _alert_of(session, service, outage, now)
        if alert is None or alert.status == "closed":
            continue
        if alert.incident_id is not None:  # a person was faster
            outage.incident_id, outage.joined_at = alert.incident_id, now
            continue
        others = _attacks(session, service, outage, alert, now)
        incident = _incident(session, service, outage, others, now)
        if incident is not None:
            joined += _join(session, audit, bell, service, outage, alert, incident, now)
            continue
        named = [other.id for other in others if other.incident_id is None][:RELATED]
        if named != outage.related:
            outage.related = named
            _say(session, bell, service, now)
    return joined


def undo(desk: Desk, outage: Outage) -> None:
    """A person takes the link back; alert and incident say so, and it is not made again."""
    assert desk.access is not None
    if outage.undone or outage.incident_id is None or outage.alert_id is None:
        raise WrongState("Gián đoạn này không được liên kết.", "This outage is not linked.")
    alert = alerts.take(desk, outage.alert_id)
    incident = incidents.take(desk, outage.incident_id)
    if alert.incident_id == incident.id:
        alerts.with_record(desk, alert, "unlinked", None, lambda: setattr(alert, "incident_id", None))
        incidents.record(desk, incident, "unlinked", None, {"alerts": [alert.id]}, None)
    outage.undone, outage.incident_id = True, None
    service = desk.session.get_one(Service, outage.service_id)
    _say(desk.session, desk.bell, service, desk.now)


def _alert_of(session: Session, service: Service, outage: Outage, now: float) -> Alert | None:
    if outage.alert_id is not None:
        return session.get(Alert, outage.alert_id)
    alert = session.scalar(
        select(Alert)
        .where(
            Alert.agency == outage.agency, Alert.rule_id == RULE, Alert.group_key == f"service.id={service.key}",
            Alert.last_seen >= outage.since - NEAR_S, Alert.first_seen <= (outage.until or now) + NEAR_S,
        )
        .order_by(Alert.last_seen.desc())
    )  # fmt: skip
    if alert is not None:
        outage.alert_id = alert.id
        if alert.system_id is None and service.system_id is not None:
            alert.system_id, alert.grade = service.system_id, service.grade
    return alert


def _same(service: Service) -> list[ColumnElement[bool]]:
    """Conditions by which an alert is of this service's system or host."""
    same: list[ColumnElement[bool]] = []
    if service.system_id is not None:
        same.append(Alert.system_id == service.system_id)
    values = [value for value in (service.host, service.address) if value]
    if values:
        same.append(
            Alert.id.in_(
                select(AlertEntity.alert_id).where(AlertEntity.field.in_(HOST_FIELDS), AlertEntity.value.in_(values))
            )
        )
    return same


def _attacks(session: Session, service: Service, outage: Outage, own: Alert, now: float) -> Sequence[Alert]:
    """Alerts of the same system around the outage that are no service's own: high ones, or in an incident."""
    same = _same(service)
    if not same:
        return []
    return session.scalars(
        select(Alert)
        .where(
            Alert.agency == outage.agency, Alert.id != own.id, Alert.rule_id != RULE, or_(*same),
            Alert.status != "closed", Alert.last_seen >= outage.since - HOUR_S,
            Alert.first_seen <= (outage.until or now), or_(Alert.level_order >= HIGH, Alert.incident_id.is_not(None)),
        )
        .order_by(Alert.level_order.desc(), Alert.last_seen.desc())
        .limit(CANDIDATES)
    ).all()  # fmt: skip


def _incident(
    session: Session, service: Service, outage: Outage, others: Sequence[Alert], now: float
) -> Incident | None:
    """The open incident of the same system, or that holds one of those alerts; the newest when there are several."""
    ways: list[ColumnElement[bool]] = []
    if service.system_id is not None:
        ways.append(Incident.system_id == service.system_id)
    held = {other.incident_id for other in others if other.incident_id is not None}
    if held:
        ways.append(Incident.id.in_(held))
    if not ways:
        return None
    return session.scalar(
        select(Incident)
        .where(
            Incident.agency == outage.agency, Incident.state.not_in(("closed", "resolved")), or_(*ways),
            Incident.last_seen >= outage.since - HOUR_S, Incident.first_seen <= (outage.until or now),
        )
        .order_by(Incident.last_seen.desc())
    )  # fmt: skip


def _join(
    session: Session, audit: Audit, bell: Bell, service: Service, outage: Outage, alert: Alert, incident: Incident,
    now: float,
) -> int:  # fmt: skip
    desk = Desk(session, Scope(frozenset({outage.agency})), None, audit, bell, now)
    try:
        incidents.add_alerts(desk, incident, [alert.id])
    except CaseError:
        return 0  # somebody closed it between two reads: it stays as it is
    incidents.note(desk, incident, NOTE.format(service=service.name))
    audit.record(session, THE_SYSTEM, "service.joined", incident.id, agency=outage.agency,
                 detail={"service": service.id, "outage": outage.id, "alert": alert.id})  # fmt: skip
    outage.incident_id, outage.joined_at, outage.related = incident.id, now, []
    _say(session, bell, service, now)
    return 1


def _say(session: Session, bell: Bell, service: Service, now: float) -> None:
    service.revision += 1
    changed(session, bell, "service", service.id, agency=service.agency, revision=service.revision, now=now)
