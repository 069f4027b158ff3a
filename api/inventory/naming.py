"""Which information system something is about: from the hosts, addresses and names that it met, at its time.

In:  entities as alerts have them, (field, value). Out: the System, or None.
The choice is deterministic: what it happened to (host, destination, the name asked for) before where it came from
(source), then what was only looked up; among equals the highest grade, then the oldest system. A system retired before
the event is not named.
Bound: a page of alerts costs, per agency, one query per IN_ONE values, one for networks, one for systems; nothing at
all where the agency has no inventory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework import priority
from api.casework.hits import ENTITY_LIMIT
from api.inventory import values
from api.inventory.addresses import IN_ONE, known
from api.state.cases import Alert, AlertEntity, Incident
from api.state.inventory import System

# field → how near to what was hit: 0 the thing itself, 1 the other side, 2 only spoken of.
RANKS: dict[str, int] = {
    "luytre.probe.system": 0, "host.name": 0, "host.hostname": 0, "host.ip": 0, "winlog.computer_name": 0,
    "destination.ip": 0, "destination.domain": 0, "server.ip": 0, "server.domain": 0, "url.domain": 0, "url.full": 0,
    "tls.client.server_name": 0, "service.id": 0, "service.name": 0,
    "source.ip": 1, "source.domain": 1, "client.ip": 1, "client.domain": 1,
    "dns.question.name": 2,
}  # fmt: skip
_HOSTS = frozenset(("host.name", "host.hostname", "winlog.computer_name"))
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Asked:
    agency: str
    entities: Sequence[tuple[str, str]]
    at: float


def system_of(session: Session, agency: str, entities: Iterable[tuple[str, str]], at: float) -> System | None:
    return systems_of(session, {"": Asked(agency, list(entities), at)})[""]


def systems_of(session: Session, asked: dict[Key, Asked]) -> dict[Key, System | None]:
    out: dict[Key, System | None] = dict.fromkeys(asked)
    for agency in {one.agency for one in asked.values()}:
        # A system without an address may still be named by its id (luytre.probe.system).
        if session.scalar(select(System.id).where(System.agency == agency).limit(1)) is None:
            continue
        here = {key: one for key, one in asked.items() if one.agency == agency}
        found = known(session, agency, (word for one in here.values() for f, v in one.entities for word in words(f, v)))
        ways: dict[Key, list[tuple[int, str]]] = {}
        for key, one in here.items():
            for path, value in one.entities:
                if path == "luytre.probe.system":
                    ways.setdefault(key, []).append((0, value[:24]))
                for word in words(path, value):
                    ways.setdefault(key, []).extend(
                        (RANKS[path], held.system_id) for held in found.at(word, one.at) if held.system_id
                    )
        systems = _systems(session, agency, {system_id for several in ways.values() for _, system_id in several})
        for key, several in ways.items():
            at = here[key].at
            living = [
                (rank, -(system.grade or 0), system.id)
                for rank, system_id in several
                if (system := systems.get(system_id)) and (system.retired_at is None or at < system.retired_at)
            ]
            out[key] = systems[min(living)[2]] if living else None
    return out


def words(path: str, value: str) -> list[str]:
    """The canonical values by which an entity may be in the inventory, the best first."""
    if path not in RANKS:
        return []
    try:
        kind, word = values.canonical(value)
    except ValueError:
        return []
    if kind == "network":
        return []
    # A machine says its own name with or without the domain; another's name is never cut.
    short = word.partition(".")[0]
    return [word, short] if path in _HOSTS and kind == "name" and short != word else [word]


def name_alerts(session: Session, asked: Sequence[tuple[Alert, Sequence[tuple[str, str]]]]) -> list[Alert]:
    """Set system, grade and priority of these alerts; returns those that changed."""
    found = systems_of(session, {alert.id: Asked(alert.agency, entities, alert.last_seen) for alert, entities in asked})
    moved = []
    for alert, _ in asked:
        system = found[alert.id]
        before = (alert.system_id, alert.grade, alert.priority)
        alert.system_id, alert.grade = (system.id, system.grade) if system else (None, None)
        alert.priority = priority.points(alert.level_order, alert.grade)
        if before != (alert.system_id, alert.grade, alert.priority):
            moved.append(alert)
    return moved


def name_incident(session: Session, incident: Incident) -> bool:
    """The highest-graded system of its alerts, of equals the one that was met first; whether that changed it."""
    session.flush()
    row = session.execute(
        select(Alert.system_id, Alert.grade)
        .where(Alert.incident_id == incident.id, Alert.system_id.is_not(None))
        .order_by(Alert.grade.is_(None), Alert.grade.desc(), Alert.first_seen, Alert.id)
        .limit(1)
    ).first()
    before = (incident.system_id, incident.grade)
    incident.system_id, incident.grade = (row.system_id, row.grade) if row else (None, None)
    return before != (incident.system_id, incident.grade)


def secrets_met(session: Session, agency: str, entities: Iterable[tuple[str, str]]) -> bool:
    """Whether any of these belongs, or ever belonged, to a system marked state-secret: time is not asked, a value in
    doubt counts. Fails closed."""
    marked = set(session.scalars(select(System.id).where(System.agency == agency, System.secret.is_(True))))
    if not marked:
        return False
    several = list(entities)
    if any(path == "luytre.probe.system" and value in marked for path, value in several):
        return True
    found = known(session, agency, (word for path, value in several for word in words(path, value)))
    met = (held for path, value in several for word in words(path, value) for held in found.ever(word))
    return any(held.system_id in marked for held in met)


def marked_alert(session: Session, alert: Alert) -> bool:
    """Whether an alert concerns a system marked state-secret: the one it names, or any that it met. Fails closed: a
    full list of one kind of entity may hide one."""
    system = session.get(System, alert.system_id) if alert.system_id else None
    if system is not None and system.secret:
        return True
    if not has_secrets(session, alert.agency):
        return False
    met = session.execute(select(AlertEntity.field, AlertEntity.value).where(AlertEntity.alert_id == alert.id)).all()
    counts = Counter(field for field, _ in met)
    full = any(number >= ENTITY_LIMIT for number in counts.values())
    return full or secrets_met(session, alert.agency, [(field, value) for field, value in met])


def marked_incident(session: Session, incident: Incident) -> bool:
    system = session.get(System, incident.system_id) if incident.system_id else None
    if system is not None and system.secret:
        return True
    if not has_secrets(session, incident.agency):
        return False
    alerts = session.scalars(select(Alert).where(Alert.incident_id == incident.id))
    return any(marked_alert(session, alert) for alert in alerts)


def has_secrets(session: Session, agency: str) -> bool:
    found = select(System.id).where(System.agency == agency, System.secret.is_(True)).limit(1)
    return session.scalar(found) is not None


def _systems(session: Session, agency: str, ids: set[str]) -> dict[str, System]:
    found: dict[str, System] = {}
    several = sorted(ids)
    for start in range(0, len(several), IN_ONE):
        rows = session.scalars(
            select(System).where(System.agency == agency, System.id.in_(several[start : start + IN_ONE]))
        )
        found |= {row.id: row for row in rows}
    return found
