"""What one group of one correlation remembers: the entries that a sliding window may still join.

In:  entries (time, arrival, event id, what). Out: the window that completes the condition, or None.
Bound: `ENTRIES_LIMIT` entries a group, the oldest leave first and are counted: a window may only under-count.

Windows are [t, t + timespan], closed at both ends, and start at any entry: no border can split an attack. Entries may
come in any order; each is put in its place by event time and every window that it could complete is looked at.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ENTRIES_LIMIT = 10_000


class Entry(NamedTuple):
    time: float
    arrival: float
    event_id: str
    what: str  # value_count: the value; temporal: the rule's id; else ""


@dataclass(slots=True)
class Group:
    entries: list[Entry] = field(default_factory=list)  # sorted
    whats: Counter[str] = field(default_factory=Counter)
    common: dict[str, Any] = field(default_factory=dict)  # fields on which all its events agree
    last_arrival: float = 0.0
    last_event: dict[str, Any] = field(default_factory=dict)  # only of windows that close by time: see correlations

    def add(self, entry: Entry) -> int:
        """Put the entry in its place; returns how many old ones had to go (0 or 1)."""
        bisect.insort(self.entries, entry)
        self.whats[entry.what] += 1
        self.last_arrival = max(self.last_arrival, entry.arrival)
        if len(self.entries) <= ENTRIES_LIMIT:
            return 0
        self._forget(self.entries[:1])
        del self.entries[:1]
        return 1

    def prune(self, span_s: float, arrived_before: float) -> None:
        """Forget what no window can use: older than the newest by more than the span, and arrived long ago."""
        if not self.entries:
            return
        oldest = self.entries[-1].time - span_s
        if self.entries[0].time < oldest and self.entries[0].arrival < arrived_before:
            kept = [e for e in self.entries if e.time >= oldest or e.arrival >= arrived_before]
            self.entries, self.whats = kept, Counter(e.what for e in kept)

    def consume(self, until: float) -> None:
        """A window has fired: its entries, and older ones, are used up."""
        cut = bisect.bisect_right(self.entries, until, key=lambda entry: entry.time)
        self._forget(self.entries[:cut])
        del self.entries[:cut]
        self.common = {}

    def _forget(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.whats[entry.what] -= 1
            if self.whats[entry.what] <= 0:
                del self.whats[entry.what]


def enough_events(entries: Sequence[Entry], new: Entry, span_s: float, least: int) -> list[Entry] | None:
    """A window with `new` that holds at least `least` entries: all of it, or None."""
    place = bisect.bisect_left(entries, new)
    for first in range(max(0, place - least + 1), place + 1):
        last = first + least - 1
        if last < len(entries) and entries[last].time - entries[first].time <= span_s:
            return _whole(entries, first, span_s)
    return None


def enough_values(entries: Sequence[Entry], new: Entry, span_s: float, least: int) -> list[Entry] | None:
    """A window with `new` that holds at least `least` different values."""
    low = bisect.bisect_left(entries, new.time - span_s, key=lambda entry: entry.time)
    high = bisect.bisect_right(entries, new.time + span_s, key=lambda entry: entry.time)
    seen: Counter[str] = Counter()
    first = low
    for index in range(low, high):
        seen[entries[index].what] += 1
        while entries[index].time - entries[first].time > span_s:
            seen[entries[first].what] -= 1
            if not seen[entries[first].what]:
                del seen[entries[first].what]
            first += 1
        if len(seen) >= least and entries[first].time <= new.time <= entries[index].time:
            return _whole(entries, first, span_s)
    return None


def in_order(entries: Sequence[Entry], new: Entry, span_s: float, rules: Sequence[str]) -> list[Entry] | None:
    """A window in which different events of these rules follow each other; equal times may stand in any order."""
    low = bisect.bisect_left(entries, new.time - span_s, key=lambda entry: entry.time)
    high = bisect.bisect_right(entries, new.time + span_s, key=lambda entry: entry.time)
    near = sorted(entries[low:high], key=lambda entry: (entry.time, rules.index(entry.what)))
    for start, entry in enumerate(near):
        if entry.what != rules[0]:
            continue
        chain = [entry]
        for other in near[start + 1 :]:
            if other.time - entry.time > span_s or len(chain) == len(rules):
                break
            if other.what == rules[len(chain)] and all(other.event_id != one.event_id for one in chain):
                chain.append(other)
        if len(chain) == len(rules) and chain[0].time <= new.time <= chain[-1].time:
            return chain
    return None


def _whole(entries: Sequence[Entry], first: int, span_s: float) -> list[Entry]:
    """All entries of the window that begins at `first`."""
    end = bisect.bisect_right(entries, entries[first].time + span_s, key=lambda entry: entry.time)
    return list(entries[first:end])
