"""Reckoning of deadlines: pure functions over days in Vietnam and epoch seconds. No database, no clock of its own.

Days are days of Vietnam's official time (UTC+7, no summer time since 1975). A deadline "by 20 December" ends with that
day, 23:59:59. Hours run through weekends and holidays: the texts count hours from detection, not working hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone

from api.clocks.rules import ClockStage, Rule, Ticking

HANOI = timezone(timedelta(hours=7))


def day_of(at: float) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(HANOI).date()


def begin_of(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=HANOI).timestamp()


def end_of(day: date) -> float:
    return begin_of(day + timedelta(days=1)) - 1


def day_in(year: int, month_day: str) -> date:
    """29 February is 28 February in a common year."""
    month, day = int(month_day[:2]), int(month_day[3:])
    if (month, day) == (2, 29) and not (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)):
        day = 28
    return date(year, month, day)


@dataclass(frozen=True, slots=True)
class Period:
    name: str  # the year in which it ends: "2026"
    start: date
    end: date
    due: date


def period(ticking: Ticking, year: int) -> Period:
    """The period that ends in `year`, and the first day of its kind on or after that end by which it is due."""
    assert ticking.day
    assert ticking.period_from
    assert ticking.period_to
    end = day_in(year, ticking.period_to)
    start = day_in(year - 1 if ticking.period_from > ticking.period_to else year, ticking.period_from)
    due = day_in(year, ticking.day)
    if due < end:
        due = day_in(year + 1, ticking.day)
    return Period(str(year), start, end, due)


def periods_at(ticking: Ticking, today: date) -> Iterator[Period]:
    """Periods that have begun and whose report is not due before today."""
    for year in (today.year - 1, today.year, today.year + 1):
        found = period(ticking, year)
        if found.start <= today <= found.due:
            yield found


def applies(rule: Rule, grade: int | None, kind: str | None) -> bool:
    """What is not known yet does not excuse: a rule for grades 3 to 5 holds for a system without a grade."""
    if rule.grades and grade is not None and grade not in rule.grades:
        return False
    return not (rule.kinds and kind is not None and kind not in rule.kinds)


def moment(stage: ClockStage, start: float, due: float) -> float | None:
    """When this stage is reached; None when it has no place in so short a time."""
    if stage.late_s is not None:
        return due + stage.late_s
    at = start + stage.share * (due - start) if stage.share is not None else due - (stage.left_s or 0)
    return at if start < at < due else None


def reached(
    stages: Iterable[ClockStage], start: float, due: float, now: float, told: Sequence[str]
) -> list[ClockStage]:
    """Stages that are reached and were not told, in the order of their times."""
    found = [
        (at, stage)
        for stage in stages
        if stage.key not in told and (at := moment(stage, start, due)) is not None and at <= now
    ]
    return [stage for _, stage in sorted(found, key=lambda pair: pair[0])]


def next_look(stages: Iterable[ClockStage], start: float, due: float, told: Sequence[str]) -> float | None:
    times = [at for stage in stages if stage.key not in told and (at := moment(stage, start, due)) is not None]
    return min(times, default=None)
