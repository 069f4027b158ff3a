"""The figures of a reporting year, counted in the database: nothing in it is typed by hand.

In:  a session, an agency, a period. Out: `Year`. Incidents count by the day of their detection. What belongs to a
system marked state-secret is in no figure: the report says that it is not.
Bound: counts by SQL; at most words.ROWS incidents are listed, CLOSED closing times taken for the median.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.orm import Session

from api.clocks.reckon import Period, begin_of, end_of
from api.documents.organisation import OrganisationIn, of_agency
from api.documents.words import ROWS
from api.shapes import LEVELS
from api.state.cases import Alert, Incident
from api.state.clocks import Clock, Finding
from api.state.inventory import System
from api.state.machines import Machine, MachineStream

CLOSED = 20_000
RULES = 10


@dataclass(frozen=True, slots=True)
class YearIncident:
    id: str
    title: str
    level: str
    state: str
    detected: float
    flags: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Year:
    name: str
    start: float
    end: float
    organisation: OrganisationIn
    systems: list[tuple[int | None, int]]
    sensors: int
    alerts_total: int
    incidents_total: int
    closed: int
    median: str
    levels: list[tuple[str, int, int]]
    rules: list[tuple[str, int]]
    flags: list[tuple[str, int]]
    incidents: list[YearIncident]
    incidents_left_out: int
    secret_left_out: bool
    met: int
    late: int
    overdue: int


def count_up(session: Session, agency: str, period: Period, now: float) -> Year:
    start, end = begin_of(period.start), end_of(period.end)
    secret = select(System.id).where(System.secret)

    def open_to_all(column: Any) -> ColumnElement[bool]:
        return or_(column.is_(None), column.not_in(secret))

    # An incident with one secret alert is secret, whatever system it was filed under itself.
    tainted = select(Alert.incident_id).where(Alert.incident_id.is_not(None), Alert.system_id.in_(secret))
    detected = (
        select(Incident.id.label("id"), func.coalesce(
            func.max(Finding.detected_at), func.min(Alert.created_at), func.max(Incident.created_at)).label("at"))
        .outerjoin(Finding, Finding.incident_id == Incident.id).outerjoin(Alert, Alert.incident_id == Incident.id)
        .where(Incident.agency == agency, open_to_all(Incident.system_id), Incident.id.not_in(tainted))
        .group_by(Incident.id).subquery()
    )  # fmt: skip
    mine = and_(Incident.id == detected.c.id, detected.c.at.between(start, end))
    found = select(Incident, detected.c.at, Finding.flags).join(detected, mine).outerjoin(
        Finding, Finding.incident_id == Incident.id)  # fmt: skip
    rows = session.execute(found.order_by(detected.c.at, Incident.id).limit(CLOSED)).all()
    alerts = (Alert.agency == agency, Alert.created_at.between(start, end), open_to_all(Alert.system_id))
    levels = select(Alert.level, func.count()).where(*alerts).group_by(Alert.level)
    by_level = {level: int(many) for level, many in session.execute(levels)}
    rules = (
        select(Alert.rule_id, func.count())
        .where(*alerts)
        .group_by(Alert.rule_id)
        .order_by(func.count().desc(), Alert.rule_id)
    )
    by_rule = [(rule, int(many)) for rule, many in session.execute(rules.limit(RULES))]
    titles = {
        rule: session.scalar(select(Alert.title).where(Alert.rule_id == rule, *alerts).limit(1)) or {}
        for rule, _ in by_rule
    }
    took = [row.closed_at - at for row, at, _ in rows if row.closed_at is not None and start <= row.closed_at <= end]
    flags: dict[str, int] = {}
    for _, _, said in rows:
        for flag in said or {}:
            flags[flag] = flags.get(flag, 0) + 1
    ids = select(detected.c.id).where(detected.c.at.between(start, end))
    met, at_once = Clock.state == "met", Clock.start_at == Clock.due_at
    in_time, overdue = or_(Clock.met_at <= Clock.due_at, at_once), and_(Clock.state == "running", Clock.due_at <= now)
    clocks = session.execute(
        select(*(func.sum(case((which, 1), else_=0)) for which in (and_(met, in_time), and_(met, ~in_time), overdue)))
        .where(Clock.incident_id.in_(ids))
    ).one()  # fmt: skip
    total = session.scalar(select(func.count()).select_from(detected).where(detected.c.at.between(start, end))) or 0
    systems = select(System.grade, func.count()).where(
        System.agency == agency, ~System.secret, System.created_at <= end,
        or_(System.retired_at.is_(None), System.retired_at >= start))  # fmt: skip
    return Year(
        name=period.name, start=start, end=end, organisation=of_agency(session, agency),
        systems=[(grade, count) for grade, count in
                 session.execute(systems.group_by(System.grade).order_by(System.grade.desc()))],
        sensors=session.scalar(
            select(func.count(func.distinct(MachineStream.machine_id))).join(Machine)
            .where(Machine.agency == agency, Machine.role == "sensor", MachineStream.last_data_at >= start)) or 0,
        alerts_total=sum(by_level.values()), incidents_total=total, closed=len(took), median=_span(took),
        levels=[(level, by_level.get(level, 0), sum(row.level == level for row, _, _ in rows))
                for level in reversed(LEVELS)],
        rules=[(titles[rule].get("vi") or titles[rule].get("en") or rule, count) for rule, count in by_rule],
        flags=sorted(flags.items()),
        incidents=[YearIncident(row.id, row.title, row.level, row.state, at, said or {})
                   for row, at, said in rows[:ROWS]],
        incidents_left_out=max(0, total - ROWS),
        secret_left_out=bool(session.scalar(select(System.id).where(System.agency == agency, System.secret).limit(1))),
        met=int(clocks[0] or 0), late=int(clocks[1] or 0), overdue=int(clocks[2] or 0),
    )  # fmt: skip


def _span(took: list[float]) -> str:
    if not took:
        return ""
    hours = statistics.median(took) / 3600
    return f"{hours:.1f} giờ".replace(".", ",")
