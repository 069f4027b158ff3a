"""event_count: how many events. An event that several of the rules match is one event."""

from __future__ import annotations

from correlator.engine.correlate.group import Group
from correlator.engine.correlate.measure import THRESHOLD_LIMIT, Kind, Measure, least
from correlator.engine.rule import Correlation


class EventCount(Measure):
    """Needs no tally: `least` entries stand within the span when the first and the last of them do."""

    def completed(self, group: Group, place: int) -> tuple[int, int] | None:
        times, more = group.times, self.least - 1
        for first in range(max(0, place - more), min(place, len(times) - self.least) + 1):
            if times[first + more] - times[first] <= self.span:
                return first, first + self.least
        return None

    def enter(self, group: Group, index: int) -> None:
        pass

    leave = enter

    def rebuild(self, group: Group) -> None:
        pass


def too_many(correlation: Correlation) -> str | None:
    if least(correlation) > THRESHOLD_LIMIT:
        return f"a group holds at most {THRESHOLD_LIMIT} events: the condition could never be met"
    return None


KIND = Kind("event_count", EventCount, problem=too_many)
