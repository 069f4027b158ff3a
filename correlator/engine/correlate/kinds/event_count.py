"""event_count: how many events. An event that several of the rules match is one event."""

from __future__ import annotations

from correlator.engine.correlate.group import Group
from correlator.engine.correlate.measure import THRESHOLD_LIMIT, Kind, Measure, least
from correlator.engine.rule import Correlation


class EventCount(Measure):
    """Needs no tally: `least` entries stand within the span when the first and the last of them do. Entries are alike,
    so those of one moment may be of two windows."""

    moments = False

    def empty(self, group: Group) -> None:
        pass

    def step(self, group: Group, place: int) -> int | None:
        times, first = group.times, place + 1 - self.least
        return first if first >= group.head and times[place] - times[first] <= self.span else None

    def joined(self, group: Group, place: int, start: int) -> bool:
        return True

    def scan(self, group: Group, start: int) -> tuple[int, int] | None:
        times, span, more = group.times, self.span, self.least - 1
        for first in range(start, len(times) - more):
            if times[first + more] - times[first] <= span:
                return first, first + more + 1
        return None


def too_many(correlation: Correlation) -> str | None:
    if least(correlation) > THRESHOLD_LIMIT:
        return f"a group holds at most {THRESHOLD_LIMIT} events: the condition could never be met"
    return None


KIND = Kind("event_count", EventCount, problem=too_many)
