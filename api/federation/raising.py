"""Raising: an item goes into the outbox in the very transaction that changes the incident or makes the alert.

Each raise is a new revision of the item with the next sequence. An earlier revision that still waits stays in its
place: the centre gets the whole history in order, and a sequence without holes is what makes a lost item visible.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework.changes import Bell, changed
from api.federation import item as items
from api.federation.config import FederationTable
from api.shapes import LEVELS
from api.state.cases import Alert, Incident
from api.state.federation import Outgoing
from sensors.clock import rfc3339
from sensors.errors import LuytreError, Problem


def raise_incident(session: Session, incident: Incident, now: float, bell: Bell, *, note: str = "",
                   exercise: bool = False) -> Outgoing:  # fmt: skip
    return _put(session, "incident", incident.id, items.of_incident(session, incident), now, bell, note, exercise)


def raise_alert(session: Session, alert: Alert, now: float, bell: Bell, *, note: str = "",
                exercise: bool = False) -> Outgoing:  # fmt: skip
    return _put(session, "alert", alert.id, items.of_alert(session, alert), now, bell, note, exercise)


def policy_of(table: FederationTable, bell: Bell, *, exercise: bool) -> Callable[[Session, Alert, float], None] | None:
    """What raises alerts by itself, for casework to call as alerts appear or rise; None when nothing does."""
    if not (table.upstream and table.raise_level):
        return None
    least = LEVELS.index(table.raise_level)

    def policy(session: Session, alert: Alert, now: float) -> None:
        # An alert of an incident is told with the incident, by a person.
        if alert.level_order >= least and alert.incident_id is None:
            raise_alert(session, alert, now, bell, exercise=exercise)

    return policy


def last_of(session: Session, ref: str) -> Outgoing | None:
    return session.scalar(select(Outgoing).where(Outgoing.ref == ref).order_by(Outgoing.id.desc()).limit(1))


def _put(session: Session, kind: str, ref: str, body: dict[str, Any], now: float, bell: Bell, note: str,
         exercise: bool) -> Outgoing:  # fmt: skip
    before = last_of(session, ref)
    revision = before.item_revision + 1 if before else 1
    sequence = (session.scalar(select(func.max(Outgoing.sequence))) or 0) + 1
    item = body | {"schema": items.SCHEMA, "revision": revision, "sequence": sequence, "raised_at": rfc3339(now)}
    if note:
        item["note"] = note[:10_000]
    if exercise:
        item["exercise"] = True
    wrong = items.wrong_with(item)
    if wrong:
        raise LuytreError(Problem("LT-F0101", f"mục báo cáo không đúng khuôn dạng: {wrong}", f"not an item: {wrong}"))
    row = Outgoing(sequence=sequence, item_id=body["id"], item_revision=revision, kind=kind, ref=ref,
                   agency=body["agency"], body=items.canonical(item), state="waiting", queued_at=now,
                   attempts=0)  # fmt: skip
    session.add(row)
    session.flush()
    changed(session, bell, "delivery", ref, agency=row.agency, revision=revision, now=now, created=True)
    return row
