"""The slow twin of `correlator.engine.correlations`: all events of a group at once, every window counted anew.

`alerts` is what events in order must give, one by one. `most` says how often each stretch of activity must fire in
whatever order the events arrive: by trying all choices of windows. `judged` are windows that are judged when they are
over. Equal times are one moment, which no two windows share (2026-11-22: what comes first of a moment is the order of
arrival, and must not matter); but for event_count, where one entry is as good as the other.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple


class Seen(NamedTuple):
    time: float
    what: str | float
    event: int = 0  # one that matches two rules is seen twice


Holds = Callable[[Sequence[Seen]], bool]


def enough(kind: str, least: float, rules: Sequence[str] = ()) -> Holds:
    """Does a window meet `gte: least`?"""

    def holds(inside: Sequence[Seen]) -> bool:
        match kind:
            case "event_count":
                return len(inside) >= least
            case "value_count" | "temporal":
                return len({one.what for one in inside}) >= least
            case "value_sum":
                return sum(Fraction(one.what) for one in inside) >= least
            case "temporal_ordered":
                return any(follow(inside, chain) for chain in itertools.combinations(rules, int(least)))
        raise AssertionError(kind)

    return holds


def alerts(events: Sequence[Seen], span_s: float, holds: Holds, *, moments: bool) -> Iterator[int]:
    """The places of the completing events; what lies in a window that fired is used up."""
    left: list[Seen] = []
    used = float("-inf")
    for place, one in enumerate(events):
        if moments and one.time == used:
            continue
        left = [other for other in left if one.time - other.time <= span_s] + [one]
        if holds(left):
            yield place
            left, used = [], one.time


def stretch_of(times: Sequence[float], span_s: float) -> dict[float, int]:
    """Each time's stretch: activity without a gap over the timespan."""
    found: dict[float, int] = {}
    number, before = 0, float("-inf")
    for time in sorted(times):
        number += time - before > span_s
        found[time], before = number, time
    return found


def most(events: Sequence[Seen], span_s: float, holds: Holds, *, moments: bool) -> dict[int, int]:
    """Stretch → the largest number of windows apart from each other, where there are any."""
    of = stretch_of([one.time for one in events], span_s)
    found: dict[int, int] = {}
    for stretch in set(of.values()):
        mine = sorted(one for one in events if of[one.time] == stretch)
        parts = [list(same) for _, same in itertools.groupby(mine, key=lambda one: one.time if moments else object())]
        best = [0] * (len(parts) + 1)  # of the first n parts
        for end in range(1, len(parts) + 1):
            best[end] = best[end - 1]
            for first in range(end):
                inside = [one for part in parts[first:end] for one in part]
                if inside[-1].time - inside[0].time <= span_s and best[first] + 1 > best[end] and holds(inside):
                    best[end] = best[first] + 1
        if best[-1]:
            found[stretch] = best[-1]
    return found


def figure(kind: str, inside: Sequence[Seen], percentile: float = 50) -> float:
    whats = [one.what for one in inside]
    match kind:
        case "event_count":
            return len(whats)
        case "value_count" | "temporal":
            return len(set(whats))
        case "value_sum":
            return float(sum(map(Fraction, whats)))
        case "value_avg":
            return float(sum(map(Fraction, whats)) / len(whats))
        case "value_median":
            return statistics.median(float(what) for what in whats)
        case "value_percentile":
            ordered = sorted(float(what) for what in whats)
            if len(ordered) == 1:
                return ordered[0]
            place = Fraction(percentile) / 100 * (len(ordered) - 1)
            below = min(int(place), len(ordered) - 2)
            return ordered[below] + float(place - below) * (ordered[below + 1] - ordered[below])
    raise AssertionError(kind)


def judged(events: Sequence[Seen], span_s: float, verdict: Callable[[Sequence[Seen]], str]) -> Iterator[list[Seen]]:
    """`verdict`: "holds", "short" (a window that begins later may hold enough), or "spent"."""
    left = sorted(events, key=lambda one: one.time)
    while left:
        inside = [one for one in left if one.time - left[0].time <= span_s]
        said = verdict(inside)
        if said == "holds":
            yield inside
        left = [one for one in left if one.time > left[0].time] if said == "short" else left[len(inside) :]


def follow(inside: Sequence[Seen], rules: Sequence[str], time: float = float("-inf"),
            used: frozenset[int] = frozenset()) -> bool:  # fmt: skip
    """Each choice for the first rule, then the others; equal times may stand in any order, an event has one place."""
    if not rules:
        return True
    return any(follow(inside, rules[1:], one.time, used | {one.event}) for one in inside
               if one.what == rules[0] and one.time >= time and one.event not in used)  # fmt: skip
