"""Times as logs write them, into epoch seconds (UTC); None when it is not such a time.

A time without a year (RFC 3164 section 4.1.2) is the one nearest to `now`; without a zone it is in the zone given,
which the configuration names. A local hour that happens twice is the first one (PEP 495, fold=0).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from sensors.clock import parse_rfc3339

MONTHS = {
    "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "May": 5, "Jun": 6,
    "Jul": 7, "Aug": 8, "Sep": 9, "Oct": 10, "Nov": 11, "Dec": 12,
}  # fmt: skip
_LOCAL = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?(?: ?([+-]\d\d:?\d\d|Z))?\Z", re.ASCII
)
_CLF = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\Z", re.ASCII)


def _epoch(year: int, month: int, day: int, hour: int, minute: int, second: int, zone: tzinfo) -> float | None:
    leap = second == 60
    try:
        return datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=zone).timestamp() + leap
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=1024)
def clf(text: str) -> float | None:
    """`25/Oct/2016:14:49:33 +0200` (Common Log Format)."""
    found = _CLF.match(text)
    if not found or found[2] not in MONTHS:
        return None
    away = timedelta(hours=int(found[8]), minutes=int(found[9]))
    if away >= timedelta(hours=24):
        return None
    zone = timezone(-away if found[7] == "-" else away)
    return _epoch(int(found[3]), MONTHS[found[2]], int(found[1]), int(found[4]), int(found[5]), int(found[6]), zone)


@lru_cache(maxsize=1024)
def iso(text: str, zone: tzinfo) -> float | None:
    """RFC 3339, or the same without a zone, with a comma or a blank where others put "." and "T"."""
    when = parse_rfc3339(text)
    if when is not None:
        return when
    found = _LOCAL.match(text)
    if not found:
        return None
    if found[8]:
        return parse_rfc3339(text.replace(" +", "+").replace(" -", "-").replace(" Z", "Z"))
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    when = _epoch(year, month, day, hour, minute, second, zone)
    fraction = int(found[7].ljust(9, "0")) / 1e9 if found[7] else 0.0
    return None if when is None else when + fraction


@lru_cache(maxsize=1024)
def _bsd(year: int, month: int, day: int, clock: str, zone: tzinfo) -> float | None:
    hour, minute, second = (int(part) for part in clock[:8].split(":"))
    when = _epoch(year, month, day, hour, minute, second, zone)
    fraction = clock[9:18]
    return when if when is None or not fraction else when + int(fraction.ljust(9, "0")) / 1e9


def bsd(month: str, day: str, clock: str, now: float, zone: tzinfo, year: str | None = None) -> float | None:
    """`Feb`, `21`, `21:54:44[.123]`, with the year if the line has one, else the nearest to `now`."""
    number = MONTHS.get(month)
    if number is None:
        return None
    if year:
        return _bsd(int(year), number, int(day), clock, zone)
    try:
        here = datetime.fromtimestamp(now, UTC).year
    except (ValueError, OverflowError, OSError):
        here = 1970
    tries = [_bsd(at, number, int(day), clock, zone) for at in (here - 1, here, here + 1) if 1 <= at <= 9999]
    known = [when for when in tries if when is not None]
    if not known and number == 2 and int(day) == 29:  # a leap day, further off
        known = [when for at in range(here - 8, here + 9) if (when := _bsd(at, number, 29, clock, zone)) is not None]
    return min(known, key=lambda when: abs(when - now)) if known else None
