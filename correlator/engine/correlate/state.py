"""One correlation's groups.

In:  entries. Out: `Fired`, and `told` for the correlations above.
Bound: `GROUPS_LIMIT` groups and `LIMIT_BYTES` by a measured estimate; the group touched longest ago goes first, counted
in `evicted`. What goes may only make a window count less. `dropped` are entries over a group's limit, `settled` those
of them that had fired (late events no longer find them), `cut` what was not told to the correlations above
(CHAIN_LIMIT). Snapshots are saving.py's.

A group is forgotten when nothing came for it during timespan + lateness, to the event: whether a tick has freed it by
then makes no difference. The same entries in the same order therefore give the same alerts, through restarts as well.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from correlator.engine.conditions import View
from correlator.engine.correlate import entities, packing, rows
from correlator.engine.correlate.group import ENTRY_BYTES, Group, named, weight
from correlator.engine.correlate.kinds import KINDS
from correlator.engine.correlate.reading import Key, Reader
from correlator.engine.correlate.rows import Long
from correlator.engine.rule import Correlation
from sensors.event import Event

GROUPS_LIMIT = 100_000
LIMIT_BYTES = 256 * 1024 * 1024
INTERNED_LIMIT = 4096
_PRUNE_EVERY = 64  # entries: deleting at the front of a column moves the rest


class Fired(msgspec.Struct, frozen=True):
    correlation: Correlation
    group: Mapping[str, str]
    event: Event  # the completing event
    time: float  # of the entry that completed the window
    count: int  # of entries
    values: int  # different ones among them
    event_ids: Sequence[str]  # the first and the last
    common: Mapping[str, Any]  # the entities on which all events agree
    value: float | None = None  # sum, average, median, percentile, share
    which: tuple[str, ...] = ()  # the values meant


class Told(NamedTuple):
    """What the correlations above enter, or take out again: a window of `group` is complete at `time`."""

    group: Mapping[str, str]
    event: Event
    view: View | None  # None: the event itself is gone, `event` stands in
    time: float
    arrival: float
    now: float  # of a window judged when over, when it was: however late somebody looks
    holds: bool = True


class State:
    """`tells`: other correlations refer to this one."""

    def __init__(self, number: int, correlation: Correlation, lateness_s: float, groups_limit: int = GROUPS_LIMIT,
                 limit_bytes: int = LIMIT_BYTES, *, tells: bool = False) -> None:  # fmt: skip
        self.number = number
        self.rule = correlation
        self.measure = KINDS[correlation.type].make(correlation)
        self.reader = Reader(correlation, self.measure)
        self.groups: OrderedDict[Key, Group] = OrderedDict()
        self.evicted = self.ungrouped = self.dropped = self.settled = self.cut = self.bytes = 0
        self.tells, self.told = tells, list[Told]()
        self._span, self._lateness_s = float(correlation.timespan_s), lateness_s
        self._kept_s, self.rising = self._span + lateness_s, self.measure.rising
        self.keeps_meta = tells or not self.rising
        self._groups_limit, self._limit_bytes = groups_limit, limit_bytes
        self._due: list[tuple[float, Key]] = []  # when to look at windows that are judged when they are over
        self._texts: dict[str, str] = {}

    @property
    def due(self) -> float:
        return self._due[0][0] + self._lateness_s if self._due else float("inf")

    # --- an event ----------------------------------------------------------------------------------------------

    def add(self, event: Event, row: bytes, long: Long | None, refs: Mapping[str, View], time: float, arrival: float,
            now: float) -> Sequence[Fired]:  # fmt: skip
        reader, measure, groups, rising = self.reader, self.measure, self.groups, self.rising
        key = reader.key(event, refs)
        if key is None:
            self.ungrouped += 1
            return ()
        whats = reader.whats(refs)
        if not whats:
            return ()
        group = groups.get(key)
        if group is not None and rising and group.last_arrival + self._kept_s < now:
            self._forget(key)
            group = None
        if group is None:
            group = self._begin(key, event)
        else:
            groups.move_to_end(key)
            left = entities.agreed(group.shape, group.values, event)
            if left is not None:
                group.shape, group.values = left
        before = group.size
        if arrival > group.last_arrival:  # noqa: PLR1730 - a call costs more than the rest of the line
            group.last_arrival = arrival
        if long is not None:
            group.name(long)
        if self.keeps_meta:
            group.meta = entities.meta(event)
        times, size = group.times, 0
        fired: list[Fired] | tuple[()] = ()
        for what in whats:
            size += ENTRY_BYTES if what is None else ENTRY_BYTES + weight(what)
            if times and time < times[-1]:
                place = group.insert(time, row, what)
                if rising:
                    recut = packing.inserted(measure, group, place)
                    if recut is not packing.SAME:
                        fired = [*fired, *self._recut(key, group, recut, event, refs, time, arrival, now)]
                continue
            times.append(time)
            group.rows += row
            if what is not None:
                group.whats.append(what)
            if rising and (first := packing.appended(measure, group)) is not None:
                fired = [*fired, *self._fires(key, group, event, first, len(times))]
                if self.tells:
                    view = next(iter(refs.values()))
                    self.told.append(Told(self._named(key), event, view, time, arrival, now))
        group.size += size
        if not rising and len(times) == len(whats):
            self.remember(key, group)
        if len(times) >= group.prune_at:
            self._prune(group, now)
            group.prune_at = len(times) + _PRUNE_EVERY
        self.bytes += group.size - before
        if not times:
            self._forget(key)
        if self.bytes > self._limit_bytes or len(groups) > self._groups_limit:
            self._evict()
        return fired

    def withdraw(self, told: Told, refs: Mapping[str, View]) -> None:
        """A correlation below is complete at another moment than it said: what it brought goes."""
        event, time, event_id = told.event, told.time, rows.event_id(told.event)
        key = self.reader.key(event, refs)
        group = self.groups.get(key) if key is not None else None
        if key is None or group is None:
            return
        before = group.size
        named = set(refs) if self.measure.says == "rule" else None
        for place in range(group.until(time) - 1, group.since(time) - 1, -1):
            if group.id_at(place) == event_id and (named is None or group.whats[place] in named):
                group.cut(place, place + 1)
                if self.rising:
                    recut = packing.withdrawn(self.measure, group, place)
                    self._recut(key, group, recut, event, refs, time, told.arrival, told.now)
        self.bytes += group.size - before
        if not group.times and not group.lost:
            self._forget(key)

    def _begin(self, key: Key, event: Event) -> Group:
        group = self.groups[self.shared(key[0]), *key[1:]] = Group(self.measure.column())
        self.measure.empty(group)
        group.told = [] if self.tells and self.rising else None
        group.shape, values = entities.present(event)
        group.values = tuple([self.shared(value) for value in values])
        group.size = group.weighed(key)
        self.bytes += group.size
        return group

    def shared(self, value: Any) -> Any:
        """One object for the host names, programs and accounts that thousands of groups name."""
        if value.__class__ is not str:
            return value
        if len(self._texts) > INTERNED_LIMIT:
            self._texts.clear()
        return self._texts.setdefault(value, value)

    def _recut(self, key: Key, group: Group, recut: packing.Recut, event: Event, refs: Mapping[str, View],
               time: float, arrival: float, now: float) -> Sequence[Fired]:  # fmt: skip
        """After an entry that came out of order, or went: what fires, and what is told otherwise."""
        for moments, holds in ((recut.gone, False), (recut.come, True)):
            for moment in moments:
                mine = holds and moment[1] == rows.event_id(event)
                stand_in = event if mine else entities.stand_in(group.shape, group.values, group.meta, moment[1])
                view = next(iter(refs.values())) if mine else None
                self.told.append(Told(self._named(key), stand_in, view, moment[0], arrival, now, holds))
        if recut.gained < 0:
            group.lost, group.lost_at = group.lost - recut.gained, time
        if recut.gained <= 0 or recut.window is None:
            return ()
        return self._fires(key, group, event, *recut.window)

    def _fires(self, key: Key, group: Group, event: Event, first: int, end: int) -> Sequence[Fired]:
        if group.lost:  # this one has fired before, as another
            group.lost -= 1
            if abs(group.times[end - 1] - group.lost_at) <= self._kept_s:
                return ()
            group.lost = 0
        picked = self.measure.picked(group, first, end)
        return (self._fired(key, group, event, first, end, picked, self.measure.shown(group, first, end)),)

    def _named(self, key: Key) -> dict[str, str]:
        return dict(zip(self.rule.group_by, key[1:], strict=True))

    def _fired(self, key: Key, group: Group, event: Event, first: int, end: int, picked: Sequence[int],
               value: float | None, which: tuple[str, ...] = ()) -> Fired:  # fmt: skip
        whats = group.whats
        return Fired(
            self.rule, self._named(key), event, group.times[end - 1], len(picked),
            1 if whats is None else len({whats[index] for index in picked}), named(group, picked),
            entities.common(group.shape, group.values), value, which,
        )  # fmt: skip

    # --- time --------------------------------------------------------------------------------------------------

    def close(self, now: float, lateness_s: float | None = None) -> Iterator[Fired]:
        """Windows that are over by the clock of arrivals: judged, and used up."""
        lateness_s = self._lateness_s if lateness_s is None else lateness_s
        while self._due and self._due[0][0] + lateness_s < now:
            _, key = heapq.heappop(self._due)
            group = self.groups.get(key)
            if group is None:
                continue
            before = group.size
            while group.times and group.first_arrival() + self._span + lateness_s < now:
                due = group.first_arrival() + self._span + lateness_s
                for one in self._judge(key, group):
                    yield one
                    if self.tells:
                        self.told.append(Told(one.group, one.event, None, one.time, due, due))
            self.bytes += group.size - before
            if group.times:
                self.remember(key, group)
            else:
                self._forget(key)

    def remember(self, key: Key, group: Group) -> None:
        """When to look. An entry that comes late to the front only makes it later: then it is looked at twice."""
        heapq.heappush(self._due, (group.first_arrival() + self._span, key))
        if len(self._due) > 2 * len(self.groups) + 1000:  # those of evicted groups
            self._due = [(one.first_arrival() + self._span, name) for name, one in self.groups.items() if one.times]
            heapq.heapify(self._due)

    def _judge(self, key: Key, group: Group) -> Iterator[Fired]:
        end = self.measure.end_of(group, 0)
        verdict = self.measure.judge(group, 0, end)
        if verdict.holds:
            event = entities.stand_in(group.shape, group.values, group.meta, group.id_at(end - 1))
            picked = range(end) if verdict.picked is None else verdict.picked
            number = verdict.number if self.measure.says == "number" or verdict.which else None
            yield self._fired(key, group, event, 0, end, picked, number, verdict.which)
        only_first = verdict.spent == "first" and not verdict.holds
        group.cut(0, group.until(group.times[0]) if only_first else end)  # equal times have no order

    def forget_idle(self, now: float) -> None:
        if not self.measure.rising:
            return  # theirs are judged, then forgotten
        while self.groups:
            key, group = next(iter(self.groups.items()))
            if group.last_arrival + self._span + self._lateness_s >= now:
                return  # ordered by touch: the rest is younger
            self._forget(key)

    def _prune(self, group: Group, now: float) -> None:
        """Drop what no window can use any more, then, over the limit, the oldest sixteenth."""
        times, limit, measure = group.times, self.measure.entries_limit, self.measure
        if not times:
            return
        if self.rising:
            old = group.expired(times[-1] - self._span - 0.001, now - self._kept_s)
            packing.drop(measure, group, packing.droppable(group, old))
            if group.cuts and group.cuts[-1] > packing.USED_LIMIT:
                over = next(end for end in group.cuts if end >= group.cuts[-1] - packing.USED_LIMIT)
                self.settled += over
                packing.drop(measure, group, over)
        if len(times) <= limit:
            return
        over = len(times) - limit + limit // 16
        if not self.rising:
            self.dropped += over
            group.cut(0, over)
            return
        used = group.cuts[-1] if group.cuts else 0
        if over < used:  # of a window that has fired, nothing is worth keeping
            over = next(end for end in group.cuts if end >= over)
        self.settled += min(over, used)
        self.dropped += max(0, over - used)
        packing.drop(measure, group, over)

    # --- bounds ------------------------------------------------------------------------------------------------

    def _evict(self) -> None:
        while len(self.groups) > self._groups_limit or (self.bytes > self._limit_bytes and len(self.groups) > 1):
            self.evict_one()

    def evict_one(self) -> None:
        _, group = self.groups.popitem(last=False)
        self.bytes -= group.size
        self.evicted += 1

    def _forget(self, key: Key) -> None:
        self.bytes -= self.groups.pop(key).size
