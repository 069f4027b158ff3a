"""value_sum: the sum of a number field. Negative numbers count as such: then it is the sum of the latest timespan."""

from __future__ import annotations

import math
from fractions import Fraction

from correlator.engine.correlate.group import Group
from correlator.engine.correlate.measure import UNIT, Kind, Measure, shown, units
from correlator.engine.rule import Correlation


class Sum(Measure):
    """`tally`: the window's sum in whole units."""

    says = "number"

    def __init__(self, correlation: Correlation) -> None:
        super().__init__(correlation)
        exact = [(operator, Fraction(number) * UNIT) for operator, number in correlation.condition]
        lowest = [math.ceil(number) if operator == "gte" else math.floor(number) + 1
                  for operator, number in exact if operator in ("gt", "gte")]  # fmt: skip
        self._enough = max(lowest, default=0)

    def enter(self, group: Group, index: int) -> None:
        group.tally += units(group.whats[index])

    def leave(self, group: Group, index: int) -> None:
        group.tally -= units(group.whats[index])

    def reached(self, group: Group) -> bool:
        return bool(group.tally >= self._enough)

    def number(self, group: Group, first: int, end: int) -> float:
        return shown(sum(map(units, group.whats[first:end])))

    def shown(self, group: Group, first: int, end: int) -> float | None:
        return self.number(group, first, end)


KIND = Kind("value_sum", Sum, field=True)
