"""Whether an agency is connected: judged by what arrived, never by a declaration. The words of it are the dashboard's.

connected = real data within DATA_S *and* a self-test alert that came through to this centre within SELFTEST_S.
lagging   = real data within DATA_S, but no such self-test. silent = no data (or no report) for longer.
never     = no report at all.
Ages are measured by one clock each: how old the data was when the agency said so (its clock), how long ago that was
(ours). An agency whose clock runs ahead can't look fresher than it is.
In:  rows of `Reported`, `SelfTest`. Out: `Judged`; `Connection` with its `since`, `ConnectionChange` for the history.
Bound: CHANGES_KEPT changes an agency, DAYS_KEPT days of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.casework.changes import Bell, changed
from api.notices.tell import tell
from api.state.national import Connection, ConnectionChange, ReportDay, Reported, SelfTest
from api.state.people import Agency
from sensors.clock import parse_rfc3339

DATA_S, SELFTEST_S, LATE_S = 24 * 3600.0, 7 * 86_400.0, 3600.0
LAG_S, ENDING_S = 900.0, 14 * 86_400.0
CHANGES_KEPT, DAYS_KEPT = 200, 400
State = Literal["connected", "lagging", "silent", "never"]
STATES: tuple[State, ...] = ("connected", "lagging", "silent", "never")
Reason = Literal["ok", "no_selftest", "selftest_old", "no_data", "data_old", "no_report", "never"]


@dataclass(frozen=True, slots=True)
class Judged:
    state: State
    reason: Reason
    reported_s: float | None = None  # how long ago the agency's node said something
    data_s: float | None = None  # how old its newest real data is
    selftest_s: float | None = None  # how long ago its last self-test came through
    warnings: tuple[str, ...] = field(default=())


def judge(reported: Reported | None, selftest: SelfTest | None, now: float) -> Judged:
    if reported is None:
        return Judged("never", "never")
    body = reported.body
    said_s = max(0.0, now - reported.received_at) + float(body.get("age_s") or 0.0)
    parts: Mapping[str, Any] = body.get("parts", {})
    last = parse_rfc3339(str((parts.get("data") or {}).get("last_at") or ""))
    data_s = None if last is None else max(0.0, reported.at - last) + said_s
    tests = [] if selftest is None else [max(0.0, now - selftest.received_at)]
    if body.get("selftest_age_s") is not None:
        tests.append(float(body["selftest_age_s"]) + max(0.0, now - reported.received_at))
    selftest_s = min(tests, default=None)
    state: State
    reason: Reason
    if data_s is None:
        state, reason = "silent", "no_data"
    elif data_s > DATA_S:
        state, reason = "silent", "no_report" if said_s > LATE_S else "data_old"
    elif selftest_s is None:
        state, reason = "lagging", "no_selftest"
    elif selftest_s > SELFTEST_S:
        state, reason = "lagging", "selftest_old"
    else:
        state, reason = "connected", "ok"
    return Judged(state, reason, said_s, data_s, selftest_s, _warnings(parts, said_s, reported.at))


def _warnings(parts: Mapping[str, Any], said_s: float, at: float) -> tuple[str, ...]:
    """What is not well although it is connected; words of the dashboard's `national.warning`."""
    health, sensors, node = (parts.get(name) or {} for name in ("node_health", "sensors", "node"))
    ends = parse_rfc3339(str(node.get("certificate_ends_at") or ""))
    found = {
        "late": said_s > LATE_S,
        "lag": max(health.get("correlator_lag_s") or 0, health.get("casework_lag_s") or 0) > LAG_S,
        "disk": health.get("disk_days") is not None and health["disk_days"] < 14,
        "certificate": ends is not None and ends - at < ENDING_S,
        "sensors": any(of.get("quiet") or of.get("never") for of in (sensors.get("roles") or {}).values()),
        "flagged": bool(sensors.get("flagged")),
        "selftest": (parts.get("selftest") or {}).get("outcome") in ("lost", "not_taken"),
        "rules": bool((parts.get("rules") or {}).get("refused")),
    }
    return tuple(name for name, there in found.items() if there)


def judge_all(session: Session) -> dict[str, tuple[Reported | None, SelfTest | None]]:
    """What there is to judge every known agency by."""
    reported = {row.agency: row for row in session.scalars(select(Reported))}
    tests = {row.agency: row for row in session.scalars(select(SelfTest))}
    codes = set(session.scalars(select(Agency.code))) | reported.keys()
    return {code: (reported.get(code), tests.get(code)) for code in sorted(codes)}


def note(session: Session, agency: str, judged: Judged, now: float, bell: Bell, name: str = "") -> bool:
    """Write down a state that differs from the one before; tells when an agency falls silent or comes back."""
    row = session.get(Connection, agency)
    if row is not None and (row.state, row.reason) == (judged.state, judged.reason):
        return False
    before = row.state if row is not None else None
    if row is None:
        row = Connection(agency=agency, state=judged.state, reason=judged.reason, since=now)
        session.add(row)
    elif row.state != judged.state:
        row.since = now
    row.state, row.reason = judged.state, judged.reason
    session.add(ConnectionChange(agency=agency, at=now, state=judged.state, reason=judged.reason))
    session.flush()
    newest = session.scalar(select(func.max(ConnectionChange.id))) or 0
    kept = (
        select(ConnectionChange.id)
        .where(ConnectionChange.agency == agency)
        .order_by(ConnectionChange.id.desc())
        .limit(CHANGES_KEPT)
    )
    session.execute(delete(ConnectionChange).where(ConnectionChange.agency == agency, ConnectionChange.id.not_in(kept)))
    changed(session, bell, "national", agency, agency=agency, revision=newest, now=now, created=before is None)
    who = name or agency
    if judged.state == "silent" and before in ("connected", "lagging"):
        tell(session, key=f"national/{agency}/{newest}", kind="national", agency=agency, ref=agency, level="high",
             title={"vi": f"Mất kết nối với {who}", "en": f"{who} has fallen silent"},
             link=f"#/national/{agency}", now=now)  # fmt: skip
    elif before == "silent" and judged.state in ("connected", "lagging"):
        tell(session, key=f"national/{agency}/{newest}", kind="national", agency=agency, ref=agency, level="low",
             title={"vi": f"{who} đã kết nối lại", "en": f"{who} is back"}, link=f"#/national/{agency}", now=now,
             over=True)  # fmt: skip
    return True


def note_day(session: Session, agency: str, day: str, state: str, parts: Mapping[str, Any]) -> None:
    row = session.get(ReportDay, (agency, day))
    if row is None:
        row = ReportDay(agency=agency, day=day, reports=0, state=state, numbers={})
        session.add(row)
    row.reports += 1
    row.state, row.numbers = state, numbers(parts)


def numbers(parts: Mapping[str, Any]) -> dict[str, int]:
    """The few numbers of a report that make a line."""
    roles = ((parts.get("sensors") or {}).get("roles") or {}).values()
    services = parts.get("services") or {}
    return {
        "alerts": sum(((parts.get("alerts") or {}).get("open") or {}).values()),
        "incidents": sum(((parts.get("incidents") or {}).get("by_state") or {}).values()),
        "sensors": sum(sum(of.values()) for of in roles),
        "sensors_ok": sum(of.get("ok", 0) for of in roles),
        "systems": sum(one["count"] for one in parts.get("systems") or ()),
        "sensed": sum(one.get("sensed", 0) for one in parts.get("systems") or ()),
        "services": services.get("total", 0),
        "services_up": services.get("up", 0) + services.get("slow", 0),
    }


def clean(session: Session, oldest_day: str) -> int:
    gone = session.execute(delete(ReportDay).where(ReportDay.day < oldest_day))
    return int(getattr(gone, "rowcount", 0))
