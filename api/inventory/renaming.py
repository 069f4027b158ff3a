"""When the inventory changes, what is open is named again: alerts first, then the incidents that they belong to.

A walk over an agency's open alerts by id, AT_ONCE a transaction, A_RUN a run of the job; its place (`Naming.cursor`)
moves in the same transaction, so a restart goes on where it was. A change during a walk begins another one afterwards.
Closed alerts keep the name that they had.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework.changes import Bell, changed
from api.inventory import naming
from api.state.base import Database
from api.state.cases import Alert, AlertEntity, Incident
from api.state.inventory_seen import Naming

AT_ONCE = 200
A_RUN = 5_000


def run(db: Database, bell: Bell, now: float) -> tuple[int, int]:
    """(alerts looked at, alerts named anew)"""
    looked = moved = 0
    while looked < A_RUN:
        with db.read() as session:
            agency = session.scalar(select(Naming.agency).where(Naming.revision > Naming.named).limit(1))
        if agency is None:
            break
        with db.write() as session:
            some, anew = step(session, bell, agency, now)
        looked, moved = looked + max(some, 1), moved + anew
    return looked, moved


def step(session: Session, bell: Bell, agency: str, now: float) -> tuple[int, int]:
    place = session.get_one(Naming, agency)
    if not place.cursor:
        place.doing = place.revision
    alerts = session.scalars(
        select(Alert)
        .where(Alert.agency == agency, Alert.status != "closed", Alert.id > place.cursor)
        .order_by(Alert.id)
        .limit(AT_ONCE)
    ).all()
    entities: dict[str, list[tuple[str, str]]] = {}
    rows = session.execute(
        select(AlertEntity.alert_id, AlertEntity.field, AlertEntity.value)
        .where(AlertEntity.alert_id.in_([alert.id for alert in alerts]))
        .order_by(AlertEntity.alert_id, AlertEntity.field, AlertEntity.value)
    )
    for alert_id, path, value in rows:
        entities.setdefault(alert_id, []).append((path, value))
    moved = naming.name_alerts(session, [(alert, entities.get(alert.id, [])) for alert in alerts])
    for alert in moved:
        alert.revision += 1
        changed(session, bell, "alert", alert.id, agency=agency, revision=alert.revision, now=now)
    for incident_id in {alert.incident_id for alert in moved if alert.incident_id}:
        incident = session.get(Incident, incident_id)
        if incident is not None and incident.state != "closed" and naming.name_incident(session, incident):
            incident.revision += 1
            changed(session, bell, "incident", incident.id, agency=agency, revision=incident.revision, now=now)
    if len(alerts) < AT_ONCE:
        place.named, place.cursor = place.doing, ""
    else:
        place.cursor = alerts[-1].id
    return len(alerts), len(moved)
