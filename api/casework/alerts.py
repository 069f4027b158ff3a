"""Acts on alerts: claim, release, note, snooze, close, reopen; each inside a scope, each on record.

In:  a write Session, the scope of `alerts.work`, who acts, the alert's id, the revision seen (or None).
Out: the alert, changed; one row of history, one of audit, one live change. Refusals are `CaseError` values.
A closed alert takes no more hits: the next hit of the same group opens a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.audit import Audit
from api.auth.sessions import Access
from api.casework import people
from api.casework.changes import Bell, changed
from api.casework.errors import Invalid, Stale, Unseen, WrongState
from api.casework.fold import open_key
from api.notices import matters
from api.shapes import Disposition
from api.state.cases import Alert, History
from correlator.store.base import Scope

SNOOZE_LIMIT_S = 90 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What every act needs besides its object."""

    session: Session
    scope: Scope
    access: Access | None  # None: the system itself
    audit: Audit
    bell: Bell
    now: float


def take(desk: Desk, alert_id: str, revision: int | None = None) -> Alert:
    """The alert, if this scope sees it; `Stale` when the caller saw an older one."""
    alert = desk.session.get(Alert, alert_id, with_for_update=True)
    if alert is None or not desk.scope.sees(alert.agency):
        raise Unseen
    if revision is not None and revision != alert.revision:
        raise Stale(alert.revision)
    return alert


def claim(desk: Desk, alert: Alert) -> None:
    assert desk.access is not None
    if alert.status == "closed":
        raise WrongState("Cảnh báo đã đóng.", "The alert is closed.")
    if alert.assignee_id not in (None, desk.access.user_id):
        raise WrongState("Đã có người khác nhận xử lý cảnh báo này.", "Someone else has taken this alert.")
    with_record(
        desk,
        alert,
        "claimed",
        None,
        lambda: _set(alert, status="claimed", assignee_id=desk.access and desk.access.user_id, **_AWAKE),
    )


def release(desk: Desk, alert: Alert) -> None:
    if alert.status == "closed" or alert.assignee_id is None:
        raise WrongState("Cảnh báo chưa có người nhận xử lý.", "Nobody has taken this alert.")
    status = "new" if alert.status == "claimed" else alert.status
    with_record(desk, alert, "released", None, lambda: _set(alert, status=status, assignee_id=None))


def assign(desk: Desk, alert: Alert, to_id: int, text: str | None) -> None:
    """Give it to another person, who is told. What somebody else works on, only a lead gives to a third."""
    assert desk.access is not None
    me = desk.access.user_id
    if alert.status == "closed":
        raise WrongState("Cảnh báo đã đóng.", "The alert is closed.")
    if alert.assignee_id not in (None, me) and "incidents.raise" not in desk.access.permissions:
        raise WrongState("Chỉ người đang xử lý hoặc trưởng nhóm giao lại được.",
                         "Only who works on it or a lead gives it to another.")  # fmt: skip
    if to_id == alert.assignee_id:
        raise WrongState("Người này đang xử lý cảnh báo.", "This person has it already.")
    if to_id not in {user.id for user in people.able(desk.session, "alerts.work", alert.agency, desk.now)}:
        raise Invalid("to", "Không giao được cho người này.", "It cannot be given to this person.")
    with_record(
        desk, alert, "assigned", text, lambda: _set(alert, status="claimed", assignee_id=to_id, **_AWAKE)
    )  # fmt: skip
    if to_id != me:
        matters.alert_assigned(desk.session, alert, to_id, desk.now)


def note(desk: Desk, alert: Alert, text: str) -> None:
    with_record(desk, alert, "noted", text, lambda: None)


def snooze(desk: Desk, alert: Alert, until: float, reason: str) -> None:
    if alert.status == "closed":
        raise WrongState("Cảnh báo đã đóng.", "The alert is closed.")
    if not desk.now < until <= desk.now + SNOOZE_LIMIT_S:
        raise Invalid("until", "Thời hạn phải ở tương lai và không quá 90 ngày.", "In the future, at most 90 days on.")
    by = desk.access.name if desk.access else ""
    with_record(
        desk, alert, "snoozed", reason,
        lambda: _set(alert, status="snoozed", woken=False, snooze_until=until, snooze_reason=reason, snooze_by=by),
    )  # fmt: skip


def close(desk: Desk, alert: Alert, disposition: Disposition, text: str | None) -> None:
    if alert.status == "closed":
        raise WrongState("Cảnh báo đã đóng.", "The alert is closed.")
    if disposition == "false_positive" and not text:
        raise Invalid("note", "Báo nhầm cần ghi rõ lý do.", "A false positive needs a note.")
    with_record(
        desk, alert, "closed", text,
        lambda: _set(alert, status="closed", disposition=disposition, closed_at=desk.now, open_key=None, **_AWAKE),
    )  # fmt: skip


def reopen(desk: Desk, alert: Alert, text: str | None) -> None:
    """Back into the queue: a closed alert, or a snoozed one before its time. It takes hits again unless a newer alert
    of its group does."""
    if alert.status not in ("closed", "snoozed"):
        raise WrongState("Cảnh báo đang mở.", "The alert is open.")
    key: str | None = open_key(alert.agency, alert.rule_id, alert.group_key)
    if alert.status == "closed":
        if desk.session.scalar(select(Alert.id).where(Alert.open_key == key)):
            key = None
    else:
        key = alert.open_key
    status = "claimed" if alert.assignee_id else "new"
    with_record(
        desk, alert, "reopened", text,
        lambda: _set(alert, status=status, disposition=None, closed_at=None, open_key=key, **_AWAKE),
    )  # fmt: skip


def wake(desk: Desk) -> int:
    """The system's act: snoozed alerts whose time has come are back, and say so (`woken`)."""
    due = desk.session.scalars(
        select(Alert).where(Alert.status == "snoozed", Alert.snooze_until <= desk.now).limit(500)
    ).all()
    for alert in due:
        status = "claimed" if alert.assignee_id else "new"
        with_record(desk, alert, "woken", None, lambda a=alert, s=status: _set(a, status=s, **_AWAKE | {"woken": True}))  # type: ignore[misc]
        matters.alert_woke(desk.session, alert, desk.now)
    return len(due)


def with_record(desk: Desk, alert: Alert, act: str, text: str | None, do: Callable[[], None]) -> None:
    """Do it, and write down who did what, what it was before, and why."""
    before = _state(alert)
    do()
    after = _state(alert)
    diff = [key for key in after if before[key] != after[key]]
    alert.revision += 1
    access = desk.access
    desk.session.add(
        History(
            kind="alert",
            object_id=alert.id,
            at=desk.now,
            actor_id=access.user_id if access else None,
            actor_name=access.name if access else "",
            act=act,
            before={key: before[key] for key in diff} or None,
            after={key: after[key] for key in diff} or None,
            note=text or None,
        )
    )
    if access:
        desk.audit.record(desk.session, access.actor, f"alert.{act}", alert.id, agency=alert.agency)
    changed(desk.session, desk.bell, "alert", alert.id, agency=alert.agency, revision=alert.revision, now=desk.now)


_AWAKE: dict[str, Any] = {"woken": False, "snooze_until": None, "snooze_reason": None, "snooze_by": None}


def _state(alert: Alert) -> dict[str, Any]:
    names = ("status", "assignee_id", "disposition", "snooze_until", "snooze_reason", "woken", "incident_id")
    return {name: getattr(alert, name) for name in names}


def _set(alert: Alert, **values: Any) -> None:
    for name, value in values.items():
        setattr(alert, name, value)
