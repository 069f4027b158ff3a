"""temporal_ordered: different events match the rules one after the other, in the order given, within the timespan.

Equal times may stand in any order. A condition `gte: k` asks for k of the rules, in order. In an extended condition
each way for it to hold is such a chain (`a and (b or c)`: a then b, or a then c); what stands under `not` must not be
within the timespan that begins with the chain's window: `a and not b` fires when b did not follow a.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import comb

from correlator.engine.correlate.group import Group
from correlator.engine.correlate.kinds.temporal import too_few
from correlator.engine.correlate.measure import Kind, Measure, Verdict, least
from correlator.engine.rule import Correlation

CHAINS_LIMIT = 100


class InOrder(Measure):
    """`tally`: rule → the time of its latest entry; a chain is looked for only when all its rules are near. `head` is
    behind the last window."""

    says = "rule"

    def __init__(self, correlation: Correlation) -> None:
        super().__init__(correlation)
        self.place = {rule: place for place, rule in enumerate(correlation.rules)}
        self.terms = [(self._sorted(term.present), frozenset(term.absent)) for term in correlation.terms]
        self.rising = self.rising and not any(absent for _, absent in self.terms)
        self.chains = [chain for chain, _ in self.terms] if self.terms else (
            list(combinations(correlation.rules, self.least)) if self.rising else [])  # fmt: skip

    def _sorted(self, rules: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(set(rules), key=lambda rule: self.place[rule]))

    def empty(self, group: Group) -> None:
        group.tally = {}

    def step(self, group: Group, place: int) -> int | None:
        times, what, tally = group.times, group.whats[place], group.tally
        oldest = times[place] - self.span - 1e-3  # a time that is too old is seen to be so by `find`
        tally[what] = times[place]
        for chain in self.chains:
            if what not in chain or any(tally.get(rule, oldest) <= oldest for rule in chain):
                continue
            if what != chain[-1] and times[place] > tally[chain[-1]]:
                continue  # what must follow has not come
            found = self.find(group, chain, max(group.head, self.first_near(group, place)), place + 1)
            if found:
                return min(found)
        return None

    def joined(self, group: Group, place: int, start: int) -> bool:
        return True

    def picked(self, group: Group, first: int, end: int) -> Sequence[int]:
        found = (self.find(group, chain, first, end) for chain in self.chains)
        return sorted(next((one for one in found if one), range(first, end)))

    def find(self, group: Group, chain: Sequence[str], first: int, end: int) -> list[int] | None:
        """The indexes of the first chain that is complete: for each rule, the latest start that leads to it."""
        times, whats, span = group.times, group.whats, self.span
        step = {rule: number for number, rule in enumerate(chain)}
        best: list[list[int] | None] = [[], *[None] * len(chain)]  # of the first n rules
        place = first
        while place < end:
            moment = times[place]
            offers: dict[int, list[int]] = {}
            while place < end and times[place] == moment:
                number = step.get(whats[place])
                if number is not None:
                    offers.setdefault(number, []).append(place)
                place += 1
            before = list(best)
            for number in offers:
                begun = before[number]
                if begun is None or (begun and moment - times[begun[0]] > span):
                    continue
                seats: dict[int, int] = {}
                for last in range(number, len(chain)):
                    if last not in offers or not _seat(group, offers, last, seats, set()):
                        break
                    found, held = [*begun, *(seats[one] for one in range(number, last + 1))], best[last + 1]
                    if held is None or times[found[0]] > times[held[0]]:
                        best[last + 1] = found
            if best[-1]:
                return best[-1]
        return None

    def judge(self, group: Group, first: int, end: int) -> Verdict:
        if not self.terms:
            return super().judge(group, first, end)
        seen = set(group.whats[first:end])
        for chain, absent in self.terms:
            if seen.isdisjoint(absent) and set(chain) <= seen and (found := self.find(group, chain, first, end)):
                return Verdict(True, picked=sorted(found))
        return Verdict(False, "first")

    def number(self, group: Group, first: int, end: int) -> float:
        """How many rules were met in order, at best."""
        order = sorted(range(first, end), key=lambda index: (group.times[index], self.place[group.whats[index]]))
        longest = [0] * len(self.place)
        for index in order:
            place = self.place[group.whats[index]]
            longest[place] = max(longest[place], 1 + max(longest[:place], default=0))
        return max(longest, default=0)


def _seat(group: Group, offers: dict[int, list[int]], rule: int, seats: dict[int, int], asked: set[str]) -> bool:
    """Give the rule an event of this moment; no event sits twice, others move over if they can (a matching)."""
    for index in offers[rule]:
        name = group.id_at(index)
        if name in asked:
            continue
        asked.add(name)
        holder = next((other for other, taken in seats.items() if group.id_at(taken) == name), None)
        if holder is None or _seat(group, offers, holder, seats, asked):
            seats[rule] = index
            return True
    return False


def _problem(correlation: Correlation) -> str | None:
    number, wanted = len(set(correlation.rules)), least(correlation)
    if not correlation.terms and wanted <= number and comb(number, wanted) > CHAINS_LIMIT:
        return f"{wanted} of {number} rules in order are over {CHAINS_LIMIT} possible chains"
    return too_few(correlation)


KIND = Kind("temporal_ordered", InOrder, condition=False, terms=True, problem=_problem)
