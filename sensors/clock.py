"""Time as an argument: every module that reads or waits for time takes a `Clock`.

Out: epoch seconds (UTC, float) and RFC 3339 text. No naive datetime passes: it is refused with a ValueError.
Source: RFC 3339; ECS `date`.
"""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?(Z|z|[+-]\d\d:?\d\d)\Z", re.ASCII
)
# What we write ourselves: of times so near each other all but the seconds is worked out once.
_OURS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d):([0-5]\d)(?:\.(\d{1,9}))?Z\Z", re.ASCII)


class Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds, UTC."""

    def monotonic(self) -> float:
        """Seconds from an unknown start, never going back."""

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait until `stop` is set (True) or `seconds` have passed (False)."""


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return stop.wait(max(0.0, seconds))


class ManualClock:
    """A clock that a test moves; `wait` moves it and returns at once."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = self._monotonic = now

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.move(seconds)
        return stop.is_set()

    def move(self, seconds: float) -> None:
        self._now += seconds
        self._monotonic += max(0.0, seconds)


def rfc3339(when: datetime | float) -> str:
    """`2026-11-22T04:05:06.789012Z`; microseconds at most, whole seconds without a fraction, years 1 to 9999."""
    if isinstance(when, int | float):
        try:
            when = _EPOCH + timedelta(seconds=when)
        except (OverflowError, ValueError):
            when = _EPOCH
    if when.tzinfo is None:
        raise ValueError("a time without a zone")
    return when.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_rfc3339(text: str) -> float | None:
    """Epoch seconds, or None when the text is not an RFC 3339 time. A leap second counts as the second after it."""
    ours = _OURS.match(text)
    if ours:
        minute, second, fraction = ours.groups()
        begin = _minute(minute)
        return begin if begin is None else begin + int(second) + (int(fraction.ljust(9, "0")) / 1e9 if fraction else 0)
    return _parsed(text)


@lru_cache(maxsize=1024)
def _minute(text: str) -> float | None:
    return _parsed(text + ":00Z")


def _parsed(text: str) -> float | None:
    found = _RFC3339.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    zone = found[8]
    if zone in "Zz":
        offset: timezone = UTC
    else:
        away = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
        if away >= timedelta(hours=24):
            return None
        offset = timezone(-away if zone[0] == "-" else away)
    leap = second == 60
    try:
        when = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=offset)
    except ValueError:
        return None
    fraction = int(found[7].ljust(9, "0")) / 1e9 if found[7] else 0.0
    return (when - _EPOCH).total_seconds() + fraction + leap
