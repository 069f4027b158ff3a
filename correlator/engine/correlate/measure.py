"""What a correlation type measures in a window, and when that is judged.

In:  a group's columns and the place of an entry. Out: where the window begins that it completes, or None; for windows
     that are judged when they are over: a `Verdict`. Differences of times are compared with the span, not sums: floats
     near 2^31 don't add up.
Bound: an entry that follows the others costs O(1) amortised.

A kind (kinds/*.py) is a name, what the condition needs, and how to make a `Measure`. *Rising* conditions are those that
more events can only bring nearer (gt, gte over counts and sums): they are judged at each event (packing.py). All others
need the whole window.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from correlator.engine.correlate.group import Column, Group
from correlator.engine.rule import Correlation
from correlator.engine.values import compare

ENTRIES_LIMIT = 10_000
THRESHOLD_LIMIT = 100_000  # a count that a group could never hold would never fire

LOWER = ("gt", "gte")

Says = Literal["nothing", "value", "number", "rule"]


class Verdict(NamedTuple):
    """`spent`: what of the window is used up: all of it, or only its first moment, when it held too little."""

    holds: bool
    spent: str = "window"
    number: float | None = None  # what was measured, to show
    picked: Sequence[int] | None = None  # the entries meant, when not all of the window
    which: tuple[str, ...] = ()  # the values meant


class Measure:
    """The base: counts entries. Kinds override what they measure."""

    says: Says = "nothing"  # what an entry tells beside that it was

    def __init__(self, correlation: Correlation) -> None:
        self.correlation = correlation
        self.span = float(correlation.timespan_s)
        self.condition = correlation.condition
        self.rising = all(operator in LOWER for operator, _ in correlation.condition)
        self.least = least(correlation)
        self.entries_limit = max(ENTRIES_LIMIT, min(self.least, THRESHOLD_LIMIT) + 1)

    def column(self) -> Column:
        return None if self.says == "nothing" else array("d") if self.says == "number" else []

    # --- rising: at each event -------------------------------------------------------------------------------

    moments = True  # equal times are one: where entries differ, nothing else would put them in order

    def enter(self, group: Group, index: int) -> None:
        group.tally += 1

    def leave(self, group: Group, index: int) -> None:
        group.tally -= 1

    def empty(self, group: Group) -> None:
        group.tally = 0

    def reached(self, group: Group) -> bool:
        return bool(group.tally >= self.least)

    def step(self, group: Group, place: int) -> int | None:
        """The entry at `place` follows those from `head` on. Where the window that it completes begins, if it does."""
        times, span, head = group.times, self.span, group.head
        self.enter(group, place)
        time = times[place]
        while time - times[head] > span:
            self.leave(group, head)
            head += 1
        group.head = head
        return head if self.reached(group) else None

    def scan(self, group: Group, start: int) -> tuple[int, int] | None:
        """The first window from `start` on. With none, `head` and `tally` are of what may become one."""
        for place in range(start, len(group.times)):
            first = self.step(group, place)
            if first is not None:
                return first, place + 1
        return None

    def joined(self, group: Group, place: int, start: int) -> bool:
        """The entry at `place` came late, behind all windows that fired. May a window from `start` on be complete now?
        If not, `head` and `tally` are up to date: windows were slid back from the newest one, and forth again."""
        times, span = group.times, self.span
        if place >= group.head:
            self.enter(group, place)
            if self.reached(group):
                return True
        else:
            group.head += 1
        head, right = group.head, len(times)
        for first in range(head - 1, start - 1, -1):
            self.enter(group, first)
            while times[right - 1] - times[first] > span:
                right -= 1
                self.leave(group, right)
            if self.reached(group):
                return True
        for index in range(start, min(head, right)):
            self.leave(group, index)
        for index in range(max(right, head), len(times)):
            self.enter(group, index)
        return False

    def picked(self, group: Group, first: int, end: int) -> Sequence[int]:
        """The entries meant, of a completed stretch."""
        return range(first, end)

    def first_near(self, group: Group, place: int) -> int:
        """The first entry whose window holds the one at `place`."""
        times = group.times
        first = group.since(times[place] - self.span)
        while first > 0 and times[place] - times[first - 1] <= self.span:
            first -= 1
        while times[place] - times[first] > self.span:
            first += 1
        return first

    def end_of(self, group: Group, first: int) -> int:
        """Behind the last entry of the window that begins at `first`."""
        times = group.times
        end = group.until(times[first] + self.span)
        while end < len(times) and times[end] - times[first] <= self.span:
            end += 1
        while times[end - 1] - times[first] > self.span:
            end -= 1
        return end

    # --- when the window is over -----------------------------------------------------------------------------

    def number(self, group: Group, first: int, end: int) -> float:
        return end - first

    def judge(self, group: Group, first: int, end: int) -> Verdict:
        number = self.number(group, first, end)
        if all(compare(number, operator, wanted) for operator, wanted in self.condition):
            return Verdict(True, number=number)
        return Verdict(False, "first" if self.short(number) else "window")

    def short(self, number: float) -> bool:
        """Did the window fail because it holds too little? Then one that begins later may hold enough."""
        return any(number <= wanted if operator == "gt" else number < wanted
                   for operator, wanted in self.condition if operator in ("gt", "gte", "eq"))  # fmt: skip

    def shown(self, group: Group, first: int, end: int) -> float | None:
        """The figure that people read; None where the count says it all."""
        return None


def least(correlation: Correlation) -> int:
    """The smallest whole number that all gt and gte of the condition allow."""
    found = 1
    for operator, number in correlation.condition:
        if operator == "gte":
            found = max(found, math.ceil(number))
        elif operator == "gt":
            found = max(found, math.floor(number) + 1)
    return found


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    make: Callable[[Correlation], Measure]
    field: bool = False  # the condition names fields
    condition: bool = True  # the condition is mandatory
    percentile: bool = False  # the condition may say `percentile`
    terms: bool = False  # the condition may be an expression over the rules
    problem: Callable[[Correlation], str | None] = lambda _: None  # why this one could never run


# Numbers are summed in whole millionths: the sum is exact and the same in whatever order events arrive, and what is
# taken out of a running sum leaves nothing behind, whatever a stranger's 1e300 was put in between.
UNIT = 1_000_000
NUMBER_LIMIT = 1e300


def units(number: float) -> int:
    return int(number) * UNIT if number.is_integer() else round(number * UNIT)


def shown(total: int, count: int = 1) -> float:
    exact = Fraction(total, UNIT * count)
    return int(exact) if exact.denominator == 1 else round(float(exact), 6)
