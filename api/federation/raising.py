"""Raising: an item goes into the outbox in the very transaction that changes the incident or makes the alert.

Each raise is a new revision of the item with the next sequence. An earlier revision that still waits stays before it:
the centre gets the whole history in order, and a sequence without holes is what makes a lost item visible. What waits
goes up in order of urgency (order.py).
Raising what has not changed since it was last raised (a double click, a replay) changes nothing.
What a system marked state-secret produces never gets here: the inventory marks such systems, `secret` of the
configuration names more; it fails closed, so an alert whose list of one kind of entity is full (and may hide one) stays
too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from api.audit import THE_SYSTEM, Audit
from api.casework.changes import Bell, changed
from api.casework.errors import WrongState
from api.casework.hits import ENTITY_LIMIT
from api.federation import item as items
from api.federation import order
from api.federation.config import FederationTable
from api.inventory import naming
from api.inventory.addresses import IN_ONE
from api.shapes import LEVELS
from api.state.cases import Alert, AlertEntity, Incident
from api.state.federation import Outgoing
from api.state.inventory import System
from sensors.clock import rfc3339

NOTE = 10_000
_OF_THE_RAISE = {"revision", "sequence", "raised_at", "lead"}


def raise_incident(session: Session, incident: Incident, now: float, bell: Bell, *, note: str = "",
                   exercise: bool = False, secret: Sequence[str] = (),
                   lead: Mapping[str, object] | None = None) -> Outgoing:  # fmt: skip
    alerts = session.scalars(select(Alert.id).where(Alert.incident_id == incident.id)).all()
    _hold_back(session, alerts, secret)
    return _put(session, "incident", incident.id, items.of_incident(session, incident), now, bell, note, exercise,
                lead)  # fmt: skip


def raise_alert(session: Session, alert: Alert, now: float, bell: Bell, *, note: str = "",
                exercise: bool = False, secret: Sequence[str] = (), test: bool = False) -> Outgoing:  # fmt: skip
    _hold_back(session, [alert.id], secret)
    body = items.of_alert(session, alert) | ({"test": True} if test else {})
    return _put(session, "alert", alert.id, body, now, bell, note, exercise)


def policy_of(
    table: FederationTable, bell: Bell, audit: Audit, *, exercise: bool
) -> Callable[[Session, Alert, float], None] | None:
    """What raises alerts by itself, for casework to call as alerts appear or rise; None when nothing does."""
    if not (table.upstream and table.raise_level):
        return None
    least = LEVELS.index(table.raise_level)

    def policy(session: Session, alert: Alert, now: float) -> None:
        # An alert of an incident is told with the incident, by a person.
        if alert.level_order < least or alert.incident_id is not None:
            return
        try:
            raise_alert(session, alert, now, bell, exercise=exercise, secret=table.secret)
        except WrongState as error:
            # Casework runs this while it folds: an alert that can't be raised is on record, and must not stop the rest.
            audit.record(session, THE_SYSTEM, "alert.raised", alert.id, agency=alert.agency, outcome="refused",
                         detail={"reason": error.en[:300]})  # fmt: skip

    return policy


def hold_back(session: Session, kind: str, ref: str, secret: Sequence[str]) -> None:
    """WrongState when what was raised once may not be raised now."""
    of = select(Alert.id).where(Alert.incident_id == ref if kind == "incident" else Alert.id == ref)
    _hold_back(session, session.scalars(of).all(), secret)


def last_of(session: Session, ref: str) -> Outgoing | None:
    return session.scalar(select(Outgoing).where(Outgoing.ref == ref).order_by(Outgoing.id.desc()).limit(1))


def _put(session: Session, kind: str, ref: str, body: dict[str, Any], now: float, bell: Bell, note: str,
         exercise: bool, lead: Mapping[str, object] | None = None) -> Outgoing:  # fmt: skip
    before = last_of(session, ref)
    item = {"schema": items.SCHEMA, "marking": "none", **body}
    if note:
        item["note"] = note[:NOTE]
    if exercise:
        item["exercise"] = True
    if lead is not None:
        item["lead"] = dict(lead)  # an act of its own, also where the incident itself has not changed
    elif before is not None and before.state != "refused" and _same(before, item):
        return before
    sequence = (session.scalar(select(func.max(Outgoing.sequence))) or 0) + 1
    # A number may come back with a backup, and with it another object; its revisions begin anew.
    revision = before.item_revision + 1 if before is not None and before.item_id == item["id"] else 1
    item = items.fitted(item | {"revision": revision, "sequence": sequence, "raised_at": rfc3339(now)})
    wrong = items.wrong_with(item)
    if wrong:
        raise WrongState(f"Nội dung không báo cáo lên cấp trên được: {wrong}.", f"This cannot be raised: {wrong}.")
    row = Outgoing(sequence=sequence, item_id=item["id"], item_revision=revision, kind=kind, ref=ref,
                   agency=item["agency"], body=items.canonical(item), state="waiting", queued_at=now,
                   attempts=0, fixed=False, urgency=order.urgency(item))  # fmt: skip
    session.add(row)
    session.flush()
    if before is not None:
        order.hurry(session, row)
    changed(session, bell, "delivery", ref, agency=row.agency, revision=revision, now=now, created=True)
    return row


def _same(before: Outgoing, item: dict[str, Any]) -> bool:
    """Whether `before` already says all of it; a note of then needs no saying again."""
    told: dict[str, Any] = json.loads(before.body)
    unsaid = _OF_THE_RAISE if "note" in item else _OF_THE_RAISE | {"note"}
    return {key: told[key] for key in told.keys() - unsaid} == items.fitted(item)


def _hold_back(session: Session, alert_ids: Sequence[str], secret: Sequence[str]) -> None:
    """`secret`: names of the configuration; systems that the inventory marks count by their addresses and names."""
    wanted = {name.casefold() for name in secret}
    agencies: dict[str, bool] = {}
    for start in range(0, len(alert_ids), IN_ONE):
        chunk = alert_ids[start : start + IN_ONE]
        about = session.execute(
            select(Alert.agency, func.max(case((System.secret.is_(True), 1), else_=0)))
            .outerjoin(System, System.id == Alert.system_id)
            .where(Alert.id.in_(chunk))
            .group_by(Alert.agency)
        )
        for agency, marked in about:
            if marked:
                raise _held_back()
            if agency not in agencies:
                agencies[agency] = naming.has_secrets(session, agency)
        if not wanted and not any(agencies.values()):
            continue
        rows = session.execute(
            select(AlertEntity.alert_id, Alert.agency, AlertEntity.field, AlertEntity.value)
            .join(Alert, Alert.id == AlertEntity.alert_id)
            .where(AlertEntity.alert_id.in_(chunk))
        )
        met: dict[tuple[str, str], int] = {}
        entities: dict[str, set[tuple[str, str]]] = {}
        for alert_id, agency, path, value in rows:
            met[alert_id, path] = met.get((alert_id, path), 0) + 1
            if value.casefold() in wanted or met[alert_id, path] >= ENTITY_LIMIT:
                raise _held_back()
            entities.setdefault(agency, set()).add((path, value))
        for agency, several in entities.items():
            if agencies.get(agency) and naming.secrets_met(session, agency, several):
                raise _held_back()


def _held_back() -> WrongState:
    return WrongState(
        "Dữ liệu có thể thuộc hệ thống được đánh dấu bí mật nhà nước nên không được báo cáo qua mạng.",
        "This may come from a system marked state-secret, and is not raised over the network.",
    )
