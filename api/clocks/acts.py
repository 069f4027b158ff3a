"""Acts of people on an incident's findings and clocks; each inside a scope, each on record in the incident's history.

In:  a `Desk`. Out: changed rows; refusals are `CaseError` values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from api.audit import THE_SYSTEM
from api.casework import incidents
from api.casework.alerts import Desk
from api.casework.changes import changed
from api.casework.errors import Invalid, Stale, Unseen, WrongState
from api.clocks import keep, reckon, remind, rules
from api.state.cases import Incident
from api.state.clocks import Clock, Document, Finding
from sensors.clock import rfc3339

SKEW_S = 60.0  # a browser's clock may run ahead by this much
OLDEST_S = 366 * 86_400.0


def finding_of(desk: Desk, incident: Incident) -> Finding:
    found = desk.session.get(Finding, incident.id)
    if found is None:
        found = Finding(incident_id=incident.id, flags={}, particulars={})
        desk.session.add(found)
    return found


def assess(
    desk: Desk, incident: Incident, flags: Mapping[str, bool], reason: str, detected_at: float | None = None
) -> None:
    """Set or set back flags, and correct the moment of detection; only what differs is written."""
    found = finding_of(desk, incident)
    before, now = dict(found.flags), dict(found.flags)
    for flag, value in flags.items():
        assert flag in keep.FLAGS
        if value and flag not in now:
            now[flag] = {"since": desk.now, "by": _name(desk), "reason": reason[:2_000]}
        elif not value:
            now.pop(flag, None)
    old = keep.detection(desk.session, incident, found)
    moved = detected_at is not None and detected_at != old.at
    if detected_at is not None and not desk.now - OLDEST_S <= detected_at <= desk.now + SKEW_S:
        raise Invalid("detected_at", "Thời điểm phát hiện phải trong 366 ngày qua.", "Within the last 366 days.")
    if now == before and not moved:
        raise WrongState("Đánh giá không có gì thay đổi.", "The assessment says nothing new.")
    found.flags = now
    was: dict[str, Any] = {flag: flag in before for flag in keep.FLAGS if (flag in before) != (flag in now)}
    is_: dict[str, Any] = {flag: flag in now for flag in was}
    if moved:
        found.detected_at = detected_at
        was["detected_at"], is_["detected_at"] = rfc3339(old.at), rfc3339(detected_at or 0.0)
    desk.session.flush()
    incidents.record(desk, incident, "assessed", reason, was, is_)


def write_particulars(desk: Desk, incident: Incident, texts: Mapping[str, str]) -> None:
    """The fields of the forms that only people know; an empty text takes one away."""
    found = finding_of(desk, incident)
    now = {key: text for key, text in {**found.particulars, **texts}.items() if text}
    if now == found.particulars:
        return
    keys = sorted(key for key in {*now, *found.particulars} if now.get(key) != found.particulars.get(key))
    found.particulars, found.written_at = now, desk.now
    desk.session.flush()
    incidents.record(desk, incident, "described", None, None, {"fields": keys})


def take(desk: Desk, clock_id: int, revision: int | None = None) -> Clock:
    row = desk.session.get(Clock, clock_id, with_for_update=True)
    if row is None or not desk.scope.sees(row.agency):
        raise Unseen
    if revision is not None and revision != row.revision:
        raise Stale(row.revision)
    return row


def meet(desk: Desk, row: Clock, at: float, number: str, text: str, document: Document | None = None) -> None:
    """The report was handed over: at a time and under a number that a person types. Late stays late."""
    if row.state != "running":
        raise WrongState("Thời hạn này đã kết thúc.", "This clock has ended.")
    if at > desk.now + SKEW_S or at < row.start_at - OLDEST_S:
        raise Invalid("at", "Thời điểm gửi phải ở trong quá khứ.", "The time of handing over lies in the past.")
    row.state, row.met_at, row.met_number, row.next_at = "met", at, number or None, None
    row.document_id = document.id if document else None
    row.reason = {"vi": text, "en": text} if text else None
    _ended(desk, row, "clock_met", text, {"rule": row.rule_id, "number": number, "at": rfc3339(at)})


def void(desk: Desk, row: Clock, reason: str) -> None:
    if row.state != "running":
        raise WrongState("Thời hạn này đã kết thúc.", "This clock has ended.")
    row.state, row.reason, row.next_at = "void", {"vi": reason, "en": reason}, None
    _ended(desk, row, "clock_void", reason, {"rule": row.rule_id})


def resume(desk: Desk, row: Clock, reason: str) -> None:
    """What was ended by mistake runs again; what was told stays told."""
    if row.state == "running":
        raise WrongState("Thời hạn này đang chạy.", "This clock is running.")
    if row.state == "void" and row.ended_by is None:
        raise WrongState("Thời hạn này dừng do điều kiện áp dụng không còn.", "This clock stopped by itself.")
    _take_back_next(desk, row)
    was = {"state": row.state, "number": row.met_number}
    row.state, row.met_at, row.met_number, row.document_id, row.reason = "running", None, None, None, None
    row.ended_at = row.ended_by = row.ended_name = None
    rule = rules.versions(desk.session)[row.rule_id, row.rule_version]
    row.next_at = reckon.next_look(rule.stages, row.start_at, row.due_at, row.told)
    row.revision += 1
    _record(desk, row, "clock_resumed", reason, {"rule": row.rule_id, "was": was})


def _take_back_next(desk: Desk, row: Clock) -> None:
    """The clock that this one's report had started goes with it, unless somebody has already worked on it."""
    if row.incident_id is None:
        return
    later = desk.session.scalars(
        select(Clock).where(Clock.incident_id == row.incident_id, Clock.rule_id == row.rule_id, Clock.id > row.id)
    ).all()
    if any(one.ended_by is not None for one in later):
        raise WrongState("Báo cáo tiếp theo đã được ghi nhận; khôi phục báo cáo đó trước.",
                         "The report after it is on record: resume that one first.")  # fmt: skip
    for one in later:
        desk.session.delete(one)
    desk.session.flush()


def of_incident(desk: Desk, incident: Incident) -> list[Clock]:
    return list(desk.session.scalars(select(Clock).where(Clock.incident_id == incident.id)))


def _ended(desk: Desk, row: Clock, act: str, text: str, detail: dict[str, Any]) -> None:
    row.ended_at, row.ended_by, row.ended_name = desk.now, desk.access.user_id if desk.access else None, _name(desk)
    row.revision += 1
    remind.over(desk.session, row, desk.now)
    _record(desk, row, act, text, detail)


def _record(desk: Desk, row: Clock, act: str, text: str, detail: dict[str, Any]) -> None:
    incident = desk.session.get(Incident, row.incident_id) if row.incident_id else None
    desk.session.flush()
    if incident is not None:
        incidents.record(desk, incident, act, text, None, detail)
    else:
        actor = desk.access.actor if desk.access else THE_SYSTEM
        desk.audit.record(desk.session, actor, f"calendar.{act}", row.key, agency=row.agency, detail=detail)
    changed(desk.session, desk.bell, "clock", row.incident_id or str(row.id), agency=row.agency,
            revision=row.revision, now=desk.now)  # fmt: skip


def _name(desk: Desk) -> str:
    return (desk.access.name or desk.access.username) if desk.access else ""
