"""temporal: different rules match within the timespan, in any order; all of them unless the condition says how many.

An extended condition is an expression over the rules. With `not` it is judged when the window is over: `a and not b`
fires when b was not within the timespan that begins with the first of them, before or after a.
"""

from __future__ import annotations

from correlator.engine.correlate.group import Group
from correlator.engine.correlate.kinds.value_count import Distinct
from correlator.engine.correlate.measure import Kind, Says, Verdict, least
from correlator.engine.rule import Correlation


class Together(Distinct):
    says: Says = "rule"

    def __init__(self, correlation: Correlation) -> None:
        super().__init__(correlation)
        self.terms = [(frozenset(term.present), frozenset(term.absent)) for term in correlation.terms]
        self.rising = self.rising and not any(absent for _, absent in self.terms)
        if self.terms:
            self.least = min(len(present) for present, _ in self.terms)

    def reached(self, group: Group) -> bool:
        if self.terms:
            return any(present <= group.tally.keys() for present, _ in self.terms)
        return len(group.tally) >= self.least

    def judge(self, group: Group, first: int, end: int) -> Verdict:
        if not self.terms:
            return super().judge(group, first, end)
        seen = set(group.whats[first:end])
        near = [absent for present, absent in self.terms if present <= seen]
        if any(seen.isdisjoint(absent) for absent in near):
            return Verdict(True)
        return Verdict(False, "window" if near else "first")


def too_few(correlation: Correlation) -> str | None:
    if not correlation.terms and least(correlation) > len(set(correlation.rules)):
        return f"{len(set(correlation.rules))} rules can never be {least(correlation)} different ones"
    return None


KIND = Kind("temporal", Together, condition=False, terms=True, problem=too_few)
