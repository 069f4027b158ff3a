"""Whether an incident touches a system marked state-secret: then no document leaves the node by this way.

In:  the incident, and the names that `[federation] secret` lists. Fails closed: an alert whose list of one kind of
entity is full may hide a name, so it counts as touching when there are names to look for.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework.hits import ENTITY_LIMIT
from api.inventory import naming
from api.state.cases import Alert, AlertEntity, Incident


def touches(session: Session, incident: Incident, names: Sequence[str] = ()) -> bool:
    if naming.marked_incident(session, incident):
        return True
    if not names:
        return False
    mine = select(Alert.id).where(Alert.incident_id == incident.id)
    wanted = {name.casefold() for name in names}
    entities = session.scalars(select(AlertEntity.value).where(AlertEntity.alert_id.in_(mine)).distinct())
    if any(value.casefold() in wanted for value in entities):
        return True
    full = (
        select(AlertEntity.alert_id).where(AlertEntity.alert_id.in_(mine))
        .group_by(AlertEntity.alert_id, AlertEntity.field).having(func.count() >= ENTITY_LIMIT)
    )  # fmt: skip
    return session.scalar(full.limit(1)) is not None
