"""Minutes: what one minute of a service was, and how many of them count. Pure functions over letters.

    .  not watched      o  answered in time     s  answered, slowly or with a fault
    ?  one failure, or two vantage points that differ          d  down          m  planned work

A minute has the worst mark of what touches it: a service that was down for one second of it lost it. Of several vantage
points, a minute is down only when all that watched it say so; where they differ it is `?`: watched, not lost.
Watched = o + s + ? + d without those in a window; availability = 1 − d / watched, and is always shown with both.
Time: epoch seconds; a day is Vietnam's (UTC+7, no summer time).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

ORDER = ".os?d"
NOBODY = "." * 60
OFFSET_S = 7 * 3600
DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Span:
    """A mark that held from `since` until `until` (≥ since)."""

    since: float
    until: float
    mark: str


@dataclass(frozen=True, slots=True)
class Count:
    ok: int = 0
    slow: int = 0
    suspect: int = 0
    down: int = 0
    maintenance: int = 0

    @property
    def watched(self) -> int:
        return self.ok + self.slow + self.suspect + self.down

    def __add__(self, other: Count) -> Count:
        return Count(self.ok + other.ok, self.slow + other.slow, self.suspect + other.suspect, self.down + other.down,
                     self.maintenance + other.maintenance)  # fmt: skip


def availability(watched: int, lost: int) -> float | None:
    """A share of 1; None when nothing was watched: no base, no figure."""
    return None if watched <= 0 else 1.0 - lost / watched


def day_of(at: float) -> int:
    return int((at + OFFSET_S) // 86_400)


def day_start(day: int) -> float:
    return float(day * 86_400 - OFFSET_S)


def touched(span: Span) -> range:
    """The epoch minutes that a span touches; one that has no length touches the minute it lies in."""
    first = int(span.since // 60)
    last = int(-(-span.until // 60)) if span.until > span.since else first + 1
    return range(first, max(last, first + 1))


def paint(spans: Iterable[Span], hours: Mapping[int, str]) -> dict[int, str]:
    """The hours (epoch hour → sixty marks) that these spans change, over what is there."""
    changed: dict[int, list[str]] = {}
    for span in spans:
        for hour, first, last in _by_hour(touched(span)):
            row = changed.get(hour)
            if row is None:
                row = changed[hour] = list(hours.get(hour, NOBODY))
            for minute in range(first, last):
                if ORDER.index(span.mark) > ORDER.index(row[minute]):
                    row[minute] = span.mark
    return {hour: "".join(row) for hour, row in changed.items()}


def _by_hour(minutes: range) -> Iterator[tuple[int, int, int]]:
    start = minutes.start
    while start < minutes.stop:
        hour = start // 60
        stop = min(minutes.stop, (hour + 1) * 60)
        yield hour, start - hour * 60, stop - hour * 60
        start = stop


def combine(marks: Iterable[str]) -> str:
    """What several vantage points say together."""
    seen = {mark for mark in marks if mark != "."}
    if not seen:
        return "."
    if "d" in seen or "?" in seen:
        return "d" if seen == {"d"} else "?"
    return "s" if "s" in seen else "o"


def together(rows: Sequence[str]) -> str:
    """`combine` for each minute of equally long rows."""
    if len(rows) == 1:
        return rows[0]
    return "".join(combine(marks) for marks in zip(*rows, strict=True))


def excuse(row: str, first_minute: int, windows: Iterable[tuple[float, float]]) -> str:
    """`row` (from epoch minute `first_minute` on) with every minute that a window (since, until) touches as `m`."""
    marks = list(row)
    for since, until in windows:
        if until <= since:
            continue
        for minute in range(max(int(since // 60), first_minute), min(int(-(-until // 60)), first_minute + len(row))):
            marks[minute - first_minute] = "m"
    return "".join(marks)


def count(row: str) -> Count:
    found = Counter(row)
    return Count(found["o"], found["s"], found["?"], found["d"], found["m"])
