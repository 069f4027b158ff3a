"""One correlation's groups.

In:  entries. Out: `Fired`. Bound: `GROUPS_LIMIT` groups and `LIMIT_BYTES` by a measured estimate; the group touched
longest ago goes first, counted in `evicted`. What goes may only make a window count less.

A group is forgotten when nothing came for it during timespan + lateness, to the event: whether a tick has freed it by
then makes no difference. The same entries in the same order therefore give the same alerts, through restarts as well.
"""

from __future__ import annotations

import hashlib
import heapq
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from correlator.engine.conditions import View
from correlator.engine.correlate import entities
from correlator.engine.correlate.group import Group, named
from correlator.engine.correlate.kinds import KINDS
from correlator.engine.correlate.reading import Key, Reader
from correlator.engine.correlate.rows import SIZE
from correlator.engine.rule import Correlation
from sensors.event import Event

GROUPS_LIMIT = 100_000
LIMIT_BYTES = 256 * 1024 * 1024
INTERNED_LIMIT = 4096
_PRUNE_EVERY = 64  # entries: deleting at the front of a column moves the rest


@dataclass(frozen=True, slots=True)
class Fired:
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


class State:
    def __init__(self, correlation: Correlation, lateness_s: float, groups_limit: int = GROUPS_LIMIT,
                 limit_bytes: int = LIMIT_BYTES) -> None:  # fmt: skip
        self.rule = correlation
        self.measure = KINDS[correlation.type].make(correlation)
        self.reader = Reader(correlation, self.measure)
        self.groups: OrderedDict[Key, Group] = OrderedDict()
        self.evicted = self.ungrouped = self.dropped = self.bytes = 0
        self._span, self._lateness_s = float(correlation.timespan_s), lateness_s
        self._kept_s, self.rising = self._span + lateness_s, self.measure.rising
        self._groups_limit, self._limit_bytes = groups_limit, limit_bytes
        self._due: list[tuple[float, Key]] = []  # when to look at windows that are judged when they are over
        self._shapes: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._texts: dict[str, str] = {}

    @property
    def due(self) -> float:
        return self._due[0][0] + self._lateness_s if self._due else float("inf")

    def fingerprint(self) -> str:
        rule = self.rule
        aliases = sorted((alias, sorted(table.items())) for alias, table in rule.aliases.items())
        told = repr((rule.type, rule.rules, rule.group_by, rule.timespan_s, rule.condition, rule.fields,
                     rule.percentile, rule.terms, aliases))  # fmt: skip
        return "2:" + hashlib.blake2b(told.encode(), digest_size=12).hexdigest()

    # --- an event ----------------------------------------------------------------------------------------------

    def add(self, event: Event, event_id: str, refs: Mapping[str, View], time: float, arrival: float,
            now: float) -> Sequence[Fired]:  # fmt: skip
        key = self.reader.key(event, refs)
        if key is None:
            self.ungrouped += 1
            return ()
        whats = self.reader.whats(refs)
        if not whats:
            return ()
        group = self.groups.get(key)
        rising = self.rising
        if group is not None and rising and group.last_arrival + self._kept_s < now:
            self._forget(key)
            group = None
        if group is None:
            group = self._begin(key, event)
        else:
            self.groups.move_to_end(key)
            left = entities.agreed(group.shape, group.values, event)
            if left is not None:
                group.shape, group.values = self._shapes.setdefault(left[0], left[0]), left[1]
        before = group.size
        fired: list[Fired] | tuple[()] = ()
        for what in whats:
            place = group.insert(time, arrival, event_id, what)
            if rising:
                found = self.measure.completed(group, place)
                if found is not None:
                    fired = [*fired, self._fire(key, group, event, *found)]
        if not rising:
            group.meta = entities.meta(event)
            if len(group.times) == len(whats):
                self._remember(key, group)
        if len(group.times) >= group.prune_at:
            self._prune(group, now)
            group.prune_at = len(group.times) + _PRUNE_EVERY
        self.bytes += group.size - before
        if not group.times:
            self._forget(key)
        if self.bytes > self._limit_bytes or len(self.groups) > self._groups_limit:
            self._evict()
        return fired

    def _begin(self, key: Key, event: Event) -> Group:
        group = self.groups[key] = Group(self.measure.column())
        self.measure.rebuild(group)
        shape, values = entities.present(event)
        group.shape = self._shapes.setdefault(shape, shape)
        group.values = tuple(self._shared(value) for value in values)
        group.size = group.weighed(key)
        self.bytes += group.size
        if len(self._shapes) > INTERNED_LIMIT:
            self._shapes.clear()
        return group

    def _shared(self, value: Any) -> Any:
        """One object for the host names, programs and accounts that thousands of groups name."""
        if value.__class__ is not str:
            return value
        if len(self._texts) > INTERNED_LIMIT:
            self._texts.clear()
        return self._texts.setdefault(value, value)

    def _fire(self, key: Key, group: Group, event: Event, first: int, end: int) -> Fired:
        """Make the alert of this stretch, then use it up, with what lies within a timespan before its end."""
        picked = self.measure.picked(group, first, end)
        fired = self._fired(key, group, event, first, end, picked, self.measure.shown(group, first, end))
        group.cut(self.measure.first_near(group, end - 1), end)
        self.measure.rebuild(group)
        return fired

    def _fired(self, key: Key, group: Group, event: Event, first: int, end: int, picked: Sequence[int],
               value: float | None, which: tuple[str, ...] = ()) -> Fired:  # fmt: skip
        whats = group.whats
        return Fired(
            self.rule, dict(zip(self.rule.group_by, key[1:], strict=True)), event, group.times[end - 1], len(picked),
            1 if whats is None else len({whats[index] for index in picked}), named(group, picked),
            entities.common(group.shape, group.values), value, which,
        )  # fmt: skip

    # --- time --------------------------------------------------------------------------------------------------

    def close(self, now: float, lateness_s: float) -> Iterator[Fired]:
        """Windows that are over by the clock of arrivals: judged, and used up."""
        while self._due and self._due[0][0] + lateness_s < now:
            _, key = heapq.heappop(self._due)
            group = self.groups.get(key)
            if group is None:
                continue
            before = group.size
            while group.times and group.first_arrival() + self._span + lateness_s < now:
                yield from self._judge(key, group)
            self.bytes += group.size - before
            if group.times:
                self._remember(key, group)
            else:
                self._forget(key)

    def _remember(self, key: Key, group: Group) -> None:
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
        times, limit = group.times, self.measure.entries_limit
        if not times:
            return
        if self.measure.rising:
            old = group.expired(times[-1] - self._span - 0.001, now - self._lateness_s - self._span)
            if old:
                group.cut(0, old)
                group.head = max(0, group.head - old)
        if len(times) > limit:
            over = len(times) - limit + limit // 16
            self.dropped += over
            group.cut(0, over)
            if self.measure.rising:
                self.measure.rebuild(group)

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

    # --- restarts ----------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """Columns over all groups: a hundred thousand of them are written in a fraction of a second."""
        groups = list(self.groups.values())
        numbers = self.measure.says == "number"
        return {
            "is": self.fingerprint(), "evicted": self.evicted, "ungrouped": self.ungrouped, "dropped": self.dropped,
            "unreadable": self.reader.unreadable,
            "keys": list(self.groups), "counts": [len(group.times) for group in groups],
            "times": b"".join(group.times.tobytes() for group in groups),
            "rows": b"".join(group.rows for group in groups),
            "numbers": b"".join(group.whats.tobytes() for group in groups) if numbers else b"",
            "whats": None if numbers or self.measure.says == "nothing" else [group.whats for group in groups],
            "shapes": [group.shape for group in groups], "values": [group.values for group in groups],
            "metas": [] if self.measure.rising else [group.meta for group in groups],
            "arrivals": array("d", (group.last_arrival for group in groups)).tobytes(),
            "prune": [group.prune_at for group in groups],
            "long": [[place, group.long] for place, group in enumerate(groups) if group.long],
        }  # fmt: skip

    def restore(self, saved: Mapping[str, Any]) -> None:
        self.evicted, self.ungrouped, self.dropped = saved["evicted"], saved["ungrouped"], saved["dropped"]
        self.reader.unreadable = saved["unreadable"]
        arrivals = array("d", saved["arrivals"])
        times, rows, numbers, whats = saved["times"], saved["rows"], saved["numbers"], saved["whats"]
        at = 0
        for place, (given, count) in enumerate(zip(saved["keys"], saved["counts"], strict=True)):
            key = tuple(self._shared(part) for part in given[:1]) + tuple(given[1:])
            group = self.groups[key] = Group(self.measure.column())
            group.times.frombytes(times[at * 8 : (at + count) * 8])
            group.rows += rows[at * SIZE : (at + count) * SIZE]
            if numbers:
                group.whats.frombytes(numbers[at * 8 : (at + count) * 8])
            elif whats is not None:
                group.whats += map(self._shared, whats[place])
            at += count
            shape = tuple(saved["shapes"][place])
            group.shape = self._shapes.setdefault(shape, shape)
            group.values = tuple(self._shared(value) for value in saved["values"][place])
            group.last_arrival, group.prune_at = arrivals[place], saved["prune"][place]
            if not self.measure.rising:
                group.meta = tuple(saved["metas"][place])
                self._remember(key, group)
            self.measure.rebuild(group)
        for place, long in saved["long"]:
            self.groups[tuple(saved["keys"][place])].long = dict(long)
        for key, group in self.groups.items():
            group.size = group.weighed(key)
            self.bytes += group.size
