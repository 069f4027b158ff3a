"""value_count: how many different values of a field; several fields are linked by AND: the values together count."""

from __future__ import annotations

from correlator.engine.correlate.group import Group
from correlator.engine.correlate.kinds.event_count import too_many
from correlator.engine.correlate.measure import Kind, Measure, Says


class Distinct(Measure):
    """`tally`: value → how often it is in the window."""

    says: Says = "value"

    def enter(self, group: Group, index: int) -> None:
        what = group.whats[index]
        group.tally[what] = group.tally.get(what, 0) + 1

    def leave(self, group: Group, index: int) -> None:
        what = group.whats[index]
        left = group.tally[what] - 1
        if left:
            group.tally[what] = left
        else:
            del group.tally[what]

    def empty(self, group: Group) -> None:
        group.tally = {}

    def reached(self, group: Group) -> bool:
        return len(group.tally) >= self.least

    def number(self, group: Group, first: int, end: int) -> float:
        return len(set(group.whats[first:end]))


KIND = Kind("value_count", Distinct, field=True, problem=too_many)
