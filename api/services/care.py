"""What services need by the clock: silence, windows, notices, links to incidents, days; a small transaction each.

A matter is told once per outage: a service that flaps keeps its outage (follow.py), planned work is silent, and one
that is still down when its window ends is told then. Good news comes when the service stayed up for SETTLE_S. What is
older than TELL_S (a node that was away, a first catch-up) is on the screen and wakes nobody.
A certificate is told at 30, 14 and 7 days and on the day it ends, each once per certificate.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from api.casework.changes import Bell, changed
from api.notices.tell import tell
from api.services import systems, windows
from api.services.follow import SETTLE_S, settle
from api.services.judge import lives
from api.shapes import Level
from api.state.inventory import System
from api.state.services import Outage, Service, Vantage

TELL_S = 3_600.0
THRESHOLDS: Mapping[int, Level] = {0: "high", 7: "high", 14: "medium", 30: "low"}  # days left
AT_ONCE = 500


def silence(session: Session, bell: Bell, now: float) -> int:
    """Services that nobody has asked for longer than their results speak are unknown: not down."""
    found = 0
    for service in session.scalars(select(Service).where(Service.state != "unknown", Service.checked_at < now - 90.0)):
        views = session.scalars(select(Vantage).where(Vantage.service_id == service.id)).all()
        if not any(lives(view, now) for view in views) and settle(session, service, views, now):
            found += 1
            say(session, bell, service, now)
    return found


def outages(session: Session, bell: Bell, now: float) -> int:
    """Tell of outages that began and of those that are over."""
    told = 0
    for outage in session.scalars(select(Outage).where(Outage.settled_at.is_(None)).limit(AT_ONCE)):
        service = session.get_one(Service, outage.service_id)
        if outage.until is None:
            if not outage.told and not service.maintenance:
                outage.told = True
                begun = max(outage.since, _window_end(session, service, now))
                if now - begun <= TELL_S:
                    told += _tell_down(session, service, outage, now)
        elif now - outage.until >= SETTLE_S:
            outage.settled_at = now
            say(session, bell, service, now)
            if outage.told and now - outage.until <= TELL_S:
                told += _tell_up(session, service, outage, now)
    return told


def outages_due(session: Session, now: float) -> bool:
    wanted = select(Outage.id).join(Service).where(
        Outage.settled_at.is_(None),
        or_((Outage.until.is_(None)) & Outage.told.is_(False) & Service.maintenance.is_(False),
            Outage.until <= now - SETTLE_S),
    )  # fmt: skip
    return session.scalar(wanted.limit(1)) is not None


def certificates(session: Session, now: float) -> int:
    told = 0
    for service in session.scalars(
        select(Service).where(Service.certificate_expires_at < now + 86_400 * 31, Service.retired_at.is_(None))
    ):
        assert service.certificate_expires_at is not None
        left = (service.certificate_expires_at - now) / 86_400
        threshold = min((days for days in THRESHOLDS if left <= days), default=None)
        if threshold is None or (service.certificate_told is not None and service.certificate_told <= threshold):
            continue
        service.certificate_told = threshold
        days = max(0, int(left))
        ends = int(service.certificate_expires_at // 86_400)
        vi = f"còn {days} ngày" if threshold else "đã hết hạn"
        en = f"ends in {days} days" if threshold else "has ended"
        told += tell(
            session, key=f"service:{service.id}:certificate:{ends}:{threshold}",
            kind="service", agency=service.agency, ref=service.id, level=THRESHOLDS[threshold], grade=service.grade,
            title={"vi": f"Chứng thư số của {service.name} {vi}", "en": f"The certificate of {service.name} {en}"},
            link=f"#/services/{service.id}", marked=secret(session, service), now=now,
        )  # fmt: skip
    return told


def rename(session: Session, bell: Bell, now: float) -> int:
    """Systems change: each service is looked up again."""
    moved = 0
    for service in session.scalars(select(Service).where(Service.retired_at.is_(None))):
        system = systems.find(session, service.agency, service.system_word, service.host, service.address, now)
        belongs = (system.id, system.grade) if system else (None, None)
        if belongs != (service.system_id, service.grade):
            service.system_id, service.grade = belongs
            moved += 1
            say(session, bell, service, now)
    return moved


def secret(session: Session, service: Service) -> bool:
    system = session.get(System, service.system_id) if service.system_id else None
    return system is not None and system.secret


def say(session: Session, bell: Bell, service: Service, now: float) -> None:
    service.revision += 1
    changed(session, bell, "service", service.id, agency=service.agency, revision=service.revision, now=now)


def _window_end(session: Session, service: Service, now: float) -> float:
    """When the last window over this service ended, within what is still news."""
    ended = [one.until for one in windows.of(session, [service.id], now - TELL_S, now, service.agency)]
    return max((until for until in ended if until <= now), default=0.0)


def _tell_down(session: Session, service: Service, outage: Outage, now: float) -> bool:
    return tell(
        session, key=f"service:{service.id}:down:{outage.id}", kind="service", agency=service.agency, ref=service.id,
        level="high", grade=service.grade, marked=secret(session, service), link=f"#/services/{service.id}", now=now,
        title={"vi": f"Dịch vụ ngừng trả lời: {service.name}", "en": f"Service does not answer: {service.name}"},
    )  # fmt: skip


def _tell_up(session: Session, service: Service, outage: Outage, now: float) -> bool:
    assert outage.until is not None
    minutes = max(1, round((outage.until - outage.since) / 60))
    return tell(
        session, key=f"service:{service.id}:up:{outage.id}", kind="service", agency=service.agency, ref=service.id,
        level="informational", grade=service.grade, marked=secret(session, service), over=True, now=now,
        link=f"#/services/{service.id}",
        title={"vi": f"Dịch vụ hoạt động lại: {service.name}, gián đoạn {minutes} phút",
               "en": f"Service answers again: {service.name}, after {minutes} min"},
    )  # fmt: skip
