"""What a node can say of one of its agencies: numbers and states, read from its own tables and processes.

In:  the Runtime, a read Session, the agency. Out: the parts of a report by name (report.json). Each part stands alone:
     one that cannot be made now (a store that is down) is left out and counted, the others still go.
What it never holds: names of machines, systems or people (the focal point is a setting), events, addresses.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.federation.config import settings
from api.health import process, processes
from api.runtime import VERSION, Runtime
from api.state.cases import Alert, Incident
from api.state.federation import Outgoing
from api.state.machines import Machine, MachineStream
from api.state.national import SelfTestRun
from api.state.people import Agency
from correlator.store.base import And, Is, Not, Query, Scope
from sensors.clock import parse_rfc3339, rfc3339
from sensors.errors import LuytreError

QUIET_S = 120.0  # as on the sensor screen: four heartbeats
ENDING_S = 7 * 86_400.0
SYSTEMS, TREE = 200, 5_000
OWN = ("luytre.heartbeat", "luytre.selftest")  # says that a sensor lives, not that it sees anything
Parts = dict[str, Any]


def parts_of(node: Runtime, session: Session, agency: str) -> tuple[Parts, list[str]]:
    """The parts, and the names of those that could not be made."""
    own = agency == node.node.agency
    wanted: dict[str, Callable[[Runtime, Session, str], Any]] = {
        "sensors": _sensors, "data": _data, "alerts": _alerts, "incidents": _incidents, "systems": _systems,
        "services": _services,
    }  # fmt: skip
    if own:
        wanted |= {"node": _node, "rules": _rules, "node_health": _health, "selftest": _selftest, "tree": _tree}
    parts: Parts = {}
    failed = []
    for name, make in wanted.items():
        try:
            found = make(node, session, agency)
        except (LuytreError, OSError, ValueError):
            failed.append(name)
            continue
        if found is not None:
            parts[name] = found
    return parts, failed


def agencies_here(node: Runtime, session: Session) -> list[str]:
    """The agencies that this node speaks for itself: its own, and those whose machines send to it."""
    senders = session.scalars(select(Machine.agency).where(Machine.role != "node").distinct().limit(200))
    return [node.node.agency, *sorted(set(senders) - {node.node.agency})]


def _node(node: Runtime, session: Session, agency: str) -> Parts:
    table = settings(node.config)
    found = {"version": VERSION, "name": node.node.name[:256], "contact": table.contact[:256]}
    return found | {"certificate_ends_at": _certificate_end(node.data / "keys" / "node.pem")}


def _certificate_end(path: Path) -> str | None:
    if not path.exists():
        return None
    return rfc3339(x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc.timestamp())


def _sensors(node: Runtime, session: Session, agency: str) -> Parts:
    now = node.clock.now()
    machines = session.scalars(
        select(Machine).where(Machine.agency == agency, Machine.role == "sensor", Machine.revoked_at.is_(None))
    ).all()
    roles: dict[str, dict[str, int]] = {}
    dropped = 0
    streams = session.execute(
        select(MachineStream)
        .join(Machine, Machine.id == MachineStream.machine_id)
        .where(Machine.agency == agency, Machine.role == "sensor", Machine.revoked_at.is_(None))
    ).scalars()
    speaking = set()
    for stream in streams:
        speaking.add(stream.machine_id)
        last = max(stream.last_data_at, stream.heartbeat_at or 0.0)
        of = roles.setdefault((stream.stream or "other")[:32], {"ok": 0, "quiet": 0, "never": 0})
        of["ok" if now - last < QUIET_S else "quiet"] += 1
        dropped += stream.dropped or 0
    if silent := [machine for machine in machines if machine.id not in speaking]:
        roles.setdefault("other", {"ok": 0, "quiet": 0, "never": 0})["never"] += len(silent)
    ends = [machine.certificate_expires_at for machine in machines if machine.certificate_expires_at]
    return {
        "machines": len(machines), "flagged": sum(machine.flagged for machine in machines), "dropped": dropped,
        "certificates_ending": sum(end - now < ENDING_S for end in ends), "roles": roles,
    }  # fmt: skip


def _data(node: Runtime, session: Session, agency: str) -> Parts:
    """Real data: an event that some source gave, not a sensor's own heartbeat or a self-test."""
    where = And(tuple(Not(Is("event.dataset", name)) for name in OWN))
    found = node.reader.search(
        Scope(frozenset((agency,))), Query(where, until=rfc3339(node.clock.now() + 3600.0), size=1)
    )
    at = parse_rfc3339(str(found.events[0].get("event", {}).get("ingested") or "")) if found.events else None
    if at is None and found.events:
        at = parse_rfc3339(str(found.events[0].get("@timestamp") or ""))
    total = session.scalar(
        select(func.sum(MachineStream.events_total))
        .join(Machine, Machine.id == MachineStream.machine_id)
        .where(Machine.agency == agency)
    )
    # An event that says it is of tomorrow shows no more than that data came now.
    return {"last_at": None if at is None else rfc3339(min(at, node.clock.now())), "events_total": int(total or 0)}


def _alerts(node: Runtime, session: Session, agency: str) -> Parts:
    here = (Alert.agency == agency, Alert.status != "closed")
    levels = session.execute(select(Alert.level, func.count()).where(*here).group_by(Alert.level))
    return {
        "open": {level: number for level, number in levels},  # noqa: C416
        "unclaimed": session.scalar(select(func.count()).where(*here, Alert.assignee_id.is_(None))) or 0,
        "oldest_at": _time(session.scalar(select(func.min(Alert.created_at)).where(*here))),
    }


def _incidents(node: Runtime, session: Session, agency: str) -> Parts:
    here = (Incident.agency == agency, Incident.state != "closed")
    states = session.execute(select(Incident.state, func.count()).where(*here).group_by(Incident.state))
    return {
        "by_state": {state: number for state, number in states},  # noqa: C416
        "oldest_at": _time(session.scalar(select(func.min(Incident.created_at)).where(*here))),
    }


def _rules(node: Runtime, session: Session, agency: str) -> Parts | None:
    rules = [rule for body in processes(node.data) for rule in body.get("rules") or () if isinstance(rule, dict)]
    if not rules:
        return None
    refused = sum(rule.get("state") == "refused" for rule in rules)
    disabled = sum(rule.get("state") == "disabled" for rule in rules)
    return {"running": len(rules) - refused - disabled, "refused": refused}


def _health(node: Runtime, session: Session, agency: str) -> Parts:
    said = process(node.data, "correlator")
    lag = said.get("lag_s")
    casework = node.counters["casework"]().get("lag_s") if "casework" in node.counters else None
    used, free = node.writer.usage_bytes(), shutil.disk_usage(node.data).free
    first = session.scalar(select(func.min(MachineStream.first_data_at)))
    days = max((node.clock.now() - first) / 86_400.0, 0.05) if first else 0.0
    rate = used / days if days else 0.0
    waiting = select(func.count()).select_from(Outgoing).where(Outgoing.state.in_(("waiting", "sent")))
    return {
        "correlator_lag_s": round(float(lag), 1) if isinstance(lag, int | float) and lag >= 0 else None,
        "casework_lag_s": casework, "store_bytes": used, "disk_free_bytes": free,
        # Coarse on purpose: a part that changes at every report can't be left out.
        "disk_days": min(round(free / rate), 9999) if rate > 0 else None,
        "outbox_waiting": session.scalar(waiting) or 0,
    }  # fmt: skip


def _selftest(node: Runtime, session: Session, agency: str) -> Parts:
    run = session.scalar(select(SelfTestRun).order_by(SelfTestRun.asked_at.desc()).limit(1))
    if run is None:
        return {"outcome": "none"}
    return {"asked_at": _time(run.asked_at), "ended_at": _time(run.ended_at), "outcome": run.outcome}


def _systems(node: Runtime, session: Session, agency: str) -> list[Parts] | None:
    """By kind and grade; names stay here, and systems marked state-secret are not told, not even as a number."""
    summary = _late("api.inventory.summary")
    if summary is None:
        return None
    groups: dict[tuple[str, int], Parts] = {}
    for one in summary.summary(session, agency, node.clock.now()):
        grade = one.get("grade")
        of = groups.setdefault((one["kind"], grade or 0), {"kind": one["kind"], "grade": grade, "count": 0, "sensed": 0,
                                                           "last_data_at": None})  # fmt: skip
        of["count"] += 1
        of["sensed"] += bool(one.get("sensed"))
        of["last_data_at"] = max(of["last_data_at"] or "", one.get("last_data_at") or "") or None
    return [groups[key] for key in sorted(groups)][:SYSTEMS]


def _services(node: Runtime, session: Session, agency: str) -> Parts | None:
    """How many are in which state; when a check of the way to the national platform (a setting) last answered."""
    summary = _late("api.services.summary")
    if summary is None:
        return None
    rows = summary.summary(session, agency, node.clock.now())
    states = dict.fromkeys(("up", "slow", "down", "unknown", "maintenance"), 0)
    for one in rows:
        states[one["state"] if one["state"] in states else "unknown"] += 1
    ways = settings(node.config).exchange_services
    answered = [one["checked_at"] for one in rows if one["id"] in ways and one["state"] in ("up", "slow")]
    return {"total": len(rows), **states, "national_platform_at": max(answered, default=None)}


def _tree(node: Runtime, session: Session, agency: str) -> list[Parts] | None:
    """The agencies below this node's own, as this node has them; parents before children."""
    rows = {row.code: row for row in session.scalars(select(Agency).limit(TREE))}
    found: list[Parts] = []
    reached, waiting = {agency}, [agency]
    while waiting:
        here = waiting.pop(0)
        for row in sorted((one for one in rows.values() if one.parent == here), key=lambda one: one.code):
            if row.code not in reached:
                reached.add(row.code)
                waiting.append(row.code)
                found.append({"code": row.code, "name": row.name[:256], "parent": here})
    return found[:TREE] or None


def _late(name: str) -> Any:
    """A neighbour that may not be installed with this node."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)
