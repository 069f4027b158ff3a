"""Reminders before and escalation after: what the job does each half minute.

In:  clocks whose `next_at` has come. Out: matters told (`api.notices.tell`), one per clock and stage, ever.
After a pause (the node was off, the clock began late) only the latest stage reached is told: five notices at once say
less than one. That a stage was told is written in the transaction that tells it, so a restart repeats nothing.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework.changes import Bell, changed
from api.clocks import reckon, rules
from api.clocks.rules import ClockStage, Rule
from api.inventory import naming
from api.notices.tell import tell
from api.state.cases import Incident
from api.state.clocks import Clock

AT_ONCE = 100


def step(session: Session, bell: Bell, now: float) -> int:
    """How many were told; at most AT_ONCE clocks in this transaction."""
    due = session.scalars(
        select(Clock).where(Clock.state == "running", Clock.next_at <= now).order_by(Clock.next_at).limit(AT_ONCE)
    ).all()
    known = rules.versions(session) if due else {}
    told = 0
    for row in due:
        rule = known.get((row.rule_id, row.rule_version))
        stages = reckon.reached(rule.stages, row.start_at, row.due_at, now, row.told) if rule else []
        if rule and stages:
            told += _tell(session, row, rule, stages[-1], now)
            row.told = [*row.told, *(stage.key for stage in stages)]
        row.next_at = reckon.next_look(rule.stages, row.start_at, row.due_at, row.told) if rule else None
        row.revision += 1
        changed(session, bell, "clock", row.incident_id or str(row.id), agency=row.agency, revision=row.revision,
                now=now)  # fmt: skip
    return told


def over(session: Session, row: Clock, now: float) -> None:
    """A clock that had been called overdue has ended: good news, which wakes nobody."""
    if any(key.startswith("late:") for key in row.told):
        tell(
            session, key=f"clock:{row.id}:{int(row.start_at)}:over", kind="clock", agency=row.agency, ref=_ref(row),
            level="informational", link=_link(row), now=now, over=True, marked=_marked(session, row),
            title={"vi": f"Đã xử lý thời hạn báo cáo của {_ref(row)}", "en": f"Deadline of {_ref(row)} settled"},
        )  # fmt: skip


def _tell(session: Session, row: Clock, rule: Rule, stage: ClockStage, now: float) -> bool:
    incident = session.get(Incident, row.incident_id) if row.incident_id else None
    late = now >= row.due_at
    whom = {
        "coordinator": ("", ""),
        "lead": ("", ""),
        "upstream": (" – cần báo cáo cấp trên", " – tell the centre above"),
    }
    vi_more, en_more = whom[stage.to]
    left = abs(row.due_at - now)
    title = {
        "vi": f"{'Quá hạn' if late else 'Còn'} {_span(left, 'vi')}: {rule.text.vi}{vi_more}"[:500],
        "en": f"{'Overdue by' if late else 'Time left:'} {_span(left, 'en')}: {rule.text.en or rule.text.vi}{en_more}"[
            :500
        ],
    }
    return tell(
        session, key=f"clock:{row.id}:{int(row.start_at)}:{stage.key}", kind="clock", agency=row.agency, ref=_ref(row),
        level=stage.level, title=title, link=_link(row), now=now, grade=incident.grade if incident else None,
        marked=_marked(session, row),
        to_user=incident.coordinator_id if incident and stage.to == "coordinator" else None,
    )  # fmt: skip


def _span(seconds: float, language: str) -> str:
    minutes = int(seconds // 60)
    days, hours = minutes // 1440, minutes % 1440 // 60
    if language == "vi":
        return f"{days} ngày {hours} giờ" if days else f"{hours} giờ {minutes % 60} phút"
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min"


def _ref(row: Clock) -> str:
    return row.incident_id or f"{row.rule_id} {row.period}"


def _link(row: Clock) -> str:
    return f"#/incidents/{row.incident_id}" if row.incident_id else "#/clocks?tab=calendar"


def _marked(session: Session, row: Clock) -> bool:
    incident = session.get(Incident, row.incident_id) if row.incident_id else None
    return incident is not None and naming.marked_incident(session, incident)
