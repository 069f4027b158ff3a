"""Clocks and rules as they cross HTTP: with each the rule's words, article, source and state of verification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api.casework.paging import Key, after, cursor_of
from api.casework.queue import inside
from api.clocks import keep, rules, suggest
from api.clocks.rules import ClockStage, ClockTexts, Rule, Ticking, Trigger, Versions
from api.shapes import IncidentState, Level, Listed, Out, Texts
from api.state.cases import Incident
from api.state.clocks import Clock, ClockRule, Finding
from correlator.store.base import Scope
from sensors.clock import rfc3339

State = Literal["running", "overdue", "met", "void"]


class ClockRuleShape(Out):
    id: str
    version: int
    newest: bool
    text: ClockTexts
    article: str
    valid_from: str
    valid_to: str | None
    trigger: Trigger
    grades: list[int]
    kinds: list[str]
    clock: Ticking
    stages: list[ClockStage]
    recipients: list[ClockTexts]
    form_id: str
    source: str
    verified_by: str
    note: str
    made_at: str | None
    made_name: str


class ClockIncident(Out):
    id: str
    title: str
    level: Level
    state: IncidentState


class ClockShape(Out):
    id: int
    agency: str
    incident: ClockIncident | None
    period: str | None
    rule_id: str
    rule_version: int
    text: ClockTexts
    article: str
    source: str
    verified_by: str
    recipients: list[ClockTexts]
    form_id: str
    starts: Literal["detection", "flag", "closing", "calendar"]
    start_at: str
    due_at: str
    at_once: bool
    state: State
    late: bool | None = Field(description="null for a clock that says at once: how long it took is for people to judge")
    met_at: str | None
    number: str | None
    document_id: str | None
    ended_at: str | None
    ended_name: str | None
    reason: Texts | None
    revision: int


class ClockList(Listed[ClockShape]):
    overdue: int
    as_of: str


class FlagShape(Out):
    since: str
    by: str
    reason: str


class AssessmentShape(Out):
    serious: FlagShape | None = None
    harm: FlagShape | None = None
    interrupted: FlagShape | None = None
    personal_data: FlagShape | None = None
    complex: FlagShape | None = None


class SuggestionShape(Out):
    """The machine sets no flag: it shows what speaks for one."""

    flag: Literal["serious", "harm", "interrupted", "personal_data", "complex"]
    reasons: list[Texts]


class IncidentClocks(Out):
    incident_id: str
    revision: int
    detected_at: str
    detected_how: Literal["alert", "person", "opened"]
    assessment: AssessmentShape
    suggested: list[SuggestionShape]
    clocks: list[ClockShape]
    as_of: str


def page(
    session: Session, scope: Scope, *, state: str, agency: str, kind: str, now: float, limit: int, cursor: str
) -> ClockList:
    """Soonest first: what is overdue stands on top."""
    where: list[ColumnElement[bool]] = [inside(Clock.agency, scope)]
    if agency:
        where.append(Clock.agency == agency)
    if kind:
        where.append(Clock.incident_id.is_(None) if kind == "calendar" else Clock.incident_id.is_not(None))
    late = _condition("overdue", now)
    overdue = session.scalar(select(func.count()).select_from(Clock).where(*where, *late)) or 0
    where += _condition(state, now)
    total = session.scalar(select(func.count()).select_from(Clock).where(*where)) or 0
    keys = [Key(Clock.due_at), Key(Clock.id)]
    found = select(Clock).where(*where, *([after(keys, cursor)] if cursor else []))
    rows = session.scalars(found.order_by(*(key.order() for key in keys)).limit(limit + 1)).all()
    more, rows = len(rows) > limit, rows[:limit]
    return ClockList(
        items=shapes(session, rows, now), total=total, overdue=overdue, as_of=rfc3339(now),
        next=cursor_of(keys, rows[-1]) if more else None,
    )  # fmt: skip


def _condition(state: str, now: float) -> list[ColumnElement[bool]]:
    if state == "all":
        return []
    if state in ("met", "void"):
        return [Clock.state == state]
    running = [Clock.state == "running"]
    if state == "overdue":
        return [*running, Clock.due_at <= now]
    return [*running, Clock.due_at > now] if state == "running" else running


def of_incident(session: Session, incident: Incident, now: float) -> IncidentClocks:
    rows = session.scalars(select(Clock).where(Clock.incident_id == incident.id).order_by(Clock.due_at, Clock.id)).all()
    detected = keep.detection(session, incident)
    finding = session.get(Finding, incident.id)
    flags = {
        flag: FlagShape(since=rfc3339(said["since"]), by=said["by"], reason=said["reason"])
        for flag, said in (finding.flags if finding else {}).items()
        if flag in keep.FLAGS
    }
    return IncidentClocks(
        incident_id=incident.id, revision=incident.revision, detected_at=rfc3339(detected.at),
        detected_how=detected.how, assessment=AssessmentShape(**flags), clocks=shapes(session, rows, now),  # type: ignore[arg-type]
        as_of=rfc3339(now), suggested=[
            SuggestionShape(flag=flag, reasons=[Texts(**reason) for reason in reasons])  # type: ignore[arg-type]
            for flag, reasons in suggest.suggestions(session, incident, now).items()
        ],
    )  # fmt: skip


def shapes(session: Session, rows: Sequence[Clock], now: float) -> list[ClockShape]:
    known = rules.versions(session) if rows else {}
    wanted = {row.incident_id for row in rows if row.incident_id}
    incidents = {row.id: row for row in session.scalars(select(Incident).where(Incident.id.in_(wanted)))}
    return [_shape(row, known, incidents.get(row.incident_id or ""), now) for row in rows]


def _shape(row: Clock, known: Versions, incident: Incident | None, now: float) -> ClockShape:
    rule = known[row.rule_id, row.rule_version]
    at_once = rule.clock.hours == 0
    state: State = row.state  # type: ignore[assignment]
    if state == "running" and now >= row.due_at:
        state = "overdue"
    return ClockShape(
        id=row.id, agency=row.agency, period=row.period, rule_id=row.rule_id, rule_version=row.rule_version,
        incident=ClockIncident(id=incident.id, title=incident.title, level=incident.level, state=incident.state)  # type: ignore[arg-type]
        if incident else None,
        text=rule.text, article=rule.article, source=rule.source, verified_by=rule.verified_by,
        recipients=list(rule.recipients), form_id=rule.form_id, starts=rule.clock.starts,
        start_at=rfc3339(row.start_at), due_at=rfc3339(row.due_at), at_once=at_once, state=state,
        late=None if at_once or row.met_at is None else row.met_at > row.due_at,
        met_at=_at(row.met_at), number=row.met_number, document_id=row.document_id, ended_at=_at(row.ended_at),
        ended_name=row.ended_name, reason=Texts(**row.reason) if row.reason else None, revision=row.revision,
    )  # fmt: skip


def rule_shapes(found: Sequence[ClockRule]) -> list[ClockRuleShape]:
    last = rules.newest((row.rule_id, row.version) for row in found)
    return [rule_shape(row, newest=last[row.rule_id] == row.version) for row in found]


def rule_shape(row: ClockRule, *, newest: bool = True) -> ClockRuleShape:
    rule: Rule = rules.rule_of(row)
    body: dict[str, Any] = rule.model_dump(mode="json")
    return ClockRuleShape(**body, version=row.version, newest=newest, note=row.note, made_name=row.made_name,
                          made_at=_at(row.made_at or None))  # fmt: skip


def _at(when: float | None) -> str | None:
    return None if when is None else rfc3339(when)
