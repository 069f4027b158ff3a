"""Vietnam's clock: UTC+7 all year, no summer time; office hours and holidays.

In:  epoch seconds. Out: days as "2026-11-22", minutes of the day, weekdays (0 = Monday), whether it is office hours.
Source: Labour Code 2019, article 112, for the holidays with a fixed date; those by the moon and the days that are moved
     are named by the Government each year and entered by the operator (`Holiday`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

OFFSET_S = 7 * 3600
DAY_S = 86_400
FIXED = {"01-01": "Tết Dương lịch", "04-30": "Ngày Chiến thắng", "05-01": "Quốc tế Lao động", "09-02": "Quốc khánh"}


class Office(NamedTuple):
    """Minutes of the day."""

    start: int = 8 * 60
    end: int = 17 * 60


def day_of(at: float) -> str:
    return datetime.fromtimestamp(at + OFFSET_S, UTC).date().isoformat()


def minute_of(at: float) -> int:
    return int((at + OFFSET_S) % DAY_S) // 60


def weekday_of(at: float) -> int:
    return datetime.fromtimestamp(at + OFFSET_S, UTC).weekday()


def start_of(day: str) -> float:
    """Midnight in Vietnam."""
    there = date.fromisoformat(day)
    return datetime(there.year, there.month, there.day, tzinfo=UTC).timestamp() - OFFSET_S


def next_day(day: str, days: int = 1) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def is_office(at: float, holidays: Collection[str] = (), office: Office = Office()) -> bool:  # noqa: B008
    day = day_of(at)
    if weekday_of(at) > 4 or day[5:] in FIXED or day in holidays:
        return False
    return office.start <= minute_of(at) < office.end


def in_quiet(at: float, start: int | None, end: int | None) -> float | None:
    """When the quiet hours that `at` lies in end; None outside of them."""
    if start is None or end is None or start == end:
        return None
    minute = minute_of(at)
    inside = start <= minute < end if start < end else minute >= start or minute < end
    if not inside:
        return None
    midnight = start_of(day_of(at))
    ends = midnight + end * 60
    return ends if ends > at else ends + DAY_S
