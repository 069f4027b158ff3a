"""Windows of planned work: silent, one banner, not counted as lost; also declared afterwards, with a reason on record.

In:  the desk of who acts, services of one agency, a time from-to, why. Out: the `Window`; the days it touches are
     counted again, and services that it covers now say so. The minutes themselves are never rewritten: a window lies
     over them, so withdrawing it brings back what was seen.
Bound: SERVICES per window, LENGTH_S long, BACK_S back (as far as minutes are kept), AHEAD_S ahead, OPEN per agency.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.casework import ids
from api.casework.alerts import Desk
from api.casework.changes import Bell, changed
from api.casework.errors import Invalid, Unseen, WrongState
from api.services.minutes import day_of
from api.state.services import Day, Service, Window

SERVICES = 200
LENGTH_S = 31 * 86_400.0
BACK_S = 90 * 86_400.0
AHEAD_S = 366 * 86_400.0
OPEN = 500
GRACE_S = 60.0  # "from now" typed a moment ago is not declared afterwards


def of(session: Session, service_ids: Iterable[str], since: float, until: float, agency: str = "") -> list[Window]:
    """Windows that touch from-to and one of these services; withdrawn ones are gone."""
    wanted = set(service_ids)
    conditions = [Window.cancelled_at.is_(None), Window.until > since, Window.since < until]
    if agency:
        conditions.append(Window.agency == agency)
    rows = session.scalars(select(Window).where(*conditions).order_by(Window.since))
    return [row for row in rows if wanted.intersection(row.services)]


def covers(windows: Iterable[Window], service_id: str, at: float) -> bool:
    return any(one.since <= at < one.until and service_id in one.services for one in windows)


def spans(windows: Iterable[Window], service_id: str) -> list[tuple[float, float]]:
    return [(one.since, one.until) for one in windows if service_id in one.services]


def plan(desk: Desk, service_ids: Sequence[str], since: float, until: float, note: str) -> Window:
    services = _services(desk, service_ids)
    if until <= since:
        raise Invalid("until", "Giờ kết thúc phải sau giờ bắt đầu.", "The end must be after the beginning.")
    if until - since > LENGTH_S:
        raise Invalid("until", "Mỗi đợt bảo trì không quá 31 ngày.", "A window is at most 31 days long.")
    if since < desk.now - BACK_S or until > desk.now + AHEAD_S:
        raise Invalid("since", "Chỉ trong 90 ngày qua đến 1 năm tới.", "From 90 days back to a year ahead.")
    agency = services[0].agency
    there = select(func.count()).where(Window.agency == agency, Window.until > desk.now, Window.cancelled_at.is_(None))
    if (desk.session.scalar(there) or 0) >= OPEN:
        raise WrongState(f"Đã có {OPEN} đợt bảo trì đang mở.", f"There are {OPEN} open windows.")
    assert desk.access is not None
    window = Window(
        id=ids.next_id(desk.session, "BT", desk.now), agency=agency, services=[row.id for row in services], since=since,
        until=until, note=note, retroactive=since < desk.now - GRACE_S, created_by=desk.access.name,
        created_at=desk.now,
    )  # fmt: skip
    desk.session.add(window)
    desk.session.flush()
    act = "maintenance.retroactive" if window.retroactive else "maintenance.planned"
    detail = {"services": window.services[:50], "since": since, "until": until, "note": note[:500]}
    desk.audit.record(desk.session, desk.access.actor, act, window.id, agency=agency, detail=detail)
    _applied(desk, window, since, until)
    return window


def take(desk: Desk, window_id: str) -> Window:
    window = desk.session.get(Window, window_id, with_for_update=True)
    if window is None or not desk.scope.sees(window.agency):
        raise Unseen
    return window


def end(desk: Desk, window: Window, note: str) -> None:
    """One that has not begun or is over is withdrawn (its minutes count again); a running one ends now."""
    assert desk.access is not None
    if window.cancelled_at is not None:
        raise WrongState("Đợt bảo trì này đã được hủy.", "This window was withdrawn.")
    since, until = window.since, window.until
    running = window.since <= desk.now < window.until
    if running:
        window.until = desk.now
    else:
        window.cancelled_at, window.cancelled_by = desk.now, desk.access.name
    window.revision += 1
    act = "maintenance.ended" if running else "maintenance.withdrawn"
    desk.audit.record(desk.session, desk.access.actor, act, window.id, agency=window.agency,
                      detail={"note": note[:500]})  # fmt: skip
    desk.session.flush()
    _applied(desk, window, since, until)


def begin_and_end(session: Session, bell: Bell, now: float) -> int:
    """By the clock: services whose window has begun or is over."""
    running = list(
        session.scalars(select(Window).where(Window.cancelled_at.is_(None), Window.since <= now, Window.until > now))
    )
    covered = {service_id for window in running for service_id in window.services}
    flagged = set(session.scalars(select(Service.id).where(Service.maintenance)))
    for service_id in covered ^ flagged:
        service = session.get(Service, service_id)
        if service is not None:
            _flag(session, bell, service, service_id in covered, now)
            for row in session.scalars(select(Day).where(Day.service_id == service_id, Day.day == day_of(now))):
                row.stale = True
    return len(covered ^ flagged)


def due(session: Session, now: float) -> bool:
    """Whether `begin_and_end` has something to do: asked with a read, so that an idle node writes nothing."""
    rows = session.execute(
        select(Window.services).where(Window.cancelled_at.is_(None), Window.since <= now, Window.until > now)
    )
    covered = {service_id for (services,) in rows for service_id in services}
    return covered != set(session.scalars(select(Service.id).where(Service.maintenance)))


def _services(desk: Desk, service_ids: Sequence[str]) -> list[Service]:
    wanted = list(dict.fromkeys(service_ids))
    if not wanted or len(wanted) > SERVICES:
        raise Invalid("services", f"Cần từ 1 đến {SERVICES} dịch vụ.", f"1 to {SERVICES} services.")
    found = [desk.session.get(Service, service_id) for service_id in wanted]
    rows = [row for row in found if row is not None and desk.scope.sees(row.agency)]
    if len(rows) != len(wanted):
        raise Unseen
    if len({row.agency for row in rows}) > 1:
        raise Invalid("services", "Các dịch vụ phải thuộc cùng một đơn vị.", "The services must be of one agency.")
    return rows


def _applied(desk: Desk, window: Window, since: float, until: float) -> None:
    days = range(day_of(since), day_of(min(until, desk.now)) + 1)
    for service_id in window.services:
        for row in desk.session.scalars(select(Day).where(Day.service_id == service_id, Day.day.in_(days))):
            row.stale = True
        service = desk.session.get(Service, service_id)
        if service is not None:
            here = covers(of(desk.session, [service_id], desk.now, desk.now + 1, window.agency), service_id, desk.now)
            _flag(desk.session, desk.bell, service, here, desk.now)


def _flag(session: Session, bell: Bell, service: Service, covered: bool, now: float) -> None:
    service.maintenance = covered
    service.revision += 1
    changed(session, bell, "service", service.id, agency=service.agency, revision=service.revision, now=now)
