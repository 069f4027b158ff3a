"""One direction of a TCP connection put in order.

In:  segments at relative sequence numbers (1 = first payload byte), acknowledgements of the peer, the end.
Out: `data(bytes)` in order and `gap(length)` for bytes that the peer acknowledged (or that never came) but we did not
see.
Bound: LIMIT_BYTES and LIMIT_SEGMENTS wait above a hole, TOTAL_BYTES above all holes; beyond, the hole is given up as a
gap. The bytes that came
first win an overlap. With `data = None` only lengths are kept (nobody reads this flow).
Source: RFC 9293 §3.4, §3.10.7.4; behaviour at gaps as Zeek's reassembler.
"""

from __future__ import annotations

from bisect import insort
from typing import Protocol

LIMIT_BYTES, LIMIT_SEGMENTS = 1 << 20, 2048
TOTAL_BYTES = 64 << 20


class Sink(Protocol):
    def data(self, forward: bool, data: bytes) -> None: ...

    def gap(self, forward: bool, length: int) -> None: ...


class Budget:
    """What all streams of a pipeline hold together."""

    __slots__ = ("limit", "used")

    def __init__(self, limit: int = TOTAL_BYTES) -> None:
        self.limit = limit
        self.used = 0


class Stream:
    __slots__ = ("_budget", "_pending", "_size", "_trimmed", "next")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.next = 1
        self._trimmed = 1
        self._pending: list[tuple[int, int, bytes]] = []  # start, end, data; sorted
        self._size = 0

    def add(self, start: int, length: int, data: bytes, acked: int, sink: Sink, forward: bool) -> int:
        """A segment; `data` is b"" when nobody reads. Returns the bytes given up on because of the bound."""
        end = start + length
        floor = max(self.next, acked)
        if end <= floor:
            return 0
        if start < floor:
            data, start = data[floor - start :], floor
        if start == self.next:
            self.next = end
            if data:
                sink.data(forward, data)
            if self._pending:
                self._drain(sink, forward)
            return 0
        insort(self._pending, (start, end, data))
        self._size += len(data)
        self._budget.used += len(data)
        fits = self._size <= LIMIT_BYTES and len(self._pending) <= LIMIT_SEGMENTS
        if fits and self._budget.used <= self._budget.limit:
            return 0
        lost = self._pending[0][0] - self.next
        self._skip(self._pending[0][0], sink, forward)
        return lost

    def acknowledged(self, up_to: int, partial: bool, sink: Sink, forward: bool) -> int:
        """The peer has everything below `up_to`. Returns the length of gaps that this reveals."""
        if up_to <= self._trimmed:
            return 0
        self._trimmed = up_to
        if up_to <= self.next:
            return 0
        if up_to <= 2 and partial:
            return 0  # a connection that was running before the capture: its first number is our guess
        lost = 0
        while self._pending and self._pending[0][0] < up_to:
            start = self._pending[0][0]
            lost += max(0, start - self.next)
            self._skip(start, sink, forward)
        if up_to > self.next:
            lost += up_to - self.next
            self._skip(up_to, sink, forward)
        return lost

    def finish(self, sink: Sink, forward: bool) -> None:
        """No more segments will come: what waits above holes is given out."""
        while self._pending:
            self._skip(self._pending[0][0], sink, forward)

    def _skip(self, to: int, sink: Sink, forward: bool) -> None:
        if to > self.next:
            length, self.next = to - self.next, to
            sink.gap(forward, length)
        self._drain(sink, forward)

    def _drain(self, sink: Sink, forward: bool) -> None:
        used = 0
        for start, end, data in self._pending:
            if start > self.next:
                break
            used += 1
            self._size -= len(data)
            self._budget.used -= len(data)
            if end > self.next:
                fresh = data[self.next - start :]
                self.next = end
                if fresh:
                    sink.data(forward, fresh)
        if used:
            del self._pending[:used]
