"""What one group of one correlation remembers: columns, sorted by event time.

In:  entries (time, row of arrival and id, what). Out: what is inside a stretch of them.
Bound: the measure's `entries_limit`; the oldest leave first and are counted: a window may only under-count.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from correlator.engine.correlate import rows as records
from correlator.engine.correlate.entities import Shape, Who, shape_of
from correlator.engine.correlate.rows import SIZE, Long

# Measured (README.md): a group of one entry with eight entities, and what each further entry adds.
GROUP_BYTES = 1000
ENTRY_BYTES = 42
TEXT_BYTES = 110  # an entry's text, and its place in the tally
IDS_FIRST, IDS_LAST = 10, 90  # ids that a hit names; its count is always the true number

Column = Any  # list of texts, array of numbers, or None
Moment = tuple[float, str]  # event time and id
_NOBODY = shape_of(())


class Group:
    __slots__ = (
        "cuts",
        "head",
        "last_arrival",
        "long",
        "lost",
        "lost_at",
        "meta",
        "prune_at",
        "rows",
        "shape",
        "size",
        "tally",
        "times",
        "told",
        "values",
        "whats",
    )

    def __init__(self, whats: Column) -> None:
        self.times = array("d")
        self.rows = bytearray()
        self.whats = whats  # None when entries say nothing but that they were
        self.head = 0  # the first entry of the newest window
        self.tally: Any = None  # of the newest window; the measure's
        self.cuts: list[int] = []  # the ends of the windows that fired
        self.told: list[Moment] | None = None  # as the correlations above know these ends, if there are any
        self.lost, self.lost_at = 0, 0.0  # windows that fired and are none any more, and when
        self.shape: Shape = _NOBODY
        self.values: Who = ()  # of the entities on which all its events agree
        self.meta: Who = ()  # of the last event, for windows that are judged when it is gone
        self.last_arrival = 0.0
        self.long: Long | None = None
        self.prune_at = 64
        self.size = GROUP_BYTES

    def insert(self, time: float, row: bytes, what: Any) -> int:
        """Put the entry behind all that are not later; returns its place."""
        times = self.times
        place = bisect_right(times, time)
        times.insert(place, time)
        self.rows[place * SIZE : place * SIZE] = row
        if self.whats is not None:
            self.whats.insert(place, what)
        return place

    def name(self, long: Long) -> None:
        """Remember ids that don't fit a row."""
        self.long = {**(self.long or {}), **long}
        self.size += 600

    def cut(self, first: int, end: int) -> None:
        """Forget the entries [first, end). The caller brings `head`, `tally` and `cuts` up to date."""
        if first >= end:
            return
        self.size -= ENTRY_BYTES * (end - first)
        if self.whats is not None:
            self.size -= sum(map(weight, self.whats[first:end]))
            del self.whats[first:end]
        del self.times[first:end]
        del self.rows[first * SIZE : end * SIZE]
        if self.long:
            left = records.still(self.rows, self.long)
            self.size -= 600 * (len(self.long) - len(left))
            self.long = left or None

    def weighed(self, key: tuple[str, ...]) -> int:
        """The bytes of all of it, by the same estimate as `insert` and `cut` keep up."""
        texts = sum(map(len, key)) + sum(len(value) for value in self.values if isinstance(value, str | list))
        entries = ENTRY_BYTES * len(self.times) + (sum(map(weight, self.whats)) if self.whats is not None else 0)
        return GROUP_BYTES + texts + entries + 600 * len(self.long or ())

    def expired(self, older_than: float, arrived_before: float) -> int:
        """How many at the front are of no use: older than any window, and here for long."""
        times, end = self.times, 0
        while end < len(times) and times[end] < older_than and records.arrival_at(self.rows, end) < arrived_before:
            end += 1
        return end

    def first_arrival(self) -> float:
        return records.arrival_at(self.rows, 0)

    def id_at(self, index: int) -> str:
        return records.id_at(self.rows, index, self.long)

    def since(self, time: float) -> int:
        return bisect_left(self.times, time)

    def until(self, time: float) -> int:
        return bisect_right(self.times, time)


def weight(what: Any) -> int:
    """The bytes that what an entry says takes. Equal texts may share theirs: rather too much than too little."""
    return 0 if what is None else TEXT_BYTES + len(what) if what.__class__ is str else 8


def named(group: Group, picked: Sequence[int]) -> list[str]:
    """The ids of these entries, the first and the last when there are many."""
    few = picked if len(picked) <= IDS_FIRST + IDS_LAST else [*picked[:IDS_FIRST], *picked[-IDS_LAST:]]
    return records.ids(group.rows, few, group.long)
