"""value_count: how many different values of a field; several fields are linked by AND: the values together count."""

from __future__ import annotations

from correlator.engine.correlate.group import Group
from correlator.engine.correlate.kinds.event_count import too_many
from correlator.engine.correlate.measure import Kind, Measure, Says


class Distinct(Measure):
    """`tally`: value → how often it is in the window; None while the window has too few entries to count them."""

    says: Says = "value"

    def empty(self, group: Group) -> None:
        group.tally = None

    def enter(self, group: Group, index: int) -> None:
        what = group.whats[index]
        group.tally[what] = group.tally.get(what, 0) + 1

    def leave(self, group: Group, index: int) -> None:
        what = group.whats[index]
        if group.tally[what] == 1:
            del group.tally[what]
        else:
            group.tally[what] -= 1

    def joined(self, group: Group, place: int, start: int) -> bool:
        return group.tally is None or super().joined(group, place, start)

    def step(self, group: Group, place: int) -> int | None:
        times, whats, tally, head, span = group.times, group.whats, group.tally, group.head, self.span
        time = times[place]
        if tally is None:
            while time - times[head] > span:
                head += 1
            group.head = head
            if place - head + 1 < self.least:
                return None
            tally = group.tally = {}
            for what in whats[head : place + 1]:
                tally[what] = tally.get(what, 0) + 1
        else:
            what = whats[place]
            tally[what] = tally.get(what, 0) + 1
            while time - times[head] > span:
                self.leave(group, head)
                head += 1
            group.head = head
        return head if self.reached(group) else None

    def reached(self, group: Group) -> bool:
        return len(group.tally) >= self.least

    def number(self, group: Group, first: int, end: int) -> float:
        return len(set(group.whats[first:end]))


KIND = Kind("value_count", Distinct, field=True, problem=too_many)
