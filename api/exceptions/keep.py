"""Acts on exceptions: made, ended by a person, ended by the calendar. Each inside a scope, each on record.

In:  a Desk (write transaction, scope of the route's permission, who acts). Out: the row, changed; an audit entry.
Whoever holds `exceptions.work` makes and ends exceptions below level high; at or above it only who holds
`exceptions.lead` in that agency makes them. Anybody who may make one may end one: that only makes more visible.
Open alerts that the test showed to be wholly hidden may be closed with it, each with the exception's id in its history.
Bound: ACTIVE of an agency, CLOSED_AT_ONCE alerts in the transaction, DUE a run of the job.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.audit import THE_SYSTEM
from api.casework import alerts
from api.casework.alerts import Desk
from api.casework.errors import Invalid, Unseen, WrongState
from api.casework.ids import next_id
from api.exceptions.preview import DAYS, MUST_BE_READ, Preview, rules_of
from api.exceptions.rulebook import Subject
from api.exceptions.selection import ACTIVE, FILE_BYTES, Condition, file
from api.notices.tell import tell
from api.problems import Problem
from api.shapes import LEVELS
from api.state.cases import Alert
from api.state.exceptions import Excepted
from correlator.store.base import Scope
from sensors.clock import rfc3339

DAY_S = 86_400.0
DEFAULT_S, LONGEST_S = 90 * DAY_S, 365 * DAY_S
SOON_S = 7 * DAY_S  # its owner is told so long before the end
CLOSED_AT_ONCE, DUE = 500, 200
HIGH = LEVELS.index("high")


def may_save(level: str, agency: str, work: Scope, lead: Scope) -> bool:
    return lead.sees(agency) if LEVELS.index(level) >= HIGH else work.sees(agency)


def make(
    desk: Desk, lead: Scope, alert: Alert, subject: Subject, conditions: Sequence[Condition], tested: Preview,
    *, until: float, reason: str, accepted: Collection[str],
) -> Excepted:  # fmt: skip
    assert desk.access is not None
    level = max((subject.level, alert.level), key=LEVELS.index)
    if not may_save(level, alert.agency, desk.scope, lead):
        raise Problem("LT-A0403", ("Ngoại lệ ở mức cao trở lên do trưởng nhóm lập.",
                                   "Exceptions of level high and above are made by a lead."))  # fmt: skip
    if not desk.now < until <= desk.now + LONGEST_S:
        raise Invalid("until", "Thời hạn phải ở tương lai và không quá một năm.", "In the future, at most a year on.")
    unread = sorted(MUST_BE_READ & set(tested.warnings) - set(accepted))
    if unread:
        raise Problem("LT-A0409", ("Còn lưu ý chưa được xác nhận.", "There are warnings that were not confirmed."),
                      unread=unread)  # fmt: skip
    there = select(Excepted).where(Excepted.agency == alert.agency, Excepted.state == "active")
    if (desk.session.scalar(select(func.count()).select_from(there.subquery())) or 0) >= ACTIVE:
        raise WrongState(f"Đơn vị đã có {ACTIVE} ngoại lệ đang hiệu lực; kết thúc bớt trước.",
                         f"The agency has {ACTIVE} exceptions in force; end some first.")  # fmt: skip
    row = Excepted(
        id=next_id(desk.session, "NL", desk.now), agency=alert.agency, alert_id=alert.id, rules=rules_of(subject),
        selection=[one.model_dump(mode="json") for one in conditions], level=level, reason=reason,
        owner_id=desk.access.user_id, owner_name=_name(desk), created_at=desk.now, until=until, state="active",
        tested=_tested(tested, desk.now), hidden=0, revision=1,
    )  # fmt: skip
    desk.session.add(row)
    desk.session.flush()
    if len(file(desk.session.scalars(there).all())) > FILE_BYTES:
        raise WrongState("Tổng dung lượng các ngoại lệ của đơn vị vượt giới hạn.",
                         "Together the agency's exceptions are too large.")  # fmt: skip
    _record(desk, row, "exception.created", {"alert": alert.id, "until": rfc3339(until), "level": level,
                                             "rules": [rule["id"] for rule in row.rules]})  # fmt: skip
    return row


def close_covered(desk: Desk, row: Excepted, covered: Collection[str]) -> int:
    """Open alerts that the test showed to be wholly hidden; what somebody else works on is left to them."""
    text = f"Đã biết, theo ngoại lệ {row.id} · Known, by exception {row.id}"
    done = 0
    for alert_id in sorted(covered)[:CLOSED_AT_ONCE]:
        alert = alerts.take(desk, alert_id)
        me = desk.access.user_id if desk.access else None
        if alert.agency == row.agency and alert.status != "closed" and alert.assignee_id in (None, me):
            alerts.close(desk, alert, "benign_true", text)
            done += 1
    return done


def covered(session: Session, agency: str, tested: Preview) -> list[str]:
    """Ids of open alerts of which the exception leaves nothing; not one that began before the test did."""
    if not tested.groups:
        return []
    rows = session.execute(
        select(Alert.id, Alert.rule_id, Alert.group_key).where(
            Alert.agency == agency, Alert.status != "closed", Alert.first_seen >= tested.since,
            Alert.rule_id.in_({rule for rule, _ in tested.groups}),
        ).limit(10_000)
    )  # fmt: skip
    return sorted(alert_id for alert_id, rule, key in rows if (rule, key) in tested.groups)[:CLOSED_AT_ONCE]


def take(desk: Desk, exception_id: str) -> Excepted:
    row = desk.session.get(Excepted, exception_id, with_for_update=True)
    if row is None or not desk.scope.sees(row.agency):
        raise Unseen
    return row


def end(desk: Desk, row: Excepted, reason: str) -> None:
    assert desk.access is not None
    if row.state != "active":
        raise WrongState("Ngoại lệ đã kết thúc.", "The exception is over.")
    row.state, row.ended_at, row.ended_by, row.ended_reason = "ended", desk.now, _name(desk), reason
    row.revision += 1
    _record(desk, row, "exception.ended", {"reason": reason})
    if row.owner_id != desk.access.user_id:
        _tell(desk.session, row, f"exception:{row.id}:ended", desk.now,
              f"Ngoại lệ {row.id} đã được {_name(desk)} kết thúc",
              f"{_name(desk)} ended exception {row.id}")  # fmt: skip


def due(desk: Desk) -> tuple[int, int]:
    """The calendar's acts: (owners warned, exceptions that expired)."""
    soon = desk.session.scalars(
        select(Excepted).where(Excepted.state == "active", Excepted.until <= desk.now + SOON_S,
                               Excepted.until > desk.now, Excepted.warned_at.is_(None)).limit(DUE)
    ).all()  # fmt: skip
    for row in soon:
        row.warned_at = desk.now
        _tell(desk.session, row, f"exception:{row.id}:soon", desk.now,
              f"Ngoại lệ {row.id} hết hạn ngày {_day(row.until)}; sau đó cảnh báo xuất hiện trở lại",
              f"Exception {row.id} ends on {_day(row.until)}; its alerts then come back")  # fmt: skip
    over = desk.session.scalars(
        select(Excepted).where(Excepted.state == "active", Excepted.until <= desk.now).limit(DUE)
    ).all()
    for row in over:
        row.state, row.ended_at = "expired", row.until
        row.revision += 1
        _record(desk, row, "exception.expired", {})
        _tell(desk.session, row, f"exception:{row.id}:over", desk.now,
              f"Ngoại lệ {row.id} đã hết hạn; cảnh báo xuất hiện trở lại",
              f"Exception {row.id} has ended; its alerts come back")  # fmt: skip
    return len(soon), len(over)


def fault(desk: Desk, row: Excepted, code: str | None) -> None:
    """What the correlator says of it now; its owner hears once that it is not in force."""
    if row.fault == code:
        return
    row.fault = code
    if code:
        _tell(desk.session, row, f"exception:{row.id}:{code}", desk.now,
              f"Ngoại lệ {row.id} chưa có hiệu lực ({code})",
              f"Exception {row.id} is not in force ({code})")  # fmt: skip


def _name(desk: Desk) -> str:
    assert desk.access is not None
    return desk.access.name or desk.access.username


def _record(desk: Desk, row: Excepted, act: str, detail: dict[str, object]) -> None:
    actor = desk.access.actor if desk.access else THE_SYSTEM
    desk.audit.record(desk.session, actor, act, row.id, agency=row.agency, detail=detail)


def _tell(session: Session, row: Excepted, key: str, now: float, vi: str, en: str) -> None:
    tell(session, key=key, kind="exception", agency=row.agency, ref=row.id, level="medium", title={"vi": vi, "en": en},
         link=f"#/rules/exceptions?id={row.id}", now=now, to_user=row.owner_id)  # fmt: skip


def _tested(made: Preview, now: float) -> dict[str, object]:
    return {"at": rfc3339(now), "days": DAYS, "complete": made.complete, "alerts": made.alerts, "hits": made.hits,
            "by_level": made.by_level, "warnings": list(made.warnings)}  # fmt: skip


def _day(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.timezone(dt.timedelta(hours=7))).strftime("%d/%m/%Y")
