"""What a node says of its services to the centre: states and figures; no host, no URL, nothing of secret systems."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.services.days import since_days
from api.services.minutes import Count, availability
from api.services.show import state_of
from api.state.inventory import System
from api.state.services import Service
from sensors.clock import rfc3339

SERVICES = 2_000
DAYS = 30


def summary(session: Session, agency: str, now: float) -> list[dict[str, Any]]:
    """`id` is the probe's name of the service (what the centre's own probe calls it too)."""
    rows = session.execute(
        select(Service, System)
        .outerjoin(System, System.id == Service.system_id)
        .where(Service.agency == agency, Service.retired_at.is_(None))
        .order_by(Service.key)
        .limit(SERVICES)
    ).all()
    told = since_days(session, [service.id for service, _ in rows], DAYS, now)
    out = []
    for service, system in rows:
        if system is not None and system.secret:
            continue
        base = told.get(service.id, Count())
        share = availability(base.watched, base.down)
        ends = service.certificate_expires_at
        out.append(
            {
                "id": service.key,
                "name": service.name,
                "system": system.name if system is not None else "",
                "kind": service.kind,
                "grade": service.grade,
                "state": state_of(service),
                "since": rfc3339(service.since),
                "availability_30d": round(share, 6) if share is not None else None,
                "minutes_watched_30d": base.watched,
                "minutes_lost_30d": base.down,
                "latency_ms": service.latency_ms,
                "certificate_expires_at": rfc3339(ends) if ends is not None else None,
                "checked_at": rfc3339(service.checked_at),
            }
        )
    return out
