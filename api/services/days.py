"""Days: counted from the hours of all vantage points and the windows over them; counted again when either changes.

In:  rows marked `stale`. Out: the `Day` row: minutes ok, slow, suspect, down, in maintenance; latency p50 and p95.
`since_days`: a base over many days. What was not watched is in none of the figures, and is shown as such.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.services import sketch, windows
from api.services.follow import HOURS_DAYS, day_hours
from api.services.minutes import Count, count, day_of, day_start, excuse, together
from api.state.services import Day, Hour, Outage, Service, Window

AT_ONCE = 200  # days a transaction
DAYS_KEPT = 400  # thirteen months: a month can be compared with the same month of last year


def row_of(hours: Iterable[Hour], day: int, covered: Iterable[tuple[float, float]]) -> str:
    """A day's 1,440 marks, all vantage points together, windows laid over."""
    by_vantage: dict[str, dict[int, str]] = {}
    for hour in hours:
        by_vantage.setdefault(hour.vantage, {})[hour.hour] = hour.minutes
    rows = ["".join(found.get(hour, "." * 60) for hour in day_hours(day)) for found in by_vantage.values()]
    return excuse(together(rows) if rows else "." * 1440, int(day_start(day) // 60), covered)


def of_day(session: Session, service_id: str, day: int) -> list[Hour]:
    wanted = day_hours(day)
    return list(
        session.scalars(
            select(Hour).where(Hour.service_id == service_id, Hour.hour >= wanted.start, Hour.hour < wanted.stop)
        )
    )


def roll(session: Session, now: float) -> int:
    """Count up to AT_ONCE stale days; how many were. A window's minutes that have not come yet are not counted."""
    oldest = day_of(now - HOURS_DAYS * 86_400) + 1
    rows = list(session.scalars(select(Day).where(Day.stale).order_by(Day.day).limit(AT_ONCE)))
    for row in rows:
        row.stale = False
        if row.day < oldest:
            continue  # its minutes are gone: what was counted stands
        start = day_start(row.day)
        over = windows.of(session, [row.service_id], start, start + 86_400)
        hours = of_day(session, row.service_id, row.day)
        covered = [(since, min(until, now)) for since, until in windows.spans(over, row.service_id)]
        found = count(row_of(hours, row.day, covered))
        row.ok, row.slow, row.suspect, row.down, row.maintenance = (
            found.ok, found.slow, found.suspect, found.down, found.maintenance
        )  # fmt: skip
        whole: sketch.Sketch = {}
        for hour in hours:
            sketch.merge(whole, hour.sketch)
        row.p50_ms, row.p95_ms = sketch.quantile(whole, 0.5), sketch.quantile(whole, 0.95)
    return len(rows)


def since_days(session: Session, service_ids: Iterable[str], days: int, now: float) -> dict[str, Count]:
    """The sum of the last `days` days, today included, by service."""
    rows = session.execute(
        select(Day.service_id, func.sum(Day.ok), func.sum(Day.slow), func.sum(Day.suspect), func.sum(Day.down),
               func.sum(Day.maintenance))
        .where(Day.service_id.in_(list(service_ids)), Day.day > day_of(now) - days)
        .group_by(Day.service_id)
    )  # fmt: skip
    return {row[0]: Count(*(int(value or 0) for value in row[1:])) for row in rows}


def clean(session: Session, now: float) -> int:
    """What has had its time: minutes after 92 days, days, outages and windows after 400."""
    last = now - DAYS_KEPT * 86_400
    gone = 0
    for wanted in (
        delete(Hour).where(Hour.hour < int((now - HOURS_DAYS * 86_400) // 3600)),
        delete(Day).where(Day.day < day_of(last)),
        delete(Outage).where(Outage.until < last),
        delete(Window).where(Window.until < last),
    ):
        gone += int(getattr(session.execute(wanted), "rowcount", 0))
    return gone


def not_watched(service: Service, day: int, watched: int, now: float) -> int:
    """Minutes of a day that nobody watched, from the first result on and up to now."""
    start, end = max(day_start(day), service.first_at), min(day_start(day + 1), now)
    return max(0, int((end - start) // 60) - watched) if end > start else 0
