"""Services as people read them: the list, one service, the file for a spreadsheet.

In:  a read session and the scope of `services.read`. Out: shapes. Bound: SERVICES rows looked at (sorting by share
     needs all of a scope), a page of `limit`; DAYS_SHOWN of days, OUTAGES of one service.
"""

from __future__ import annotations

import base64
import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.casework.folding import like
from api.casework.paging import BadCursor
from api.casework.queue import inside
from api.services import shapes, sketch, windows
from api.services.days import not_watched, of_day, row_of, since_days
from api.services.follow import WORDS
from api.services.judge import lives, shown
from api.services.minutes import Count, availability, day_of, day_start
from api.state.inventory import System
from api.state.services import Day, Hour, Outage, Service, Vantage, Window
from correlator.store.base import Scope
from sensors.clock import rfc3339

SERVICES = 20_000
DAYS_SHOWN, OUTAGES, MONTHS = 90, 100, 13
BY_STATE = ("down", "suspect", "slow", "unknown", "maintenance", "up")  # now down first
SORTS = ("state", "name", "availability", "certificate", "since")


def page(
    session: Session, scope: Scope, *, state: str, system: str, agency: str, q: str, certificate: int, sort: str,
    limit: int, cursor: str, now: float,
) -> shapes.Services:  # fmt: skip
    chosen = select(Service).where(inside(Service.agency, scope), Service.retired_at.is_(None))
    if agency:
        chosen = chosen.where(Service.agency == agency)
    if system:
        chosen = chosen.where(Service.system_id == system)
    if certificate:
        chosen = chosen.where(Service.certificate_expires_at < now + 86_400 * certificate)
    for word in q.split()[:10]:
        chosen = chosen.where(Service.search_text.like(like(word), escape="\\"))
    found = list(session.scalars(chosen.order_by(Service.name, Service.id).limit(SERVICES)))
    states = dict.fromkeys(BY_STATE, 0)
    for row in found:
        states[state_of(row)] += 1
    if state:
        found = [row for row in found if state_of(row) == state]
    found = _sorted(session, found, sort, now)
    start = _start(cursor)
    rows = found[start : start + limit]
    more = start + limit < len(found)
    running = session.scalars(
        select(Window)
        .where(inside(Window.agency, scope), Window.since <= now, Window.until > now, Window.cancelled_at.is_(None))
        .order_by(Window.until)
        .limit(50)
    )
    return shapes.Services(
        items=short(session, rows, now),
        next=base64.urlsafe_b64encode(str(start + limit).encode()).decode() if more else None,
        total=len(found),
        states=states,
        windows=[window(one, now) for one in running],
    )


def find(session: Session, scope: Scope, service_id: str) -> Service | None:
    row = session.get(Service, service_id)
    return row if row is not None and scope.sees(row.agency) else None


def state_of(row: Service) -> str:
    return "maintenance" if row.maintenance else row.state


def short(session: Session, rows: Sequence[Service], now: float, days: int = DAYS_SHOWN) -> list[shapes.ServiceShort]:
    by_day: dict[str, dict[int, Day]] = defaultdict(dict)
    ids = [row.id for row in rows]
    for day in session.scalars(select(Day).where(Day.service_id.in_(ids), Day.day > day_of(now) - days)):
        by_day[day.service_id][day.day] = day
    systems = dict(
        session.execute(
            select(System.id, System.name).where(System.id.in_({row.system_id for row in rows if row.system_id}))
        ).all()
    )
    return [
        shapes.ServiceShort.model_construct(**_fields(row, systems, by_day.get(row.id, {}), days, now)) for row in rows
    ]


def full(session: Session, row: Service, now: float) -> shapes.Service:
    [brief] = short(session, [row], now)
    today = day_of(now)
    start = day_start(today)
    over = windows.of(session, [row.id], start, now, row.agency)
    hours = of_day(session, row.id, today)
    marks = row_of(hours, today, [(since, min(until, now)) for since, until in windows.spans(over, row.id)])
    recent = [*of_day(session, row.id, today - 1), *hours]
    all_windows = session.scalars(
        select(Window)
        .where(Window.agency == row.agency, Window.until > now - 90 * 86_400)
        .order_by(Window.since.desc())
    )
    mine = [one for one in all_windows if row.id in one.services][:OUTAGES]
    views = session.scalars(select(Vantage).where(Vantage.service_id == row.id).order_by(Vantage.name))
    return shapes.Service(
        **brief.__dict__,
        today=marks[: max(0, int((now - start) // 60))],
        today_starts_at=rfc3339(start),
        hours=_latencies(recent, now),
        months=_months(session, row.id, now),
        vantages=[
            shapes.VantageShape.model_construct(
                name=view.name, state=WORDS[shown(view)] if lives(view, now) else "unknown", since=rfc3339(view.since),
                last_at=rfc3339(view.last_at), every_s=view.every_s, reason=view.reason, latency_ms=view.latency_ms,
            )
            for view in views
        ],
        outages=outages(session, row.id, mine, now),
        windows=[window(one, now) for one in mine],
        first_at=rfc3339(row.first_at),
    )  # fmt: skip


def outages(session: Session, service_id: str, over: Sequence[Window], now: float) -> list[shapes.OutageShape]:
    rows = session.scalars(
        select(Outage).where(Outage.service_id == service_id).order_by(Outage.since.desc()).limit(OUTAGES)
    )
    excused = [one for one in over if one.cancelled_at is None]
    return [
        shapes.OutageShape(
            id=row.id, service_id=service_id, since=rfc3339(row.since),
            until=rfc3339(row.until) if row.until is not None else None,
            minutes=max(1, round(((row.until if row.until is not None else now) - row.since) / 60)),
            reason=row.reason, flaps=row.flaps, maintenance=windows.covers(excused, service_id, row.since),
            alert_id=row.alert_id, incident_id=row.incident_id, undone=row.undone, related=row.related,
        )
        for row in rows
    ]  # fmt: skip


def window(row: Window, now: float) -> shapes.WindowShape:
    state = "planned" if now < row.since else "running" if now < row.until else "over"
    return shapes.WindowShape.model_construct(
        id=row.id, agency=row.agency, services=row.services, since=rfc3339(row.since), until=rfc3339(row.until),
        note=row.note, state="withdrawn" if row.cancelled_at is not None else state, retroactive=row.retroactive,
        created_by=row.created_by, created_at=rfc3339(row.created_at), revision=row.revision,
    )  # fmt: skip


_COLUMNS = ("id", "agency", "name", "kind", "system", "grade", "state", "since", "availability_30d_percent",
            "minutes_watched_30d", "minutes_lost_30d", "minutes_maintenance_30d", "latency_ms",
            "certificate_expires_at", "checked_at")  # fmt: skip


def as_csv(rows: Iterable[shapes.ServiceShort]) -> str:
    """For a spreadsheet: UTF-8 with a mark, so that it opens with its diacritics; no cell starts a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for row in rows:
        told = row.availability
        share = "" if told.share is None else f"{100 * told.share:.3f}"
        cells = (row.id, row.agency, row.name, row.kind, row.system.name if row.system else "", row.grade, row.state,
                 row.since, share, told.minutes_watched, told.minutes_lost, told.minutes_maintenance, row.latency_ms,
                 row.certificate_expires_at, row.checked_at)  # fmt: skip
        writer.writerow(["" if cell is None else _tame(cell) for cell in cells])
    return "\ufeff" + out.getvalue()


def _tame(cell: object) -> object:
    """A text that a spreadsheet would take for a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def _fields(row: Service, systems: dict[str, str], days: dict[int, Day], shown_days: int, now: float) -> dict[str, Any]:
    today = day_of(now)
    ends = row.certificate_expires_at
    system = systems.get(row.system_id or "")
    return {
        "id": row.id, "agency": row.agency, "key": row.key, "name": row.name, "kind": row.kind, "host": row.host,
        "system": shapes.SystemRef(id=row.system_id or "", name=system) if system is not None else None,
        "grade": row.grade, "state": state_of(row), "observed": row.state, "since": rfc3339(row.since),
        "reason": row.reason, "latency_ms": row.latency_ms, "slow_ms": row.slow_ms,
        "checked_at": rfc3339(row.checked_at), "certificate_expires_at": rfc3339(ends) if ends is not None else None,
        "certificate_days": int((ends - now) // 86_400) if ends is not None else None,
        "availability": _base([days[day] for day in range(today - 29, today + 1) if day in days], 30),
        "days": [
            _day(row, day, days.get(day), now)
            for day in range(max(today - shown_days + 1, day_of(row.first_at)), today + 1)
        ],
        "revision": row.revision,
    }  # fmt: skip


def _base(days: Iterable[Day], of_days: int) -> shapes.Availability:
    whole = Count()
    for day in days:
        whole += Count(day.ok, day.slow, day.suspect, day.down, day.maintenance)
    return shapes.Availability(
        share=availability(whole.watched, whole.down), days=of_days, minutes_watched=whole.watched,
        minutes_lost=whole.down, minutes_slow=whole.slow, minutes_suspect=whole.suspect,
        minutes_maintenance=whole.maintenance,
    )  # fmt: skip


def _day(service: Service, day: int, row: Day | None, now: float) -> shapes.DayShape:
    told = Count(row.ok, row.slow, row.suspect, row.down, row.maintenance) if row else Count()
    return shapes.DayShape.model_construct(
        date=date_of(day), ok=told.ok, slow=told.slow, suspect=told.suspect, down=told.down,
        maintenance=told.maintenance, unknown=not_watched(service, day, told.watched + told.maintenance, now),
        p50_ms=row.p50_ms if row else None, p95_ms=row.p95_ms if row else None,
    )  # fmt: skip


def date_of(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def _months(session: Session, service_id: str, now: float) -> list[shapes.MonthShape]:
    whole: dict[str, Count] = {}
    for row in session.scalars(select(Day).where(Day.service_id == service_id).order_by(Day.day)):
        month = date_of(row.day)[:7]
        whole[month] = whole.get(month, Count()) + Count(row.ok, row.slow, row.suspect, row.down, row.maintenance)
    return [
        shapes.MonthShape(month=month, share=availability(told.watched, told.down), minutes_watched=told.watched,
                          minutes_lost=told.down, minutes_maintenance=told.maintenance)
        for month, told in list(whole.items())[-MONTHS:]
    ]  # fmt: skip


def _latencies(hours: Iterable[Hour], now: float) -> list[shapes.HourShape]:
    """The last 24 hours, every vantage point in one sketch an hour."""
    by_hour: dict[int, sketch.Sketch] = {}
    for row in hours:
        sketch.merge(by_hour.setdefault(row.hour, {}), row.sketch)
    last = int(now // 3600)
    return [
        shapes.HourShape(at=rfc3339(hour * 3600.0), p50_ms=sketch.quantile(told, 0.5),
                         p95_ms=sketch.quantile(told, 0.95), results=sum(told.values()))
        for hour in range(last - 23, last + 1)
        for told in [by_hour.get(hour, {})]
    ]  # fmt: skip


def _sorted(session: Session, rows: list[Service], sort: str, now: float) -> list[Service]:
    down, key = sort.startswith("-"), sort.lstrip("-")
    if key == "state":
        rows = sorted(rows, key=lambda row: (BY_STATE.index(state_of(row)), -(row.grade or 0)))
    elif key == "availability":
        told = since_days(session, [row.id for row in rows], 30, now)
        shares = {key: availability(value.watched, value.down) for key, value in told.items()}
        rows = sorted(rows, key=lambda row: 2.0 if (share := shares.get(row.id)) is None else share)
    elif key == "certificate":
        rows = sorted(rows, key=lambda row: row.certificate_expires_at or float("inf"))
    elif key == "since":
        rows = sorted(rows, key=lambda row: row.since)
    return rows[::-1] if down else rows


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        start = int(base64.urlsafe_b64decode(cursor.encode()).decode("ascii")[:9])
    except ValueError:
        raise BadCursor from None
    if start < 0:
        raise BadCursor
    return start
