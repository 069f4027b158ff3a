"""What an agency's inventory says upwards and to overviews: its systems, whether each is sensed, since when it is
silent.

From rows that a job keeps (api/inventory/seen.py), never from a search. Systems marked state-secret are not in it, nor
is anything that says how many they are. Bound: SYSTEMS.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.inventory.seen import WINDOW_S
from api.state.inventory import System
from api.state.inventory_seen import SystemSeen
from sensors.clock import rfc3339

SYSTEMS = 2_000


def summary(session: Session, agency: str, now: float) -> list[dict[str, Any]]:
    rows = session.execute(
        select(System, SystemSeen.last_data_at)
        .outerjoin(SystemSeen, SystemSeen.system_id == System.id)
        .where(System.agency == agency, System.retired_at.is_(None), System.secret.is_(False))
        .order_by(System.id)
        .limit(SYSTEMS)
    )
    return [
        {
            "id": system.id, "name": system.name, "kind": system.kind, "grade": system.grade,
            "sensed": last is not None and last > now - WINDOW_S,
            "last_data_at": rfc3339(last) if last is not None else None,
        }
        for system, last in rows
    ]  # fmt: skip
