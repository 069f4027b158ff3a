"""Keeping an incident's clocks true: called in the transaction of every act on an incident, and by the job.

In:  the incident, what people found of it (`Finding`), the rules. Out: its clocks, made, moved, ended or revived.
Detection, from which most texts count, is the moment this system first said so: the earliest `created_at` of the
incident's alerts. Not `first_seen` (an intruder's first packet may lie months back, and nobody had detected it), nor
the moment when a person opened the incident (looking later would make the deadline later). A person may correct it,
with a reason and on record: a citizen may have called before any alert.
A rule with `again_h` goes on: each report that was handed over starts the next clock, from that moment, until the
incident is closed; what is not due by then ends, what is overdue stays so.
Invariants: at most one running clock per rule and incident · a clock keeps the version of its rule while that version
covers the day of detection · what a person ended (met, void) no act of the machine touches · acts and job may run in
any order, twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework.changes import Bell, changed
from api.clocks import reckon, rules
from api.clocks.rules import Rule
from api.state.cases import Alert, Incident
from api.state.clocks import Clock, Finding, Organisation
from api.state.inventory import System

FLAGS = ("serious", "harm", "interrupted", "personal_data", "complex")
# The flags that set off a trigger; an incident needs none.
_SET_OFF = {
    "incident": (),
    "serious": ("serious",),
    "harm": ("harm", "interrupted"),
    "personal_data": ("personal_data",),
    "complex": ("complex",),
}
_BACK = {"vi": "Điều kiện áp dụng không còn: đánh giá đã được rút lại hoặc sự cố đã mở lại.",
         "en": "No longer applies: the assessment was set back or the incident was reopened."}  # fmt: skip
_MOVED = {"vi": "Quy định không áp dụng cho hệ thống hoặc ngày phát hiện này.",
          "en": "The rule does not apply to this system or day of detection."}  # fmt: skip
_CLOSED = {"vi": "Sự cố đã đóng trước khi đến hạn báo cáo này.",
           "en": "The incident was closed before this report was due."}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Detection:
    at: float
    how: str  # alert | person | opened


def detection(session: Session, incident: Incident, finding: Finding | None = None) -> Detection:
    finding = finding or session.get(Finding, incident.id)
    if finding is not None and finding.detected_at is not None:
        return Detection(finding.detected_at, "person")
    first = session.scalar(select(func.min(Alert.created_at)).where(Alert.incident_id == incident.id))
    return Detection(first, "alert") if first is not None else Detection(incident.created_at, "opened")


def sync(session: Session, bell: Bell, incident: Incident, now: float) -> bool:
    """Whether anything changed."""
    rules.ensure(session, now)
    session.flush()
    finding = session.get(Finding, incident.id)
    detected = detection(session, incident, finding)
    day = reckon.day_of(detected.at)
    system = session.get(System, incident.system_id) if incident.system_id else None
    known = rules.versions(session)
    chains: dict[str, list[Clock]] = {}
    for row in session.scalars(select(Clock).where(Clock.incident_id == incident.id).order_by(Clock.id)):
        chains.setdefault(row.rule_id, []).append(row)
    here = {rule_id: chain[-1] for rule_id, chain in chains.items()}
    wanted = {rule_id: found for rule_id, found in rules.in_force(known, day).items() if found[1].trigger != "calendar"}
    for rule_id, row in here.items():
        pinned = known.get((rule_id, row.rule_version))
        if pinned is not None and pinned.covers(day):
            wanted[rule_id] = (row.rule_version, pinned)
    touched = False
    for rule_id, (version, rule) in wanted.items():
        fits = reckon.applies(rule, incident.grade, system.kind if system else None)
        start = _start(rule, incident, finding, detected.at) if fits else None
        here.pop(rule_id, None)
        touched |= _follow(session, chains.get(rule_id, []), incident, rule, version, start, now)
    for row in here.values():
        touched |= _end(row, _MOVED, now)
    if touched:
        session.flush()
        changed(session, bell, "clock", incident.id, agency=incident.agency, revision=incident.revision, now=now)
    return touched


def catch_up(session: Session, bell: Bell, now: float, limit: int = 100) -> int:
    """Incidents that no act has touched since clocks came to this node."""
    without = select(Clock.id).where(Clock.incident_id == Incident.id).exists()
    rows = session.scalars(select(Incident).where(Incident.state != "closed", ~without).limit(limit)).all()
    return sum(sync(session, bell, incident, now) for incident in rows)


def calendar(session: Session, bell: Bell, agency: str, now: float) -> int:
    """Clocks of reports by the calendar, for this node's own agency and those that have a head for their paper."""
    rules.ensure(session, now)
    today = reckon.day_of(now)
    agencies = {agency, *session.scalars(select(Organisation.agency))}
    have = set(session.scalars(select(Clock.key).where(Clock.incident_id.is_(None))))
    made = 0
    for rule_id, (version, rule) in rules.in_force(rules.versions(session), today).items():
        if rule.trigger != "calendar":
            continue
        for found in reckon.periods_at(rule.clock, today):
            for code in sorted(agencies):
                key = f"{rule_id}|{code}|{found.name}"
                if key in have:
                    continue
                row = Clock(key=key, agency=code, period=found.name, rule_id=rule_id, rule_version=version,
                            start_at=reckon.begin_of(found.start), due_at=reckon.end_of(found.due), state="running",
                            told=[])  # fmt: skip
                row.next_at = reckon.next_look(rule.stages, row.start_at, row.due_at, ())
                session.add(row)
                session.flush()
                changed(session, bell, "clock", str(row.id), agency=code, revision=1, now=now, created=True)
                made += 1
    return made


def _start(rule: Rule, incident: Incident, finding: Finding | None, detected: float) -> float | None:
    """When this rule's clock began to run, or None while nothing sets it off."""
    flags = _SET_OFF[rule.trigger]
    set_at = [finding.flags[flag]["since"] for flag in flags if finding and flag in finding.flags]
    if flags and not set_at:
        return None
    if rule.clock.starts == "closing":
        return incident.closed_at
    return min(set_at) if rule.clock.starts == "flag" else detected


def _follow(
    session: Session, chain: list[Clock], incident: Incident, rule: Rule, version: int, start: float | None, now: float
) -> bool:
    """The last clock of the rule, and the one after it when the rule goes on."""
    last = chain[-1] if chain else None
    if rule.clock.again_h is None or start is None:
        return _set(session, last, incident, rule, version, start, now)
    hours = rule.clock.again_h if len(chain) > 1 else rule.clock.hours
    if len(chain) > 1 and chain[-2].met_at is not None:
        start = chain[-2].met_at
    if incident.state == "closed":
        return last is not None and now < last.due_at and _end(last, _CLOSED, now)
    if last is not None and last.state == "met" and last.met_at is not None:
        return _set(session, None, incident, rule, version, last.met_at, now, number=len(chain) + 1,
                    hours=rule.clock.again_h)  # fmt: skip
    return _set(session, last, incident, rule, version, start, now, hours=hours)


def _set(
    session: Session, row: Clock | None, incident: Incident, rule: Rule, version: int, start: float | None, now: float,
    *, number: int = 1, hours: float | None = None,
) -> bool:  # fmt: skip
    hours = rule.clock.hours or 0.0 if hours is None else hours
    if row is None:
        if start is None:
            return False
        key = f"{rule.id}|{incident.id}" + (f"|{number}" if number > 1 else "")
        row = Clock(key=key, agency=incident.agency, incident_id=incident.id, rule_id=rule.id,
                    rule_version=version, start_at=start, due_at=0.0, state="running", told=[])  # fmt: skip
        _wind(row, rule, start, hours)
        session.add(row)
        return True
    if row.state == "met" or (row.state == "void" and row.ended_by is not None):
        return False
    if start is None:
        return _end(row, _BACK, now)
    if row.state == "running" and (row.start_at, row.rule_version) == (start, version):
        return False
    row.state, row.rule_version, row.reason, row.ended_at = "running", version, None, None
    if row.start_at != start:
        row.told = []
    _wind(row, rule, start, hours)
    row.revision += 1
    return True


def _wind(row: Clock, rule: Rule, start: float, hours: float) -> None:
    row.start_at, row.due_at = start, start + hours * 3600
    row.next_at = reckon.next_look(rule.stages, row.start_at, row.due_at, row.told)


def _end(row: Clock, reason: dict[str, str], now: float) -> bool:
    if row.state != "running":
        return False
    row.state, row.reason, row.ended_at, row.next_at = "void", reason, now, None
    row.revision += 1
    return True
