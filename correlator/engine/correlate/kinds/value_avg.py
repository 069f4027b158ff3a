"""value_avg: the average of a number field over the whole timespan; one event alone is no average of an hour.

More events bring an average neither nearer to a number nor farther from it, so these windows are judged when they are
over, and each event is judged once, with all others of the timespan that its first event began.
"""

from __future__ import annotations

from correlator.engine.correlate.group import Group
from correlator.engine.correlate.measure import Kind, Measure, Verdict, shown, units
from correlator.engine.rule import Correlation
from correlator.engine.values import compare


class Whole(Measure):
    """The base of what is read off a whole window of numbers."""

    says = "number"

    def __init__(self, correlation: Correlation) -> None:
        super().__init__(correlation)
        self.rising = False

    def judge(self, group: Group, first: int, end: int) -> Verdict:
        number = self.number(group, first, end)
        return Verdict(all(compare(number, operator, wanted) for operator, wanted in self.condition), number=number)


class Average(Whole):
    def number(self, group: Group, first: int, end: int) -> float:
        return shown(sum(map(units, group.whats[first:end])), end - first)


KIND = Kind("value_avg", Average, field=True)
