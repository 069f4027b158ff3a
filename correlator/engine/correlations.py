"""Sigma correlations over the stream of matches: event_count, value_count, temporal, temporal_ordered.

In:  an event and the rules that it matched. Out: `Fired`: a correlation, its group, the window's entries.
Bound: per correlation `GROUPS_LIMIT` groups and `TOTAL_LIMIT` entries; the group touched longest ago goes first,
counted in `evicted`. A group is forgotten when nothing came for it during timespan + lateness.
Source: Sigma correlation rules specification 2.1.0.

Time is the event's. An entry stays joinable until timespan + `lateness_s` after it arrived, whatever the clocks of
others say: an agency that was cut off for hours and then sends its backlog is correlated as if it had been on time.
Arrival is `event.ingested`, so a replay after a crash decides the same. An event's time can't lie further in the future
than `FUTURE_S` after its arrival.

Conditions that more events can only bring nearer (gt, gte) fire at the completing event; its window is then used up, so
an attack that goes on fires again each time the number is reached. Conditions with an upper bound (lt, lte, eq, neq)
can only be judged when the window, from its first event, is over: they fire then. Groups of different agencies never
mix. An event without one of the group-by fields belongs to no group: it is counted in `ungrouped`.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from correlator.engine import windows
from correlator.engine.conditions import MISSING, View, members
from correlator.engine.rule import Correlation
from correlator.engine.values import compare, text_of
from correlator.engine.windows import Entry, Group
from correlator.hit import ENTITIES
from sensors.event import Event, get, put

GROUPS_LIMIT = 20_000
TOTAL_LIMIT = 400_000
FUTURE_S = 300.0
GROUP_VALUE_LIMIT_CHARS = 512

_Key = tuple[str, ...]  # agency, then the group's values
# What is kept of an event whose window closes later: enough to make the hit.
_KEPT = ("@timestamp", "event.id", "event.ingested", "organization.id", "observer.id", "observer.name", "log.file.path")


@dataclass(frozen=True, slots=True)
class Fired:
    correlation: Correlation
    group: Mapping[str, str]
    event: Event  # the completing event
    entries: Sequence[Entry]
    common: Mapping[str, Any]

    @property
    def time(self) -> float:
        return self.entries[-1].time

    @property
    def values(self) -> int:
        return len({entry.what for entry in self.entries})


class _State:
    """One correlation's groups."""

    def __init__(self, correlation: Correlation, groups_limit: int, total_limit: int) -> None:
        self.rule = correlation
        self.groups: OrderedDict[_Key, Group] = OrderedDict()
        self.evicted = self.ungrouped = self.dropped = 0
        self.total = 0
        self._groups_limit, self._total_limit = groups_limit, total_limit
        self.closes = any(operator not in ("gt", "gte") for operator, _ in correlation.condition)
        least = [int(number) + (operator == "gt") for operator, number in correlation.condition if operator[0] == "g"]
        self.least = max([1, *least])

    def fingerprint(self) -> str:
        rule = self.rule
        told = repr((rule.type, rule.rules, rule.group_by, rule.timespan_s, rule.condition, rule.fields,
                     sorted((alias, sorted(table.items())) for alias, table in rule.aliases.items())))  # fmt: skip
        return hashlib.blake2b(told.encode(), digest_size=12).hexdigest()

    def key(self, event: Event, refs: Mapping[str, View]) -> _Key | None:
        values = []
        for name in self.rule.group_by:
            value = self._value(name, refs)
            if value is None:
                return None
            values.append(value[:GROUP_VALUE_LIMIT_CHARS])
        return (str(get(event, "organization.id") or ""), *values)

    def _value(self, name: str, refs: Mapping[str, View]) -> str | None:
        table = self.rule.aliases.get(name)
        for ref, view in refs.items():
            found = view.value(table[ref] if table and ref in table else name)
            text = ",".join(t for m in members(found) if (t := text_of(m)) is not None) if found is not MISSING else ""
            if text:
                return text
        return None

    def add(self, event: Event, refs: Mapping[str, View], time: float, arrival: float, before: float) -> Fired | None:
        key = self.key(event, refs)
        if key is None:
            self.ungrouped += 1
            return None
        whats = self._whats(refs)
        if not whats:
            return None
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group()
            self._evict()
        self.groups.move_to_end(key)
        self.total -= len(group.entries)
        group.prune(self.rule.timespan_s, before - self.rule.timespan_s)
        _agree(group, event)
        event_id = str(get(event, "event.id") or "")
        added = [Entry(time, arrival, event_id, what) for what in whats]
        for entry in added:
            self.dropped += group.add(entry)
        fired = None
        if self.closes:
            group.last_event = _kept(event)
        else:
            fired = self._check(key, group, added[-1], event)
        self.total += len(group.entries)
        if not group.entries:
            del self.groups[key]
        while self.total > self._total_limit and len(self.groups) > 1:
            self._pop()
        return fired

    def _whats(self, refs: Mapping[str, View]) -> list[str]:
        if self.rule.type == "event_count":
            return [""]
        if self.rule.type == "value_count":
            parts = [self._value(name, refs) for name in self.rule.fields]
            return [] if any(part is None for part in parts) else ["\x00".join(p for p in parts if p is not None)]
        return list(refs)

    def _check(self, key: _Key, group: Group, new: Entry, event: Event) -> Fired | None:
        span = self.rule.timespan_s
        match self.rule.type:
            case "event_count":
                found = windows.enough_events(group.entries, new, span, self.least)
            case "temporal_ordered":
                found = (windows.in_order(group.entries, new, span, self.rule.rules)
                         if len(group.whats) == len(self.rule.rules) else None)  # fmt: skip
            case _:
                found = (windows.enough_values(group.entries, new, span, self.least)
                         if len(group.whats) >= self.least else None)  # fmt: skip
        if found is None:
            return None
        fired = self._fired(key, group, event, found)
        group.consume(found[-1].time)
        return fired

    def _fired(self, key: _Key, group: Group, event: Event, entries: Sequence[Entry]) -> Fired:
        named = dict(zip(self.rule.group_by, key[1:], strict=True))
        return Fired(self.rule, named, event, entries, dict(group.common))

    def close(self, now: float, lateness_s: float) -> Iterator[Fired]:
        """Windows that are over: judged, if the condition has an upper bound; then forgotten."""
        for key, group in list(self.groups.items()):
            if not self.closes:
                if group.last_arrival + self.rule.timespan_s + lateness_s >= now:
                    return  # ordered by touch: the rest is younger
                self.total -= len(group.entries)
                del self.groups[key]
                continue
            while group.entries and group.entries[0].arrival + self.rule.timespan_s + lateness_s < now:
                until = group.entries[0].time + self.rule.timespan_s
                inside = [entry for entry in group.entries if entry.time <= until]
                number = len(inside) if self.rule.type == "event_count" else len({e.what for e in inside})
                if all(compare(number, operator, wanted) for operator, wanted in self.rule.condition):
                    last = {**group.last_event, "event": {**group.last_event.get("event", {}),
                                                          "id": inside[-1].event_id}}  # fmt: skip
                    yield self._fired(key, group, last, inside)
                self.total -= len(inside)
                group.consume(until)
            if not group.entries:
                del self.groups[key]

    def _evict(self) -> None:
        while len(self.groups) > self._groups_limit:
            self._pop()

    def _pop(self) -> None:
        _, group = self.groups.popitem(last=False)
        self.total -= len(group.entries)
        self.evicted += 1


class Correlator:
    def __init__(self, correlations: Sequence[Correlation], *, lateness_s: float = 300.0,
                 groups_limit: int = GROUPS_LIMIT, total_limit: int = TOTAL_LIMIT) -> None:  # fmt: skip
        self.lateness_s = lateness_s
        self._states = [_State(correlation, groups_limit, total_limit) for correlation in correlations]
        self._now = 0.0  # the latest arrival
        self._since_close = 0

    def feed(self, event: Event, matched: Mapping[str, View], time: float, arrival: float) -> list[Fired]:
        """`matched`: rule id → view, of every rule that the event matched."""
        if arrival:
            time = min(time, arrival + FUTURE_S)
        arrival = arrival or time
        self._now = max(self._now, arrival)
        before = self._now - self.lateness_s
        fired: list[Fired] = []
        hits: dict[str, View] = dict(matched)
        for state in self._states:  # what they refer to comes before them
            refs = {name: hits[name] for name in state.rule.rules if name in hits}
            if not refs:
                continue
            found = state.add(event, refs, time, arrival, before)
            if found is not None:
                fired.append(found)
                hits[state.rule.id] = _Chained(found.group, next(iter(refs.values())))
        self._since_close += 1
        if self._since_close >= 1024:
            fired += self.tick(self._now)
        return fired

    def tick(self, now: float) -> list[Fired]:
        """Judge and forget windows that are over by the clock of arrivals."""
        self._since_close = 0
        self._now = max(self._now, now)
        return [fired for state in self._states for fired in state.close(self._now, self.lateness_s)]

    def finish(self) -> list[Fired]:
        """The input is over: every window is."""
        return [fired for state in self._states for fired in state.close(float("inf"), 0.0)]

    def counters(self) -> dict[str, dict[str, int]]:
        return {
            state.rule.id: {
                "groups": len(state.groups),
                "entries": state.total,
                "evicted": state.evicted,
                "dropped": state.dropped,
                "ungrouped": state.ungrouped,
            }
            for state in self._states
        }

    def snapshot(self) -> dict[str, Any]:
        return {"now": self._now, "states": {
            state.rule.id: {
                "is": state.fingerprint(), "evicted": state.evicted, "ungrouped": state.ungrouped,
                "dropped": state.dropped,
                "groups": [[list(key), group.entries, group.common, group.last_arrival, group.last_event]
                           for key, group in state.groups.items()],
            } for state in self._states}}  # fmt: skip

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Take over the state of correlations that are still the same; others begin anew."""
        self._now = max(self._now, snapshot["now"])
        for state in self._states:
            saved = snapshot["states"].get(state.rule.id)
            if saved is None or saved["is"] != state.fingerprint():
                continue
            state.evicted, state.ungrouped, state.dropped = saved["evicted"], saved["ungrouped"], saved["dropped"]
            for key, entries, common, last_arrival, last_event in saved["groups"]:
                group = Group([Entry(*entry) for entry in entries], common=common, last_arrival=last_arrival,
                              last_event=last_event)  # fmt: skip
                group.whats.update(entry.what for entry in group.entries)
                state.groups[tuple(key)] = group
                state.total += len(group.entries)


class _Chained:
    """A correlation as seen by one that refers to it: its group's values, then the completing event."""

    __slots__ = ("_group", "_view")

    def __init__(self, group: Mapping[str, str], view: View) -> None:
        self._group, self._view = group, view

    def value(self, name: str) -> Any:
        return self._group[name] if name in self._group else self._view.value(name)

    def words(self) -> Iterator[Any]:
        return self._view.words()


def _agree(group: Group, event: Event) -> None:
    """Keep only what this event says too."""
    if not group.entries:
        group.common = {path: value for path in ENTITIES if (value := get(event, path)) is not None}
        return
    for path in [path for path, value in group.common.items() if get(event, path) != value]:
        del group.common[path]


def _kept(event: Event) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for path in (*_KEPT, *ENTITIES):
        value = get(event, path)
        if value is not None:
            put(kept, path, value)
    return kept
