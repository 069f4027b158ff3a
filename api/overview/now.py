"""What needs somebody now, each part inside its own permission and scope.

In:  the Runtime, a read Session, who asks. Out: shapes.Overview. Bound: counts by the database; LISTED rows of each
     list, TEAMS teams, SENSORS sensors looked at. A part that fails is named in `failed`; the others still stand.
A part is made only when its permission is held (default deny): PARTS says which, and nothing else is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from api import lamps
from api import shapes as common
from api.auth import users
from api.auth.sessions import Access
from api.casework.queue import inside
from api.clocks import rules
from api.node.keeping import ledger
from api.node.keeping.settings import BackupTable
from api.notices import show
from api.overview import first
from api.overview.shapes import (
    AlertsNow,
    BackupNow,
    ClockNow,
    DutyNow,
    InboxNow,
    IncidentsNow,
    LevelGrade,
    Overview,
    RaisedNow,
    SensorNow,
    SensorsNow,
    ServiceNow,
    ServicesNow,
    TrendDay,
)
from api.runtime import Runtime
from api.state.cases import Alert, Incident
from api.state.clocks import Clock
from api.state.federation import Link, Outgoing, Raised
from api.state.machines import Machine, MachineStream
from api.state.notices import Team
from api.state.services import Service
from correlator.store.base import Scope
from sensors.clock import rfc3339
from sensors.errors import LuytreError

LISTED, TEAMS, SENSORS = 5, 20, 5_000
TREND_DAYS, DAY_S, OFFSET_S = 14, 86_400, 7 * 3600  # days are Vietnam's
BACKUP_LATE = 2.0  # of its interval
WORST: Mapping[str, int] = {"silent": 0, "never": 1, "quiet": 2}


@dataclass(frozen=True, slots=True)
class _Asked:
    node: Runtime
    session: Session
    access: Access
    scope: Scope
    now: float


def overview(node: Runtime, session: Session, access: Access) -> Overview:
    now = node.clock.now()
    found: dict[str, Any] = {}
    failed: list[str] = []
    for name, (permission, make) in PARTS.items():
        if permission not in access.permissions:
            continue
        asked = _Asked(node, session, access, access.scope(permission), now)
        try:
            found[name] = make(asked)
        except (LuytreError, OSError):
            failed.append(name)
    found["start"] = first.steps(node, session, access)
    return Overview(as_of=rfc3339(now), failed=failed, **found)


def _alerts(asked: _Asked) -> AlertsNow:
    here = (inside(Alert.agency, asked.scope), Alert.status == "new")
    rows = asked.session.execute(
        select(Alert.level, Alert.grade, func.count(), func.min(Alert.created_at))
        .where(*here).group_by(Alert.level, Alert.grade)
    ).all()  # fmt: skip
    mine = select(func.count()).where(
        inside(Alert.agency, asked.scope), Alert.assignee_id == asked.access.user_id, Alert.status == "claimed"
    )
    return AlertsNow(
        new=sum(count for _, _, count, _ in rows),
        mine=asked.session.scalar(mine) or 0,
        oldest_at=_time(min((oldest for *_, oldest in rows), default=None)),
        cells=[LevelGrade(level=level, grade=grade, count=count) for level, grade, count, _ in rows],  # type: ignore[arg-type]
    )


def _trend(asked: _Asked) -> list[TrendDay]:
    """Alerts by the day on which they were made and by level; whatever became of them."""
    today = int((asked.now + OFFSET_S) // DAY_S)
    begins = (today - TREND_DAYS + 1) * DAY_S - OFFSET_S
    # One sum per day instead of arithmetic in SQL: PostgreSQL and SQLite round differently.
    edges = [begins + DAY_S * n for n in range(TREND_DAYS)]
    columns = [func.sum(case((_between(edge), 1), else_=0)) for edge in edges]
    rows = asked.session.execute(
        select(Alert.level, *columns)
        .where(inside(Alert.agency, asked.scope), Alert.created_at >= begins).group_by(Alert.level)
    )  # fmt: skip
    days = [TrendDay(day=rfc3339(edge + OFFSET_S)[:10]) for edge in edges]
    for level, *counts in rows:
        if level in common.LEVELS:
            for day, count in zip(days, counts, strict=True):
                setattr(day, level, int(count or 0))
    return days


def _between(edge: float) -> ColumnElement[bool]:
    return and_(Alert.created_at >= edge, Alert.created_at < edge + DAY_S)


def _incidents(asked: _Asked) -> IncidentsNow:
    here = (inside(Incident.agency, asked.scope), Incident.state != "closed")
    total, grave = asked.session.execute(
        select(func.count(), func.sum(case((Incident.level_order >= 3, 1), else_=0))).where(*here)
    ).one()
    ticking = (inside(Clock.agency, asked.scope), Clock.state == "running")
    clocks, overdue = asked.session.execute(
        select(func.count(), func.sum(case((Clock.due_at <= asked.now, 1), else_=0))).where(*ticking)
    ).one()
    rows = asked.session.execute(
        select(Clock, Incident.title).join(Incident, Incident.id == Clock.incident_id, isouter=True)
        .where(*ticking).order_by(Clock.due_at, Clock.id).limit(LISTED)
    ).all()  # fmt: skip
    known = rules.versions(asked.session) if rows else {}
    return IncidentsNow(
        open=total, critical=int(grave or 0), clocks=clocks, overdue=int(overdue or 0),
        next=[
            ClockNow(
                id=clock.id, incident_id=clock.incident_id, period=clock.period, title=title or "",
                text=_rule_text(known, clock), due_at=rfc3339(clock.due_at), overdue=clock.due_at <= asked.now,
            )
            for clock, title in rows
        ],
    )  # fmt: skip


def _rule_text(known: rules.Versions, clock: Clock) -> common.Texts:
    text = known[clock.rule_id, clock.rule_version].text
    return common.Texts(vi=text.vi, en=text.en)


def _services(asked: _Asked) -> ServicesNow:
    here = (inside(Service.agency, asked.scope), Service.retired_at.is_(None))
    counts: dict[str, int] = {}
    rows = select(Service.state, Service.maintenance, func.count()).where(*here)
    for state, maintenance, count in asked.session.execute(rows.group_by(Service.state, Service.maintenance)):
        name = "maintenance" if maintenance else state
        counts[name] = counts.get(name, 0) + count
    bad = asked.session.scalars(
        select(Service)
        .where(*here, Service.state.in_(("down", "suspect")), Service.maintenance.is_(False))
        .order_by(Service.state, Service.since).limit(LISTED)
    )  # fmt: skip
    return ServicesNow(
        total=sum(counts.values()), down=counts.get("down", 0),
        slow=counts.get("slow", 0) + counts.get("suspect", 0), unknown=counts.get("unknown", 0),
        maintenance=counts.get("maintenance", 0),
        worst=[
            ServiceNow(id=row.id, name=row.name, agency=row.agency, state=row.state, since=rfc3339(row.since))
            for row in bad
        ],
    )  # fmt: skip


def _sensors(asked: _Asked) -> SensorsNow:
    machines = asked.session.scalars(
        select(Machine).where(inside(Machine.agency, asked.scope), Machine.revoked_at.is_(None)).limit(SENSORS)
    ).all()
    streams: dict[str, list[MachineStream]] = {}
    rows = select(MachineStream).join(Machine).where(inside(Machine.agency, asked.scope))
    for row in asked.session.scalars(rows):
        streams.setdefault(row.machine_id, []).append(row)
    judged = [(machine, lamps.judge(machine, streams.get(machine.id, []), asked.now)) for machine in machines]
    bad = sorted((pair for pair in judged if pair[1].state in WORST),
                 key=lambda pair: (WORST[pair[1].state], pair[1].heard_at or 0.0))  # fmt: skip
    names = users.named_agencies(asked.session, {machine.agency for machine, _ in bad[:LISTED]})
    return SensorsNow(
        total=len(machines), ok=sum(how.state == "ok" for _, how in judged),
        starting=sum(how.state == "starting" for _, how in judged),
        blind=sum(how.state == "ok" and how.data == "bad" for _, how in judged),
        worst=[
            SensorNow(id=machine.id, name=machine.name, agency_name=names.get(machine.agency, machine.agency),
                      state=how.state, heard_at=_time(how.heard_at))
            for machine, how in bad[:LISTED]
        ],
        real_at=_time(max((how.real_at for _, how in judged if how.real_at is not None), default=None)),
    )  # fmt: skip


def _raised(asked: _Asked) -> RaisedNow | None:
    if asked.node.node.role == "national":
        return None
    here = inside(Outgoing.agency, asked.scope)
    newest = select(func.max(Outgoing.id)).where(here).group_by(Outgoing.ref)
    refused = select(func.count()).where(Outgoing.id.in_(newest), Outgoing.state == "refused")
    waiting, oldest = asked.session.execute(
        select(func.count(), func.min(Outgoing.queued_at)).where(here, Outgoing.state.in_(("waiting", "sent")))
    ).one()
    link = asked.session.scalar(select(Link).limit(1))
    return RaisedNow(
        refused=asked.session.scalar(refused) or 0, waiting=waiting, oldest_at=_time(oldest),
        upstream=bool(link and link.upstream), last_contact_at=_time(link.last_contact_at if link else None),
    )  # fmt: skip


def _inbox(asked: _Asked) -> InboxNow | None:
    if asked.node.node.role != "national":
        return None
    count, oldest = asked.session.execute(
        select(func.count(), func.min(Raised.received_at)).where(
            inside(Raised.agency, asked.scope), Raised.state == "new"
        )
    ).one()
    return InboxNow(new=count, oldest_at=_time(oldest))


def _backup(asked: _Asked) -> BackupNow:
    return backup_of(asked.node, asked.now)


def backup_of(node: Runtime, now: float) -> BackupNow:
    """For whoever keeps the node: the ledger tells no agency's things."""
    table = node.config.table("backup", BackupTable) if node.config else BackupTable()
    said = ledger.load(node.data)
    last, verified = _number(said.get("last_good_at")), _number(said.get("last_verified_at"))
    problem = said.get("problem")
    texts = {key: str(problem.get(key) or "")[:500] for key in ("vi", "en")} if isinstance(problem, dict) else None
    late = bool(table.target) and (last is None or now - last > BACKUP_LATE * table.every_h * 3600)
    return BackupNow(
        target=bool(table.target), last_good_at=_time(last), last_verified_at=_time(verified),
        late=late, problem=common.Texts(**texts) if texts else None,
    )  # fmt: skip


def _duty(asked: _Asked) -> list[DutyNow]:
    rows = asked.session.scalars(
        select(Team).where(inside(Team.agency, asked.scope), Team.retired.is_(False)).order_by(Team.name, Team.id)
        .limit(TEAMS)
    ).all()  # fmt: skip
    return [
        DutyNow(team_id=team.id, team=team.name, now=team.now, handover=team.handover)
        for team in show.teams(asked.session, rows, asked.now)
    ]


PARTS: dict[str, tuple[str, Callable[[_Asked], Any]]] = {
    "alerts": ("alerts.read", _alerts),
    "trend": ("alerts.read", _trend),
    "incidents": ("incidents.read", _incidents),
    "services": ("services.read", _services),
    "sensors": ("sensors.read", _sensors),
    "raised": ("incidents.read", _raised),
    "inbox": ("inbox.read", _inbox),
    "backup": ("system.read", _backup),
    "duty": ("notices.read", _duty),
}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _time(at: float | None) -> str | None:
    return None if at is None else rfc3339(at)
