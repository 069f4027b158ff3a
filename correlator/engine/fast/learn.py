"""Which witness of a rule is met least: what only the events can say.

In:  of each event for which rules were asked, those that did not hold. Out: after `FIRST_LIMIT` such answers, and ever
     more seldom (`LIMIT_GROWS`), the witnesses of the plan's rules, the worst chosen anew by a sample of events.
Bound: `SAMPLE_ROWS` events of at most `SAMPLE_CHARS` characters each, let go when the choice is made.

A rule says "the program is powershell.exe and the command line holds one of these forty words". Either may be its
witness: the first is met by every PowerShell, the second makes forty words more to look for in every command line. Any
choice gives the same matches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from correlator.engine.conditions import Keyword, SameAs
from correlator.engine.fast import atoms
from correlator.engine.fast.reach import Unusual
from correlator.engine.fast.rows import Hold, Row, compiled
from correlator.engine.fast.shared import Candidate, Shared, Witness

FIRST_LIMIT = 200
LIMIT_GROWS = 4
SAMPLE_ROWS = 32
SAMPLE_CHARS = 32_768
WORST = 200  # a rule with more than this part of what was asked in vain is chosen anew
GUESS = 0.02  # what was not met in the sample is met about so much less often than a guess by its length says
NEW_LITERAL = 5e-4  # what looking for a literal costs where values are mostly new, in rules asked in vain
KNOWN_LITERAL = 1e-5


class Learner:
    def __init__(self, rules: Sequence[Candidate]) -> None:
        self._rules = rules
        self._witnesses: list[Witness] = [one.witness for one in rules]
        self._vain: Counter[int] = Counter()
        self._total, self._limit = 0, FIRST_LIMIT
        self._sample: list[Row] = []

    def in_vain(self, numbers: Sequence[int], row: Row) -> bool:
        """These did not hold. True when it is time to choose."""
        for number in numbers:
            if self._witnesses[number] is not None:
                self._vain[number] += 1
                self._total += 1
        if self._total < self._limit:
            return False
        if row.chars() <= SAMPLE_CHARS:
            self._sample.append(row)
        return len(self._sample) >= SAMPLE_ROWS

    def learned(self, shared: Shared) -> list[Witness] | None:
        """The witness of each rule; None when nothing has changed."""
        sample, self._sample = self._sample, []
        worst = [number for number, count in self._vain.items() if count * WORST > self._total]
        self._total, self._limit = 0, self._limit * LIMIT_GROWS
        self._vain.clear()
        rates: dict[tuple[int, int], float] = {}
        changed = False
        for number in worst:
            found = _chosen(self._rules[number], sample, rates, shared)
            if found is not None and set(found) != set(self._witnesses[number] or ()):
                self._witnesses[number] = self._rules[number].witness = found
                changed = True
        return self._witnesses if changed else None


def _chosen(one: Candidate, sample: Sequence[Row], rates: dict[tuple[int, int], float], shared: Shared) -> Witness:
    def weight(leaf: atoms.Leaf) -> float:
        assert not isinstance(leaf, SameAs)
        guess = GUESS * atoms.commonness(leaf)
        if isinstance(leaf, Keyword):
            return guess
        place = shared.place(leaf, one.source)
        if place not in rates:
            hold = compiled(leaf, lambda _: place, one.source)
            met = sum(1 for row in sample if _holds(hold, row))
            literal = NEW_LITERAL if 2 * len({row.text(place[0]) for row in sample}) > len(sample) else KNOWN_LITERAL
            rates[place] = met / len(sample) + literal
        return rates[place] + guess

    found = atoms.witness(one.prepared.above, weight)
    return None if found is None else shared.placed(found[1], one.source)


def _holds(hold: Hold, row: Row) -> bool:
    try:
        return hold(row)
    except Unusual:
        return False
