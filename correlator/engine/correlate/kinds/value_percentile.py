"""value_percentile, in both readings that are in use.

With `percentile: P` (pySigma): the P-th percentile of a number field's values over the timespan, between neighbours by
straight line (SQL's PERCENTILE_CONT), so that 50 is the median. Without it, as the specification's own example has it
("less than 1% of all the processes"): how many percent of the window's events have a value; fires when any value's
share meets the condition, and names those values.
"""

from __future__ import annotations

from collections import Counter

from correlator.engine.correlate.group import Group
from correlator.engine.correlate.kinds.value_avg import Whole
from correlator.engine.correlate.measure import Kind, Measure, Verdict
from correlator.engine.rule import Correlation
from correlator.engine.values import compare

WHICH_LIMIT = 5


class Percentile(Whole):
    def number(self, group: Group, first: int, end: int) -> float:
        at = self.correlation.percentile
        ordered = sorted(group.whats[first:end])
        place = (len(ordered) - 1) * (50.0 if at is None else at) / 100
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        part = place - below
        found = ordered[below] * (1 - part) + ordered[above] * part
        return int(found) if float(found).is_integer() else round(found, 6)


class Share(Measure):
    says = "value"

    def __init__(self, correlation: Correlation) -> None:
        super().__init__(correlation)
        self.rising = False

    def judge(self, group: Group, first: int, end: int) -> Verdict:
        counts = Counter(group.whats[first:end])
        shares = {what: 100 * count / (end - first) for what, count in counts.items()}
        met = {what: share for what, share in shares.items()
               if all(compare(share, operator, wanted) for operator, wanted in self.condition)}  # fmt: skip
        if not met:
            return Verdict(False)
        picked = [index for index in range(first, end) if group.whats[index] in met]
        rarest = sorted(met, key=lambda what: (met[what], what))[:WHICH_LIMIT]
        return Verdict(True, number=round(met[rarest[0]], 6), picked=picked, which=tuple(rarest))


def _make(correlation: Correlation) -> Measure:
    return Share(correlation) if correlation.percentile is None else Percentile(correlation)


def _problem(correlation: Correlation) -> str | None:
    if correlation.percentile is None and any(not 0 <= number <= 100 for _, number in correlation.condition):
        return "without `percentile` the condition is a share in percent, 0 to 100"
    return None


KIND = Kind("value_percentile", _make, field=True, percentile=True, problem=_problem)
