"""Which windows of a group fire, under a condition that more events can only bring nearer: as many as don't overlap.

In:  a group to which an entry was just added, or from which one was taken. Out: the window that fires for it, if any;
     which moments the correlations above must be told, or told otherwise.
Bound: an entry in order costs O(1) amortised. One out of order that completes nothing and is behind all windows that
fired costs how late it is, in entries; any other what lies behind it until the windows end where they did before, at
most the entries of the group: `Measure.entries_limit`, of which `USED_LIMIT` have fired.

**The promise.** N(S) is the largest number of windows, apart from each other, that entries S have. Whatever order they
arrive in, each group fires N(S) times, in each stretch of activity (no gap over the timespan) as often, and each time
at once, at the event after which one window more is there. A window is what lies between two entries in time, at most
a timespan apart; so that order is of time alone, where entries differ (all types but event_count) equal times are one
*moment*, which is used up as a whole. Casework folds hits by rule and group, so the alerts and their counts are the
same. What differs is which events a hit names: of four events of which three are enough, it is those known first.
That can't be the same in any order but by waiting until nothing can come any more, five minutes for every alert.

**Why it holds.** `cuts` are the ends of the windows found from the front, each as early as can be. Interval scheduling:
no other choice has more. An entry more takes no window away (it can only help the one that it falls in) and, since
without it at most one window is lost, brings one at most; if it does, then it lies in one of those found, which is the
one that fires. What one event brings is of one moment, so that is one at most as well, and no two hits have the same
completing event. So the number fired is N of what has arrived after each event: N(S) in the end. Only entries that can
still matter are kept: those that `State` forgets lie behind the last cut that anything can move. A late entry is looked
at from the last cut before it; once a window ends where one ended before, all further ones stay as they are.

**Where it ends.** Entries later than the lateness, or let go by a bound (counted), may have been missed by then. A
negative number takes from a sum: what has fired can't be taken back, and the next one makes up for it (`lost`). Above
a correlation, entries are the moments at which its windows are complete. Those move to earlier ones as late events
come; the correlations above are told. So they fire whenever they do with everything in order, and once more only if
what was known at that moment did meet their condition.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from correlator.engine.correlate.group import Group, Moment
from correlator.engine.correlate.measure import Measure

USED_LIMIT = 4096  # entries of windows that have fired


class Recut(NamedTuple):
    """What an entry changed: how many windows more, the one it is in, the ends that are others now."""

    gained: int = 0
    window: tuple[int, int] | None = None
    gone: Sequence[Moment] = ()
    come: Sequence[Moment] = ()


SAME = Recut()


def appended(measure: Measure, group: Group) -> int | None:
    """The newest entry is the last one: where the window that it completes begins."""
    times, cuts = group.times, group.cuts
    place = len(times) - 1
    if measure.moments and cuts and cuts[-1] == place and times[place - 1] == times[place]:
        cuts[-1] = group.head = place + 1
        return None
    first = measure.step(group, place)
    if first is None:
        return None
    cuts.append(place + 1)
    group.head = place + 1
    measure.empty(group)
    if group.told is not None:
        group.told.append((times[place], group.id_at(place)))
    return first


def inserted(measure: Measure, group: Group, place: int) -> Recut:
    cuts = group.cuts
    at = bisect_right(cuts, place)
    for index in range(at, len(cuts)):
        cuts[index] += 1
    if measure.moments and at and cuts[at - 1] == place and group.times[place - 1] == group.times[place]:
        cuts[at - 1] += 1
        group.head += 1
        return SAME
    base = cuts[at - 1] if at else 0
    start = max(base, measure.first_near(group, place))
    if at == len(cuts) and not measure.joined(group, place, start):
        return SAME
    return _again(measure, group, at, start, place, 1)


def withdrawn(measure: Measure, group: Group, place: int) -> Recut:
    """The entry that was at `place` is gone."""
    cuts = group.cuts
    at = bisect_right(cuts, place)
    for index in range(at, len(cuts)):
        cuts[index] -= 1
    return _again(measure, group, at, cuts[at - 1] if at else 0, place, -1)


def _again(measure: Measure, group: Group, at: int, start: int, place: int, shift: int) -> Recut:
    """Find the windows behind cut number `at` anew, until one ends where one did before."""
    times, cuts = group.times, group.cuts
    head, tally = group.head, group.tally
    found: tuple[int, int] | None = None
    new: list[int] = []
    old = at
    while True:
        measure.empty(group)
        group.head = start
        window = measure.scan(group, start)
        if window is None:
            old = len(cuts)
            break
        start = group.until(times[window[1] - 1]) if measure.moments else window[1]
        if window[0] <= place < start:
            found = window
        while old < len(cuts) and cuts[old] < start:
            old += 1
        if old < len(cuts) and cuts[old] == start:
            group.head, group.tally = head + shift, tally
            break
        new.append(start)
    gained = len(new) - (old - at)
    cuts[at:old] = new
    if group.told is None:
        return Recut(gained, found)
    come = [(times[end - 1], group.id_at(end - 1)) for end in new]
    gone = group.told[at:old]
    group.told[at:old] = come
    return Recut(gained, found, [one for one in gone if one not in come], [one for one in come if one not in gone])


def droppable(group: Group, wanted: int) -> int:
    """How many of the first `wanted` entries can go without opening a window that has fired."""
    cuts = group.cuts
    at = bisect_right(cuts, wanted)
    return wanted if at == len(cuts) else cuts[at - 1] if at else 0


def drop(measure: Measure, group: Group, count: int) -> None:
    """Let the first `count` entries go; what they were part of has fired, or can't any more."""
    if not count:
        return
    group.cut(0, count)
    at = bisect_right(group.cuts, count)
    group.cuts = [end - count for end in group.cuts[at:]]
    if group.told is not None:
        del group.told[:at]
    if group.head >= count:
        group.head -= count
    else:
        rebuild(measure, group)


def rebuild(measure: Measure, group: Group) -> None:
    """The open window of a group whose entries and cuts are known."""
    group.head = group.cuts[-1] if group.cuts else 0
    measure.empty(group)
    measure.scan(group, group.head)
