"""What one read of a log gives, and how it is gathered: items up to a limit, and never a gap in their middle.

In:  the records in order, and word of what could not be read. Out: a `Batch`.
Bound: `limit` items and `limit_bytes`, but at least one item whatever its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sensors.durable.record import Head, Position


class Batch(NamedTuple):
    """`items` in order; read on from `next`. `lost`: items that are missing before the first of `items`: None = none,
    −1 = some, but nobody knows how many."""

    items: list[tuple[Position, bytes]]
    next: Position
    lost: int | None


class Gathering:
    def __init__(self, after: Position, limit: int, limit_bytes: int, expected: int | None) -> None:
        """`expected`: the ordinal of the item behind `after`, when it is known: it makes a gap exact."""
        self.items: list[tuple[Position, bytes]] = []
        self.next, self.expected = after, expected
        self.lost: int | None = None
        self.broken = False  # something behind `next` could not be read
        self.foreign = False  # the file of `after` is gone, or was another log's
        self._limit, self._limit_bytes, self._bytes = limit, limit_bytes, 0

    def damaged(self, head: Head | None, skip: int) -> None:
        """A record, of which `skip` items had been read before, or bytes that are none."""
        if head is not None and self.expected is None and not self.broken:
            self.expected = head.ordinal + skip
        if head is None or skip == 0 or skip < head.items:
            self.broken = True

    def meet(self, ordinal: int) -> bool:
        """The next item that can be read is `ordinal`. False: a gap lies before it, which belongs to the next batch."""
        missing = self.missing(ordinal)
        if missing:
            if self.items:
                return False
            self.lost = missing
        self.broken = self.foreign = False
        self.expected = ordinal
        return True

    def missing(self, ordinal: int) -> int:
        """How many items are missing before `ordinal`; −1: nobody knows."""
        if self.expected is not None:
            return max(0, ordinal - self.expected)
        return -1 if self.foreign or (self.broken and ordinal > 0) else 0

    def has_room(self, size: int) -> bool:
        return len(self.items) < self._limit and (not self.items or self._bytes + size <= self._limit_bytes)

    def take(self, segment: int, offset: int, items: Sequence[bytes], skip: int) -> bool:
        """False: not all of them have room."""
        for at in range(skip, len(items)):
            item = items[at]
            if not self.has_room(len(item)):
                return False
            self.next = Position(segment, offset, at)
            self.items.append((self.next, item))
            self._bytes += len(item)
            assert self.expected is not None
            self.expected += 1
        return True

    def batch(self) -> Batch:
        return Batch(self.items, self.next, self.lost)
